//! Conversations in an SQLite database: what was acknowledged is on disk.
//!
//! One thread writes. It takes every job that waits, carries all of them out in one
//! transaction, and answers once the transaction is on disk (write-ahead log,
//! `synchronous = FULL`): many conversations share one sync. Another one reads. The pieces of an answer
//! on its way are kept in memory, until the whole answer contains them.

mod reader;
mod schema;
pub mod user_data;
mod work;
mod worker;
mod write_ahead;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::ids::{AutomationId, ConversationId, PostId, UserId};
use crate::ports::conversation_store::{
    ConversationStore, Inactive, Keep, LogPosition, NewEvent, StoreError, StoredEvent,
};

use work::{Answer, Job, Row, Work, missing};
use worker::Worker;
use write_ahead::WriteAhead;

/// Jobs that wait for a thread; more make their callers wait.
const WAITING_JOBS: usize = 1024;
/// The database's file in its folder.
const FILE: &str = "conversations.sqlite";
/// The file that one process at a time holds.
const LOCK: &str = "lock";
/// How often it is tried to take it, and how often it is looked at for who holds it: a
/// process that was killed has it a little longer.
const LOCK_TRIES: u32 = 25;
const HOLDER_LOOKS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be used.
    #[error("`{}` cannot be used", path.display())]
    Folder {
        /// What cannot be used.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("`{}` is in use by process {holder}: stop it, or start with another `--data` folder", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The number of the other process, or `unknown`.
        holder: String,
    },
    /// A later version of the server wrote it.
    #[error(
        "`{}` was written by a later version (schema {found}, this one knows {known}): install that version, or restore a backup",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest known one.
        known: i64,
    },
    /// SQLite refuses it.
    #[error("`{}` cannot be opened as a database: restore a backup, or move it away to begin anew", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Conversations in an SQLite database.
#[derive(Debug)]
pub struct ConversationDatabase {
    /// The threads, each with the way to send jobs to it.
    reader: Worker<Job>,
    writer: Worker<Job>,
    tails: Mutex<HashMap<ConversationId, Tail>>,
    /// Held until the process ends.
    _lock: File,
}

/// The end of a log that is open.
#[derive(Debug, Default)]
struct Tail {
    /// Number of the last event.
    seq: u64,
    /// The passing events that nothing contains yet.
    passing: Vec<StoredEvent>,
}

