//! SIGKILL and SIGTERM while users write: what was acknowledged is there once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Came, Client, hello};
use crate::count;
use crate::server::{Server, project};

/// Users who write at the same time.
const USERS: usize = 6;

/// One user over all lives of the server.
struct Writer {
    name: String,
    cursor: Option<(String, String)>,
    seq: u64,
    /// The message that is on its way, with its number.
    pending: Option<usize>,
    next: usize,
    /// By number: how often it was acknowledged as new.
    acked: HashMap<usize, usize>,
}

impl Writer {
    fn new(number: usize) -> Self {
        Self {
            name: format!("anon-9b2f7c1e-3f55-4c58-9d44-{number:012}"),
            cursor: None,
            seq: 0,
            pending: None,
            next: 0,
            acked: HashMap::new(),
        }
    }

    async fn join(&mut self, address: SocketAddr) -> Option<Client> {
        let mut data = hello();
        data["anonymous_id"] = json!(self.name);
        if let Some((conversation, epoch)) = &self.cursor {
            data["resume"] = json!({"conversation_id": conversation, "epoch": epoch, "after_seq": self.seq});
        }
        let mut client = Client::open(address).await;
        client.send(json!({"type": "hello", "id": "h", "data": data})).await;
        loop {
            match client.next().await {
                Came::Frame(frame) if frame["type"] == "welcome" => {
                    let text = |key: &str| frame["data"][key].as_str().expect("a text").to_owned();
                    let conversation = text("conversation_id");
                    if let Some((before, _)) = &self.cursor {
                        assert_eq!(*before, conversation, "the conversation was kept: {frame}");
                    }
                    self.cursor = Some((conversation, text("epoch")));
                    if frame["data"]["resumed"] != true {
                        self.seq = frame["data"]["seq"].as_u64().expect("a number");
                    }
                    return Some(client);
                }
                Came::Frame(_) => {}
                Came::Closed(_) | Came::Cut => return None,
            }
        }
    }

    /// Writes one message after the other, until the server is gone.
    async fn write(&mut self, address: SocketAddr) {
        let Some(mut client) = self.join(address).await else { return };
        loop {
            let number = self.pending.unwrap_or_else(|| {
                self.next += 1;
                self.next
            });
            self.pending = Some(number);
            let id = format!("{}-{number}", self.name);
            let text = json!({"text": format!("message {number}: how do I export my data")});
            client.send(json!({"type": "message.send", "id": id, "data": text})).await;
            if !self.follow(&mut client, &id, number).await {
                return;
            }
        }
    }

    /// Reads until the message is answered; `false` when the server is gone.
    async fn follow(&mut self, client: &mut Client, id: &str, number: usize) -> bool {
        let mut is_acked = false;
        loop {
            let Came::Frame(frame) = client.next().await else { return false };
            if let Some(seq) = frame["seq"].as_u64() {
                assert!(seq > self.seq, "numbers ascend: {frame} after {}", self.seq);
                self.seq = seq;
            }
            match frame["type"].as_str() {
                Some("ack") if frame["ref"] == *id => {
                    is_acked = true;
                    if frame["data"]["duplicate"] == true {
                        // It was stored before the server died, and answered or ended.
                        self.pending = None;
                        self.acked.entry(number).or_insert(1);
                        return true;
                    }
                    *self.acked.entry(number).or_default() += 1;
                }
                Some("error") if frame["ref"] == *id => {
                    if frame["data"]["message"] == "the server is shutting down" {
                        continue;
                    }
                    assert_eq!(frame["data"]["code"], "run_in_progress", "{frame}");
                    sleep(Duration::from_millis(5)).await;
                    return true;
                }
                Some("run.finished") if is_acked => {
                    self.pending = None;
                    return true;
                }
                _ => {}
            }
        }
    }

    /// All messages of the conversation, page by page.
    async fn history(&self, client: &mut Client) -> Vec<Value> {
        let (conversation, _) = self.cursor.as_ref().expect("a conversation");
        let mut all: Vec<Value> = Vec::new();
        let mut before = u64::MAX;
        loop {
            let data = json!({"conversation_id": conversation, "before_seq": before, "limit": 100});
            client.command("history.get", data).await;
            let page = client.until("history.page").await;
            let messages = page["data"]["messages"].as_array().expect("messages").clone();
            all.splice(0..0, messages.clone());
            if page["data"]["has_more"] != true || messages.is_empty() {
                return all;
            }
            before = page["data"]["first_seq"].as_u64().expect("a page tells where it begins");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    lives_end_by(Server::kill, count(8, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_deploy() {
    lives_end_by(Server::terminate, count(3, 50)).await;
}

/// Lets users write over several lives of a server, and looks at what is left.
async fn lives_end_by(end: fn(Server), lives: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let mut writers: Vec<Writer> = (0..USERS).map(Writer::new).collect();
    for life in 0..lives {
        let server = Server::start(folder.path());
        let address = server.address;
        let mut tasks = Vec::new();
        for mut writer in writers.drain(..) {
            tasks.push(tokio::spawn(async move {
                writer.write(address).await;
                writer
            }));
        }
        sleep(Duration::from_millis(40 + (life as u64 * 37) % 160)).await;
        tokio::task::spawn_blocking(move || end(server)).await.expect("an end");
        for task in tasks {
            writers.push(task.await.expect("no panic"));
        }
    }
    let server = Server::start(folder.path());
    let mut acked = 0;
    for writer in &mut writers {
        let mut client = writer.join(server.address).await.expect("a welcome");
        let messages = writer.history(&mut client).await;
        let mut said: HashMap<&str, usize> = HashMap::new();
        for message in messages.iter().filter(|message| message["role"] == "user") {
            *said.entry(message["text"].as_str().expect("a text")).or_default() += 1;
        }
        for (number, times) in &writer.acked {
            let text = format!("message {number}: how do I export my data");
            assert_eq!((*times, said.get(text.as_str())), (1, Some(&1)), "{text} of {}", writer.name);
            acked += 1;
        }
        assert!(said.values().all(|times| *times == 1), "a message is stored once");
    }
    println!("{lives} lives, {acked} acknowledged messages, none lost and none doubled");
    assert!(acked >= lives, "the writers wrote too little: {acked}");
    server.kill();
    let database = rusqlite::Connection::open(folder.path().join("data/conversations.sqlite")).expect("a database");
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok");
}
