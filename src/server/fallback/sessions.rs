//! The sessions over HTTP that go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::session::Call;

/// The sessions that go on, by their names, which nobody can guess.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, mpsc::Sender<Call>>>,
}

/// A session's entry among them; it is gone once this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    sessions: Arc<Sessions>,
    id: String,
}

impl Sessions {
    /// One more session, unless there are `most`.
    pub(super) fn enter(self: &Arc<Self>, id: &str, calls: mpsc::Sender<Call>, most: usize) -> Option<Entry> {
        let mut open = self.lock();
        if open.len() >= most {
            return None;
        }
        open.insert(id.to_owned(), calls);
        Some(Entry { sessions: self.clone(), id: id.to_owned() })
    }

    /// Where to ask a session.
    pub(super) fn find(&self, id: &str) -> Option<mpsc::Sender<Call>> {
        self.lock().get(id).cloned()
    }

    /// The lock is held for map accesses, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Call>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.id);
    }
}
