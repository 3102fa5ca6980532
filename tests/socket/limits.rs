//! What one client may do, and how long it may be silent.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Came, Client, hello, types};
use crate::rig::{Rig, settings};

#[tokio::test]
async fn a_user_has_so_many_sockets_and_no_more() {
    let mut settings = settings();
    settings.sockets_per_user = 2;
    let rig = Rig::with(settings).await;
    let first = Client::join(rig.address).await;
    let _second = Client::join(rig.address).await;
    let mut third = Client::open(rig.address).await;
    third.send(json!({"type": "hello", "id": "h", "data": hello()})).await;
    let (frames, came) = third.closed().await;
    assert_eq!((&frames[0]["data"]["code"], came), (&json!("quota_exceeded"), Came::Closed(4505)));
    let mut other = hello();
    other["anonymous_id"] = json!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a11");
    Client::join_as(rig.address, other).await;
    drop(first);
    // The seat is free once the server has seen the end of the socket.
    for _ in 0..500 {
        let mut again = Client::open(rig.address).await;
        again.send(json!({"type": "hello", "id": "h", "data": hello()})).await;
        if matches!(again.next().await, Came::Frame(frame) if frame["type"] == "welcome") {
            return;
        }
    }
    panic!("the seat was not given back");
}

#[tokio::test]
async fn a_user_has_so_many_turns_a_day() {
    let mut settings = settings();
    settings.daily_turns.user = Some(2);
    let rig = Rig::with(settings).await;
    let mut client = Client::join(rig.address).await;
    client.ask("hello").await;
    let mut other_tab = Client::join(rig.address).await;
    other_tab.ask("hello").await;
    let refused = client.call("message.send", json!({"text": "hello"})).await;
    assert_eq!(refused["data"]["code"], "quota_exceeded", "{refused}");
    // What was carried out before is no new turn, and a message that is only put into
    // the field is none at all.
    let first = format!("{}-1", client.prefix);
    client.send(json!({"type": "message.send", "id": first, "data": {"text": "hello"}})).await;
    assert_eq!(client.answer(&first).await["data"]["duplicate"], true);
    let prefill = json!({"message": {"template": "hello"}, "mode": "prefill", "source": {"kind": "cta"},
        "conversation": "current"});
    assert_eq!(client.call("agent.launch", prefill).await["type"], "ack");
    assert!(refused["data"]["retry_after_ms"].as_u64().is_some_and(|wait| wait <= 86_400_000), "{refused}");
    let mut other = hello();
    other["anonymous_id"] = json!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a11");
    Client::join_as(rig.address, other).await.ask("hello").await;
}

#[tokio::test]
async fn silence_is_noticed() {
    let mut settings = settings();
    settings.session.heartbeat_ms = 100;
    settings.session.pong_timeout_ms = 200;
    let rig = Rig::with(settings).await;
    let mut quiet = Client::join(rig.address).await;
    let mut polite = Client::join(rig.address).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(700) {
        if polite.frame().await["type"] == "ping" {
            polite.send(json!({"type": "pong"})).await;
        }
    }
    let (frames, closed) = quiet.closed().await;
    assert_eq!((types(&frames).len(), frames.len(), closed), (0, 1, Came::Closed(4001)), "one ping, then the end");
    assert_eq!(types(&polite.ask("still here").await).last(), Some(&"run.finished"));
}

#[tokio::test]
async fn no_hello_in_time() {
    let mut settings = settings();
    settings.session.hello_timeout_ms = 100;
    let rig = Rig::with(settings).await;
    let mut silent = Client::open(rig.address).await;
    assert_eq!(silent.closed().await, (Vec::new(), Came::Closed(4502)));
}

#[tokio::test]
async fn commands_are_limited() {
    let mut settings = settings();
    settings.session.commands.count = 5;
    settings.session.strikes.count = 10;
    let rig = Rig::with(settings).await;
    let mut client = Client::join(rig.address).await;
    let update = |n: u32| json!({"type": "context.update", "id": format!("u{n}"), "data": {}});
    client.send(json!((0..8).map(update).collect::<Vec<_>>())).await;
    let mut answers = Vec::new();
    while answers.len() < 8 {
        answers.push(client.frame().await);
    }
    let accepted = answers.iter().filter(|answer| answer["type"] == "ack").count();
    assert_eq!(accepted, 4, "hello was the fifth");
    let refused = answers.last().expect("answers");
    assert_eq!(refused["data"]["code"], "rate_limited");
    assert!(refused["data"]["retry_after_ms"].as_u64().is_some_and(|wait| wait <= 2_000), "{refused}");
    client.send(json!((8..30).map(update).collect::<Vec<_>>())).await;
    assert_eq!(client.closed().await.1, Came::Closed(4005));
}

#[tokio::test]
async fn floods_of_pings_and_pongs_are_cut_off() {
    let mut settings = settings();
    settings.session.strikes.count = 20;
    let rig = Rig::with(settings).await;
    let mut flooder = Client::join(rig.address).await;
    for _ in 0..50 {
        flooder.send_raw(Message::Ping(Vec::new().into())).await;
    }
    assert_eq!(flooder.closed().await.1, Came::Closed(4005));
    let mut chatterer = Client::join(rig.address).await;
    for _ in 0..50 {
        chatterer.send(json!({"type": "pong"})).await;
    }
    assert_eq!(chatterer.closed().await.1, Came::Closed(4005));
    let mut before = Client::open(rig.address).await;
    for _ in 0..50 {
        before.send_raw(Message::Pong(Vec::new().into())).await;
    }
    assert_eq!(before.closed().await.1, Came::Closed(4005));
    let mut client = Client::join(rig.address).await;
    assert_eq!(types(&client.ask("calm").await).last(), Some(&"run.finished"));
}
