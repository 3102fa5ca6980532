//! Reads an answer from the bytes of an endpoint, as they come.

use std::mem;

use serde_json::Value;

use super::calls::Calls;
use super::chunk::{Chunk, Ending};
use super::event_stream::{Event, EventReader};
use super::failure::{Complaint, Failure};
use super::reasoning::{ReasoningFilter, Sifted};
use crate::ports::chat_model::{ChatEvent, StopReason, TokenUsage};

/// Most bytes that a token stands for on average; more than any language has.
const BYTES_A_TOKEN: usize = 16;
/// Bytes that an answer may have in any case.
const LEAST_BYTES: usize = 4_096;

/// Reads one answer. Bytes may be cut anywhere, also within a character.
///
/// An answer has succeeded only with a reason to end, or with `[DONE]` after text.
/// Calls come with the end, when no more can be added to them.
#[derive(Debug)]
pub struct AnswerReader {
    settings: &'static str,
    reader: EventReader,
    filter: ReasoningFilter,
    calls: Calls,
    ending: Option<Ending>,
    usage: Option<TokenUsage>,
    /// Bytes that the answer may still have.
    room: usize,
    has_text: bool,
    is_over: bool,
}

impl AnswerReader {
    /// A reader of an answer of at most so many tokens; `settings` is where the
    /// endpoint's settings stand.
    pub fn new(max_output_tokens: u32, settings: &'static str) -> Self {
        let tokens = usize::try_from(max_output_tokens).unwrap_or(usize::MAX);
        Self {
            settings,
            reader: EventReader::default(),
            filter: ReasoningFilter::default(),
            calls: Calls::default(),
            ending: None,
            usage: None,
            room: tokens.saturating_mul(BYTES_A_TOKEN).saturating_add(LEAST_BYTES),
            has_text: false,
            is_over: false,
        }
    }

    /// The same for a model that begins to reason without a tag.
    #[must_use]
    pub fn of_unopened_reasoning(self) -> Self {
        Self { filter: ReasoningFilter::of_unopened(), ..self }
    }

    /// Whether the model began to reason without a tag.
    pub fn is_unopened_reasoning(&self) -> bool {
        self.filter.is_unopened()
    }

