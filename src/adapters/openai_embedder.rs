//! An embedder behind any HTTP endpoint that speaks OpenAI's embeddings API.
//!
//! Texts go in batches of bounded size, a few at once, and are tried again for a
//! bounded time; what comes back is checked before it is believed. A question is
//! tried once and briefly, since a turn goes on without its vector, and after a
//! failure the endpoint is left alone for a while, so that turns do not wait for
//! it one after the other.

mod answer;
mod endpoint;
mod retry;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::endpoint::{Endpoint, Failure};
use self::retry::Patience;
use crate::domain::secret::Secret;
use crate::ports::embedder::{EmbedError, Embedder, Role, Vectors};

/// Characters of a text that are sent; models of this kind read about 8,000 tokens.
const TEXT_CHARS: usize = 8_000;
/// Texts and characters of one request.
const REQUEST_TEXTS: usize = 64;
const REQUEST_CHARS: usize = 64_000;
/// Requests of one call that are under way at once.
const REQUESTS_AT_ONCE: usize = 4;
/// Largest dimension that is believed.
const MAX_DIMENSION: usize = 16_384;

/// Which endpoint and model, and how long they are waited for.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// Address before `/embeddings`, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// Name of the model.
    pub model: String,
    /// Components to ask for; the model's own when absent, which are found out
    /// by a first request.
    pub dimensions: Option<usize>,
    /// Languages that the model knows, as primary subtags.
    pub languages: BTreeSet<String>,
    /// Text before each question.
    pub question_prompt: String,
    /// Text before each passage.
    pub passage_prompt: String,
    /// How long is waited, and how often it is tried.
    pub waits: Waits,
}

/// How long the endpoint is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For the vector of a question.
    pub question: Duration,
    /// For one request with passages.
    pub passages: Duration,
    /// Between two tries: a random part of this, doubled each time.
    pub first_pause: Duration,
    /// Longest pause, and longest `Retry-After` that is followed.
    pub longest_pause: Duration,
    /// How often a request with passages is sent at most.
    pub tries: u32,
    /// How long questions are not sent after a failure.
    pub rest: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            question: Duration::from_secs(2),
            passages: Duration::from_secs(30),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            tries: 5,
            rest: Duration::from_secs(5),
        }
    }
}

/// An embedder behind an endpoint.
pub struct OpenAiEmbedder {
    name: String,
    settings: OpenAiSettings,
    endpoint: Endpoint,
    dimension: usize,
    /// Until when questions are not sent.
    rests_until: Mutex<Option<Instant>>,
}

impl OpenAiEmbedder {
    /// Reaches the endpoint once, which shows whether it accepts key, model and
    /// dimensions. With dimensions that are told, an endpoint that is away is
    /// logged, and used once it is back.
    ///
    /// # Errors
    /// When the endpoint refuses, or is away while the dimension is not known.
    pub async fn connect(settings: OpenAiSettings) -> Result<Self, EmbedError> {
        let name = name_of(&settings);
        let refused = |reason: String| EmbedError::Refused { embedder: name.clone(), reason };
        let endpoint = Endpoint::new(&settings).map_err(refused)?;
        let mut embedder = Self {
            name,
            endpoint,
            dimension: settings.dimensions.unwrap_or(0),
            settings,
            rests_until: Mutex::default(),
        };
        let trial = embedder.endpoint.send(&["a trial"], embedder.settings.waits.passages).await;
        match (trial, embedder.settings.dimensions) {
            (Ok(vectors), wanted) => {
                let dimension = vectors.dimension();
                if dimension > MAX_DIMENSION || wanted.is_some_and(|wanted| wanted != dimension) {
                    return Err(embedder.refused(format!(
                        "its vectors have {dimension} components, not {}; set embeddings.dimensions to what the model gives",
                        wanted.unwrap_or(MAX_DIMENSION)
                    )));
                }
                embedder.dimension = dimension;
                Ok(embedder)
            }
            (Err(failure), Some(_)) if failure.may_pass() => {
                tracing::warn!(embedder.name = embedder.name, reason = failure.reason(), "the embedder is away");
                Ok(embedder)
            }
            (Err(failure), None) if failure.may_pass() => Err(EmbedError::Unavailable {
                embedder: embedder.name,
                reason: format!(
                    "{}; with embeddings.dimensions set, Docent starts without it and uses it once it is back",
                    failure.reason()
                ),
            }),
            (Err(failure), _) => Err(embedder.refused(failure.reason().to_owned())),
        }
    }

