//! Messages of a conversation: sending, streaming, sources and feedback.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `message.send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageSend {
    /// The current conversation; may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// What the user says; may be empty with a quick reply.
    #[serde(default)]
    pub text: String,
    /// The quick reply that was clicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quick_reply_id: Option<String>,
}

/// `message.regenerate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRegenerate {
    /// The answer to be given again.
    pub message_id: String,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user.
    User,
    /// The agent.
    Agent,
}

/// `message.started`: an answer begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageStarted {
    /// The message.
    pub message_id: String,
    /// Whose it is.
    pub role: Role,
    /// The run that writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Which attempt it is, from 1, when it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<u32>,
}

/// `message.delta`: a further piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDelta {
    /// The message.
    pub message_id: String,
    /// Markdown that continues it.
    pub delta: String,
    /// Sources that hold for the text up to here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<u32>,
    /// The first of the events that were merged into this one, when there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_seq: Option<u64>,
}

/// `message.completed`: a whole message. It replaces what was streamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageCompleted {
    /// The message.
    pub message_id: String,
    /// Whose it is.
    pub role: Role,
    /// Its text, in Markdown when it is the agent's.
    pub text: String,
    /// Its sources.
    #[serde(default)]
    pub citations: Vec<Citation>,
    /// Replies that are one click away.
    #[serde(default)]
    pub quick_replies: Vec<QuickReply>,
    /// Why it ends here.
    pub finish_reason: FinishReason,
    /// The first of the events that this one stands for in a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_seq: Option<u64>,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// Why a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It is all there.
    Complete,
    /// It broke off.
    Interrupted,
    /// The user stopped it.
    Cancelled,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// Its number within the message, from 1.
    #[serde(rename = "ref")]
    pub number: u32,
    /// The source.
    pub source_id: String,
    /// Its title.
    pub title: String,
    /// Where a reader finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its beginning.
    pub snippet: String,
    /// What it is: `article`.
    pub kind: String,
}

/// `citation.added`: a source, before the delta that cites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitationAdded {
    /// The message that cites it.
    pub message_id: String,
    /// The source.
    #[serde(flatten)]
    pub citation: Citation,
}

/// A reply that is one click away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuickReply {
    /// To be sent as `quick_reply_id`.
    pub id: String,
    /// What stands on it, to be sent as `text`.
    pub text: String,
}

/// `feedback.set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackSet {
    /// The answer that is judged.
    pub message_id: String,
    /// The judgement; null takes it back.
    #[serde(default)]
    pub value: Option<FeedbackValue>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A judgement of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackValue {
    /// It helped.
    Up,
    /// It did not.
    Down,
}
