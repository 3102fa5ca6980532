//! What is to be done with the database, and doing it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension, Params, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::domain::ids::{AutomationId, ConversationId, PostId, UserId};
use crate::ports::conversation_store::{Inactive, LogPosition, StoreError, StoredEvent};

/// How exact it is when a conversation has changed last, in seconds: each change of it
/// costs two entries of indexes.
const CHANGE_SECONDS: i64 = 60;

/// Something to be done, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Result<Answer, StoreError>>,
}

/// Something to be done.
#[derive(Debug)]
pub(super) enum Work {
    Create {
        conversation: ConversationId,
        user: UserId,
    },
    /// Of a conversation of this user, or of anyone.
    Position {
        conversation: ConversationId,
        user: Option<UserId>,
    },
    Append {
        conversation: ConversationId,
        rows: Vec<Row>,
    },
    ReadAfter {
        conversation: ConversationId,
        after: u64,
        limit: usize,
    },
    ReadBefore {
        conversation: ConversationId,
        before: u64,
        limit: usize,
    },
    Renew {
        conversation: ConversationId,
    },
    /// In the conversations of this user, or of all.
    RunsSince {
        user: Option<UserId>,
        since: String,
    },
    AutomationRuns,
    SeePost {
        user: UserId,
        post: PostId,
    },
    SeenPosts {
        user: UserId,
    },
    Inactive {
        before: Timestamp,
        after: Option<Inactive>,
        limit: usize,
    },
    Remove {
        conversation: ConversationId,
        before: Timestamp,
    },
}

/// An event that lasts.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) frame: String,
    pub(super) fingerprint: Option<u64>,
    pub(super) begins: Option<AutomationId>,
}

