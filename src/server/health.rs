//! Whether the server is alive, and whether it should get work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
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
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let status = app.answerer.knowledge_status();
    if app.stages.drain.is_cancelled() {
        return report(StatusCode::SERVICE_UNAVAILABLE, knowledge("draining", &status));
    }
    report(StatusCode::OK, knowledge(if status.healthy { "ready" } else { "degraded" }, &status))
}

fn knowledge(word: &str, status: &KnowledgeStatus) -> Value {
    json!({
        "status": word,
        "knowledge": {
            "version": status.version,
            "articles": status.articles,
            "passages": status.passages,
            "answers": status.answers,
            "healthy": status.healthy,
            "diagnostics": status.diagnostics,
        },
    })
}
