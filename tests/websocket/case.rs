//! The table of cases.

use serde::Deserialize;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Its number in the suite.
    pub(crate) id: String,
    /// What the client sends.
    pub(crate) send: Vec<Part>,
    /// What must come, in order.
    #[serde(default)]
    pub(crate) expect: Vec<Part>,
    /// With which codes the connection may be closed, null being none; when absent the
    /// client closes it with 1000 once everything has come.
    pub(crate) closes: Option<Vec<Option<u16>>>,
    /// What is sent only to a server that has not refused the rest yet, and so is not strict.
    #[serde(default)]
    pub(crate) late: Vec<Part>,
    /// How often it is done over the same connection.
    #[serde(default = "once")]
    pub(crate) rounds: usize,
    /// Whether the standard leaves open what happens.
    #[serde(default)]
    pub(crate) informational: bool,
}

fn once() -> usize {
    1
}

/// A frame, or a part of one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Part {
    text: Option<Payload>,
    binary: Option<Payload>,
    continuation: Option<Payload>,
    close: Option<Payload>,
    ping: Option<Payload>,
    pong: Option<Payload>,
    opcode: Option<u8>,
    data: Option<Payload>,
    /// More of the payload of the frame that was begun.
    pub(crate) rest: Option<Payload>,
    /// Whether the next thing that is expected is waited for.
    pub(crate) r#await: bool,
    /// Whether the message goes on.
    pub(crate) more: bool,
    /// The reserved bits.
    pub(crate) rsv: u8,
    /// Bytes that are written at a time.
    pub(crate) chop: Option<usize>,
    /// Bytes of each fragment that the message is sent in.
    pub(crate) fragments: Option<usize>,
    /// Whether it is written before the next frame is.
    pub(crate) flush: bool,
    /// How much of the payload is sent; the rest follows.
    pub(crate) only: Option<usize>,
}

/// The payload of a frame.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Payload {
    Text(String),
    Hex { hex: String },
    Fill { fill: Box<Payload>, bytes: usize },
}

impl Payload {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex { hex } => {
                let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
                (0..hex.len()).step_by(2).map(digits).collect()
            }
            Self::Fill { fill, bytes } => fill.bytes().into_iter().cycle().take(*bytes).collect(),
        }
    }
}

impl Part {
    pub(crate) fn is_close(&self) -> bool {
        self.close.is_some()
    }

    /// The opcode and the payload of the frame.
    pub(crate) fn frame(&self) -> Option<(u8, Vec<u8>)> {
        let kinds = [
            (&self.continuation, 0),
            (&self.text, 1),
            (&self.binary, 2),
            (&self.close, 8),
            (&self.ping, 9),
            (&self.pong, 10),
        ];
        let named = kinds.into_iter().find_map(|(payload, opcode)| Some((opcode, payload.as_ref()?.bytes())));
        named.or_else(|| Some((self.opcode?, self.data.as_ref().map(Payload::bytes).unwrap_or_default())))
    }
}

/// All cases, in the order of the suite.
pub(crate) fn all() -> Vec<Case> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    include_str!("cases.jsonl").lines().map(read).collect()
}
