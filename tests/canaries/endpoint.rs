//! An endpoint of embeddings that knows the project's texts, and refuses the users'
//! questions by repeating them and the key.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Listens on a port of its own; the address before `/embeddings`.
pub(crate) async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/v1/embeddings", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1")
}

async fn answer(headers: HeaderMap, Json(request): Json<Value>) -> Response {
    if request["input"].to_string().contains("cnry") {
        let message = format!("{headers:?} may not ask {request}");
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": {"message": message, "type": "no"}}))).into_response();
    }
    let texts = request["input"].as_array().map_or(0, Vec::len);
    let items = (0..texts).map(|index| json!({"object": "embedding", "index": index, "embedding": [0.6, 0.8]}));
    Json(json!({"object": "list", "data": items.collect::<Vec<_>>(), "model": "m"})).into_response()
}
