//! The conversations that somebody follows, or followed lately.
//!
//! A conversation has no task of its own: whoever has something for it takes its
//! lock, steps its state machine, appends to the store and fans out, so that an
//! idle conversation costs a few hundred bytes. The lock is tokio's, because it is
//! held across the append: events reach every follower in the order of the log.

mod enter;
mod history;
mod publish;
mod removal;
mod replay;
mod request;
mod restore;
mod run;
mod tab;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answerer::Answerer;
use super::budgets::Budgets;
use super::clock::Clock;
use super::metrics::Metrics;
use super::outbox::{Outbox, Outgoing};
use super::settings::LiveSettings;
use super::{Services, Stages};
use crate::domain::ids::{AutomationId, ClientId, ConversationId, RunId, UserId};
use crate::ports::conversation_store::{ConversationStore, StoreError};
use crate::ports::handover_desk::HandoverDesk;
use crate::protocol::MAX_REPLAY_EVENTS;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{Ack, CommandError};
use crate::session::conversation::Conversation;
use crate::session::conversation::command::Request;
use crate::session::conversation::tab::Visitor;
use crate::session::effect::{Cursor, JoinRequest};

/// Conversations that are taken from the store at a time.
const RESTORED_AT_ONCE: usize = 64;

/// The conversations that somebody follows, or followed lately.
#[derive(Clone)]
pub(crate) struct Hub {
    core: Arc<Core>,
}

pub(crate) use enter::{Entered, Entrance};

struct Core {
    store: Arc<dyn ConversationStore>,
    answerer: Arc<dyn Answerer>,
    clock: Clock,
    metrics: Arc<Metrics>,
    budgets: Arc<Budgets>,
    desk: Option<Arc<dyn HandoverDesk>>,
    settings: LiveSettings,
    tracker: TaskTracker,
    stages: Stages,
    rooms: StdMutex<Rooms>,
    /// Held while a conversation is taken from the store, so that it is taken once;
    /// one for all whose identifiers have the same remainder.
    restoring: [Mutex<()>; RESTORED_AT_ONCE],
    followers: AtomicU64,
}

#[derive(Default)]
struct Rooms {
    by_id: HashMap<ConversationId, Arc<Room>>,
    /// Those that nobody follows, by when they were left.
    left: BTreeMap<u64, ConversationId>,
    leavings: u64,
}

/// One conversation with those who follow it.
pub(crate) struct Room {
    id: ConversationId,
    user: UserId,
    /// Whether a run goes on, for those who do not hold the lock; see [`Room::note_run`].
    busy: AtomicBool,
    /// Stops the run that goes on.
    running: StdMutex<Option<(RunId, CancellationToken)>>,
    inner: Mutex<Inside>,
}

struct Inside {
    /// Absent only while it is being stepped, which does not wait.
    conversation: Option<Conversation>,
    followers: Vec<Follower>,
    /// Its key among those that nobody follows.
    left: Option<u64>,
}

struct Follower {
    number: u64,
    /// The tab, when the follower stands for one.
    client: Option<ClientId>,
    outbox: Arc<Outbox>,
    trace: bool,
}

/// A connection's place in a conversation.
pub(crate) struct Following {
    room: Arc<Room>,
    number: u64,
}

impl Inside {
    /// Whether something goes on that must come to its end in this process.
    fn is_unfinished(&self) -> bool {
        self.has_run() || self.conversation.as_ref().is_some_and(Conversation::is_waiting)
    }

    fn has_run(&self) -> bool {
        self.conversation.as_ref().is_some_and(|conversation| conversation.active_run().is_some())
    }
}

impl Room {
    /// Tells those who do not hold the lock whether a run goes on. It is said before
    /// the run's first event is sent and after its last one was, so that whoever
    /// finds no run and an empty outbox has got everything.
    fn note_run(&self, inside: &Inside) {
        self.busy.store(inside.has_run(), Ordering::Release);
    }

    /// A token that stops `run`.
    fn begins(&self, run: &RunId) -> CancellationToken {
        let token = CancellationToken::new();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((run.clone(), token.clone()));
        token
    }

    fn stop(&self, run: &RunId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = running.as_ref().filter(|(running, _)| running == run) {
            token.cancel();
        }
    }

