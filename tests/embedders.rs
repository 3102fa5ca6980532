//! Embedders, what they are loaded from, and what stands between them and the agent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "embedders/cache.rs"]
mod cache;
#[path = "embedders/endpoint.rs"]
mod endpoint;
#[path = "embedders/hub.rs"]
mod hub;
#[path = "embedders/minilm.rs"]
mod minilm;
#[path = "embedders/model_folder.rs"]
mod model_folder;
#[path = "embedders/openai.rs"]
mod openai;
#[path = "embedders/tiny_model.rs"]
mod tiny_model;
#[path = "embedders/transformer.rs"]
mod transformer;
