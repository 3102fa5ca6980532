//! The limits of connections and conversations.

use super::identity::Identity;
use super::rate::Rate;
use crate::protocol::hello::Limits;
use crate::protocol::{MAX_COMMAND_BYTES, MAX_SERVER_FRAME_BYTES, MAX_TEXT_CHARS};

/// The limits of connections and conversations.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSettings {
    /// The key that `hello` must bring.
    pub project_key: String,
    /// How users are told apart.
    pub identity: Identity,
    /// The version told in `welcome`.
    pub server_version: String,
    /// How long `hello` may take.
    pub hello_timeout_ms: u64,
    /// After how much silence the server sends `ping`.
    pub heartbeat_ms: u64,
    /// How much longer it waits for any frame.
    pub pong_timeout_ms: u64,
    /// How often commands may come.
    pub commands: Rate,
    /// How often pings, pongs and refused commands may come before the connection is closed.
    pub strikes: Rate,
    /// Longest text of a message, in characters.
    pub text_chars: usize,
    /// Most attributes that a client may claim of a user.
    pub attributes: usize,
    /// Most bytes of such attributes, names included.
    pub attribute_bytes: usize,
    /// How many commands each of a session and a conversation remembers.
    pub remembered_commands: usize,
    /// How long an action that needs no click may wait for its claim.
    pub action_claim_ms: u64,
    /// How long a claimed action may take.
    pub action_result_ms: u64,
    /// How long a tab in which an automation runs may be away, as while a page loads.
    pub tab_return_ms: u64,
    /// Most actions that a conversation keeps open.
    pub open_actions: usize,
    /// How many answers and quick replies a conversation remembers.
    pub remembered_answers: usize,
    /// Longest answer, in bytes.
    pub answer_bytes: usize,
    /// Which clients may ask for traces.
    pub trace: Traces,
    /// Most events that wait for a slow client.
    pub queue_events: usize,
    /// Most bytes that wait for a slow client.
    pub queue_bytes: usize,
}

/// Which clients may ask for traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traces {
    /// All.
    Always,
    /// None.
    Never,
    /// Those on the server's own computer.
    LocalOnly,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            project_key: "local".to_owned(),
            identity: Identity::default(),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            hello_timeout_ms: 5_000,
            heartbeat_ms: 25_000,
            pong_timeout_ms: 10_000,
            commands: Rate { count: 20, window_ms: 10_000 },
            strikes: Rate { count: 100, window_ms: 10_000 },
            text_chars: MAX_TEXT_CHARS,
            attributes: 200,
            attribute_bytes: MAX_COMMAND_BYTES,
            remembered_commands: 256,
            action_claim_ms: 5_000,
            action_result_ms: 30_000,
            tab_return_ms: 30_000,
            open_actions: 64,
            remembered_answers: 64,
            answer_bytes: 100 * 1024,
            trace: Traces::Never,
            queue_events: 256,
            queue_bytes: 256 * 1024,
        }
    }
}

impl SessionSettings {
    /// The limits as `welcome` tells them.
    pub fn limits(&self) -> Limits {
        Limits {
            command_bytes: MAX_COMMAND_BYTES,
            text_chars: self.text_chars,
            commands: self.commands.count,
            commands_window_ms: self.commands.window_ms,
            server_frame_bytes: MAX_SERVER_FRAME_BYTES,
            queue_events: self.queue_events,
            queue_bytes: self.queue_bytes,
        }
    }
}