    /// Whether the answer has ended, well or not. Then nothing is to be read.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the reason for the end was told, so that only the usage can follow.
    pub fn has_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// What the bytes bring.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Result<ChatEvent, Failure>> {
        let mut found = Vec::new();
        self.reader.read(bytes, &mut found);
        self.take(found)
    }

    /// What the end of the bytes brings.
    pub fn end(&mut self) -> Vec<Result<ChatEvent, Failure>> {
        let mut found = Vec::new();
        self.reader.end(&mut found);
        let mut events = self.take(found);
        if !self.is_over {
            self.finish(false, &mut events);
        }
        events
    }

    /// What it means that no more can be read because the connection broke.
    pub fn break_off(&mut self, failure: Failure) -> Vec<Result<ChatEvent, Failure>> {
        let mut events = Vec::new();
        if self.has_ending() {
            self.finish(false, &mut events);
        } else if !self.is_over {
            self.fail(failure, &mut events);
        }
        events
    }

    fn take(&mut self, found: Vec<Event>) -> Vec<Result<ChatEvent, Failure>> {
        let mut events = Vec::new();
        for event in found {
            if self.is_over {
                break;
            }
            match event {
                Event::Json(value) => self.take_chunk(&value, &mut events),
                Event::Error(value) => {
                    let error = Chunk::read(&value).error.unwrap_or(&value);
                    self.fail(Complaint::of(error).failure(self.settings), &mut events);
                }
                Event::Done => self.finish(true, &mut events),
                Event::Damaged | Event::TooLong if self.has_ending() => self.finish(false, &mut events),
                Event::Damaged => self.fail(Failure::passing("a part of its answer cannot be read"), &mut events),
                Event::TooLong => self.fail(Failure::passing("a part of its answer is too long"), &mut events),
            }
        }
        events
    }

    fn take_chunk(&mut self, value: &Value, events: &mut Vec<Result<ChatEvent, Failure>>) {
        let chunk = Chunk::read(value);
        if let Some(error) = chunk.error {
            return self.fail(Complaint::of(error).failure(self.settings), events);
        }
        self.usage = chunk.usage.or(self.usage);
        self.ending = chunk.ending.or(self.ending);
        let mut written = chunk.text.len();
        for part in &chunk.calls {
            written += self.calls.push(part);
        }
        let Sifted { is_retracted, text: shown } =
            if chunk.text.is_empty() { Sifted::default() } else { self.filter.push(&chunk.text) };
        if is_retracted {
            self.retract(events);
        }
        let is_working = chunk.reasons || !chunk.calls.is_empty() || !chunk.text.is_empty();
        if is_working && shown.is_empty() && !matches!(events.last(), Some(Ok(ChatEvent::Working))) {
            events.push(Ok(ChatEvent::Working));
        }
        self.show(shown, events);
        match self.room.checked_sub(written) {
            Some(room) => self.room = room,
            // An endpoint that does not keep to the limit it was given.
            None => {
                self.ending = Some(Ending::For(StopReason::Length));
                self.finish(false, events);
            }
        }
    }

    fn retract(&mut self, events: &mut Vec<Result<ChatEvent, Failure>>) {
        events.retain(|event| !matches!(event, Ok(ChatEvent::Text(_))));
        if self.has_text {
            events.push(Ok(ChatEvent::Retracted));
        }
    }

    fn show(&mut self, text: String, events: &mut Vec<Result<ChatEvent, Failure>>) {
        if text.is_empty() {
            return;
        }
        self.has_text = true;
        match events.last_mut() {
            Some(Ok(ChatEvent::Text(last))) => last.push_str(&text),
            _ => events.push(Ok(ChatEvent::Text(text))),
        }
    }

    fn finish(&mut self, is_done: bool, events: &mut Vec<Result<ChatEvent, Failure>>) {
        let reason = match self.ending {
            Some(Ending::Failed) => return self.fail(Failure::passing("it ended with an error"), events),
            Some(Ending::Unknown) => StopReason::Complete,
            Some(Ending::For(reason)) => reason,
            None => StopReason::Complete,
        };
        if self.ending.is_some() || is_done {
            let rest = self.filter.end(reason != StopReason::Length);
            self.show(rest, events);
        }
        if self.ending.is_none() && !(is_done && self.has_text && self.calls.is_empty()) {
            return self.fail(Failure::passing("its answer has no end"), events);
        }
        let calls = self.calls.take();
        let reason = match reason {
            StopReason::Complete | StopReason::Calls if calls.is_empty() => StopReason::Complete,
            StopReason::Complete | StopReason::Calls => StopReason::Calls,
            StopReason::Length | StopReason::Filtered => reason,
        };
        events.extend(calls.into_iter().map(|call| Ok(ChatEvent::Call(call))));
        events.push(Ok(ChatEvent::Finished { reason, usage: mem::take(&mut self.usage) }));
        self.is_over = true;
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Result<ChatEvent, Failure>>) {
        events.push(Err(if self.has_text { failure.after_the_beginning() } else { failure }));
        self.is_over = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::chat_model::ChatFault;

    fn read(body: &str) -> Vec<Result<ChatEvent, Failure>> {
        let mut reader = AnswerReader::new(100, "model");
        let mut events = reader.read(body.as_bytes());
        if !reader.is_over() {
            events.extend(reader.end());
        }
        assert!(reader.is_over());
        events
    }

    fn text(text: &str) -> Result<ChatEvent, Failure> {
        Ok(ChatEvent::Text(text.to_owned()))
    }

    const FINISHED: Result<ChatEvent, Failure> = Ok(ChatEvent::Finished { reason: StopReason::Complete, usage: None });

    #[test]
    fn an_answer_needs_an_end() {
        const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
        const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        const DONE: &str = "data: [DONE]\n\n";
        assert_eq!(read(&format!("{TEXT}{STOP}{DONE}")), [text("Hi"), FINISHED]);
        assert_eq!(read(&format!("{TEXT}{STOP}")), [text("Hi"), FINISHED]);
        assert_eq!(read(&format!("{TEXT}{DONE}")), [text("Hi"), FINISHED]);
        assert_eq!(read(&format!("{STOP}{DONE}{TEXT}")), [FINISHED]);
        for (body, fault) in [
            (TEXT.to_owned(), ChatFault::Broken),
            (DONE.to_owned(), ChatFault::Unavailable { retry_after: None }),
            (String::new(), ChatFault::Unavailable { retry_after: None }),
            ("<html></html>".to_owned(), ChatFault::Unavailable { retry_after: None }),
            (format!("{TEXT}data: {{\"error\":{{\"message\":\"x\"}}}}\n\n{STOP}"), ChatFault::Broken),
            (format!("data: {{\"error\":\"x\"}}\n\n{TEXT}{STOP}"), ChatFault::Unavailable { retry_after: None }),
            (format!("{TEXT}data: {{\"choices\":[{{\n\n{STOP}"), ChatFault::Broken),
        ] {
            let events = read(&body);
            let faults: Vec<_> = events.iter().filter_map(|event| event.as_ref().err()).collect();
            assert_eq!(faults.len(), 1, "{body}");
            assert_eq!(faults[0].fault, fault, "{body}");
            assert!(events.last().is_some_and(Result::is_err), "{body}");
        }
    }

    #[test]
    fn an_endless_answer_is_ended() {
        let mut reader = AnswerReader::new(10, "model");
        let mut events = Vec::new();
        for _ in 0..1_000 {
            events.extend(reader.read(b"data: {\"choices\":[{\"delta\":{\"content\":\"and so on \"}}]}\n\n"));
        }
        assert_eq!(events.last(), Some(&Ok(ChatEvent::Finished { reason: StopReason::Length, usage: None })));
        assert!(events.len() < 500);
    }

    #[test]
    fn calls_come_whole_and_as_written() {
        let part = |arguments: &str, reason: &str| {
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0,\"id\":\"a\",\"function\":{{\"name\":\"n\",\"arguments\":\"{arguments}\"}}}}]}},\"finish_reason\":{reason}}}]}}\n\n"
            )
        };
        let events = read(&format!("{}{}", part("{\\\"a\\\":", "null"), part("[1,", "\"length\"")));
        let call = events.iter().find_map(|event| match event {
            Ok(ChatEvent::Call(call)) => Some(call.arguments.as_str()),
            _ => None,
        });
        assert_eq!(call, Some("{\"a\":[1,"));
        assert_eq!(events.last(), Some(&Ok(ChatEvent::Finished { reason: StopReason::Length, usage: None })));
        assert!(read(&part("{", "null")).iter().all(|event| !matches!(event, Ok(ChatEvent::Call(_)))));
    }
}
