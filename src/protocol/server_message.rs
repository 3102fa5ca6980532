//! What the server sends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{ActionRequested, ActionUpdated};
use super::automation::AutomationUpdated;
use super::context::Unread;
use super::error_code::ErrorCode;
use super::experience::{ExperienceClose, ExperienceContent, ExperienceShow};
use super::hello::{GoingAway, Nothing, Welcome};
use super::history::{ConversationSnapshot, HistoryPage, MessageFeedback};
use super::launch::LaunchResolved;
use super::message::{CitationAdded, MessageCompleted, MessageDelta, MessageStarted};
use super::post::{FeedPage, PostContent};
use super::run::{RunFinished, RunStarted, RunStatus, RunTrace};

/// A message of the server with its envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerFrame {
    /// What it says.
    #[serde(flatten)]
    pub message: ServerMessage,
    /// Its number in the conversation, from 1; events only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The command that it answers.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
}

impl ServerFrame {
    /// A message that is not an event, in answer to a command.
    pub fn answer(reference: Option<String>, message: ServerMessage) -> Self {
        Self { message, seq: None, reference, ts: None }
    }

    /// A message that is neither an event nor an answer.
    pub fn notice(message: ServerMessage) -> Self {
        Self::answer(None, message)
    }
}

/// `ack`: a command was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ack {
    /// Whether it had been carried out before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub duplicate: bool,
    /// The conversation that became the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// Its epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// `error`: a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandError {
    /// Why.
    pub code: ErrorCode,
    /// For a developer.
    pub message: String,
    /// Whether the same command may succeed later without a change.
    pub retryable: bool,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl CommandError {
    /// A refusal.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.retryable(), retry_after_ms: None }
    }
}

macro_rules! server_messages {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($data:ty),)*) => {
        /// A message of the server.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type", content = "data")]
        pub enum ServerMessage {
            $($(#[$doc])* #[serde(rename = $name)] $variant($data),)*
        }

        impl ServerMessage {
            /// The type of every message, in the order of the schema.
            pub const TYPES: &[&str] = &[$($name),*];

            /// Its type.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }
        }
    };
}

server_messages! {
    /// Answers `hello`.
    "welcome" => Welcome(Box<Welcome>),
    /// A command was carried out.
    "ack" => Ack(Ack),
    /// A command was refused.
    "error" => Error(CommandError),
    /// The whole conversation.
    "conversation.snapshot" => ConversationSnapshot(ConversationSnapshot),
    /// Past messages.
    "history.page" => HistoryPage(HistoryPage),
    /// Display an experience.
    "experience.show" => ExperienceShow(ExperienceShow),
    /// Take an experience away.
    "experience.close" => ExperienceClose(ExperienceClose),
    /// An experience.
    "experience.content" => ExperienceContent(Box<ExperienceContent>),
    /// A post.
    "post.content" => PostContent(Box<PostContent>),
    /// The changelog.
    "feed.page" => FeedPage(FeedPage),
    /// Event: a launch, its attributes filled in.
    "launch.resolved" => LaunchResolved(LaunchResolved),
    /// Event: a run begins.
    "run.started" => RunStarted(RunStarted),
    /// What a run does.
    "run.status" => RunStatus(RunStatus),
    /// Event: a run ended.
    "run.finished" => RunFinished(RunFinished),
    /// Event: an answer begins.
    "message.started" => MessageStarted(MessageStarted),
    /// Event: a piece of an answer.
    "message.delta" => MessageDelta(MessageDelta),
    /// Event: a whole message.
    "message.completed" => MessageCompleted(Box<MessageCompleted>),
    /// Event: a source.
    "citation.added" => CitationAdded(CitationAdded),
    /// Event: an action is offered.
    "action.requested" => ActionRequested(Box<ActionRequested>),
    /// Event: an action's state changed.
    "action.updated" => ActionUpdated(Box<ActionUpdated>),
    /// Event: how far an automation is.
    "automation.updated" => AutomationUpdated(Box<AutomationUpdated>),
    /// Event: a judgement was set.
    "message.feedback" => MessageFeedback(MessageFeedback),
    /// Event: how much is unread.
    "unread" => Unread(Unread),
    /// Answer with `pong`.
    "ping" => Ping(Nothing),
    /// The connection is about to be closed.
    "going_away" => GoingAway(GoingAway),
    /// Why a run did what it did.
    "run.trace" => RunTrace(RunTrace),
}
