//! What the server counts, for Prometheus. No label is made from what users write, and
//! of authors only the names of the project's automations are, so their number is
//! bounded and none holds personal data.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::agent::library::KnowledgeStatus;
use crate::domain::ids::AutomationId;
use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::run::RunFinished;

/// How runs ended.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RunLabels {
    kind: String,
    outcome: String,
    degraded: String,
}

/// One word.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct CodeLabel {
    code: String,
}

/// An automation of the project.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct AutomationLabel {
    automation: String,
}

/// How a connection came into its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// It is a new one.
    New,
    /// What was missed was replayed.
    Replayed,
    /// It came as a whole.
    Snapshot,
}

/// What the server counts.
pub(crate) struct Metrics {
    registry: Registry,
    sockets: Gauge,
    http_sessions: Gauge,
    http_streams: Gauge,
    closed: Family<CodeLabel, Counter>,
    joined: Family<CodeLabel, Counter>,
    refused: Family<CodeLabel, Counter>,
    runs: Family<RunLabels, Counter>,
    run_seconds: Histogram,
    unstored: Counter,
    knowledge_version: Gauge,
    knowledge_healthy: Gauge,
    automation_runs: Family<AutomationLabel, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("docent");
        let metrics = Self {
            sockets: Gauge::default(),
            http_sessions: Gauge::default(),
            http_streams: Gauge::default(),
            closed: Family::default(),
            joined: Family::default(),
            refused: Family::default(),
            runs: Family::default(),
            // From a quarter of a millisecond to two minutes.
            run_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 20)),
            unstored: Counter::default(),
            knowledge_version: Gauge::default(),
            knowledge_healthy: Gauge::default(),
            automation_runs: Family::default(),
            registry: Registry::default(),
        };
        registry.register("sockets", "Open websockets", metrics.sockets.clone());
        registry.register("http_sessions", "Open sessions over HTTP", metrics.http_sessions.clone());
        registry.register("http_streams", "Streams and polls of such sessions", metrics.http_streams.clone());
        registry.register("sockets_closed", "Websockets that the server closed, by code", metrics.closed.clone());
        registry.register("joined", "Conversations joined: new, replayed or snapshot", metrics.joined.clone());
        registry.register("refused", "Commands that were refused, by error code", metrics.refused.clone());
        registry.register("runs", "Runs that ended, by kind and outcome", metrics.runs.clone());
        registry.register_with_unit(
            "run",
            "Time from the start of a run to its end",
            Unit::Seconds,
            metrics.run_seconds.clone(),
        );
        registry.register("unstored", "Steps of conversations that could not be stored", metrics.unstored.clone());
        registry.register("knowledge_version", "Version of the knowledge", metrics.knowledge_version.clone());
        registry.register(
            "knowledge_healthy",
            "1 when the newest edit is the one that is served",
            metrics.knowledge_healthy.clone(),
        );
        registry.register(
            "automation_runs",
            "How often the steps of an automation of the project have begun, since the database was made",
            metrics.automation_runs.clone(),
        );
        Self { registry, ..metrics }
    }

    pub(crate) fn opened(&self) {
        self.sockets.inc();
    }

    pub(crate) fn closed(&self, code: Option<CloseCode>) {
        self.sockets.dec();
        let code = code.map_or_else(|| "gone".to_owned(), |code| code.number().to_string());
        self.closed.get_or_create(&CodeLabel { code }).inc();
    }

    pub(crate) fn session_began(&self) {
        self.http_sessions.inc();
    }

    pub(crate) fn session_ended(&self) {
        self.http_sessions.dec();
    }

    pub(crate) fn stream_began(&self) {
        self.http_streams.inc();
    }

    pub(crate) fn stream_ended(&self) {
        self.http_streams.dec();
    }

    pub(crate) fn joined(&self, how: Joining) {
        let code = match how {
            Joining::New => "new",
            Joining::Replayed => "replayed",
            Joining::Snapshot => "snapshot",
        };
        self.joined.get_or_create(&CodeLabel { code: code.to_owned() }).inc();
    }

    pub(crate) fn refused(&self, code: ErrorCode) {
        let name = serde_json::to_value(code).ok().and_then(|code| code.as_str().map(str::to_owned));
        self.refused.get_or_create(&CodeLabel { code: name.unwrap_or_default() }).inc();
    }

    pub(crate) fn run_finished(&self, run: &RunFinished) {
        let labels = RunLabels {
            kind: run.kind.map_or_else(|| "none".to_owned(), |kind| format!("{kind:?}").to_lowercase()),
            outcome: format!("{:?}", run.outcome).to_lowercase(),
            degraded: run.degraded.to_string(),
        };
        self.runs.get_or_create(&labels).inc();
    }

    pub(crate) fn run_took(&self, time: Duration) {
        self.run_seconds.observe(time.as_secs_f64());
    }

    pub(crate) fn unstored(&self) {
        self.unstored.inc();
    }

    /// Only of automations that the project has now, so that their number is bounded.
    pub(crate) fn automations_run<'a>(&self, runs: impl Iterator<Item = (&'a AutomationId, u64)>) {
        self.automation_runs.clear();
        for (automation, count) in runs {
            let label = AutomationLabel { automation: automation.to_string() };
            self.automation_runs.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Everything in the text format of OpenMetrics.
    pub(crate) fn text(&self, knowledge: &KnowledgeStatus) -> Result<String, std::fmt::Error> {
        self.knowledge_version.set(i64::try_from(knowledge.version).unwrap_or(i64::MAX));
        self.knowledge_healthy.set(i64::from(knowledge.healthy));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
