//! What must hold when processes die: the promises that only a real server with real
//! signals can break.
//!
//! Counts are small here. `DOCENT_TEST_TORTURE` says how many thousandths of the full ones
//! there are to be, so that this runs all of them, one test after the other:
//!
//! ```sh
//! DOCENT_TEST_TORTURE=1000 cargo test --release --test torture -- --nocapture --test-threads 1
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
#[path = "torture/floods.rs"]
mod floods;
#[path = "torture/holder.rs"]
mod holder;
#[path = "torture/hostile.rs"]
mod hostile;
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
mod server;
#[path = "torture/sync.rs"]
mod sync;
#[path = "torture/tab.rs"]
mod tab;
#[path = "torture/tracer.rs"]
mod tracer;
#[path = "torture/witness.rs"]
mod witness;

/// How often something is done: `usual` times, or as many thousandths of `full` as
/// `DOCENT_TEST_TORTURE` says.
fn count(usual: usize, full: usize) -> usize {
    let thousandths = std::env::var("DOCENT_TEST_TORTURE").ok().and_then(|text| text.parse::<usize>().ok());
    thousandths.map_or(usual, |thousandths| (full * thousandths / 1_000).max(1))
}

/// Whether the counts are the full ones, and the server is alone on its computer.
fn is_full() -> bool {
    count(0, 1_000) >= 1_000
}
