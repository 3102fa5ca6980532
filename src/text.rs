//! Text as people write it, in any language: normal forms, languages, words,
//! stems and sentences.
//!
//! Plain functions over `&str`, without I/O. Search, intent matching and
//! quoting all read text through here, so that they agree on what a word is.

pub mod abbreviation;
pub mod analysis;
mod ballot;
pub mod compound;
pub mod consent;
pub mod identifier;
pub mod language;
pub mod normalize;
pub mod script;
pub mod segment;
pub mod sentence;
pub mod stem;
pub mod stopword;
pub mod vocabulary;
