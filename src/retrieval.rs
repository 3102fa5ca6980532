//! Finds the passages that answer a question: by words, by meaning, and fused.
//!
//! One path for every caller: chat, `ask` and the evals all go through
//! [`index::Index::search`], so a score measures what users get. Who may read
//! what is part of the search, never a filter over its result.

pub mod abbreviations;
pub mod audience;
pub mod bm25;
pub mod confidence;
pub mod excerpt;
pub mod fusion;
pub mod index;
pub mod lexical;
mod lexicon;
pub mod passage;
pub mod query;
mod scope;
pub mod search;
pub mod semantic;
pub mod spelling;
mod top;
pub mod vectors;
pub mod wording;
