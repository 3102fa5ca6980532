//! The server: sockets, pages and what holds them together.
//!
//! [`serve`] runs given a bound listener and a shutdown future, so tests start the
//! real server on port 0. Every task is in one tracker, every queue, wait and
//! buffer has a limit from [`LiveSettings`], and nothing here knows an adapter:
//! the agent and the store come in as [`Services`].
//!
//! What must hold: no task is spawned outside the tracker; a connection's task
//! never waits for its own client alone, so shutdown and heartbeats always reach
//! it; whoever reads slowly fills only a queue of its own.

mod address;
pub mod answerer;
pub mod article;
pub mod assets;
mod budgets;
pub mod clock;
mod connection;
pub mod content;
pub mod descriptors;
mod fallback;
pub mod health;
pub mod host;
pub mod hub;
pub mod listener;
mod metrics;
pub mod origin;
pub mod outbox;
mod retention;
pub mod router;
mod seats;
pub mod settings;
pub mod socket;
mod stay;
pub mod throttles;
pub mod upgrade;
pub mod websocket;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::revocation::Revocations;
use crate::ports::conversation_store::ConversationStore;
use crate::ports::handover_desk::HandoverDesk;
use answerer::Answerer;
use clock::Clock;
use fallback::Sessions;
use hub::Hub;
use listener::Peer;
use metrics::Metrics;
use router::Refusal;
use seats::Seats;
use settings::LiveSettings;
use throttles::Throttles;

/// What the server needs from outside.
#[derive(Clone)]
pub struct Services {
    /// Answers messages.
    pub answerer: Arc<dyn Answerer>,
    /// Keeps conversations.
    pub store: Arc<dyn ConversationStore>,
    /// Told of conversations that people should take over, if anybody is.
    pub desk: Option<Arc<dyn HandoverDesk>>,
    /// The users and tokens that are revoked, as they are now.
    pub revocations: watch::Receiver<Arc<Revocations>>,
}

/// What all connections share.
pub(crate) struct App {
    pub(crate) settings: LiveSettings,
    pub(crate) answerer: Arc<dyn Answerer>,
    pub(crate) store: Arc<dyn ConversationStore>,
    pub(crate) clock: Clock,
    pub(crate) hub: Hub,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) seats: Arc<Seats>,
    pub(crate) throttles: Throttles,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) revocations: watch::Receiver<Arc<Revocations>>,
    pub(crate) tracker: TaskTracker,
    pub(crate) stages: Stages,
    /// Whether only this computer can connect.
    pub(crate) is_on_loopback: bool,
}

impl App {
    /// Whether a request was sent on this computer, so that it may learn what only
    /// the project's authors should.
    pub(crate) fn is_local(&self, headers: &HeaderMap) -> bool {
        self.is_on_loopback && host::is_local(headers)
    }

    /// Counts a connection; else why it may not be made. Gives the client's address,
    /// which a program of this computer has none of.
    pub(crate) fn admit(&self, peer: Peer, headers: &HeaderMap) -> Result<Option<IpAddr>, Refusal> {
        let settings = self.settings.now();
        let address = address::of_client(peer.0, headers, &settings.trusted_proxies);
        let counted = self.throttles.connection(&settings.rates, address, self.clock.now());
        counted.map(|()| address).map_err(Refusal::TooMany)
    }
}

/// The stages of a shutdown; each is reached after the one before.
#[derive(Clone, Default)]
pub(crate) struct Stages {
    /// No more connections; those without a run are closed.
    pub(crate) drain: CancellationToken,
    /// Runs that still go on are ended.
    pub(crate) stop: CancellationToken,
    /// Whatever still waits for a client gives up.
    pub(crate) abandon: CancellationToken,
}

/// How long ended runs and closing connections get after the drain.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves until `shutdown` is done, then drains and returns.
///
/// Runs that go on get [`settings::ServerSettings::drain`] to end by themselves.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    settings: impl Into<LiveSettings>,
    shutdown: impl Future<Output = ()>,
) {
    let settings = settings.into();
    let clock = Clock::start();
    let tracker = TaskTracker::new();
    let stages = Stages::default();
    let metrics = Arc::new(Metrics::new());
    let hub = Hub::new(&settings, &services, (clock, metrics.clone()), tracker.clone(), stages.clone());
    let is_on_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let app = App {
        settings: settings.clone(),
        answerer: services.answerer,
        store: services.store,
        clock,
        hub,
        metrics,
        seats: Arc::default(),
        throttles: Throttles::default(),
        sessions: Arc::default(),
        revocations: services.revocations,
        tracker: tracker.clone(),
        stages: stages.clone(),
        is_on_loopback,
    };

    let retention = retention::run(app.hub.clone(), settings.clone(), clock, stages.drain.clone());
    tracker.spawn(retention);
    listener::accept_until(listener, Arc::new(app), shutdown).await;

    tracing::info!(connection.tasks = tracker.len(), "draining: no more connections are accepted");
    stages.drain.cancel();
    tracker.close();
    if timeout(settings.now().drain, tracker.wait()).await.is_err() {
        tracing::warn!(connection.tasks = tracker.len(), "the drain took too long, ending what still goes on");
    }
    stages.stop.cancel();
    if timeout(LAST_WORDS, tracker.wait()).await.is_err() {
        stages.abandon.cancel();
        // Everything left wakes up for this token at once.
        let _ = timeout(LAST_WORDS, tracker.wait()).await;
    }
    tracing::info!(connection.tasks = tracker.len(), "stopped");
}