impl Work {
    /// Whether it leaves everything as it is.
    pub(super) fn is_reading(&self) -> bool {
        match self {
            Self::Position { .. }
            | Self::ReadAfter { .. }
            | Self::ReadBefore { .. }
            | Self::RunsSince { .. }
            | Self::AutomationRuns
            | Self::SeenPosts { .. }
            | Self::Inactive { .. } => true,
            Self::Create { .. }
            | Self::Append { .. }
            | Self::Renew { .. }
            | Self::SeePost { .. }
            | Self::Remove { .. } => false,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    Position(LogPosition),
    Events(Vec<StoredEvent>),
    Count(u64),
    Runs(BTreeMap<AutomationId, u64>),
    Posts(Vec<PostId>),
    Inactive(Vec<Inactive>),
    Removed(bool),
}

impl Answer {
    pub(super) fn position(self) -> Result<LogPosition, StoreError> {
        match self {
            Self::Position(position) => Ok(position),
            _ => Err(missing("position")),
        }
    }

    pub(super) fn events(self) -> Result<Vec<StoredEvent>, StoreError> {
        match self {
            Self::Events(events) => Ok(events),
            _ => Err(missing("events")),
        }
    }
}

/// The fault of a thread that gives something else than was asked for.
pub(super) fn missing(wanted: &str) -> StoreError {
    StoreError::Failed(format!("the database gave no {wanted}"))
}

/// Why a job was not done.
enum Fault {
    /// This job alone.
    Refused(StoreError),
    /// The transaction with all its jobs.
    Database(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Does everything in one transaction. What it changed is on disk when this returns.
pub(super) fn carry_out(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    works: &[Work],
) -> Result<Vec<Result<Answer, StoreError>>, Error> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let mut answers = Vec::with_capacity(works.len());
    for work in works {
        answers.push(match one(&transaction, work) {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Database(error)) => return Err(error),
        });
    }
    transaction.commit()?;
    Ok(answers)
}

/// Does one thing in a transaction of its own.
pub(super) fn alone(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: Work,
) -> Result<Answer, StoreError> {
    let mut answers =
        carry_out(connection, behavior, &[work]).map_err(|error| StoreError::Failed(error.to_string()))?;
    answers.pop().unwrap_or_else(|| Err(missing("answer")))
}

fn one(transaction: &Transaction<'_>, work: &Work) -> Result<Answer, Fault> {
    match work {
        Work::Create { conversation, user } => create(transaction, conversation, user),
        Work::Position { conversation, user } => {
            let found = position(transaction, conversation)?
                .filter(|(_, owner)| user.as_ref().is_none_or(|user| owner == user.as_str()));
            found.map(|(position, _)| Answer::Position(position)).ok_or(Fault::Refused(StoreError::NotFound))
        }
        Work::Append { conversation, rows } => append(transaction, conversation, rows),
        Work::ReadAfter { conversation, after, limit } => {
            let query =
                "SELECT seq, frame, fingerprint FROM event WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
            read(transaction, query, conversation, *after, *limit)
        }
        Work::ReadBefore { conversation, before, limit } => {
            let query = "SELECT seq, frame, fingerprint FROM event WHERE conversation = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
            let Answer::Events(mut events) = read(transaction, query, conversation, *before, *limit)? else {
                return Ok(Answer::Events(Vec::new()));
            };
            events.reverse();
            Ok(Answer::Events(events))
        }
        Work::RunsSince { user, since } => {
            // Each has an index of its own: of a user's conversations, and of all by time.
            let whose = if user.is_some() { "c.user = ?1" } else { "?1 IS NULL" };
            let query = format!(
                "SELECT count(*) FROM conversation c JOIN event e ON e.conversation = c.number
                WHERE {whose} AND c.changed >= unixepoch(?2) - ?3
                AND e.frame ->> '$.type' = 'run.started' AND e.frame ->> '$.ts' >= ?2"
            );
            let count: i64 = transaction
                .prepare_cached(&query)?
                .query_row(params![user.as_ref().map(UserId::as_str), since, CHANGE_SECONDS], |row| row.get(0))?;
            Ok(Answer::Count(count.cast_unsigned()))
        }
        Work::AutomationRuns => {
            let mut statement = transaction.prepare_cached("SELECT automation, runs FROM automation_run")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            let mut runs = BTreeMap::new();
            for row in rows {
                let (automation, count) = row?;
                if let Ok(automation) = AutomationId::new(&automation) {
                    runs.insert(automation, count.cast_unsigned());
                }
            }
            Ok(Answer::Runs(runs))
        }
        Work::SeePost { user, post } => {
            let query = "INSERT INTO seen_post (user, post) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            transaction.prepare_cached(query)?.execute(params![user.as_str(), post.as_str()])?;
            Ok(Answer::Done)
        }
        Work::SeenPosts { user } => {
            let mut statement = transaction.prepare_cached("SELECT post FROM seen_post WHERE user = ?1")?;
            let posts = statement.query_map([user.as_str()], |row| row.get::<_, String>(0))?;
            let posts: Vec<String> = posts.collect::<Result<_, _>>()?;
            Ok(Answer::Posts(posts.iter().filter_map(|post| PostId::new(post).ok()).collect()))
        }
        Work::Inactive { before, after, limit } => inactive(transaction, *before, after.as_ref(), *limit),
        Work::Remove { conversation, before } => remove(transaction, conversation, *before),
        Work::Renew { conversation } => {
            let query = "UPDATE conversation SET epoch = ?2 WHERE id = ?1";
            transaction.prepare_cached(query)?.execute(params![conversation.as_str(), fresh_epoch()])?;
            let found = position(transaction, conversation)?;
            found.map(|(position, _)| Answer::Position(position)).ok_or(Fault::Refused(StoreError::NotFound))
        }
    }
}

fn create(transaction: &Transaction<'_>, conversation: &ConversationId, user: &UserId) -> Result<Answer, Fault> {
    let epoch = fresh_epoch();
    let query = "INSERT INTO conversation (id, user, epoch) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let made = transaction.prepare_cached(query)?.execute(params![conversation.as_str(), user.as_str(), epoch])?;
    if made == 0 {
        return Err(Fault::Refused(StoreError::Failed("the conversation exists".to_owned())));
    }
    Ok(Answer::Position(LogPosition { conversation: conversation.clone(), epoch, seq: 0 }))
}

fn position(
    transaction: &Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<(LogPosition, String)>, Error> {
    let query =
        "SELECT epoch, max(c.seq, coalesce((SELECT max(e.seq) FROM event e WHERE e.conversation = c.number), 0)),
        user FROM conversation c WHERE id = ?1";
    transaction
        .prepare_cached(query)?
        .query_row([conversation.as_str()], |row| {
            let (epoch, seq): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok((LogPosition { conversation: conversation.clone(), epoch, seq: seq.cast_unsigned() }, row.get(2)?))
        })
        .optional()
}

fn number_of(transaction: &Transaction<'_>, conversation: &ConversationId) -> Result<i64, Fault> {
    let query = "SELECT number FROM conversation WHERE id = ?1";
    let number = transaction.prepare_cached(query)?.query_row([conversation.as_str()], |row| row.get(0)).optional()?;
    number.ok_or(Fault::Refused(StoreError::NotFound))
}

/// Writes the last page of all events and one of the index, and as a rule no other; the
/// index makes sure that a number is new.
fn append(transaction: &Transaction<'_>, conversation: &ConversationId, rows: &[Row]) -> Result<Answer, Fault> {
    let query = "SELECT number, abs(unixepoch() - changed) >= ?2 FROM conversation WHERE id = ?1";
    let found: Option<(i64, bool)> = transaction
        .prepare_cached(query)?
        .query_row(params![conversation.as_str(), CHANGE_SECONDS], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (number, is_due) = found.ok_or(Fault::Refused(StoreError::NotFound))?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO event (conversation, seq, frame, fingerprint) VALUES (?1, ?2, ?3, ?4)")?;
    for (at, row) in rows.iter().enumerate() {
        let fingerprint = row.fingerprint.map(u64::cast_signed);
        match insert.execute(params![number, row.seq.cast_signed(), row.frame, fingerprint]) {
            Err(Error::SqliteFailure(error, _)) if at == 0 && error.code == ErrorCode::ConstraintViolation => {
                return Err(Fault::Refused(StoreError::Failed("the log has gone on without this process".to_owned())));
            }
            inserted => inserted?,
        };
        if let Some(automation) = &row.begins {
            let query = "INSERT INTO automation_run (automation, runs) VALUES (?1, 1)
                ON CONFLICT (automation) DO UPDATE SET runs = runs + 1";
            transaction.prepare_cached(query)?.execute([automation.as_str()])?;
        }
    }
    if is_due {
        let query = "UPDATE conversation SET changed = unixepoch() WHERE number = ?1";
        transaction.prepare_cached(query)?.execute([number])?;
    }
    Ok(Answer::Done)
}

fn inactive(
    transaction: &Transaction<'_>,
    before: Timestamp,
    after: Option<&Inactive>,
    limit: usize,
) -> Result<Answer, Fault> {
    let query = "SELECT id, changed FROM conversation
        WHERE changed < ?1 AND (changed, id) > (?2, ?3) ORDER BY changed, id LIMIT ?4";
    let mut statement = transaction.prepare_cached(query)?;
    let (since, last) = after.map_or((i64::MIN, ""), |after| (after.since.as_second(), after.conversation.as_str()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![before.as_second(), since, last, limit], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (id, changed) = row?;
        if let (Ok(conversation), Ok(since)) = (ConversationId::new(&id), Timestamp::from_second(changed)) {
            found.push(Inactive { conversation, since });
        }
    }
    Ok(Answer::Inactive(found))
}

/// Overwrites the events of the conversations that `query` selects, before they are
/// deleted: a page that events are taken from may keep copies of what moved within it,
/// which `secure_delete` does not know.
pub(super) fn blank(connection: &Connection, query: &str, values: impl Params) -> Result<usize, Error> {
    let query = format!(
        "UPDATE event SET frame = printf('%.*c', length(CAST(frame AS BLOB)), ' ') WHERE conversation IN ({query})"
    );
    connection.prepare_cached(&query)?.execute(values)
}

fn remove(transaction: &Transaction<'_>, conversation: &ConversationId, before: Timestamp) -> Result<Answer, Fault> {
    blank(
        transaction,
        "SELECT number FROM conversation WHERE id = ?1 AND changed < ?2",
        params![conversation.as_str(), before.as_second()],
    )?;
    let query = "DELETE FROM conversation WHERE id = ?1 AND changed < ?2 RETURNING user";
    let user: Option<String> = transaction
        .prepare_cached(query)?
        .query_row(params![conversation.as_str(), before.as_second()], |row| row.get(0))
        .optional()?;
    let Some(user) = user else { return Ok(Answer::Removed(false)) };
    let query = "DELETE FROM seen_post WHERE user = ?1
        AND NOT EXISTS (SELECT 1 FROM conversation WHERE user = ?1)";
    transaction.prepare_cached(query)?.execute([user])?;
    Ok(Answer::Removed(true))
}

fn read(
    transaction: &Transaction<'_>,
    query: &str,
    conversation: &ConversationId,
    bound: u64,
    limit: usize,
) -> Result<Answer, Fault> {
    let number = number_of(transaction, conversation)?;
    let bound = i64::try_from(bound).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = transaction.prepare_cached(query)?;
    let events = statement.query_map(params![number, bound, limit], |row| {
        let (seq, fingerprint): (i64, Option<i64>) = (row.get(0)?, row.get(2)?);
        Ok(StoredEvent {
            seq: seq.cast_unsigned(),
            frame: row.get(1)?,
            fingerprint: fingerprint.map(i64::cast_unsigned),
        })
    })?;
    Ok(Answer::Events(events.collect::<Result<_, _>>()?))
}

/// An epoch that no log had before.
fn fresh_epoch() -> String {
    ulid::Ulid::generate().to_string()
}
