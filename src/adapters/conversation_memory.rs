//! Conversations in memory: for a first try and for tests. Everything is lost when
//! the process ends, so each process has an epoch of its own.
//!
//! The store is bounded by the number of conversations, of events in each, and of
//! bytes. To stay within, it forgets conversations that nobody follows, those that
//! were left longest ago first; what somebody follows is never forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::{AutomationId, ConversationId, PostId, UserId};
use crate::ports::conversation_store::{
    ConversationStore, Inactive, Keep, LogPosition, NewEvent, StoreError, StoredEvent,
};

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
    /// Without one, no conversation is ever inactive.
    clock: Option<fn() -> Timestamp>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    logs: HashMap<ConversationId, Log>,
    /// Those that nobody follows, by when they were left.
    released: BTreeMap<u64, ConversationId>,
    releases: u64,
    bytes: usize,
    automation_runs: BTreeMap<AutomationId, u64>,
    seen: BTreeSet<(UserId, PostId)>,
}

#[derive(Debug)]
struct Log {
    user: UserId,
    /// How often the epoch was changed.
    renewals: u32,
    /// In order; their numbers have gaps where passing ones were.
    events: Vec<Event>,
    /// Number of the last event.
    seq: u64,
    /// The place of the first one that passes, or beyond all.
    first_passing: usize,
    bytes: usize,
    released: Option<u64>,
    /// When something happened last, in seconds since 1970.
    changed: i64,
}

#[derive(Debug)]
struct Event {
    seq: u64,
    frame: Box<str>,
    fingerprint: Option<u64>,
    passes: bool,
}

impl Log {
    fn append(&mut self, event: NewEvent) {
        let NewEvent { frame, keep, fingerprint, .. } = event;
        if keep == Keep::Whole {
            let end = self.events.split_off(self.first_passing.min(self.events.len()));
            self.bytes -= end.iter().filter(|event| event.passes).map(|event| event.frame.len()).sum::<usize>();
            self.events.extend(end.into_iter().filter(|event| !event.passes));
            self.first_passing = usize::MAX;
        }
        let passes = keep == Keep::Passing;
        if passes {
            self.first_passing = self.first_passing.min(self.events.len());
        }
        self.seq += 1;
        self.bytes += frame.len();
        self.events.push(Event { seq: self.seq, frame: frame.into_boxed_str(), fingerprint, passes });
    }

    /// How many events there are before number `seq`.
    fn before(&self, seq: u64) -> usize {
        self.events.partition_point(|event| event.seq < seq)
    }
}

impl ConversationMemory {
    /// An empty store; `epoch` must differ from that of every other one.
    pub fn new(epoch: String, bounds: MemoryBounds) -> Self {
        Self { epoch, bounds, clock: None, inner: Mutex::default() }
    }

    /// The same, which notes when something happens.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// In seconds since 1970.
    fn now(&self) -> i64 {
        self.clock.map_or(i64::MAX, |clock| clock().as_second())
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
        let epoch = match log.renewals {
            0 => self.epoch.clone(),
            renewals => format!("{}.{renewals}", self.epoch),
        };
        LogPosition { conversation: conversation.clone(), epoch, seq: log.seq }
    }
}

impl Inner {
    /// Forgets the conversation that was left longest ago; `false` when all are followed.
    fn forget_one(&mut self, except: Option<&ConversationId>) -> bool {
        let oldest = self.released.iter().find(|(_, id)| Some(*id) != except).map(|(at, _)| *at);
        let Some(id) = oldest.and_then(|at| self.released.get(&at).cloned()) else { return false };
        self.forget(&id);
        true
    }

    fn forget(&mut self, id: &ConversationId) -> Option<Log> {
        let log = self.logs.remove(id)?;
        self.bytes -= log.bytes;
        if let Some(at) = log.released {
            self.released.remove(&at);
        }
        Some(log)
    }
}

