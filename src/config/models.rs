//! The chat models: `[model]` and `[fallback_model]` of the configuration.

use std::time::Duration;

use super::embeddings::address;
use super::setting::Reader;
use crate::adapters::chat_relay::ChatWaits;
use crate::adapters::openai_chat::OpenAiChatSettings;
use crate::domain::secret::Secret;

/// Which chat models answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// The model; none when its address is not given.
    pub primary: Option<OpenAiChatSettings>,
    /// The model that is asked when the first one fails.
    pub fallback: Option<OpenAiChatSettings>,
    /// How long they are waited for.
    pub waits: ChatWaits,
}

/// Keys of one of the two tables.
struct Keys {
    section: &'static str,
    base_url: &'static str,
    api_key: &'static str,
    model: &'static str,
    context_tokens: &'static str,
    max_output_tokens: &'static str,
}

const PRIMARY: Keys = Keys {
    section: "model",
    base_url: "model.base_url",
    api_key: "model.api_key",
    model: "model.model",
    context_tokens: "model.context_tokens",
    max_output_tokens: "model.max_output_tokens",
};

const FALLBACK: Keys = Keys {
    section: "fallback_model",
    base_url: "fallback_model.base_url",
    api_key: "fallback_model.api_key",
    model: "fallback_model.model",
    context_tokens: "fallback_model.context_tokens",
    max_output_tokens: "fallback_model.max_output_tokens",
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
        let primary = endpoint(reader, &PRIMARY, connect);
        let fallback = endpoint(reader, &FALLBACK, connect);
        if primary.is_none() && fallback.is_some() {
            let message = "there is a fallback for a model that is not there";
            reader.mistake(FALLBACK.base_url, message, "name the model itself in `model.base_url`");
        }
        Self { primary, fallback, waits: ChatWaits { first_token, gap, turn, least_chars, ..ChatWaits::default() } }
    }
}

/// The endpoint, when it has an address. Its settings are read in any case, so
/// that a mistake in them is found before they are needed.
fn endpoint(reader: &mut Reader<'_>, keys: &Keys, connect: Duration) -> Option<OpenAiChatSettings> {
    let is_given = |reader: &Reader<'_>, key| reader.given(key).is_some_and(|value| !value.is_empty());
    let has_address = is_given(reader, keys.base_url);
    let expected = "an address such as http://127.0.0.1:11434/v1";
    let base_url = has_address.then(|| reader.optional(keys.base_url, expected, address)).flatten();
    if has_address && !is_given(reader, keys.model) {
        let hint = format!("set `{}` to the name of a model that the endpoint has", keys.model);
        reader.mistake(keys.base_url, "the endpoint is not told which model to run", &hint);
    }
    let mut tokens = |key| u32::try_from(reader.number(key, 16, 100_000_000)).unwrap_or(u32::MAX);
    let (context_tokens, max_output_tokens) = (tokens(keys.context_tokens), tokens(keys.max_output_tokens));
    if max_output_tokens >= context_tokens {
        let message = format!("an answer of {max_output_tokens} tokens leaves no room in {context_tokens}");
        reader.mistake(keys.max_output_tokens, &message, "make it smaller than `context_tokens`");
    }
    Some(OpenAiChatSettings {
        section: keys.section,
        base_url: base_url?,
        api_key: reader.given(keys.api_key).filter(|key| !key.is_empty()).map(Secret::new),
        model: reader.text(keys.model).to_owned(),
        context_tokens,
        max_output_tokens,
        connect,
    })
}
