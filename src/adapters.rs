//! What implements the ports. Only adapters know what is outside.

pub mod conversation_memory;
