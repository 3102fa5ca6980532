//! A tab as a good client has it: it keeps a cursor and what it has not been acknowledged,
//! and checks the number of every event as it comes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::chance::Chance;
use crate::client::{hello, request};
use crate::link::{Weather, connect};
use crate::schedules::Tally;

/// How long a tab waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time before a refused message is sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// What a tab has seen.
pub(crate) enum View {
    Event(Value),
    Snapshot(Value),
}

/// A tab of the user.
pub(crate) struct Tab {
    hello: Value,
    chance: Chance,
    /// Where it is in the conversation.
    cursor: Value,
    last: u64,
    /// All that it sends, and the part that is not acknowledged.
    pub(crate) sent: Vec<(String, String)>,
    waiting: VecDeque<(String, String)>,
    is_sent: bool,
    next_send: Instant,
    pub(crate) seen: Vec<View>,
    pub(crate) tally: Tally,
}

/// How a connection goes on after a frame.
#[derive(PartialEq)]
enum Next {
    Open,
    Over,
}

impl Tab {
    pub(crate) fn new(number: u64, seed: u64, mut chance: Chance) -> Self {
        let mut hello = hello();
        hello["client_id"] = json!(format!("tab-{number}"));
        hello["capabilities"]["features"] = json!([]);
        let text = |chance: &mut Chance, id: &str| match chance.below(48) {
            0..2 => "flood 520".to_owned(),
            2..6 => "flood 120".to_owned(),
            6..20 => format!("say {id}"),
            _ => format!("slow {}", 1 + chance.below(8)),
        };
        let ids = (0..=chance.below(3)).map(|at| format!("{seed}-{number}-{at}"));
        let sent: Vec<_> = ids.map(|id| (id.clone(), text(&mut chance, &id))).collect();
        Self {
            hello,
            chance,
            cursor: Value::Null,
            last: 0,
            waiting: sent.iter().cloned().collect(),
            sent,
            is_sent: false,
            next_send: Instant::now(),
            seen: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.hello["client_id"].as_str().unwrap_or_default()
    }

    /// The number of the last event that it has.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Begins the conversation; its cursor.
    pub(crate) async fn begin(&mut self, server: SocketAddr) -> Value {
        self.join(server, Weather::CLEAR).await.expect("a clear connection");
        self.cursor.clone()
    }

    /// Follows a conversation from its first event on.
    pub(crate) fn follow(&mut self, cursor: &Value) {
        self.cursor = cursor.clone();
    }

    /// A few connections, whatever becomes of them.
    pub(crate) async fn live_through(&mut self, server: SocketAddr) {
        for _ in 0..2 + self.chance.below(4) {
            let weather = Weather::of(&mut self.chance);
            let until = Instant::now() + Duration::from_millis(self.chance.below(8_000) * (1 + self.chance.below(8)));
            if let Some((mut socket, _)) = self.join(server, weather).await {
                while Instant::now() < until && self.next(&mut socket, until).await == Next::Open {}
            }
            tokio::time::sleep(Duration::from_millis(self.chance.below(4_000))).await;
        }
    }

    /// Sends what is left, until all of it is acknowledged.
    pub(crate) async fn send_rest(&mut self, server: SocketAddr) {
        while !self.waiting.is_empty() {
            let Some((mut socket, _)) = self.join(server, Weather::CLEAR).await else { continue };
            while !self.waiting.is_empty() && self.next(&mut socket, Instant::now() + PATIENCE).await == Next::Open {}
        }
    }

    /// Comes back once more, and reads what it has missed.
    pub(crate) async fn catch_up(&mut self, server: SocketAddr) {
        loop {
            let Some((mut socket, seq)) = self.join(server, Weather::CLEAR).await else { continue };
            while self.last < seq && self.next(&mut socket, Instant::now() + PATIENCE).await == Next::Open {}
            if self.last == seq {
                return;
            }
        }
    }

    /// Opens a connection and comes back to the conversation, also how many events it has;
    /// `None` when the connection broke before.
    async fn join(&mut self, server: SocketAddr, weather: Weather) -> Option<(WebSocketStream<DuplexStream>, u64)> {
        let link = connect(server, weather, self.chance.split());
        let patience = Instant::now() + PATIENCE;
        let (mut socket, _) = timeout_at(patience, client_async(request(server), link)).await.ok()?.ok()?;
        self.tally.connections += 1;
        let mut hello = self.hello.clone();
        let mut is_void = false;
        if !self.cursor.is_null() {
            let mut cursor = self.cursor.clone();
            cursor["after_seq"] = json!(self.last);
            is_void = self.chance.below(12) == 0;
            if is_void {
                cursor["epoch"] = json!("an epoch of before");
            }
            hello["resume"] = cursor;
        }
        send(&mut socket, &json!({"type": "hello", "id": "h", "data": hello})).await;
        let welcome = loop {
            let frame = self.frame(&mut socket, patience).await?;
            if frame["type"] == "welcome" {
                break frame["data"].clone();
            }
        };
        self.is_sent = false;
        self.next_send = Instant::now();
        if self.cursor.is_null() {
            self.cursor = json!({"conversation_id": welcome["conversation_id"], "epoch": welcome["epoch"]});
            return Some((socket, 0));
        }
        assert_eq!(welcome["conversation_id"], self.cursor["conversation_id"], "the conversation is found");
        let seq = welcome["seq"].as_u64().expect("a number");
        if welcome["resumed"] == true {
            assert!(!is_void && seq >= self.last);
            self.tally.replays += 1;
            return Some((socket, seq));
        }
        assert!(is_void || seq > self.last + 500, "a cursor that is good is resumed: {} of {seq}", self.last);
        let snapshot = self.frame(&mut socket, patience).await?;
        assert_eq!((&snapshot["type"], &snapshot["data"]["as_of_seq"]), (&json!("conversation.snapshot"), &json!(seq)));
        self.tally.snapshots += 1;
        self.last = seq;
        self.seen.push(View::Snapshot(snapshot["data"].clone()));
        Some((socket, seq))
    }

    /// Sends what is due, and takes the next frame in; until `until`.
    async fn next(&mut self, socket: &mut WebSocketStream<DuplexStream>, until: Instant) -> Next {
        let mut until = until;
        if let Some((id, text)) = self.waiting.front().filter(|_| !self.is_sent) {
            if Instant::now() >= self.next_send {
                send(socket, &json!({"type": "message.send", "id": id, "data": {"text": text}})).await;
                self.is_sent = true;
            } else {
                until = until.min(self.next_send);
            }
        }
        let Some(frame) = self.frame(socket, until).await else {
            return if Instant::now() >= until { Next::Open } else { Next::Over };
        };
        if frame["type"] == "ping" {
            send(socket, &json!({"type": "pong"})).await;
        }
        if let Some(seq) = frame["seq"].as_u64() {
            let first = frame["data"]["from_seq"].as_u64().unwrap_or(seq).min(seq);
            assert!(seq > self.last && first <= self.last + 1, "event {seq} after {}: {frame}", self.last);
            self.last = seq;
            self.tally.events += 1;
            self.seen.push(View::Event(frame));
        } else if self.waiting.front().is_some_and(|(id, _)| frame["ref"] == id.as_str()) {
            self.is_sent = false;
            if frame["type"] == "ack" {
                self.waiting.pop_front();
                self.next_send = Instant::now() + Duration::from_millis(self.chance.below(3_000));
            } else {
                assert_eq!(frame["data"]["code"], "run_in_progress", "{frame}");
                self.next_send = Instant::now() + PAUSE;
            }
        }
        Next::Open
    }

    /// The next frame; none when the connection is over, or in time.
    async fn frame(&mut self, socket: &mut WebSocketStream<DuplexStream>, until: Instant) -> Option<Value> {
        loop {
            match timeout_at(until, socket.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(close))) => {
                    match close.map(|close| u16::from(close.code)) {
                        Some(4001) => self.tally.closed_silent += 1,
                        Some(4002) => self.tally.closed_slow += 1,
                        // Its `hello` was held back for too long.
                        Some(4502) => self.tally.cuts += 1,
                        other => panic!("closed with {other:?}"),
                    }
                    return None;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.tally.cuts += 1;
                    return None;
                }
            }
        }
    }
}

/// Whether it got there shows later.
async fn send(socket: &mut WebSocketStream<DuplexStream>, frame: &Value) {
    let _ = socket.send(Message::text(frame.to_string())).await;
}
