//! The routes, and what every response has.

use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{App, article, assets, fallback, health, upgrade};
use crate::protocol::schema;

/// Nothing but the page's own script, style and connections; no inline code, no
/// remote images, no frames around it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// The schemas, which are made once.
static SCHEMA: LazyLock<Bytes> = LazyLock::new(|| schema::schema().to_string().into());
static ASYNCAPI: LazyLock<Bytes> = LazyLock::new(|| schema::asyncapi().to_string().into());

/// The path of the websocket.
pub const SOCKET_PATH: &str = "/v1/socket";

/// Makes what serves a path.
pub(super) type Route = fn() -> MethodRouter<Arc<App>>;

/// The paths that any page may ask for, and what serves them.
const ROUTES: &[(&str, Route)] = &[
    (SOCKET_PATH, || any(upgrade::upgrade)),
    ("/v1/schema.json", || get(|| async { document(&SCHEMA) })),
    ("/v1/asyncapi.json", || get(|| async { document(&ASYNCAPI) })),
    ("/healthz", || get(health::healthz)),
    ("/readyz", || get(health::readyz)),
    ("/metrics", || get(health::metrics)),
    ("/articles/{*id}", || get(article::article)),
    ("/", || get(|| async { assets::INDEX })),
    ("/try-it.js", || get(|| async { assets::SCRIPT })),
    ("/try-it.css", || get(|| async { assets::STYLE })),
    ("/article.css", || get(|| async { assets::ARTICLE_STYLE })),
];

/// The paths that are served, with `{…}` for what differs.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().chain(fallback::ROUTES).map(|(path, _)| *path)
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, (path, route)| router.route(path, route()));
    routes
        .merge(fallback::router(app.clone()))
        .fallback(|_: Method, _: Uri| async { refusal(Refusal::NotFound) })
        .method_not_allowed_fallback(|| async { refusal(Refusal::MethodNotAllowed) })
        .layer(middleware::from_fn(with_safe_headers))
        .with_state(app)
}

async fn with_safe_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is nothing at the path.
    NotFound,
    /// There is, but not with this method.
    MethodNotAllowed,
    /// The page's origin may not open a socket.
    Origin,
    /// A socket may not be opened by the name that the request uses.
    Host,
    /// It is the path of the websocket, and not a websocket request.
    NotWebsocket,
    /// Too many connections were made in a short time; one may be made in so many milliseconds.
    TooMany(u64),
}

/// A response that says why.
pub(crate) fn refusal(refusal: Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is nothing here"),
        Refusal::MethodNotAllowed => {
            (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "the method is not allowed here")
        }
        Refusal::Origin => (StatusCode::FORBIDDEN, "forbidden", "pages of this origin may not open a socket"),
        Refusal::Host => {
            (StatusCode::FORBIDDEN, "forbidden", "this name is neither loopback nor that of an allowed origin")
        }
        Refusal::NotWebsocket => {
            (StatusCode::UPGRADE_REQUIRED, "bad_request", "open this path as a websocket, version 13")
        }
        Refusal::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many connections in a short time"),
    };
    let mut response = (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response();
    if let Refusal::TooMany(wait_ms) = refusal {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1_000)));
    }
    response
}

/// Text with its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, HeaderValue::from_static(self.content_type))], self.text).into_response()
    }
}

/// JSON that is encoded already.
fn document(json: &Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json.clone()).into_response()
}

/// JSON with a status.
pub(crate) fn report(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
