//! What happens to one connection.

use super::moment::Moment;
use crate::domain::ids::ConversationId;
use crate::protocol::frame::{FrameCommand, FrameError};
use crate::protocol::hello::AgentInfo;
use crate::protocol::server_message::{Ack, CommandError};

/// What happens to one connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A command came.
    Command {
        /// The command, readable or not.
        command: FrameCommand,
        /// A fresh ULID, from which the identifiers of what it makes are derived.
        fresh: String,
        /// When.
        now: Moment,
    },
    /// A frame came that is not one or several commands.
    BadFrame {
        /// What is wrong with it.
        error: FrameError,
        /// When.
        now: Moment,
    },
    /// A ping or pong of the transport came.
    Control {
        /// When.
        now: Moment,
    },
    /// The conversation was found or made, in answer to [`Effect::Join`](super::effect::Effect::Join).
    Joined(Joined),
    /// It could not be.
    JoinFailed(CommandError),
    /// A new conversation was entered, in answer to [`Effect::Enter`](super::effect::Effect::Enter).
    Entered {
        /// The conversation.
        conversation: ConversationId,
        /// The command that asked for it, when it had an identifier.
        command: Option<String>,
        /// Tells the content of that command.
        fingerprint: u64,
        /// How it was answered.
        ack: Ack,
    },
    /// The time of [`State::deadline`](super::state::State::deadline) has come.
    Tick {
        /// When.
        now: Moment,
    },
    /// The user has too many connections already.
    Crowded,
    /// The user or the token that says so was revoked.
    Revoked,
    /// The server is shutting down.
    Drain {
        /// Whether the conversation's run still goes on.
        busy: bool,
        /// When the client should come back.
        reconnect_after_ms: u64,
    },
    /// While the server is shutting down, nothing is left to be sent.
    Drained,
    /// More waits to be sent than may wait.
    Overflowed,
}

/// A conversation that was found or made.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// Names the connection in logs and in `welcome`.
    pub session: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its epoch.
    pub epoch: String,
    /// Number of its last event.
    pub seq: u64,
    /// Whether it is the one that the client left.
    pub resumed: bool,
    /// Who answers.
    pub agent: AgentInfo,
}
