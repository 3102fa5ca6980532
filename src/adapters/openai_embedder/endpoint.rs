//! One request to the endpoint, through async-openai, and what may come of it.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{OpenAiSettings, answer};
use crate::ports::embedder::Vectors;

/// Most bytes of an answer: 64 vectors of 16,384 components with room to spare.
const MAX_ANSWER: usize = 32 << 20;
/// Time to reach the endpoint at all.
const CONNECT: Duration = Duration::from_secs(5);

/// Why a request gave nothing. The reason never holds what the endpoint wrote,
/// which may repeat texts or parts of a key.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Failure {
    reason: String,
    may_pass: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    /// One that a later try may not meet.
    pub(super) fn passing(reason: String, retry_after: Option<Duration>) -> Self {
        Self { reason, may_pass: true, retry_after }
    }

    /// One that lasts until somebody changes something.
    pub(super) fn lasting(reason: String) -> Self {
        Self { reason, may_pass: false, retry_after: None }
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    pub(super) fn may_pass(&self) -> bool {
        self.may_pass
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let code = status.as_u16();
        match code {
            401 | 403 => Self::lasting(format!("it does not accept the key (HTTP {code}); check embeddings.api_key")),
            404 => Self::lasting(
                "it does not know the address or the model (HTTP 404); check embeddings.base_url and embeddings.model"
                    .to_owned(),
            ),
            408 | 429 | 500..=599 => Self::passing(format!("it answered with HTTP {code}"), retry_after),
            _ => Self::lasting(format!("it answered with HTTP {code}; check the settings under embeddings")),
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
    encoding_format: &'a str,
}

/// The endpoint with its address, key and model.
pub(super) struct Endpoint {
    client: Client<OpenAIConfig>,
    model: String,
    dimensions: Option<usize>,
}

impl Endpoint {
    pub(super) fn new(settings: &OpenAiSettings) -> Result<Self, String> {
        let key = settings.api_key.as_ref().map(|key| key.reveal()).unwrap_or_default();
        let config = OpenAIConfig::new().with_api_base(settings.base_url.trim_end_matches('/')).with_api_key(key);
        // A redirect would carry the key to wherever it leads.
        let http = reqwest::Client::builder().connect_timeout(CONNECT).redirect(Policy::none()).build();
        let http = http.map_err(|_| "no HTTP client can be made".to_owned())?;
        let service = tower::service_fn(move |request: HttpRequestFactory| send(http.clone(), request));
        let client = Client::build(reqwest::Client::new(), config).with_http_service(service);
        Ok(Self { client, model: settings.model.clone(), dimensions: settings.dimensions })
    }

    /// The vectors of the texts, within the time.
    pub(super) async fn send(&self, texts: &[&str], within: Duration) -> Result<Vectors, Failure> {
        let request =
            Request { model: &self.model, input: texts, dimensions: self.dimensions, encoding_format: "float" };
        let embeddings = self.client.embeddings();
        let answered = tokio::time::timeout(within, embeddings.create_byot(request)).await;
        let answer: Box<RawValue> = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(OpenAIError::Boxed(error))) => {
                let other = || Failure::passing("it could not be asked".to_owned(), None);
                return Err(error.downcast::<Failure>().map_or_else(|_| other(), |failure| *failure));
            }
            Ok(Err(_)) => return Err(Failure::passing("its answer cannot be read".to_owned(), None)),
            Err(_) => {
                return Err(Failure::passing(format!("it did not answer within {} ms", within.as_millis()), None));
            }
        };
        answer::vectors(&answer, texts.len()).map_err(|reason| Failure::passing(reason, None))
    }
}

/// Sends a request and reads what comes back, up to a bound. Trying again is not
/// its matter, and what the endpoint says of an error is not read.
async fn send(http: reqwest::Client, request: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
    let boxed = |failure: Failure| OpenAIError::Boxed(Box::new(failure));
    let request = request.build().await?;
    let mut response = http.execute(request).await.map_err(|error| boxed(unreached(&error)))?;
    let status = response.status();
    if !status.is_success() {
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = header.and_then(|value| value.trim().parse().ok());
        return Err(boxed(Failure::of_status(status, seconds.map(Duration::from_secs))));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| boxed(unreached(&error)))? {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(boxed(Failure::passing("its answer is too long".to_owned(), None)));
        }
        body.extend_from_slice(&part);
    }
    // async-openai writes an answer that it cannot read into the log.
    if serde_json::from_slice::<IgnoredAny>(&body).is_err() {
        return Err(boxed(Failure::passing("its answer is not JSON".to_owned(), None)));
    }
    Ok(hyper::http::Response::new(body).into())
}

fn unreached(error: &reqwest::Error) -> Failure {
    let what = if error.is_connect() { "it cannot be reached" } else { "the connection to it broke" };
    Failure::passing(what.to_owned(), None)
}
