use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::dedupe::ClaimToken;

/// In which partition a request for events begins: each process goes round by itself.
#[derive(Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    next: usize,
    unanswered: VecDeque<(ClaimToken, Arc<Way>)>,
}

/// How a request goes, each time that it is made until it is answered.
pub(super) struct Way {
    /// The partition with which it begins: what a call that was dropped still does there is what the next one asks.
    pub(super) first: usize,
    /// Held while it goes: two at once would each take what the other does not know of.
    pub(super) going: tokio::sync::Mutex<()>,
}

/// Of how many requests to remember that they have no answer. Those that are dropped stay among them.
const MOST: usize = 256;

impl Turns {
    pub(super) fn way(&self, token: ClaimToken) -> Arc<Way> {
        let mut state = self.state();
        if let Some((_, way)) = state.unanswered.iter().find(|(other, _)| *other == token) {
            return Arc::clone(way);
        }
        let way = Arc::new(Way { first: state.next, going: tokio::sync::Mutex::default() });
        state.unanswered.truncate(MOST - 1);
        state.unanswered.push_front((token, Arc::clone(&way)));
        way
    }

    /// Makes it another partition's turn.
    pub(super) fn go_on_with(&self, partition: usize) {
        self.state().next = partition;
    }

    /// Forgets a request that was answered, unless it is made again already.
    pub(super) fn end(&self, token: ClaimToken) {
        let is_made_again = |way: &Arc<Way>| Arc::strong_count(way) > 2;
        self.state().unanswered.retain(|(other, way)| *other != token || is_made_again(way));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing can panic between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
