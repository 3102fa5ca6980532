//! The thread that reads the database, beside the one that writes: a page of history waits
//! for no sync, and no message waits for a page.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc;

use super::schema;
use super::work::{Job, alone};

/// Opens the database at `path`, which has its schema, to be read.
pub(super) fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    schema::prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Carries out jobs until nobody can send any more.
pub(super) fn run(mut connection: Connection, mut waiting: mpsc::Receiver<Job>) {
    while let Some(Job { work, reply }) = waiting.blocking_recv() {
        let _ = reply.send(alone(&mut connection, TransactionBehavior::Deferred, work));
    }
}
