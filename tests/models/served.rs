//! A model's answer on its whole way: from the endpoint's bytes over the server's
//! websocket to a client, and a stop on the way back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::provider::{Provider, Step, answer, called, ended, head, said};
use super::site::{Client, Site, of};

async fn start() -> (Provider, Site) {
    let provider = Provider::start().await;
    let site = Site::start(provider.model()).await;
    (provider, site)
}

#[tokio::test]
async fn an_answer_streams_with_its_citations_and_what_it_used() {
    let (provider, site) = start().await;
    provider.will([answer(&[said("Invoices are sent on the first day"), said(" of each month [1]."), ended("stop")])]);
    let (mut client, _) = Client::join(site.address, None).await;
    client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
    let frames = client.until("run.finished").await;
    let streamed: String = of(&frames, "message.delta").iter().map(|delta| delta["delta"].as_str().unwrap()).collect();
    let whole = of(&frames, "message.completed").pop().unwrap();
    assert_eq!(whole["text"], "Invoices are sent on the first day of each month.");
    assert_eq!(streamed, whole["text"].as_str().unwrap());
    assert_eq!(whole["citations"][0]["title"], "Billing");
    let finished = of(&frames, "run.finished")[0];
    assert_eq!((&finished["kind"], &finished["outcome"]), (&json!("knowledge"), &json!("completed")));
    assert_eq!(finished["usage"], json!({"input_tokens": 7, "output_tokens": 3}));
}

#[tokio::test]
async fn a_stop_closes_the_connection_to_the_model_within_half_a_second() {
    let (provider, site) = start().await;
    let (mut client, _) = Client::join(site.address, None).await;
    for round in 0..20 {
        let begun = format!("{}{}", head("200 OK"), said("Invoices are sent on the first day of each month [1]."));
        provider.will([vec![Step::Send(begun.into_bytes()), Step::Stall]]);
        client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
        let frames = client.until("message.delta").await;
        let run = of(&frames, "run.started")[0]["run_id"].clone();
        let stopped = Instant::now();
        client.send("run.cancel", json!({"run_id": run})).await;
        let frames = client.until("run.finished").await;
        assert_eq!(of(&frames, "run.finished")[0]["outcome"], "cancelled");
        while provider.closed().len() <= round {
            tokio::task::yield_now().await;
        }
        let took = provider.closed()[round] - stopped;
        assert!(took < Duration::from_millis(500), "round {round} took {took:?}");
    }
}

#[tokio::test]
async fn a_tab_that_goes_stops_nothing_and_finds_the_same_text() {
    let (provider, site) = start().await;
    let begun = format!("{}{}", head("200 OK"), said("Invoices are sent on the first day"));
    let rest = format!("{}{}", said(" of each month [1]."), ended("stop"));
    let pause = Step::Wait(Duration::from_millis(200));
    provider.will([vec![Step::Send(begun.into_bytes()), pause, Step::Send(rest.into_bytes())]]);
    let (mut client, welcome) = Client::join(site.address, None).await;
    client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
    client.until("run.started").await;
    drop(client);
    let cursor = json!({"conversation_id": welcome["conversation_id"], "epoch": welcome["epoch"], "after_seq": 0});
    let (mut client, welcome) = Client::join(site.address, Some(cursor)).await;
    assert_eq!(welcome["resumed"], true);
    let frames = client.until("run.finished").await;
    let whole = of(&frames, "message.completed").pop().unwrap();
    assert_eq!(whole["text"], "Invoices are sent on the first day of each month.");
    assert!(provider.closed().is_empty(), "the model was not interrupted");
}

#[tokio::test]
async fn a_handover_has_a_reason_and_reaches_the_desk() {
    let (provider, site) = start().await;
    let call = called(0, "call-1", "hand_over", "{\"reason\": \"customer_request\"}");
    provider.will([answer(&[call, ended("tool_calls")])]);
    let (mut client, welcome) = Client::join(site.address, None).await;
    client.send("message.send", json!({"text": "I want to talk with a human about invoices"})).await;
    let frames = client.until("run.finished").await;
    let finished = of(&frames, "run.finished")[0];
    assert_eq!((&finished["kind"], &finished["handover_reason"]), (&json!("handover"), &json!("customer_request")));
    assert_eq!(of(&frames, "message.completed").pop().unwrap()["text"], "A colleague will write.");
    let told = site.desk.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(site.desk.ended_before.load(Ordering::Relaxed), 0, "a crash loses no handover that the log has");
    assert_eq!(told[0].question, "I want to talk with a human about invoices");
    assert_eq!(Value::from(told[0].conversation.as_str()), welcome["conversation_id"]);
}

#[tokio::test]
async fn reasoning_that_only_a_tag_closes_is_taken_back_once_and_then_never_shown() {
    let (provider, site) = start().await;
    let thought = "Sent on the first day of each month, the passage says [1]. Good.";
    let begun = format!("{}{}", head("200 OK"), said(thought));
    let events = [said("\n</think>\n\n"), said("Invoices are sent on the first day [1]."), ended("stop")];
    let [begun, rest] = [begun, events.concat()].map(|bytes| Step::Send(bytes.into_bytes()));
    let script = vec![begun, Step::Wait(Duration::from_millis(200)), rest];
    provider.will([script.clone(), script]);
    let (mut client, _) = Client::join(site.address, None).await;
    for round in 0..2 {
        client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
        let frames = client.until("run.finished").await;
        let whole = of(&frames, "message.completed").pop().unwrap();
        assert_eq!(whole["text"], "Invoices are sent on the first day.", "round {round}");
        assert_eq!(whole["citations"][0]["title"], "Billing");
        let is_told = frames.iter().any(|frame| frame.to_string().contains("the passage says"));
        assert!(!is_told || round == 0, "{frames:?}");
    }
}
