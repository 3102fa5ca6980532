//! The same protocol over plain HTTP, for clients behind proxies that let no
//! websocket through.
//!
//! `POST /v1/sessions` takes what a socket's first frame would say and gives the
//! session that its `welcome` names; the header [`SESSION`] names it from then on.
//! `POST /v1/commands` takes frames and answers with the answers to their commands.
//! `GET /v1/conversations/{id}/events` tells what happens, as a stream of server-sent
//! events or as one long poll at a time. A session is a connection like a socket: the
//! same machine, the same log, the same limits.

mod answer;
mod cross_origin;
mod events;
mod follower;
mod session;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::App;
use super::clock::{anonymous_id, session_id};
use super::listener::Peer;
use super::router::Route;
use super::router::refusal;
use super::stay::Stay;
use crate::protocol::MAX_COMMAND_BYTES;
use crate::protocol::client_message::ClientMessage;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::frame::{FrameCommand, parse_frame};
use crate::protocol::server_message::CommandError;
use crate::session::state::Opening;

use follower::Place;
use session::{Answered, Call, Wish};
pub(crate) use sessions::Sessions;

/// The header that names a session.
const SESSION: &str = "docent-session";
/// The header in which a client tells the last event that it has seen.
const LAST_EVENT_ID: &str = "last-event-id";
/// Requests of one session that wait while another is carried out.
const WAITING_CALLS: usize = 8;

/// The paths that pages of allowed origins may ask for, and what serves them.
pub(super) const ROUTES: &[(&str, Route)] = &[
    ("/v1/sessions", || post(begin).delete(end).options(cross_origin::preflight)),
    ("/v1/commands", || post(commands).options(cross_origin::preflight)),
    ("/v1/conversations/{id}/events", || get(events).options(cross_origin::preflight)),
];

pub(super) fn router(app: Arc<App>) -> Router<Arc<App>> {
    let routes = ROUTES.iter().fold(Router::new(), |router, (path, route)| router.route(path, route()));
    routes.layer(middleware::from_fn_with_state(app, cross_origin::guard))
}