    fn new(id: ConversationId, user: UserId, conversation: Conversation) -> Arc<Self> {
        let inner = Inside { conversation: Some(conversation), followers: Vec::with_capacity(1), left: None };
        let (busy, running) = (AtomicBool::new(false), StdMutex::default());
        Arc::new(Self { id, user, busy, running, inner: Mutex::new(inner) })
    }
}

impl Following {
    /// Whether the conversation's run goes on.
    pub(crate) fn is_busy(&self) -> bool {
        self.room.busy.load(Ordering::Acquire)
    }
}

/// A conversation that was joined.
pub(crate) struct Entry {
    pub(crate) following: Following,
    pub(crate) conversation: ConversationId,
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    pub(crate) resumed: bool,
    /// What the client has missed.
    pub(crate) replay: Vec<Outgoing>,
}

impl Hub {
    pub(crate) fn new(
        settings: &LiveSettings,
        services: &Services,
        (clock, metrics): (Clock, Arc<Metrics>),
        tracker: TaskTracker,
        stages: Stages,
    ) -> Self {
        let core = Core {
            store: services.store.clone(),
            answerer: services.answerer.clone(),
            desk: services.desk.clone(),
            clock,
            metrics,
            budgets: Budgets::new(services.store.clone()),
            settings: settings.clone(),
            tracker,
            stages,
            rooms: StdMutex::default(),
            restoring: std::array::from_fn(|_| Mutex::default()),
            followers: AtomicU64::new(0),
        };
        Self { core: Arc::new(core) }
    }

    /// Finds the conversation that the client left, else makes a new one, and follows it.
    pub(crate) async fn join(&self, request: JoinRequest, outbox: &Arc<Outbox>) -> Result<Entry, CommandError> {
        if let Some(cursor) = &request.resume
            && let Some(entry) = self.resume(&request, cursor, outbox).await
        {
            return Ok(entry);
        }
        let room = self.open(request.fresh, request.user).await?;
        self.core.follow_new(room, outbox, request.visitor, request.trace).await
    }

    async fn open(&self, id: ConversationId, user: UserId) -> Result<Arc<Room>, CommandError> {
        let position = self.core.store.create(&id, &user).await.map_err(|error| not_stored(&error))?;
        let conversation = Conversation::new(id.clone(), position.epoch);
        Ok(Room::new(id, user, conversation))
    }

    async fn resume(&self, request: &JoinRequest, cursor: &Cursor, outbox: &Arc<Outbox>) -> Option<Entry> {
        let core = &self.core;
        let room = core.find(&cursor.conversation, &request.user).await?;
        let mut inside = room.inner.lock().await;
        core.tab_came(&room, &mut inside, request.visitor.clone()).await;
        let client = Some(&request.visitor.client);
        let entry = core.follow_from(cursor, outbox, client, request.trace, &room, &mut inside).await;
        if entry.is_none() {
            core.tab_left(&room, &mut inside, request.visitor.client.clone()).await;
        }
        entry
    }

    /// Lets one more reader follow a conversation of `user`, from where the client left
    /// off. It is no tab: a connection that follows already is.
    pub(crate) async fn read(
        &self,
        user: &UserId,
        cursor: &Cursor,
        trace: bool,
        outbox: &Arc<Outbox>,
    ) -> Option<Entry> {
        let room = self.core.find(&cursor.conversation, user).await?;
        let mut inside = room.inner.lock().await;
        self.core.follow_from(cursor, outbox, None, trace, &room, &mut inside).await
    }

    /// Carries out a command; the answer goes into `outbox`.
    pub(crate) async fn request(
        &self,
        following: &Following,
        request: Box<Request>,
        outbox: &Arc<Outbox>,
    ) -> Option<Ack> {
        self.core.request(&following.room, request, outbox).await
    }

    /// How often the steps of each automation of the project have begun.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn automation_runs(&self) -> Result<BTreeMap<AutomationId, u64>, StoreError> {
        let known = self.core.store.automation_runs().await?;
        let project = self.core.answerer.published().project;
        let count = |id: &AutomationId| known.get(id).copied().unwrap_or(0);
        Ok(project.automations.keys().map(|id| (id.clone(), count(id))).collect())
    }

    /// Follows no longer.
    pub(crate) async fn leave(&self, following: &Following) {
        let room = &following.room;
        let mut inside = room.inner.lock().await;
        let Some(at) = inside.followers.iter().position(|follower| follower.number == following.number) else { return };
        if let Some(client) = inside.followers.swap_remove(at).client {
            self.core.tab_left(room, &mut inside, client).await;
        }
        self.core.settle(room, &mut inside).await;
    }
}

