//! Frames and sequences that a client should not send, each with what comes of it.
//! After each, another client is answered.

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
    /// An error with this code, and the connection goes on.
    Error(&'static str),
    /// An error with this code, then this close code.
    ErrorClose(&'static str, u16),
    /// This close code.
    Close(u16),
    /// An `ack`.
    Ack,
    /// Nothing at all, and the connection goes on.
    Nothing,
}

use Expected::{Ack, Close, Error, ErrorClose, Nothing};

async fn answers(client: &mut Client) {
    let answer = client.call("context.update", json!({})).await;
    assert_eq!(answer["type"], "ack", "{answer}");
}

async fn check(rig: &Rig, mut client: Client, message: Message, expected: Expected, name: &str) {
    client.send_raw(message).await;
    let error = |came: &Value| came["data"]["code"].as_str().unwrap_or_default().to_owned();
    match expected {
        Error(code) => {
            let came = client.frame().await;
            assert_eq!((came["type"].as_str(), error(&came).as_str()), (Some("error"), code), "{name}: {came}");
            assert!(came["data"]["retryable"].is_boolean(), "{name}");
        }
        ErrorClose(code, number) => {
            let (frames, closed) = client.closed().await;
            assert_eq!(frames.iter().map(error).collect::<Vec<_>>(), [code], "{name}");
            assert_eq!(closed, Came::Closed(number), "{name}");
        }
        Close(number) => assert_eq!(client.closed().await, (Vec::new(), Came::Closed(number)), "{name}"),
        Ack => assert_eq!(client.frame().await["type"], "ack", "{name}"),
        Nothing => {}
    }
    if matches!(expected, Error(_) | Ack | Nothing) && !client.welcome.is_null() {
        answers(&mut client).await;
    }
    answers(&mut Client::join(rig.address).await).await;
}

fn nested(depth: usize) -> String {
    format!(
        r#"{{"type":"context.update","id":"n","data":{{"attributes":{{"a":{}1{}}}}}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    )
}

fn send(text: &str) -> String {
    json!({"type": "message.send", "id": "s", "data": {"text": text}}).to_string()
}

#[tokio::test]
async fn text_frames_after_hello() {
    let rig = Rig::start().await;
    let pong = r#"{"type":"pong"}"#;
    let array = |n: usize| format!("[{}]", vec![pong; n].join(","));
    let big = |bytes: usize| {
        let frame = r#"{"type":"pong","data":{},"x":""}"#;
        frame.replace("\"x\":\"\"", &format!("\"x\":\"{}\"", "y".repeat(bytes - frame.len())))
    };
    let cases: Vec<(&str, String, Expected)> = vec![
        ("empty", String::new(), ErrorClose("bad_request", 4501)),
        ("white space", " \n\t".into(), ErrorClose("bad_request", 4501)),
        ("not JSON", "hello".into(), ErrorClose("bad_request", 4501)),
        ("a number", "42".into(), ErrorClose("bad_request", 4501)),
        ("a text", "\"hello\"".into(), ErrorClose("bad_request", 4501)),
        ("null", "null".into(), ErrorClose("bad_request", 4501)),
        ("true", "true".into(), ErrorClose("bad_request", 4501)),
        ("cut off", r#"{"type":"pong""#.into(), ErrorClose("bad_request", 4501)),
        ("two objects", format!("{pong}{pong}"), ErrorClose("bad_request", 4501)),
        ("a trailing comma", r#"{"type":"pong",}"#.into(), ErrorClose("bad_request", 4501)),
        ("single quotes", "{'type':'pong'}".into(), ErrorClose("bad_request", 4501)),
        ("a comment", format!("/* x */ {pong}"), ErrorClose("bad_request", 4501)),
        ("a byte order mark", format!("\u{feff}{pong}"), ErrorClose("bad_request", 4501)),
        ("NaN", r#"{"type":NaN}"#.into(), ErrorClose("bad_request", 4501)),
        ("a lone surrogate", r#"{"type":"\ud800"}"#.into(), Error("bad_request")),
        ("a control character in a text", "{\"type\":\"a\u{1}b\"}".into(), ErrorClose("bad_request", 4501)),
        ("an array of numbers", "[1,2]".into(), ErrorClose("bad_request", 4501)),
        ("an array with null", format!("[{pong},null]"), ErrorClose("bad_request", 4501)),
        ("an array of arrays", format!("[[{pong}]]"), ErrorClose("bad_request", 4501)),
        ("65 commands", array(65), ErrorClose("payload_too_large", 4501)),
        ("64 commands", array(64), Nothing),
        ("no commands", "[]".into(), Nothing),
        ("nested 33 deep", nested(31), ErrorClose("bad_request", 4501)),
        ("nested 1,000 deep", nested(1_000), ErrorClose("bad_request", 4501)),
        ("nested 30,000 deep", "[".repeat(30_000), ErrorClose("bad_request", 4501)),
        ("nested 28 deep", nested(25), Ack),
        ("64 KiB", big(65_536), Nothing),
        ("64 KiB and a byte", big(65_537), Close(1009)),
        ("1 MiB", big(1 << 20), Close(1009)),
        ("no type", "{}".into(), Error("bad_request")),
        ("type null", r#"{"type":null}"#.into(), Error("bad_request")),
        ("type a number", r#"{"type":1}"#.into(), Error("bad_request")),
        ("type an object", r#"{"type":{}}"#.into(), Error("bad_request")),
        ("type empty", r#"{"type":""}"#.into(), Error("unknown_type")),
        ("type twice", r#"{"type":"pong","type":"pong"}"#.into(), Error("bad_request")),
        ("unknown type", r#"{"type":"message.sent","id":"u"}"#.into(), Error("unknown_type")),
        ("a server's type", r#"{"type":"welcome","data":{}}"#.into(), Error("unknown_type")),
        ("type in capitals", r#"{"type":"PONG"}"#.into(), Error("unknown_type")),
        ("a long type", json!({"type": "x".repeat(5_000)}).to_string(), Error("unknown_type")),
        ("id a number", r#"{"type":"context.update","id":7}"#.into(), Error("bad_request")),
        ("id empty", r#"{"type":"context.update","id":""}"#.into(), Error("bad_request")),
        ("id with a space", r#"{"type":"context.update","id":"a b"}"#.into(), Error("bad_request")),
        ("id of 65 bytes", json!({"type": "context.update", "id": "x".repeat(65)}).to_string(), Error("bad_request")),
        ("id of 64 bytes", json!({"type": "context.update", "id": "x".repeat(64)}).to_string(), Ack),
        ("no id", r#"{"type":"context.update"}"#.into(), Ack),
        ("data a text", r#"{"type":"context.update","data":"x"}"#.into(), Error("bad_request")),
        ("data an array", r#"{"type":"message.send","data":[1]}"#.into(), Error("bad_request")),
        ("data as the fields in their order", r#"{"type":"message.send","data":[null,"hi",null]}"#.into(), Error("bad_request")),
        ("data null", r#"{"type":"message.send","data":null}"#.into(), Error("bad_request")),
        ("hello again", json!({"type": "hello", "data": hello()}).to_string(), Error("bad_request")),
        ("a text that is a number", r#"{"type":"message.send","data":{"text":1}}"#.into(), Error("bad_request")),
        ("no text", r#"{"type":"message.send","data":{}}"#.into(), Error("bad_request")),
        ("an empty text", send(""), Error("bad_request")),
        ("a text of white space", send(" \n\t "), Error("bad_request")),
        ("8,001 characters", send(&"ü".repeat(8_001)), Error("payload_too_large")),
        ("an unknown quick reply and no text", r#"{"type":"message.send","data":{"quick_reply_id":"x"}}"#.into(), Error("bad_request")),
        ("another conversation", json!({"type": "message.send", "data": {"text": "x", "conversation_id": "conv-x"}}).to_string(), Error("conversation_not_found")),
        ("a launch without a source", r#"{"type":"agent.launch","data":{"mode":"open"}}"#.into(), Error("bad_request")),
        ("a launch from nowhere", r#"{"type":"agent.launch","data":{"source":{"kind":"moon"}}}"#.into(), Error("bad_request")),
        ("a launch of an unknown mode", r#"{"type":"agent.launch","data":{"mode":"now","source":{"kind":"cta"}}}"#.into(), Error("bad_request")),
        ("an unclosed template", r#"{"type":"agent.launch","data":{"message":{"template":"{{a"},"source":{"kind":"cta"}}}"#.into(), Error("bad_request")),
        ("a launch attribute without a name", r#"{"type":"agent.launch","data":{"attributes":{"a b":1},"source":{"kind":"cta"}}}"#.into(), Error("bad_request")),
        ("a claim of nothing", r#"{"type":"action.claim","data":{}}"#.into(), Error("bad_request")),
        ("a claim of a bad id", r#"{"type":"action.claim","data":{"action_id":"<x>"}}"#.into(), Error("bad_request")),
        ("a claim of an unknown action", r#"{"type":"action.claim","data":{"action_id":"x"}}"#.into(), Error("action_expired")),
        ("a result of an unknown action", r#"{"type":"action.result","data":{"action_id":"x","status":"failed"}}"#.into(), Error("action_expired")),
        ("an unknown status", r#"{"type":"action.result","data":{"action_id":"x","status":"great"}}"#.into(), Error("bad_request")),
        ("an unknown result code", r#"{"type":"action.result","data":{"action_id":"x","status":"failed","code":"x"}}"#.into(), Error("bad_request")),
        ("a negative duration", r#"{"type":"action.result","data":{"action_id":"x","status":"failed","duration_ms":-1}}"#.into(), Error("bad_request")),
        ("feedback on nothing", r#"{"type":"feedback.set","data":{"value":"up"}}"#.into(), Error("bad_request")),
        ("feedback on an unknown answer", r#"{"type":"feedback.set","data":{"message_id":"m","value":"up"}}"#.into(), Error("bad_request")),
        ("feedback sideways", r#"{"type":"feedback.set","data":{"message_id":"m","value":"left"}}"#.into(), Error("bad_request")),
        ("a relative page", r#"{"type":"context.update","data":{"page":{"url":"/x"}}}"#.into(), Error("bad_request")),
        ("a page without an address", r#"{"type":"context.update","data":{"page":{}}}"#.into(), Error("bad_request")),
        ("a long page", json!({"type": "context.update", "data": {"page": {"url": format!("https://a.example/{}", "x".repeat(9_000))}}}).to_string(), Error("bad_request")),
        ("an attribute without a name", r#"{"type":"context.update","data":{"attributes":{"":1}}}"#.into(), Error("bad_request")),
        ("201 attributes", json!({"type": "context.update", "data": {"attributes": (0..201).map(|n| (format!("a{n}"), json!(n))).collect::<serde_json::Map<_, _>>()}}).to_string(), Error("bad_request")),
        ("attributes that are a list", r#"{"type":"context.update","data":{"attributes":[]}}"#.into(), Error("bad_request")),
        ("an experience without an id", r#"{"type":"experience.get","data":{}}"#.into(), Error("bad_request")),
        ("an experience called ../x", r#"{"type":"experience.get","data":{"experience_id":"../x"}}"#.into(), Error("experience_not_found")),
        ("a post with a null byte", r#"{"type":"post.get","data":{"post_id":"a\u0000"}}"#.into(), Error("post_not_found")),
        ("unknown fields", r#"{"type":"context.update","future":{"a":[1]},"data":{"later":true}}"#.into(), Ack),
    ];
    assert!(cases.len() >= 78, "{}", cases.len());
    for (name, text, expected) in cases {
        let client = Client::join(rig.address).await;
        check(&rig, client, Message::text(text), expected, name).await;
    }
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
async fn before_and_in_hello() {
    let rig = Rig::start().await;
    let with = |name: &str, value: Value| {
        let mut data = hello();
        data[name] = value;
        json!({"type": "hello", "id": "h", "data": data}).to_string()
    };
    let without = |name: &str| {
        let mut data = hello();
        data.as_object_mut().expect("an object").remove(name);
        json!({"type": "hello", "id": "h", "data": data}).to_string()
    };
    let cases: Vec<(&str, String, Expected)> = vec![
        ("a message before hello", send("x"), Error("auth_required")),
        ("a claim before hello", r#"{"type":"action.claim","data":{"action_id":"x"}}"#.into(), Error("auth_required")),
        (
            "a later command before hello",
            r#"{"type":"run.cancel","data":{"run_id":"x"}}"#.into(),
            Error("auth_required"),
        ),
        ("an unknown command before hello", r#"{"type":"x"}"#.into(), Error("unknown_type")),
        ("a pong before hello", r#"{"type":"pong"}"#.into(), Nothing),
        ("not JSON before hello", "GET / HTTP/1.1".into(), ErrorClose("bad_request", 4501)),
        ("hello without data", r#"{"type":"hello"}"#.into(), Error("bad_request")),
        ("hello without a project key", without("project_key"), Error("bad_request")),
        ("hello without a client id", without("client_id"), Error("bad_request")),
        ("hello of another project", with("project_key", json!("other")), ErrorClose("auth_invalid", 4500)),
        ("hello with a token", with("identity_token", json!("a.b.c")), ErrorClose("auth_invalid", 4500)),
        ("hello as a signed user", with("anonymous_id", json!("user-1")), Error("bad_request")),
        ("hello with a short id", with("anonymous_id", json!("anon-1")), Error("bad_request")),
        ("hello with an empty client id", with("client_id", json!("")), Error("bad_request")),
        ("hello with a long client id", with("client_id", json!("x".repeat(201))), Error("bad_request")),
        ("hello with a relative page", with("page", json!({"url": "x"})), Error("bad_request")),
        ("hello with a bad attribute", with("attributes", json!({"a b": 1})), Error("bad_request")),
        ("hello with capabilities as a text", with("capabilities", json!("all")), Error("bad_request")),
        (
            "hello with a negative cursor",
            with("resume", json!({"conversation_id": "c", "epoch": "e", "after_seq": -1})),
            Error("bad_request"),
        ),
    ];
    for (name, text, expected) in cases {
        let client = Client::open(rig.address).await;
        check(&rig, client, Message::text(text), expected, name).await;
    }
    for (name, data) in [
        ("an unknown locale", with("locale", json!("klingon-language"))),
        ("no anonymous id", without("anonymous_id")),
        ("no capabilities", without("capabilities")),
        ("a cursor of nothing", with("resume", json!({"conversation_id": "", "epoch": "", "after_seq": 0}))),
    ] {
        let mut client = Client::open(rig.address).await;
        client.send_raw(Message::text(data)).await;
        assert_eq!(client.frame().await["type"], "welcome", "{name}");
        answers(&mut client).await;
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
    let frames = client.through("run.finished").await;
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
