//! The wire protocol `docent.chat.v1`: its messages, codes, limits and schema.
//!
//! These types are the source of truth; the JSON Schema and the AsyncAPI document
//! are generated from them and held by golden files. There is no logic here beyond
//! reading a frame. `PROTOCOL.md` beside the files is written for client authors.
//!
//! Within a version, changes only add: a new type, a new optional field, a new
//! member of an open list. Clients ignore what they do not know.

pub mod action;
pub mod automation;
pub mod client_message;
pub mod close_code;
pub mod condition;
pub mod context;
pub mod convert;
pub mod error_code;
pub mod experience;
pub mod frame;
pub mod hello;
pub mod history;
pub mod launch;
pub mod message;
pub mod post;
pub mod run;
pub mod schema;
pub mod server_message;

/// The subprotocol offered in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "docent.chat.v1";

/// What every name of this protocol's versions begins with.
pub const SUBPROTOCOL_FAMILY: &str = "docent.chat.";

/// Largest frame of a client, in bytes.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;

/// Largest frame of the server, in bytes.
pub const MAX_SERVER_FRAME_BYTES: usize = 256 * 1024;

/// Most commands in one frame.
pub const MAX_COMMANDS_PER_FRAME: usize = 64;

/// Deepest nesting of objects and arrays in a frame.
pub const MAX_DEPTH: usize = 32;

/// Longest text of a message, in characters.
pub const MAX_TEXT_CHARS: usize = 8_000;

/// Longest identifier of a command, in bytes.
pub const MAX_COMMAND_ID_BYTES: usize = 64;

/// Most missed events that are replayed; beyond it the client starts anew.
pub const MAX_REPLAY_EVENTS: usize = 500;
