//! What a well-behaved client sees.

use serde_json::{Value, json};

use crate::client::{ANN, Client, check_sequence, hello, types};
use crate::rig::Rig;

fn text_of(frames: &[Value]) -> String {
    frames.iter().filter_map(|frame| frame["data"]["delta"].as_str()).collect()
}

#[tokio::test]
async fn a_message_is_answered() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let welcome = &client.welcome["data"];
    assert_eq!(welcome["resumed"], false);
    assert_eq!(welcome["seq"], 0);
    assert_eq!(welcome["user_id"], ANN);
    assert_eq!(welcome["features"], json!(["trace"]));
    assert_eq!(welcome["limits"]["command_bytes"], 65536);
    assert_eq!(client.welcome["ref"], "h");

    let frames = client.ask("hello there").await;
    let mut kinds = types(&frames);
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "ack",
            "message.completed",
            "run.started",
            "run.trace",
            "message.started",
            "message.delta",
            "message.completed",
            "run.finished"
        ]
    );
    let sent = format!("{}-1", client.prefix);
    assert_eq!(frames[0]["ref"], sent);
    assert_eq!(frames[1]["data"]["role"], "user");
    assert_eq!(frames[1]["ref"], sent);
    let last = frames.last().expect("frames");
    assert_eq!((&last["data"]["kind"], &last["data"]["outcome"]), (&json!("knowledge"), &json!("completed")));
    let answer = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(answer["data"]["text"], "You said: hello there");
    assert_eq!(text_of(&frames), "You said: hello there");
    assert_eq!(check_sequence(&frames, 0), 7);
    rig.stopped().await;
}

#[tokio::test]
async fn sources_come_before_the_piece_that_cites_them() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("cite").await;
    let at = |wanted: &dyn Fn(&Value) -> bool| frames.iter().position(wanted).expect("a frame");
    let source = at(&|frame| frame["type"] == "citation.added");
    let citing = at(&|frame| frame["data"]["cites"] == json!([1]));
    assert!(source < citing);
    assert_eq!(frames[source]["data"]["ref"], 1);
    assert_eq!(frames[source]["data"]["source_id"], "billing/invoices");
    let completed = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(completed["data"]["citations"][0]["url"], "/articles/billing/invoices");
    check_sequence(&frames, 0);
}

#[tokio::test]
async fn a_chip_answers_with_its_custom_answer() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("chips").await;
    let completed = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    let chip = &completed["data"]["quick_replies"][1];
    assert_eq!(chip["text"], "How do I import?");
    client.command("message.send", json!({"text": chip["text"], "quick_reply_id": chip["id"]})).await;
    let frames = client.through("run.finished").await;
    let started = frames.iter().find(|frame| frame["type"] == "run.started").expect("a run");
    assert_eq!(started["data"]["trigger"], "quick_reply");
    let completed = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    assert_eq!(completed["data"]["text"], "chosen import");
}

