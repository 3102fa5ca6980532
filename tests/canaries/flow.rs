//! The ways in, each taken with canaries. What comes back is the answer to a fault, or
//! something that anybody may read.

use std::net::SocketAddr;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{Came, Client, hello, request};
use crate::flock::Flock;

/// What the server said, with the place it said it at.
type Told = Vec<(String, String)>;

/// Takes all ways in; what the server tells about faults, traces and itself.
pub(crate) async fn all(address: SocketAddr, flock: &Flock, secret: &str) -> Told {
    let mut told = Told::new();
    let token = token(flock, secret, "user id", 600);
    flock.also("token", &token);
    conversation(address, flock, &token, &mut told).await;
    commands_in_vain(address, flock, secret, &token, &mut told).await;
    tokens_in_vain(address, flock, secret, &mut told).await;
    frames_in_vain(address, flock, &mut told).await;
    requests(address, flock, &token, &mut told).await;
    told
}

fn token(flock: &Flock, secret: &str, subject: &str, life_s: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let attributes = json!({
        "email": flock.text("signed email"), "name": flock.text("signed name"), "phone": flock.text("signed phone"),
        "address": {"street": flock.text("signed address")}, "plan": "pro",
    });
    let company = json!({"id": flock.text("company id"), "name": flock.text("company name")});
    let claims = json!({
        "sub": flock.text(subject), "aud": "local", "iat": now, "exp": now + life_s, "jti": flock.text("token id"),
        "attributes": attributes, "company": company,
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
}

fn personal_hello(flock: &Flock, token: Option<&str>) -> Value {
    let mut data = hello();
    if let Some(token) = token {
        data["identity_token"] = json!(token);
    }
    let (path, query) = (flock.text("page path"), flock.text("page query"));
    let url = format!("https://{}@app.example.com/{path}?reset_token={query}", flock.text("page credentials"));
    data["page"] = json!({"url": url, "title": flock.text("page title")});
    data["client"] = json!({"name": flock.text("client name"), "version": "1"});
    data["attributes"] = json!({
        "email2": flock.text("claimed email"), "nick": flock.text("claimed name"), "mobile": flock.text("claimed phone"),
        "deep": {"list": [flock.text("nested attribute")]},
    });
    data
}

/// A whole conversation, as somebody behind a proxy, who is no author.
async fn conversation(address: SocketAddr, flock: &Flock, token: &str, told: &mut Told) {
    let mut upgrade = request(address);
    upgrade.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    let mut client = Client::open_with(address, upgrade).await.expect("an upgrade");
    client.send(json!({"type": "hello", "id": "h", "data": personal_hello(flock, Some(token))})).await;
    assert_eq!(client.until("welcome").await["data"]["features"], json!([]), "who is no author gets no traces");
    client
        .call(
            "context.update",
            json!({"attributes": {"city": flock.text("attribute set later")},
        "page": {"url": format!("https://app.example.com/?q={}", flock.text("page set later"))}}),
        )
        .await;
    let mut frames = client.ask(&format!("how do I export my data, {}", flock.text("message"))).await;
    frames.extend(
        client.ask(&format!("{} é \u{e0041} 中文 %s {{{{x}}}}", flock.text("message that panics nobody"))).await,
    );
    let launch = json!({"message": {"template": format!("{} {{{{user.secret|x}}}}", flock.text("launch template"))},
        "attributes": {"user.secret": flock.text("launch attribute")}, "mode": "send", "source": {"kind": "sdk"}});
    client.command("agent.launch", launch).await;
    frames.extend(client.through("run.finished").await);
    let answered = frames.iter().rev().find(|frame| frame["type"] == "message.started").expect("an answer");
    let judged = json!({"message_id": answered["data"]["message_id"], "value": "down",
        "reason": flock.text("feedback reason"), "comment": flock.text("feedback comment")});
    client.call("feedback.set", judged).await;
    let traces = frames.iter().filter(|frame| frame["type"] == "run.trace");
    told.extend(traces.map(|frame| ("a trace".to_owned(), frame.to_string())));
}

/// Commands that are refused, each with something personal in it.
async fn commands_in_vain(address: SocketAddr, flock: &Flock, secret: &str, token: &str, told: &mut Told) {
    let mut client = Client::join_as(address, personal_hello(flock, Some(token))).await;
    let refreshed = self::token(flock, secret, "user id", 601);
    flock.also("refreshed token", &refreshed);
    client.call("auth.refresh", json!({"identity_token": refreshed})).await;
    let other = self::token(flock, secret, "token of another user", 600);
    flock.also("token of another user", &other);
    let long = format!("{} {}", flock.text("message too long"), "x".repeat(9_000));
    let wrong = flock.text("message of the wrong type");
    let judgement = flock.text("feedback of the wrong type");
    let page = flock.text("page in vain");
    let vain = flock.text("attribute in vain");
    let detail = flock.text("action detail");
    let commands = [
        ("auth.refresh", json!({"identity_token": other})),
        ("auth.refresh", json!({"identity_token": flock.text("no token at all")})),
        ("message.send", json!({"text": long})),
        ("message.send", json!({"text": [wrong]})),
        ("message.send", json!({"text": {wrong.as_str(): wrong}})),
        ("message.send", json!({"text": "", "quick_reply_id": flock.text("quick reply")})),
        ("message.send", json!({"text": "x", "conversation_id": wrong})),
        ("message.regenerate", json!({"message_id": wrong})),
        ("run.cancel", json!({"run_id": wrong})),
        ("history.get", json!({"conversation_id": wrong, "before_seq": 1, "limit": 1})),
        ("history.get", json!({"conversation_id": "x", "before_seq": wrong, "limit": 1})),
        ("read.mark", json!({"seq": wrong})),
        ("feedback.set", json!({"message_id": judgement, "value": "up"})),
        ("feedback.set", json!({"message_id": "m", "value": judgement})),
        ("context.update", json!({"page": {"url": page}})),
        ("context.update", json!({"page": page})),
        ("context.update", json!({"page": {"url": format!("https://{page}:99999/")}})),
        ("context.update", json!({"attributes": vain})),
        (
            "context.update",
            json!({"attributes": {"big": format!("{vain}{}", "x".repeat(40_000)), "big2": "y".repeat(20_000), "big3": "z"},
            "page": {"url": format!("not a url {vain}")}}),
        ),
        ("action.claim", json!({"action_id": detail})),
        ("action.claim", json!({"action_id": [detail]})),
        ("action.result", json!({"action_id": "a", "status": detail})),
        ("action.result", json!({"action_id": "a", "status": "failed", "code": detail})),
        ("action.result", json!({"action_id": "a", "status": "failed", "detail": detail, "duration_ms": 1})),
        ("agent.launch", json!({"message": {"template": format!("{{{{{}", wrong)}, "source": {"kind": "cta"}})),
        ("agent.launch", json!({"source": {"kind": wrong}})),
        ("agent.launch", json!({"mode": wrong, "source": {"kind": "cta"}})),
        ("experience.get", json!({"experience_id": format!("{wrong} {wrong}")})),
        ("experience.get", json!({"experience_id": wrong})),
        ("post.get", json!({"post_id": format!("{wrong} {wrong}")})),
        ("post.get", json!({"post_id": wrong})),
        ("event.track", json!({"name": "bought", "properties": {"card": flock.text("event property")}})),
        (
            "experience.event",
            json!({"experience_id": "e", "revision": 1, "kind": "answered",
            "answers": {"q": flock.text("survey answer")}}),
        ),
        ("experience.event", json!({"experience_id": "e", "revision": wrong, "kind": wrong})),
        ("feed.get", json!({"limit": wrong})),
    ];
    for (kind, data) in commands {
        let id = client.command(kind, data).await;
        let after = client.command("context.update", json!({})).await;
        loop {
            let frame = client.frame().await;
            if frame["ref"] == after.as_str() {
                break;
            }
            if frame["type"] == "error" {
                assert_eq!(frame["ref"], id.as_str(), "{frame}");
                told.push((format!("the error of {kind}"), frame.to_string()));
            }
        }
    }
    client.send(json!({"type": "message.send", "id": "twice", "data": {"text": "once"}})).await;
    client.through("run.finished").await;
    client.send(json!({"type": "message.send", "id": "twice", "data": {"text": flock.text("message")}})).await;
    told.push(("a conflict".to_owned(), client.until("error").await.to_string()));
}

/// Tokens that do not hold.
async fn tokens_in_vain(address: SocketAddr, flock: &Flock, secret: &str, told: &mut Told) {
    let forged = token(flock, &secret.to_uppercase(), "user id", 600);
    flock.also("forged token", &forged);
    let expired = token(flock, secret, "user id", -600);
    flock.also("expired token", &expired);
    let no_token = flock.text("no token at all");
    for wrong in [forged, expired, no_token.clone(), format!("{no_token}.{no_token}.{no_token}")] {
        let mut client = Client::open(address).await;
        client.send(json!({"type": "hello", "id": "h", "data": personal_hello(flock, Some(&wrong))})).await;
        let (frames, closed) = client.closed().await;
        assert!(matches!(closed, Came::Closed(4500 | 4004)), "{closed:?}");
        told.extend(frames.iter().map(|frame| ("a refused token".to_owned(), frame.to_string())));
    }
    for (name, value) in [
        ("anonymous_id", json!(no_token)),
        ("project_key", json!(no_token)),
        ("client_id", json!([no_token])),
        ("page", json!({"url": no_token})),
        ("attributes", json!([no_token])),
        ("resume", json!({"conversation_id": no_token, "epoch": no_token, "after_seq": no_token})),
        ("capabilities", json!(no_token)),
    ] {
        let mut data = personal_hello(flock, None);
        data[name] = value;
        let mut client = Client::open(address).await;
        client.send(json!({"type": "hello", "id": "h", "data": data})).await;
        told.push((format!("a hello with a wrong {name}"), client.until("error").await.to_string()));
    }
}

/// Frames that end a connection.
async fn frames_in_vain(address: SocketAddr, flock: &Flock, told: &mut Told) {
    let broken = flock.text("frame that is no JSON");
    let unknown = flock.text("command that nobody knows");
    let frames = [
        Message::text(broken.clone()),
        Message::text(format!("\"{broken}\"")),
        Message::text(format!("{{\"{broken}\":{broken}}}")),
        Message::text(format!("[\"{broken}\"]")),
        Message::text(format!("{{\"type\":\"pong\",\"data\":\"{broken}")),
        Message::binary(broken.clone().into_bytes()),
        Message::text(format!("{broken}{}", "x".repeat(70_000))),
        Message::text(json!({"type": "later.command", "id": "i", "data": {"x": unknown}}).to_string()),
        Message::text(json!({"type": {"x": unknown}, "id": "i"}).to_string()),
        Message::text(json!({"type": "pong", "id": {"x": unknown}}).to_string()),
    ];
    for joined in [false, true] {
        for frame in &frames {
            let mut client = if joined { Client::join(address).await } else { Client::open(address).await };
            client.send_raw(frame.clone()).await;
            client.send_raw(Message::binary(vec![0])).await;
            let (frames, _) = client.closed().await;
            told.extend(frames.iter().map(|frame| ("a faulty frame".to_owned(), frame.to_string())));
        }
    }
}

/// Requests over HTTP, good and bad.
async fn requests(address: SocketAddr, flock: &Flock, token: &str, told: &mut Told) {
    let (path, query) = (flock.text("path"), flock.text("query"));
    let headers = format!(
        "authorization: Bearer {} {token}\r\ncookie: session={}\r\nreferer: https://app.example.com/?t={query}\r\n",
        flock.text("authorization header"),
        flock.text("cookie")
    );
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
    for (line, more) in [
        (format!("GET /{path}?q={query}"), ""),
        (format!("GET /articles/{path}?q={query}"), ""),
        (format!("POST /healthz?q={query}"), ""),
        (format!("DELETE /{path}"), ""),
        (format!("GET /v1/socket?token={query}"), ""),
        (format!("GET /v1/socket?token={query}"), upgrade),
        (format!("GET /v1/socket?token={query}"), "connection: upgrade\r\norigin: https://evil.example\r\n"),
        (format!("GET /{path}{}", "x".repeat(20_000)), ""),
        (format!("{path} /"), ""),
        (format!("GET /metrics?q={query}"), ""),
        ("GET /metrics".to_owned(), ""),
        ("GET /readyz".to_owned(), ""),
        ("GET /healthz".to_owned(), ""),
    ] {
        let text = format!("{line} HTTP/1.1\r\nhost: {address}\r\n{headers}{more}\r\n");
        told.push((line.chars().take(40).collect(), answer(address, &text).await));
    }
    told.push(("junk".to_owned(), answer(address, &format!("{path}\0{query}\r\n\r\n")).await));
}

async fn answer(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
    let mut response = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut response)).await;
    String::from_utf8_lossy(&response).into_owned()
}
