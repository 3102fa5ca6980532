//! Offline scoring: how good the answers are, without a network and a key.

pub mod beir;
pub mod metrics;
pub mod retrieval;
