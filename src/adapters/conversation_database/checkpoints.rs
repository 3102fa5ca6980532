//! Moves what the write-ahead log holds into the database.
//!
//! That takes two syncs and a write of every page that has changed, and whoever wants
//! something stored would wait for it; so a thread of its own does it beside the writer.
//! The log starts over only once all of it was moved, so the writer moves the little
//! that has come meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Error};

/// Jobs after which the log is moved. Each writes about three pages of it.
const JOBS: usize = 2_000;
/// How long a process that erases or hands out data is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the writer knows of the log.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Jobs since the log was moved.
    jobs: usize,
    is_running: bool,
    /// Whether the thread has moved what there was.
    is_moved: Arc<AtomicBool>,
    /// Absent only while this is dropped.
    wanted: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Those of the database at `path`, whose log `writer` writes.
    ///
    /// # Errors
    /// When the database cannot be opened once more, or no thread be started.
    pub(super) fn of(path: &Path, writer: &Connection) -> Result<Self, Error> {
        writer.pragma_update(None, "wal_autocheckpoint", 0)?;
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.busy_timeout(PATIENCE)?;
        let (wanted, requests) = mpsc::sync_channel(1);
        let is_moved = Arc::new(AtomicBool::new(false));
        let moved = is_moved.clone();
        let thread = std::thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(move || serve(&connection, &requests, &moved))
            .map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self { jobs: 0, is_running: false, is_moved, wanted: Some(wanted), thread: Some(thread) })
    }

    /// Notes that `jobs` more were committed through `writer`.
    pub(super) fn committed(&mut self, jobs: usize, writer: &Connection) {
        self.jobs += jobs;
        if self.is_moved.swap(false, Ordering::Acquire) {
            move_log(writer);
            (self.jobs, self.is_running) = (0, false);
        } else if self.jobs >= JOBS && !self.is_running {
            self.is_running = self.wanted.as_ref().is_some_and(|wanted| wanted.try_send(()).is_ok());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that moves the write-ahead log panicked");
        }
    }
}

fn serve(connection: &Connection, requests: &Receiver<()>, is_moved: &AtomicBool) {
    while requests.recv().is_ok() {
        move_log(connection);
        is_moved.store(true, Ordering::Release);
    }
}

/// Moves as much as nobody reads at present.
fn move_log(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
    }
}