#[tokio::test]
async fn an_action_is_granted_once_and_followed_to_its_end() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("offer").await;
    let offers: Vec<&Value> = frames.iter().filter(|frame| frame["type"] == "action.requested").collect();
    assert_eq!(offers.len(), 2);
    let offer = &offers[0]["data"];
    assert_eq!(offer["action"], json!({"type": "launch_experience", "experience_id": "tour", "kind": "tour"}));
    assert_eq!((&offer["execution"], &offer["target_client_id"]), (&json!("offer"), &json!("tab-1")));
    assert_eq!(offer["origin"], "custom_answer");
    let (tour, post) = (&offer["action_id"], &offers[1]["data"]["action_id"]);

    let refused = client.call("action.result", json!({"action_id": tour, "status": "succeeded"})).await;
    assert_eq!(refused["data"]["code"], "bad_request");
    assert_eq!(client.call("action.claim", json!({"action_id": tour})).await["type"], "ack");
    let claimed = client.until("action.updated").await;
    assert_eq!((&claimed["data"]["state"], &claimed["data"]["client_id"]), (&json!("claimed"), &json!("tab-1")));
    let again = client.call("action.claim", json!({"action_id": tour})).await;
    assert_eq!(again["data"]["code"], "action_already_claimed");
    let done = json!({"action_id": tour, "status": "failed", "code": "element_missing", "duration_ms": 12});
    assert_eq!(client.call("action.result", done.clone()).await["type"], "ack");
    let ended = client.until("action.updated").await;
    assert_eq!((&ended["data"]["state"], &ended["data"]["code"]), (&json!("failed"), &json!("element_missing")));
    let repeated = client.call("action.result", done).await;
    assert_eq!((&repeated["type"], &repeated["data"]["duplicate"]), (&json!("ack"), &json!(true)));
    let changed = client.call("action.result", json!({"action_id": tour, "status": "succeeded"})).await;
    assert_eq!(changed["data"]["code"], "action_expired");

    let page = json!({"page": {"url": "https://app.example.com/settings"}});
    client.call("context.update", page).await;
    let refused = client.call("action.claim", json!({"action_id": post})).await;
    assert_eq!(refused["data"]["code"], "not_eligible");
    assert_eq!(refused["data"]["message"], "the post is not for this page");
    client.call("context.update", json!({"page": {"url": "https://app.example.com/home"}})).await;
    assert_eq!(client.call("action.claim", json!({"action_id": post})).await["type"], "ack");
    let unknown = client.call("action.claim", json!({"action_id": "action-none-0"})).await;
    assert_eq!(unknown["data"]["code"], "action_expired");
}

#[tokio::test]
async fn a_claim_without_a_result_expires() {
    let mut settings = crate::rig::settings();
    settings.session.action_result_ms = 50;
    let rig = Rig::with(settings).await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("offer").await;
    let offer = frames.iter().find(|frame| frame["type"] == "action.requested").expect("an offer");
    let action = &offer["data"]["action_id"];
    client.call("action.claim", json!({"action_id": action})).await;
    assert_eq!(client.until("action.updated").await["data"]["state"], "claimed");
    let expired = client.until("action.updated").await;
    assert_eq!((&expired["data"]["state"], &expired["data"]["code"]), (&json!("expired"), &json!("timeout")));
    let late = client.call("action.result", json!({"action_id": action, "status": "succeeded"})).await;
    assert_eq!(late["data"]["code"], "action_expired");
}

#[tokio::test]
async fn actions_that_the_client_cannot_do_are_not_sent() {
    let rig = Rig::start().await;
    let mut hello = hello();
    hello["capabilities"] = json!({"actions": ["open_post", "fly"]});
    let mut client = Client::join_as(rig.address, hello).await;
    let frames = client.ask("offer").await;
    let kinds: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame["type"] == "action.requested")
        .map(|frame| &frame["data"]["action"]["type"])
        .collect();
    assert_eq!(kinds, ["open_post"]);
    assert!(!types(&frames).contains(&"run.trace"), "the trace was not asked for");
}

