//! Room in the folder of the caches: those of other embedders go first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How the name of a cache ends.
pub(super) const EXTENSION: &str = "vectors";

/// Removes the caches that were not written for longest, until all together are
/// within `max_bytes`. The cache at `kept` stays, and so does one that another
/// process has open.
pub(super) fn make(folder: &Path, kept: &Path, max_bytes: u64) {
    let mut caches: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| {
            let about = path.metadata().ok()?;
            Some((about.modified().ok()?, about.len(), path))
        })
        .collect();
    caches.sort();
    let mut bytes: u64 = caches.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, size, path) in caches {
        if bytes <= max_bytes {
            return;
        }
        if path != kept && remove(&path) {
            bytes -= size;
            tracing::info!(path = %path.display(), "the cache of another embedder was removed to make room");
        }
    }
}

fn remove(path: &Path) -> bool {
    let lock = path.with_extension("lock");
    super::lock(&lock).is_ok_and(|held| held.is_some())
        && fs::remove_file(path).is_ok()
        && fs::remove_file(&lock).is_ok()
}
