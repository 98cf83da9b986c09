use std::fmt;

use super::LipDub;
use crate::testing::record::Fate;
use crate::testing::sample::Sample;

impl LipDub {
    /// Sees to it that an event was handled, and not more than once.
    ///
    /// It goes by the answers of a receiver that says what it did, as every one of this crate does. Answers
    /// that LipDub did not get count as well.
    ///
    /// # Panics
    ///
    /// If it was not, with the story of the event.
    #[track_caller]
    pub fn assert_handled_once(&self, event: &Sample) {
        let story = self.story(event);
        let times = story.times_handled();
        assert!(times == 1, "the event should have been handled once, and was {}\n{story}", Times(times));
    }

    /// Sees to it that each event that was sent was handled, and not more than once.
    ///
    /// # Panics
    ///
    /// If one was not, with the story of the event.
    #[track_caller]
    pub fn assert_each_handled_once(&self) {
        for story in self.stories() {
            self.assert_handled_once(story.event());
        }
    }

    /// Sees to it that an event was last answered with 200 `ignored`.
    ///
    /// # Panics
    ///
    /// If it was not, with the story of the event.
    #[track_caller]
    pub fn assert_ignored(&self, event: &Sample) {
        self.assert_last(event, "ignored");
    }

    /// Sees to it that an event was last answered with 200 `rejected`.
    ///
    /// # Panics
    ///
    /// If it was not, with the story of the event.
    #[track_caller]
    pub fn assert_rejected(&self, event: &Sample) {
        self.assert_last(event, "rejected");
    }

    /// Sees to it that an event is in the dead letter queue.
    ///
    /// # Panics
    ///
    /// If it is not, with the story of the event.
    #[track_caller]
    pub fn assert_dead(&self, event: &Sample) {
        let story = self.story(event);
        let is_dead = story.fate() == Some(Fate::Dead);
        assert!(is_dead, "the event should be in the dead letter queue, and is not\n{story}");
    }

    /// Sees to it that LipDub knows of each event that it was delivered: the dead letter queue is empty.
    ///
    /// # Panics
    ///
    /// If one was not, with the story of the event.
    #[track_caller]
    pub fn assert_nothing_dead(&self) {
        if let Some(dead) = self.dead_letters().first() {
            panic!("the dead letter queue should be empty, and is not\n{}", self.story(dead));
        }
    }

    #[track_caller]
    fn assert_last(&self, event: &Sample, expected: &str) {
        let story = self.story(event);
        let status = story.last_status();
        let is_right = status.as_deref() == Some(expected);
        assert!(is_right, "the event should have been answered `{expected}` at last, and was not\n{story}");
    }
}

struct Times(usize);

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str("never"),
            times => write!(formatter, "handled {times} times"),
        }
    }
}
