//! Keeps what happened in conversations, as one append-only log each, and which posts
//! their users have seen.
//!
//! A log is identified by its conversation and epoch. Its events are numbered
//! from 1. What lasts is on disk once `append` returns, where the store has a disk.
//! What does not last, the pieces of an answer on its way, is there for every read
//! until the process ends or an event that lasts contains it. After the process has
//! ended, the numbers of pieces that nothing lasting came after are given again: a log
//! that ends with an open run needs a new epoch then.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::{AutomationId, ConversationId, PostId, UserId};

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The conversation.
    pub conversation: ConversationId,
    /// Changes when the log was lost or rewritten; cursors of another epoch are void.
    pub epoch: String,
    /// Number of the last event, 0 when there is none.
    pub seq: u64,
}

/// One event to be appended to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its frame, a JSON object without `seq`.
    pub frame: String,
    /// How long it is kept.
    pub keep: Keep,
    /// Tells the content of the command that it answers.
    pub fingerprint: Option<u64>,
    /// The automation whose steps begin with it, to be counted with the event.
    pub begins: Option<AutomationId>,
}

/// How long an event is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For good.
    Lasting,
    /// For good, and it contains the passing events before it.
    Whole,
    /// Until the process ends or an event contains it.
    Passing,
}

/// One event of a log, as the server sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub seq: u64,
    /// Its frame, a JSON object without `seq`.
    pub frame: String,
    /// See [`NewEvent::fingerprint`].
    pub fingerprint: Option<u64>,
}

/// A conversation in which nothing has happened since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inactive {
    /// The conversation.
    pub conversation: ConversationId,
    /// When something happened last, to the minute.
    pub since: Timestamp,
}

/// Why a log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such conversation of this user.
    #[error("the conversation does not exist")]
    NotFound,
    /// The store holds as much as its limits allow.
    #[error("the conversation store is full: {0}")]
    Full(&'static str),
    /// The storage itself failed; the cause is for the log.
    #[error("the conversation store failed: {0}")]
    Failed(String),
}

/// A store of conversations.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Starts a conversation of `user`, whose log is empty.
    ///
    /// # Errors
    /// When the store is full or fails.
    async fn create(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError>;

    /// The end of the log of a conversation of `user`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also when it is another user's.
    async fn position(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError>;

    /// Appends events in order, and returns the number of the last one.
    ///
    /// # Errors
    /// When it fails, nothing was appended.
    async fn append(&self, conversation: &ConversationId, events: Vec<NewEvent>) -> Result<u64, StoreError>;

    /// The events after number `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// When the conversation is unknown or the store fails.
    async fn read_after(
        &self,
        conversation: &ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// The last events before number `before`, in order, at most `limit`.
    ///
    /// # Errors
    /// When the conversation is unknown or the store fails.
    async fn read_before(
        &self,
        conversation: &ConversationId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// How many runs began in the conversations of `user`, or in all without one, since
    /// `since`, an RFC 3339 time in UTC.
    ///
    /// # Errors
    /// When the store fails.
    async fn runs_since(&self, user: Option<&UserId>, since: &str) -> Result<u64, StoreError>;

    /// How often the steps of each automation have begun, in all conversations there
    /// ever were.
    ///
    /// # Errors
    /// When the store fails.
    async fn automation_runs(&self) -> Result<BTreeMap<AutomationId, u64>, StoreError>;

    /// Notes that `user` has seen a post.
    ///
    /// # Errors
    /// When the store is full or fails.
    async fn see_post(&self, user: &UserId, post: &PostId) -> Result<(), StoreError>;

    /// The posts that `user` has seen, in no order.
    ///
    /// # Errors
    /// When the store fails.
    async fn seen_posts(&self, user: &UserId) -> Result<Vec<PostId>, StoreError>;

    /// Conversations in which nothing has happened since `before`, those of longest ago
    /// first, at most `limit`; those after the one that was found last.
    ///
    /// # Errors
    /// When the store fails.
    async fn inactive(
        &self,
        before: Timestamp,
        after: Option<&Inactive>,
        limit: usize,
    ) -> Result<Vec<Inactive>, StoreError>;

    /// Removes a conversation with all that belongs to it, unless something has happened
    /// in it since `before`, to the minute; and with the last one of a user the posts that they have
    /// seen. Tells whether it was removed.
    ///
    /// # Errors
    /// When the store fails; then nothing was removed.
    async fn remove(&self, conversation: &ConversationId, before: Timestamp) -> Result<bool, StoreError>;

    /// Gives the log another epoch, since events that somebody may have seen are lost.
    ///
    /// # Errors
    /// When the conversation is unknown or the store fails.
    async fn renew(&self, conversation: &ConversationId) -> Result<LogPosition, StoreError>;

    /// Tells that nobody follows the conversation at present: a store of bounded
    /// size may forget it, until [`ConversationStore::position`] asks for it again.
    async fn release(&self, conversation: &ConversationId);
}
