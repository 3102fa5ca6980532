//! Connections that are cut in the middle of answers: the client comes back with its
//! cursor and has every event once and in order, or the whole conversation anew.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::client::{Came, Client, check_sequence, hello};
use crate::count;
use crate::rig::{Rig, settings};

/// Users who are cut off at the same time.
const USERS: usize = 8;

/// How often each way back was taken.
#[derive(Clone, Copy, Debug, Default)]
struct Ways {
    replays: usize,
    snapshots: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_leaves_neither_gap_nor_repetition() {
    let mut settings = settings();
    settings.session.commands.count = 100_000;
    let rig = Rig::with(settings).await;
    let each = count(32, 500).div_ceil(USERS);
    let cutting = (0..USERS).map(|user| cut_off(rig.address, user, each));
    let mut all = Ways::default();
    for ways in futures_util::future::join_all(cutting).await {
        all.replays += ways.replays;
        all.snapshots += ways.snapshots;
    }
    println!("{} cuts: {} replays, {} snapshots, no gap and no repetition", USERS * each, all.replays, all.snapshots);
    assert!(all.replays >= each && all.snapshots >= each, "both ways back are taken: {all:?}");
}

async fn cut_off(address: SocketAddr, user: usize, cuts: usize) -> Ways {
    let mut chance = Chance::seeded(user as u64 + 1);
    let mut ways = Ways::default();
    let mut hello = hello();
    hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{user:012}"));
    let mut client = Client::join_as(address, hello.clone()).await;
    let mut last = 0;
    for _ in 0..cuts {
        let pieces = 3 + chance.below(8);
        client.command("message.send", json!({"text": format!("slow {pieces}")})).await;
        let mut seen = Vec::new();
        for _ in 0..=chance.below(pieces + 4) {
            seen.push(client.frame().await);
            if seen.last().is_some_and(|frame| frame["type"] == "run.finished") {
                break;
            }
        }
        last = check_sequence(&seen, last);
        let was_finished = seen.iter().any(|frame| frame["type"] == "run.finished");
        let mut cursor = client.cursor(last);
        let is_void = chance.below(3) == 0;
        if is_void {
            cursor["epoch"] = json!("an epoch of before");
        }
        drop(client);

        hello["resume"] = cursor;
        client = Client::join_as(address, hello.clone()).await;
        assert_eq!(client.welcome["data"]["resumed"], !is_void, "{}", client.welcome);
        let mut is_running = !was_finished;
        if is_void {
            ways.snapshots += 1;
            let snapshot = client.frame().await;
            assert_eq!(snapshot["type"], "conversation.snapshot", "{snapshot}");
            last = client.welcome["data"]["seq"].as_u64().expect("a number");
            assert_eq!(snapshot["data"]["as_of_seq"], last);
            is_running = snapshot["data"]["active_run"].is_object();
        } else {
            ways.replays += 1;
        }
        if is_running {
            let rest = client.through("run.finished").await;
            last = check_sequence(&rest, last);
            let answer = rest.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
            assert_eq!(answer["data"]["text"], (0..pieces).map(|at| format!("{at} ")).collect::<String>());
        } else if !was_finished {
            // The answer was finished between the cut and the return, and is in the snapshot.
            assert!(is_void);
        }
        nothing_more(&mut client, last).await;
    }
    ways
}

/// Nothing comes after the end of a run but the answer to the next command.
async fn nothing_more(client: &mut Client, last: u64) {
    let id = client.command("context.update", json!({})).await;
    loop {
        match client.next().await {
            Came::Frame(frame) if frame["ref"] == id.as_str() => return,
            Came::Frame(frame) => assert_eq!(frame["seq"], Value::Null, "after event {last}: {frame}"),
            end => panic!("{end:?}"),
        }
    }
}
