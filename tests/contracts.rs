//! What holds for every adapter of a port.

#[path = "contracts/conversation_store.rs"]
mod conversation_store;
#[path = "contracts/embedder.rs"]
mod embedder;
#[expect(dead_code, reason = "the contract asks only what goes well")]
#[path = "embedders/endpoint.rs"]
mod endpoint;
#[path = "embedders/minilm.rs"]
mod minilm;
#[path = "contracts/qdrant.rs"]
mod qdrant;
#[path = "contracts/qdrant_server.rs"]
mod qdrant_server;
#[path = "contracts/vector_store.rs"]
mod vector_store;
