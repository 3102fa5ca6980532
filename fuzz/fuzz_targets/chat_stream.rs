//! Answers of chat models: whatever the bytes, and wherever they are cut, the same
//! is read, it ends once, and nothing panics.

#![no_main]

use docent::adapters::openai_chat::AnswerReader;
use docent::ports::chat_model::{ChatEvent, ChatFault, StopReason, ToolCall};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Answer {
    text: String,
    calls: Vec<ToolCall>,
    end: Option<Result<StopReason, ChatFault>>,
}

fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Answer {
    let mut reader = AnswerReader::new(1_000, "model");
    let mut answer = Answer::default();
    let mut events = Vec::new();
    for part in parts {
        events.extend(reader.read(part));
    }
    events.extend(reader.end());
    for event in events {
        assert!(answer.end.is_none(), "nothing follows the end");
        match event {
            Ok(ChatEvent::Text(text)) => {
                assert!(!text.is_empty());
                answer.text.push_str(&text);
            }
            Ok(ChatEvent::Call(call)) => {
                assert!(!call.id.is_empty() && answer.calls.iter().all(|other| other.id != call.id));
                answer.calls.push(call);
            }
            Ok(ChatEvent::Retracted) => answer.text.clear(),
            Ok(ChatEvent::Working) => {}
            Ok(ChatEvent::Finished { reason, .. }) => answer.end = Some(Ok(reason)),
            Err(failure) => answer.end = Some(Err(failure.fault)),
        }
    }
    assert!(reader.is_over() && answer.end.is_some());
    answer
}

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let whole = read([body]);
    assert_eq!(read(body.chunks(1 + usize::from(*first))), whole);
    assert!(whole.text.len() <= 1_000 * 16 + 4_096 + body.len());
});
