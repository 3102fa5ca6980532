//! Exchanges that are recorded and given again, offline and exactly.

use std::sync::Arc;

use docent::adapters::chat_recording::{ChatRecorder, ChatReplay};
use docent::ports::chat_model::{ChatError, ChatEvent, ChatFault, ChatMessage, ChatModel, ChatRequest};
use futures_util::StreamExt;

use crate::provider::{KEY, Provider, answer, called, ended, said, status};

fn request(question: &str) -> ChatRequest {
    let messages = vec![ChatMessage::System("Be kind.".to_owned()), ChatMessage::User(question.to_owned())];
    ChatRequest { messages, max_output_tokens: 100, ..ChatRequest::default() }
}

async fn ask(model: &dyn ChatModel, question: &str) -> Result<Vec<ChatEvent>, ChatError> {
    let stream = model.answer(&request(question)).await?;
    let events: Vec<_> = stream.events.collect().await;
    let events: Result<Vec<_>, _> = events.into_iter().collect();
    Ok(events?.into_iter().filter(|event| *event != ChatEvent::Working).collect())
}

#[tokio::test]
async fn what_was_recorded_is_given_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("recordings");
    let provider = Provider::start().await;
    let begun = "2026-03-01T09:00:00Z".parse().unwrap();
    let recorder = ChatRecorder::open(Arc::new(provider.model()), &folder, begun).unwrap();
    provider.will([
        answer(&[said("One "), said("two, 三."), ended("stop")]),
        answer(&[said("I look."), called(0, "a", "search", "{\"query\":"), ended("length")]),
        status("503 Service Unavailable", "", ""),
        answer(&[said("cut")]),
    ]);
    let first = ask(&recorder, "first").await.unwrap();
    let second = ask(&recorder, "second").await.unwrap();
    for failed in ["third", "fourth"] {
        assert!(ask(&recorder, failed).await.is_err());
    }
    drop(provider);

    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "failures are not kept");
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("Be kind.") && !text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
    }
    let replay = ChatReplay::open(&folder, 1).unwrap();
    assert_eq!((replay.context_tokens(), replay.recorded_at()), (8_192, Some(begun)));
    assert_eq!(ask(&replay, "first").await.unwrap(), first);
    assert_eq!(ask(&replay, "second").await.unwrap(), second);
    assert_eq!(replay.take_misses(), Vec::<String>::new());
    let error = ask(&replay, "first of all").await.unwrap_err();
    assert_eq!(error.fault, ChatFault::Refused);
    for told in
        ["no recording of the request ", "the nearest is ", "/messages/1/user is \"first\" and now \"first of all\""]
    {
        assert!(error.reason.contains(told), "{}", error.reason);
    }
    assert_eq!(replay.take_misses(), [error.reason]);
}

#[tokio::test]
async fn a_folder_that_holds_something_else_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let replay = ChatReplay::open(folder.path(), 4_096).unwrap();
    assert_eq!(replay.context_tokens(), 4_096);
    assert!(ask(&replay, "x").await.unwrap_err().reason.contains("there is none in"));
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    assert!(ChatReplay::open(folder.path(), 1).err().unwrap().to_string().contains("a.json is not a recording"));
    assert!(ChatReplay::open(&folder.path().join("gone"), 1).is_err());
}
