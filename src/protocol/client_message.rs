//! What a client sends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{ActionClaim, ActionResult};
use super::context::{ContextUpdate, EventTrack, ReadMark};
use super::experience::{ExperienceEvent, ExperienceGet};
use super::hello::{AuthRefresh, Hello, Nothing};
use super::history::HistoryGet;
use super::launch::AgentLaunch;
use super::message::{FeedbackSet, MessageRegenerate, MessageSend};
use super::post::{FeedGet, PostGet};
use super::run::RunCancel;

/// A command with its envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientFrame {
    /// What it says.
    #[serde(flatten)]
    pub message: ClientMessage,
    /// Made by the client, a ULID by preference: names the command in its answer,
    /// and makes sending it again harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

macro_rules! client_messages {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($data:ty),)*) => {
        /// A command.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type", content = "data")]
        pub enum ClientMessage {
            $($(#[$doc])* #[serde(rename = $name)] $variant($data),)*
        }

        impl ClientMessage {
            /// The type of every command, in the order of the schema.
            pub const TYPES: &[&str] = &[$($name),*];

            /// Its type.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Reads the data of a command of type `type_name`; `None` when there is no such type.
            pub(super) fn read(type_name: &str, data: &str) -> Option<Result<Self, serde_json::Error>> {
                match type_name {
                    $($name => Some(serde_json::from_str(data).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}

client_messages! {
    /// The first command.
    "hello" => Hello(Box<Hello>),
    /// Opens the agent.
    "agent.launch" => AgentLaunch(AgentLaunch),
    /// Says something.
    "message.send" => MessageSend(MessageSend),
    /// Asks for another answer.
    "message.regenerate" => MessageRegenerate(MessageRegenerate),
    /// Stops a run.
    "run.cancel" => RunCancel(RunCancel),
    /// Asks for the right to execute an action.
    "action.claim" => ActionClaim(ActionClaim),
    /// Tells how an action ended.
    "action.result" => ActionResult(ActionResult),
    /// Judges an answer.
    "feedback.set" => FeedbackSet(FeedbackSet),
    /// Tells what changed about the page and the user.
    "context.update" => ContextUpdate(ContextUpdate),
    /// Tells what the user did.
    "event.track" => EventTrack(EventTrack),
    /// Tells how far the user has read.
    "read.mark" => ReadMark(ReadMark),
    /// Asks for past messages.
    "history.get" => HistoryGet(HistoryGet),
    /// Asks for an experience.
    "experience.get" => ExperienceGet(ExperienceGet),
    /// Asks for a post.
    "post.get" => PostGet(PostGet),
    /// Asks for the changelog.
    "feed.get" => FeedGet(FeedGet),
    /// Tells what became of an experience.
    "experience.event" => ExperienceEvent(ExperienceEvent),
    /// Brings a new token.
    "auth.refresh" => AuthRefresh(AuthRefresh),
    /// Answers `ping`.
    "pong" => Pong(Nothing),
}
