//! The database's tables, and how those of earlier versions become those of this one.

use std::path::Path;

use rusqlite::{Connection, Error};

use super::OpenError;

/// What is kept of the database in memory: below zero, in KiB.
const CACHE_KIB: i64 = -8 * 1024;

/// What each version of the schema added, the first one first. Never change an
/// entry that was released: add one.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE conversation (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        user TEXT NOT NULL,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL DEFAULT 0,
        made INTEGER NOT NULL DEFAULT (unixepoch()),
        changed INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
    CREATE INDEX conversation_of_user ON conversation (user, changed);
    CREATE TABLE event (
        conversation INTEGER NOT NULL REFERENCES conversation (number) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        frame TEXT NOT NULL,
        fingerprint INTEGER,
        PRIMARY KEY (conversation, seq)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE automation_run (
        automation TEXT PRIMARY KEY,
        runs INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE seen_post (
        user TEXT NOT NULL,
        post TEXT NOT NULL,
        at INTEGER NOT NULL DEFAULT (unixepoch()),
        PRIMARY KEY (user, post)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE INDEX conversation_by_change ON conversation (changed, id);
",
    // In the order in which events come, whatever their conversation: those of a
    // transaction share their pages, and one of more than 1 KB stands in a leaf.
    "
    CREATE TABLE logged (
        place INTEGER PRIMARY KEY,
        conversation INTEGER NOT NULL REFERENCES conversation (number) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        frame TEXT NOT NULL,
        fingerprint INTEGER
    ) STRICT;
    INSERT INTO logged (conversation, seq, frame, fingerprint)
        SELECT conversation, seq, frame, fingerprint FROM event ORDER BY conversation, seq;
    DROP TABLE event;
    ALTER TABLE logged RENAME TO event;
    CREATE UNIQUE INDEX event_of_conversation ON event (conversation, seq);
",
];

/// Opens the database and brings its schema up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let fault = |source| OpenError::Database { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(fault)?;
    prepare(&connection).map_err(fault)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    migrate(&mut connection, done).map_err(fault)?;
    Ok(connection)
}

/// Says how a connection uses the database.
pub(super) fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn migrate(connection: &mut Connection, done: usize) -> Result<(), Error> {
    for (at, step) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}
