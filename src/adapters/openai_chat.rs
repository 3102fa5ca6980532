//! A chat model behind any HTTP endpoint that speaks OpenAI's chat completions.
//!
//! Endpoints differ in nearly everything that the API leaves open, so their
//! answers are read leniently. But an answer without an end is never taken for a
//! whole one, and nothing that an endpoint says of an error is passed on.
//!
//! It waits as long as an endpoint takes, but for connecting; who asks sets bounds.

mod answer;
mod calls;
mod chunk;
mod endpoint;
mod event_stream;
mod failure;
pub mod probe;
mod reasoning;
mod request;
mod retry_after;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Response;

pub use self::answer::AnswerReader;
use self::endpoint::{Endpoint, unreached};
pub use self::failure::Failure;
use crate::domain::secret::Secret;
use crate::ports::chat_model::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream};

/// How long the usage is waited for when an answer has ended.
const USAGE_TIME: Duration = Duration::from_millis(500);

/// Which endpoint and model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAiChatSettings {
    /// Where these settings stand, for messages to the operator.
    pub section: &'static str,
    /// Address before `/chat/completions`, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// Name of the model.
    pub model: String,
    /// Tokens that a conversation and its answer may have together.
    pub context_tokens: u32,
    /// Tokens that an answer may have, whatever is asked for.
    pub max_output_tokens: u32,
    /// Time to reach the endpoint.
    pub connect: Duration,
    /// Whether the model begins to reason without a tag, and closes it with one. It is
    /// found out at its first answer; until then that answer may show its reasoning.
    pub begins_with_reasoning: bool,
}

/// A chat model behind an endpoint.
pub struct OpenAiChat {
    name: String,
    section: &'static str,
    context_tokens: u32,
    max_output_tokens: u32,
    endpoint: Endpoint,
    /// Whether the model begins to reason without a tag, as far as it was found out.
    begins_with_reasoning: Arc<AtomicBool>,
}

impl OpenAiChat {
    /// Reaches nothing yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: &OpenAiChatSettings) -> Result<Self, ChatError> {
        let name = name_of(settings);
        let endpoint = Endpoint::new(settings);
        let refused = |reason| error(&name, Failure::refused(reason), 0);
        let endpoint = endpoint.map_err(refused)?;
        let OpenAiChatSettings { section, context_tokens, max_output_tokens, .. } = *settings;
        let begins_with_reasoning = Arc::new(AtomicBool::new(settings.begins_with_reasoning));
        Ok(Self { section, context_tokens, max_output_tokens, endpoint, begins_with_reasoning, name })
    }
}

#[async_trait]
impl ChatModel for OpenAiChat {
    fn name(&self) -> &str {
        &self.name
    }

    fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        let max_output_tokens = request.max_output_tokens.min(self.max_output_tokens);
        let sent = self.endpoint.send(&request::content(request), max_output_tokens).await;
        let (name, attempts) = (self.name.clone(), sent.attempts);
        let response = sent.outcome.map_err(|failure| error(&name, failure, attempts))?;
        let mut reader = AnswerReader::new(max_output_tokens, self.section);
        if self.begins_with_reasoning.load(Ordering::Relaxed) {
            reader = reader.of_unopened_reasoning();
        }
        let begins_with_reasoning = Arc::clone(&self.begins_with_reasoning);
        let arrival = Arrival { response, reader, begins_with_reasoning, events: VecDeque::new() };
        let events = stream::unfold(arrival, |mut arrival| async move {
            let event = arrival.next().await?;
            Some((event, arrival))
        });
        let model = name.clone();
        let mut events = events.map_err(move |failure| error(&model, failure, attempts)).boxed();
        let first = events.next().await;
        let first = first.unwrap_or_else(|| Err(error(&name, Failure::passing("its answer is empty"), attempts)))?;
        Ok(ChatStream { model: name, attempts, events: stream::iter([Ok(first)]).chain(events).boxed() })
    }
}

/// An answer on its way, with what of it was read ahead.
struct Arrival {
    response: Response,
    reader: AnswerReader,
    begins_with_reasoning: Arc<AtomicBool>,
    events: VecDeque<Result<ChatEvent, Failure>>,
}

impl Arrival {
    async fn next(&mut self) -> Option<Result<ChatEvent, Failure>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.reader.is_over() {
                return None;
            }
            let part = self.response.chunk();
            let part = if self.reader.has_ending() {
                tokio::time::timeout(USAGE_TIME, part).await.unwrap_or(Ok(None))
            } else {
                part.await
            };
            self.events.extend(match part {
                Ok(Some(bytes)) => self.reader.read(&bytes),
                Ok(None) => self.reader.end(),
                Err(error) => self.reader.break_off(unreached(&error)),
            });
            if self.reader.is_unopened_reasoning() {
                self.begins_with_reasoning.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn error(model: &str, failure: Failure, attempts: u32) -> ChatError {
    ChatError { model: model.to_owned(), fault: failure.fault, reason: failure.reason, attempts }
}

/// Model and address.
fn name_of(settings: &OpenAiChatSettings) -> String {
    let address = settings.base_url.split_once("://").map_or(settings.base_url.as_str(), |(_, address)| address);
    format!("{}@{}", settings.model, address.trim_end_matches('/'))
}
