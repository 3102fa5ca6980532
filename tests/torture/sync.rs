//! What is acknowledged is on disk: no `ack` is written to a socket before the sync that
//! covers what it acknowledges. A kill cannot show this, since the system keeps what was
//! written and not synced. And no turn waits for more syncs than it must.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::client::{Client, hello};
use crate::count;
use crate::server::{Server, project};
use crate::tracer::Tracer;

/// Users who write at the same time, so that several share one sync.
const USERS: usize = 6;
/// What is traced.
const CALLS: [&str; 2] = ["-e", "trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ack_comes_before_its_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let mut clients = Vec::new();
    for user in 0..USERS {
        let mut hello = hello();
        hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{user:012}"));
        clients.push(Client::join_as(server.address, hello).await);
    }
    let output = folder.path().join("trace");
    let tracer = match Tracer::attach(server.pid(), &CALLS, &output) {
        Ok(tracer) => tracer,
        Err(why) => return println!("skipped because {why}"),
    };
    let each = count(40, 1_000).div_ceil(USERS);
    let writing = clients.iter_mut().enumerate().map(|(user, client)| async move {
        for number in 0..each {
            let id = format!("sync-{user}-{number}");
            let text = json!({"text": format!("message {number}")});
            client.send(json!({"type": "message.send", "id": id, "data": text})).await;
            assert_eq!(client.answer(&id).await["type"], "ack");
            client.until("run.finished").await;
        }
    });
    futures_util::future::join_all(writing).await;
    drop(tracer);
    let trace = fs::read_to_string(&output).expect("a trace");
    let ids: Vec<String> =
        (0..USERS).flat_map(|user| (0..each).map(move |number| format!("sync-{user}-{number}"))).collect();
    let syncs = check(&trace, &ids).unwrap_or_else(|why| panic!("{why}"));
    println!("{} acks, each after one of {syncs} syncs that covers it", ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_and_what_is_answered_at_once_share_a_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let mut client = Client::join(server.address).await;
    let output = folder.path().join("trace");
    let tracer = match Tracer::attach(server.pid(), &CALLS, &output) {
        Ok(tracer) => tracer,
        Err(why) => return println!("skipped because {why}"),
    };
    let turns = count(20, 200);
    for number in 0..turns {
        client.ask(&format!("message {number}")).await;
    }
    drop(tracer);
    let trace = fs::read_to_string(&output).expect("a trace");
    let syncs = check(&trace, &[]).unwrap_or_else(|why| panic!("{why}"));
    // On a busy machine some answers come too late for that.
    assert!((turns..=turns + turns / 2).contains(&syncs), "{syncs} syncs for {turns} turns");
    println!("{syncs} syncs for {turns} turns");
}

/// Follows a trace; how many syncs there were.
fn check(trace: &str, ids: &[String]) -> Result<usize, String> {
    let mut log = Log::default();
    // What a thread has begun and not ended yet, since lines of several threads mix.
    let mut begun: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(call) = rest.strip_suffix("<unfinished ...>") {
            log.begins(call, at, ids);
            begun.insert(thread, (at, call.to_owned()));
        } else if rest.starts_with("<... ") {
            if let Some((since, call)) = begun.remove(thread) {
                log.ended(&call, rest, (since, at), ids);
            }
        } else {
            log.begins(rest, at, ids);
            log.ended(rest, rest, (at, at), ids);
        }
    }
    for id in ids {
        let written =
            log.written.get(id).ok_or_else(|| format!("{id} was never written to the log of the database"))?;
        let acked = log.acked.get(id).ok_or_else(|| format!("{id} was never acknowledged"))?;
        if !log.syncs.iter().any(|(from, to)| from > written && to < acked) {
            return Err(format!("{id}: written at line {written}, acknowledged at line {acked}, no sync between"));
        }
    }
    Ok(log.syncs.len())
}

/// What happened at which line of a trace.
#[derive(Default)]
struct Log {
    /// When a command was first written to the database's log.
    written: BTreeMap<String, usize>,
    /// When its answer began to be sent.
    acked: BTreeMap<String, usize>,
    /// From when to when the database's log was synced.
    syncs: Vec<(usize, usize)>,
}

impl Log {
    fn begins(&mut self, call: &str, at: usize, ids: &[String]) {
        let is_send = ["sendto(", "sendmsg(", "write(", "writev("].iter().any(|name| call.starts_with(name));
        if is_send && call.contains(r#"\"type\":\"ack\""#) {
            for id in ids.iter().filter(|id| call.contains(&format!(r#"\"ref\":\"{id}\""#))) {
                self.acked.entry(id.clone()).or_insert(at);
            }
        }
    }

    fn ended(&mut self, call: &str, end: &str, (since, at): (usize, usize), ids: &[String]) {
        let of_log = call.contains("-wal>");
        if of_log && (call.starts_with("fdatasync(") || call.starts_with("fsync(")) && end.trim_end().ends_with("= 0") {
            self.syncs.push((since, at));
        } else if of_log && call.starts_with("pwrite64(") {
            for id in ids.iter().filter(|id| call.contains(&format!(r#"{id}\""#))) {
                self.written.entry(id.clone()).or_insert(at);
            }
        }
    }
}

/// The check itself, on traces as they would be of a server that keeps its word and of
/// two that do not.
#[test]
fn an_ack_before_its_sync_is_found() {
    let write = r#"7 pwrite64(9</d/c.sqlite-wal>, "..\"ref\":\"sync-0-0\"..", 4096, 0) = 4096"#;
    let sync = "7 fdatasync(9</d/c.sqlite-wal>) = 0";
    let failed = "7 fdatasync(9</d/c.sqlite-wal>) = -1 EIO (Input/output error)";
    let ack = r#"8 sendto(5<socket:[1]>, "\201\1{\"type\":\"ack\",\"data\":{},\"ref\":\"sync-0-0\"}", 9, MSG_NOSIGNAL, NULL, 0) = 9"#;
    let (early, late) = ("9 fdatasync(9</d/c.sqlite-wal> <unfinished ...>", "9 <... fdatasync resumed>) = 0");
    let ids = ["sync-0-0".to_owned()];
    let passes = |lines: &[&str]| check(&lines.join("\n"), &ids).is_ok();
    assert!(passes(&[write, sync, ack]));
    assert!(!passes(&[write, ack, sync]), "acknowledged first");
    assert!(!passes(&[sync, write, ack]), "synced before it was written");
    assert!(!passes(&[write, failed, ack]), "the sync failed");
    assert!(!passes(&[early, write, late, ack]), "the sync began before it was written");
    assert!(!passes(&[write, early, ack, late]), "the sync had not ended");
    assert!(passes(&[write, early, late, ack]));
}
