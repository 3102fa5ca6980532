//! Every setting: its key, its default and what it means.

use std::collections::BTreeMap;
use std::fmt;

use crate::diagnostic::{Diagnostic, Place};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in the file, with dots.
    pub key: &'static str,
    /// Value when nobody gives one; empty when there is none.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether a running server takes a new value when it is told to reload.
    pub is_live: bool,
}

const fn setting(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default, meaning, is_live: false }
}

const fn live(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default, meaning, is_live: true }
}

/// All settings, in the order in which they are documented.
pub const ALL: &[Setting] = &[
    setting("listen", "127.0.0.1:8787", "address to listen at"),
    setting("knowledge", "knowledge", "folder with the project's knowledge"),
    setting("prompts", "", "folder with the prompts; `prompts` beside the knowledge when not given"),
    live("origins", "", "origins whose pages may connect, beside the server's own"),
    live(
        "trusted_proxies",
        "",
        "addresses or networks of the proxies whose `X-Forwarded-For` tells a client's address",
    ),
    setting("project_key", "local", "public name of the project, which clients say in their first frame"),
    live(
        "identity.secret",
        "",
        "secret that your server signs users' tokens with, 32 bytes or more; no tokens when not given",
    ),
    live("identity.key_id", "", "name of that secret, which a token's `kid` tells"),
    live("identity.previous_secret", "", "secret that was in use before, while tokens of both are about"),
    live("identity.previous_key_id", "", "name of the previous secret"),
    live(
        "identity.enforce",
        "true",
        "whether a token that does not hold closes its connection; false takes its client for an anonymous one",
    ),
    live("trace", "", "whether clients may ask for the trace of a turn; on the same computer only when not given"),
    setting("handover.webhook_url", "", "address that handovers to people are told at; nobody is told when not given"),
    setting("handover.webhook_secret", "", "what those requests are signed with; they are not signed when not given"),
    live("public_metrics", "false", "whether other computers may read /metrics"),
    setting("vectors.store", "memory", "where vectors are searched: memory or qdrant"),
    setting("qdrant.url", "http://127.0.0.1:6334", "address of Qdrant's gRPC interface"),
    setting("qdrant.api_key", "", "the key that Qdrant asks for; none when not given"),
    setting("qdrant.collection", "docent", "alias of the newest version in Qdrant; its collections begin with it"),
    setting("qdrant.timeout_ms", "150", "time for a search in Qdrant, in milliseconds"),
    setting("log", "text", "how the log is written: text or json"),
    live(
        "log_level",
        "info",
        "what the log holds: error, warn, info, debug, trace, or a filter such as info,docent::server=debug",
    ),
    setting(
        "data",
        "docent-data",
        "folder for what Docent keeps on disk: conversations, models and vectors; `:memory:` keeps conversations in memory alone",
    ),
    live("retention_days", "", "days that a conversation is kept in which nothing happens; for good when not given"),
    setting("embedder", "static", "what compares meanings: static, transformer or openai"),
    setting("model_dir", "", "folder of the model that the transformer runs"),
    setting("model_hub", "https://huggingface.co", "where `docent model fetch` gets models from"),
    setting("embeddings.base_url", "https://api.openai.com/v1", "address of the endpoint, before `/embeddings`"),
    setting("embeddings.api_key", "", "key of the endpoint"),
    setting("embeddings.model", "text-embedding-3-small", "model of the endpoint"),
    setting("embeddings.dimensions", "", "components to ask the endpoint for; the model's own when not given"),
    setting(
        "embeddings.languages",
        "",
        "languages that the model knows; those of its card, else English, when not given",
    ),
    setting("embeddings.question_prompt", "", "text that the model wants before a question; its own when not given"),
    setting("embeddings.passage_prompt", "", "text that the model wants before a passage; its own when not given"),
    setting("embeddings.cache_mb", "2048", "bound of the vectors kept on disk, in MiB"),
    setting(
        "model.base_url",
        "",
        "address of the chat model's endpoint, before `/chat/completions`; no model when not given",
    ),
    setting("model.api_key", "", "key of the endpoint"),
    setting("model.model", "", "model of the endpoint"),
    setting("model.context_tokens", "8192", "tokens that a conversation and its answer may have together"),
    setting("model.max_output_tokens", "1024", "tokens that one answer of the model may have"),
    setting(
        "model.begins_with_reasoning",
        "false",
        "whether its answers begin with reasoning that only a closing tag tells apart",
    ),
    setting("model.connect_ms", "5000", "time to reach the endpoint, in milliseconds"),
    setting("model.first_token_ms", "20000", "time until an answer begins, all tries together, in milliseconds"),
    setting("model.gap_ms", "15000", "time between two pieces of an answer, in milliseconds"),
    setting("model.turn_ms", "120000", "time for a whole answer, in milliseconds"),
    setting("model.least_chars_in_20s", "20", "characters that an answer must gain within 20 seconds"),
    setting("fallback_model.base_url", "", "address of the model that is asked when the first one fails"),
    setting("fallback_model.api_key", "", "key of its endpoint"),
    setting("fallback_model.model", "", "its name there"),
    setting("fallback_model.context_tokens", "8192", "tokens that a conversation and its answer may have together"),
    setting("fallback_model.max_output_tokens", "1024", "tokens that one answer of it may have"),
    setting(
        "fallback_model.begins_with_reasoning",
        "false",
        "whether its answers begin with reasoning that only a closing tag tells apart",
    ),
    setting(
        "limits.max_connections",
        "16000",
        "connections at once; never above the open files that the system allows",
    ),
    live("limits.sockets_per_user", "8", "websockets and HTTP sessions that one user may have open"),
    live("limits.http_sessions", "4000", "sessions over plain HTTP at once"),
    live(
        "limits.http_idle_ms",
        "60000",
        "time after which a session over plain HTTP ends without a request, in milliseconds",
    ),
    live(
        "limits.daily_turns_per_user",
        "",
        "turns that one user may take in a day; what project.yaml says when not given",
    ),
    setting(
        "limits.daily_tokens",
        "",
        "tokens of chat models that all turns of a day may use; no bound when not given",
    ),
    setting("limits.daily_tokens_per_user", "", "tokens of chat models that one user may use in a day"),
    setting(
        "limits.daily_tokens_of_visitors",
        "",
        "tokens of chat models that all unsigned visitors together may use in a day",
    ),
    live(
        "limits.daily_turns_per_visitor",
        "",
        "turns that one anonymous visitor may take in a day; as many as a user when not given",
    ),
    live("limits.daily_turns", "", "turns that all together may take in a day; any number when not given"),
    live("limits.turns_per_min_visitor", "10", "turns of an anonymous visitor in a minute"),
    live("limits.turns_per_min_user", "60", "turns of a user with a token in a minute"),
    live("limits.turns_per_min_address", "120", "turns from one address in a minute"),
    live("limits.turns_per_min", "12000", "turns of all together in a minute"),
    live("limits.connections_per_min_user", "60", "connections of a user or a visitor in a minute"),
    live("limits.connections_per_min_address", "180", "connections from one address in a minute"),
    live("limits.connections_burst_address", "20", "connections from one address at once"),
    live("limits.connections_per_min", "60000", "connections of all together in a minute"),
    setting("limits.head_timeout_ms", "10000", "time for the head of a request, in milliseconds"),
    live("limits.hello_timeout_ms", "5000", "time for the first frame of a socket, in milliseconds"),
    setting("limits.heartbeat_ms", "25000", "time between two pings, in milliseconds"),
    live("limits.text_chars", "8000", "longest message of a user, in characters"),
    live("limits.commands_per_10s", "20", "commands of one socket in ten seconds"),
    live("limits.outbound_events", "256", "events that wait for a slow reader before it is closed"),
    live("limits.outbound_bytes", "262144", "bytes that wait for a slow reader before it is closed"),
    live("limits.drain_ms", "30000", "time for running turns to end at shutdown, in milliseconds"),
];

