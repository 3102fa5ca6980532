//! A language model that continues a conversation, piece by piece.
//!
//! What it writes is untrusted: tool calls arrive as the model wrote them, and
//! nothing in them is checked or repaired here.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// What the model may call.
    pub tools: Vec<ToolDefinition>,
    /// The form that the answer should have, where the model can be held to one.
    pub form: Option<AnswerForm>,
    /// Most tokens that it may write.
    pub max_output_tokens: u32,
}

/// One message to a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatMessage {
    /// What the operator wants.
    System(String),
    /// What the user said.
    User(String),
    /// What the model said and called before.
    Assistant {
        /// Its words; may be empty.
        text: String,
        /// Its calls.
        calls: Vec<ToolCall>,
    },
    /// What came of a call.
    ToolResult {
        /// The call.
        call_id: String,
        /// What it gave, for the model.
        content: String,
    },
}

/// Something that a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDefinition {
    /// Its name: letters, digits, `_` and `-`.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// A form of an answer. Models that cannot be held to one answer without it, so what
/// they write is to be checked in any case.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerForm {
    /// Its name: letters, digits, `_` and `-`.
    pub name: &'static str,
    /// JSON Schema of the answer, an object.
    pub schema: Value,
}

/// A call as the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Names it within the answer; never empty.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// Its arguments: what should be a JSON object.
    pub arguments: String,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// Text that continues the answer; never empty, never reasoning.
    Text(String),
    /// All text before it was reasoning and is no part of the answer. It comes at most
    /// once, at the first answers of a model that only closes what it reasons.
    Retracted,
    /// A call, whole.
    Call(ToolCall),
    /// A sign that the model is at work on what is not shown or not whole yet: it
    /// reasons, or writes a call. It says nothing else and may be passed over.
    Working,
    /// The end. Nothing follows it, and without it the answer broke off.
    Finished {
        /// Why it ends.
        reason: StopReason,
        /// What it used, when the model says so.
        usage: Option<TokenUsage>,
    },
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It is all there.
    Complete,
    /// It came to the most tokens that it may have.
    Length,
    /// The model waits for what its calls give.
    Calls,
    /// A filter of the endpoint cut it off.
    Filtered,
}

/// What an answer used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
}

/// Why a model gave no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chat model `{model}`: {reason}")]
pub struct ChatError {
    /// Name of the model.
    pub model: String,
    /// What a caller can do about it.
    pub fault: ChatFault,
    /// Cause, for the log; never holds what an endpoint wrote.
    pub reason: String,
    /// How often it was asked before this was given up; each may be billed.
    pub attempts: u32,
}

/// What a caller can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFault {
    /// Ask later: it is away, busy or failing.
    Unavailable {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Ask later: it was too slow.
    TimedOut,
    /// Ask with less: the conversation does not fit.
    TooLong,
    /// Change the settings: the key, the address, the model or the request is refused.
    Refused,
    /// Nothing: the answer broke off after it had begun.
    Broken,
}

/// An answer on its way. Dropping it closes the connection to the model.
pub struct ChatStream {
    /// Name of the model that answers.
    pub model: String,
    /// How often models were asked until one answered; each may be billed.
    pub attempts: u32,
    /// The pieces; they end after [`ChatEvent::Finished`] or the first error.
    pub events: BoxStream<'static, Result<ChatEvent, ChatError>>,
}

/// A language model.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// What the log and traces call it.
    fn name(&self) -> &str;

    /// Tokens that a conversation and its answer may have together.
    fn context_tokens(&self) -> u32;

    /// Begins an answer. Returns once the answer has begun, so that a caller may
    /// ask again or elsewhere when it fails, and nothing was shown.
    ///
    /// # Errors
    /// When no answer begins.
    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError>;
}
