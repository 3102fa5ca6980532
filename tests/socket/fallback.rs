//! Conversations over plain HTTP: the same log, the same rules, the same limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use docent::domain::revocation::{Revocation, Revocations, Revoked};
use docent::domain::secret::Secret;
use docent::session::identity::{Identity, IdentityKey, sign};
use docent::session::moment::Moment;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Client, check_sequence, hello, types};
use crate::http_client::{Events, HttpClient, Reading, eventually};
use crate::rig::{Rig, settings};

const SECRET: &str = "a secret of the customer's server, long enough";

fn signed(user: &str, life_s: i64) -> String {
    let now = jiff::Timestamp::now().as_second() + life_s - 600;
    let key = IdentityKey { id: None, secret: Secret::new(SECRET) };
    let now = Moment(u64::try_from(now).expect("after 1970") * 1_000);
    sign(&key, "local", user, &Map::new(), (now, 600)).expect("a token")
}

async fn rig_with_identity() -> Rig {
    let mut settings = settings();
    let key = IdentityKey { id: None, secret: Secret::new(SECRET) };
    settings.session.identity = Identity { keys: vec![key], lenient: false };
    Rig::with(settings).await
}

fn find<'a>(frames: &'a [Value], kind: &str) -> &'a Value {
    frames.iter().find(|frame| frame["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {frames:?}"))
}

/// Everything that a client can do, with its answer in the response and what it causes
/// in the events.
async fn converse(reading: Reading) {
    let rig = Rig::start().await;
    let mut client = HttpClient::join(rig.address).await;
    let mut events = client.events(reading, &client.place());
    let mut last = 0;

    assert_eq!(client.call("message.send", json!({"text": "offer"})).await.1["type"], "ack");
    let mut frames = client.through(&mut events, "run.finished").await;
    last = check_sequence(&frames, last);
    assert_eq!(find(&frames, "message.completed")["data"]["text"], "offer");
    let actions: Vec<&Value> = frames.iter().filter(|frame| frame["type"] == "action.requested").collect();
    let action = actions[0]["data"]["action_id"].clone();
    let answer = frames.iter().rfind(|frame| frame["type"] == "message.completed").expect("an answer");
    let answer = answer["data"]["message_id"].clone();

    for (kind, data, causes) in [
        ("action.claim", json!({"action_id": action}), "action.updated"),
        ("action.result", json!({"action_id": action, "status": "succeeded", "duration_ms": 3}), "action.updated"),
        ("feedback.set", json!({"message_id": answer, "value": "up"}), "message.feedback"),
        ("read.mark", json!({"seq": last}), "unread"),
        ("message.regenerate", json!({"message_id": answer}), "run.finished"),
    ] {
        let (status, answer) = client.call(kind, data).await;
        assert_eq!((status, &answer["type"]), (200, &json!("ack")), "{kind}: {answer}");
        frames = client.through(&mut events, causes).await;
        last = check_sequence(&frames, last);
    }
    client.call("message.send", json!({"text": "hang"})).await;
    frames = client.through(&mut events, "run.started").await;
    let run = find(&frames, "run.started")["data"]["run_id"].clone();
    assert_eq!(client.call("run.cancel", json!({"run_id": run})).await.0, 200);
    frames.extend(client.through(&mut events, "run.finished").await);
    last = check_sequence(&frames, last);
    assert_eq!(find(&frames, "run.finished")["data"]["outcome"], "cancelled");

    for (kind, data, answered) in [
        ("context.update", json!({"page": {"url": "https://app.example.com/settings"}}), "ack"),
        ("experience.get", json!({"experience_id": "tour"}), "experience.content"),
        ("post.get", json!({"post_id": "news"}), "post.content"),
        (
            "history.get",
            json!({"conversation_id": client.conversation(), "before_seq": 999, "limit": 9}),
            "history.page",
        ),
        ("pong", json!({}), ""),
    ] {
        let command = client.command(kind, data);
        let (status, answer) = client.post("/v1/commands", &command).await;
        assert_eq!(status, if answered.is_empty() { 204 } else { 200 }, "{kind}: {answer}");
        assert_eq!(answer["type"].as_str().unwrap_or_default(), answered, "{answer}");
    }

    // Another conversation: the stream of the one before ends, and its own begins.
    let launch = json!({"message": {"template": "Hi {{name|there}}"}, "mode": "send", "attributes": {"name": "Ann"},
        "source": {"kind": "sdk"}, "conversation": "new"});
    let (_, ack) = client.call("agent.launch", launch).await;
    let (id, epoch) = (&ack["data"]["conversation_id"], ack["data"]["epoch"].as_str().expect("an epoch"));
    assert_ne!(id, client.conversation());
    let stale = client.send(Method::GET, &client.path(), String::new()).await;
    assert_eq!(stale.status(), 404);
    client.welcome["data"]["conversation_id"] = id.clone();
    let mut events = client.events(reading, &format!("{epoch}:0"));
    let frames = client.through(&mut events, "run.finished").await;
    assert_eq!(find(&frames, "launch.resolved")["data"]["text"], "Hi Ann");
    check_sequence(&frames, 0);
    assert!(last > 0);
    rig.stopped().await;
}

