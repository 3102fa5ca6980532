//! What stands behind the ports: each adapter implements one of them, and only
//! adapters name an outside service.

pub mod conversation_memory;
pub mod qdrant;
pub mod static_embedder;
