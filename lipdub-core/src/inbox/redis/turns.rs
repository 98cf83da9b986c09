use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dedupe::ClaimToken;

/// In which partition a request for events begins: each process goes round by itself.
///
/// One that is repeated begins where it did before, though its first call may still be on its way. Otherwise the two
/// would fill the limit with different events.
#[derive(Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    next: usize,
    unanswered: VecDeque<(ClaimToken, usize)>,
}

/// Of how many requests to remember that their answers are not there. Those that are dropped stay among them.
const MOST: usize = 256;

impl Turns {
    /// The partition with which the request of this token begins.
    pub(super) fn begin(&self, token: ClaimToken) -> usize {
        let mut state = self.state();
        if let Some((_, first)) = state.unanswered.iter().find(|(other, _)| *other == token) {
            return *first;
        }
        let first = state.next;
        state.unanswered.truncate(MOST - 1);
        state.unanswered.push_front((token, first));
        first
    }

    /// Makes it another partition's turn.
    pub(super) fn go_on_with(&self, partition: usize) {
        self.state().next = partition;
    }

    /// Forgets a request that was answered.
    pub(super) fn end(&self, token: ClaimToken) {
        self.state().unanswered.retain(|(other, _)| *other != token);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing can panic between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
