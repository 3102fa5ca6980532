//! Those who have something to hide, and those who look for it.

use docent::domain::secret::Secret;
use docent::session::identity::IdentityKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::client::{Client, hello};
use crate::server::Server;

const SECRET: &str = "a secret of the customer's server, long enough";

/// The identifier of tokens that are revoked.
pub(crate) const REVOKED: &str = "revoked-token";

pub(crate) fn key() -> IdentityKey {
    IdentityKey { id: None, secret: Secret::new(SECRET) }
}

/// What only a segment may read in content of a kind.
pub(crate) fn secret(segment: &str, kind: &str) -> String {
    format!("{segment}ptarmigan{kind}")
}

pub(crate) fn secrets_of(segment: &str) -> Vec<String> {
    ["article", "answer", "post", "experience"].map(|kind| secret(segment, kind)).into()
}

fn token(user: &str, segment: &str, id: &str, secret: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims =
        json!({"sub": user, "aud": "local", "iat": now, "exp": now + 600, "jti": id, "attributes": {"plan": segment}});
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
}

/// The hello of a signed user, who claims to be of the other segment too.
pub(crate) fn signed(user: &str, segment: &str) -> Value {
    let mut data = hello();
    data["identity_token"] = json!(token(user, segment, "good", SECRET));
    data["attributes"] = json!({"plan": other_than(segment), "user.plan": other_than(segment)});
    data["capabilities"] = json!({"actions": ["open_post", "navigate", "launch_experience"]});
    data
}

pub(crate) fn other_than(segment: &str) -> &'static str {
    if segment == "gold" { "silver" } else { "gold" }
}

/// A user with conversations of their own.
pub(crate) struct Victim {
    pub(crate) name: &'static str,
    pub(crate) segment: &'static str,
    hello: Value,
    /// Texts that only this user may read.
    private: Vec<String>,
    pub(crate) conversation: Value,
    epoch: Value,
    pub(crate) last_seq: u64,
    pub(crate) runs: Vec<Value>,
    pub(crate) messages: Vec<Value>,
    pub(crate) action: Value,
    /// Commands that were carried out, with their ids.
    pub(crate) done: Vec<Value>,
}

/// One user of each segment, signed, with a conversation.
pub(crate) async fn victims(server: &Server) -> Vec<Victim> {
    let mut victims = Vec::new();
    for (name, segment) in [("ann", "gold"), ("bob", "silver")] {
        victims.push(Victim::with_a_past(server, name, segment).await);
    }
    victims
}

impl Victim {
    async fn with_a_past(server: &Server, name: &'static str, segment: &'static str) -> Self {
        let private = |what: &str| format!("{name}wolverine{what}");
        let hello = signed(name, segment);
        let mut client = Client::join_as(server.address, hello.clone()).await;
        client.prefix = name.to_owned();
        let page =
            json!({"url": format!("https://app.example.com/home?q={}", private("page")), "title": private("title")});
        client.call("context.update", json!({"page": page, "attributes": {"nickname": private("attribute")}})).await;
        let said = json!({"text": format!("what is my {segment} discount {}", private("message"))});
        client.command("message.send", said.clone()).await;
        let mut frames = client.through("run.finished").await;
        let asked = json!({"text": format!("tell me the {segment} discount code")});
        client.command("message.send", asked.clone()).await;
        frames.extend(client.through("run.finished").await);
        let all = |kind: &str, field: &str| {
            let named = frames.iter().filter(|frame| frame["type"] == kind);
            named.map(|frame| frame["data"][field].clone()).collect::<Vec<_>>()
        };
        let (runs, messages) = (all("run.started", "run_id"), all("message.completed", "message_id"));
        let action = all("action.requested", "action_id").pop().expect("an offer");
        let answer = messages.last().expect("an answer");
        let judged = json!({"message_id": answer, "value": "up", "comment": private("comment")});
        client.command("feedback.set", judged.clone()).await;
        let last_seq = client.until("message.feedback").await["seq"].as_u64().expect("a number");
        let done = [("message.send", said), ("message.send", asked), ("feedback.set", judged)];
        let done = done
            .into_iter()
            .zip(2..)
            .map(|((kind, data), at)| json!({"type": kind, "id": format!("{name}-{at}"), "data": data}));
        Self {
            name,
            segment,
            hello,
            private: ["page", "title", "attribute", "message", "comment"].map(private).into(),
            conversation: client.welcome["data"]["conversation_id"].clone(),
            epoch: client.welcome["data"]["epoch"].clone(),
            last_seq,
            runs,
            messages,
            action,
            done: done.collect(),
        }
    }

