//! `docent bench load`: many visitors who ask at a given rate.
//!
//! Each visitor asks in turn with the others. A question is timed from the moment at
//! which it was due, also when the answer before it was late, so that a slow server is
//! not asked less and looks no better for it.

mod report;
mod streams;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub use self::report::Report;
use self::report::millis;
use self::streams::Streams;
use super::latency::Latencies;
use super::visitor::{Target, TargetArgs, Visit};
use crate::protocol::hello::Resume;
use crate::server::clock::spread;

/// How long answers are waited for once the time is over; those of a scripted model may
/// take this long.
const GRACE: Duration = Duration::from_secs(30);
/// Connections that are being opened at a time.
const BURST: usize = 200;
/// First and longest pause before a visitor who was cut off comes back (full jitter).
const PAUSES_MS: (u64, u64) = (500, 30_000);

/// Arguments of `docent bench load`.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// The server, and who its visitors are.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How many visitors.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub connections: u32,
    /// JSON Lines file whose `text` fields are asked, over and over.
    #[arg(long, value_name = "FILE")]
    pub messages: PathBuf,
    /// Questions in a second, by all visitors together.
    #[arg(long, value_name = "R", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// For how many seconds.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub duration: u64,
    /// After so many seconds every connection is cut at once, and the visitors come back.
    #[arg(long, value_name = "S")]
    pub cut_at: Option<u64>,
    /// So many visitors more, who ask as soon as they are answered. The pieces of
    /// their answers are timed, from when the server's scripted model wrote them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub streams: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What all visitors share.
struct Plan {
    target: Target,
    messages: Vec<String>,
    opening: Semaphore,
    connections: u32,
    interval: Duration,
    begin: Instant,
    end: Instant,
    cut: Option<Instant>,
}

/// What one visitor saw.
#[derive(Default)]
struct Tally {
    report: Report,
    refused: u64,
    connect: Option<Duration>,
    first: Vec<Duration>,
    overhead: Vec<Duration>,
    done: Vec<Duration>,
    back: Option<Duration>,
}

/// What is looked at of a frame.
#[derive(Deserialize)]
struct Head<'a> {
    r#type: &'a str,
    seq: Option<u64>,
    r#ref: Option<&'a str>,
    #[serde(default)]
    data: HeadData,
}

#[derive(Default, Deserialize)]
struct HeadData {
    from_seq: Option<u64>,
    role: Option<String>,
    #[serde(default)]
    duplicate: bool,
    active_run: Option<serde::de::IgnoredAny>,
}

/// A question on its way.
struct Asked {
    id: String,
    frame: String,
    due: Instant,
    sent: Instant,
    is_acked: bool,
    has_begun: bool,
    /// Whether the server was lost meanwhile, and no run goes on any longer.
    is_cut_off: bool,
}

