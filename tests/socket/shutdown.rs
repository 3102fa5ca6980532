//! A server that stops: runs come to their end, and clients are told when to come back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Came, Client, types};
use crate::rig::{Rig, settings};

#[tokio::test]
async fn a_shutdown_does_not_wait_for_what_was_claimed() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("offer").await;
    let action = frames.iter().find(|frame| frame["type"] == "action.requested").expect("an offer");
    client.call("action.claim", json!({"action_id": action["data"]["action_id"]})).await;
    let start = Instant::now();
    let (_, ()) = tokio::join!(client.closed(), rig.stopped());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stop_lets_runs_end_and_tells_clients_when_to_come_back() {
    let mut rig = Rig::start().await;
    let mut idle = Client::join(rig.address).await;
    let mut busy = Client::join(rig.address).await;
    busy.command("message.send", json!({"text": "slow 30"})).await;
    busy.until("message.delta").await;
    rig.stop();
    let (frames, closed) = idle.closed().await;
    assert_eq!((types(&frames), closed), (vec!["going_away"], Came::Closed(4000)));
    assert!(frames[0]["data"]["reconnect_after_ms"].as_u64().expect("a number") <= 5_000);

    let refused = busy.call("message.send", json!({"text": "one more"})).await;
    assert_eq!(refused["type"], "error");
    let (frames, closed) = busy.closed().await;
    assert_eq!(closed, Came::Closed(4000));
    let last = frames.last().expect("frames");
    assert_eq!((&last["type"], &last["data"]["outcome"]), (&json!("run.finished"), &json!("completed")));
    assert!(tokio::net::TcpStream::connect(rig.address).await.is_err(), "nobody listens any more");
    rig.stopped().await;
}

#[tokio::test]
async fn a_stop_ends_runs_that_take_too_long() {
    let mut settings = settings();
    settings.drain = Duration::from_millis(200);
    let mut rig = Rig::with(settings).await;
    let mut client = Client::join(rig.address).await;
    client.command("message.send", json!({"text": "hang"})).await;
    client.until("message.delta").await;
    let start = Instant::now();
    rig.stop();
    let (frames, closed) = client.closed().await;
    assert_eq!(closed, Came::Closed(4000));
    let last = frames.last().expect("frames");
    assert_eq!((&last["type"], &last["data"]["outcome"]), (&json!("run.finished"), &json!("interrupted")));
    rig.stopped().await;
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn clients_that_do_not_read_do_not_hold_up_a_stop() {
    let mut settings = settings();
    settings.drain = Duration::from_millis(300);
    let rig = Rig::with(settings).await;
    let mut stuck = Vec::new();
    for _ in 0..5 {
        let mut client = Client::join(rig.address).await;
        client.command("message.send", json!({"text": "flood 2000"})).await;
        stuck.push(client);
    }
    let half_sent = tokio::net::TcpStream::connect(rig.address).await.expect("a connection");
    let start = Instant::now();
    rig.stopped().await;
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    drop((stuck, half_sent));
}
