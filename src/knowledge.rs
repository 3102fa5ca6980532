//! shim
pub mod loader;