/// Runs the load.
///
/// # Errors
/// When the server cannot be reached, or the messages cannot be read.
pub async fn run(args: LoadArgs) -> anyhow::Result<Report> {
    rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    let target = Target::find(&args.target).await?;
    ensure!(target.address.ip().is_loopback(), "load is made on this machine only: use a loopback address");
    let messages = super::turn::read_messages(&args.messages)?;
    ensure!(!messages.is_empty(), "`{}` has no messages", args.messages.display());
    let connections = usize::try_from(args.connections)?;
    drop(target.visit(0, None).await.with_context(|| format!("cannot connect to {}", args.target.url))?);
    // Connections are opened before the first question is due.
    let begin = Instant::now() + Duration::from_secs(2) + Duration::from_micros(500 * u64::from(args.connections));
    let plan = Arc::new(Plan {
        target,
        messages,
        opening: Semaphore::new(BURST),
        connections: args.connections,
        interval: Duration::from_secs_f64(f64::from(args.connections) / f64::from(args.rate)),
        begin,
        end: begin + Duration::from_secs(args.duration),
        cut: args.cut_at.map(|after| begin + Duration::from_secs(after)),
    });
    let bar = ProgressBar::new(connections as u64);
    let mut visitors = JoinSet::new();
    for number in 0..args.connections {
        visitors.spawn(visitor(plan.clone(), number));
    }
    let streams = args.streams.map(|streams| Streams::start(&plan, streams));
    let mut report = Report::default();
    let mut refused = 0;
    let mut latencies: [Latencies; 4] = Default::default();
    let mut backs: Vec<Duration> = Vec::new();
    while let Some(tally) = visitors.join_next().await {
        bar.inc(1);
        let tally = tally?;
        report.add(&tally.report);
        refused += tally.refused;
        let [connect, first, overhead, done] = &mut latencies;
        tally.overhead.into_iter().for_each(|time| overhead.add(time));
        tally.connect.into_iter().for_each(|time| connect.add(time));
        tally.first.into_iter().for_each(|time| first.add(time));
        tally.done.into_iter().for_each(|time| done.add(time));
        backs.extend(tally.back);
    }
    bar.finish_and_clear();
    report.lost = report.sent.saturating_sub(report.answered + refused);
    report.errors += refused;
    let [connect, first, overhead, done] = &mut latencies;
    report.connect_p99_ms = millis(connect.percentile(99.0));
    report.overhead_p99_ms = millis(overhead.percentile(99.0));
    (report.first_frame_p50_ms, report.first_frame_p99_ms) =
        (millis(first.percentile(50.0)), millis(first.percentile(99.0)));
    (report.done_p50_ms, report.done_p99_ms) = (millis(done.percentile(50.0)), millis(done.percentile(99.0)));
    if plan.cut.is_some() {
        backs.sort_unstable();
        let seconds = |place: usize| backs.get(place).map(Duration::as_secs_f64);
        report.back_95_s = seconds((connections * 95).div_ceil(100) - 1);
        report.back_all_s = seconds(connections - 1);
    }
    if let Some(streams) = streams {
        streams.finish(&plan, &mut report).await?;
    }
    Ok(report)
}

/// One visitor, from the first connection to the end.
struct Visitor {
    plan: Arc<Plan>,
    number: u32,
    tally: Tally,
    cursor: Option<Resume>,
    /// Up to here holes are explained by the replay.
    replayed: u64,
    asked: Option<Asked>,
    questions: u32,
    was_cut: bool,
}

async fn visitor(plan: Arc<Plan>, number: u32) -> Tally {
    let mut visitor = Visitor {
        plan,
        number,
        tally: Tally::default(),
        cursor: None,
        replayed: 0,
        asked: None,
        questions: 0,
        was_cut: false,
    };
    let mut pause = PAUSES_MS.0;
    loop {
        match visitor.connect().await {
            Ok(mut socket) => {
                pause = PAUSES_MS.0;
                if visitor.converse(&mut socket).await.is_ok() {
                    let _ = socket.close(None).await;
                    return visitor.tally;
                }
            }
            Err(_) if visitor.cursor.is_none() => visitor.tally.report.errors += 1,
            Err(_) => {}
        }
        if Instant::now() >= visitor.plan.end + GRACE {
            return visitor.tally;
        }
        sleep(Duration::from_millis(spread(pause))).await;
        pause = (pause * 2).min(PAUSES_MS.1);
    }
}

impl Visitor {
    async fn connect(&mut self) -> anyhow::Result<WebSocketStream<TcpStream>> {
        let plan = self.plan.clone();
        let _turn = plan.opening.acquire().await?;
        let visit = plan.target.visit(usize::try_from(self.number)?, self.cursor.clone()).await?;
        let Visit { connect, welcome, socket, .. } = visit;
        if self.cursor.is_none() {
            self.tally.connect = Some(connect);
        }
        if let Some(cut) = plan.cut.filter(|_| self.was_cut && self.tally.back.is_none()) {
            self.tally.back = Some(cut.elapsed());
        }
        if !welcome.resumed {
            let (conversation_id, epoch) = (welcome.conversation_id, welcome.epoch);
            self.cursor = Some(Resume { conversation_id, epoch, after_seq: welcome.seq });
        }
        self.replayed = welcome.seq;
        Ok(socket)
    }

