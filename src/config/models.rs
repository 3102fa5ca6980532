//! The chat models: `[model]` and `[fallback_model]` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use super::embeddings::address;
use super::setting::Reader;
use crate::adapters::chat_relay::ChatWaits;
use crate::adapters::openai_chat::OpenAiChatSettings;
use crate::adapters::scripted_chat::ScriptedSettings;
use crate::domain::secret::Secret;

/// Which chat models answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// The model; none when its address is not given.
    pub primary: Option<OpenAiChatSettings>,
    /// A model without a network in its place, for load tests.
    pub scripted: Option<ScriptedSettings>,
    /// The model that is asked when the first one fails.
    pub fallback: Option<OpenAiChatSettings>,
    /// How long they are waited for.
    pub waits: ChatWaits,
    /// Tokens that a conversation may have where no endpoint tells of its own.
    pub context_tokens: u32,
    /// Most tokens of one answer.
    pub max_output_tokens: u32,
}

/// Keys of one of the two tables.
struct Keys {
    section: &'static str,
    base_url: &'static str,
    api_key: &'static str,
    model: &'static str,
    context_tokens: &'static str,
    max_output_tokens: &'static str,
    begins_with_reasoning: &'static str,
}

/// Tokens that a model has room for.
#[derive(Clone, Copy)]
struct Room {
    context_tokens: u32,
    max_output_tokens: u32,
}

const PRIMARY: Keys = Keys {
    section: "model",
    base_url: "model.base_url",
    api_key: "model.api_key",
    model: "model.model",
    context_tokens: "model.context_tokens",
    max_output_tokens: "model.max_output_tokens",
    begins_with_reasoning: "model.begins_with_reasoning",
};

const FALLBACK: Keys = Keys {
    section: "fallback_model",
    base_url: "fallback_model.base_url",
    api_key: "fallback_model.api_key",
    model: "fallback_model.model",
    context_tokens: "fallback_model.context_tokens",
    max_output_tokens: "fallback_model.max_output_tokens",
    begins_with_reasoning: "fallback_model.begins_with_reasoning",
};

impl Models {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut millis = |key| Duration::from_millis(reader.number(key, 1_000, 3_600_000));
        let (connect, first_token, gap, turn) = (
            millis("model.connect_ms"),
            millis("model.first_token_ms"),
            millis("model.gap_ms"),
            millis("model.turn_ms"),
        );
        let least_chars = usize::try_from(reader.number("model.least_chars_in_20s", 0, 10_000)).unwrap_or_default();
        let scripted = scripted(reader);
        let primary_room = room(reader, &PRIMARY);
        let primary = if scripted.is_some() { None } else { endpoint(reader, &PRIMARY, primary_room, connect) };
        let fallback_room = room(reader, &FALLBACK);
        let fallback = endpoint(reader, &FALLBACK, fallback_room, connect);
        if primary.is_none() && scripted.is_none() && fallback.is_some() {
            let message = "there is a fallback for a model that is not there";
            reader.mistake(FALLBACK.base_url, message, "name the model itself in `model.base_url`");
        }
        let waits = ChatWaits { first_token, gap, turn, least_chars, ..ChatWaits::default() };
        let Room { context_tokens, max_output_tokens } = primary_room;
        Self { primary, scripted, fallback, waits, context_tokens, max_output_tokens }
    }
}

/// The endpoint, when it has an address. Its settings are read in any case, so
/// that a mistake in them is found before they are needed.
fn endpoint(reader: &mut Reader<'_>, keys: &Keys, room: Room, connect: Duration) -> Option<OpenAiChatSettings> {
    let is_given = |reader: &Reader<'_>, key| reader.given(key).is_some_and(|value| !value.is_empty());
    let has_address = is_given(reader, keys.base_url);
    let expected = "an address such as http://127.0.0.1:11434/v1";
    let base_url = has_address.then(|| reader.optional(keys.base_url, expected, address)).flatten();
    if has_address && !is_given(reader, keys.model) {
        let hint = format!("set `{}` to the name of a model that the endpoint has", keys.model);
        reader.mistake(keys.base_url, "the endpoint is not told which model to run", &hint);
    }
    let begins_with_reasoning = reader.parse(keys.begins_with_reasoning, "true or false", |text| text.parse().ok());
    Some(OpenAiChatSettings {
        section: keys.section,
        base_url: base_url?,
        api_key: reader.given(keys.api_key).filter(|key| !key.is_empty()).map(Secret::new),
        model: reader.text(keys.model).to_owned(),
        context_tokens: room.context_tokens,
        max_output_tokens: room.max_output_tokens,
        connect,
        begins_with_reasoning,
    })
}

/// The room of one of the two tables.
fn room(reader: &mut Reader<'_>, keys: &Keys) -> Room {
    let mut tokens = |key| u32::try_from(reader.number(key, 16, 100_000_000)).unwrap_or(u32::MAX);
    let (context_tokens, max_output_tokens) = (tokens(keys.context_tokens), tokens(keys.max_output_tokens));
    if max_output_tokens >= context_tokens {
        let message = format!("an answer of {max_output_tokens} tokens leaves no room in {context_tokens}");
        reader.mistake(keys.max_output_tokens, &message, "make it smaller than `context_tokens`");
    }
    Room { context_tokens, max_output_tokens }
}

/// A scripted model, which answers nobody's questions and is for this computer alone.
fn scripted(reader: &mut Reader<'_>) -> Option<ScriptedSettings> {
    reader.given(PRIMARY.base_url).filter(|address| address.starts_with("scripted"))?;
    let expected = "an address, or scripted:RATE with pieces in a second";
    let scripted = reader.optional(PRIMARY.base_url, expected, ScriptedSettings::parse)?;
    let is_local = reader.text("listen").parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    if !is_local {
        let message = "a scripted model is for load tests on this computer";
        reader.mistake(PRIMARY.base_url, message, "listen at 127.0.0.1, or name a real model");
    }
    Some(scripted)
}
