//! What holds for every store of conversations.

use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::domain::ids::{ConversationId, UserId};
use docent::ports::conversation_store::{ConversationStore, StoreError};

fn conversation(name: &str) -> ConversationId {
    ConversationId::new(name).expect("an id")
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("an id")
}

fn frames(from: u64, count: u64) -> Vec<String> {
    (from..from + count).map(|n| format!("{{\"type\":\"test\",\"data\":{{\"n\":{n}}}}}")).collect()
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

    assert_eq!(store.append(&one, frames(1, 3)).await.expect("stored"), 3);
    assert_eq!(store.append(&one, frames(4, 1)).await.expect("stored"), 4);
    assert_eq!(store.append(&one, Vec::new()).await.expect("nothing to store"), 4);
    assert_eq!(store.append(&two, frames(1, 1)).await.expect("stored"), 1, "logs are apart");

    let position = store.position(&one, &ann).await.expect("a position");
    assert_eq!((position.seq, &position.epoch), (4, &start.epoch), "an append does not change the epoch");
    assert!(matches!(store.position(&one, &bob).await, Err(StoreError::NotFound)), "it is another user's");
    let nowhere = conversation("nowhere");
    assert!(matches!(store.position(&nowhere, &ann).await, Err(StoreError::NotFound)));
    assert!(store.append(&nowhere, frames(1, 1)).await.is_err());
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
            assert_eq!(event.frame, frames(event.seq, 1)[0], "a frame comes back as it was");
        }
    }

    store.release(&one).await;
    store.release(&nowhere).await;
    if store.position(&one, &ann).await.is_ok() {
        assert_eq!(store.append(&one, frames(5, 1)).await.expect("stored"), 5, "asked for again, it is kept");
    }
}

#[tokio::test]
async fn conversations_in_memory() {
    keeps_the_contract(&ConversationMemory::new("e1".to_owned(), MemoryBounds::default())).await;
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
                store.append(&id, frames(0, 2)).await.expect("stored");
            }
        })
    });
    for writer in futures_util::future::join_all(writers).await {
        writer.expect("no panic");
    }
    let events = store.read_after(&id, 0, usize::MAX).await.expect("events");
    assert!(events.iter().map(|event| event.seq).eq(1..=800));
}
