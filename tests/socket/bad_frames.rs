//! Frames in pieces and several commands in one, each with what comes of it. After each,
//! another client is answered. Single frames stand in `tests/vectors/frames.jsonl`.

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::{Came, Client, hello};
use crate::rig::{Rig, settings};

/// What must come of a frame.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// An error with this code, then this close code.
    ErrorClose(&'static str, u16),
    /// This close code.
    Close(u16),
    /// An `ack`.
    Ack,
}

use Expected::{Ack, Close, ErrorClose};

async fn answers(client: &mut Client) {
    let answer = client.call("context.update", json!({})).await;
    assert_eq!(answer["type"], "ack", "{answer}");
}

async fn check(rig: &Rig, mut client: Client, message: Message, expected: Expected, name: &str) {
    client.send_raw(message).await;
    let error = |came: &Value| came["data"]["code"].as_str().unwrap_or_default().to_owned();
    match expected {
        ErrorClose(code, number) => {
            let (frames, closed) = client.closed().await;
            assert_eq!(frames.iter().map(error).collect::<Vec<_>>(), [code], "{name}");
            assert_eq!(closed, Came::Closed(number), "{name}");
        }
        Close(number) => assert_eq!(client.closed().await, (Vec::new(), Came::Closed(number)), "{name}"),
        Ack => assert_eq!(client.frame().await["type"], "ack", "{name}"),
    }
    if matches!(expected, Ack) {
        answers(&mut client).await;
    }
    answers(&mut Client::join(rig.address).await).await;
}

#[tokio::test]
async fn commands_of_later_versions_are_unknown() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    for (kind, data) in [
        ("event.track", json!({"name": "clicked"})),
        ("experience.event", json!({"experience_id": "tour", "revision": 1, "kind": "shown"})),
    ] {
        assert_eq!(client.call(kind, data).await["data"]["code"], "unknown_type", "{kind}");
    }
}

#[tokio::test]
async fn a_faulty_command_does_not_stop_the_others_in_its_frame() {
    let rig = Rig::start().await;
    let mut client = Client::open(rig.address).await;
    client
        .send(json!([
            {"type": "message.send", "id": "early", "data": {"text": "x"}},
            {"type": "hello", "id": "h", "data": hello()},
            {"type": "nonsense", "id": "n"},
            {"type": "message.send", "id": "s", "data": {"text": "hi"}},
            {"type": "context.update", "id": "u", "data": 5},
        ]))
        .await;
    let mut frames = client.through("run.finished").await;
    while !frames.iter().any(|frame| frame["ref"] == "u") {
        frames.push(client.frame().await);
    }
    let answer = |id: &str| {
        let frame = frames.iter().find(|frame| frame["ref"] == id).unwrap_or_else(|| panic!("no answer to {id}"));
        frame["data"]["code"].as_str().unwrap_or_else(|| frame["type"].as_str().expect("a type")).to_owned()
    };
    let codes: Vec<_> = ["early", "h", "n", "s", "u"].into_iter().map(answer).collect();
    assert_eq!(codes, ["auth_required", "welcome", "unknown_type", "ack", "bad_request"]);
}

#[tokio::test]
async fn frames_that_are_not_whole_texts() {
    let mut settings = settings();
    settings.fragments = 4;
    let rig = Rig::with(settings).await;
    let binary = Message::binary(br#"{"type":"pong"}"#.to_vec());
    check(&rig, Client::join(rig.address).await, binary.clone(), ErrorClose("bad_request", 4501), "binary").await;
    check(&rig, Client::open(rig.address).await, binary, ErrorClose("bad_request", 4501), "binary before hello").await;

    let piece = |opcode: Data, text: &str, is_final: bool| {
        Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(opcode), is_final))
    };
    let text = r#"{"type":"context.update","id":"f"}"#;
    let mut client = Client::join(rig.address).await;
    for (opcode, from, to) in [(Data::Text, 0, 10), (Data::Continue, 10, 20)] {
        client.send_raw(piece(opcode, &text[from..to], false)).await;
    }
    client.send_raw(Message::Ping(vec![1].into())).await;
    check(&rig, client, piece(Data::Continue, &text[20..], true), Ack, "fragments with a ping between").await;

    let mut client = Client::join(rig.address).await;
    client.send_raw(piece(Data::Text, "{", false)).await;
    for _ in 0..5 {
        let _ = client.socket.feed(piece(Data::Continue, "", false)).await;
    }
    check(&rig, client, piece(Data::Continue, "}", true), Close(1009), "too many fragments").await;

    let mut client = Client::join(rig.address).await;
    client.send_raw(piece(Data::Text, &"x".repeat(40_000), false)).await;
    check(&rig, client, piece(Data::Continue, &"x".repeat(40_000), true), Close(1009), "too long in fragments").await;

    let client = Client::join(rig.address).await;
    check(&rig, client, piece(Data::Continue, "{}", true), Close(1002), "a continuation of nothing").await;
    let mut client = Client::join(rig.address).await;
    client.send_raw(piece(Data::Text, "{", false)).await;
    check(&rig, client, piece(Data::Text, "}", true), Close(1002), "a text within a text").await;
    let bad_text = Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true));
    check(&rig, Client::join(rig.address).await, bad_text, Close(1007), "not UTF-8").await;
    let reserved = Message::Frame(Frame::message(vec![], OpCode::Data(Data::Reserved(3)), true));
    check(&rig, Client::join(rig.address).await, reserved, Close(1002), "a reserved opcode").await;
    let mut compressed = Frame::message(b"{}".to_vec(), OpCode::Data(Data::Text), true);
    compressed.header_mut().rsv1 = true;
    check(&rig, Client::join(rig.address).await, Message::Frame(compressed), Close(1002), "compression").await;
}