#[tokio::test]
async fn launches_resolve_their_attributes() {
    let rig = Rig::start().await;
    let mut hello = hello();
    hello["attributes"] = json!({"name": "Ann {{user.plan}}"});
    let mut client = Client::join_as(rig.address, hello).await;
    let launch = |mode: &str, kind: &str, template: &str| {
        json!({
            "message": {"template": template},
            "mode": mode,
            "attributes": {"report": "Q3"},
            "source": {"kind": kind},
        })
    };
    let template = "I am {{user.name}} ({{user.plan|free}}), on {{page.title}}, about {{report}} and {{nothing}}";
    client.command("agent.launch", launch("send", "cta", template)).await;
    let frames = client.through("run.finished").await;
    let resolved = frames.iter().find(|frame| frame["type"] == "launch.resolved").expect("a resolution");
    let text = "I am Ann {{user.plan}} (free), on Home, about Q3 and ";
    assert_eq!(resolved["data"]["text"], text);
    assert_eq!(resolved["data"]["missing_attributes"], json!(["user.plan", "nothing"]));
    assert_eq!(resolved["data"]["mode"], "send");
    let said = frames.iter().find(|frame| frame["type"] == "message.completed").expect("a message");
    assert_eq!((&said["data"]["text"], &said["data"]["message_id"]), (&json!(text), &resolved["data"]["message_id"]));
    let started = frames.iter().find(|frame| frame["type"] == "run.started").expect("a run");
    assert_eq!(started["data"]["trigger"], "launch");

    for (mode, kind, template, expected) in [
        ("send", "url", "Do it", "prefill"),
        ("prefill", "sdk", "Do it", "prefill"),
        ("open", "trigger", "", "open"),
        ("send", "cta", " {{user.gone}} ", "open"),
    ] {
        client.command("agent.launch", launch(mode, kind, template)).await;
        let resolved = client.until("launch.resolved").await;
        assert_eq!(resolved["data"]["mode"], expected, "{mode} {kind} {template}");
        assert_eq!(resolved["data"]["message_id"], Value::Null);
    }
    let refused = client.call("agent.launch", launch("send", "cta", "{{a b}} {{open")).await;
    assert_eq!(refused["data"]["code"], "bad_request");
    let long = client.call("agent.launch", launch("send", "cta", &"x".repeat(8_001))).await;
    assert_eq!(long["data"]["code"], "payload_too_large");
}

#[tokio::test]
async fn a_launch_may_begin_a_new_conversation() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.ask("first").await;
    let launch = json!({
        "message": {"template": "second"}, "mode": "send", "source": {"kind": "sdk"}, "conversation": "new",
    });
    let frame = json!({"type": "agent.launch", "id": "new-1", "data": launch});
    client.send(frame.clone()).await;
    let frames = client.through("run.finished").await;
    let entered = &frames[0]["data"]["conversation_id"];
    assert!(entered.is_string() && *entered != client.welcome["data"]["conversation_id"]);
    assert_eq!(check_sequence(&frames, 0), 8, "the new conversation's events count from 1");
    client.send(frame).await;
    let again = client.answer("new-1").await;
    assert_eq!((&again["data"]["duplicate"], &again["data"]["conversation_id"]), (&json!(true), entered));
    let elsewhere = json!({"text": "x", "conversation_id": client.welcome["data"]["conversation_id"]});
    assert_eq!(client.call("message.send", elsewhere).await["data"]["code"], "conversation_not_found");
    let here = client.call("message.send", json!({"text": "x", "conversation_id": entered})).await;
    assert_eq!(here["type"], "ack");
}

#[tokio::test]
async fn a_launch_that_comes_again_over_another_connection_finds_its_conversation() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let launch = |text: &str| {
        let data = json!({
            "message": {"template": text}, "mode": "send", "source": {"kind": "sdk"}, "conversation": "new",
        });
        json!({"type": "agent.launch", "id": "new-2", "data": data})
    };
    client.send(launch("second")).await;
    let entered = client.through("run.finished").await[0]["data"]["conversation_id"].clone();
    drop(client);

    let mut client = Client::join(rig.address).await;
    client.send(launch("another one")).await;
    let refused = client.answer("new-2").await;
    assert_eq!(refused["data"]["code"], "idempotency_conflict");
    let here = json!({"text": "x", "conversation_id": client.welcome["data"]["conversation_id"]});
    client.command("message.send", here).await;
    check_sequence(&client.through("run.finished").await, 0);

    client.send(launch("second")).await;
    let frames = client.through("run.finished").await;
    assert_eq!((&frames[0]["type"], &frames[0]["data"]["duplicate"]), (&json!("ack"), &json!(true)));
    assert_eq!(frames[0]["data"]["conversation_id"], entered);
    assert_eq!(check_sequence(&frames, 0), 8, "what was missed comes again");
    assert_eq!(check_sequence(&client.ask("go on").await, 8), 15);
}

