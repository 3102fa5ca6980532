//! Measures quality offline, without a network and a key: of a project's own
//! cases, and of public data sets.

pub mod beir;
pub mod case;
pub mod cases;
pub mod intents;
pub mod metrics;
pub mod missing;
pub mod no_answer;
pub mod retrieval;
