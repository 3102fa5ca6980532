//! Traits to the outside: each stands for something real that can be elsewhere,
//! slow or broken. Adapters implement them; `cli` chooses.

pub mod chat_model;
pub mod conversation_store;
pub mod embedder;
pub mod handover_desk;
pub mod spending_ledger;
pub mod vector_store;
pub mod word_vectors;
