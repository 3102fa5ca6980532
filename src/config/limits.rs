//! What bounds connections and commands.

use std::time::Duration;

use super::setting::Reader;
use crate::agent::generation::TokenCaps;

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
    /// Turns of one user in a day, instead of what the project says.
    pub daily_turns_per_user: Option<u64>,
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
            daily_turns_per_user: reader
                .optional("limits.daily_turns_per_user", "a whole number of turns", |text| text.parse().ok()),
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

fn size(reader: &mut Reader<'_>, key: &'static str, min: u64, max: u64) -> usize {
    usize::try_from(reader.number(key, min, max)).unwrap_or(usize::MAX)
}

fn tokens(reader: &mut Reader<'_>, key: &'static str) -> Option<u64> {
    reader.optional(key, "a whole number of tokens", |text| text.parse().ok())
}

fn millis(reader: &mut Reader<'_>, key: &'static str) -> Duration {
    Duration::from_millis(reader.number(key, 100, 600_000))
}
