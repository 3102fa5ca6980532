//! A user who was erased is in no file of the data folder any more, also while the server
//! runs and the user is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::client::{Client, hello};
use crate::server::{Server, project};

/// What each of the two users has written.
const ANN_SAYS: &str = "the canary sings at noon in zanzibar";
const BOB_SAYS: &str = "the magpie steals silver in timbuktu";

fn hello_of(user: usize) -> Value {
    let mut hello = hello();
    hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{user:012}"));
    hello
}

/// Asks what nobody knows, then for a person.
async fn hand_over(server: &Server, hello: Value, text: &str) -> Client {
    let mut client = Client::join_as(server.address, hello).await;
    let answered = client.ask(text).await;
    let answer = answered.iter().rfind(|frame| frame["type"] == "message.completed").expect("an answer");
    let reply = answer["data"]["quick_replies"].as_array().and_then(|replies| replies.last()).expect("a chip").clone();
    client.command("message.send", json!({"text": reply["text"], "quick_reply_id": reply["id"]})).await;
    assert_eq!(client.until("run.finished").await["data"]["kind"], "handover");
    client
}

fn docent(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.current_dir(folder).env("DOCENT_DATA", "data").args(arguments).output().expect("docent runs")
}

/// The files in which a text stands.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).expect("a file").windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_user_is_in_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let settings = "handover:\n  message: A colleague will write to you.\n";
    fs::write(folder.path().join("knowledge/project.yaml"), settings).expect("a file");
    // Nobody listens there, so what is handed over waits.
    let desk = ("DOCENT_HANDOVER_WEBHOOK_URL", "http://127.0.0.1:9/");
    let server = Server::start_with(folder.path(), &[desk]);
    let mut ann = hand_over(&server, hello_of(1), ANN_SAYS).await;
    let _bob = hand_over(&server, hello_of(2), BOB_SAYS).await;
    let (ann_id, bob_id) = (hello_of(1)["anonymous_id"].clone(), hello_of(2)["anonymous_id"].clone());
    let (ann_id, bob_id) = (ann_id.as_str().expect("an id"), bob_id.as_str().expect("an id"));
    let data = folder.path().join("data");
    assert!(!files_with(&data, ANN_SAYS).is_empty());
    assert!(files_with(&data, ann_id).len() >= 2, "in the conversations and among the handovers");

    let exported = docent(folder.path(), &["export", "--user", ann_id]);
    let exported = String::from_utf8(exported.stdout).expect("text");
    assert!(exported.contains(ANN_SAYS) && exported.contains("\"type\":\"handover\""), "{exported}");
    assert!(!exported.contains(BOB_SAYS));
    let erased = docent(folder.path(), &["erase", "--user", ann_id, "--yes"]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));

    let refused = ann.call("message.send", json!({"text": ANN_SAYS})).await;
    assert_eq!(refused["type"], "error", "{refused}");
    for text in [ANN_SAYS, ann_id] {
        assert_eq!(files_with(&data, text), Vec::<PathBuf>::new(), "{text}");
    }
    assert!(!files_with(&data, BOB_SAYS).is_empty() && files_with(&data, bob_id).len() >= 2, "he is still there");
}
