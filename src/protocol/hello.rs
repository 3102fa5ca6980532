//! The handshake: who the client is, what it can do, and where it left off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::{Attributes, PageInfo};

/// `hello`: the first command of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// The public key of the project; `local` on a developer's machine.
    pub project_key: String,
    /// A token signed by the customer's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_token: Option<String>,
    /// `anon-` and a random UUID, kept by the client. The server makes one up for
    /// this connection when there is neither this nor a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<String>,
    /// One per tab.
    pub client_id: String,
    /// What the client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientInfo>,
    /// What the client can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The language the user reads, as a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The page the user looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageInfo>,
    /// Traits of the user as the page claims them; signed ones come with a token.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// Where the client left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// What a client is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What a client can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// Names of the kinds of action it can carry out; others are not sent to it.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Names of optional parts of the protocol, such as `trace`.
    #[serde(default)]
    pub features: Vec<String>,
}

/// A cursor into a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resume {
    /// The conversation.
    pub conversation_id: String,
    /// The epoch given with it.
    pub epoch: String,
    /// Number of the last event that the client has seen.
    pub after_seq: u64,
}

/// `welcome`: the answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// This connection.
    pub session_id: String,
    /// The user, as the server knows them.
    pub user_id: String,
    /// The conversation that commands go to.
    pub conversation_id: String,
    /// Cursors of another epoch are void.
    pub epoch: String,
    /// Number of the conversation's last event. What is replayed ends with it;
    /// holes up to it were compacted and are no loss.
    pub seq: u64,
    /// Whether the events after the client's cursor follow. When not, what the client
    /// shows is void: `conversation.snapshot` follows if the conversation is the one of
    /// the cursor, and else it is a new one.
    pub resumed: bool,
    /// After how many milliseconds of silence the server sends `ping`.
    pub heartbeat_ms: u64,
    /// The server's limits.
    pub limits: Limits,
    /// The optional parts of the protocol that are on for this connection.
    pub features: Vec<String>,
    /// The server's version.
    pub server_version: String,
    /// Who answers.
    pub agent: AgentInfo,
}

/// The server's limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Largest frame of a client, in bytes.
    pub command_bytes: usize,
    /// Longest text of a message, in characters.
    pub text_chars: usize,
    /// Most commands in [`Limits::commands_window_ms`].
    pub commands: u32,
    /// The span over which commands are counted, in milliseconds.
    pub commands_window_ms: u64,
    /// Largest frame of the server, in bytes.
    pub server_frame_bytes: usize,
    /// Most events that wait for a slow client.
    pub queue_events: usize,
    /// Most bytes that wait for a slow client.
    pub queue_bytes: usize,
}

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentInfo {
    /// Its name.
    pub name: String,
    /// What it says before the first message, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// Questions to begin with.
    #[serde(default)]
    pub suggestions: Vec<String>,
}

/// `auth.refresh`: a new token before the old one expires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuthRefresh {
    /// The new token.
    pub identity_token: String,
}

/// `going_away`: the server is about to close the connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoingAway {
    /// Why, such as `shutdown`.
    pub reason: String,
    /// When to come back; differs from client to client.
    pub reconnect_after_ms: u64,
}

/// Data of a message that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}
