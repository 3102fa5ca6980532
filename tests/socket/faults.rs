//! Clients that vanish, come back, break things or read slowly: the others are not
//! disturbed, and nothing is lost.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use serde_json::{Value, json};

use crate::client::{ANN, Came, Client, PATIENCE, check_sequence, hello, types};
use crate::rig::{Rig, settings};

async fn resumed(rig: &Rig, cursor: Value) -> Client {
    let mut hello = hello();
    hello["resume"] = cursor;
    Client::join_as(rig.address, hello).await
}

#[tokio::test]
async fn a_run_is_stopped_by_its_user_and_history_is_read_in_pages() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.ask("hello").await;
    client.command("message.send", json!({"text": "hang"})).await;
    let started = client.until("run.started").await;
    let cancelled = client.call("run.cancel", json!({"run_id": started["data"]["run_id"]})).await;
    assert_eq!(cancelled["type"], "ack", "{cancelled}");
    let finished = client.until("run.finished").await;
    assert_eq!(finished["data"]["outcome"], "cancelled", "{finished}");
    let again = client.call("run.cancel", json!({"run_id": started["data"]["run_id"]})).await;
    assert_eq!(again["data"]["code"], "run_not_found");
    assert_eq!(client.ask("hello").await.last().expect("an end")["data"]["outcome"], "completed");

    let conversation = &client.welcome["data"]["conversation_id"].clone();
    let mut before = json!(1_000_000);
    let mut texts = Vec::new();
    loop {
        client.command("history.get", json!({"conversation_id": conversation, "before_seq": before, "limit": 2})).await;
        let page = client.until("history.page").await["data"].clone();
        let messages = page["messages"].as_array().expect("messages").clone();
        assert!(messages.len() <= 2);
        texts.splice(0..0, messages.iter().map(|message| message["text"].clone()));
        before = page["first_seq"].clone();
        if page["has_more"] != true {
            break;
        }
    }
    assert_eq!(texts.first(), Some(&json!("hello")));
    assert!(texts.contains(&json!("hang")) && texts.len() >= 5, "{texts:?}");
    let foreign = json!({"conversation_id": conversation, "before_seq": 100, "limit": 2});
    let mut other = hello();
    other["anonymous_id"] = json!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a11");
    let mut bob = Client::join_as(rig.address, other).await;
    bob.command("history.get", foreign).await;
    assert_eq!(bob.until("error").await["data"]["code"], "conversation_not_found");
}

#[tokio::test]
async fn what_is_read_in_one_tab_is_read_in_all() {
    let rig = Rig::start().await;
    let mut first = Client::join(rig.address).await;
    let mut hello = hello();
    hello["client_id"] = json!("tab-2");
    hello["resume"] = first.cursor(0);
    let mut second = Client::join_as(rig.address, hello).await;
    let answered = first.ask("hello").await;
    first.ask("hello again").await;
    let seq = answered.iter().rev().find_map(|frame| frame["seq"].as_u64()).expect("a number");
    for (mark, left) in [(seq, 1), (1_000_000, 0)] {
        first.call("read.mark", json!({"seq": mark})).await;
        assert_eq!(second.until("unread").await["data"]["count"], left, "read up to {mark}");
    }
}

#[tokio::test]
async fn the_last_answer_is_given_again_in_its_place() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let answered = client.ask("hello").await;
    let started = answered.iter().find(|frame| frame["type"] == "message.started").expect("an answer");
    let answer = started["data"]["message_id"].clone();
    client.command("message.regenerate", json!({"message_id": answer})).await;
    let again = client.through("run.finished").await;
    let of = |kind: &str| again.iter().find(|frame| frame["type"] == kind).expect("a frame")["data"].clone();
    assert_eq!(of("run.started")["trigger"], "regenerate");
    assert_eq!((&of("message.started")["message_id"], &of("message.started")["rev"]), (&answer, &json!(2)));
    assert_eq!(of("message.completed")["message_id"], answer);
    let page = json!({"conversation_id": client.welcome["data"]["conversation_id"], "before_seq": 1_000, "limit": 10});
    client.command("history.get", page).await;
    let page = client.until("history.page").await;
    assert_eq!(page["data"]["messages"].as_array().map(Vec::len), Some(2), "{page}");
    let other = client.call("message.regenerate", json!({"message_id": "another"})).await;
    assert_eq!(other["data"]["code"], "bad_request");
}

