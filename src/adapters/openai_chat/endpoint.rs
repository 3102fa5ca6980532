//! One request to an endpoint. async-openai makes it, with address and headers;
//! what comes back is taken from its transport, because its own reader of streams
//! gives up at the first event that it does not know, and keeps no bound.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::mpsc;
use url::Url;

use super::failure::{self, Complaint, Failure};
use super::request::{self, Content, Dialect};
use super::{OpenAiChatSettings, retry_after};

/// Most bytes of an error that are looked at.
const MAX_ERROR: usize = 64 << 10;
/// Most bytes of a list of models.
const MAX_MODELS: usize = 8 << 20;
/// Time for the content of an error.
const ERROR_TIME: Duration = Duration::from_secs(2);

/// The endpoint with its address, key and model.
pub(super) struct Endpoint {
    client: Client<OpenAIConfig>,
    http: reqwest::Client,
    model: String,
    settings: &'static str,
    /// How it wants to be asked, as far as it was found out.
    dialect: Mutex<Dialect>,
}

/// What became of a request.
pub(super) struct Sent<T> {
    pub outcome: Result<T, Failure>,
    /// How often it was sent.
    pub attempts: u32,
}

/// Why a request got no answer, and what the endpoint complains about.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
struct Refusal {
    failure: Failure,
    complaint: Complaint,
}

impl Endpoint {
    pub(super) fn new(settings: &OpenAiChatSettings) -> Result<Self, String> {
        let key = settings.api_key.as_ref().map(|key| key.reveal()).unwrap_or_default();
        if !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(format!("{}.api_key has characters that no key can have", settings.section));
        }
        let config = OpenAIConfig::new()
            .with_api_base(settings.base_url.trim_end_matches('/'))
            .with_api_key(key)
            // Else they come from variables of the environment that are not ours.
            .with_org_id("")
            .with_project_id("");
        // A redirect would carry the key to wherever it leads.
        let http = reqwest::Client::builder().connect_timeout(settings.connect).redirect(Policy::none()).build();
        let http = http.map_err(|_| "no HTTP client can be made".to_owned())?;
        Ok(Self {
            client: Client::build(http.clone(), config),
            http,
            model: settings.model.clone(),
            settings: settings.section,
            dialect: Mutex::new(Dialect {
                counts_completion: is_of_openai(&settings.base_url),
                tells_usage: true,
                takes_schema: true,
            }),
        })
    }

    /// How it wants to be asked, as far as it was found out.
    pub(super) fn dialect(&self) -> Dialect {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and returns the answer as soon as it begins to come. A request that
    /// the endpoint does not take because of its dialect is sent again in another.
    pub(super) async fn send(&self, content: &Content, max_output_tokens: u32) -> Sent<Response> {
        let mut attempts = 1;
        let mut dialect = self.dialect();
        loop {
            let body = request::body(&self.model, content, max_output_tokens, dialect);
            let sent = self.through(|client| async move { client.chat().create_byot(body).await }).await;
            let refusal = match sent {
                Ok(response) => {
                    *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = dialect;
                    return Sent { outcome: Ok(response), attempts };
                }
                Err(refusal) => refusal,
            };
            match other_dialect(dialect, &refusal, attempts) {
                Some(other) => dialect = other,
                None => return Sent { outcome: Err(refusal.failure), attempts },
            }
            attempts += 1;
        }
    }

    /// What the endpoint tells of its models, when it does within the time. It is asked
    /// again when that fails: it may have closed the connection that the answer before
    /// has left open.
    pub(super) async fn models(&self, within: Duration) -> Option<Value> {
        let told = async {
            match self.listed().await {
                Some(models) => Some(models),
                None => self.listed().await,
            }
        };
        tokio::time::timeout(within, told).await.ok()?
    }

    async fn listed(&self) -> Option<Value> {
        let mut response = self.through(|client| async move { client.models().list_byot().await }).await.ok()?;
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.ok()? {
            body.extend_from_slice(&part);
            if body.len() > MAX_MODELS {
                return None;
            }
        }
        serde_json::from_slice(&body).ok()
    }

    /// Lets async-openai ask, and takes the answer from its transport.
    async fn through<F, A>(&self, ask: F) -> Result<Response, Refusal>
    where
        F: FnOnce(Client<OpenAIConfig>) -> A,
        A: Future<Output = Result<IgnoredAny, OpenAIError>>,
    {
        let (begun, mut response) = mpsc::channel(1);
        let (http, settings) = (self.http.clone(), self.settings);
        let transport = tower::service_fn(move |request: HttpRequestFactory| {
            let (http, begun) = (http.clone(), begun.clone());
            async move {
                let response =
                    send(&http, request, settings).await.map_err(|refusal| OpenAIError::Boxed(refusal.into()))?;
                // Its receiver waits below.
                let _ = begun.try_send(response);
                Ok::<_, OpenAIError>(Response::from(hyper::http::Response::new("null")))
            }
        });
        let unknown =
            || Refusal { failure: Failure::passing("it could not be asked"), complaint: Complaint::default() };
        match ask(self.client.clone().with_http_service(transport)).await {
            Ok(IgnoredAny) => response.try_recv().map_err(|_| unknown()),
            Err(OpenAIError::Boxed(error)) => {
                Err(error.downcast::<Refusal>().map_or_else(|_| unknown(), |refusal| *refusal))
            }
            Err(_) => Err(unknown()),
        }
    }
}

