//! What holds for every store of conversations.

use docent::adapters::conversation_database::{ConversationDatabase, OpenError, user_data};
use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::domain::ids::{AutomationId, ConversationId, PostId, UserId};
use docent::ports::conversation_store::{ConversationStore, Keep, NewEvent, StoreError};
use jiff::{SignedDuration, Timestamp};

fn conversation(name: &str) -> ConversationId {
    ConversationId::new(name).expect("an id")
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("an id")
}

fn frame(n: u64) -> String {
    format!("{{\"type\":\"test\",\"data\":{{\"n\":{n}}}}}")
}

fn events(from: u64, count: u64) -> Vec<NewEvent> {
    (from..from + count).map(|n| event(n, Keep::Lasting)).collect()
}

fn event(n: u64, keep: Keep) -> NewEvent {
    NewEvent { frame: frame(n), keep, fingerprint: (n == 2).then_some(u64::MAX - n), begins: None }
}

/// The whole contract, on a store that is empty and has room.
async fn keeps_the_contract(store: &dyn ConversationStore) {
    let (one, two, ann, bob) = (conversation("one"), conversation("two"), user("ann"), user("bob"));

    let start = store.create(&one, &ann).await.expect("a conversation");
    assert_eq!((start.seq, &start.conversation), (0, &one));
    assert!(!start.epoch.is_empty());
    assert!(store.create(&one, &ann).await.is_err(), "it exists");
    assert!(store.create(&one, &bob).await.is_err(), "it is another user's");
    let other = store.create(&two, &bob).await.expect("a conversation");
    assert_eq!(other.seq, 0);

    assert_eq!(store.append(&one, events(1, 3)).await.expect("stored"), 3);
    assert_eq!(store.append(&one, events(4, 1)).await.expect("stored"), 4);
    assert_eq!(store.append(&one, Vec::new()).await.expect("nothing to store"), 4);
    assert_eq!(store.append(&two, events(1, 1)).await.expect("stored"), 1, "logs are apart");

    let position = store.position(&one, &ann).await.expect("a position");
    assert_eq!((position.seq, &position.epoch), (4, &start.epoch), "an append does not change the epoch");
    assert!(matches!(store.position(&one, &bob).await, Err(StoreError::NotFound)), "it is another user's");
    let nowhere = conversation("nowhere");
    assert!(matches!(store.position(&nowhere, &ann).await, Err(StoreError::NotFound)));
    assert!(store.append(&nowhere, events(1, 1)).await.is_err());
    assert!(store.read_after(&nowhere, 0, 10).await.is_err());

    for (after, limit, expected) in [
        (0, 10, vec![1, 2, 3, 4]),
        (0, 2, vec![1, 2]),
        (2, 10, vec![3, 4]),
        (4, 10, vec![]),
        (9, 10, vec![]),
        (u64::MAX, 10, vec![]),
        (0, 0, vec![]),
    ] {
        let events = store.read_after(&one, after, limit).await.expect("events");
        assert_eq!(
            events.iter().map(|event| event.seq).collect::<Vec<_>>(),
            expected,
            "after {after}, at most {limit}"
        );
        for event in events {
            assert_eq!(event.frame, frame(event.seq), "a frame comes back as it was");
        }
    }

    let fingerprints: Vec<_> = store.read_after(&one, 0, 3).await.expect("events");
    assert_eq!(fingerprints[1].fingerprint, Some(u64::MAX - 2));
    for (before, limit, expected) in
        [(u64::MAX, 2, vec![3, 4]), (4, 10, vec![1, 2, 3]), (3, 1, vec![2]), (1, 5, vec![]), (0, 5, vec![])]
    {
        let events = store.read_before(&one, before, limit).await.expect("events");
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), expected, "before {before}");
    }

    let passing = vec![event(5, Keep::Lasting), event(6, Keep::Passing), event(7, Keep::Passing)];
    assert_eq!(store.append(&one, passing).await.expect("stored"), 7);
    let seqs = |events: Vec<docent::ports::conversation_store::StoredEvent>| -> Vec<u64> {
        events.iter().map(|event| event.seq).collect()
    };
    assert_eq!(seqs(store.read_after(&one, 4, 10).await.expect("events")), [5, 6, 7], "the answer is on its way");
    assert_eq!(store.append(&one, vec![event(8, Keep::Whole)]).await.expect("stored"), 8);
    let after = seqs(store.read_after(&one, 4, 10).await.expect("events"));
    assert_eq!(after, [5, 8], "it contains the others");
    let together = vec![event(9, Keep::Passing), event(10, Keep::Whole), event(11, Keep::Passing)];
    assert_eq!(store.append(&one, together).await.expect("stored"), 11);
    let after = seqs(store.read_after(&one, 8, 10).await.expect("events"));
    assert_eq!(after, [10, 11], "it contains the first");
    store.release(&one).await;
    assert_eq!(store.append(&one, vec![event(12, Keep::Lasting)]).await.expect("stored"), 12, "11 was given");
    let renewed = store.renew(&one).await.expect("a position");
    assert_eq!(renewed.seq, 12);
    assert_ne!(renewed.epoch, start.epoch);
    assert_eq!(store.position(&one, &ann).await.expect("a position"), renewed);
    assert!(store.renew(&nowhere).await.is_err());

    let began = |ts: &str| NewEvent {
        frame: format!("{{\"type\":\"run.started\",\"data\":{{}},\"ts\":\"{ts}\"}}"),
        keep: Keep::Lasting,
        fingerprint: None,
        begins: None,
    };
    let three = conversation("three");
    store.create(&three, &ann).await.expect("a conversation");
    let runs = ["2999-01-01T00:00:00Z", "2999-01-01T10:00:00.5Z", "2026-01-01T00:00:00Z"].map(began);
    store.append(&three, runs.into()).await.expect("stored");
    assert_eq!(store.runs_since(Some(&ann), "2026-02-01T00:00:00Z").await.expect("a count"), 2);
    assert_eq!(store.runs_since(Some(&bob), "2026-02-01T00:00:00Z").await.expect("a count"), 0);
    assert_eq!(store.runs_since(None, "2026-02-01T00:00:00Z").await.expect("a count"), 2);

    let automation = |name: &str| AutomationId::new(name).expect("an id");
    let begins = |name: &str| NewEvent { begins: Some(automation(name)), ..event(1, Keep::Lasting) };
    store.append(&three, vec![begins("a"), begins("b"), begins("a")]).await.expect("stored");
    let counted = store.automation_runs().await.expect("counts");
    assert_eq!(counted, [(automation("a"), 2), (automation("b"), 1)].into());

    let post = |name: &str| PostId::new(name).expect("an id");
    for (user, name) in [(&ann, "news"), (&ann, "more"), (&ann, "news"), (&bob, "other")] {
        store.see_post(user, &post(name)).await.expect("noted");
    }
    let mut seen = store.seen_posts(&ann).await.expect("posts");
    seen.sort();
    assert_eq!(seen, [post("more"), post("news")]);
    assert_eq!(store.seen_posts(&user("cid")).await.expect("posts"), []);

    store.release(&one).await;
    store.release(&nowhere).await;
    if store.position(&one, &ann).await.is_ok() {
        assert_eq!(store.append(&one, events(13, 1)).await.expect("stored"), 13, "asked for again, it is kept");
    }
}