    /// When the next question is due.
    fn due(&self) -> Instant {
        let offset = self.plan.interval.mul_f64(f64::from(self.number) / f64::from(self.plan.connections));
        self.plan.begin + offset + self.plan.interval * self.questions
    }

    /// Asks until the time is over; an error when the connection ends before.
    async fn converse(&mut self, socket: &mut WebSocketStream<TcpStream>) -> anyhow::Result<()> {
        if let Some(asked) = self.asked.as_ref().filter(|asked| !asked.is_acked) {
            socket.send(Message::text(asked.frame.clone())).await?;
        }
        loop {
            let due = self.due();
            let is_over = due >= self.plan.end;
            if self.asked.is_none() && is_over {
                return Ok(());
            }
            let cut = self.plan.cut.filter(|_| !self.was_cut).unwrap_or(self.plan.end + 2 * GRACE);
            tokio::select! {
                () = sleep_until(due), if self.asked.is_none() => self.ask(socket, due).await?,
                message = timeout_at(self.plan.end + GRACE, socket.next()) => match message {
                    Err(_) => return Ok(()),
                    Ok(None) => anyhow::bail!("closed"),
                    Ok(Some(message)) => self.received(socket, message?).await?,
                },
                () = sleep_until(cut) => {
                    self.was_cut = true;
                    anyhow::bail!("cut");
                }
            }
        }
    }

    async fn ask(&mut self, socket: &mut WebSocketStream<TcpStream>, due: Instant) -> anyhow::Result<()> {
        let at = self.number as usize + self.questions as usize * self.plan.connections as usize;
        let text = &self.plan.messages[at % self.plan.messages.len()];
        let id = format!("{}-{}", self.number, self.questions);
        let frame = json!({"type": "message.send", "id": id, "data": {"text": text}}).to_string();
        self.questions += 1;
        self.tally.report.sent += 1;
        self.asked = Some(Asked {
            id,
            frame: frame.clone(),
            due,
            sent: Instant::now(),
            is_acked: false,
            has_begun: false,
            is_cut_off: false,
        });
        socket.send(Message::text(frame)).await?;
        Ok(())
    }

    async fn received(&mut self, socket: &mut WebSocketStream<TcpStream>, message: Message) -> anyhow::Result<()> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => anyhow::bail!("closed"),
            _ => return Ok(()),
        };
        let head: Head<'_> = serde_json::from_str(&text)?;
        if let (Some(seq), Some(cursor)) = (head.seq, self.cursor.as_mut()) {
            if seq <= cursor.after_seq {
                self.tally.report.duplicated += 1;
                return Ok(());
            }
            let begins = head.data.from_seq.unwrap_or(seq).min(seq);
            if begins > cursor.after_seq + 1 && seq > self.replayed {
                self.tally.report.reordered += 1;
            }
            cursor.after_seq = seq;
        }
        if head.r#type == "ping" {
            socket.send(Message::text("{\"type\":\"pong\"}")).await?;
        }
        let Some(asked) = self.asked.as_mut() else { return Ok(()) };
        match head.r#type {
            "ack" if head.r#ref == Some(&asked.id) => {
                asked.is_acked = true;
                asked.is_cut_off &= head.data.duplicate;
            }
            "conversation.snapshot" => asked.is_cut_off = head.data.active_run.is_none(),
            "error" if head.r#ref == Some(&asked.id) => {
                self.tally.refused += 1;
                self.asked = None;
            }
            "message.delta" | "message.completed" if !asked.has_begun && head.data.role.as_deref() != Some("user") => {
                asked.has_begun = true;
                self.tally.first.push(asked.due.elapsed());
                self.tally.overhead.push(asked.sent.elapsed());
            }
            "run.finished" => {
                self.tally.report.answered += 1;
                self.tally.done.push(asked.due.elapsed());
                self.asked = None;
            }
            _ => {}
        }
        // A run that ended as interrupted while nobody could be told.
        if self.asked.as_ref().is_some_and(|asked| asked.is_acked && asked.is_cut_off) {
            self.tally.refused += 1;
            self.asked = None;
        }
        Ok(())
    }
}
