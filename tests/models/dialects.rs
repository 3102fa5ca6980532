//! Answers as many endpoints write them, by hand from what they send.
//!
//! `dialects.txt` holds one after the other: its name, what is to be read, and the
//! body. It is read whole, byte by byte, and with other line ends.

use docent::adapters::openai_chat::AnswerReader;
use docent::ports::chat_model::{ChatEvent, ChatFault, StopReason};

const DIALECTS: &str = include_str!("dialects.txt");

/// What is read of a body, written as in the file.
fn read<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut reader = AnswerReader::new(1_000, "model");
    let mut events = Vec::new();
    for part in parts {
        events.extend(reader.read(part));
    }
    events.extend(reader.end());
    let (mut text, mut lines) = (String::new(), Vec::new());
    let json = |text: &str| serde_json::to_string(text).unwrap();
    for event in events {
        match event {
            Ok(ChatEvent::Text(piece)) => text.push_str(&piece),
            Ok(ChatEvent::Retracted) => text.clear(),
            Ok(ChatEvent::Working) => {}
            Ok(ChatEvent::Call(call)) => {
                lines.push(format!("> call {} {} {}", json(&call.id), json(&call.name), json(&call.arguments)));
            }
            Ok(ChatEvent::Finished { reason, usage }) => {
                let reason = match reason {
                    StopReason::Complete => "complete",
                    StopReason::Length => "length",
                    StopReason::Calls => "calls",
                    StopReason::Filtered => "filtered",
                };
                let usage = usage.map_or("-".to_owned(), |usage| format!("{} {}", usage.input, usage.output));
                lines.push(format!("> end {reason} {usage}"));
            }
            Err(failure) => lines.push(format!(
                "> end {}",
                match failure.fault {
                    ChatFault::Unavailable { .. } => "unavailable",
                    ChatFault::TimedOut => "timed_out",
                    ChatFault::TooLong => "too_long",
                    ChatFault::Refused => "refused",
                    ChatFault::Broken => "broken",
                }
            )),
        }
    }
    if !text.is_empty() {
        lines.insert(0, format!("> text {}", json(&text)));
    }
    lines
}

#[test]
fn every_dialect_is_understood() {
    let dialects: Vec<&str> = DIALECTS.split("=== ").filter(|dialect| !dialect.is_empty()).collect();
    assert!(dialects.len() >= 30);
    for dialect in dialects {
        let (name, rest) = dialect.split_once('\n').unwrap();
        let is_expected = |line: &&str| line.starts_with("> ");
        let expected: Vec<&str> = rest.lines().take_while(is_expected).collect();
        let body: String = rest.split_inclusive('\n').skip(expected.len()).collect();
        assert_eq!(read([body.as_bytes()].into_iter()), expected, "{name}");
        assert_eq!(read(body.as_bytes().chunks(1)), expected, "{name}, byte by byte");
        let body = body.replace('\n', "\r\n");
        assert_eq!(read(body.as_bytes().chunks(3)), expected, "{name}, with CRLF");
    }
}
