//! Answers to commands as responses, and the HTTP status that each code stands for.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::session::Answered;
use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};
use crate::server::outbox::encode;

/// The header that says why the session is over: the close code of a socket.
pub(super) const CLOSE: HeaderName = HeaderName::from_static("docent-close");

/// A session that was begun.
pub(super) fn begun(answered: &Answered) -> Response {
    let welcome = answered.frames.first().map(ToString::to_string).unwrap_or_default();
    json(StatusCode::CREATED, answered.close, welcome)
}

/// The answer to the one command of a request; a `pong` has none.
pub(super) fn one(answered: &Answered) -> Response {
    let Some(text) = answered.frames.first() else {
        return (StatusCode::NO_CONTENT, closed(answered.close)).into_response();
    };
    let error = match text.starts_with(r#"{"type":"error""#).then(|| serde_json::from_str::<ServerFrame>(text)) {
        Some(Ok(ServerFrame { message: ServerMessage::Error(error), .. })) => Some(error),
        _ => None,
    };
    let status = error.as_ref().map_or(StatusCode::OK, |error| status_of(error.code));
    (error.as_ref().map(retry_after), json(status, answered.close, text.to_string())).into_response()
}

/// The answers to the commands of a request, in order.
pub(super) fn list(answered: &Answered) -> Response {
    json(StatusCode::OK, answered.close, listed(&answered.frames))
}

/// Frames as a list.
pub(super) fn listed<T: AsRef<str>>(frames: &[T]) -> String {
    let frames: Vec<&str> = frames.iter().map(AsRef::as_ref).collect();
    format!("[{}]", frames.join(","))
}

/// JSON that no cache keeps.
pub(super) fn json(status: StatusCode, close: Option<CloseCode>, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, closed(close), text).into_response()
}

fn closed(close: Option<CloseCode>) -> HeaderMap {
    close.map(|code| (CLOSE, HeaderValue::from(code.number()))).into_iter().collect()
}

fn retry_after(error: &CommandError) -> HeaderMap {
    let seconds = error.retry_after_ms.map(|millis| HeaderValue::from(millis.div_ceil(1_000)));
    seconds.map(|seconds| (RETRY_AFTER, seconds)).into_iter().collect()
}

impl IntoResponse for CommandError {
    fn into_response(self) -> Response {
        let (status, headers) = (status_of(self.code), retry_after(&self));
        let frame = ServerFrame::notice(ServerMessage::Error(self));
        (headers, json(status, None, encode(&frame))).into_response()
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::AuthRequired | ErrorCode::AuthInvalid | ErrorCode::AuthExpired => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::BadRequest | ErrorCode::UnknownType | ErrorCode::AttributeMissing => StatusCode::BAD_REQUEST,
        ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited | ErrorCode::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::ConversationNotFound
        | ErrorCode::RunNotFound
        | ErrorCode::ExperienceNotFound
        | ErrorCode::PostNotFound => StatusCode::NOT_FOUND,
        ErrorCode::RunInProgress | ErrorCode::ActionAlreadyClaimed | ErrorCode::IdempotencyConflict => {
            StatusCode::CONFLICT
        }
        ErrorCode::ActionExpired => StatusCode::GONE,
        ErrorCode::NotEligible | ErrorCode::ActionUnsupported | ErrorCode::ContentBlocked => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorCode::StorageUnavailable | ErrorCode::ModelUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::ModelTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
