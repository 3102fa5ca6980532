//! Past messages, and the state of a conversation as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::ActionRequested;
use super::message::{FeedbackValue, MessageCompleted};
use super::run::RunStarted;

/// `history.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryGet {
    /// The conversation.
    pub conversation_id: String,
    /// Only messages before this event.
    pub before_seq: u64,
    /// At most so many.
    pub limit: u32,
}

/// `history.page`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    /// In order.
    pub messages: Vec<MessageCompleted>,
    /// Whether there are earlier ones.
    pub has_more: bool,
    /// The event of the first message: ask for what is before it to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<u64>,
}

/// `conversation.snapshot`: replaces everything that the client shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationSnapshot {
    /// In order.
    pub messages: Vec<MessageCompleted>,
    /// Actions that are still open.
    pub pending_actions: Vec<ActionRequested>,
    /// The run that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_run: Option<RunStarted>,
    /// The last event that the snapshot contains.
    pub as_of_seq: u64,
    /// The event of the first message; earlier ones come with `history.get`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<u64>,
}

/// `message.feedback`: a judgement was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageFeedback {
    /// The answer that is judged.
    pub message_id: String,
    /// The judgement; null when it was taken back.
    pub value: Option<FeedbackValue>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
