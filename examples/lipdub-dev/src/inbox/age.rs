//! How long ago, for people.

use std::time::Duration;

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// In the two greatest units, such as `3 d 4 h`.
pub(super) fn age(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let parts = UNITS.map(|(seconds, unit)| {
        let count = rest / seconds;
        rest %= seconds;
        (count, unit)
    });
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(UNITS.len() - 1);
    let shown = parts.iter().skip(first).take(2).enumerate();
    let shown = shown.filter(|(index, (count, _))| *index == 0 || *count > 0);
    shown.map(|(_, (count, unit))| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_the_two_greatest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_659, "1 h"),
            (7_500, "2 h 5 min"),
            (86_399, "23 h 59 min"),
            (86_400 * 30 + 3_600 * 4 + 59, "30 d 4 h"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), told);
        }
    }
}
