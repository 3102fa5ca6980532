//! Measures speed, memory and scale: in process, or of a running server.

pub mod idle;
pub mod index;
pub mod latency;
pub mod load;
pub mod scratch_folder;
pub mod server_process;
pub mod turn;
pub mod vectors;
pub mod visitor;