fn stored(events: &[Event]) -> Vec<StoredEvent> {
    let stored =
        |event: &Event| StoredEvent { seq: event.seq, frame: event.frame.to_string(), fingerprint: event.fingerprint };
    events.iter().map(stored).collect()
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
        let changed = self.now();
        let log = Log {
            user: user.clone(),
            renewals: 0,
            events: Vec::new(),
            seq: 0,
            first_passing: usize::MAX,
            bytes: 0,
            released: None,
            changed,
        };
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

    async fn append(&self, conversation: &ConversationId, events: Vec<NewEvent>) -> Result<u64, StoreError> {
        let mut inner = self.lock();
        let Some(log) = inner.logs.get(conversation) else { return Err(StoreError::NotFound) };
        if log.events.len() + events.len() > self.bounds.events {
            return Err(StoreError::Full("the conversation is too long"));
        }
        let added: usize = events.iter().map(|event| event.frame.len()).sum();
        while inner.bytes + added > self.bounds.bytes {
            if !inner.forget_one(Some(conversation)) {
                return Err(StoreError::Full("no more bytes"));
            }
        }
        for automation in events.iter().filter_map(|event| event.begins.clone()) {
            *inner.automation_runs.entry(automation).or_default() += 1;
        }
        let Some(log) = inner.logs.get_mut(conversation) else { return Err(StoreError::NotFound) };
        let before = log.bytes;
        log.changed = self.now();
        events.into_iter().for_each(|event| log.append(event));
        let (seq, after) = (log.seq, log.bytes);
        inner.bytes = inner.bytes + after - before;
        Ok(seq)
    }

    async fn read_after(
        &self,
        conversation: &ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let inner = self.lock();
        let Some(log) = inner.logs.get(conversation) else { return Err(StoreError::NotFound) };
        let start = log.before(after.saturating_add(1));
        let end = log.events.len().min(start.saturating_add(limit));
        Ok(stored(&log.events[start..end]))
    }

    async fn read_before(
        &self,
        conversation: &ConversationId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let inner = self.lock();
        let Some(log) = inner.logs.get(conversation) else { return Err(StoreError::NotFound) };
        let end = log.before(before);
        Ok(stored(&log.events[end.saturating_sub(limit)..end]))
    }

    async fn runs_since(&self, user: Option<&UserId>, since: &str) -> Result<u64, StoreError> {
        let inner = self.lock();
        let logs = inner.logs.values().filter(|log| user.is_none_or(|user| log.user == *user));
        let events = logs.flat_map(|log| &log.events);
        let begins = |frame: &str| {
            frame.contains("\"run.started\"")
                && serde_json::from_str::<serde_json::Value>(frame).is_ok_and(|frame| {
                    frame["type"] == "run.started" && frame["ts"].as_str().is_some_and(|ts| ts >= since)
                })
        };
        Ok(events.filter(|event| begins(&event.frame)).count() as u64)
    }

    async fn automation_runs(&self) -> Result<BTreeMap<AutomationId, u64>, StoreError> {
        Ok(self.lock().automation_runs.clone())
    }

    async fn see_post(&self, user: &UserId, post: &PostId) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.seen.len() >= self.bounds.conversations {
            inner.seen.pop_first();
        }
        inner.seen.insert((user.clone(), post.clone()));
        Ok(())
    }

    async fn seen_posts(&self, user: &UserId) -> Result<Vec<PostId>, StoreError> {
        let inner = self.lock();
        Ok(inner.seen.iter().filter(|(owner, _)| owner == user).map(|(_, post)| post.clone()).collect())
    }

    async fn inactive(
        &self,
        before: Timestamp,
        after: Option<&Inactive>,
        limit: usize,
    ) -> Result<Vec<Inactive>, StoreError> {
        let inner = self.lock();
        let last = after.map(|after| (after.since.as_second(), &after.conversation));
        let mut found: Vec<_> = inner
            .logs
            .iter()
            .map(|(id, log)| (log.changed, id))
            .filter(|found| found.0 < before.as_second() && last.is_none_or(|last| *found > last))
            .collect();
        found.sort_unstable();
        found.truncate(limit);
        let inactive = |(changed, id): (i64, &ConversationId)| {
            let since = Timestamp::from_second(changed).unwrap_or_default();
            Inactive { conversation: id.clone(), since }
        };
        Ok(found.into_iter().map(inactive).collect())
    }

    async fn remove(&self, conversation: &ConversationId, before: Timestamp) -> Result<bool, StoreError> {
        let mut inner = self.lock();
        let is_inactive = inner.logs.get(conversation).is_some_and(|log| log.changed < before.as_second());
        let Some(log) = is_inactive.then(|| inner.forget(conversation)).flatten() else { return Ok(false) };
        if !inner.logs.values().any(|other| other.user == log.user) {
            inner.seen.retain(|(user, _)| *user != log.user);
        }
        Ok(true)
    }

    async fn renew(&self, conversation: &ConversationId) -> Result<LogPosition, StoreError> {
        let mut inner = self.lock();
        let Some(log) = inner.logs.get_mut(conversation) else { return Err(StoreError::NotFound) };
        log.renewals += 1;
        Ok(self.end_of(conversation, log))
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
    use crate::ports::conversation_store::Keep;

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

        let frames = |n: usize, bytes: usize| {
            vec![NewEvent { frame: "x".repeat(bytes), keep: Keep::Lasting, fingerprint: None, begins: None }; n]
        };
        assert!(matches!(store.append(&id(0), frames(4, 1)).await, Err(StoreError::Full(_))));
        assert_eq!(store.append(&id(0), frames(2, 4)).await.ok(), Some(2));
        assert!(matches!(store.append(&id(2), frames(1, 4)).await, Err(StoreError::Full(_))));
        store.release(&id(0)).await;
        assert_eq!(store.append(&id(2), frames(1, 4)).await.ok(), Some(1));
        assert_eq!(store.len(), 1);
    }
}
