//! The database with its write-ahead log, and how the one gets into the other.
//!
//! Moving the log takes syncs and a write of every page that has changed, and whoever
//! wants something stored would wait for it; so a thread of its own moves it beside the
//! writer. The log starts over only once all of it was moved, so the writer moves the
//! little that has come meanwhile.

use std::ffi::c_int;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::sync::mpsc::Receiver;

use super::worker::Worker;
use super::{OpenError, schema};

/// Pages of the log after which it is moved, 4 KiB each.
const PAGES: u32 = 6_000;

/// The database as its writer has it.
#[derive(Debug)]
pub(super) struct WriteAhead {
    mover: Worker<()>,
    is_moving: bool,
    /// Whether the thread has moved what there was.
    is_moved: Arc<AtomicBool>,
    /// Pages of the log.
    pages: Arc<AtomicU32>,
    /// The connection of the writer.
    pub(super) connection: Connection,
    /// Closed last: closing a file gives up every lock that the process has on it, also
    /// those of a connection.
    _file: Arc<File>,
}

impl WriteAhead {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// When it cannot be opened, was written by a later version, or no thread can be started.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let folder = |source| OpenError::Folder { path: path.to_owned(), source };
        let database = |source| OpenError::Database { path: path.to_owned(), source };
        let mut connection = schema::open(path)?;
        let pages = Arc::new(AtomicU32::new(0));
        let committed = pages.clone();
        // In place of the one by which SQLite moves the log itself.
        let note = move |_: &mut Wal, pages: c_int| {
            committed.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(note)).map_err(database)?;
        let other = Connection::open(path).map_err(database)?;
        let file = Arc::new(File::options().read(true).write(true).open(path).map_err(folder)?);
        let is_moved = Arc::new(AtomicBool::new(false));
        let (moved, synced) = (is_moved.clone(), file.clone());
        let mover = Worker::start("write-ahead", 1, move |wanted| serve(&other, &synced, wanted, &moved));
        let mover = mover.map_err(folder)?;
        Ok(Self { mover, is_moving: false, is_moved, pages, connection, _file: file })
    }

    /// Moves the log when it is due. To be called after each commit.
    pub(super) fn move_if_due(&mut self) {
        if self.is_moved.swap(false, Ordering::Acquire) {
            move_log(&self.connection);
            self.is_moving = false;
        } else if self.pages.load(Ordering::Relaxed) >= PAGES && !self.is_moving {
            self.is_moving = self.mover.jobs().is_some_and(|jobs| jobs.try_send(()).is_ok());
        }
    }
}

fn serve(connection: &Connection, file: &File, mut wanted: Receiver<()>, is_moved: &AtomicBool) {
    while wanted.blocking_recv().is_some() {
        move_log(connection);
        // SQLite leaves that to whoever moves the last of it.
        if let Err(error) = file.sync_data() {
            tracing::warn!(%error, "the database cannot be synced");
        }
        is_moved.store(true, Ordering::Release);
    }
}

/// Moves as much as nobody reads at present.
fn move_log(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
    }
}
