//! Speed and size, measured offline or against a running server.

pub mod idle;
pub mod latency;
pub mod server_process;
pub mod turn;