#[tokio::test]
async fn a_conversation_over_server_sent_events() {
    converse(Reading::Stream).await;
}

#[tokio::test]
async fn a_conversation_over_long_polls() {
    converse(Reading::Poll).await;
}

#[tokio::test]
async fn a_run_that_began_over_a_socket_goes_on_over_http() {
    let rig = Rig::start().await;
    for reading in [Reading::Stream, Reading::Poll] {
        let mut socket = Client::join(rig.address).await;
        socket.command("message.send", json!({"text": "slow 30"})).await;
        let mut frames = socket.through("message.delta").await;
        frames.extend(socket.through("message.delta").await);
        let last = check_sequence(&frames, 0);
        let cursor = socket.cursor(last);
        drop(socket);

        let mut resuming = hello();
        resuming["resume"] = cursor.clone();
        let client = HttpClient::join_as(rig.address, resuming).await;
        assert_eq!(client.welcome["data"]["resumed"], true);
        assert_eq!(client.welcome["data"]["conversation_id"], cursor["conversation_id"]);
        let mut events = client.events(reading, &format!("{}:{last}", cursor["epoch"].as_str().expect("an epoch")));
        let rest = client.through(&mut events, "run.finished").await;
        check_sequence(&rest, last);
        let text = (0..30).map(|at| format!("{at} ")).collect::<String>();
        let streamed =
            frames.iter().chain(&rest).filter_map(|frame| frame["data"]["delta"].as_str()).collect::<String>();
        assert_eq!(find(&rest, "message.completed")["data"]["text"], text.as_str());
        // Of an answer that is whole already, the last pieces come with it.
        assert!(text.starts_with(&streamed), "each piece came once: {streamed}");
    }
}

#[tokio::test]
async fn a_place_that_is_void_gets_the_whole_conversation() {
    let rig = Rig::start().await;
    let mut client = HttpClient::join(rig.address).await;
    client.call("message.send", json!({"text": "hello"})).await;
    let mut events = client.events(Reading::Stream, &client.place());
    client.through(&mut events, "run.finished").await;
    let (epoch, seq) = events.place.rsplit_once(':').expect("a place");
    for place in ["another:1".to_owned(), format!("{epoch}:9999")] {
        let mut events = client.events(Reading::Poll, &place);
        let snapshot = client.next(&mut events).await.expect("a frame");
        assert_eq!(snapshot["type"], "conversation.snapshot");
        assert_eq!(snapshot["data"]["messages"].as_array().map(Vec::len), Some(2));
        assert_eq!(events.place, format!("{epoch}:{seq}"));
    }
    // The header wins: a client that comes back by itself repeats its old address.
    let mut again = client.events(Reading::Stream, "another:1");
    client.set("last-event-id", &format!("{epoch}:{}", seq.parse::<u64>().expect("a number") - 1));
    assert_eq!(client.next(&mut again).await.expect("a frame")["type"], "run.finished");
    for nonsense in ["7", "e:x", "", ":"] {
        client.set("last-event-id", nonsense);
        let response = client.send(Method::GET, &client.path(), String::new()).await;
        assert_eq!(response.status(), 400, "{nonsense}");
    }
}

