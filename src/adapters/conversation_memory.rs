//! Conversations in memory: for a first try and for tests. Everything is lost when
//! the process ends, so each process has an epoch of its own.
//!
//! The store is bounded by the number of conversations, of events in each, and of
//! bytes. To stay within, it forgets conversations that nobody follows, those that
//! were left longest ago first; what somebody follows is never forgotten.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::ids::{ConversationId, UserId};
use crate::ports::conversation_store::{ConversationStore, LogPosition, StoreError, StoredEvent};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBounds {
    /// Conversations.
    pub conversations: usize,
    /// Events of one conversation.
    pub events: usize,
    /// Bytes of all events.
    pub bytes: usize,
}

impl Default for MemoryBounds {
    fn default() -> Self {
        Self { conversations: 50_000, events: 20_000, bytes: 512 * 1024 * 1024 }
    }
}

/// Conversations in memory.
///
/// One lock holds everything: each operation is a few map accesses and no waiting,
/// and a lock per conversation would still need one around the map.
#[derive(Debug)]
pub struct ConversationMemory {
    epoch: String,
    bounds: MemoryBounds,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    logs: HashMap<ConversationId, Log>,
    /// Those that nobody follows, by when they were left.
    released: BTreeMap<u64, ConversationId>,
    releases: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Log {
    user: UserId,
    frames: Vec<Box<str>>,
    bytes: usize,
    released: Option<u64>,
}

impl ConversationMemory {
    /// An empty store; `epoch` must differ from that of every other one.
    pub fn new(epoch: String, bounds: MemoryBounds) -> Self {
        Self { epoch, bounds, inner: Mutex::default() }
    }

    /// How many conversations it holds.
    pub fn len(&self) -> usize {
        self.lock().logs.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every change is complete before the lock is given back, so what a panic
    /// elsewhere left behind is sound.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of(&self, conversation: &ConversationId, log: &Log) -> LogPosition {
        LogPosition { conversation: conversation.clone(), epoch: self.epoch.clone(), seq: log.frames.len() as u64 }
    }
}

impl Inner {
    /// Forgets the conversation that was left longest ago; `false` when all are followed.
    fn forget_one(&mut self, except: Option<&ConversationId>) -> bool {
        let oldest = self.released.iter().find(|(_, id)| Some(*id) != except).map(|(at, _)| *at);
        let Some(id) = oldest.and_then(|at| self.released.remove(&at)) else { return false };
        if let Some(log) = self.logs.remove(&id) {
            self.bytes -= log.bytes;
        }
        true
    }
}

#[async_trait]
impl ConversationStore for ConversationMemory {
    async fn create(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError> {
        let mut inner = self.lock();
        if inner.logs.contains_key(conversation) {
            return Err(StoreError::Failed("the conversation exists".to_owned()));
        }
        while inner.logs.len() >= self.bounds.conversations {
            if !inner.forget_one(None) {
                return Err(StoreError::Full("every conversation is followed"));
            }
        }
        let log = Log { user: user.clone(), frames: Vec::new(), bytes: 0, released: None };
        let position = self.end_of(conversation, &log);
        inner.logs.insert(conversation.clone(), log);
        Ok(position)
    }

    async fn position(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError> {
        let mut inner = self.lock();
        let Some(log) = inner.logs.get_mut(conversation).filter(|log| log.user == *user) else {
            return Err(StoreError::NotFound);
        };
        let released = log.released.take();
        let position = self.end_of(conversation, log);
        if let Some(at) = released {
            inner.released.remove(&at);
        }
        Ok(position)
    }

    async fn append(&self, conversation: &ConversationId, frames: Vec<String>) -> Result<u64, StoreError> {
        let mut inner = self.lock();
        let Some(log) = inner.logs.get(conversation) else { return Err(StoreError::NotFound) };
        if log.frames.len() + frames.len() > self.bounds.events {
            return Err(StoreError::Full("the conversation is too long"));
        }
        let added: usize = frames.iter().map(String::len).sum();
        while inner.bytes + added > self.bounds.bytes {
            if !inner.forget_one(Some(conversation)) {
                return Err(StoreError::Full("no more bytes"));
            }
        }
        inner.bytes += added;
        let Some(log) = inner.logs.get_mut(conversation) else { return Err(StoreError::NotFound) };
        log.bytes += added;
        log.frames.extend(frames.into_iter().map(String::into_boxed_str));
        Ok(log.frames.len() as u64)
    }

    async fn read_after(
        &self,
        conversation: &ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let inner = self.lock();
        let Some(log) = inner.logs.get(conversation) else { return Err(StoreError::NotFound) };
        let start = usize::try_from(after).unwrap_or(usize::MAX).min(log.frames.len());
        let events = (after.saturating_add(1)..).zip(log.frames[start..].iter().take(limit));
        Ok(events.map(|(seq, frame)| StoredEvent { seq, frame: frame.to_string() }).collect())
    }

    async fn release(&self, conversation: &ConversationId) {
        let mut inner = self.lock();
        inner.releases += 1;
        let at = inner.releases;
        let Some(log) = inner.logs.get_mut(conversation) else { return };
        if log.released.is_none() {
            log.released = Some(at);
            inner.released.insert(at, conversation.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> ConversationId {
        ConversationId::new(&format!("c{n}")).expect("an id")
    }

    #[tokio::test]
    async fn forgets_only_what_nobody_follows() {
        let user = UserId::new("u").expect("an id");
        let bounds = MemoryBounds { conversations: 2, events: 3, bytes: 10 };
        let store = ConversationMemory::new("e".to_owned(), bounds);
        store.create(&id(0), &user).await.expect("room");
        store.create(&id(1), &user).await.expect("room");
        assert!(matches!(store.create(&id(2), &user).await, Err(StoreError::Full(_))));
        store.release(&id(0)).await;
        store.release(&id(1)).await;
        store.position(&id(0), &user).await.expect("still there");
        store.create(&id(2), &user).await.expect("the released one made room");
        assert!(matches!(store.position(&id(1), &user).await, Err(StoreError::NotFound)));

        let frames = |n: usize, bytes: usize| vec!["x".repeat(bytes); n];
        assert!(matches!(store.append(&id(0), frames(4, 1)).await, Err(StoreError::Full(_))));
        assert_eq!(store.append(&id(0), frames(2, 4)).await.ok(), Some(2));
        assert!(matches!(store.append(&id(2), frames(1, 4)).await, Err(StoreError::Full(_))));
        store.release(&id(0)).await;
        assert_eq!(store.append(&id(2), frames(1, 4)).await.ok(), Some(1));
        assert_eq!(store.len(), 1);
    }
}
