//! Frames and messages that a client should not send.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Came, Client};
use crate::rig::{Rig, settings};

#[tokio::test]
async fn every_frame_has_its_code_and_the_server_goes_on() {
    crate::watch_for_panics();
    let mut settings = settings();
    settings.session.commands.count = 1_000_000;
    settings.sockets_per_user = 10_000;
    let rig = Rig::with(settings).await;
    let mut witness = Client::join(rig.address).await;
    let mut vectors = crate::read("frames.jsonl");
    let mut wrong = Vec::new();
    for vector in &mut vectors {
        let came = outcome(&rig, vector).await;
        assert_eq!(witness.call("context.update", json!({})).await["type"], "ack", "nobody answers after {vector}");
        assert_eq!(crate::panics(), 0, "{vector}");
        if vector["expected"] != came.as_str() {
            wrong.push(format!("{vector}: came {came:?}"));
            vector["expected"] = came.into();
        }
    }
    println!("{} frames", vectors.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: String = vectors.iter().fold(String::new(), |mut lines, vector| {
            writeln!(lines, "{vector}").expect("a line");
            lines
        });
        return fs::write(crate::path_of("frames.jsonl"), lines).expect("a file");
    }
    assert!(wrong.is_empty(), "{} of {} frames:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
    let refused = vectors.iter().filter(|vector| !matches!(vector["expected"].as_str(), Some("" | "ack" | "welcome")));
    assert!(refused.count() >= 500, "the set has too few frames that must not pass");
    let internal =
        vectors.iter().find(|vector| vector["expected"].as_str().is_some_and(|code| code.contains("internal")));
    assert_eq!(internal, None, "no input makes a fault of the server");
}

/// What comes of a frame: the codes of errors and the types of other answers, and the
/// close code, if the connection ends; empty when nothing comes and it goes on.
async fn outcome(rig: &Rig, vector: &Value) -> String {
    let is_joined = vector["before_hello"] != true;
    let mut client = if is_joined { Client::join(rig.address).await } else { Client::open(rig.address).await };
    match (&vector["text"], vector["wire"].as_str()) {
        (_, Some(hex)) => {
            let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
            let _ = client.socket.get_mut().write_all(&bytes).await;
        }
        (Value::String(text), None) => client.send_raw(Message::text(text.clone())).await,
        (Value::Array(parts), None) => {
            client.send_raw(Message::text(parts.iter().map(repeated).collect::<String>())).await;
        }
        (_, None) => panic!("{vector}"),
    }
    client.send(json!({"type": "context.update", "id": "after", "data": {}})).await;
    let mut said = Vec::new();
    loop {
        match client.next().await {
            Came::Frame(frame) if frame["ref"] == "after" => return said.join(" "),
            Came::Frame(frame)
                if frame["seq"].is_number() || frame["type"] == "run.status" || frame["type"] == "run.trace" => {}
            Came::Frame(frame) if frame["type"] == "error" => {
                assert!(frame["data"]["retryable"].is_boolean() && frame["data"]["message"].is_string(), "{frame}");
                said.push(frame["data"]["code"].as_str().expect("a code").to_owned());
            }
            Came::Frame(frame) => said.push(frame["type"].as_str().expect("a type").to_owned()),
            Came::Closed(code) => {
                said.push(code.to_string());
                return said.join(" ");
            }
            Came::Cut => {
                said.push("cut".to_owned());
                return said.join(" ");
            }
        }
    }
}

/// A text and how often it stands there.
fn repeated(part: &Value) -> String {
    let times = usize::try_from(part[1].as_u64().expect("a number")).expect("a small number");
    part[0].as_str().expect("a text").repeat(times)
}
