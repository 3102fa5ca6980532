//! A client for tests, over tokio-tungstenite.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use docent::protocol::SUBPROTOCOL;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The user of most tests.
pub(crate) const ANN: &str = "anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a10";

/// Kinds of action that the test client declares.
pub(crate) const ACTIONS: [&str; 3] = ["launch_experience", "open_post", "navigate"];

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) welcome: Value,
    commands: u32,
    /// What its commands' identifiers begin with: those of one user's tabs must differ.
    pub(crate) prefix: String,
}

/// What came: a frame, or the close code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    Frame(Value),
    Closed(u16),
    /// The connection broke without a close frame.
    Cut,
}

pub(crate) fn request(address: SocketAddr) -> Request {
    let mut request = format!("ws://{address}/v1/socket").into_client_request().expect("a request");
    let protocol = HeaderValue::from_static(SUBPROTOCOL);
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    request
}

pub(crate) fn hello() -> Value {
    json!({
        "project_key": "local",
        "anonymous_id": ANN,
        "client_id": "tab-1",
        "client": {"name": "test", "version": "1"},
        "capabilities": {"actions": ACTIONS, "features": ["trace"]},
        "locale": "en",
        "page": {"url": "https://app.example.com/home", "title": "Home"},
    })
}

impl Client {
    /// Opens a socket without a hello.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, request(address)).await.expect("an upgrade")
    }

    pub(crate) async fn open_with(address: SocketAddr, request: Request) -> Result<Self, Box<Error>> {
        let stream = TcpStream::connect(address).await.map_err(|error| Box::new(Error::Io(error)))?;
        Self::open_over(stream, request).await
    }

    /// Opens a socket over a connection.
    pub(crate) async fn open_over(stream: TcpStream, request: Request) -> Result<Self, Box<Error>> {
        let (socket, _) = client_async(request, stream).await.map_err(Box::new)?;
        static CLIENTS: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("c{}", CLIENTS.fetch_add(1, Ordering::Relaxed));
        Ok(Self { socket, welcome: Value::Null, commands: 0, prefix })
    }

    /// Opens a socket, says hello and reads the welcome.
    pub(crate) async fn join(address: SocketAddr) -> Self {
        Self::join_as(address, hello()).await
    }

    pub(crate) async fn join_as(address: SocketAddr, hello: Value) -> Self {
        Self::open(address).await.greeted(hello).await
    }

    /// Says hello and reads the welcome.
    pub(crate) async fn greeted(mut self, hello: Value) -> Self {
        self.send(json!({"type": "hello", "id": "h", "data": hello})).await;
        self.welcome = self.until("welcome").await;
        self
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        // A server that has closed already is what some tests are about.
        let _ = self.socket.send(message).await;
    }

    /// Sends a command, and returns its id.
    pub(crate) async fn command(&mut self, kind: &str, data: Value) -> String {
        self.commands += 1;
        let id = format!("{}-{}", self.prefix, self.commands);
        self.send(json!({"type": kind, "id": id, "data": data})).await;
        id
    }

    /// Sends a message and returns everything up to the end of its run.
    pub(crate) async fn ask(&mut self, text: &str) -> Vec<Value> {
        self.command("message.send", json!({"text": text})).await;
        self.through("run.finished").await
    }

    pub(crate) async fn next(&mut self) -> Came {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something in time") {
                Some(Ok(Message::Text(text))) => return Came::Frame(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(Came::Cut, |frame| Came::Closed(frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Came::Cut,
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Came::Frame(frame) => frame,
            other => panic!("expected a frame, came {other:?}"),
        }
    }

    /// The next frame of a type; others before it are dropped.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        self.through(kind).await.pop().expect("at least one")
    }

    /// All frames up to the next one of a type.
    pub(crate) async fn through(&mut self, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.frame().await);
            if frames.last().is_some_and(|frame| frame["type"] == kind) {
                return frames;
            }
        }
    }

    /// The answer to a command: its `ack`, `error` or content.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.frame().await;
            let answers = matches!(
                frame["type"].as_str(),
                Some("ack" | "error" | "welcome" | "experience.content" | "post.content" | "feed.page")
            );
            if answers && frame["ref"] == id {
                return frame;
            }
        }
    }

    /// Sends a command and returns its answer.
    pub(crate) async fn call(&mut self, kind: &str, data: Value) -> Value {
        let id = self.command(kind, data).await;
        self.answer(&id).await
    }

    /// Reads until the connection is closed.
    pub(crate) async fn closed(&mut self) -> (Vec<Value>, Came) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Came::Frame(frame) => frames.push(frame),
                closed => return (frames, closed),
            }
        }
    }

    pub(crate) fn cursor(&self, after_seq: u64) -> Value {
        json!({
            "conversation_id": self.welcome["data"]["conversation_id"],
            "epoch": self.welcome["data"]["epoch"],
            "after_seq": after_seq,
        })
    }
}

/// The types of frames, without those that come at any time.
pub(crate) fn types(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .filter_map(|frame| frame["type"].as_str())
        .filter(|kind| !matches!(*kind, "run.status" | "ping"))
        .collect()
}

/// Checks that the numbers of events go up by one, except where `from_seq` explains it.
pub(crate) fn check_sequence(frames: &[Value], mut last: u64) -> u64 {
    for frame in frames {
        let Some(seq) = frame["seq"].as_u64() else { continue };
        let first = frame["data"]["from_seq"].as_u64().unwrap_or(seq).min(seq);
        assert!(seq > last && first <= last + 1, "event {seq} after {last}: {frame}");
        last = seq;
    }
    last
}
