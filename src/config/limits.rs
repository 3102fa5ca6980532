//! What bounds connections and commands.

use std::time::Duration;

use super::setting::Reader;
use crate::agent::generation::TokenCaps;
use crate::server::settings::DailyTurns;
use crate::server::throttles::Rates;
use crate::session::rate::Rate;

/// The `[limits]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub max_connections: usize,
    /// Sockets and HTTP sessions of one user.
    pub sockets_per_user: usize,
    /// HTTP sessions at once.
    pub http_sessions: usize,
    /// Time after which an HTTP session ends without a request.
    pub http_idle: Duration,
    /// Turns in a day.
    pub daily_turns: DailyTurns,
    /// How often connections may be made and turns begun.
    pub rates: Rates,
    /// Most tokens of chat models in a day.
    pub daily_tokens: TokenCaps,
    /// Time for the head of a request.
    pub head_timeout: Duration,
    /// Time for the first frame of a socket.
    pub hello_timeout: Duration,
    /// Time between two pings.
    pub heartbeat: Duration,
    /// Longest message of a user, in characters.
    pub text_chars: usize,
    /// Commands of one socket in ten seconds.
    pub commands_per_10s: u32,
    /// Events that wait for a slow reader.
    pub outbound_events: usize,
    /// Bytes that wait for a slow reader.
    pub outbound_bytes: usize,
    /// Time for running turns to end at shutdown.
    pub drain: Duration,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            max_connections: size(reader, "limits.max_connections", 1, 1_000_000),
            sockets_per_user: size(reader, "limits.sockets_per_user", 1, 1_000_000),
            http_sessions: size(reader, "limits.http_sessions", 1, 1_000_000),
            http_idle: millis(reader, "limits.http_idle_ms"),
            daily_turns: DailyTurns {
                user: turns(reader, "limits.daily_turns_per_user"),
                visitor: turns(reader, "limits.daily_turns_per_visitor"),
                project: turns(reader, "limits.daily_turns"),
            },
            rates: rates(reader),
            daily_tokens: TokenCaps {
                project: tokens(reader, "limits.daily_tokens"),
                user: tokens(reader, "limits.daily_tokens_per_user"),
                visitors: tokens(reader, "limits.daily_tokens_of_visitors"),
            },
            head_timeout: millis(reader, "limits.head_timeout_ms"),
            hello_timeout: millis(reader, "limits.hello_timeout_ms"),
            heartbeat: millis(reader, "limits.heartbeat_ms"),
            text_chars: size(reader, "limits.text_chars", 1, 100_000),
            commands_per_10s: u32::try_from(reader.number("limits.commands_per_10s", 1, 1_000_000)).unwrap_or(u32::MAX),
            outbound_events: size(reader, "limits.outbound_events", 8, 65_536),
            outbound_bytes: size(reader, "limits.outbound_bytes", 65_536, 1 << 26),
            drain: millis(reader, "limits.drain_ms"),
        }
    }
}

fn turns(reader: &mut Reader<'_>, key: &'static str) -> Option<u64> {
    reader.optional(key, "a whole number of turns", |text| text.parse().ok())
}

fn rates(reader: &mut Reader<'_>) -> Rates {
    let mut number = |key| u32::try_from(reader.number(key, 1, 100_000_000)).unwrap_or(u32::MAX);
    let burst = number("limits.connections_burst_address");
    let mut per_minute = |key| Rate { count: number(key), window_ms: 60_000 };
    Rates {
        visitor_turns: per_minute("limits.turns_per_min_visitor"),
        user_turns: per_minute("limits.turns_per_min_user"),
        address_turns: per_minute("limits.turns_per_min_address"),
        project_turns: per_minute("limits.turns_per_min"),
        user_connections: per_minute("limits.connections_per_min_user"),
        address_connections: Rate::with_burst(per_minute("limits.connections_per_min_address").count, burst),
        project_connections: per_minute("limits.connections_per_min"),
    }
}

fn size(reader: &mut Reader<'_>, key: &'static str, min: u64, max: u64) -> usize {
    usize::try_from(reader.number(key, min, max)).unwrap_or(usize::MAX)
}

fn tokens(reader: &mut Reader<'_>, key: &'static str) -> Option<u64> {
    reader.optional(key, "a whole number of tokens", |text| text.parse().ok())
}

fn millis(reader: &mut Reader<'_>, key: &'static str) -> Duration {
    Duration::from_millis(reader.number(key, 100, 600_000))
}
