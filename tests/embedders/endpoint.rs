//! An embeddings endpoint on loopback that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test stops at what its own server cannot do")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use docent::adapters::openai_embedder::{OpenAiSettings, Waits};
use docent::adapters::static_embedder::StaticEmbedder;
use docent::domain::secret::Secret;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "key-that-nobody-may-see";

/// What the endpoint does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Vectors of the static embedder, in reverse order.
    Answer,
    Status(u16, Option<u64>),
    Body(&'static str),
    Hang,
    CutOff,
}

#[derive(Clone, Default)]
struct Stage {
    acts: Arc<Mutex<VecDeque<Act>>>,
    requests: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

/// A running endpoint; after the acts that it was given it answers well.
pub(crate) struct Endpoint {
    stage: Stage,
    pub base_url: String,
    server: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let stage = Stage::default();
        let router = Router::new().route("/v1/embeddings", post(act)).with_state(stage.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { stage, base_url, server }
    }

    pub(crate) fn will(&self, acts: impl IntoIterator<Item = Act>) {
        self.stage.acts.lock().unwrap().extend(acts);
    }

    /// Requests since the last time.
    pub(crate) fn take_requests(&self) -> Vec<(HeaderMap, Value)> {
        std::mem::take(&mut self.stage.requests.lock().unwrap())
    }

    pub(crate) fn settings(&self) -> OpenAiSettings {
        OpenAiSettings {
            base_url: self.base_url.clone(),
            api_key: Some(Secret::new(KEY)),
            model: "a-model".to_owned(),
            dimensions: None,
            languages: ["en".to_owned()].into(),
            question_prompt: String::new(),
            passage_prompt: String::new(),
            waits: Waits {
                question: Duration::from_millis(300),
                passages: Duration::from_millis(1_000),
                first_pause: Duration::from_millis(1),
                longest_pause: Duration::from_millis(20),
                tries: 3,
                rest: Duration::ZERO,
            },
        }
    }
}

async fn act(State(stage): State<Stage>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    stage.requests.lock().unwrap().push((headers, request.clone()));
    let act = stage.acts.lock().unwrap().pop_front().unwrap_or(Act::Answer);
    match act {
        Act::Answer => {
            let texts = request["input"].as_array().unwrap();
            let embed = |text: &Value| StaticEmbedder::new().embed_one(text.as_str().unwrap());
            let items = texts.iter().enumerate().rev().map(|(index, text)| {
                let vector: Vec<f32> = embed(text).iter().map(|value| value * 3.0).collect();
                // No text is without a direction for a real model.
                let vector = if vector.iter().all(|value| *value == 0.0) { vec![1.0; vector.len()] } else { vector };
                json!({"object": "embedding", "index": index, "embedding": vector})
            });
            Json(json!({"object": "list", "data": items.collect::<Vec<_>>(), "model": "a-model"})).into_response()
        }
        Act::Status(code, retry_after) => {
            let mut response = (StatusCode::from_u16(code).unwrap(), format!("you sent {KEY}")).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        Act::Body(text) => text.into_response(),
        Act::Hang => std::future::pending().await,
        Act::CutOff => {
            let parts = [Ok("{\"data\":["), Err(std::io::Error::other("cut off"))];
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
    }
}