#[tokio::test]
async fn two_chats_at_once_do_not_mix() {
    let rig = Rig::start().await;
    let mut ann = Client::join(rig.address).await;
    let mut bob = hello();
    bob["anonymous_id"] = json!("anon-00000000-0000-4000-8000-000000000000");
    let mut bob = Client::join_as(rig.address, bob).await;
    let (ann, bob) = tokio::join!(ann.ask("slow 15"), bob.ask("bob here"));
    check_sequence(&ann, 0);
    check_sequence(&bob, 0);
    assert!(!serde_json::to_string(&ann).expect("JSON").contains("bob"));
    let answer = bob.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(answer["data"]["text"], "You said: bob here");
}

#[tokio::test]
async fn a_killed_client_disturbs_nobody_and_finds_its_answer() {
    let rig = Rig::start().await;
    let mut ann = Client::join(rig.address).await;
    let mut bob = Client::join(rig.address).await;
    ann.command("message.send", json!({"text": "slow 20"})).await;
    let seen = ann.through("message.delta").await;
    let last = check_sequence(&seen, 0);
    let cursor = ann.cursor(last);
    drop(ann.socket);
    check_sequence(&bob.ask("slow 5").await, 0);

    let mut ann = resumed(&rig, cursor).await;
    assert_eq!(ann.welcome["data"]["resumed"], true);
    let rest = ann.through("run.finished").await;
    check_sequence(&rest, last);
    let answer = rest.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(answer["data"]["text"], (0..20).map(|at| format!("{at} ")).collect::<String>());
}

#[tokio::test]
async fn what_was_missed_comes_again_in_order_and_in_one_piece() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let zero = client.cursor(0);
    let frames = client.ask("cite").await;
    let end = check_sequence(&frames, 0);
    drop(client);

    let mut client = resumed(&rig, zero).await;
    assert_eq!((&client.welcome["data"]["resumed"], &client.welcome["data"]["seq"]), (&json!(true), &json!(end)));
    let replay = client.through("run.finished").await;
    assert_eq!(
        types(&replay),
        ["message.completed", "run.started", "message.completed", "run.finished"],
        "the pieces of a finished answer are left out"
    );
    assert_eq!(check_sequence(&replay, 0), end);
    let nothing = client.cursor(end);
    let mut client = resumed(&rig, nothing).await;
    assert_eq!(client.welcome["data"]["resumed"], true);
    let frames = client.ask("go on").await;
    check_sequence(&frames, end);
}

#[tokio::test]
async fn a_cursor_that_is_void_gets_the_whole_conversation_or_a_new_one() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.ask("hello").await;
    let good = client.cursor(0);
    let mut other_epoch = good.clone();
    other_epoch["epoch"] = json!("epoch-0");
    let mut beyond = good.clone();
    beyond["after_seq"] = json!(10_000);
    let mut unknown = good.clone();
    unknown["conversation_id"] = json!("conv-none");
    let mut unreadable = good.clone();
    unreadable["conversation_id"] = json!("a b");
    for cursor in [other_epoch, beyond] {
        let mut client = resumed(&rig, cursor.clone()).await;
        assert_eq!(client.welcome["data"]["resumed"], false, "{cursor}");
        assert_eq!(client.welcome["data"]["conversation_id"], good["conversation_id"], "{cursor}");
        let snapshot = client.until("conversation.snapshot").await;
        let texts: Vec<_> = snapshot["data"]["messages"].as_array().expect("messages").iter().collect();
        assert_eq!(texts.first().map(|message| &message["text"]), Some(&json!("hello")), "{snapshot}");
        assert_eq!(snapshot["data"]["as_of_seq"], client.welcome["data"]["seq"]);
        let seq = client.welcome["data"]["seq"].as_u64().expect("a number");
        check_sequence(&client.ask("new").await, seq);
    }
    for cursor in [unknown, unreadable] {
        let mut client = resumed(&rig, cursor.clone()).await;
        assert_eq!(
            (&client.welcome["data"]["resumed"], &client.welcome["data"]["seq"]),
            (&json!(false), &json!(0)),
            "{cursor}"
        );
        check_sequence(&client.ask("new").await, 0);
    }
}

#[tokio::test]
async fn too_much_missed_comes_as_a_whole() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let zero = client.cursor(0);
    for round in 0..130 {
        client.ask(&format!("round {round}")).await;
    }
    let mut client = resumed(&rig, zero).await;
    assert_eq!(client.welcome["data"]["resumed"], false);
    let snapshot = client.until("conversation.snapshot").await;
    assert_eq!(snapshot["data"]["messages"].as_array().map(Vec::len), Some(100), "{snapshot}");
}

