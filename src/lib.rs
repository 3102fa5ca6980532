//! Docent: a self-hosted conversational backend for a product's own in-app agent.
//!
//! `ARCHITECTURE.md` beside this file tells how the modules fit together and
//! what always holds. The order below is the order of the layers: a module uses
//! only modules above it in this list.

pub mod diagnostic;
pub mod domain;
pub mod text;

pub mod knowledge;
pub mod ports;
pub mod protocol;

pub mod intent;
pub mod retrieval;

pub mod agent;

pub mod session;

pub mod adapters;

pub mod eval;
pub mod server;

pub mod bench;
pub mod conformance;

pub mod config;

pub mod cli;
