//! Transcripts as they are written: one JSON object a line.

use serde::Deserialize;
use serde_json::Value;

/// A transcript.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Its file, as it is named in reports.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Whether it needs the project that `docent init` writes.
    pub needs_sample: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One line of a transcript.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// What is done.
    pub act: Act,
    /// The socket; the one of the step before when not given.
    pub on: Option<String>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Opens a socket.
    Connect(Box<Connect>),
    /// Sends a frame.
    Send(Value),
    /// Sends a text frame, JSON or not.
    Text(String),
    /// Sends a binary frame.
    Binary(Vec<u8>),
    /// The next frame must match.
    Expect(Value),
    /// Some later frame must match, and none before it may match one of `without`.
    Until {
        /// The frame that is waited for.
        frame: Value,
        /// Frames that must not come before it.
        without: Vec<Value>,
    },
    /// The server must close the socket with this code.
    Closed(u16),
    /// The connection is cut, without a close frame.
    Cut,
    /// A request over HTTP must be answered so.
    Request(Box<Exchange>),
}

/// How a socket is opened.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The versions that are offered.
    pub protocols: Vec<String>,
    /// The page's origin.
    pub origin: Option<String>,
    /// The HTTP status, when the upgrade must be refused.
    pub refused: Option<u16>,
}

/// A request and what must come of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// The status.
    pub status: u16,
    /// What the body must match, as JSON.
    pub body: Option<Value>,
}

/// A request over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path.
    pub path: String,
    /// The body.
    #[serde(default)]
    pub json: Option<Value>,
}

fn get() -> String {
    "GET".to_owned()
}

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    transcript: String,
    #[serde(default)]
    sample: bool,
}

/// Any other line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    note: Option<String>,
    on: Option<String>,
    connect: Option<String>,
    protocols: Option<Vec<String>>,
    origin: Option<String>,
    refused: Option<u16>,
    send: Option<Value>,
    text: Option<String>,
    repeat: Option<usize>,
    binary: Option<String>,
    expect: Option<Value>,
    until: Option<Value>,
    #[serde(default)]
    without: Vec<Value>,
    closed: Option<u16>,
    cut: Option<bool>,
    request: Option<Request>,
    status: Option<u16>,
    body: Option<Value>,
}

/// Most bytes that one line may send.
const MAX_REPEATED: usize = 4 * 1024 * 1024;

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// The place of the first line that is not one, and why.
    pub fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut head: Option<Head> = None;
        let mut steps = Vec::new();
        for (at, written) in text.lines().enumerate() {
            let line = at + 1;
            if written.trim().is_empty() {
                continue;
            }
            let place = |error: &dyn std::fmt::Display| format!("{file}:{line}: {error}");
            if head.is_none() {
                head = Some(serde_json::from_str(written).map_err(|error| place(&error))?);
                continue;
            }
            let read: Line = serde_json::from_str(written).map_err(|error| place(&error))?;
            if read.note.is_some() {
                continue;
            }
            let on = read.connect.clone().or(read.on.clone());
            let act = read.act().map_err(|error| place(&error))?;
            steps.push(Step { line, act, on });
        }
        let Head { transcript: title, sample } = head.ok_or_else(|| format!("{file}:1: the file is empty"))?;
        Ok(Self { file: file.to_owned(), title, needs_sample: sample, steps })
    }
}

impl Line {
    fn act(self) -> Result<Act, &'static str> {
        let text = |text: String| match self.repeat.unwrap_or(1).checked_mul(text.len()) {
            Some(bytes) if bytes <= MAX_REPEATED => Ok(Act::Text(text.repeat(self.repeat.unwrap_or(1)))),
            Some(_) | None => Err("a line sends at most 4 MiB"),
        };
        let mut acts = vec![
            self.send.map(|frame| Ok(Act::Send(frame))),
            self.text.map(text),
            self.binary.map(|hex| bytes_of(&hex).map(Act::Binary).ok_or("`binary` takes pairs of hex digits")),
            self.expect.map(|frame| Ok(Act::Expect(frame))),
            self.until.map(|frame| Ok(Act::Until { frame, without: self.without })),
            self.closed.map(|code| Ok(Act::Closed(code))),
            self.cut.map(|_| Ok(Act::Cut)),
        ];
        acts.push(self.connect.map(|_| {
            let protocols = self.protocols.unwrap_or_else(|| vec![crate::protocol::SUBPROTOCOL.to_owned()]);
            Ok(Act::Connect(Box::new(Connect { protocols, origin: self.origin, refused: self.refused })))
        }));
        acts.push(self.request.map(|request| {
            let status = self.status.ok_or("a `request` needs the `status` that is expected")?;
            Ok(Act::Request(Box::new(Exchange { request, status, body: self.body })))
        }));
        let mut said = acts.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(act), None) => act,
            (_, _) => Err("a line says one of connect, send, text, binary, expect, until, closed, cut and request"),
        }
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            ("", "t.jsonl:1: the file is empty"),
            ("{\"send\":1}", "t.jsonl:1: unknown field `send`"),
            ("{\"transcript\":\"x\"}\n\n{\"sent\":1}", "t.jsonl:3: unknown field `sent`"),
            ("{\"transcript\":\"x\"}\n{\"send\":1,\"cut\":true}", "t.jsonl:2: a line says one of"),
            ("{\"transcript\":\"x\"}\n{\"binary\":\"f\"}", "t.jsonl:2: `binary` takes pairs"),
            ("{\"transcript\":\"x\"}\n{\"text\":\"x\",\"repeat\":5000000}", "t.jsonl:2: a line sends at most"),
        ] {
            let error = Transcript::parse("t.jsonl", text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