/// The dialect to try after the endpoint complained about one, if there is one.
fn other_dialect(dialect: Dialect, refusal: &Refusal, attempts: u32) -> Option<Dialect> {
    let complaint = refusal.complaint;
    if attempts > 2 {
        return None;
    }
    if complaint.names_usage && dialect.tells_usage {
        return Some(Dialect { tells_usage: false, ..dialect });
    }
    if complaint.names_schema && dialect.takes_schema {
        return Some(Dialect { takes_schema: false, ..dialect });
    }
    complaint.names_limit.then_some(Dialect { counts_completion: !dialect.counts_completion, ..dialect })
}

/// Sends a request and returns what comes back, unless it is an error.
async fn send(http: &reqwest::Client, request: HttpRequestFactory, settings: &str) -> Result<Response, Refusal> {
    let unasked = |failure| Refusal { failure, complaint: Complaint::default() };
    let request = request.build().await.map_err(|_| unasked(Failure::passing("it could not be asked")))?;
    let response = http.execute(request).await.map_err(|error| unasked(unreached(&error)))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after::read(response.headers());
    let complaint = Complaint::in_words(&error_text(response).await);
    let failure = failure::of_status(status, retry_after, complaint, settings);
    // Only a request that was understood and refused is worth another dialect.
    let is_refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
    Err(Refusal { failure, complaint: if is_refused { complaint } else { Complaint::default() } })
}

/// What an endpoint says of an error, as far as it comes soon.
async fn error_text(mut response: Response) -> String {
    let mut text = Vec::new();
    let read = async {
        while let Ok(Some(part)) = response.chunk().await {
            text.extend_from_slice(&part[..part.len().min(MAX_ERROR - text.len())]);
            if text.len() == MAX_ERROR {
                return;
            }
        }
    };
    // What is here counts, also when the rest is late.
    let _ = tokio::time::timeout(ERROR_TIME, read).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// Why an endpoint gave no bytes.
pub(super) fn unreached(error: &reqwest::Error) -> Failure {
    Failure::passing(if error.is_connect() { "it cannot be reached" } else { "the connection to it broke" })
}

fn is_of_openai(base_url: &str) -> bool {
    let host = Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".openai.azure.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openai_counts_completions_from_the_start() {
        assert!(is_of_openai("https://api.openai.com/v1"));
        assert!(is_of_openai("https://mine.openai.azure.com/openai/v1"));
        assert!(!is_of_openai("http://127.0.0.1:11434/v1"));
        assert!(!is_of_openai("https://api.openai.com.example.net/v1"));
    }

    #[test]
    fn another_dialect_is_tried_twice_at_most() {
        let refusal = |words: &str| Refusal { failure: Failure::refused("no"), complaint: Complaint::in_words(words) };
        let dialect = Dialect { counts_completion: false, tells_usage: true, takes_schema: true };
        let other = Dialect { counts_completion: true, ..dialect };
        assert_eq!(other_dialect(dialect, &refusal("max_tokens is not supported"), 1), Some(other));
        let other = Dialect { takes_schema: false, ..dialect };
        assert_eq!(other_dialect(dialect, &refusal("response_format json_schema is unavailable"), 1), Some(other));
        let other = Dialect { tells_usage: false, ..dialect };
        assert_eq!(other_dialect(dialect, &refusal("unknown field stream_options"), 2), Some(other));
        assert_eq!(other_dialect(other, &refusal("unknown field stream_options"), 2), None);
        assert_eq!(other_dialect(dialect, &refusal("max_tokens is not supported"), 3), None);
        assert_eq!(other_dialect(dialect, &refusal("no"), 1), None);
    }
}