#[tokio::test]
async fn sending_again_is_harmless() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let send = json!({"type": "message.send", "id": "same", "data": {"text": "once"}});
    client.send(json!([send, send, send])).await;
    let mut frames = client.through("run.finished").await;
    let last = client.command("context.update", json!({})).await;
    while frames.last().is_none_or(|frame| frame["ref"] != last.as_str()) {
        frames.push(client.frame().await);
    }
    let acks: Vec<bool> = frames
        .iter()
        .filter(|frame| frame["type"] == "ack" && frame["ref"] == "same")
        .map(|frame| frame["data"]["duplicate"] == true)
        .collect();
    assert_eq!(acks, [false, true, true]);
    assert_eq!(types(&frames).iter().filter(|kind| **kind == "run.started").count(), 1);
    client.send(json!({"type": "message.send", "id": "same", "data": {"text": "other"}})).await;
    assert_eq!(client.answer("same").await["data"]["code"], "idempotency_conflict");

    let update = json!({"type": "context.update", "id": "ctx", "data": {"attributes": {"plan": "pro"}}});
    client.send(update.clone()).await;
    assert_eq!(client.answer("ctx").await["data"].get("duplicate"), None);
    client.send(update).await;
    assert_eq!(client.answer("ctx").await["data"]["duplicate"], true);
}

#[tokio::test]
async fn one_run_at_a_time() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.command("message.send", json!({"text": "slow 20"})).await;
    client.until("message.delta").await;
    let refused = client.call("message.send", json!({"text": "again"})).await;
    assert_eq!((&refused["data"]["code"], &refused["data"]["retryable"]), (&json!("run_in_progress"), &json!(true)));
    client.until("run.finished").await;
    assert_eq!(client.call("message.send", json!({"text": "now"})).await["type"], "ack");
}

#[tokio::test]
async fn answers_are_judged() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let frames = client.ask("hello").await;
    let answer = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("an answer");
    let message = &answer["data"]["message_id"];
    client.command("feedback.set", json!({"message_id": message, "value": "down", "reason": "wrong"})).await;
    let event = client.until("message.feedback").await;
    assert_eq!((&event["data"]["value"], &event["data"]["reason"]), (&json!("down"), &json!("wrong")));
    client.command("feedback.set", json!({"message_id": message, "value": null})).await;
    assert_eq!(client.until("message.feedback").await["data"]["value"], Value::Null);
    let unknown = client.call("feedback.set", json!({"message_id": "nobody", "value": "up"})).await;
    assert_eq!(unknown["data"]["code"], "bad_request");
}

#[tokio::test]
async fn experiences_and_posts_are_read() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.call("context.update", json!({"attributes": {"plan": "a/b", "name": "Ann"}})).await;
    for (kind, parts) in [
        ("tour", "steps"),
        ("modal", "steps"),
        ("survey", "steps"),
        ("banner", "body"),
        ("hint", "steps"),
        ("checklist", "tasks"),
        ("resource_center", "blocks"),
    ] {
        let content = client.call("experience.get", json!({"experience_id": kind})).await;
        assert_eq!((&content["type"], &content["data"]["kind"]), (&json!("experience.content"), &json!(kind)));
        assert!(!content["data"][parts].is_null(), "{content}");
        assert_eq!(content["data"]["revision"], 7);
    }
    let tour = client.call("experience.get", json!({"experience_id": "tour"})).await;
    let step = &tour["data"]["steps"][0];
    assert_eq!(step["title"], "Hello Ann");
    assert_eq!(step["buttons"][0]["slot"], "primary");
    assert_eq!(
        step["buttons"][0]["actions"],
        json!([
            {"type": "go_to_step", "to": "next"},
            {"type": "navigate", "url": format!("/users/{ANN}/plan?of=a%2Fb"), "open_in": "same_tab"},
        ]),
        "in nominal order, with the attributes filled in"
    );
    assert_eq!(step["buttons"][1]["actions"][0]["message"]["template"], "Help me, {{user.name|you}}");
    assert_eq!(step["cross"], json!([{"type": "snooze", "hours": 4, "up_to": 2}]));
    let survey = client.call("experience.get", json!({"experience_id": "survey"})).await;
    let asked = &survey["data"]["steps"][0];
    assert_eq!(asked["question"], json!({"kind": "nps", "text": "How likely?", "optional": false}));
    assert_eq!(asked["conditions"][0]["answer"], json!({"op": "lte", "value": 6}));
    assert_eq!(asked["otherwise"], json!({"type": "go_to_step", "to": "next"}));

    let post = client.call("post.get", json!({"post_id": "news"})).await;
    assert_eq!(post["data"]["body"], "We **ship**.");
    for (command, data, code) in [
        ("experience.get", json!({"experience_id": "draft"}), "experience_not_found"),
        ("experience.get", json!({"experience_id": "none"}), "experience_not_found"),
        ("experience.get", json!({"experience_id": ""}), "experience_not_found"),
        ("post.get", json!({"post_id": "draft"}), "post_not_found"),
        ("post.get", json!({"post_id": "a b"}), "post_not_found"),
        ("post.get", json!({"post_id": "pro"}), "post_not_found"),
    ] {
        assert_eq!(client.call(command, data.clone()).await["data"]["code"], code, "{command} {data}");
    }
    client.call("context.update", json!({"attributes": {"plan": "pro"}})).await;
    assert_eq!(client.call("post.get", json!({"post_id": "pro"})).await["type"], "post.content");
}

