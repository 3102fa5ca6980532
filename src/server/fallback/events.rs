//! A session's stream as server-sent events, or as the answer to one long poll.
//!
//! Each event of the log has its place as `id`, so that a client that comes back with
//! the last one misses nothing. What is no event of the log has none.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{json, listed};
use super::follower::{Follower, Next, Place};
use crate::protocol::close_code::CloseCode;

/// Bytes of a response that are made at a time.
const BATCH: usize = 32 * 1024;
/// Bytes of frames after which a poll is answered.
const MAX_POLL_BYTES: usize = 1024 * 1024;
/// How long a poll waits for a frame.
const POLL: Duration = Duration::from_secs(25);
/// How long it gathers what comes after the first one, so that an answer that is
/// streamed does not take a request for each piece.
const GATHER: Duration = Duration::from_millis(200);

/// What tells the place of a frame in the log.
#[derive(Deserialize)]
struct Head {
    seq: Option<u64>,
    #[serde(default)]
    data: HeadData,
}

#[derive(Default, Deserialize)]
struct HeadData {
    as_of_seq: Option<u64>,
}

/// The number of the last event that a frame contains.
fn seq_of(frame: &str) -> Option<u64> {
    serde_json::from_str::<Head>(frame).ok().and_then(|head| head.seq.or(head.data.as_of_seq))
}

/// Server-sent events, with a comment after each `heartbeat` without one.
pub(super) fn stream(follower: Follower, heartbeat: Duration) -> Response {
    let events = Events { follower, heartbeat, is_over: false };
    let chunks = stream::unfold(events, |mut events| async move {
        let chunk = events.chunk().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), events))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONNECTION, HeaderValue::from_static("close")),
        // Else a proxy may hold events back until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

struct Events {
    follower: Follower,
    heartbeat: Duration,
    is_over: bool,
}

impl Events {
    /// The next bytes, when there are any.
    async fn chunk(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let Ok(mut next) = timeout(self.heartbeat, self.follower.next()).await else {
            return Some(":\n\n".to_owned());
        };
        let mut text = String::new();
        loop {
            match next {
                Next::Frame(frame) => self.write(&frame, &mut text),
                Next::End(code) => {
                    if let Some(code) = code {
                        let _ = write!(text, "event: close\ndata: {}\n\n", closing(code));
                    }
                    self.is_over = true;
                    break;
                }
            }
            let Some(frame) = self.follower.waiting().filter(|_| text.len() < BATCH) else { break };
            next = Next::Frame(frame);
        }
        Some(text)
    }

    /// A frame has no line breaks, since none are in its JSON.
    fn write(&self, frame: &str, text: &mut String) {
        if let Some(seq) = seq_of(frame) {
            let _ = writeln!(text, "id: {}:{seq}", self.follower.epoch);
        }
        let _ = write!(text, "data: {frame}\n\n");
    }
}

/// Frames as soon as there are some, else none after a while; `after` is the place to
/// go on from.
pub(super) async fn poll(mut follower: Follower, place: Option<Place>) -> Response {
    let mut after = place.map(|Place { epoch, seq }| format!("{epoch}:{seq}"));
    let mut frames: Vec<Utf8Bytes> = Vec::new();
    let (mut bytes, mut close) = (0, None);
    let mut until = Instant::now() + POLL;
    while bytes < MAX_POLL_BYTES {
        match timeout_at(until, follower.next()).await {
            Ok(Next::Frame(frame)) => {
                if frames.is_empty() {
                    until = Instant::now() + GATHER;
                }
                if let Some(seq) = seq_of(&frame) {
                    after = Some(format!("{}:{seq}", follower.epoch));
                }
                bytes += frame.len();
                frames.push(frame);
            }
            Ok(Next::End(code)) => {
                close = code;
                break;
            }
            Err(_) => break,
        }
    }
    let members = [
        after.map(|after| format!("\"after\":{}", json!(after))),
        Some(format!("\"frames\":{}", listed(&frames))),
        close.map(|code| format!("\"close\":{}", closing(code))),
    ];
    let members: Vec<String> = members.into_iter().flatten().collect();
    let response = json(StatusCode::OK, close, format!("{{{}}}", members.join(",")));
    ([(CONNECTION, HeaderValue::from_static("close"))], response).into_response()
}

/// Why a stream ends, with the code and the reason that a socket would be closed with.
fn closing(code: CloseCode) -> serde_json::Value {
    json!({ "code": code.number(), "reason": code.reason() })
}
