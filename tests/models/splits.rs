//! Streams in fifty languages, cut at every byte: what is read does not depend on
//! where the network cuts.

use docent::adapters::openai_chat::{AnswerReader, Failure};
use docent::ports::chat_model::{ChatEvent, ChatModel, ChatRequest};
use futures_util::StreamExt;
use serde_json::json;

use crate::provider::{Provider, Step, ended, event, head, said};

const LANGUAGES: &str = include_str!("languages.txt");
/// Bytes of a stream that is cut at each of them.
const LEAST_BYTES: usize = 1_000;

/// A stream for each language, in the style of one of many endpoints.
fn streams() -> Vec<(String, String)> {
    let lines = LANGUAGES.lines().enumerate();
    lines.map(|(at, line)| stream(at, line.split_once('\t').expect("a language and a text").1)).collect()
}

/// The text, repeated until it is long enough, and its stream.
fn stream(style: usize, sentence: &str) -> (String, String) {
    let mut text = sentence.to_owned();
    loop {
        let chars: Vec<char> = text.chars().collect();
        let pieces = chars.chunks(7 + style % 40).map(|piece| piece.iter().collect::<String>());
        let mut events: Vec<String> =
            pieces.map(|piece| if style.is_multiple_of(3) { escaped(&piece) } else { said(&piece) }).collect();
        if style % 4 == 1 {
            events.insert(0, said("<think>nō — 不</think>\n"));
        }
        events.push(ended("stop"));
        let mut body = events.concat();
        match style % 5 {
            1 => body = body.replace('\n', "\r\n"),
            2 => body = body.replace("data: ", "data:"),
            3 => body = body.replace('\n', "\r"),
            4 => body = format!("\u{feff}: привет\n\n{body}"),
            _ => {}
        }
        if body.len() >= LEAST_BYTES {
            return (text, body);
        }
        text.push_str(sentence);
    }
}

/// An event whose text is written in ASCII, as some endpoints do.
fn escaped(text: &str) -> String {
    let ascii = event(&json!({"choices": [{"delta": {"content": text}}]}));
    ascii.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect()
}

fn units(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn read(parts: &[&[u8]]) -> (String, Option<Result<ChatEvent, Failure>>) {
    let mut reader = AnswerReader::new(10_000, "model");
    let mut events = Vec::new();
    for part in parts {
        events.extend(reader.read(part));
    }
    events.extend(reader.end());
    let text = |event: &Result<ChatEvent, Failure>| match event {
        Ok(ChatEvent::Text(text)) => Some(text.clone()),
        _ => None,
    };
    (events.iter().filter_map(text).collect(), events.pop())
}

#[test]
fn fifty_languages_are_read_the_same_wherever_they_are_cut() {
    let streams = streams();
    assert_eq!(streams.len(), 50);
    let mut splits = 0;
    for (text, body) in &streams {
        let (whole, end) = read(&[body.as_bytes()]);
        assert_eq!(whole, *text);
        assert!(matches!(end, Some(Ok(ChatEvent::Finished { .. }))), "{end:?}");
        for at in 0..body.len() {
            let (before, after) = body.as_bytes().split_at(at);
            assert_eq!(read(&[before, after]), (whole.clone(), end.clone()), "cut at {at} of {body}");
            splits += 1;
        }
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes).0, whole);
    }
    assert!(splits >= 50_000, "{splits}");
}

#[tokio::test]
async fn sockets_change_nothing() {
    let provider = Provider::start().await;
    let model = provider.model();
    for (at, (text, body)) in streams().into_iter().enumerate() {
        for share in 1..5 {
            let (before, after) = body.as_bytes().split_at(body.len() * share / 5 + at % 7);
            let mut script = vec![Step::Send(head("200 OK").into_bytes())];
            for part in [before, after] {
                script.extend([Step::Send(part.to_vec()), Step::Wait(std::time::Duration::from_millis(1))]);
            }
            provider.will([script]);
            let request = ChatRequest { max_output_tokens: 1_000, ..ChatRequest::default() };
            let answer = model.answer(&request).await.unwrap();
            let events: Vec<_> = answer.events.collect().await;
            let said: String = events
                .into_iter()
                .filter_map(|event| if let Ok(ChatEvent::Text(text)) = event { Some(text) } else { None })
                .collect();
            assert_eq!(said, text);
        }
    }
}

#[test]
fn a_text_in_many_events_may_be_huge() {
    let piece = said(&"x".repeat(1_000));
    let body = piece.repeat(2_000) + &ended("stop");
    let mut reader = AnswerReader::new(1_000_000, "model");
    let events: Vec<_> = body.as_bytes().chunks(4_096).flat_map(|part| reader.read(part)).collect();
    let length: usize =
        events.iter().map(|event| if let Ok(ChatEvent::Text(text)) = event { text.len() } else { 0 }).sum();
    assert_eq!(length, 2_000_000);
    assert!(matches!(events.last(), Some(Ok(ChatEvent::Finished { .. }))));
}
