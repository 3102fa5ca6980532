//! `docent bench turn`: what a turn costs in process, without a model.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::latency::Latencies;
use crate::agent::Agent;
use crate::agent::turn_event::TurnEvent;
use crate::agent::turn_request::TurnRequest;
use crate::domain::action::ActionKind;
use crate::domain::ids::{RunId, UserId};
use crate::domain::user::UserContext;

/// What turns cost.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Messages answered.
    pub turns: usize,
    /// Turns per second of one thread.
    pub turns_per_s: f64,
    /// Median, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
    /// The same by kind of answer.
    pub by_kind: BTreeMap<&'static str, KindReport>,
}

/// What turns of one kind cost.
#[derive(Debug, Serialize)]
pub struct KindReport {
    /// How many there were.
    pub turns: usize,
    /// Median, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
}

/// Reads the `text` of each line of a JSON Lines file.
///
/// # Errors
/// When the file cannot be read or a line is not such an object.
pub fn read_messages(path: &Path) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Row {
        text: String,
    }
    let content = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let row: Row = serde_json::from_str(line)
                .with_context(|| format!("{}:{}: not an object with `text`", path.display(), number + 1))?;
            Ok(row.text)
        })
        .collect()
}

/// Answers each message in turn, after a warm-up over the first hundred.
///
/// # Errors
/// When a turn does not end as every turn must.
pub async fn run(agent: &Agent, messages: &[String]) -> anyhow::Result<Report> {
    let user = UserId::new("bench")?;
    let mut all = Latencies::default();
    let mut by_kind: BTreeMap<&'static str, Latencies> = BTreeMap::new();
    for message in messages.iter().take(100) {
        answer(agent, &user, message).await?;
    }
    let start = Instant::now();
    for message in messages {
        let begin = Instant::now();
        let kind = answer(agent, &user, message).await?;
        let elapsed = begin.elapsed();
        all.add(elapsed);
        by_kind.entry(kind).or_default().add(elapsed);
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of messages, for a rate")]
    let turns_per_s = messages.len() as f64 / seconds.max(f64::EPSILON);
    Ok(Report {
        turns: messages.len(),
        turns_per_s,
        p50_us: all.percentile(50.0),
        p99_us: all.percentile(99.0),
        by_kind: by_kind
            .into_iter()
            .map(|(kind, mut latencies)| {
                let report = KindReport {
                    turns: latencies.len(),
                    p50_us: latencies.percentile(50.0),
                    p99_us: latencies.percentile(99.0),
                };
                (kind, report)
            })
            .collect(),
    })
}

async fn answer(agent: &Agent, user: &UserId, message: &str) -> anyhow::Result<&'static str> {
    let request = TurnRequest {
        run: RunId::new("bench")?,
        message: message.to_owned(),
        plain: None,
        history: Vec::new(),
        choice: None,
        context: UserContext::new(user.clone()),
        capabilities: ActionKind::NINE.to_vec(),
        now: Timestamp::now(),
        trace: false,
    };
    let (sender, mut receiver) = mpsc::channel(64);
    agent.run_turn(request, sender).await;
    while let Some(event) = receiver.recv().await {
        if let TurnEvent::Finished(finish) = event {
            return finish.kind.map(|kind| kind.name()).context("a turn gave no answer");
        }
    }
    anyhow::bail!("a turn did not end")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {:>8} {:>10} {:>10}", "kind", "turns", "p50 us", "p99 us")?;
        for (kind, report) in &self.by_kind {
            writeln!(f, "{kind:<14} {:>8} {:>10} {:>10}", report.turns, report.p50_us, report.p99_us)?;
        }
        writeln!(f, "{:<14} {:>8} {:>10} {:>10}", "all", self.turns, self.p50_us, self.p99_us)?;
        write!(f, "{:.0} turns/s on one thread", self.turns_per_s)
    }
}
