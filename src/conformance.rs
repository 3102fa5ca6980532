//! Checks a running server against golden transcripts of `docent.chat.v1`.
//!
//! A [`transcript::Transcript`] is one JSON object a line: what clients send and what
//! must come back. [`player`] plays it against a server over real sockets; whatever
//! the transcript says, [`connection`] checks every frame against the schema and the
//! rules of sequence numbers. The transcripts of [`built_in`] need no particular
//! project, except those that say so in their first line.

pub mod built_in;
pub mod connection;
pub mod pattern;
pub mod player;
pub mod report;
pub mod transcript;

use url::Url;

/// The server that is checked.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address of the websocket, such as `ws://127.0.0.1:8787/v1/socket`.
    pub socket: Url,
    /// The project's public key.
    pub project_key: String,
    /// How long anything may take to come.
    pub patience: std::time::Duration,
}

impl Server {
    /// The address of another path of the same server.
    fn page(&self, path: &str) -> Option<Url> {
        let mut page = self.socket.clone();
        page.set_scheme("http").ok()?;
        page.join(path).ok()
    }
}
