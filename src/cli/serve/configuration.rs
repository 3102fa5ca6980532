//! The configuration of a running server, which SIGHUP lets it read again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::cli::log::LogLevel;
use crate::config::reload::{Reloaded, reload};
use crate::config::{Config, Overrides};
use crate::server::descriptors;
use crate::server::settings::{LiveSettings, ServerSettings};
use crate::session::rate::Rate;
use crate::session::settings::SessionSettings;

/// What SIGHUP reads again, and who is told of it.
pub(super) struct Reconfiguration {
    /// The file, when it was named.
    pub(super) path: Option<PathBuf>,
    /// What the command line says, which still wins.
    pub(super) overrides: Overrides,
    /// As it is.
    pub(super) config: Config,
    pub(super) settings: LiveSettings,
    pub(super) log_level: LogLevel,
    /// Lets the knowledge be read again.
    pub(super) knowledge: Arc<Notify>,
}

impl Reconfiguration {
    /// Reads everything again at each of `hangups`, until `stop`.
    pub(super) async fn run(mut self, mut hangups: Signal, stop: CancellationToken) {
        while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
            self.read();
            self.knowledge.notify_one();
        }
    }

    fn read(&mut self) {
        match reload(self.path.as_deref(), &self.overrides, &self.config) {
            Ok(Reloaded { config, waiting }) => {
                self.settings.change(settings_of(&config));
                self.log_level.change(&config);
                self.config = config;
                let waiting = waiting.join(", ");
                if waiting.is_empty() {
                    tracing::info!("the configuration was read again");
                } else {
                    tracing::warn!(waiting, "the configuration was read again; some settings wait for a restart");
                }
            }
            Err(mistakes) => {
                for mistake in &mistakes {
                    tracing::error!("{mistake}");
                }
                tracing::error!(
                    configuration.errors = mistakes.len(),
                    "the configuration has mistakes, so the one before it holds"
                );
                self.settings.keep(mistakes);
            }
        }
    }
}

pub(super) fn settings_of(config: &Config) -> ServerSettings {
    let limits = &config.limits;
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let possible = descriptors::connections_within(descriptors::raise_open_files());
    if possible < limits.max_connections {
        tracing::warn!(
            connections.wanted = limits.max_connections,
            connections.possible = possible,
            "the system allows too few open files for `limits.max_connections`, so fewer connections are accepted"
        );
    }
    ServerSettings {
        session: SessionSettings {
            project_key: config.project_key.clone(),
            identity: config.identity.clone(),
            hello_timeout_ms: millis(limits.hello_timeout),
            heartbeat_ms: millis(limits.heartbeat),
            commands: Rate { count: limits.commands_per_10s, window_ms: 10_000 },
            text_chars: limits.text_chars,
            trace: config.traces(),
            queue_events: limits.outbound_events,
            queue_bytes: limits.outbound_bytes,
            ..SessionSettings::default()
        },
        allowed_origins: config.origins.clone(),
        public_metrics: config.public_metrics,
        connections: limits.max_connections.min(possible),
        sockets_per_user: limits.sockets_per_user,
        http_sessions: limits.http_sessions,
        http_idle: limits.http_idle,
        trusted_proxies: config.trusted_proxies.clone(),
        rates: limits.rates,
        retention: config.retention,
        daily_turns: limits.daily_turns,
        head_timeout: limits.head_timeout,
        drain: limits.drain,
        ..ServerSettings::default()
    }
}
