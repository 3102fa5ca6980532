//! How each command and each path could reach into what is another user's.

use serde_json::{Value, json};

use crate::client::Client;
use crate::people::{Victim, Visitor, other_than};

/// One command to be tried.
pub(crate) struct Attempt {
    /// The id of a command of the victim's, where that is the attempt.
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

/// One request to be tried.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// The commands of one type.
pub(crate) fn of(kind: &str, victim: &Victim, visitor: &Visitor) -> Vec<Attempt> {
    let Victim { conversation, runs, messages, action, .. } = victim;
    let each = |ids: &[Value], field: &str, rest: &Value| {
        let with = |id: &Value| {
            let mut data = rest.clone();
            data[field] = id.clone();
            data
        };
        ids.iter().map(with).collect::<Vec<Value>>()
    };
    let content = |wanted: &str| {
        let segments = visitor.must_not_read.iter().flat_map(|segment| content_of(segment));
        segments.filter(|(kind, _)| *kind == wanted).map(|(_, data)| data).collect::<Vec<Value>>()
    };
    let new = match kind {
        // Said before all others, with the cursors of the victim.
        "hello" => vec![json!({"project_key": "local", "client_id": "tab-1", "resume": victim.cursor(0)})],
        "agent.launch" => {
            let launch = |template: &str, conversation: &str| json!({"message": {"template": template}, "mode": "send", "source": {"kind": "sdk"}, "conversation": conversation});
            vec![
                launch("{{user.nickname|none}} {{nickname|none}} {{user.email|none}}", "current"),
                launch("Who am I, {{user.nickname|nobody}}?", "new"),
            ]
        }
        "message.send" => {
            let mut said = vec![json!({"text": "what did I say", "conversation_id": conversation})];
            said.push(json!({"text": "Which?", "quick_reply_id": format!("{}-discount", victim.segment)}));
            said.extend(content("message.send"));
            said
        }
        "message.regenerate" => each(messages, "message_id", &json!({})),
        "run.cancel" => each(runs, "run_id", &json!({})),
        "action.claim" => vec![json!({"action_id": action})],
        "action.result" => {
            ["succeeded", "declined", "unsupported"].map(|status| json!({"action_id": action, "status": status})).into()
        }
        "feedback.set" => each(messages, "message_id", &json!({"value": "down", "comment": "not mine"})),
        "context.update" => {
            vec![json!({"attributes": {"nickname": null}}), json!({"page": {"url": "https://app.example.com/home"}})]
        }
        "event.track" => vec![json!({"name": "clicked", "properties": {"conversation_id": conversation}})],
        "read.mark" => vec![json!({"seq": victim.last_seq, "conversation_id": conversation})],
        "history.get" => [0, 1, victim.last_seq, 1_000_000]
            .map(|before| json!({"conversation_id": conversation, "before_seq": before, "limit": 100}))
            .into(),
        "experience.get" | "post.get" => content(kind),
        "feed.get" => vec![json!({"limit": 100})],
        "experience.event" => ["gold-tour", "silver-tour"]
            .map(|id| json!({"experience_id": id, "revision": 1, "kind": "completed"}))
            .into(),
        "auth.refresh" => vec![json!({"identity_token": "bm90.YQ.dG9rZW4"})],
        "pong" => vec![json!({})],
        other => panic!("`{other}` has no row: say how it could reach into what is another user's"),
    };
    let again = victim.done.iter().filter(|done| done["type"] == kind).map(|done| {
        let id = done["id"].as_str().map(str::to_owned);
        Attempt { id, data: json!({"text": "the same id", "message_id": done["data"]["message_id"]}) }
    });
    new.into_iter().map(|data| Attempt { id: None, data }).chain(again).collect()
}

/// How content of a segment is asked for.
pub(crate) fn content_of(segment: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("message.send", json!({"text": format!("what is my {segment} discount")})),
        ("message.send", json!({"text": format!("what is the door code of the {segment} lounge")})),
        ("experience.get", json!({"experience_id": format!("{segment}-tour")})),
        ("post.get", json!({"post_id": format!("{segment}-news")})),
    ]
}

/// Sends a command, and returns all that came of it.
pub(crate) async fn tried(client: &mut Client, kind: &str, id: &str, data: Value) -> Vec<Value> {
    client.send(json!({"type": kind, "id": id, "data": data})).await;
    let after = client.command("context.update", json!({})).await;
    let mut frames = client_until(client, |frame| frame["ref"] == after.as_str()).await;
    let begins = |frame: &Value| frame["type"] == "run.started";
    let ends = |frame: &Value| frame["type"] == "run.finished";
    let starts_run = matches!(kind, "message.send" | "agent.launch" | "message.regenerate");
    let is_accepted = frames.iter().any(|frame| frame["ref"] == id && frame["type"] == "ack");
    if (starts_run && is_accepted || frames.iter().any(begins)) && !frames.iter().any(ends) {
        frames.extend(client_until(client, ends).await);
    }
    frames
}

async fn client_until(client: &mut Client, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        frames.push(client.frame().await);
        if frames.last().is_some_and(&is_last) {
            return frames;
        }
    }
}

/// The requests to one path of the router.
pub(crate) fn requests(path: &str, victim: &Victim) -> Vec<Request> {
    let paths = match path {
        "/articles/{*id}" => [
            "gold-lounge",
            "silver-lounge",
            "gold-lounge.md",
            "articles%2Fgold-lounge",
            "../segments/gold",
            "gold%2Dlounge",
        ]
        .map(|id| format!("/articles/{id}"))
        .into(),
        "/v1/conversations/{id}/events" => {
            let conversation = victim.conversation.as_str().unwrap_or_default();
            let cursor = victim.cursor(0);
            let place = format!("{}:0", cursor["epoch"].as_str().unwrap_or_default());
            vec![
                format!("/v1/conversations/{conversation}/events"),
                format!("/v1/conversations/{conversation}/events?after={place}"),
            ]
        }
        "/v1/sessions" | "/v1/commands" | "/v1/socket" | "/v1/schema.json" | "/v1/asyncapi.json" | "/healthz"
        | "/readyz" | "/metrics" | "/" | "/try-it.js" | "/try-it.css" | "/article.css" => vec![path.to_owned()],
        other => panic!("`{other}` has no row: say how it could show what is another user's"),
    };
    let user = format!("user={}&conversation_id={}", victim.name, victim.conversation.as_str().unwrap_or_default());
    let body =
        json!({"conversation_id": victim.conversation, "user_id": victim.name, "segment": other_than(victim.segment)})
            .to_string();
    let all = |path: String| {
        let request = |method, path, body: &str| Request { method, path, body: body.to_owned() };
        [
            request("GET", path.clone(), ""),
            request("GET", format!("{path}?{user}"), ""),
            request("HEAD", path.clone(), ""),
            request("POST", path.clone(), &body),
            request("PUT", path.clone(), &body),
            request("DELETE", path.clone(), ""),
            request("OPTIONS", path, ""),
        ]
    };
    paths.into_iter().flat_map(all).collect()
}