#[tokio::test]
async fn an_answer_that_is_given_again_is_found_half_way() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let zero = client.cursor(0);
    let frames = client.ask("slow 20").await;
    let first = frames.iter().rfind(|frame| frame["type"] == "message.completed").expect("an answer");
    client.command("message.regenerate", json!({"message_id": first["data"]["message_id"]})).await;
    client.until("message.delta").await;
    let mut late = resumed(&rig, zero).await;
    assert_eq!(late.welcome["data"]["resumed"], true);
    let mut frames = late.through("run.finished").await;
    frames.extend(late.through("run.finished").await);
    check_sequence(&frames, 0);
    let again = frames.iter().rposition(|frame| frame["type"] == "message.started").expect("another beginning");
    assert_eq!(frames[again]["data"]["rev"], 2);
    let pieces = frames[again..].iter().filter(|frame| frame["type"] == "message.delta");
    let told: String = pieces.map(|frame| frame["data"]["delta"].as_str().expect("a text")).collect();
    let whole = frames.iter().rfind(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(told, whole["data"]["text"].as_str().expect("a text"));
    assert_eq!(whole["data"]["message_id"], first["data"]["message_id"]);
}

#[tokio::test]
async fn two_tabs_follow_one_conversation_and_one_of_them_acts() {
    let rig = Rig::start().await;
    let mut first = Client::join(rig.address).await;
    let mut second = hello();
    second["client_id"] = json!("tab-2");
    second["resume"] = first.cursor(0);
    let mut second = Client::join_as(rig.address, second).await;
    let seen_by_first = first.ask("offer").await;
    let seen_by_second = second.through("run.finished").await;
    check_sequence(&seen_by_second, 0);
    assert_eq!(
        seen_by_second.iter().filter(|frame| frame["type"] == "ack").count(),
        0,
        "acks go to the tab that asked"
    );
    let offer = seen_by_first.iter().find(|frame| frame["type"] == "action.requested").expect("an offer");
    let claim = json!({"action_id": offer["data"]["action_id"]});
    let (one, two) = tokio::join!(first.call("action.claim", claim.clone()), second.call("action.claim", claim));
    let granted = [&one, &two].iter().filter(|answer| answer["type"] == "ack").count();
    assert_eq!(granted, 1, "{one} {two}");
    let loser = if one["type"] == "ack" { &mut second } else { &mut first };
    let result = json!({"action_id": offer["data"]["action_id"], "status": "succeeded"});
    assert_eq!(loser.call("action.result", result).await["data"]["code"], "forbidden");
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_go_on() {
    let mut settings = settings();
    settings.close_timeout = Duration::from_secs(5);
    let rig = Rig::with(settings).await;
    let mut slow = Client::join(rig.address).await;
    let cursor = slow.cursor(0);
    let mut other = Client::join(rig.address).await;
    // More than the kernel and the outbox hold together.
    slow.command("message.send", json!({"text": "flood 6000"})).await;
    let started = Instant::now();
    for round in 0..10 {
        let frames = other.ask(&format!("round {round}")).await;
        assert_eq!(types(&frames).last(), Some(&"run.finished"));
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    // The run goes on without its reader.
    let mut watcher = resumed(&rig, cursor).await;
    let (frames, closed) = slow.closed().await;
    assert_eq!(closed, Came::Closed(4002));
    check_sequence(&frames, 0);
    assert!(types(&frames).len() < 6000);
    assert_eq!(types(&watcher.ask("fine?").await).last(), Some(&"run.finished"));
}

#[tokio::test]
async fn a_clean_goodbye_is_answered() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.socket.close(None).await.expect("a close");
    assert!(matches!(client.next().await, Came::Cut | Came::Closed(_)));
    let _ = client.socket.flush().await;
}

#[tokio::test]
async fn many_clients_at_once_with_one_that_breaks_everything() {
    let rig = Rig::start().await;
    let breaker = async {
        for _ in 0..20 {
            let mut client = Client::join(rig.address).await;
            client.command("message.send", json!({"text": "panic"})).await;
            drop(client);
        }
    };
    let others = futures_util::future::join_all((0..20).map(|n| async move {
        let mut hello = hello();
        hello["anonymous_id"] = json!(format!("{}{n:02}", &ANN[..ANN.len() - 2]));
        let mut client = Client::join_as(rig.address, hello).await;
        let frames = client.ask(&format!("number {n}")).await;
        check_sequence(&frames, 0);
    }));
    tokio::time::timeout(PATIENCE, async { tokio::join!(breaker, others) }).await.expect("in time");
}
