//! An endpoint of embeddings that knows the project's texts, and refuses the users'
//! questions by repeating them and the key; and one of a chat model that refuses all.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Listens on a port of its own; the address before `/embeddings` and `/chat/completions`.
pub(crate) async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/v1/embeddings", post(answer)).route("/v1/chat/completions", post(refuse));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1")
}

async fn refuse(headers: HeaderMap, Json(request): Json<Value>) -> Response {
    let authorization = headers.get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let message = format!("{authorization:?} may not ask {request}");
    (StatusCode::UNAUTHORIZED, Json(json!({"error": {"message": message, "type": "no"}}))).into_response()
}

async fn answer(headers: HeaderMap, request: Json<Value>) -> Response {
    if request["input"].to_string().contains("cnry") {
        return refuse(headers, request).await;
    }
    let texts = request["input"].as_array().map_or(0, Vec::len);
    let items = (0..texts).map(|index| json!({"object": "embedding", "index": index, "embedding": [0.6, 0.8]}));
    Json(json!({"object": "list", "data": items.collect::<Vec<_>>(), "model": "m"})).into_response()
}