/// Prefixes of variables that are not settings of the server.
pub const ELSEWHERE: &[&str] = &["DOCENT_TEST_"];

impl Setting {
    /// Name of its environment variable, such as `DOCENT_LIMITS_DRAIN_MS`.
    pub fn variable(&self) -> String {
        format!("DOCENT_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Values as they were given, with the place of each.
#[derive(Clone, Default)]
pub(super) struct Raw(BTreeMap<&'static str, (String, Place)>);

impl Raw {
    pub(super) fn set(&mut self, key: &'static str, value: String, place: Place) {
        self.0.insert(key, (value, place));
    }

    /// The settings whose values differ from those of `other`.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'static Setting> + 'a {
        ALL.iter().filter(move |setting| {
            let value = |raw: &'a Self| raw.value(setting.key).unwrap_or(setting.default);
            value(self) != value(other)
        })
    }

    /// Takes the value of `key` from `other`, or that it is not given.
    pub(super) fn keep(&mut self, key: &'static str, other: &Self) {
        self.0.remove(key);
        self.0.extend(other.0.get_key_value(key).map(|(key, given)| (*key, given.clone())));
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|(value, _)| value.as_str())
    }
}

/// Secrets are among the values, so the keys alone are shown.
impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where a value stands makes no difference.
impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.differing(other).next().is_none()
    }
}

/// Reads values, and notes each mistake.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a Raw,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The value that was given, if one was.
    pub(super) fn given(&self, key: &str) -> Option<&str> {
        self.raw.value(key)
    }

    /// The value, else the default.
    pub(super) fn text(&self, key: &str) -> &str {
        self.given(key).unwrap_or_else(|| default(key))
    }

    /// The value as `read` reads it. A mistake is noted, and the default stands in.
    pub(super) fn parse<T>(&mut self, key: &'static str, expected: &str, read: impl Fn(&str) -> Option<T>) -> T {
        self.optional(key, expected, &read)
            .unwrap_or_else(|| read(default(key)).expect("the default of a setting can be read"))
    }

    /// The value of a setting without a default, when it was given. A mistake is noted.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (value, place) = self.raw.0.get(key)?;
        let parsed = read(value);
        if parsed.is_none() {
            // An address may have a password in it.
            let shown = if value.contains('@') { "the value".to_owned() } else { format!("`{value}`") };
            let message = format!("{shown} is not {expected}");
            self.diagnostics.push(Diagnostic::error("bad-value", place.clone(), message));
        }
        parsed
    }

    /// Notes a mistake of the value of `key` that other settings make one.
    pub(super) fn mistake(&mut self, key: &str, message: &str, hint: &str) {
        let place = self.raw.0.get(key).map_or_else(|| Place::file("the configuration"), |(_, place)| place.clone());
        self.diagnostics.push(Diagnostic::error("bad-value", place, message.to_owned()).hint(hint));
    }

    /// The value as a whole number between `min` and `max`.
    pub(super) fn number(&mut self, key: &'static str, min: u64, max: u64) -> u64 {
        self.parse(key, &format!("a whole number from {min} to {max}"), |text| {
            text.parse().ok().filter(|number| (min..=max).contains(number))
        })
    }
}

fn default(key: &str) -> &'static str {
    ALL.iter().find(|setting| setting.key == key).map(|setting| setting.default).unwrap_or_default()
}
