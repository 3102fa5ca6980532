//! A client of the protocol over plain HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{PATIENCE, hello};

/// How a client is told what happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    Stream,
    Poll,
}

pub(crate) struct HttpClient {
    http: reqwest::Client,
    address: SocketAddr,
    /// Sent with every request.
    pub(crate) headers: HeaderMap,
    pub(crate) welcome: Value,
    prefix: String,
    commands: u32,
}

/// The events of a session, one frame after the other.
pub(crate) struct Events {
    reading: Reading,
    response: Option<Response>,
    bytes: Vec<u8>,
    buffer: String,
    waiting: Vec<Value>,
    /// The place of the last event, as the server tells it.
    pub(crate) place: String,
    /// What the stream was closed with.
    pub(crate) closed: Option<Value>,
}

impl HttpClient {
    pub(crate) fn new(address: SocketAddr) -> Self {
        static CLIENTS: AtomicU32 = AtomicU32::new(0);
        Self {
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            address,
            headers: HeaderMap::new(),
            welcome: Value::Null,
            prefix: format!("h{}", CLIENTS.fetch_add(1, Ordering::Relaxed)),
            commands: 0,
        }
    }

    pub(crate) async fn join(address: SocketAddr) -> Self {
        Self::join_as(address, hello()).await
    }

    pub(crate) async fn join_as(address: SocketAddr, hello: Value) -> Self {
        let mut client = Self::new(address);
        let (status, welcome) = client.begin(hello).await;
        assert_eq!((status, &welcome["type"]), (201, &json!("welcome")), "{welcome}");
        client
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).expect("a header");
        self.headers.insert(HeaderName::from_static(name), value);
    }

    /// Says hello, and speaks for the session from then on.
    pub(crate) async fn begin(&mut self, hello: Value) -> (u16, Value) {
        let frame = json!({"type": "hello", "id": "h", "data": hello});
        let (status, answer) = self.post("/v1/sessions", &frame).await;
        if status == 201 {
            self.set("docent-session", answer["data"]["session_id"].as_str().expect("a session"));
            self.welcome = answer.clone();
        }
        (status, answer)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: String) -> Response {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        let request = request.headers(self.headers.clone()).header("content-type", "application/json").body(body);
        timeout(PATIENCE * 3, request.send()).await.expect("in time").expect("a response")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.send(Method::POST, path, body.to_string()).await;
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) fn command(&mut self, kind: &str, data: Value) -> Value {
        self.commands += 1;
        let mut command = json!({"type": kind, "id": format!("{}-{}", self.prefix, self.commands)});
        command["data"] = data;
        command
    }

    /// Sends a command and returns the status and the answer.
    pub(crate) async fn call(&mut self, kind: &str, data: Value) -> (u16, Value) {
        let command = self.command(kind, data);
        let (status, answer) = self.post("/v1/commands", &command).await;
        assert_eq!(answer["ref"], command["id"], "{answer}");
        (status, answer)
    }

    pub(crate) fn conversation(&self) -> &str {
        self.welcome["data"]["conversation_id"].as_str().expect("a conversation")
    }

    /// The place that `welcome` tells.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.welcome["data"]["epoch"].as_str().expect("an epoch"), self.welcome["data"]["seq"])
    }

    pub(crate) fn path(&self) -> String {
        format!("/v1/conversations/{}/events", self.conversation())
    }

    /// Reads its conversation from a place on.
    pub(crate) fn events(&self, reading: Reading, place: &str) -> Events {
        Events {
            reading,
            response: None,
            bytes: Vec::new(),
            buffer: String::new(),
            waiting: Vec::new(),
            place: place.to_owned(),
            closed: None,
        }
    }

    /// The next frame; `None` once the stream is over.
    pub(crate) async fn next(&self, events: &mut Events) -> Option<Value> {
        while events.waiting.is_empty() && events.closed.is_none() {
            match events.reading {
                Reading::Stream => self.read(events).await?,
                Reading::Poll => self.poll(events).await,
            }
        }
        (!events.waiting.is_empty()).then(|| events.waiting.remove(0))
    }

    /// All frames up to the next one of a type.
    pub(crate) async fn through(&self, events: &mut Events, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.next(events).await.unwrap_or_else(|| panic!("no {kind} came after {frames:?}")));
            if frames.last().is_some_and(|frame| frame["type"] == kind) {
                return frames;
            }
        }
    }

    /// Reads until the stream is over.
    pub(crate) async fn rest(&self, events: &mut Events) -> Vec<Value> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next(events).await {
            frames.push(frame);
        }
        frames
    }

    async fn poll(&self, events: &mut Events) {
        let mut reader = Self { headers: self.headers.clone(), http: self.http.clone(), ..Self::new(self.address) };
        reader.set("accept", "application/json");
        let path = format!("{}?after={}", self.path(), events.place);
        let response = reader.send(Method::GET, &path, String::new()).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.expect("a body"));
        let answer: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        events.place = answer["after"].as_str().expect("a place").to_owned();
        events.waiting.extend(answer["frames"].as_array().expect("frames").iter().cloned());
        events.closed = answer.get("close").cloned();
    }

    async fn read(&self, events: &mut Events) -> Option<()> {
        if events.response.is_none() {
            let path = format!("{}?after={}", self.path(), events.place);
            let response = self.send(Method::GET, &path, String::new()).await;
            assert_eq!(response.status(), 200, "{}", response.text().await.expect("a body"));
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            events.response = Some(response);
        }
        let response = events.response.as_mut().expect("just opened");
        let chunk = timeout(PATIENCE, response.chunk()).await.expect("in time").ok()??;
        // Every chunk of the server ends an event, but the network cuts as it likes.
        events.bytes.extend_from_slice(&chunk);
        let Ok(text) = std::str::from_utf8(&events.bytes) else { return Some(()) };
        events.buffer.push_str(text);
        events.bytes.clear();
        while let Some((event, rest)) = events.buffer.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let data = field("data: ").map(|data| serde_json::from_str::<Value>(data).expect("JSON"));
            match (field("event: "), data) {
                // Read too slowly: begin again after the last event.
                (Some("close"), Some(data)) if data["code"] == 4002 => events.response = None,
                (Some("close"), Some(data)) => events.closed = Some(data),
                (None, Some(frame)) => {
                    let place = field("id: ");
                    assert_eq!(place.is_some(), frame["seq"].is_u64() || frame["type"] == "conversation.snapshot");
                    events.place = place.unwrap_or(&events.place).to_owned();
                    events.waiting.push(frame);
                }
                (other, data) => assert!(other.is_none() && data.is_none(), "{event}"),
            }
            events.buffer = rest.to_owned();
        }
        Some(())
    }
}

/// What is waited for in the server, looked at again and again.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("in time");
}
