//! What the database holds of one user: to be handed out, or to be erased.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use serde::Serialize;

use super::FILE;
use super::work::blank;

/// How often it is tried to empty the write-ahead log, and how far apart.
const CHECKPOINTS: u32 = 20;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);

/// One event of one of the user's conversations.
#[derive(Debug, Serialize)]
pub struct ExportedEvent {
    /// The conversation.
    pub conversation: String,
    /// The event's number.
    pub seq: u64,
    /// What happened.
    pub frame: serde_json::Value,
}

/// A post that the user has seen.
#[derive(Debug, Serialize)]
pub struct SeenPost {
    /// The post.
    pub seen_post: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Conversations with all their events.
    pub conversations: usize,
}

/// Why a user's data cannot be handed out or erased.
#[derive(Debug, thiserror::Error)]
pub enum UserDataError {
    /// There is no database.
    #[error("`{}` is not there: name the folder that the server keeps its data in", .0.display())]
    Missing(PathBuf),
    /// The database has it no more, but its write-ahead log cannot be emptied now.
    #[error("the conversations are erased, but traces of them are left while the server is busy: erase again")]
    Busy,
    /// SQLite refuses.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// Every event of the conversations of `user`, in order, one after the other to `each`.
///
/// # Errors
/// When the database is not there or cannot be read.
pub fn export(folder: &Path, user: &str, mut each: impl FnMut(ExportedEvent)) -> Result<(), UserDataError> {
    let connection = open(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(
        "SELECT c.id, e.seq, e.frame FROM conversation c JOIN event e ON e.conversation = c.number
         WHERE c.user = ?1 ORDER BY c.number, e.seq",
    )?;
    let mut rows = statement.query([user])?;
    while let Some(row) = rows.next()? {
        let (seq, frame): (i64, String) = (row.get(1)?, row.get(2)?);
        let frame = serde_json::from_str(&frame).unwrap_or(serde_json::Value::String(frame));
        each(ExportedEvent { conversation: row.get(0)?, seq: seq.cast_unsigned(), frame });
    }
    Ok(())
}

/// The posts that `user` has seen.
///
/// # Errors
/// When the database is not there or cannot be read.
pub fn seen_posts(folder: &Path, user: &str) -> Result<Vec<SeenPost>, UserDataError> {
    let connection = open(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if !knows_seen_posts(&connection)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT post, at FROM seen_post WHERE user = ?1 ORDER BY at, post")?;
    let posts = statement.query_map([user], |row| Ok(SeenPost { seen_post: row.get(0)?, at: row.get(1)? }))?;
    Ok(posts.collect::<Result<_, _>>()?)
}

/// Whether a server of this version has opened the database.
fn knows_seen_posts(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'seen_post'", [], |row| row.get(0))
}

/// Erases the conversations of `user` and what they have seen, also from the free pages of the file and from
/// the write-ahead log. A running server may go on meanwhile; what one of the user's
/// open conversations wants to append afterwards is refused.
///
/// # Errors
/// When the database is not there or cannot be written.
pub fn erase(folder: &Path, user: &str) -> Result<Erased, UserDataError> {
    let mut connection = open(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    blank(&transaction, "SELECT number FROM conversation WHERE user = ?1", params![user])?;
    let conversations = transaction.execute("DELETE FROM conversation WHERE user = ?1", params![user])?;
    if knows_seen_posts(&transaction)? {
        transaction.execute("DELETE FROM seen_post WHERE user = ?1", params![user])?;
    }
    transaction.commit()?;
    // Nobody is waited for who moves the log at the same time.
    for _ in 0..CHECKPOINTS {
        if !connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))? {
            return Ok(Erased { conversations });
        }
        std::thread::sleep(CHECKPOINT_PAUSE);
    }
    Err(UserDataError::Busy)
}

fn open(folder: &Path, flags: OpenFlags) -> Result<Connection, UserDataError> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(UserDataError::Missing(path));
    }
    let connection = Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}