impl ConversationDatabase {
    /// Opens the database in `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be used, another process has it, or the database was
    /// written by a later version.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Folder { path, source }
        };
        fs::create_dir_all(folder).map_err(fault(folder))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let database = WriteAhead::open(&path)?;
        let connection = reader::open(&path).map_err(|source| OpenError::Database { path: path.clone(), source })?;
        let writer = Worker::start("conversations", WAITING_JOBS, move |jobs| writer::run(database, jobs));
        let writer = writer.map_err(fault(folder))?;
        let reader = Worker::start("histories", WAITING_JOBS, move |jobs| reader::run(connection, jobs));
        let reader = reader.map_err(fault(folder))?;
        Ok(Self { reader, writer, tails: Mutex::default(), _lock: lock })
    }

    async fn carry_out(&self, work: Work) -> Result<Answer, StoreError> {
        let gone = || StoreError::Failed("the database is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let worker = if work.is_reading() { &self.reader } else { &self.writer };
        let jobs = worker.jobs().ok_or_else(gone)?;
        jobs.send(Job { work, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The end of a log, which is open from now on.
    async fn end_of(&self, conversation: &ConversationId, user: Option<UserId>) -> Result<LogPosition, StoreError> {
        let work = Work::Position { conversation: conversation.clone(), user };
        let mut position = self.carry_out(work).await?.position()?;
        let mut tails = self.tails();
        let tail = tails.entry(conversation.clone()).or_default();
        tail.seq = tail.seq.max(position.seq);
        position.seq = tail.seq;
        Ok(position)
    }

    /// The lock is held for map accesses, never across a wait.
    fn tails(&self) -> MutexGuard<'_, HashMap<ConversationId, Tail>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passing(&self, conversation: &ConversationId, wanted: impl Fn(u64) -> bool) -> Vec<StoredEvent> {
        let tails = self.tails();
        let passing = tails.get(conversation).into_iter().flat_map(|tail| &tail.passing);
        passing.filter(|event| wanted(event.seq)).cloned().collect()
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let fault = |source| OpenError::Folder { path: path.clone(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
    let mut tries = 1;
    while let Err(error) = file.try_lock() {
        match error {
            TryLockError::WouldBlock if tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            TryLockError::WouldBlock => {
                return Err(OpenError::Held { folder: folder.to_owned(), holder: holder(&mut file) });
            }
            TryLockError::Error(source) => return Err(fault(source)),
        }
    }
    file.set_len(0).map_err(fault)?;
    file.rewind().map_err(fault)?;
    writeln!(file, "{}", std::process::id()).map_err(fault)?;
    Ok(file)
}

/// The number of the process that has the lock, as it wrote it; it may be about to,
/// and the number of a process before it, which was killed, may still stand there.
fn holder(file: &mut File) -> String {
    for _ in 0..HOLDER_LOOKS {
        let mut holder = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut holder));
        if read.is_ok() && holder.ends_with('\n') && runs(holder.trim()) {
            return holder.trim().to_owned();
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    "unknown".to_owned()
}

/// Whether a process runs; yes where the system does not tell.
fn runs(process: &str) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(process).exists()
}

#[async_trait]
impl ConversationStore for ConversationDatabase {
    async fn create(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError> {
        let answer = self.carry_out(Work::Create { conversation: conversation.clone(), user: user.clone() }).await?;
        // Nothing is remembered of a conversation in which nobody has said anything.
        answer.position()
    }

    async fn position(&self, conversation: &ConversationId, user: &UserId) -> Result<LogPosition, StoreError> {
        self.end_of(conversation, Some(user.clone())).await
    }

    async fn append(&self, conversation: &ConversationId, events: Vec<NewEvent>) -> Result<u64, StoreError> {
        let open = self.tails().get(conversation).map(|tail| tail.seq);
        let before = match open {
            Some(seq) => seq,
            None => self.end_of(conversation, None).await?.seq,
        };
        let last = before + events.len() as u64;
        let is_whole = events.iter().any(|event| event.keep == Keep::Whole);
        let (mut rows, mut passing) = (Vec::new(), Vec::new());
        for (seq, event) in (before + 1..).zip(events) {
            let NewEvent { frame, keep, fingerprint, begins } = event;
            if keep == Keep::Passing {
                passing.push(StoredEvent { seq, frame, fingerprint });
                continue;
            }
            if keep == Keep::Whole {
                passing.clear();
            }
            rows.push(Row { seq, frame, fingerprint, begins });
        }
        if !rows.is_empty() {
            self.carry_out(Work::Append { conversation: conversation.clone(), rows }).await?;
        }
        let mut tails = self.tails();
        let tail = tails.get_mut(conversation).ok_or(StoreError::NotFound)?;
        tail.seq = last;
        if is_whole {
            tail.passing.clear();
        }
        tail.passing.extend(passing);
        Ok(last)
    }

    async fn read_after(
        &self,
        conversation: &ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let work = Work::ReadAfter { conversation: conversation.clone(), after, limit };
        let mut events = self.carry_out(work).await?.events()?;
        events.extend(self.passing(conversation, |seq| seq > after));
        events.sort_unstable_by_key(|event| event.seq);
        events.truncate(limit);
        Ok(events)
    }

    async fn read_before(
        &self,
        conversation: &ConversationId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let work = Work::ReadBefore { conversation: conversation.clone(), before, limit };
        let mut events = self.carry_out(work).await?.events()?;
        events.extend(self.passing(conversation, |seq| seq < before));
        events.sort_unstable_by_key(|event| event.seq);
        events.drain(..events.len().saturating_sub(limit));
        Ok(events)
    }

    async fn runs_since(&self, user: Option<&UserId>, since: &str) -> Result<u64, StoreError> {
        let work = Work::RunsSince { user: user.cloned(), since: since.to_owned() };
        match self.carry_out(work).await? {
            Answer::Count(count) => Ok(count),
            _ => Err(missing("count")),
        }
    }

    async fn automation_runs(&self) -> Result<BTreeMap<AutomationId, u64>, StoreError> {
        match self.carry_out(Work::AutomationRuns).await? {
            Answer::Runs(runs) => Ok(runs),
            _ => Err(missing("runs")),
        }
    }

    async fn see_post(&self, user: &UserId, post: &PostId) -> Result<(), StoreError> {
        self.carry_out(Work::SeePost { user: user.clone(), post: post.clone() }).await.map(|_| ())
    }

    async fn seen_posts(&self, user: &UserId) -> Result<Vec<PostId>, StoreError> {
        match self.carry_out(Work::SeenPosts { user: user.clone() }).await? {
            Answer::Posts(posts) => Ok(posts),
            _ => Err(missing("posts")),
        }
    }

    async fn inactive(
        &self,
        before: Timestamp,
        after: Option<&Inactive>,
        limit: usize,
    ) -> Result<Vec<Inactive>, StoreError> {
        match self.carry_out(Work::Inactive { before, after: after.cloned(), limit }).await? {
            Answer::Inactive(found) => Ok(found),
            _ => Err(missing("conversations")),
        }
    }

    async fn remove(&self, conversation: &ConversationId, before: Timestamp) -> Result<bool, StoreError> {
        match self.carry_out(Work::Remove { conversation: conversation.clone(), before }).await? {
            Answer::Removed(is_removed) => {
                if is_removed {
                    self.tails().remove(conversation);
                }
                Ok(is_removed)
            }
            _ => Err(missing("outcome of a removal")),
        }
    }

    async fn renew(&self, conversation: &ConversationId) -> Result<LogPosition, StoreError> {
        let position = self.carry_out(Work::Renew { conversation: conversation.clone() }).await?.position()?;
        self.tails().insert(conversation.clone(), Tail { seq: position.seq, passing: Vec::new() });
        Ok(position)
    }

    async fn release(&self, conversation: &ConversationId) {
        let mut tails = self.tails();
        // What passes has numbers that the database does not know.
        if tails.get(conversation).is_some_and(|tail| tail.passing.is_empty()) {
            tails.remove(conversation);
        }
    }
}
