//! Edits of the knowledge while the server runs.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::agent::library::{Librarian, Reload};
use crate::knowledge::watch::{Batch, Watch};

/// Time between two looks at whether vectors are missing, which the embedder or
/// the vector store may give by now.
const COMPLETION_INTERVAL: Duration = Duration::from_secs(5);
/// Looks that are left out after each attempt that failed, at most.
const MOST_LEFT_OUT: u32 = 12;

/// Serves edits as they come, and everything anew when it is told to, on a thread of
/// its own: indexing keeps a processor busy for a while.
pub(super) fn thread(
    librarian: Librarian,
    watch: Watch,
    again: Arc<Notify>,
    stop: CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("docent-reload".to_owned()).spawn(move || {
        runtime.block_on(stop.run_until_cancelled_owned(reload(librarian, watch, &again)));
    })
}

/// Serves each edit as it comes, and says how it went.
async fn reload(mut librarian: Librarian, mut watch: Watch, again: &Notify) {
    if watch.is_polling() {
        tracing::warn!("the system cannot tell of edits, so folders are compared once a second");
    }
    let mut completion = Completion::default();
    loop {
        let changed = tokio::select! {
            changed = watch.next() => changed,
            () = again.notified() => Some(Batch::Everything),
            () = tokio::time::sleep(COMPLETION_INTERVAL) => {
                completion.look(&mut librarian).await;
                continue;
            }
        };
        let Some(changed) = changed else { return };
        serve_edit(&mut librarian, &changed).await;
    }
}

/// Brings vectors that are missing, sooner or later.
#[derive(Default)]
struct Completion {
    /// Attempts in a row that failed.
    failures: u32,
    /// Looks to leave out before the next attempt.
    left_out: u32,
}

impl Completion {
    async fn look(&mut self, librarian: &mut Librarian) {
        if !librarian.is_incomplete() {
            *self = Self::default();
            return;
        }
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        match librarian.complete().await {
            Ok(None) => tracing::info!("the vectors are complete, so meanings are compared"),
            Ok(Some(reason)) => {
                if self.failures == 0 {
                    tracing::warn!(reason, "vectors are missing, so words alone are searched; it is tried again");
                }
                self.failures = self.failures.saturating_add(1);
                self.left_out = self.failures.min(MOST_LEFT_OUT);
            }
            Err(error) => tracing::error!(%error, "the index could not be made again"),
        }
    }
}

/// Serves an edit, unless it has errors.
async fn serve_edit(librarian: &mut Librarian, changed: &Batch) {
    match librarian.reload(changed).await {
        Ok(Reload::Live { version, took }) => {
            let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(knowledge.version = version, duration_ms, "the edit is live");
        }
        Ok(Reload::Kept { errors }) => {
            for mistake in librarian.mistakes() {
                tracing::error!("{mistake}");
            }
            tracing::error!(knowledge.errors = errors, "the edit has errors, so the version before it is served");
        }
        Err(error) => tracing::error!(%error, "the edit could not be indexed, so the version before it is served"),
    }
}
