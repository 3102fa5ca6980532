//! Chooses the chat models.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::adapters::chat_relay::ChatRelay;
use crate::adapters::openai_chat::OpenAiChat;
use crate::adapters::spending_journal::SpendingJournal;
use crate::agent::generation::ChatUse;
use crate::config::Config;

/// The model that the configuration names, with its fallback, and what may be spent
/// on it; nothing when it names none. Endpoints are not reached yet, so that a server
/// starts without them. Spending is kept in the data folder `folder`, if any.
pub(super) fn of_config(config: &Config, folder: Option<&Path>) -> anyhow::Result<Option<ChatUse>> {
    let models = &config.models;
    let Some(primary) = &models.primary else { return Ok(None) };
    let relay = ChatRelay::new(Arc::new(OpenAiChat::new(primary)?), models.waits);
    let relay = match &models.fallback {
        Some(fallback) => relay.with_fallback(Arc::new(OpenAiChat::new(fallback)?), models.waits),
        None => relay,
    };
    let journal = match folder {
        Some(folder) => SpendingJournal::open(folder).context("what was spent on models cannot be read")?,
        None => SpendingJournal::in_memory(),
    };
    Ok(Some(ChatUse {
        model: Arc::new(relay),
        max_output_tokens: primary.max_output_tokens,
        ledger: Arc::new(journal),
        caps: config.limits.daily_tokens,
    }))
}
