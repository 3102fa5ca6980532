//! From a request to a websocket.
//!
//! Done here and not by the framework, so that the task is tracked from the start,
//! the raw stream can be watched, and a client without a common version learns why.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use hyper::upgrade::Parts;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::App;
use super::clock::anonymous_id;
use super::listener::{Peer, Place};
use super::router::{Refusal, refusal};
use super::{host, origin, socket};
use crate::protocol::SUBPROTOCOL;
use crate::session::state::Opening;

/// Which version a client and the server have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    /// The client named none, and takes what there is.
    Unnamed,
    /// This one.
    Common,
    /// None; the first one that the client named.
    Foreign(HeaderValue),
}

pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(place): Extension<Place>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    if request.method() != Method::GET {
        return refusal(Refusal::MethodNotAllowed);
    }
    if let Err(reason) = origin::check(&app, request.headers()) {
        return refusal(reason);
    }
    let has_key = request.headers().get(SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24);
    let mut response = match create_response_with_body(&request, Body::empty) {
        Ok(response) if has_key => response,
        Ok(_) | Err(_) => {
            let mut response = refusal(Refusal::NotWebsocket);
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return response;
        }
    };
    if let Err(reason) = host::check(&app, request.headers()) {
        return refusal(reason);
    }
    let address = match app.admit(peer, request.headers()) {
        Ok(address) => address,
        Err(reason) => return refusal(reason),
    };
    let opening = Opening { is_local: app.is_local(request.headers()), anonymous_id: anonymous_id() };
    let version = negotiate(request.headers());
    let common = match version {
        Version::Unnamed => true,
        Version::Common => {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            true
        }
        // Without the echo a browser would see the connection fail without a reason,
        // and would try again and again.
        Version::Foreign(first) => {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
            false
        }
    };
    let upgraded = hyper::upgrade::on(&mut request);
    app.tracker.spawn({
        let app = app.clone();
        async move {
            let Ok(upgraded) = upgraded.await else { return };
            let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<TcpStream>>() else {
                tracing::error!("an upgraded connection is not a TCP stream");
                return;
            };
            let early = read_buf.to_vec();
            // Even an empty one keeps the 8 KiB that the request was read into.
            drop(read_buf);
            socket::run(io.into_inner(), early, common.then_some(opening), (place, address), app).await;
        }
    });
    debug_assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    response
}

fn negotiate(headers: &HeaderMap) -> Version {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut offers = offers.flat_map(|value| value.split(',')).map(str::trim).filter(|offer| !offer.is_empty());
    let Some(first) = offers.next() else { return Version::Unnamed };
    if first == SUBPROTOCOL || offers.any(|offer| offer == SUBPROTOCOL) {
        return Version::Common;
    }
    HeaderValue::from_str(first).map_or(Version::Unnamed, Version::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_agreed_on_or_the_first_offer_echoed() {
        let check = |offers: &[&'static str], expected: Version| {
            let mut headers = HeaderMap::new();
            for offer in offers {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
            }
            assert_eq!(negotiate(&headers), expected, "{offers:?}");
        };
        check(&[], Version::Unnamed);
        check(&["docent.chat.v1"], Version::Common);
        check(&["docent.chat.v9, docent.chat.v1"], Version::Common);
        check(&["docent.chat.v9", "docent.chat.v1"], Version::Common);
        check(&["docent.chat.v9, other"], Version::Foreign(HeaderValue::from_static("docent.chat.v9")));
    }
}
