//! Exchanges with a chat model, kept as files and given again without it.
//!
//! Each exchange is one readable JSON file, named by the hash of its request:
//! what the model was told and offered, and the pieces of its answer. Keys and
//! addresses are not in it; the conversation is. Only answers that ended well are
//! kept, since a failure tells of an endpoint and not of a model.

mod difference;
mod exchange;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use self::exchange::{Exchange, hash_of, written};
use crate::ports::chat_model::{ChatError, ChatEvent, ChatFault, ChatModel, ChatRequest, ChatStream};

/// Why exchanges cannot be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder or a file in it cannot be read or written.
    #[error("the recordings in {folder}: {error}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Cause.
        error: std::io::Error,
    },
    /// A file is not a recording.
    #[error("{file} is not a recording: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// Cause.
        error: serde_json::Error,
    },
}

/// A model whose answers are kept.
pub struct ChatRecorder {
    inner: Arc<dyn ChatModel>,
    folder: Arc<Path>,
    begun: Timestamp,
}

impl ChatRecorder {
    /// Keeps what `inner` answers from now on in `folder`, which is made when it is
    /// not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(inner: Arc<dyn ChatModel>, folder: &Path, now: Timestamp) -> Result<Self, RecordingError> {
        let failed = |error| RecordingError::Folder { folder: folder.to_owned(), error };
        std::fs::create_dir_all(folder).map_err(failed)?;
        Ok(Self { inner, folder: folder.into(), begun: now })
    }
}

#[async_trait]
impl ChatModel for ChatRecorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn context_tokens(&self) -> u32 {
        self.inner.context_tokens()
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        let answer = self.inner.answer(request).await?;
        let (folder, context_tokens) = (Arc::clone(&self.folder), self.context_tokens());
        let mut exchange = Exchange::begin(request, &answer.model, context_tokens, self.begun);
        let events = answer.events.then(move |event| {
            let is_whole = exchange.push(&event);
            let whole = is_whole.then(|| (exchange.clone(), Arc::clone(&folder)));
            async move {
                if let Some((exchange, folder)) = whole
                    && let Err(error) = exchange.save(&folder).await
                {
                    tracing::error!(%error, "an exchange with the chat model could not be recorded");
                }
                event
            }
        });
        Ok(ChatStream { events: events.boxed(), ..answer })
    }
}

/// A model that gives recorded answers, and no others.
pub struct ChatReplay {
    folder: PathBuf,
    /// By the hash of their request.
    exchanges: BTreeMap<String, Exchange>,
    context_tokens: u32,
    misses: Mutex<Vec<String>>,
}

impl ChatReplay {
    /// Reads all recordings in `folder`. `context_tokens` counts when there are none.
    ///
    /// # Errors
    /// When the folder cannot be read or holds something else.
    pub fn open(folder: &Path, context_tokens: u32) -> Result<Self, RecordingError> {
        let failed = |error| RecordingError::Folder { folder: folder.to_owned(), error };
        let mut exchanges = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&file).map_err(failed)?;
            let exchange: Exchange =
                serde_json::from_str(&text).map_err(|error| RecordingError::File { file, error })?;
            exchanges.insert(exchange.hash(), exchange);
        }
        let context_tokens = exchanges.values().next().map_or(context_tokens, Exchange::context_tokens);
        Ok(Self { folder: folder.to_owned(), exchanges, context_tokens, misses: Mutex::default() })
    }

    /// When the newest recording was begun. A prompt has the date, so who asks the same
    /// again asks as of then.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.exchanges.values().filter_map(Exchange::recorded_at).max()
    }

    /// What was asked and is not recorded, since the last time.
    pub fn take_misses(&self) -> Vec<String> {
        std::mem::take(&mut self.misses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn miss(&self, hash: &str, request: &Value) -> String {
        let requests = self.exchanges.iter().map(|(hash, exchange)| (hash.as_str(), exchange.request()));
        let nearest = difference::nearest(request, requests);
        let nearest = nearest.unwrap_or_else(|| format!("there is none in {}", self.folder.display()));
        format!("no recording of the request {hash}; {nearest}")
    }
}

#[async_trait]
impl ChatModel for ChatReplay {
    fn name(&self) -> &'static str {
        "recordings"
    }

    fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        let request = written(request);
        let hash = hash_of(&request);
        if let Some(exchange) = self.exchanges.get(&hash) {
            let events: Vec<Result<ChatEvent, ChatError>> = exchange.events().map(Ok).collect();
            return Ok(ChatStream {
                model: exchange.model().to_owned(),
                attempts: 1,
                events: stream::iter(events).boxed(),
            });
        }
        let reason = self.miss(&hash, &request);
        self.misses.lock().unwrap_or_else(PoisonError::into_inner).push(reason.clone());
        Err(ChatError { model: self.name().to_owned(), fault: ChatFault::Refused, reason, attempts: 0 })
    }
}
