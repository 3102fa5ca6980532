//! Whether the server is alive, and whether it should get work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::App;
use super::router::report;
use crate::agent::library::KnowledgeStatus;

pub(crate) async fn healthz() -> Response {
    report(StatusCode::OK, json!({ "status": "ok" }))
}

/// A broken reload does not take the server out of service: the last good
/// knowledge answers. It is reported, so that someone mends it.
pub(crate) async fn readyz(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let status = app.answerer.knowledge_status();
    let details = app.is_local(&headers);
    if app.stages.drain.is_cancelled() {
        return report(StatusCode::SERVICE_UNAVAILABLE, knowledge("draining", &status, details));
    }
    report(StatusCode::OK, knowledge(if status.healthy { "ready" } else { "degraded" }, &status, details))
}

/// Diagnostics quote the files of authors, so without `details` they are only counted.
fn knowledge(word: &str, status: &KnowledgeStatus, details: bool) -> Value {
    let errors = status.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let mut report = json!({
        "status": word,
        "knowledge": {
            "version": status.version,
            "articles": status.articles,
            "passages": status.passages,
            "answers": status.answers,
            "healthy": status.healthy,
            "errors": errors,
            "warnings": status.diagnostics.len() - errors,
        },
    });
    if details {
        report["knowledge"]["diagnostics"] = json!(status.diagnostics);
    }
    report
}
