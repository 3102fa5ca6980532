//! Nobody sees or changes anything of another user or another segment: every path of
//! the router and every command of the protocol, from the outside and as every kind of
//! visitor. A path or a command that has no row here fails the test.

#[path = "isolation/attempts.rs"]
mod attempts;
#[path = "socket/client.rs"]
#[expect(dead_code, reason = "each suite uses a part of the client")]
mod client;
#[path = "isolation/people.rs"]
mod people;
#[path = "isolation/server.rs"]
mod server;

use docent::protocol::client_message::ClientMessage;
use docent::server::router;
use serde_json::Value;

use client::{Came, Client};
use people::{Victim, Visitor};
use server::Server;

/// What a visitor gets to see over a socket, whatever they try.
async fn seen_over_socket(server: &Server, visitor: &Visitor, victim: &Victim) -> Vec<Value> {
    let mut seen = Vec::new();
    for resume in [None, Some(victim.cursor(0)), Some(victim.cursor(victim.last_seq))] {
        let mut client = Client::open(server.address).await;
        let mut hello = visitor.hello.clone();
        if let Some(resume) = resume {
            hello["resume"] = resume;
        }
        client.send(serde_json::json!({"type": "hello", "id": "h", "data": hello})).await;
        let welcome = match client.next().await {
            Came::Frame(frame) => frame,
            end => panic!("{}: no answer to hello, but {end:?}", visitor.role),
        };
        assert_eq!(welcome["type"] == "welcome", visitor.may_enter, "{}: {welcome}", visitor.role);
        seen.push(welcome);
        if !visitor.may_enter {
            seen.extend(client.closed().await.0);
            continue;
        }
        for kind in ClientMessage::TYPES {
            for (at, attempt) in attempts::of(kind, victim, visitor).into_iter().enumerate() {
                let id = attempt.id.unwrap_or_else(|| format!("{}-{kind}-{at}", client.prefix));
                let frames = attempts::tried(&mut client, kind, &id, attempt.data).await;
                let duplicate = frames.iter().find(|frame| frame["data"]["duplicate"] == true);
                assert_eq!(duplicate, None, "{}: {kind} of another user counts as done", visitor.role);
                seen.extend(frames);
            }
        }
    }
    seen
}

#[tokio::test]
async fn every_command_as_every_visitor() {
    let server = Server::start().await;
    let mut tried = 0;
    for victim in people::victims(&server).await {
        let before = victim.log(&server).await;
        for visitor in people::visitors(&victim) {
            for frame in seen_over_socket(&server, &visitor, &victim).await {
                victim.assert_unseen(&frame.to_string(), &visitor);
            }
            tried += ClientMessage::TYPES.len();
        }
        assert_eq!(victim.log(&server).await, before, "{}: somebody changed the log", victim.name);
        victim.carry_on(&server).await;
    }
    println!("{tried} pairs of command and visitor");
}

#[tokio::test]
async fn every_path_as_every_visitor() {
    let server = Server::start().await;
    let mut tried = 0;
    for victim in people::victims(&server).await {
        let before = victim.log(&server).await;
        for visitor in people::visitors(&victim) {
            for path in router::paths() {
                for request in attempts::requests(path, &victim) {
                    let response = server.request(&request, visitor.token.as_deref()).await;
                    victim.assert_unseen(&response, &visitor);
                    tried += 1;
                }
            }
        }
        assert_eq!(victim.log(&server).await, before, "{}: a request changed the log", victim.name);
    }
    println!("{tried} requests");
}

#[tokio::test]
async fn what_a_segment_is_for_is_seen_by_it_and_by_nobody_else() {
    let server = Server::start().await;
    for (segment, other) in [("gold", "silver"), ("silver", "gold")] {
        let mut client = Client::join_as(server.address, people::signed(&format!("of-{segment}"), segment)).await;
        let mut own = String::new();
        for (kind, data) in attempts::content_of(segment) {
            own.extend(
                attempts::tried(&mut client, kind, &format!("own-{kind}-{}", own.len()), data)
                    .await
                    .iter()
                    .map(Value::to_string),
            );
        }
        for part in people::secrets_of(segment) {
            assert!(own.contains(&part), "{segment} does not see its own {part}");
        }
        for (kind, data) in attempts::content_of(other) {
            for frame in attempts::tried(&mut client, kind, &format!("other-{kind}-{}", own.len()), data).await {
                let text = frame.to_string();
                let leak = people::secrets_of(other).into_iter().find(|secret| text.contains(secret));
                assert_eq!(leak, None, "{segment} sees what is for {other}: {text}");
            }
        }
    }
}
