//! How much one person, one address and all together may do in a while.

use docent::session::rate::Rate;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{Came, Client, hello, request};
use crate::http_client::HttpClient;
use crate::rig::{Rig, settings};

fn visitor(number: u32) -> Value {
    let mut data = hello();
    data["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8b{number:02}"));
    data
}

/// Opens a socket as a proxy on this computer would for a client of `address`.
async fn from(rig: &Rig, address: &str, number: u32) -> Option<Client> {
    let mut request = request(rig.address);
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_str(address).expect("a header"));
    let mut client = Client::open_with(rig.address, request).await.ok()?;
    client.send(json!({"type": "hello", "id": "h", "data": visitor(number)})).await;
    client.welcome = client.until("welcome").await;
    Some(client)
}

async fn refused(client: &mut Client) -> Option<u64> {
    let answer = client.call("message.send", json!({"text": "hello"})).await;
    if answer["type"] == "ack" {
        client.until("run.finished").await;
        return None;
    }
    assert_eq!(answer["data"]["code"], "rate_limited", "{answer}");
    Some(answer["data"]["retry_after_ms"].as_u64().expect("a time"))
}

#[tokio::test]
async fn a_visitor_has_so_many_turns_a_minute() {
    let mut settings = settings();
    settings.rates.visitor_turns = Rate { count: 3, window_ms: 60_000 };
    let rig = Rig::with(settings).await;
    let mut client = Client::join_as(rig.address, visitor(1)).await;
    let first = json!({"type": "message.send", "id": "first", "data": {"text": "hello"}});
    client.send(first.clone()).await;
    client.until("run.finished").await;
    assert_eq!((refused(&mut client).await, refused(&mut client).await), (None, None));
    assert!(refused(&mut client).await.is_some_and(|wait| (15_000..=20_000).contains(&wait)));
    // What was carried out is told again, whatever the rate, and what begins no turn goes on.
    client.send(first).await;
    assert_eq!(client.answer("first").await["data"]["duplicate"], true);
    let open = json!({"mode": "open", "source": {"kind": "sdk"}, "conversation": "current"});
    assert_eq!(client.call("agent.launch", open).await["type"], "ack");
    // Also in another tab, and over HTTP; not for another visitor.
    assert!(refused(&mut Client::join_as(rig.address, visitor(1)).await).await.is_some());
    let mut http = HttpClient::join_as(rig.address, visitor(1)).await;
    assert_eq!(http.call("message.send", json!({"text": "hello"})).await.0, 429);
    assert_eq!(refused(&mut Client::join_as(rig.address, visitor(2)).await).await, None);
}

#[tokio::test]
async fn an_address_is_that_which_a_named_proxy_tells() {
    let mut settings = settings();
    settings.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    settings.rates.address_connections = Rate::with_burst(60, 4);
    settings.rates.address_turns = Rate { count: 2, window_ms: 60_000 };
    let rig = Rig::with(settings.clone()).await;
    let mut clients = Vec::new();
    for number in 0..3 {
        clients.push(from(&rig, "203.0.113.9", number).await.expect("a socket"));
    }
    assert_eq!((refused(&mut clients[0]).await, refused(&mut clients[1]).await), (None, None));
    assert!(refused(&mut clients[2]).await.is_some(), "they share an address");
    let http = HttpClient::new(rig.address).with("x-forwarded-for", "198.51.100.1, 203.0.113.9");
    let mut beginning = http;
    assert_eq!(beginning.begin(visitor(3)).await.0, 201);
    assert!(from(&rig, "203.0.113.9", 4).await.is_none(), "five at once");
    let (status, answer) = beginning.begin(visitor(5)).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("rate_limited")));
    assert_eq!(refused(&mut from(&rig, "203.0.113.10", 6).await.expect("another address")).await, None);
    // Whom nobody named as a proxy is not believed.
    settings.trusted_proxies.clear();
    let rig = Rig::with(settings).await;
    for number in 0..6 {
        let mut client = from(&rig, "203.0.113.9", number).await.expect("a socket");
        assert_eq!(refused(&mut client).await, None);
    }
}

#[tokio::test]
async fn all_together_have_so_many_turns_and_days() {
    let mut settings = settings();
    settings.rates.project_turns = Rate { count: 3, window_ms: 60_000 };
    let rig = Rig::with(settings).await;
    for number in 0..4 {
        let mut client = Client::join_as(rig.address, visitor(number)).await;
        assert_eq!(refused(&mut client).await.is_some(), number == 3);
    }
    let mut settings = crate::rig::settings();
    settings.daily_turns.visitor = Some(2);
    settings.daily_turns.project = Some(3);
    let rig = Rig::with(settings).await;
    let mut codes = Vec::new();
    for number in [0, 0, 0, 1, 2] {
        let mut client = Client::join_as(rig.address, visitor(number)).await;
        let answer = client.call("message.send", json!({"text": "hello"})).await;
        codes.push(answer["data"]["code"].as_str().unwrap_or("taken").to_owned());
        if answer["type"] == "ack" {
            client.until("run.finished").await;
        }
    }
    assert_eq!(codes, ["taken", "taken", "quota_exceeded", "taken", "quota_exceeded"]);
}

#[tokio::test]
async fn who_connects_too_often_is_told_to_wait() {
    let mut settings = settings();
    settings.rates.user_connections = Rate { count: 2, window_ms: 60_000 };
    let rig = Rig::with(settings).await;
    for _ in 0..2 {
        Client::join_as(rig.address, visitor(1)).await;
    }
    let mut client = Client::open(rig.address).await;
    client.send(json!({"type": "hello", "id": "h", "data": visitor(1)})).await;
    let (frames, came) = client.closed().await;
    assert_eq!((&frames[0]["data"]["code"], came), (&json!("rate_limited"), Came::Closed(1013)));
    assert_eq!(HttpClient::new(rig.address).begin(visitor(1)).await.0, 429);
    Client::join_as(rig.address, visitor(2)).await;
}