    pub(crate) fn cursor(&self, after_seq: u64) -> Value {
        json!({"conversation_id": self.conversation, "epoch": self.epoch, "after_seq": after_seq})
    }

    async fn back(&self, server: &Server) -> Client {
        let mut hello = self.hello.clone();
        hello["resume"] = self.cursor(0);
        let client = Client::join_as(server.address, hello).await;
        assert_eq!(
            (&client.welcome["data"]["resumed"], &client.welcome["data"]["conversation_id"]),
            (&json!(true), &self.conversation)
        );
        client
    }

    /// Everything that the conversation's log holds.
    pub(crate) async fn log(&self, server: &Server) -> Vec<Value> {
        let mut client = self.back(server).await;
        let id = client.command("context.update", json!({})).await;
        let mut log = Vec::new();
        loop {
            let frame = client.frame().await;
            if frame["ref"] == id.as_str() {
                return log;
            }
            log.push(frame);
        }
    }

    /// The conversation works as if nobody had tried anything.
    pub(crate) async fn carry_on(&self, server: &Server) {
        let mut client = self.back(server).await;
        client.prefix = format!("{}-later", self.name);
        let claimed = client.call("action.claim", json!({"action_id": self.action})).await;
        assert_eq!(claimed["type"], "ack", "{claimed}");
        client.command("message.send", json!({"text": format!("{} rebate please", self.segment)})).await;
        let frames = client.through("run.finished").await;
        let text = frames.iter().map(Value::to_string).collect::<String>();
        assert!(text.contains(&secret(self.segment, "answer")), "{text}");
    }

    /// Checks that a visitor sees nothing that is not for them.
    pub(crate) fn assert_unseen(&self, text: &str, visitor: &Visitor) {
        let hidden =
            self.private.iter().cloned().chain(visitor.must_not_read.iter().flat_map(|segment| secrets_of(segment)));
        for hidden in hidden {
            assert!(
                !text.contains(&hidden),
                "a visitor who is {} sees {hidden} of {}: {text}",
                visitor.role,
                self.name
            );
        }
    }
}

/// Somebody who looks for what is not theirs.
pub(crate) struct Visitor {
    pub(crate) role: &'static str,
    pub(crate) hello: Value,
    pub(crate) token: Option<String>,
    pub(crate) may_enter: bool,
    /// Segments whose content is not for them.
    pub(crate) must_not_read: Vec<&'static str>,
}

/// Visitors who are not `victim`, one of each role.
pub(crate) fn visitors(victim: &Victim) -> Vec<Visitor> {
    let (segment, other) = (victim.segment, other_than(victim.segment));
    let with = |token: String| {
        let mut data = hello();
        data["identity_token"] = json!(token);
        data
    };
    let mut anonymous = hello();
    anonymous["anonymous_id"] = json!("anon-00000000-0000-4000-8000-00000000dead");
    let forged = token(victim.name, segment, "good", "a secret that somebody has guessed wrongly");
    let revoked = token(victim.name, segment, REVOKED, SECRET);
    let both = vec!["gold", "silver"];
    let visitor = |role, hello: Value, may_enter, must_not_read| {
        let token = hello["identity_token"].as_str().map(str::to_owned);
        Visitor { role, hello, token, may_enter, must_not_read }
    };
    vec![
        visitor("anonymous", anonymous, true, both.clone()),
        visitor("signed, of the other segment", signed("mallory", other), true, vec![segment]),
        visitor("signed, of the same segment", signed("peggy", segment), true, vec![other]),
        visitor("forged", with(forged), false, both.clone()),
        visitor("revoked", with(revoked), false, both),
    ]
}
