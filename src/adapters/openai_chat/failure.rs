//! Why an endpoint gave no answer, and what can be done about it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::ports::chat_model::ChatFault;

/// Why an endpoint gave no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What can be done about it.
    pub fault: ChatFault,
    /// Cause, for the log. It never holds what the endpoint wrote, which may
    /// repeat the conversation or parts of a key.
    pub reason: String,
}

impl Failure {
    /// One that a later try may not meet.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { fault: ChatFault::Unavailable { retry_after: None }, reason: reason.into() }
    }

    /// One that lasts until somebody changes something.
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self { fault: ChatFault::Refused, reason: reason.into() }
    }

    /// The same once the answer has begun, when nothing can be done about it.
    pub(super) fn after_the_beginning(self) -> Self {
        Self { fault: ChatFault::Broken, ..self }
    }
}

/// What an endpoint complains about, as far as Docent knows the words for it.
/// They differ by endpoint, and nothing but these marks is kept of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Status that the error itself tells.
    code: Option<u16>,
    is_too_long: bool,
    is_out_of_quota: bool,
    is_overload: bool,
    is_key: bool,
    is_request: bool,
    /// It does not take `max_tokens`, or `max_completion_tokens`.
    pub names_limit: bool,
    /// It does not take `stream_options`.
    pub names_usage: bool,
    /// It does not take `response_format` with a schema.
    pub names_schema: bool,
}

const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "context_window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length",
    "too many input tokens",
    "too many tokens",
    "reduce the length",
    "string_above_max_length",
    "request too large",
    "request_too_large",
];
const OUT_OF_QUOTA: &[&str] = &["insufficient_quota", "exceeded your current quota", "billing", "insufficient balance"];
const OVERLOAD: &[&str] = &[
    "rate_limit",
    "rate limit",
    "overloaded",
    "server_error",
    "internal_error",
    "internal error",
    "too many requests",
];
const KEY: &[&str] = &["invalid_api_key", "authentication", "permission", "unauthorized"];
const REQUEST: &[&str] = &["invalid_request", "model_not_found", "not_found_error", "badrequest", "bad_request"];

impl Complaint {
    /// Reads an error as JSON holds it.
    pub(super) fn of(error: &Value) -> Self {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let code = ["code", "status", "status_code"].iter().find_map(|key| number(error.get(*key)?));
        let code = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (300..600).contains(code));
        Self { code, ..Self::in_words(&error.to_string()) }
    }

    /// Reads an error of any form.
    pub(super) fn in_words(text: &str) -> Self {
        let text = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let is_too_long = has(TOO_LONG);
        Self {
            code: None,
            is_too_long,
            is_out_of_quota: has(OUT_OF_QUOTA),
            is_overload: has(OVERLOAD),
            is_key: has(KEY),
            is_request: has(REQUEST),
            names_limit: !is_too_long && has(&["max_tokens", "max_completion_tokens"]),
            names_usage: has(&["stream_options", "include_usage"]),
            names_schema: has(&["response_format", "json_schema", "structured output"]),
        }
    }

    /// What it means when an endpoint says it in place of an answer.
    pub(super) fn failure(self, settings: &str) -> Failure {
        if let Some(status) = self.code.and_then(|code| StatusCode::from_u16(code).ok()) {
            return of_status(status, None, self, settings);
        }
        if self.is_too_long {
            return too_long();
        }
        if self.is_out_of_quota {
            return Failure::refused("its quota is used up");
        }
        if self.is_key && !self.is_overload {
            return Failure::refused(format!("it does not accept the key; check {settings}.api_key"));
        }
        if self.is_request && !self.is_overload {
            return Failure::refused(format!("it refuses the request; check the settings under {settings}"));
        }
        Failure::passing("it answered with an error")
    }
}

fn too_long() -> Failure {
    Failure { fault: ChatFault::TooLong, reason: "the conversation is too long for the model".to_owned() }
}

/// What a status means, beside what the endpoint complains about; `settings` is
/// where its settings stand.
pub(super) fn of_status(
    status: StatusCode,
    retry_after: Option<Duration>,
    complaint: Complaint,
    settings: &str,
) -> Failure {
    let code = status.as_u16();
    match code {
        413 => too_long(),
        400 | 422 | 500 if complaint.is_too_long => too_long(),
        401 | 403 => Failure::refused(format!("it does not accept the key (HTTP {code}); check {settings}.api_key")),
        402 => Failure::refused("it wants to be paid (HTTP 402)"),
        429 if complaint.is_out_of_quota => Failure::refused("its quota is used up (HTTP 429)"),
        404 => Failure::refused(format!(
            "it does not know the address or the model (HTTP 404); check {settings}.base_url and {settings}.model"
        )),
        408 | 409 | 425 | 429 | 498 | 500..=599 => {
            Failure { fault: ChatFault::Unavailable { retry_after }, reason: format!("it answered with HTTP {code}") }
        }
        _ => Failure::refused(format!("it answered with HTTP {code}; check the settings under {settings}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(error: &Value) -> ChatFault {
        Complaint::of(error).failure("model").fault
    }

    #[test]
    fn errors_of_many_endpoints_are_told_apart() {
        let passing = ChatFault::Unavailable { retry_after: None };
        for (error, expected) in [
            (json!({"message": "You exceeded your current quota", "type": "insufficient_quota"}), ChatFault::Refused),
            (json!({"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}), passing),
            (json!({"code": 429, "message": "Provider returned error"}), passing),
            (json!({"code": "502", "message": "Bad gateway"}), passing),
            (json!({"type": "overloaded_error", "message": "Overloaded"}), passing),
            (json!({"code": "context_length_exceeded", "message": "too long"}), ChatFault::TooLong),
            (
                json!({"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}),
                ChatFault::TooLong,
            ),
            (
                json!({"object": "error", "code": 400, "message": "This model's maximum context length is 4096 tokens, max_tokens 90"}),
                ChatFault::TooLong,
            ),
            (json!({"code": "invalid_api_key", "message": "Incorrect API key"}), ChatFault::Refused),
            (json!({"code": 404, "message": "no such model"}), ChatFault::Refused),
            (json!("something went wrong"), passing),
            (json!({}), passing),
            (json!({"code": 99_999}), passing),
        ] {
            assert_eq!(fault(&error), expected, "{error}");
        }
    }

    #[test]
    fn what_a_dialect_does_not_take_is_noticed() {
        let limit = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'";
        assert!(Complaint::in_words(limit).names_limit);
        assert!(Complaint::in_words("Unrecognized request argument supplied: stream_options").names_usage);
        let long = "This model's maximum context length is 10 tokens, however you requested 90 in max_tokens";
        assert!(!Complaint::in_words(long).names_limit, "another name for the limit would not help");
    }
}