#[tokio::test]
async fn a_command_that_comes_twice_is_carried_out_once() {
    let rig = Rig::start().await;
    let mut client = HttpClient::join(rig.address).await;
    let mut command = client.command("message.send", json!({"text": "hello"}));
    assert_eq!(client.post("/v1/commands", &command).await.1["data"], json!({}));
    let mut events = client.events(Reading::Stream, &client.place());
    let frames = client.through(&mut events, "run.finished").await;
    // Also when it is another session that repeats it, in the same conversation.
    let mut resuming = hello();
    resuming["resume"] = json!({"conversation_id": client.conversation(),
        "epoch": client.welcome["data"]["epoch"], "after_seq": 0});
    let other = HttpClient::join_as(rig.address, resuming).await;
    for client in [&client, &other] {
        let (status, answer) = client.post("/v1/commands", &command).await;
        assert_eq!((status, &answer["data"]["duplicate"]), (200, &json!(true)), "{answer}");
    }
    command["data"]["text"] = json!("another text");
    let (status, answer) = client.post("/v1/commands", &command).await;
    assert_eq!((status, &answer["data"]["code"]), (409, &json!("idempotency_conflict")));
    let list = json!([client.command("post.get", json!({"post_id": "none"})), command, {"type": "nothing"}]);
    let (status, answers) = client.post("/v1/commands", &list).await;
    let answers = answers.as_array().expect("a list").iter();
    let codes: Vec<_> = answers.map(|answer| answer["data"]["code"].as_str().unwrap_or_default()).collect();
    assert_eq!((status, codes), (200, vec!["post_not_found", "idempotency_conflict", "unknown_type"]));
    assert_eq!(types(&frames).iter().filter(|kind| **kind == "run.started").count(), 1);
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing() {
    let mut settings = settings();
    settings.allowed_origins = vec!["https://app.example.com".to_owned()];
    let rig = Rig::with(settings).await;
    let client = HttpClient::join(rig.address).await;
    let path = client.path();
    let requests = [
        (Method::POST, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions"),
        (Method::POST, "/v1/commands"),
        (Method::GET, &path),
    ];
    for origin in ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"] {
        for (method, path) in requests.iter().flat_map(|(method, path)| [(method, path), (&Method::OPTIONS, path)]) {
            let mut foreign = HttpClient::new(rig.address);
            foreign.headers = client.headers.clone();
            foreign.set("origin", origin);
            let response = foreign.send(method.clone(), path, "{}".to_owned()).await;
            assert_eq!(response.status(), 403, "{method} {path} from {origin}");
            assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control")));
        }
    }
    for (_, path) in requests {
        let allowed = HttpClient::new(rig.address).with("origin", "https://app.example.com");
        let response = allowed.send(Method::OPTIONS, path, String::new()).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(response.status(), 204);
        assert_eq!(header("access-control-allow-origin").as_deref(), Some("https://app.example.com"));
        assert!(header("access-control-allow-headers").is_some_and(|names| names.contains("docent-session")));
        assert_eq!((header("access-control-allow-credentials"), header("vary").as_deref()), (None, Some("origin")));
    }
    let mut allowed = HttpClient::new(rig.address).with("origin", "https://app.example.com");
    assert_eq!(allowed.begin(hello()).await.0, 201);
}

#[tokio::test]
async fn only_its_own_user_uses_a_session() {
    let rig = rig_with_identity().await;
    let mut ann = HttpClient::new(rig.address).with("authorization", &format!("Bearer {}", signed("ann", 600)));
    let mut data = hello();
    data.as_object_mut().expect("an object").remove("anonymous_id");
    assert_eq!(ann.begin(data.clone()).await.1["data"]["user_id"], "ann");
    assert_eq!(ann.call("message.send", json!({"text": "hello"})).await.0, 200);

    for (token, code) in [("Bearer x.y.z", "auth_invalid"), ("Basic x", "auth_invalid"), ("Bearer", "auth_invalid")] {
        let mut forged = HttpClient::new(rig.address).with("authorization", token);
        let (status, answer) = forged.begin(data.clone()).await;
        assert_eq!((status, &answer["data"]["code"]), (401, &json!(code)), "{token}");
    }
    let over = HttpClient::new(rig.address)
        .with("authorization", &format!("Bearer {}", signed("ann", -60)))
        .begin(data.clone())
        .await;
    assert_eq!((over.0, &over.1["data"]["code"]), (401, &json!("auth_expired")));

    // Another user with the name of the session, and with the name of the conversation.
    let mut thief = HttpClient::new(rig.address).with("authorization", &format!("Bearer {}", signed("bob", 600)));
    thief.set("docent-session", ann.headers["docent-session"].to_str().expect("text"));
    let command = thief.command("message.send", json!({"text": "mine now"}));
    let (status, answer) = thief.post("/v1/commands", &command).await;
    assert_eq!((status, &answer["data"]["code"]), (403, &json!("forbidden")));
    assert_eq!(thief.send(Method::GET, &ann.path(), String::new()).await.status(), 403);
    assert_eq!(thief.send(Method::DELETE, "/v1/sessions", String::new()).await.status(), 403);
    let mut bob = HttpClient::new(rig.address).with("authorization", &format!("Bearer {}", signed("bob", 600)));
    let mut resuming = data.clone();
    resuming["resume"] = json!({"conversation_id": ann.conversation(),
        "epoch": ann.welcome["data"]["epoch"], "after_seq": 0});
    let (_, welcome) = bob.begin(resuming).await;
    assert_ne!(welcome["data"]["conversation_id"], ann.conversation());
    assert_eq!(bob.send(Method::GET, &ann.path(), String::new()).await.status(), 404);
    let page = json!({"conversation_id": ann.conversation(), "before_seq": 99, "limit": 9});
    assert_eq!(bob.call("history.get", page).await.0, 404);
    let say = json!({"conversation_id": ann.conversation(), "text": "hello"});
    assert_eq!(bob.call("message.send", say).await.0, 404);
    for name in ["sess-00000000000000000000000000000000", "", "conv-1"] {
        let mut nobody = HttpClient::new(rig.address).with("docent-session", name);
        let command = nobody.command("pong", json!({}));
        assert_eq!(nobody.post("/v1/commands", &command).await.0, 401, "{name}");
    }
}

#[tokio::test]
async fn what_is_revoked_or_expired_reads_no_more() {
    let rig = rig_with_identity().await;
    let mut data = hello();
    for (user, reading) in [("ann", Reading::Stream), ("bob", Reading::Poll)] {
        data["identity_token"] = json!(signed(user, 600));
        let client = HttpClient::join_as(rig.address, data.clone()).await;
        let mut events = client.events(reading, &client.place());
        let start = Instant::now();
        let at_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).expect("after 1970") + 999;
        let revoke = async {
            eventually(|| async { rig.get("/metrics").await.contains("docent_http_streams 1") }).await;
            let revoked = Revocation { what: Revoked::User(user.to_owned()), at_ms };
            rig.revoke.send_replace(Arc::new(Revocations::new(vec![revoked])));
        };
        let (frames, ()) = tokio::join!(client.rest(&mut events), revoke);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(find(&frames, "error")["data"]["code"], "auth_invalid");
        assert_eq!(events.closed, Some(json!({"code": 4500, "reason": "identity not valid"})));
        assert_eq!(HttpClient::new(rig.address).begin(data.clone()).await.0, 401);
    }
    // Clocks may differ by 30 seconds, of which two are left.
    data["identity_token"] = json!(signed("cid", -28));
    let mut client = HttpClient::join_as(rig.address, data).await;
    let mut events = client.events(Reading::Stream, &client.place());
    client.rest(&mut events).await;
    assert_eq!(events.closed.expect("a close")["code"], 4004);
    let command = client.command("pong", json!({}));
    assert_eq!(client.post("/v1/commands", &command).await.0, 401, "the session is over with its token");
}

