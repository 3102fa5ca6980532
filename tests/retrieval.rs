//! Searching as every caller does it: through snapshots of an index.

#[path = "retrieval/abbreviations.rs"]
mod abbreviations;
#[path = "retrieval/access.rs"]
mod access;
#[path = "retrieval/fallback.rs"]
mod fallback;
#[path = "retrieval/language.rs"]
mod language;
#[path = "retrieval/library.rs"]
mod library;
#[path = "retrieval/snapshot.rs"]
mod snapshot;
#[path = "retrieval/spelling.rs"]
mod spelling;
#[path = "retrieval/vectors.rs"]
mod vectors;