#[tokio::test]
async fn runs_end_whatever_the_agent_does() {
    let mut settings = crate::rig::settings();
    settings.run_timeout = std::time::Duration::from_millis(300);
    let rig = Rig::with(settings).await;
    let mut client = Client::join(rig.address).await;
    for (text, outcome, code) in
        [("panic", "failed", "internal"), ("vanish", "failed", "internal"), ("hang", "interrupted", "model_timeout")]
    {
        let frames = client.ask(text).await;
        let last = frames.last().expect("frames");
        assert_eq!(
            (&last["data"]["outcome"], &last["data"]["error"]["code"]),
            (&json!(outcome), &json!(code)),
            "{text}"
        );
        if text == "hang" {
            let partial = frames.iter().rev().find(|frame| frame["type"] == "message.completed").expect("a message");
            assert_eq!(partial["data"]["text"], "half an ");
            assert_eq!(partial["data"]["finish_reason"], "interrupted");
        }
    }
    assert_eq!(types(&client.ask("still there?").await).last(), Some(&"run.finished"));
}

#[tokio::test]
async fn other_users_conversations_are_not_found() {
    let rig = Rig::start().await;
    let mut ann = Client::join(rig.address).await;
    ann.ask("secret").await;
    let mut bob = hello();
    bob["anonymous_id"] = json!("anon-00000000-0000-4000-8000-000000000000");
    bob["resume"] = ann.cursor(0);
    let mut bob = Client::join_as(rig.address, bob).await;
    assert_eq!(bob.welcome["data"]["resumed"], false);
    assert_ne!(bob.welcome["data"]["conversation_id"], ann.welcome["data"]["conversation_id"]);
    let theirs = json!({"text": "x", "conversation_id": ann.welcome["data"]["conversation_id"]});
    assert_eq!(bob.call("message.send", theirs).await["data"]["code"], "conversation_not_found");
}

#[tokio::test]
async fn a_full_store_refuses_and_nothing_is_lost() {
    let bounds = docent::adapters::conversation_memory::MemoryBounds { conversations: 2, events: 20, bytes: 1 << 20 };
    let rig = Rig::with_store(crate::rig::settings(), bounds).await;
    let mut client = Client::join(rig.address).await;
    client.ask("one").await;
    client.ask("two").await;
    client.command("message.send", json!({"text": "slow 10"})).await;
    let frames = client.through("run.finished").await;
    let last = frames.last().expect("frames");
    assert_eq!(
        (&last["data"]["outcome"], &last["data"]["error"]["code"]),
        (&json!("failed"), &json!("storage_unavailable"))
    );
    let refused = client.call("message.send", json!({"text": "three"})).await;
    assert_eq!(refused["data"]["code"], "quota_exceeded");
}