impl Core {
    /// The lock is held for map accesses, never across a wait.
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow_new(
        self: &Arc<Self>,
        room: Arc<Room>,
        outbox: &Arc<Outbox>,
        visitor: Visitor,
        trace: bool,
    ) -> Result<Entry, CommandError> {
        let mut inside = room.inner.lock().await;
        let following = self.follow(&room, &mut inside, outbox, Some(&visitor.client), trace);
        self.tab_came(&room, &mut inside, visitor).await;
        let (epoch, seq) = match &inside.conversation {
            Some(conversation) => (conversation.epoch().to_owned(), conversation.seq()),
            None => return Err(CommandError::new(ErrorCode::Internal, "the conversation is lost")),
        };
        let conversation = room.id.clone();
        Ok(Entry { following, conversation, epoch, seq, resumed: false, replay: Vec::new() })
    }

    /// Follows from a place in the log, with what was missed.
    async fn follow_from(
        &self,
        cursor: &Cursor,
        outbox: &Arc<Outbox>,
        client: Option<&ClientId>,
        trace: bool,
        room: &Arc<Room>,
        inside: &mut Inside,
    ) -> Option<Entry> {
        let position = self.store.position(&cursor.conversation, &room.user).await.ok()?;
        let seq = inside.conversation.as_ref().map(Conversation::seq)?;
        let is_valid = position.epoch == cursor.epoch && position.seq == seq && cursor.after <= seq;
        let events = if is_valid {
            self.store.read_after(&cursor.conversation, cursor.after, MAX_REPLAY_EVENTS + 1).await.ok()
        } else {
            None
        };
        let missed = events.filter(|events| events.len() <= MAX_REPLAY_EVENTS);
        let resumed = missed.is_some();
        let replay = match missed {
            Some(events) => replay::compacted(&events),
            // What cannot be told in full is told as a whole.
            None => vec![Outgoing::new(&self.snapshot(room, inside, seq).await.ok()?)],
        };
        let following = self.follow(room, inside, outbox, client, trace);
        Some(Entry { following, conversation: room.id.clone(), epoch: position.epoch, seq, resumed, replay })
    }

    fn follow(
        &self,
        room: &Arc<Room>,
        inside: &mut Inside,
        outbox: &Arc<Outbox>,
        client: Option<&ClientId>,
        trace: bool,
    ) -> Following {
        let number = self.followers.fetch_add(1, Ordering::Relaxed);
        inside.followers.push(Follower { number, client: client.cloned(), outbox: outbox.clone(), trace });
        let mut rooms = self.rooms();
        if let Some(at) = inside.left.take() {
            rooms.left.remove(&at);
        }
        rooms.by_id.insert(room.id.clone(), room.clone());
        Following { room: room.clone(), number }
    }

    /// Once nobody follows and nothing runs, the conversation may be forgotten.
    async fn settle(&self, room: &Room, inside: &mut Inside) {
        if !inside.followers.is_empty() || inside.left.is_some() || inside.is_unfinished() {
            return;
        }
        self.store.release(&room.id).await;
        let mut rooms = self.rooms();
        rooms.leavings += 1;
        let at = rooms.leavings;
        rooms.left.insert(at, room.id.clone());
        inside.left = Some(at);
        while rooms.left.len() > self.settings.now().idle_conversations {
            let Some((_, oldest)) = rooms.left.pop_first() else { break };
            rooms.by_id.remove(&oldest);
        }
    }
}

pub(crate) fn not_stored(error: &StoreError) -> CommandError {
    match error {
        StoreError::NotFound => CommandError::new(ErrorCode::ConversationNotFound, "the conversation does not exist"),
        StoreError::Full(what) => {
            tracing::warn!(reason = what, "the conversation store is full");
            CommandError::new(ErrorCode::QuotaExceeded, format!("no more can be stored: {what}"))
        }
        StoreError::Failed(cause) => {
            tracing::error!(error = cause, "the conversation store failed");
            CommandError::new(ErrorCode::StorageUnavailable, "nothing can be stored at present")
        }
    }
}
