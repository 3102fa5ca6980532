//! Thousands of seeded schedules of what networks and people do: tabs of one user that
//! send, are cut off, wait, and come back with their cursors, through a bad network to
//! the real server on a paused clock. No event is missed, repeated or out of order, every
//! snapshot is whole, and every message is answered once.
//!
//! `DOCENT_TEST_SEED=N` runs the one schedule that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::domain::ids::ConversationId;
use docent::ports::conversation_store::ConversationStore;
use docent::server::Services;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::chance::Chance;
use crate::count;
use crate::rig::{Rig, Script, settings};
use crate::tab::{Tab, View};

/// Threads that work off schedules.
const THREADS: usize = 2;
/// After so long no run goes on.
const LONGEST_RUN: Duration = Duration::from_secs(180);

/// How often which thing happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: u64,
    pub(crate) cuts: u64,
    pub(crate) closed_slow: u64,
    pub(crate) closed_silent: u64,
    pub(crate) replays: u64,
    pub(crate) snapshots: u64,
    pub(crate) events: u64,
    pub(crate) messages: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.cuts += other.cuts;
        self.closed_slow += other.closed_slow;
        self.closed_silent += other.closed_silent;
        self.replays += other.replays;
        self.snapshots += other.snapshots;
        self.events += other.events;
        self.messages += other.messages;
    }
}

/// Tells which schedule it was that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the schedule of DOCENT_TEST_SEED={}", self.0);
        }
    }
}

#[test]
fn no_schedule_leaves_a_gap_or_a_repetition() {
    if let Some(seed) = std::env::var("DOCENT_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return println!("{:?}", run(seed));
    }
    let schedules = count(500, 10_000) as u64;
    let next = AtomicU64::new(1);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > schedules {
                return tally;
            }
            tally.add(run(seed));
        }
    };
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().for_each(|thread| all.add(thread.join().expect("every schedule goes well")));
    });
    println!("{schedules} schedules: {all:?}; no gap, no reordering, no repetition");
    if schedules >= 200 {
        assert!(all.replays >= 100 && all.snapshots >= 100, "both ways back are taken: {all:?}");
    }
}

fn run(seed: u64) -> Tally {
    let seed = Seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(schedule(seed.0))
}

async fn schedule(seed: u64) -> Tally {
    let mut chance = Chance::seeded(seed);
    let store = Arc::new(ConversationMemory::new("epoch-1".to_owned(), MemoryBounds::default()));
    let (revoke, revocations) = watch::channel(Arc::default());
    let answerer = Arc::new(Script::default());
    let services = Services { answerer, store: store.clone(), desk: None, revocations };
    let rig = Rig::serve(settings(), services, revoke).await;

    let mut first = Tab::new(0, seed, chance.split());
    let conversation = first.begin(rig.address).await;
    let mut tabs = vec![first];
    for number in 1..=chance.below(3) {
        let mut tab = Tab::new(number, seed, chance.split());
        tab.follow(&conversation);
        tabs.push(tab);
    }
    let stormy = tabs.iter_mut().map(|tab| tab.live_through(rig.address));
    futures_util::future::join_all(stormy).await;
    // The network is well again: what was not acknowledged is sent, and what was missed comes.
    let calm = tabs.iter_mut().map(|tab| tab.send_rest(rig.address));
    futures_util::future::join_all(calm).await;
    tokio::time::sleep(LONGEST_RUN).await;
    for tab in &mut tabs {
        tab.catch_up(rig.address).await;
    }

    let id = conversation["conversation_id"].as_str().expect("an id");
    let id = ConversationId::new(id).expect("an id");
    let stored = store.read_after(&id, 0, usize::MAX).await.expect("the log");
    let log: Vec<Value> = stored.iter().map(|event| serde_json::from_str(&event.frame).expect("JSON")).collect();
    let mut tally = Tally { messages: answered_once(&tabs, &log), ..Tally::default() };
    for tab in &tabs {
        assert_eq!(tab.last(), log.len() as u64, "{} has everything", tab.name());
        tab.seen.iter().for_each(|view| is_true(view, &log));
        tally.add(tab.tally);
    }
    tally
}

/// What a tab has seen is what the log says.
fn is_true(view: &View, log: &[Value]) {
    match view {
        View::Event(frame) => {
            let seq = frame["seq"].as_u64().expect("a number");
            let mut expected = log[at(seq)].clone();
            let first = frame["data"]["from_seq"].as_u64().unwrap_or(seq);
            if frame["type"] == "message.delta" && first < seq {
                // Pieces that waited for a slow reader come as one.
                let pieces = log[at(first)..=at(seq)].iter();
                let text: String = pieces.map(|piece| piece["data"]["delta"].as_str().expect("a piece")).collect();
                assert_eq!(frame["data"]["delta"], text.as_str(), "{frame}");
                assert_eq!(frame["data"]["message_id"], expected["data"]["message_id"]);
                return;
            }
            expected["seq"] = json!(seq);
            assert_eq!(*frame, expected);
        }
        View::Snapshot(snapshot) => {
            let seq = snapshot["as_of_seq"].as_u64().expect("a number");
            let log = &log[..usize::try_from(seq).expect("small")];
            let of = |kind: &'static str| log.iter().filter(move |frame| frame["type"] == kind);
            let told: Vec<&Value> = snapshot["messages"].as_array().expect("messages").iter().collect();
            let expected: Vec<&Value> = of("message.completed").map(|frame| &frame["data"]).collect();
            assert_eq!(told.len(), expected.len(), "a snapshot is whole");
            for (told, expected) in told.into_iter().zip(expected) {
                assert_eq!((&told["message_id"], &told["text"]), (&expected["message_id"], &expected["text"]));
            }
            let goes_on = of("run.started").count() > of("run.finished").count();
            assert_eq!(snapshot["active_run"].is_object(), goes_on, "{snapshot}");
        }
    }
}

fn at(seq: u64) -> usize {
    usize::try_from(seq - 1).expect("small")
}

/// Every message of every tab is in the log once, in the order in which the tab sent them,
/// and was answered by one run that came to its end; how many there are.
fn answered_once(tabs: &[Tab], log: &[Value]) -> u64 {
    let of = |kind: &'static str| log.iter().enumerate().filter(move |(_, frame)| frame["type"] == kind);
    let mut all = 0;
    for tab in tabs {
        let mut before = 0;
        for (id, text) in &tab.sent {
            let stored: Vec<_> = of("message.completed").filter(|(_, frame)| frame["ref"] == id.as_str()).collect();
            assert_eq!(stored.len(), 1, "{id}");
            assert_eq!(stored[0].1["data"]["text"], text.as_str());
            assert!(stored[0].0 >= before, "{id} comes after the one before it");
            before = stored[0].0;
            all += 1;
        }
    }
    let finished = of("run.finished").filter(|(_, frame)| frame["data"]["outcome"] == "completed").count();
    assert_eq!((of("run.started").count(), finished), (all, all), "each is answered once");
    all as u64
}
