//! What holds for every adapter of a port.

#[path = "contracts/embedder.rs"]
mod embedder;
