//! Chooses the chat model, and what may be spent on it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::exchanges::ExchangeArgs;
use crate::adapters::chat_recording::{ChatRecorder, ChatReplay};
use crate::adapters::chat_relay::ChatRelay;
use crate::adapters::openai_chat::OpenAiChat;
use crate::adapters::scripted_chat::ScriptedChat;
use crate::adapters::spending_journal::SpendingJournal;
use crate::agent::generation::ChatUse;
use crate::config::Config;
use crate::config::models::Models;
use crate::ports::chat_model::ChatModel;

/// The chat model of a command.
#[derive(Default)]
pub(super) struct ChosenChat {
    /// The model and what may be spent on it; nothing when there is none.
    pub(super) chat: Option<ChatUse>,
    replay: Option<Arc<ChatReplay>>,
}

impl ChosenChat {
    /// The time as of which something is asked: that of the recordings, or now.
    pub(super) fn now(&self) -> Timestamp {
        self.replay.as_ref().and_then(|replay| replay.recorded_at()).unwrap_or_else(Timestamp::now)
    }

    /// Fails when something was asked that is not recorded.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let misses = self.replay.as_ref().map(|replay| replay.take_misses()).unwrap_or_default();
        if misses.is_empty() { Ok(()) } else { bail!("{}", misses.join("\n")) }
    }
}

/// The model that the configuration names, with its fallback, as `exchanges` want it.
/// Endpoints are not reached yet, so that a server starts without them. Spending is
/// kept in the data folder `folder`, if any.
pub(super) fn of_config(
    config: &Config,
    folder: Option<&Path>,
    exchanges: &ExchangeArgs,
) -> anyhow::Result<ChosenChat> {
    let models = &config.models;
    let (model, replay): (Arc<dyn ChatModel>, _) = match (&exchanges.replay, configured(models)?, &exchanges.record) {
        (Some(folder), _, _) => {
            let replay = Arc::new(ChatReplay::open(folder, models.context_tokens)?);
            (Arc::clone(&replay) as _, Some(replay))
        }
        (None, Some(model), Some(folder)) => (Arc::new(ChatRecorder::open(model, folder, Timestamp::now())?), None),
        (None, Some(model), None) => (model, None),
        (None, None, Some(_)) => bail!("there is no chat model to record; name one with `model.base_url`"),
        (None, None, None) => return Ok(ChosenChat::default()),
    };
    let journal = match folder {
        Some(folder) => SpendingJournal::open(folder).context("what was spent on models cannot be read")?,
        None => SpendingJournal::in_memory(),
    };
    let (max_output_tokens, caps) = (models.max_output_tokens, config.limits.daily_tokens);
    Ok(ChosenChat { chat: Some(ChatUse { model, max_output_tokens, ledger: Arc::new(journal), caps }), replay })
}

fn configured(models: &Models) -> anyhow::Result<Option<Arc<dyn ChatModel>>> {
    let primary: Arc<dyn ChatModel> = match (&models.scripted, &models.primary) {
        (Some(settings), _) => Arc::new(ScriptedChat::new(*settings, models.context_tokens, micros)),
        (None, Some(settings)) => Arc::new(OpenAiChat::new(settings)?),
        (None, None) => return Ok(None),
    };
    let relay = ChatRelay::new(primary, models.waits);
    Ok(Some(Arc::new(match &models.fallback {
        Some(fallback) => relay.with_fallback(Arc::new(OpenAiChat::new(fallback)?), models.waits),
        None => relay,
    })))
}

fn micros() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default()
}
