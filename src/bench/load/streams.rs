//! Visitors who read answers of a scripted model, and time each piece.
//!
//! A piece is a number: the microsecond at which the model wrote it. What is timed
//! is therefore the way through the server and the sockets, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::report::{Report, millis};
use super::{GRACE, Plan};
use crate::bench::latency::Latencies;
use crate::bench::visitor::Visit;

/// Digits of a time in microseconds, until the year 2286.
const TIME_DIGITS: usize = 16;
/// Time over which the first questions are spread.
const START_SPREAD: Duration = Duration::from_secs(2);

/// What is looked at of a frame.
#[derive(Deserialize)]
struct Frame<'a> {
    r#type: &'a str,
    r#ref: Option<&'a str>,
    #[serde(default)]
    data: FrameData,
}

#[derive(Default, Deserialize)]
struct FrameData {
    delta: Option<String>,
}

/// What one reader saw.
#[derive(Default)]
struct Tally {
    sent: u64,
    answered: u64,
    errors: u64,
    delays: Vec<Duration>,
}

/// Readers at work.
pub(super) struct Streams(JoinSet<Tally>);

impl Streams {
    /// Lets so many readers begin, beside the other visitors of the plan.
    pub(super) fn start(plan: &Arc<Plan>, streams: u32) -> Self {
        let mut readers = JoinSet::new();
        for number in 0..streams {
            readers.spawn(read(Arc::clone(plan), number, streams));
        }
        Self(readers)
    }

    /// Waits for all, and adds what they saw.
    pub(super) async fn finish(mut self, plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
        let mut delays = Latencies::default();
        while let Some(tally) = self.0.join_next().await {
            let tally = tally?;
            report.sent += tally.sent;
            report.answered += tally.answered;
            report.errors += tally.errors;
            report.lost += tally.sent.saturating_sub(tally.answered + tally.errors);
            tally.delays.into_iter().for_each(|delay| delays.add(delay));
        }
        let seconds = plan.end.duration_since(plan.begin).as_secs_f64();
        let count = u32::try_from(delays.len()).unwrap_or(u32::MAX);
        report.deltas_per_s = Some(f64::from(count) / seconds);
        report.delta_p50_ms = Some(millis(delays.percentile(50.0)));
        report.delta_p99_ms = Some(millis(delays.percentile(99.0)));
        Ok(())
    }
}

async fn read(plan: Arc<Plan>, number: u32, streams: u32) -> Tally {
    let mut tally = Tally::default();
    if converse(&plan, number, streams, &mut tally).await.is_err() {
        tally.errors += 1;
    }
    tally
}

/// Asks as soon as the answer before has ended, until the time is over.
async fn converse(plan: &Plan, number: u32, streams: u32, tally: &mut Tally) -> anyhow::Result<()> {
    let turn = plan.opening.acquire().await?;
    let Visit { mut socket, .. } = plan.target.visit(usize::try_from(plan.connections + number)?, None).await?;
    drop(turn);
    sleep_until(plan.begin + START_SPREAD.mul_f64(f64::from(number) / f64::from(streams))).await;
    let mut asked = 0;
    while Instant::now() < plan.end {
        let id = format!("s{number}-{asked}");
        let text = &plan.messages[(number as usize + asked) % plan.messages.len()];
        let frame = json!({"type": "message.send", "id": id, "data": {"text": text}}).to_string();
        socket.send(Message::text(frame)).await?;
        asked += 1;
        tally.sent += 1;
        if !answered(plan, &mut socket, &id, tally).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads to the end of an answer; false when the time was over before.
async fn answered(
    plan: &Plan,
    socket: &mut WebSocketStream<TcpStream>,
    id: &str,
    tally: &mut Tally,
) -> anyhow::Result<bool> {
    loop {
        let Ok(message) = timeout_at(plan.end + GRACE, socket.next()).await else { return Ok(false) };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => anyhow::bail!("closed"),
        };
        let now = Timestamp::now().as_microsecond();
        let frame: Frame<'_> = serde_json::from_str(&text)?;
        match frame.r#type {
            "ping" => socket.send(Message::text("{\"type\":\"pong\"}")).await?,
            "message.delta" if Instant::now() < plan.end => {
                let times = frame.data.delta.as_deref().map(times).into_iter().flatten();
                tally
                    .delays
                    .extend(times.map(|time| Duration::from_micros(now.saturating_sub(time).max(0).unsigned_abs())));
            }
            "error" if frame.r#ref == Some(id) => {
                tally.errors += 1;
                return Ok(true);
            }
            "run.finished" => {
                tally.answered += 1;
                return Ok(true);
            }
            _ => {}
        }
    }
}

/// The times in a piece, which may be several merged into one.
fn times(piece: &str) -> Vec<i64> {
    let numbers = piece.split(|c: char| !c.is_ascii_digit());
    numbers.filter(|number| number.len() == TIME_DIGITS).filter_map(|number| number.parse().ok()).collect()
}
