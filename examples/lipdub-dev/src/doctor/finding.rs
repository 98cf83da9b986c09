/// What one check found.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The check's name, which stays as it is.
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) found: String,
    pub(crate) todo: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Warning,
    /// The answers do not tell. That is no fault: nobody has to.
    Unseen,
    Failed,
    Skipped,
}

impl Verdict {
    /// Whether all can be well with this.
    pub(crate) fn is_well(self, is_strict: bool) -> bool {
        match self {
            Self::Failed => false,
            Self::Warning => !is_strict,
            Self::Passed | Self::Unseen | Self::Skipped => true,
        }
    }
}

/// A check that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check(pub(crate) &'static str);

impl Check {
    pub(crate) fn passed(self, found: impl Into<String>) -> Finding {
        self.finding(Verdict::Passed, found, None)
    }

    pub(crate) fn warns(self, found: impl Into<String>, todo: &'static str) -> Finding {
        self.finding(Verdict::Warning, found, Some(todo))
    }

    pub(crate) fn unseen(self, found: impl Into<String>, todo: &'static str) -> Finding {
        self.finding(Verdict::Unseen, found, Some(todo))
    }

    pub(crate) fn failed(self, found: impl Into<String>, todo: &'static str) -> Finding {
        self.finding(Verdict::Failed, found, Some(todo))
    }

    pub(crate) fn skipped(self, why: impl Into<String>) -> Finding {
        self.finding(Verdict::Skipped, why, None)
    }

    fn finding(self, verdict: Verdict, found: impl Into<String>, todo: Option<&'static str>) -> Finding {
        Finding { check: self.0, verdict, found: found.into(), todo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_well_even_if_one_is_strict() {
        assert!(Verdict::Unseen.is_well(true) && Verdict::Skipped.is_well(true));
        assert!(Verdict::Warning.is_well(false) && !Verdict::Warning.is_well(true));
        assert!(!Verdict::Failed.is_well(false));
    }
}
