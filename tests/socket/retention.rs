//! Conversations in which nothing happens for long are removed, and none in use.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Client, check_sequence, hello};
use crate::rig::{Rig, settings};

const DAY: Duration = Duration::from_secs(86_400);

fn hello_of(user: usize) -> Value {
    let mut hello = hello();
    hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{user:012}"));
    hello
}

async fn come_back(rig: &Rig, mut hello: Value, cursor: &Value) -> Client {
    hello["resume"] = cursor.clone();
    Client::join_as(rig.address, hello).await
}

#[tokio::test(start_paused = true)]
async fn a_conversation_of_long_ago_is_unknown_unless_it_is_in_use() {
    let mut settings = settings();
    settings.retention = Some(DAY);
    settings.run_timeout = 30 * DAY;
    settings.session.heartbeat_ms = 30 * 86_400_000;
    let rig = Rig::with(settings).await;
    let (gone, open, running) = (hello_of(1), hello_of(2), hello_of(3));

    let mut client = Client::join_as(rig.address, gone.clone()).await;
    client.ask("hello").await;
    let gone_at = client.cursor(0);
    drop(client);
    let mut client = Client::join_as(rig.address, running.clone()).await;
    client.command("message.send", json!({"text": "hang"})).await;
    client.until("message.delta").await;
    let running_at = client.cursor(0);
    drop(client);
    let mut follower = Client::join_as(rig.address, open).await;
    let last = check_sequence(&follower.ask("hello").await, 0);

    sleep(DAY / 2).await;
    let early = come_back(&rig, gone.clone(), &gone_at).await;
    assert_eq!(early.welcome["data"]["resumed"], true, "it is kept for a day");
    drop(early);

    sleep(DAY).await;
    let mut late = come_back(&rig, gone, &gone_at).await;
    assert_eq!((&late.welcome["data"]["resumed"], &late.welcome["data"]["seq"]), (&json!(false), &json!(0)));
    assert_ne!(late.welcome["data"]["conversation_id"], gone_at["conversation_id"]);
    let page = json!({"conversation_id": gone_at["conversation_id"], "before_seq": 100, "limit": 10});
    late.command("history.get", page).await;
    assert_eq!(late.until("error").await["data"]["code"], "conversation_not_found");
    check_sequence(&follower.ask("still here").await, last);
    let mut back = come_back(&rig, running, &running_at).await;
    assert_eq!(back.welcome["data"]["resumed"], true, "a run goes on in it");
    back.until("message.delta").await;
}
