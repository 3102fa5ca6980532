//! Websockets below the protocol: limits, the codes of faulty bytes, and closing so
//! that the client learns why.

mod fragments;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::protocol::close_code::CloseCode;
use fragments::FragmentGuard;

/// A websocket.
pub type WebSocket = WebSocketStream<FragmentGuard<TcpStream>>;

/// Bytes that are read or written at a time: what an idle socket keeps.
const BUFFER: usize = 512;

/// The limits of a websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Largest message of the client, in bytes.
    pub message_bytes: usize,
    /// Most fragments of one message.
    pub fragments: u32,
    /// Most bytes that wait to be written.
    pub waiting_bytes: usize,
}

/// Serves the websocket on a stream that was upgraded, of which `early` was read before.
pub async fn accept(stream: TcpStream, early: Vec<u8>, limits: WebSocketLimits) -> WebSocket {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(limits.waiting_bytes)
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes));
    let guard = FragmentGuard::new(stream, limits.fragments, &early);
    if early.is_empty() {
        WebSocketStream::from_raw_socket(guard, Role::Server, Some(config)).await
    } else {
        WebSocketStream::from_partially_read(guard, early, Role::Server, Some(config)).await
    }
}

/// How to close after bytes that are not a message; `None` when nobody is there.
pub fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::TooBig),
        Error::Utf8(_) => Some(CloseCode::InvalidText),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Io(error) if fragments::is_too_many(error) => Some(CloseCode::TooBig),
        Error::Io(_)
        | Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => None,
    }
}

/// Sends what is `left` and the close frame, then waits for the client's, for `limit` in all.
///
/// After that the stream is read to its end: closing it with unread bytes would
/// reset it, and the reset may overtake the close frame.
pub async fn close(
    socket: &mut WebSocket,
    code: CloseCode,
    left: impl IntoIterator<Item = Utf8Bytes>,
    limit: Duration,
) {
    tracing::debug!(close.code = code.number(), "closing a socket");
    let _ = timeout(limit, async {
        for text in left {
            if socket.feed(Message::Text(text)).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame { code: code.number().into(), reason: code.reason().into() };
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        while let Some(Ok(_)) = socket.next().await {}
        let raw = socket.get_mut().get_mut();
        let _ = raw.shutdown().await;
        let mut rest = [0; 4096];
        while raw.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}