#[tokio::test]
async fn a_flood_is_refused_and_then_ended() {
    let mut settings = settings();
    settings.session.commands.count = 20;
    settings.session.strikes.count = 50;
    let rig = Rig::with(settings).await;
    let mut client = HttpClient::join(rig.address).await;
    let mut codes = Vec::new();
    for _ in 0..10 {
        let list: Vec<Value> = (0..10).map(|_| client.command("context.update", json!({}))).collect();
        let response = client.send(Method::POST, "/v1/commands", json!(list).to_string()).await;
        codes.push((response.status().as_u16(), response.headers().get("docent-close").cloned()));
    }
    assert_eq!(codes[2], (200, None), "refused one by one: {codes:?}");
    assert!(codes.iter().any(|(_, close)| close.as_ref().is_some_and(|code| code == "4005")), "{codes:?}");
    assert_eq!(codes.last().expect("ten").0, 401, "{codes:?}");

    let mut other = HttpClient::join(rig.address).await;
    let mut refused = None;
    for _ in 0..21 {
        let command = other.command("context.update", json!({}));
        let response = other.send(Method::POST, "/v1/commands", command.to_string()).await;
        refused = Some((response.status().as_u16(), response.headers().get("retry-after").cloned()));
    }
    assert_eq!(refused, Some((429, Some("1".parse().expect("a header")))));
}