/// Begins a session.
async fn begin(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, CommandError> {
    let address = match app.admit(peer, &headers) {
        Ok(address) => address,
        Err(reason) => return Ok(refusal(reason)),
    };
    let text = text_of(&app, &headers, body).await?;
    let bad_request = |message: String| CommandError::new(ErrorCode::BadRequest, message);
    let frame = parse_frame(&text).map_err(|error| CommandError::new(error.code(), error.to_string()))?;
    let Ok([hello]) = <[FrameCommand; 1]>::try_from(frame) else {
        return Err(bad_request("a session begins with one command, `hello`".to_owned()));
    };
    let hello = with_bearer(hello, bearer(&headers)?)?;
    let id = session_id();
    let (sender, calls) = mpsc::channel(WAITING_CALLS);
    let Some(entry) = app.sessions.enter(&id, sender, app.settings.now().http_sessions) else {
        let mut error = CommandError::new(ErrorCode::RateLimited, "the server has no room for more sessions");
        error.retry_after_ms = Some(5_000);
        return Ok((StatusCode::SERVICE_UNAVAILABLE, error).into_response());
    };
    let opening = Opening { is_local: app.is_local(&headers), anonymous_id: anonymous_id() };
    let (reply, answer) = oneshot::channel();
    app.tracker.spawn(session::run(app.clone(), (id, address), (opening, hello), calls, entry, reply));
    Ok(match answer.await {
        Ok(answered) if answered.close.is_none() => answer::begun(&answered),
        Ok(answered) => answer::one(&answered),
        Err(_) => over().into_response(),
    })
}

/// Carries out a frame of commands.
async fn commands(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, CommandError> {
    let text = text_of(&app, &headers, body).await?;
    let frame = parse_frame(&text);
    let is_list = frame.is_ok() && text.trim_ascii_start().starts_with('[');
    let answered: Answered = call(&app, &headers, |reply| Wish::Commands(frame, reply)).await?;
    Ok(if is_list { answer::list(&answered) } else { answer::one(&answered) })
}

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

/// Tells what happens after the client's place in the log.
async fn events(
    State(app): State<Arc<App>>,
    Extension(stay): Extension<Stay>,
    Path(conversation): Path<String>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Response, CommandError> {
    // A client that comes back by itself repeats the address that it began with.
    let place = match text_in(&headers, LAST_EVENT_ID).map(str::to_owned).or(after) {
        Some(place) => Some(place.parse::<Place>()?),
        None => None,
    };
    let accept = text_in(&headers, ACCEPT.as_str()).unwrap_or_default();
    let polls = accept.contains("application/json") && !accept.contains("text/event-stream");
    let wished = place.clone();
    // An answer that is whole may take its time; of a stream only the end is left.
    let settings = app.settings.now();
    let streaming = stay.streaming(if polls { settings.http_timeout } else { settings.close_timeout });
    let follow = |reply| Wish::Follow { conversation, place: wished, streaming, reply };
    let follower = call(&app, &headers, follow).await??;
    Ok(if polls {
        events::poll(follower, place).await
    } else {
        events::stream(follower, Duration::from_millis(settings.session.heartbeat_ms))
    })
}

/// Ends a session.
async fn end(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, CommandError> {
    call(&app, &headers, Wish::End).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Asks the session that the request names.
async fn call<T>(
    app: &App,
    headers: &HeaderMap,
    wish: impl FnOnce(oneshot::Sender<T>) -> Wish,
) -> Result<T, CommandError> {
    let calls = text_in(headers, SESSION).and_then(|id| app.sessions.find(id)).ok_or_else(over)?;
    let (refuse, refused) = oneshot::channel();
    let (reply, answer) = oneshot::channel();
    let call = Call { bearer: bearer(headers)?, refuse, wish: wish(reply) };
    calls.try_send(call).map_err(|error| match error {
        mpsc::error::TrySendError::Closed(_) => over(),
        mpsc::error::TrySendError::Full(_) => {
            let mut error = CommandError::new(ErrorCode::RateLimited, "too many requests of this session wait");
            error.retry_after_ms = Some(1_000);
            error
        }
    })?;
    match answer.await {
        Ok(answer) => Ok(answer),
        Err(_) => Err(refused.await.unwrap_or_else(|_| over())),
    }
}

fn over() -> CommandError {
    CommandError::new(
        ErrorCode::AuthRequired,
        "no session goes on by the name in `docent-session`: begin one with POST /v1/sessions",
    )
}

/// The token in `Authorization`.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, CommandError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let unreadable = || CommandError::new(ErrorCode::AuthInvalid, "`Authorization` must be `Bearer` and a token");
    token.map(Some).ok_or_else(unreadable)
}

/// The token in the header says who says hello, as the one in its data would.
fn with_bearer(mut command: FrameCommand, bearer: Option<String>) -> Result<FrameCommand, CommandError> {
    if let (Ok(ClientMessage::Hello(hello)), Some(token)) = (&mut command.message, bearer) {
        if hello.identity_token.as_ref().is_some_and(|known| *known != token) {
            let message = "`Authorization` and `identity_token` are two tokens: send one";
            return Err(CommandError::new(ErrorCode::BadRequest, message));
        }
        hello.identity_token = Some(token);
    }
    Ok(command)
}

fn text_in<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The body of a request, which is JSON.
async fn text_of(app: &App, headers: &HeaderMap, body: Body) -> Result<String, CommandError> {
    let bad_request = |message: &str| CommandError::new(ErrorCode::BadRequest, message);
    let kind = text_in(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(bad_request("the body must be `application/json`"));
    }
    let read = timeout(app.settings.now().head_timeout, to_bytes(body, MAX_COMMAND_BYTES)).await;
    let bytes = read.map_err(|_| bad_request("the body took too long"))?.map_err(|_| {
        CommandError::new(ErrorCode::PayloadTooLarge, format!("a body has at most {MAX_COMMAND_BYTES} bytes"))
    })?;
    String::from_utf8(bytes.into()).map_err(|_| bad_request("the body is not UTF-8"))
}
