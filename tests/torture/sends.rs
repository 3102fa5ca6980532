//! Messages that are sent again and again, over two connections that break, to a server
//! that is killed: each is stored once and answered once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::chance::Chance;
use crate::client::{Came, Client, hello};
use crate::count;
use crate::server::{Server, project};

/// Users who write at the same time.
const USERS: usize = 5;

/// One user with two tabs, over all lives of the server.
struct Sender {
    hello: Value,
    tabs: [Option<Client>; 2],
    cursor: Option<(Value, Value)>,
    chance: Chance,
    wanted: usize,
    answered: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_stored_and_answered_once_however_often_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let wanted = count(40, 5_000).div_ceil(USERS);
    let mut senders: Vec<Sender> = (0..USERS).map(|number| Sender::new(number, wanted)).collect();
    let mut lives = 0;
    while senders.iter().any(|sender| sender.answered < wanted) {
        lives += 1;
        let server = Server::start(folder.path());
        let address = server.address;
        let tasks: Vec<_> = senders
            .drain(..)
            .map(|mut sender| {
                tokio::spawn(async move {
                    sender.send_all(address).await;
                    sender
                })
            })
            .collect();
        let until = sleep(Duration::from_millis(300 + (lives * 371) % 900));
        tokio::select! {
            () = until => {}
            () = async { while !tasks.iter().all(tokio::task::JoinHandle::is_finished) { sleep(Duration::from_millis(5)).await; } } => {}
        }
        tokio::task::spawn_blocking(move || server.kill()).await.expect("an end");
        for task in tasks {
            senders.push(task.await.expect("no panic"));
        }
    }
    let database = rusqlite::Connection::open(folder.path().join("data/conversations.sqlite")).expect("a database");
    let mut frames = database.prepare("SELECT frame FROM event").expect("events");
    let frames = frames.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let frames: Vec<Value> = frames.map(|frame| serde_json::from_str(&frame.expect("a row")).expect("JSON")).collect();
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["type"] == "message.completed" && frame["data"]["role"] == "user") {
        *said.entry(frame["data"]["text"].as_str().expect("a text")).or_default() += 1;
    }
    let runs = frames.iter().filter(|frame| frame["type"] == "run.started").count();
    let ends = frames.iter().filter(|frame| frame["type"] == "run.finished").count();
    println!("{} messages over {lives} lives: {} rows, {runs} runs, {ends} ends", wanted * USERS, said.len());
    assert_eq!(said.len(), wanted * USERS);
    assert!(said.values().all(|times| *times == 1), "a message is stored once: {said:?}");
    assert_eq!(runs, wanted * USERS, "one run a message");
    // The runs that the last kill cut off are ended when their conversations are opened again.
    assert!(ends <= runs && ends + USERS >= runs, "{ends} ends of {runs} runs");
}

impl Sender {
    fn new(number: usize, wanted: usize) -> Self {
        let mut hello = hello();
        hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{number:012}"));
        let chance = Chance::seeded(number as u64 + 77);
        Self { hello, tabs: [None, None], cursor: None, chance, wanted, answered: 0 }
    }

    /// Sends one message after the other, until all are answered or the server is gone.
    async fn send_all(&mut self, address: SocketAddr) {
        self.tabs = [None, None];
        while self.answered < self.wanted {
            if self.send(address, self.answered).await.is_none() {
                return;
            }
        }
    }

    /// Sends a message up to five times, over either tab; `None` when the server is gone.
    async fn send(&mut self, address: SocketAddr, number: usize) -> Option<()> {
        let name = self.hello["anonymous_id"].as_str().expect("a name").to_owned();
        let id = format!("{name}-{number}");
        let frame = json!({"type": "message.send", "id": id, "data": {"text": format!("{name} says {number}")}});
        let times = 1 + self.chance.below(5);
        let mut last = 0;
        for _ in 0..times {
            last = usize::try_from(self.chance.below(2)).expect("0 or 1");
            self.tab(address, last).await?.send(frame.clone()).await;
            if self.chance.below(6) == 0 {
                self.tabs[last] = None;
            }
        }
        // Once more over a tab that is open, until it says that it was done.
        loop {
            let tab = self.tab(address, last).await?;
            tab.send(frame.clone()).await;
            match answer(tab, &id).await? {
                answer if answer["type"] == "ack" => break,
                answer if answer["data"]["code"] == "run_in_progress" => sleep(Duration::from_millis(5)).await,
                answer => panic!("{answer}"),
            }
        }
        self.answered += 1;
        Some(())
    }

    /// A tab, which is opened again when it is not open.
    async fn tab(&mut self, address: SocketAddr, number: usize) -> Option<&mut Client> {
        if self.tabs[number].is_none() {
            let mut hello = self.hello.clone();
            hello["client_id"] = json!(format!("tab-{number}"));
            if let Some((conversation, epoch)) = &self.cursor {
                hello["resume"] = json!({"conversation_id": conversation, "epoch": epoch, "after_seq": 0});
            }
            let client = join(address, hello).await?;
            let welcome = &client.welcome["data"];
            self.cursor = Some((welcome["conversation_id"].clone(), welcome["epoch"].clone()));
            self.tabs[number] = Some(client);
        }
        self.tabs[number].as_mut()
    }
}

async fn join(address: SocketAddr, hello: Value) -> Option<Client> {
    let mut client = Client::open_with(address, crate::client::request(address)).await.ok()?;
    client.send(json!({"type": "hello", "id": "h", "data": hello})).await;
    loop {
        match client.next().await {
            Came::Frame(frame) if frame["type"] == "welcome" => {
                client.welcome = frame;
                return Some(client);
            }
            Came::Frame(_) => {}
            Came::Closed(_) | Came::Cut => return None,
        }
    }
}

/// The answer to a command; `None` when the connection ends before it.
async fn answer(client: &mut Client, id: &str) -> Option<Value> {
    loop {
        match client.next().await {
            Came::Frame(frame) if frame["ref"] == id && matches!(frame["type"].as_str(), Some("ack" | "error")) => {
                return Some(frame);
            }
            Came::Frame(_) => {}
            Came::Closed(_) | Came::Cut => return None,
        }
    }
}