/// What the contract says of conversations of long ago, on a store that is empty.
async fn removes_what_is_inactive(store: &dyn ConversationStore) {
    let (one, two, three) = (conversation("one"), conversation("two"), conversation("three"));
    let (ann, bob, news) = (user("ann"), user("bob"), PostId::new("news").expect("an id"));
    for (id, whose) in [(&one, &ann), (&two, &ann), (&three, &bob)] {
        store.create(id, whose).await.expect("a conversation");
        store.append(id, events(1, 2)).await.expect("stored");
        store.see_post(whose, &news).await.expect("noted");
    }
    let hour = SignedDuration::from_hours(1);
    let (past, future) = (Timestamp::now() - hour, Timestamp::now() + hour);

    assert_eq!(store.inactive(past, None, 10).await.expect("conversations"), []);
    let mut found = store.inactive(future, None, 2).await.expect("conversations");
    assert_eq!(found.len(), 2);
    found.extend(store.inactive(future, found.last(), 10).await.expect("conversations"));
    assert_eq!(store.inactive(future, found.last(), 10).await.expect("conversations"), []);
    let mut ids: Vec<_> = found.into_iter().map(|found| found.conversation).collect();
    ids.sort();
    assert_eq!(ids, [one.clone(), three.clone(), two.clone()], "each is found once");

    assert!(!store.remove(&one, past).await.expect("an outcome"), "something has happened since");
    assert_eq!(store.position(&one, &ann).await.expect("a position").seq, 2);
    assert!(store.remove(&one, future).await.expect("an outcome"));
    assert!(!store.remove(&one, future).await.expect("an outcome"), "it is gone");
    assert!(matches!(store.position(&one, &ann).await, Err(StoreError::NotFound)));
    assert!(store.append(&one, events(3, 1)).await.is_err() && store.read_after(&one, 0, 10).await.is_err());
    assert_eq!(
        store.seen_posts(&ann).await.expect("posts"),
        std::slice::from_ref(&news),
        "she has another conversation"
    );
    assert!(store.remove(&two, future).await.expect("an outcome"));
    assert_eq!(store.seen_posts(&ann).await.expect("posts"), [], "nothing is left of her");
    assert_eq!(store.seen_posts(&bob).await.expect("posts"), [news]);
    assert_eq!(store.append(&three, events(3, 1)).await.expect("stored"), 3, "the others go on");
    assert_eq!(store.create(&one, &ann).await.expect("a conversation").seq, 0, "as if it had never been");
}

