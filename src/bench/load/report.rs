//! What a load came to.

use std::fmt;

use serde::Serialize;

/// What became of the questions; times in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Questions that were sent.
    pub sent: u64,
    /// Questions whose run finished.
    pub answered: u64,
    /// Questions that were refused or cut off with the server, and connections that
    /// failed before the first.
    pub errors: u64,
    /// Questions that were neither answered nor refused.
    pub lost: u64,
    /// Events that came twice.
    pub duplicated: u64,
    /// Events after a hole that nothing explains.
    pub reordered: u64,
    /// Until the kernel had connected: 99th percentile.
    pub connect_p99_ms: f64,
    /// From when a question was due to the first piece of its answer: median.
    pub first_frame_p50_ms: f64,
    /// The same: 99th percentile.
    pub first_frame_p99_ms: f64,
    /// From when a question was sent to the first piece of its answer, which leaves out how
    /// late it was sent: 99th percentile.
    pub overhead_p99_ms: f64,
    /// From when a question was due to the end of its run: median.
    pub done_p50_ms: f64,
    /// The same: 99th percentile.
    pub done_p99_ms: f64,
    /// After a cut: until 95 of 100 visitors were welcomed again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_95_s: Option<f64>,
    /// After a cut: until all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_all_s: Option<f64>,
    /// From when a scripted model wrote a piece to when its reader had it: median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_p50_ms: Option<f64>,
    /// The same: 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_p99_ms: Option<f64>,
    /// Pieces that came in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deltas_per_s: Option<f64>,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.errors += other.errors;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^52 microseconds")]
pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in [
            ("sent", self.sent),
            ("answered", self.answered),
            ("errors", self.errors),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
        ] {
            writeln!(f, "{name:<22} {count:>10}")?;
        }
        for (name, time) in [
            ("connect p99", self.connect_p99_ms),
            ("first piece p50", self.first_frame_p50_ms),
            ("first piece p99", self.first_frame_p99_ms),
            ("the same since sent", self.overhead_p99_ms),
            ("done p50", self.done_p50_ms),
        ] {
            writeln!(f, "{name:<22} {time:>10.1} ms")?;
        }
        write!(f, "{:<22} {:>10.1} ms", "done p99", self.done_p99_ms)?;
        for (name, time) in [("95 of 100 back after", self.back_95_s), ("all back after", self.back_all_s)] {
            if let Some(time) = time {
                write!(f, "\n{name:<22} {time:>10.1} s")?;
            }
        }
        for (name, time) in [("piece p50", self.delta_p50_ms), ("piece p99", self.delta_p99_ms)] {
            if let Some(time) = time {
                write!(f, "\n{name:<22} {time:>10.1} ms")?;
            }
        }
        if let Some(rate) = self.deltas_per_s {
            write!(f, "\n{:<22} {rate:>10.0}", "pieces in a second")?;
        }
        Ok(())
    }
}
