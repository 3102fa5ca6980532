//! Closing a websocket so that the client learns why.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::Stream;
use crate::protocol::close_code::CloseCode;
use crate::server::outbox::Outbox;

/// Sends what waits and the close frame, then waits for the client's, for `limit` in all.
///
/// After that the stream is read to its end: closing it with unread bytes would
/// reset it, and the reset may overtake the close frame.
pub(super) async fn close(stream: &mut Stream, code: CloseCode, outbox: &Arc<Outbox>, limit: Duration) {
    tracing::debug!(close.code = code.number(), "closing a socket");
    let _ = timeout(limit, async {
        while let Some(text) = outbox.pop() {
            if stream.feed(Message::Text(text)).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame { code: code.number().into(), reason: code.reason().into() };
        if stream.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        while let Some(Ok(_)) = stream.next().await {}
        let raw = stream.get_mut().get_mut();
        let _ = raw.shutdown().await;
        let mut rest = [0; 4096];
        while raw.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}
