//! Whether the server is alive, and whether it should get work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::router::{Refusal, refusal, report};
use crate::agent::library::KnowledgeStatus;

/// The text format of OpenMetrics.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn healthz() -> Response {
    report(StatusCode::OK, json!({ "status": "ok" }))
}

/// A broken reload does not take the server out of service: the last good
/// knowledge answers. It is reported, so that someone mends it.
pub(crate) async fn readyz(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let status = app.answerer.knowledge_status();
    let mistakes = app.settings.mistakes();
    let (code, word) = match (app.stages.drain.is_cancelled(), status.healthy && mistakes.is_empty()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, true) => (StatusCode::OK, "ready"),
        (false, false) => (StatusCode::OK, "degraded"),
    };
    let details = app.is_local(&headers);
    let mut told = json!({
        "status": word,
        "knowledge": knowledge(&status, details),
        "configuration": { "healthy": mistakes.is_empty(), "errors": mistakes.len() },
    });
    if details {
        told["configuration"]["diagnostics"] = json!(*mistakes);
    }
    report(code, told)
}

/// Counts for Prometheus: for this computer, and for others when the operator says so.
pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if !app.settings.now().public_metrics && !app.is_local(&headers) {
        return refusal(Refusal::NotFound);
    }
    match app.hub.automation_runs().await {
        Ok(runs) => app.metrics.automations_run(runs.iter().map(|(automation, count)| (automation, *count))),
        Err(error) => tracing::warn!(%error, "the runs of automations cannot be counted"),
    }
    match app.metrics.text(&app.answerer.knowledge_status()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            report(StatusCode::INTERNAL_SERVER_ERROR, json!({ "status": "failed" }))
        }
    }
}

/// Diagnostics quote the files of authors, so without `details` they are only counted.
fn knowledge(status: &KnowledgeStatus, details: bool) -> Value {
    let errors = status.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let mut report = json!({
        "version": status.version,
        "articles": status.articles,
        "passages": status.passages,
        "answers": status.answers,
        "healthy": status.healthy,
        "errors": errors,
        "warnings": status.diagnostics.len() - errors,
    });
    if details {
        report["diagnostics"] = json!(status.diagnostics);
    }
    report
}
