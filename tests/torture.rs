//! What must hold when processes die: the promises that only a real server with real
//! signals can break.
//!
//! Counts are small here. The full ones:
//!
//! ```sh
//! DOCENT_TEST_TORTURE=1000 cargo test --release --test torture -- --nocapture
//! ```

#[path = "torture/chance.rs"]
mod chance;
#[path = "socket/client.rs"]
#[expect(dead_code, reason = "each suite uses a part of the client")]
mod client;
#[path = "torture/cuts.rs"]
mod cuts;
#[path = "torture/disk.rs"]
mod disk;
#[path = "torture/erasure.rs"]
mod erasure;
#[path = "torture/holder.rs"]
mod holder;
#[path = "torture/kill.rs"]
mod kill;
#[path = "torture/link.rs"]
mod link;
#[path = "socket/project.rs"]
mod project;
#[path = "socket/rig.rs"]
#[expect(dead_code, reason = "each suite uses a part of the rig")]
mod rig;
#[path = "torture/schedules.rs"]
mod schedules;
#[path = "torture/sends.rs"]
mod sends;
#[path = "torture/server.rs"]
#[expect(dead_code, reason = "each suite uses a part of the server")]
mod server;
#[path = "torture/sync.rs"]
mod sync;
#[path = "torture/tab.rs"]
mod tab;
#[path = "torture/tracer.rs"]
mod tracer;

/// How often something is done: `usual` times, or as often as `DOCENT_TEST_TORTURE` says.
fn count(usual: usize) -> usize {
    std::env::var("DOCENT_TEST_TORTURE").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}