#[tokio::test]
async fn sessions_are_few_and_do_not_linger() {
    let mut settings = settings();
    settings.sockets_per_user = 2;
    settings.http_sessions = 3;
    settings.http_idle = Duration::from_millis(400);
    let rig = Rig::with(settings).await;
    let _socket = Client::join(rig.address).await;
    let ended = HttpClient::join(rig.address).await;
    let (status, answer) = HttpClient::new(rig.address).begin(hello()).await;
    assert_eq!((status, &answer["data"]["code"]), (429, &json!("quota_exceeded")), "a session counts as a socket");
    assert_eq!(ended.send(Method::DELETE, "/v1/sessions", String::new()).await.status(), 204);
    assert_eq!(ended.send(Method::DELETE, "/v1/sessions", String::new()).await.status(), 401);
    let stranger = |number: u32| {
        let mut data = hello();
        data["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a{number:02}"));
        data
    };
    for number in 20..23 {
        HttpClient::join_as(rig.address, stranger(number)).await;
    }
    assert_eq!(HttpClient::new(rig.address).begin(stranger(23)).await.0, 503);
    // They are left alone, and gone after a while; one that is read stays.
    eventually(|| async { HttpClient::new(rig.address).begin(stranger(24)).await.0 == 201 }).await;
    let mut reader = HttpClient::new(rig.address);
    while reader.begin(stranger(25)).await.0 != 201 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut events = reader.events(Reading::Stream, &reader.place());
    reader.call("message.send", json!({"text": "slow 40"})).await;
    let frames = reader.through(&mut events, "run.finished").await;
    check_sequence(&frames, 0);
    assert_eq!(reader.call("message.send", json!({"text": "hello"})).await.0, 200);
}

/// Reads to the end of a run, which whoever is far behind learns from a snapshot.
async fn told_the_end(client: &HttpClient, events: &mut Events) {
    loop {
        let frame = client.next(events).await.expect("a frame");
        let whole = frame["type"] == "conversation.snapshot" && frame["data"].get("active_run").is_none();
        if whole || frame["type"] == "run.finished" {
            return;
        }
    }
}

#[tokio::test]
async fn who_reads_slowly_loses_the_stream_and_nothing_else() {
    let rig = Rig::start().await;
    let mut slow = HttpClient::join(rig.address).await;
    let mut resuming = hello();
    resuming["resume"] = json!({"conversation_id": slow.conversation(),
        "epoch": slow.welcome["data"]["epoch"], "after_seq": 0});
    let swift = HttpClient::join_as(rig.address, resuming).await;
    let unread = slow.send(Method::GET, &slow.path(), String::new()).await;
    assert_eq!(unread.status(), 200);
    let mut events = swift.events(Reading::Stream, &swift.place());
    slow.call("message.send", json!({"text": "flood 3000"})).await;
    told_the_end(&swift, &mut events).await;
    // The stream that nobody reads is cut, the session is not: it goes on from the last
    // event that was read.
    drop(events);
    eventually(|| async { rig.get("/metrics").await.contains("docent_http_streams 0") }).await;
    let mut again = slow.events(Reading::Poll, &slow.place());
    told_the_end(&slow, &mut again).await;
    assert_eq!(slow.call("message.send", json!({"text": "hello"})).await.0, 200);
}

#[tokio::test]
async fn bodies_that_are_no_commands_are_refused() {
    let rig = Rig::start().await;
    for (body, status) in [
        ("", 400),
        ("nonsense", 400),
        ("[]", 400),
        ("7", 400),
        (r#"{"type":"pong"}"#, 401),
        (r#"{"type":"message.send","data":{"text":"x"}}"#, 401),
        (r#"[{"type":"hello"},{"type":"hello"}]"#, 400),
        (r#"{"type":"hello","data":{"project_key":"other","client_id":"c"}}"#, 401),
        (r#"{"type":"hello","data":{"project_key":"local"}}"#, 400),
        (&"x".repeat(70_000), 413),
    ] {
        let response = HttpClient::new(rig.address).send(Method::POST, "/v1/sessions", body.to_owned()).await;
        assert_eq!(response.status(), status, "{}", &body[..body.len().min(80)]);
        let answer: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert_eq!(answer["type"], "error");
    }
    for body in ["", "nonsense", "7", "[7]"] {
        let client = HttpClient::join(rig.address).await;
        let response = client.send(Method::POST, "/v1/commands", body.to_owned()).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["docent-close"]),
            (400, &"4501".parse().expect("a header"))
        );
    }
    assert_eq!(rig.get("/healthz").await, r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn a_shutdown_says_goodbye_to_streams() {
    let mut rig = Rig::start().await;
    let mut client = HttpClient::join(rig.address).await;
    let mut events = client.events(Reading::Stream, &client.place());
    client.call("message.send", json!({"text": "slow 20"})).await;
    client.through(&mut events, "message.delta").await;
    rig.stop();
    let frames = client.rest(&mut events).await;
    find(&frames, "going_away");
    assert_eq!(find(&frames, "run.finished")["data"]["outcome"], "completed");
    assert_eq!(events.closed.take().expect("a close")["code"], 4000);
    rig.stopped().await;
}
