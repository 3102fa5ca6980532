//! What an answer looks like on the wire.

use std::time::Duration;

use reqwest::Response;
use tokio::time::Instant;

use super::super::calls::Calls;
use super::super::chunk::Chunk;
use super::super::endpoint::unreached;
use super::super::event_stream::{Event, EventReader};
use super::super::reasoning::ReasoningFilter;
use crate::ports::chat_model::{TokenUsage, ToolCall};

/// Most bytes of an answer to a probe.
const MAX_BYTES: usize = 1 << 20;

/// What came of a probe.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub text: String,
    pub calls: Vec<ToolCall>,
    /// Events with text or parts of calls.
    pub pieces: usize,
    pub first: Option<Duration>,
    pub usage: Option<TokenUsage>,
    pub has_reason: bool,
    pub has_done: bool,
    /// Whether it reasons, in a field or between tags.
    pub reasons: bool,
    /// Whether it begins to reason without a tag, and closes it with one.
    pub begins_with_reasoning: bool,
    /// What is wrong, without the endpoint's words.
    pub error: Option<String>,
}

/// Reads an answer to its end.
pub(super) async fn listen(mut response: Response) -> Heard {
    let start = Instant::now();
    let (mut reader, mut calls, mut heard) = (EventReader::default(), Calls::default(), Heard::default());
    let (mut written, mut bytes) = (String::new(), 0);
    while !heard.has_done && heard.error.is_none() && bytes < MAX_BYTES {
        let mut events = Vec::new();
        let is_over = match response.chunk().await {
            Ok(Some(part)) => {
                bytes += part.len();
                reader.read(&part, &mut events);
                false
            }
            Ok(None) => {
                reader.end(&mut events);
                true
            }
            Err(error) => {
                heard.error = (!heard.has_reason).then(|| unreached(&error).reason);
                true
            }
        };
        for event in events {
            match event {
                Event::Json(value) => heard.take(&value, &mut written, &mut calls, start),
                Event::Done => heard.has_done = true,
                Event::Error(_) => heard.error = Some("it answered with an error".to_owned()),
                Event::Damaged => heard.error = Some("a part of its answer cannot be read".to_owned()),
                Event::TooLong => heard.error = Some("a part of its answer is too long".to_owned()),
            }
        }
        if is_over {
            break;
        }
    }
    let mut filter = ReasoningFilter::default();
    heard.text = filter.push(&written).text + &filter.end(true);
    heard.reasons |= heard.text.len() < written.trim().len();
    heard.begins_with_reasoning = filter.is_unopened();
    heard.calls = calls.take();
    heard
}

impl Heard {
    fn take(&mut self, value: &serde_json::Value, written: &mut String, calls: &mut Calls, start: Instant) {
        let chunk = Chunk::read(value);
        if chunk.error.is_some() {
            self.error = Some("it answered with an error".to_owned());
            return;
        }
        for part in &chunk.calls {
            calls.push(part);
        }
        if !chunk.text.is_empty() || !chunk.calls.is_empty() || chunk.reasons {
            self.pieces += 1;
            self.first.get_or_insert_with(|| start.elapsed());
        }
        written.push_str(&chunk.text);
        self.reasons |= chunk.reasons;
        self.has_reason |= chunk.ending.is_some();
        self.usage = chunk.usage.or(self.usage);
    }
}
