//! Speed and size, measured offline or against a running server.

pub mod idle;
pub mod index;
pub mod latency;
pub mod scratch_folder;
pub mod server_process;
pub mod turn;
