//! What stands behind the ports: each adapter implements one of them, and only
//! adapters name an outside service.

pub mod chat_recording;
pub mod chat_relay;
pub mod conversation_database;
pub mod conversation_memory;
pub mod embedding_cache;
pub mod embedding_gauge;
pub mod model_hub;
pub mod openai_chat;
pub mod openai_embedder;
pub mod qdrant;
pub mod revocation_file;
pub mod scripted_chat;
pub mod spending_journal;
pub mod static_embedder;
pub mod transformer;
pub mod webhook_desk;