    fn refused(&self, reason: String) -> EmbedError {
        EmbedError::Refused { embedder: self.name.clone(), reason }
    }

    fn failed(&self, failure: &Failure) -> EmbedError {
        let (embedder, reason) = (self.name.clone(), failure.reason().to_owned());
        if failure.may_pass() {
            EmbedError::Unavailable { embedder, reason }
        } else {
            EmbedError::Refused { embedder, reason }
        }
    }

    /// The vectors of one request, by the patience that the role has.
    async fn request(&self, texts: Vec<String>, role: Role) -> Result<Vectors, Failure> {
        let waits = self.settings.waits;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (wait, mut patience) = match role {
            Role::Question => (waits.question, Patience::none()),
            Role::Phrase | Role::Passage => (waits.passages, Patience::of(waits)),
        };
        loop {
            let failure = match self.endpoint.send(&texts, wait).await {
                Ok(vectors) if vectors.dimension() == self.dimension => return Ok(vectors),
                Ok(vectors) => Failure::lasting(format!(
                    "its vectors have {} components and no longer {}",
                    vectors.dimension(),
                    self.dimension
                )),
                Err(failure) => failure,
            };
            match patience.pause_after(&failure) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure),
            }
        }
    }

    fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self) {
        let until = Instant::now() + self.settings.waits.rest;
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn knows(&self, language: &str) -> bool {
        self.settings.languages.contains(language)
    }

    fn is_word(&self, _word: &str) -> bool {
        false
    }

    async fn embed(&self, texts: &[&str], role: Role) -> Result<Vectors, EmbedError> {
        if role == Role::Question && self.rests() {
            let reason = "it failed a moment ago and is left alone for a while".to_owned();
            return Err(EmbedError::Unavailable { embedder: self.name.clone(), reason });
        }
        let prompt = match role {
            Role::Question | Role::Phrase => &self.settings.question_prompt,
            Role::Passage => &self.settings.passage_prompt,
        };
        // Endpoints refuse a text without content; it has no direction anyway.
        let sent: Vec<usize> = (0..texts.len()).filter(|at| !texts[*at].trim().is_empty()).collect();
        let prompted: Vec<String> =
            sent.iter().map(|at| prompt.chars().chain(texts[*at].chars()).take(TEXT_CHARS).collect()).collect();
        let requests = stream::iter(requests(prompted)).map(|texts| self.request(texts, role));
        let answers: Result<Vec<Vectors>, Failure> = requests.buffered(REQUESTS_AT_ONCE).try_collect().await;
        let answers = answers.map_err(|failure| {
            if failure.may_pass() {
                self.rest();
            }
            self.failed(&failure)
        })?;
        let mut values = vec![0.0; texts.len() * self.dimension];
        for (at, vector) in sent.into_iter().zip(answers.iter().flat_map(Vectors::iter)) {
            values[at * self.dimension..][..self.dimension].copy_from_slice(vector);
        }
        Ok(Vectors::new(self.dimension, values))
    }
}

/// Model and address; with prompts, which change every vector, also a hash of them.
fn name_of(settings: &OpenAiSettings) -> String {
    let address = settings.base_url.split_once("://").map_or(settings.base_url.as_str(), |(_, address)| address);
    let mut name = format!("{}@{}", settings.model, address.trim_end_matches('/'));
    if !settings.question_prompt.is_empty() || !settings.passage_prompt.is_empty() {
        let prompts = Sha256::digest(format!("{:?}{:?}", settings.question_prompt, settings.passage_prompt));
        name.push('+');
        name.extend(prompts[..4].iter().map(|byte| format!("{byte:02x}")));
    }
    name
}

/// Parts of the texts, each within what one request may hold.
fn requests(texts: Vec<String>) -> Vec<Vec<String>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut chars = 0;
    for text in texts {
        let added = text.chars().count();
        match parts.last_mut().filter(|part| part.len() < REQUEST_TEXTS && chars + added <= REQUEST_CHARS) {
            Some(part) => {
                part.push(text);
                chars += added;
            }
            None => {
                parts.push(vec![text]);
                chars = added;
            }
        }
    }
    parts
}
