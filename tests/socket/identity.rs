//! Signed identity: who a token makes its client, and which tokens make nobody.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use docent::domain::revocation::{Revocation, Revocations, Revoked};
use docent::domain::secret::Secret;
use docent::session::identity::{Identity, IdentityKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::client::{Came, Client, hello};
use crate::rig::{Rig, settings};

const SECRET: &str = "a secret of the customer's server, long enough";
const BEFORE: &str = "the secret that was in use before, long enough too";

fn key(id: &str, secret: &str) -> IdentityKey {
    IdentityKey { id: Some(id.to_owned()), secret: Secret::new(secret) }
}

async fn rig() -> Rig {
    let mut settings = settings();
    settings.session.identity = Identity { keys: vec![key("k2", SECRET), key("k1", BEFORE)], lenient: false };
    Rig::with(settings).await
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn claims() -> Value {
    json!({"sub": "u-42", "aud": "local", "iat": now(), "exp": now() + 600, "jti": "t-1",
        "attributes": {"plan": "pro", "user.role": "admin"}, "company": {"id": "acme"}})
}

fn signed_with(claims: &Value, secret: &str, header: &Header) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token")
}

fn signed(claims: &Value) -> String {
    signed_with(claims, SECRET, &Header { kid: Some("k2".to_owned()), ..Header::new(Algorithm::HS256) })
}

fn hello_with(token: &str) -> Value {
    let mut data = hello();
    data["identity_token"] = json!(token);
    data
}

/// How a connection with this token is refused: the error's code and the close code.
async fn refused(rig: &Rig, token: &str) -> (Value, Came) {
    let mut client = Client::open(rig.address).await;
    client.send(json!({"type": "hello", "id": "h", "data": hello_with(token)})).await;
    let (frames, came) = client.closed().await;
    assert!(frames.iter().all(|frame| !frame.to_string().contains("u-42")), "nothing of the token is told: {frames:?}");
    let code = frames.first().map_or(Value::Null, |frame| frame["data"]["code"].clone());
    (code, came)
}

#[tokio::test]
async fn a_token_says_who_the_user_is() {
    let rig = rig().await;
    let client = Client::join_as(rig.address, hello_with(&signed(&claims()))).await;
    assert_eq!(client.welcome["data"]["user_id"], "u-42");
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
    let old = signed_with(&claims(), BEFORE, &header);
    assert_eq!(Client::join_as(rig.address, hello_with(&old)).await.welcome["data"]["user_id"], "u-42");
    let unnamed = signed_with(&claims(), BEFORE, &Header::new(Algorithm::HS256));
    assert_eq!(Client::join_as(rig.address, hello_with(&unnamed)).await.welcome["data"]["user_id"], "u-42");
    let mut several = claims();
    several["aud"] = json!(["other", "local"]);
    Client::join_as(rig.address, hello_with(&signed(&several))).await;
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let rig = rig().await;
    let good = signed(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let other_head = |header: &Value| base64url(header.to_string().as_bytes());
    let mut forged: Vec<(String, String)> = [
        ("nothing", String::new()),
        ("no token", "token".to_owned()),
        ("dots alone", "..".to_owned()),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{good}.{signature}")),
        ("another signature", format!("{head}.{body}.{}", base64url(&[7; 32]))),
        ("a cut signature", good[..good.len() - 2].to_owned()),
        ("spaces", format!(" {good}")),
        ("padding", format!("{good}=")),
        ("too long", format!("{head}.{}.{signature}", "A".repeat(9_000))),
        ("not base64", format!("{head}.{body}!.{signature}")),
        ("not text", format!("{}.{body}.{signature}", base64url(&[0xff, 0xfe]))),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into();
    for algorithm in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "", "hs256"] {
        let header = other_head(&json!({"alg": algorithm, "typ": "JWT"}));
        forged.push((format!("alg {algorithm}, signed as before"), format!("{header}.{body}.{signature}")));
        forged.push((format!("alg {algorithm}, not signed"), format!("{header}.{body}.")));
    }
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        forged.push((format!("signed with {name}"), signed_with(&claims(), SECRET, &Header::new(algorithm))));
    }
    for kid in ["k3", "", "../k2", "/etc/passwd", "k2\0", "k1"] {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        forged.push((format!("kid {kid}"), signed_with(&claims(), SECRET, &header)));
    }
    for secret in ["", "a", "secret", &SECRET[1..]] {
        forged.push((format!("the secret {secret:?}"), signed_with(&claims(), secret, &Header::new(Algorithm::HS256))));
    }
    for (claim, value) in [
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!(42)),
        ("sub", json!("a b")),
        ("sub", json!("x".repeat(300))),
        ("sub", json!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a10")),
        ("aud", json!(null)),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", json!("LOCAL")),
        ("exp", json!(null)),
        ("exp", json!((now() + 600).to_string())),
        ("exp", json!(now() + 100_000)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", json!(now() + 600)),
        ("nbf", json!("soon")),
        ("iat", json!("now")),
        ("jti", json!(7)),
        ("jti", json!("")),
        ("attributes", json!(["plan"])),
        ("attributes", json!({"a b": 1})),
        ("company", json!(7)),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(claim);
        }
        forged.push((format!("{claim} is {value}"), signed(&claims)));
    }
    assert!(forged.len() >= 60, "{}", forged.len());
    for (name, token) in forged {
        let (code, came) = refused(&rig, &token).await;
        assert_eq!((code, came), (json!("auth_invalid"), Came::Closed(4500)), "{name}");
    }
    let mut over = claims();
    over["exp"] = json!(now() - 60);
    assert_eq!(refused(&rig, &signed(&over)).await, (json!("auth_expired"), Came::Closed(4004)));
}

#[tokio::test]
async fn a_refreshed_token_is_the_same_users() {
    let rig = rig().await;
    let mut client = Client::join_as(rig.address, hello_with(&signed(&claims()))).await;
    let refreshed = client.call("auth.refresh", json!({"identity_token": signed(&claims())})).await;
    assert_eq!(refreshed["type"], "ack");
    let mut other = claims();
    other["sub"] = json!("u-43");
    let refused = client.call("auth.refresh", json!({"identity_token": signed(&other)})).await;
    assert_eq!(refused["data"]["code"], "forbidden");
    let forged = client.call("auth.refresh", json!({"identity_token": "x.y.z"})).await;
    assert_eq!(forged["data"]["code"], "auth_invalid");
    assert_eq!(client.ask("hello").await.last().expect("an end")["type"], "run.finished");
}

#[tokio::test]
async fn an_expired_token_ends_its_connection() {
    let rig = rig().await;
    let mut short = claims();
    // Clocks may differ by 30 seconds, of which two are left.
    short["exp"] = json!(now() - 28);
    let mut client = Client::join_as(rig.address, hello_with(&signed(&short))).await;
    let (frames, came) = client.closed().await;
    assert_eq!(came, Came::Closed(4004));
    assert_eq!(frames.last().expect("a frame")["data"]["code"], "auth_expired");
}

#[tokio::test]
async fn what_is_revoked_is_closed_and_stays_out() {
    let rig = rig().await;
    let mut client = Client::join_as(rig.address, hello_with(&signed(&claims()))).await;
    let mut other = claims();
    other["sub"] = json!("u-43");
    other["jti"] = json!("t-2");
    let mut bystander = Client::join_as(rig.address, hello_with(&signed(&other))).await;
    let mut anonymous = Client::join(rig.address).await;
    let at_ms = now() * 1_000 + 999;
    let revoked = Revocation { what: Revoked::User("u-42".to_owned()), at_ms };
    let start = Instant::now();
    rig.revoke.send_replace(Arc::new(Revocations::new(vec![revoked.clone()])));
    assert_eq!(client.closed().await.1, Came::Closed(4500));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(refused(&rig, &signed(&claims())).await.1, Came::Closed(4500));
    let token = Revocation { what: Revoked::Token("t-2".to_owned()), at_ms };
    assert_eq!(bystander.ask("hello").await.last().expect("an end")["type"], "run.finished");
    rig.revoke.send_replace(Arc::new(Revocations::new(vec![revoked, token])));
    assert_eq!(bystander.closed().await.1, Came::Closed(4500));
    assert_eq!(anonymous.ask("hello").await.last().expect("an end")["type"], "run.finished");
}

#[tokio::test]
async fn users_do_not_see_each_other() {
    let rig = rig().await;
    let mut ann = Client::join_as(rig.address, hello_with(&signed(&claims()))).await;
    ann.ask("hello").await;
    let cursor = ann.cursor(0);
    let mut other = claims();
    other["sub"] = json!("u-43");
    let foreign = [hello_with(&signed(&other)), hello()].map(|mut hello| {
        hello["resume"] = cursor.clone();
        hello
    });
    for hello in foreign {
        let mut client = Client::join_as(rig.address, hello).await;
        assert_ne!(client.welcome["data"]["conversation_id"], cursor["conversation_id"]);
        assert_eq!((&client.welcome["data"]["resumed"], &client.welcome["data"]["seq"]), (&json!(false), &json!(0)));
        let page = json!({"conversation_id": cursor["conversation_id"], "before_seq": 1_000, "limit": 10});
        client.command("history.get", page).await;
        assert_eq!(client.until("error").await["data"]["code"], "conversation_not_found");
    }
    let mut own = hello_with(&signed(&claims()));
    own["resume"] = cursor.clone();
    assert_eq!(Client::join_as(rig.address, own).await.welcome["data"]["resumed"], true);
}

/// Base64 for URLs without padding (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[(group >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}
