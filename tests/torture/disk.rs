//! A disk that fails or is full is an outage of writes only: they are refused and never
//! acknowledged, reads are served, and writes go on by themselves afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, hello};
use crate::count;
use crate::server::{Server, project};
use crate::tracer::Tracer;

/// How long writes may take to go on.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_is_an_outage_of_writes_only() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let mut user = User::new(&server, 1).await;
    user.writes("before").await;
    for (at, fault) in
        ["fdatasync,fsync:error=EIO", "fdatasync,fsync:error=ENOSPC", "pwrite64:error=ENOSPC", "pwrite64:error=EIO"]
            .into_iter()
            .enumerate()
    {
        let calls = fault.split(':').next().expect("calls");
        let output = folder.path().join(format!("faults-{at}"));
        let arguments = ["-e", &format!("trace={calls}"), "-e", &format!("inject={fault}")];
        let tracer = match Tracer::attach(server.pid(), &arguments, &output) {
            Ok(tracer) => tracer,
            Err(why) => return println!("skipped because {why}"),
        };
        for round in 0..3 {
            user.is_refused(&format!("{fault}, {round}")).await;
        }
        user.reads().await;
        user.comes_back(&server).await;
        drop(tracer);
        assert!(fs::read_to_string(&output).expect("a trace").contains("INJECTED"), "{fault} was not injected");
        user.writes_again().await;
        println!("{fault}: refused, readable, writable again");
    }
    user.everything_is_there_once().await;
    server.kill();
    is_sound(&folder.path().join("data"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_outage_of_writes_only() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let _mounted = match Mounted::new(&data) {
        Ok(mounted) => mounted,
        Err(why) => return println!("skipped because {why}"),
    };
    let server = Server::start(folder.path());
    let mut user = User::new(&server, 2).await;
    user.writes("before").await;
    let points = count(3, 20);
    for point in 0..points {
        let filler = data.join("filler");
        fill(&filler, point * 3 * 1024);
        let mut refused = 0;
        // Until nothing fits any more: the rest of the last page, and then nothing.
        for round in 0..200 {
            if user.tries(&format!("point {point}, {round}")).await {
                continue;
            }
            refused += 1;
            if refused == 3 {
                break;
            }
        }
        assert_eq!(refused, 3, "point {point}: the disk was never full");
        user.reads().await;
        user.comes_back(&server).await;
        fs::remove_file(&filler).expect("a file");
        user.writes_again().await;
    }
    user.everything_is_there_once().await;
    server.kill();
    is_sound(&data);
    println!("full at {points} points: refused, readable, writable again");
}

/// Fills the disk but for some bytes.
fn fill(filler: &Path, spare: usize) {
    use std::io::Write;
    let mut file = fs::File::create(filler).expect("a file");
    while file.write_all(&[b'x'; 4096]).is_ok() {}
    let length = file.metadata().expect("a length").len();
    file.set_len(length.saturating_sub(spare as u64)).expect("a shorter file");
}

fn is_sound(data: &Path) {
    let database = rusqlite::Connection::open(data.join("conversations.sqlite")).expect("a database");
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok");
}

/// A small disk, for as long as this lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(folder: &'a Path) -> Result<Self, String> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "docent-test"]).arg(folder);
        match mount.output() {
            Ok(output) if output.status.success() => Ok(Self(folder)),
            Ok(output) => Err(format!("no small disk: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("no small disk: {error}")),
        }
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.0).status();
    }
}

/// Somebody who writes, and keeps count.
struct User {
    client: Client,
    hello: Value,
    acked: Vec<String>,
    /// Messages that were refused, with their ids.
    refused: Vec<(String, String)>,
    sent: usize,
}

impl User {
    async fn new(server: &Server, number: usize) -> Self {
        let mut hello = hello();
        hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{number:012}"));
        let client = Client::join_as(server.address, hello.clone()).await;
        Self { client, hello, acked: Vec::new(), refused: Vec::new(), sent: 0 }
    }

    /// Sends a message; whether it was acknowledged.
    async fn tries(&mut self, text: &str) -> bool {
        self.sent += 1;
        let id = format!("disk-{}", self.sent);
        self.says(&id, text).await
    }

    async fn says(&mut self, id: &str, text: &str) -> bool {
        self.client.send(json!({"type": "message.send", "id": id, "data": {"text": text}})).await;
        let answer = self.client.answer(id).await;
        if answer["type"] == "ack" {
            self.acked.push(text.to_owned());
            self.client.until("run.finished").await;
            return true;
        }
        let code = answer["data"]["code"].as_str().unwrap_or_default();
        assert!(matches!(code, "storage_unavailable"), "{answer}");
        assert_eq!(answer["data"]["retryable"], true, "{answer}");
        self.refused.push((id.to_owned(), text.to_owned()));
        false
    }

    async fn writes(&mut self, text: &str) {
        assert!(self.tries(text).await, "{text} was refused");
    }

    async fn is_refused(&mut self, text: &str) {
        assert!(!self.tries(text).await, "{text} was acknowledged");
    }

    async fn reads(&mut self) {
        let page = json!({"conversation_id": self.client.welcome["data"]["conversation_id"], "before_seq": 1_000_000, "limit": 5});
        self.client.command("history.get", page).await;
        let page = self.client.until("history.page").await;
        assert!(page["data"]["messages"].as_array().is_some_and(|messages| !messages.is_empty()), "{page}");
        assert_eq!(self.client.call("post.get", json!({"post_id": "none"})).await["data"]["code"], "post_not_found");
    }

    /// Another connection finds the conversation.
    async fn comes_back(&mut self, server: &Server) {
        let mut hello = self.hello.clone();
        hello["resume"] = self.client.cursor(0);
        let client = Client::join_as(server.address, hello).await;
        assert_eq!(client.welcome["data"]["conversation_id"], self.client.welcome["data"]["conversation_id"]);
    }

    /// Everything that was refused is sent again, as a client does, and is taken in time.
    async fn writes_again(&mut self) {
        let since = Instant::now();
        for (id, text) in std::mem::take(&mut self.refused) {
            while !self.says(&id, &text).await {
                assert!(since.elapsed() < RECOVERY, "nothing is written {:?} after the fault", since.elapsed());
                self.refused.clear();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.refused.clear();
    }

    /// All that was acknowledged is in the history, once, and nothing else is.
    async fn everything_is_there_once(&mut self) {
        let conversation = self.client.welcome["data"]["conversation_id"].clone();
        let (mut before, mut said) = (json!(1_000_000), Vec::new());
        loop {
            let page = json!({"conversation_id": conversation, "before_seq": before, "limit": 100});
            self.client.command("history.get", page).await;
            let page = self.client.until("history.page").await["data"].clone();
            let messages = page["messages"].as_array().expect("messages");
            let users = messages.iter().filter(|message| message["role"] == "user");
            said.splice(0..0, users.map(|message| message["text"].as_str().expect("a text").to_owned()));
            before = page["first_seq"].clone();
            if page["has_more"] != true {
                break;
            }
        }
        assert_eq!(said, self.acked);
    }
}
