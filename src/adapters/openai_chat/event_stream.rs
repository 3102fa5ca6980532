//! Takes server-sent events out of bytes, as they come.
//!
//! More is understood than the standard allows: lines may end in any way, `data:`
//! needs no space, events no empty line between them, and the last one no end at
//! all. An endpoint that answers with a JSON document, or with a line for each,
//! is understood as well.

use serde_json::{Deserializer, Value};

/// Most bytes of one event.
const MAX_EVENT: usize = 1 << 20;

/// What an endpoint sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// JSON, as nearly all events are.
    Json(Value),
    /// What the endpoint calls an error.
    Error(Value),
    /// The mark at the end.
    Done,
    /// JSON that is damaged, so that something is missing.
    Damaged,
    /// More bytes than an event may have.
    TooLong,
}

/// Reads events; after [`Event::TooLong`] it gives none.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    form: Form,
    /// The line that is not over.
    line: Vec<u8>,
    after_return: bool,
    /// Content of the event that is not over.
    data: Vec<u8>,
    is_error: bool,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Form {
    /// Nothing was said.
    #[default]
    Unknown,
    Events,
    /// JSON without anything around it.
    Documents,
}

impl EventReader {
    /// Reads bytes, which may begin and end anywhere.
    pub(super) fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for byte in bytes {
            if self.is_over {
                return;
            }
            self.take(*byte, events);
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, events: &mut Vec<Event>) {
        if !self.is_over {
            self.end_line(events);
            self.end_event(events);
        }
    }

    fn take(&mut self, byte: u8, events: &mut Vec<Event>) {
        if self.form == Form::Unknown {
            match byte {
                // White space and a byte order mark.
                b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF => return,
                b'{' | b'[' => self.form = Form::Documents,
                _ => self.form = Form::Events,
            }
        }
        match byte {
            b'\n' if std::mem::take(&mut self.after_return) => {}
            b'\n' | b'\r' => {
                self.after_return = byte == b'\r';
                self.end_line(events);
            }
            _ => {
                self.after_return = false;
                self.line.push(byte);
                if self.line.len() + self.data.len() > MAX_EVENT {
                    self.is_over = true;
                    events.push(Event::TooLong);
                }
            }
        }
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        if self.form == Form::Documents {
            self.content(&line, events);
        } else if line.is_empty() {
            self.end_event(events);
        } else if let Some(value) = value_of(&line, b"data") {
            self.content(value, events);
        } else if let Some(value) = value_of(&line, b"event") {
            self.is_error = value == b"error";
        }
        self.line = line;
        self.line.clear();
    }

    /// A line of content. One that is whole is an event, without waiting for the
    /// empty line that not every endpoint sends.
    fn content(&mut self, content: &[u8], events: &mut Vec<Event>) {
        if self.data.is_empty() {
            let content = content.trim_ascii();
            if content == b"[DONE]" {
                events.push(Event::Done);
                return;
            }
            if content.starts_with(b"{")
                && let Some(value) = json(content)
            {
                let is_error = std::mem::take(&mut self.is_error);
                events.push(if is_error { Event::Error(value) } else { Event::Json(value) });
                return;
            }
        }
        self.data.extend_from_slice(content);
        self.data.push(b'\n');
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let data = std::mem::take(&mut self.data);
        let is_error = std::mem::take(&mut self.is_error);
        let text = String::from_utf8_lossy(&data);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if is_error {
            events.push(Event::Error(Value::String(text.to_owned())));
        } else if text.starts_with(['{', '[']) {
            for value in Deserializer::from_str(text).into_iter::<Value>() {
                match value {
                    Ok(Value::Array(values)) if self.form == Form::Documents => {
                        events.extend(values.into_iter().map(Event::Json));
                    }
                    Ok(value) => events.push(Event::Json(value)),
                    Err(_) => events.push(Event::Damaged),
                }
            }
        }
    }
}

/// The value of a line of the field `name`.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

fn json(content: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(content);
    serde_json::from_str(&text).or_else(|_| serde_json::from_str(&without_halves(&text))).ok()
}

