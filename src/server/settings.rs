//! The limits of the server.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::throttles::Rates;
use crate::diagnostic::Diagnostic;
use crate::session::settings::SessionSettings;

/// The limits of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// Of connections and conversations.
    pub session: SessionSettings,
    /// Origins whose pages may open a socket beside the server's own, such as
    /// `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Most connections at a time; must stay below the limit of open files.
    pub connections: usize,
    /// Most sockets of one user, and sessions over HTTP.
    pub sockets_per_user: usize,
    /// Most sessions over HTTP at a time.
    pub http_sessions: usize,
    /// How long a session over HTTP goes on without a request or a stream.
    pub http_idle: Duration,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long a connection that is not a socket may last.
    pub http_timeout: Duration,
    /// Largest head of a request, in bytes.
    pub head_bytes: usize,
    /// How long a client may take to agree that its socket is closed.
    pub close_timeout: Duration,
    /// Most fragments of one websocket message.
    pub fragments: u32,
    /// How long one answer may take.
    pub run_timeout: Duration,
    /// How long shutdown waits for answers that go on.
    pub drain: Duration,
    /// The latest that clients are told to come back after a shutdown.
    pub reconnect_spread: Duration,
    /// How many conversations that nobody follows keep their state.
    pub idle_conversations: usize,
    /// Proxies whose word for a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// How often connections may be made and turns begun.
    pub rates: Rates,
    /// How long conversations are kept in which nothing happens; for good when absent.
    pub retention: Option<Duration>,
    /// Turns in a day.
    pub daily_turns: DailyTurns,
    /// Whether other computers may read `/metrics`.
    pub public_metrics: bool,
}

/// The limits of a running server, which its operator may change.
///
/// What holds for the whole life of a server or of a connection is read when that
/// begins: the number of connections, the time for a head, the heartbeat that `welcome`
/// tells. Everything else is read where it is needed.
#[derive(Clone, Debug)]
pub struct LiveSettings(Arc<Newest>);

#[derive(Debug)]
struct Newest {
    settings: ArcSwap<ServerSettings>,
    mistakes: ArcSwap<Vec<Diagnostic>>,
}

impl LiveSettings {
    /// As they are now.
    pub fn now(&self) -> Arc<ServerSettings> {
        self.0.settings.load_full()
    }

    /// The mistakes of the newest edit, which therefore does not hold; none when it does.
    pub fn mistakes(&self) -> Arc<Vec<Diagnostic>> {
        self.0.mistakes.load_full()
    }

    /// They are others from now on.
    pub fn change(&self, settings: ServerSettings) {
        self.0.settings.store(Arc::new(settings));
        self.0.mistakes.store(Arc::default());
    }

    /// They stay, since an edit has mistakes.
    pub fn keep(&self, mistakes: Vec<Diagnostic>) {
        self.0.mistakes.store(Arc::new(mistakes));
    }
}

impl From<ServerSettings> for LiveSettings {
    fn from(settings: ServerSettings) -> Self {
        Self(Arc::new(Newest { settings: ArcSwap::from_pointee(settings), mistakes: ArcSwap::default() }))
    }
}

/// Turns that may be taken in a day, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailyTurns {
    /// By one user; what the project says when not given.
    pub user: Option<u64>,
    /// By one anonymous visitor; as many as by a user when not given.
    pub visitor: Option<u64>,
    /// By all together; any number when not given.
    pub project: Option<u64>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            session: SessionSettings::default(),
            allowed_origins: Vec::new(),
            connections: 16_000,
            sockets_per_user: 8,
            http_sessions: 4_000,
            http_idle: Duration::from_secs(60),
            head_timeout: Duration::from_secs(10),
            http_timeout: Duration::from_secs(60),
            head_bytes: 16 * 1024,
            close_timeout: Duration::from_secs(2),
            fragments: 32,
            run_timeout: Duration::from_secs(120),
            drain: Duration::from_secs(30),
            reconnect_spread: Duration::from_secs(5),
            idle_conversations: 10_000,
            trusted_proxies: Vec::new(),
            rates: Rates::default(),
            retention: None,
            daily_turns: DailyTurns::default(),
            public_metrics: false,
        }
    }
}
