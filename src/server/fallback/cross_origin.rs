//! Which pages may use the fallback: those that may open a socket, and no other.
//!
//! The origin is checked before anything is done, and repeated exactly in what allows
//! a page to read the answer: there is no wildcard, and there are no credentials.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::router::refusal;
use crate::server::{App, host, origin};

/// Lets through what comes from an allowed origin, or from no page.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Err(reason) = origin::check(&app, headers).and_then(|()| host::check(&app, headers)) {
        return refusal(reason);
    }
    let origin = headers.get(ORIGIN).cloned();
    let mut response = next.run(request).await;
    response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("docent-close, retry-after");
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

/// What a page of an allowed origin may send.
pub(super) async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE")),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, docent-session, last-event-id"),
        ),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