/// The JSON without halves of surrogate pairs, which some proxies write when they
/// cut a text between them, and which no text can hold.
fn without_halves(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let width = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str("\\ufffd");
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            // What is escaped is no escape itself.
            (None, _) if c == '\\' => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            (None, _) => c.len_utf8(),
        };
        mended.push_str(&text[at..at + width]);
        at += width;
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The events of a body, which must be the same wherever it is cut in two.
    fn events(body: &[u8]) -> Vec<Event> {
        let cut = |at: usize| {
            let mut events = Vec::new();
            let mut reader = EventReader::default();
            reader.read(&body[..at], &mut events);
            reader.read(&body[at..], &mut events);
            reader.end(&mut events);
            events
        };
        let whole = cut(0);
        assert!((0..body.len()).all(|at| cut(at) == whole));
        whole
    }

    #[test]
    fn lines_end_and_begin_in_many_ways() {
        let expected = [Event::Json(json!({"a": 1})), Event::Json(json!({"b": "é"})), Event::Done];
        for body in [
            "data: {\"a\":1}\n\ndata: {\"b\":\"é\"}\n\ndata: [DONE]\n\n",
            "data:{\"a\":1}\n\ndata:{\"b\":\"é\"}\n\ndata:[DONE]",
            "data: {\"a\":1}\r\n\r\ndata: {\"b\":\"é\"}\r\n\r\ndata: [DONE]\r\n\r\n",
            "data: {\"a\":1}\r\rdata: {\"b\":\"é\"}\r\rdata: [DONE]\r",
            "data: {\"a\":1}\ndata: {\"b\":\"é\"}\ndata: [DONE]\n",
            "\u{feff}: a comment\n\nid: 7\nevent: message\nretry: 10\ndata:   {\"a\":1}  \n\n:\n\ndata: {\"b\":\ndata: \"é\"}\n\ndata: [DONE] \n",
            "data: ping\n\ndata: {\"a\":1}\n\ndata\n\ndata: {\"b\":\"é\"}\n\ndata:\n\ndata: [DONE]\n\n",
        ] {
            assert_eq!(events(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn documents_are_read_as_events() {
        let values = [Event::Json(json!({"a": 1})), Event::Json(json!({"b": 2}))];
        assert_eq!(events(b"{\"a\":1}\n{\"b\":2}\n"), values);
        assert_eq!(events(b" {\n  \"a\": 1\n}\n{\"b\":\n2}"), values);
        assert_eq!(events(b"[{\"a\":1},\n{\"b\":2}]"), values);
    }

    #[test]
    fn what_is_damaged_is_said() {
        assert_eq!(events(b"data: {\"a\":\n\ndata: [DONE]\n\n"), [Event::Damaged, Event::Done]);
        assert_eq!(events(b"event: error\ndata: it broke\n\n"), [Event::Error(json!("it broke"))]);
        assert_eq!(events(b"event: error\ndata: {\"message\":1}\n\n"), [Event::Error(json!({"message": 1}))]);
        assert_eq!(events(b"<html>\nnothing here</html>"), []);
        assert_eq!(events(b"data: {\"a\":\"\xff\"}\n\n"), [Event::Json(json!({"a": "\u{fffd}"}))]);
        let halves = br#"data: {"a":"\ud83dx \ud83d\ude00 \\ud83d \ude00"}"#;
        assert_eq!(events(halves), [Event::Json(json!({"a": "\u{fffd}x 😀 \\ud83d \u{fffd}"}))]);
    }

    #[test]
    fn an_event_has_an_end() {
        for head in ["data: {", "data: {\"a\":\n", "{", ": "] {
            let mut events = Vec::new();
            let mut reader = EventReader::default();
            reader.read(head.as_bytes(), &mut events);
            for _ in 0..20 {
                reader.read(&[b'x'; 100_000], &mut events);
            }
            reader.end(&mut events);
            assert_eq!(events, [Event::TooLong], "{head}");
        }
    }
}