#[tokio::test]
async fn conversations_in_memory() {
    let store = || ConversationMemory::new("e1".to_owned(), MemoryBounds::default()).with_clock(Timestamp::now);
    keeps_the_contract(&store()).await;
    removes_what_is_inactive(&store()).await;
}

#[tokio::test]
async fn conversations_in_a_database() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    keeps_the_contract(&ConversationDatabase::open(one.path()).expect("a database")).await;
    removes_what_is_inactive(&ConversationDatabase::open(other.path()).expect("a database")).await;
}

#[tokio::test]
async fn a_database_keeps_what_lasts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, ann) = (conversation("one"), user("ann"));
    let store = ConversationDatabase::open(folder.path()).expect("a database");
    let start = store.create(&one, &ann).await.expect("a conversation");
    store.append(&one, vec![event(1, Keep::Lasting), event(2, Keep::Passing)]).await.expect("stored");
    match ConversationDatabase::open(folder.path()) {
        Err(OpenError::Held { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
        other => panic!("two processes in one folder: {other:?}"),
    }
    drop(store);
    let store = ConversationDatabase::open(folder.path()).expect("a database");
    let position = store.position(&one, &ann).await.expect("a position");
    assert_eq!((position.epoch, position.seq), (start.epoch, 1), "what passes is gone with its number");
    let kept = store.read_after(&one, 0, 10).await.expect("events");
    assert_eq!(kept.iter().map(|event| event.seq).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn a_users_conversations_are_handed_out_and_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = ConversationDatabase::open(folder.path()).expect("a database");
    let canary = "the canary sings at noon";
    for (name, whose) in [("one", "ann"), ("two", "ann"), ("three", "bob")] {
        let id = conversation(name);
        store.create(&id, &user(whose)).await.expect("a conversation");
        let frame = format!("{{\"type\":\"test\",\"data\":{{\"text\":\"{canary} of {whose}\"}}}}");
        store
            .append(&id, vec![NewEvent { frame, keep: Keep::Lasting, fingerprint: None, begins: None }])
            .await
            .expect("stored");
    }
    let mut exported = Vec::new();
    user_data::export(folder.path(), "ann", |event| exported.push(event)).expect("an export");
    assert_eq!(exported.iter().map(|event| event.conversation.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    store.see_post(&user("ann"), &PostId::new("canary-post").expect("an id")).await.expect("noted");
    assert_eq!(user_data::seen_posts(folder.path(), "ann").expect("posts")[0].seen_post, "canary-post");
    assert!(exported[0].frame["data"]["text"].as_str().is_some_and(|text| text.contains("of ann")));
    // While the server runs.
    assert_eq!(user_data::erase(folder.path(), "ann").expect("an erasure").conversations, 2);
    assert!(matches!(store.position(&conversation("one"), &user("ann")).await, Err(StoreError::NotFound)));
    assert_eq!(store.seen_posts(&user("ann")).await.expect("posts"), []);
    assert!(store.append(&conversation("two"), events(2, 1)).await.is_err(), "nothing more of her is stored");
    assert!(store.position(&conversation("three"), &user("bob")).await.is_ok());
    drop(store);
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let found = bytes.windows(canary.len() + 7).any(|window| window == format!("{canary} of ann").as_bytes());
        assert!(!found, "{} still has it", path.display());
    }
    assert!(user_data::export(&folder.path().join("elsewhere"), "ann", |_| {}).is_err());
}

#[test]
fn a_later_schema_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(ConversationDatabase::open(folder.path()).expect("a database"));
    let database = rusqlite::Connection::open(folder.path().join("conversations.sqlite")).expect("a database");
    database.pragma_update(None, "user_version", 99).expect("written");
    drop(database);
    let error = ConversationDatabase::open(folder.path()).expect_err("it is newer").to_string();
    assert!(error.contains("schema 99"), "{error}");
}

/// What version 4 of the schema made, whose events stood conversation by conversation.
const SCHEMA_4: &str = "
    CREATE TABLE conversation (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, epoch TEXT NOT NULL,
        seq INTEGER NOT NULL DEFAULT 0, made INTEGER NOT NULL DEFAULT (unixepoch()),
        changed INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
    CREATE INDEX conversation_of_user ON conversation (user, changed);
    CREATE TABLE event (
        conversation INTEGER NOT NULL REFERENCES conversation (number) ON DELETE CASCADE,
        seq INTEGER NOT NULL, frame TEXT NOT NULL, fingerprint INTEGER, PRIMARY KEY (conversation, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE automation_run (automation TEXT PRIMARY KEY, runs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE seen_post (
        user TEXT NOT NULL, post TEXT NOT NULL, at INTEGER NOT NULL DEFAULT (unixepoch()), PRIMARY KEY (user, post)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX conversation_by_change ON conversation (changed, id);
    INSERT INTO conversation (number, id, user, epoch, seq) VALUES (1, 'one', 'ann', 'e1', 7), (2, 'two', 'bob', 'e2', 1);
    INSERT INTO event VALUES (2, 1, '{}', NULL), (1, 3, '{\"b\":1}', -3), (1, 1, '{\"a\":1}', NULL);
    PRAGMA user_version = 4;
";

#[tokio::test]
async fn what_an_earlier_version_wrote_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = rusqlite::Connection::open(folder.path().join("conversations.sqlite")).expect("a database");
    old.execute_batch(SCHEMA_4).expect("written");
    drop(old);
    let store = ConversationDatabase::open(folder.path()).expect("a database");
    let (one, ann) = (conversation("one"), user("ann"));
    let position = store.position(&one, &ann).await.expect("a position");
    assert_eq!((position.epoch.as_str(), position.seq), ("e1", 7), "pieces had numbers as well");
    let kept = store.read_after(&one, 0, 10).await.expect("events");
    let kept: Vec<_> = kept.iter().map(|event| (event.seq, event.frame.as_str(), event.fingerprint)).collect();
    assert_eq!(kept, [(1, r#"{"a":1}"#, None), (3, r#"{"b":1}"#, Some(u64::MAX - 2))]);
    assert_eq!(store.append(&one, events(8, 1)).await.expect("stored"), 8);
    assert_eq!(user_data::erase(folder.path(), "ann").expect("erased").conversations, 1);
    assert_eq!(store.read_after(&conversation("two"), 0, 10).await.expect("events").len(), 1, "the others stay");
}

#[tokio::test]
async fn concurrent_appends_leave_no_gap() {
    let store = std::sync::Arc::new(ConversationMemory::new("e1".to_owned(), MemoryBounds::default()));
    let id = conversation("busy");
    store.create(&id, &user("ann")).await.expect("a conversation");
    let writers = (0..8).map(|_| {
        let (store, id) = (store.clone(), id.clone());
        tokio::spawn(async move {
            for _ in 0..50 {
                store.append(&id, events(0, 2)).await.expect("stored");
            }
        })
    });
    for writer in futures_util::future::join_all(writers).await {
        writer.expect("no panic");
    }
    let events = store.read_after(&id, 0, usize::MAX).await.expect("events");
    assert!(events.iter().map(|event| event.seq).eq(1..=800));
}
