//! What the handlers did, written down by them and read by the story.

use std::sync::Arc;

use tokio::sync::watch;

/// Notes of what happened. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    notes: Arc<watch::Sender<Vec<String>>>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { notes: Arc::new(watch::Sender::new(Vec::new())) }
    }

    pub(crate) fn note(&self, note: String) {
        self.notes.send_modify(|notes| notes.push(note));
    }

    /// Waits until there is a note that begins like this.
    pub(crate) async fn until(&self, beginning: &str) {
        let has_it = |notes: &Vec<String>| notes.iter().any(|note| note.starts_with(beginning));
        // It ends early only if the sender is gone, and we hold that ourselves.
        let _ = self.notes.subscribe().wait_for(has_it).await;
    }

    /// Takes all notes out, as one line.
    pub(crate) fn take(&self) -> String {
        let notes = self.notes.send_replace(Vec::new());
        if notes.is_empty() { "not called".to_owned() } else { notes.join(", ") }
    }
}
