//! Actions that need no click, tabs that go, and what is said after a failure.

use serde_json::{Value, json};

use crate::client::{Client, hello};
use crate::rig::Rig;

/// A second tab of the same user in the same conversation.
async fn second_tab(rig: &Rig, first: &Client) -> Client {
    let mut hello = hello();
    hello["client_id"] = json!("tab-2");
    hello["resume"] = first.cursor(0);
    let second = Client::join_as(rig.address, hello).await;
    assert_eq!(second.welcome["data"]["resumed"], true);
    second
}

fn requested(frames: &[Value]) -> &Value {
    &frames.iter().find(|frame| frame["type"] == "action.requested").expect("an action")["data"]
}

#[tokio::test]
async fn what_starts_by_itself_is_bound_to_its_tab_until_the_tab_goes() {
    let rig = Rig::start().await;
    let mut first = Client::join(rig.address).await;
    let mut second = second_tab(&rig, &first).await;
    let frames = first.ask("leave").await;
    let action = requested(&frames);
    assert_eq!((&action["execution"], &action["target_client_id"]), (&json!("auto"), &json!("tab-1")));
    assert!(action["expires_at"].is_string());
    let claim = json!({"action_id": action["action_id"]});
    let refused = second.call("action.claim", claim.clone()).await;
    assert_eq!(refused["data"]["code"], "forbidden");

    drop(first);
    let moved = second.until("action.updated").await;
    assert_eq!((&moved["data"]["state"], &moved["data"]["execution"]), (&json!("pending"), &json!("offer")));
    assert_eq!((&moved["data"]["target_client_id"], &moved["data"]["expires_at"]), (&json!("tab-2"), &Value::Null));
    assert_eq!(second.call("action.claim", claim).await["type"], "ack");
    assert_eq!(second.until("action.updated").await["data"]["state"], "claimed");
}

#[tokio::test]
async fn what_a_lost_tab_was_granted_expires_and_is_not_granted_again() {
    let mut settings = crate::rig::settings();
    settings.session.action_result_ms = 50;
    let rig = Rig::with(settings).await;
    let mut first = Client::join(rig.address).await;
    let mut second = second_tab(&rig, &first).await;
    let frames = first.ask("leave").await;
    let action = requested(&frames)["action_id"].clone();
    assert_eq!(first.call("action.claim", json!({"action_id": action})).await["type"], "ack");
    drop(first);
    assert_eq!(second.until("action.updated").await["data"]["state"], "claimed");
    let expired = second.until("action.updated").await;
    assert_eq!((&expired["data"]["state"], &expired["data"]["code"]), (&json!("expired"), &json!("timeout")));
    let refused = second.call("action.claim", json!({"action_id": action})).await;
    assert_eq!(refused["data"]["code"], "action_expired");
}

#[tokio::test]
async fn a_failure_is_told_once_with_what_is_left() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("offer").await;
    let offers: Vec<Value> = frames.iter().filter(|frame| frame["type"] == "action.requested").cloned().collect();
    let fail = async |client: &mut Client, offer: &Value, code: &str| {
        let action = &offer["data"]["action_id"];
        assert_eq!(client.call("action.claim", json!({"action_id": action})).await["type"], "ack");
        let failed = json!({"action_id": action, "status": "failed", "code": code});
        assert_eq!(client.call("action.result", failed).await["type"], "ack");
    };
    fail(&mut client, &offers[0], "element_missing").await;
    let told = client.until("message.completed").await;
    assert_eq!(
        told["data"]["text"],
        "“Start the tour” did not work. Something it needs is not on this page. You can still choose: Read the news"
    );
    assert_eq!((&told["data"]["role"], &told["data"]["run_id"]), (&json!("agent"), &Value::Null));
    fail(&mut client, &offers[1], "not_eligible").await;
    let frames = client.ask("and now?").await;
    let told =
        frames.iter().filter(|frame| frame["data"]["text"].as_str().is_some_and(|text| text.contains("did not work")));
    assert_eq!(told.count(), 0, "the second failure of the list is not told");

    let frames = client.ask("leave").await;
    fail(&mut client, frames.iter().find(|frame| frame["type"] == "action.requested").expect("an action"), "timeout")
        .await;
    let told = client.until("message.completed").await;
    let expected = "“Billing” did not work. It took too long. This may help instead: [Billing](/billing)";
    assert_eq!(told["data"]["text"], expected);
}
