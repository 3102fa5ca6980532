//! Counted sets of hostile input, each with what must come of it: origins of pages,
//! addresses to navigate to, and frames. None passes, none panics, and the server
//! answers after each.
//!
//! The sets are files of one JSON object a line below `tests/vectors`. After a change of
//! the frames that is meant, `UPDATE_GOLDEN=1 cargo test --test vectors` writes what
//! comes of them now; the difference is to be read.

#[path = "socket/client.rs"]
#[expect(dead_code, reason = "each suite uses a part of the client")]
mod client;
#[path = "vectors/frames.rs"]
mod frames;
#[path = "vectors/navigation.rs"]
mod navigation;
#[path = "vectors/origins.rs"]
mod origins;
#[path = "socket/project.rs"]
mod project;
#[path = "socket/rig.rs"]
#[expect(dead_code, reason = "each suite uses a part of the rig")]
mod rig;

use std::fs;
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// How often anything has panicked in this process.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics from now on.
fn watch_for_panics() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            usual(panic);
        }));
    });
}

fn panics() -> usize {
    PANICS.load(Ordering::SeqCst)
}

fn path_of(set: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(set)
}

/// The lines of a set.
fn read(set: &str) -> Vec<Value> {
    let text = fs::read_to_string(path_of(set)).expect("a set");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
