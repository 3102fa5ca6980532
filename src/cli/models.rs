//! Chooses the chat models.

use std::sync::Arc;

use crate::adapters::chat_relay::ChatRelay;
use crate::adapters::openai_chat::OpenAiChat;
use crate::config::Config;
use crate::ports::chat_model::ChatModel;

/// The model that the configuration names, with its fallback; nothing when it
/// names none. Endpoints are not reached yet, so that a server starts without them.
#[expect(dead_code, reason = "the commands that run turns call it")]
pub(super) fn of_config(config: &Config) -> anyhow::Result<Option<Arc<dyn ChatModel>>> {
    let models = &config.models;
    let Some(primary) = &models.primary else { return Ok(None) };
    let relay = ChatRelay::new(Arc::new(OpenAiChat::new(primary)?), models.waits);
    let relay = match &models.fallback {
        Some(fallback) => relay.with_fallback(Arc::new(OpenAiChat::new(fallback)?), models.waits),
        None => relay,
    };
    Ok(Some(Arc::new(relay)))
}
