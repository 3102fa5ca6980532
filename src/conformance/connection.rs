//! One socket to the server, and what must hold for every frame that comes over it.

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Server;
use super::transcript::Connect;
use crate::protocol::MAX_SERVER_FRAME_BYTES;
use crate::protocol::server_message::{ServerFrame, ServerMessage};

/// A socket.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The cursor that `hello` brought.
    resumed_after: Option<u64>,
    order: Order,
}

/// What came over a socket.
pub(super) enum Arrival {
    Frame(Value),
    /// It was closed with a code.
    Closed(u16),
    /// It ended without a close frame.
    Cut,
}

/// What came of opening a socket.
pub(super) enum Opened {
    Open(Box<Connection>),
    /// The server answered with this status.
    Refused(u16),
}

/// Which numbers of events may come next.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    last: u64,
    /// Holes up to here were compacted and are no loss.
    compacted_to: u64,
}

impl Connection {
    pub(super) async fn open(server: &Server, connect: &Connect) -> anyhow::Result<Opened> {
        let mut request = server.socket.as_str().into_client_request()?;
        if !connect.protocols.is_empty() {
            let offers = HeaderValue::from_str(&connect.protocols.join(", "))?;
            request.headers_mut().insert("sec-websocket-protocol", offers);
        }
        if let Some(origin) = &connect.origin {
            request.headers_mut().insert("origin", HeaderValue::from_str(origin)?);
        }
        match timeout(server.patience, connect_async(request)).await.context("the socket does not open in time")? {
            Ok((socket, _)) => {
                let connection = Self { socket, resumed_after: None, order: Order::default() };
                Ok(Opened::Open(Box::new(connection)))
            }
            Err(Error::Http(response)) => Ok(Opened::Refused(response.status().as_u16())),
            Err(error) => Err(error).context("the socket does not open"),
        }
    }

    /// Sends a frame. That the server is gone is seen by what comes, or does not.
    pub(super) async fn send(&mut self, frame: &Value) {
        if frame["type"] == "hello" {
            self.resumed_after = frame["data"]["resume"]["after_seq"].as_u64();
        }
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub(super) async fn send_message(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// The next thing that comes; pings are answered.
    ///
    /// # Errors
    /// What is wrong with a frame, whatever was expected.
    pub(super) async fn next(&mut self, server: &Server) -> Result<Arrival, String> {
        loop {
            let came = timeout(server.patience, self.socket.next()).await;
            let came = came.map_err(|_| format!("nothing came for {:?}", server.patience))?;
            let text = match came {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    return Ok(frame.map_or(Arrival::Cut, |frame| Arrival::Closed(frame.code.into())));
                }
                Some(Ok(Message::Binary(_))) => return Err("a binary frame came".to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => return Ok(Arrival::Cut),
            };
            let frame = self.checked(&text)?;
            if frame["type"] == "ping" {
                self.send(&serde_json::json!({"type": "pong"})).await;
            } else {
                return Ok(Arrival::Frame(frame));
            }
        }
    }

    fn checked(&mut self, text: &str) -> Result<Value, String> {
        if text.len() > MAX_SERVER_FRAME_BYTES {
            return Err(format!("a frame of {} bytes came", text.len()));
        }
        let frame: Value = serde_json::from_str(text).map_err(|error| format!("a frame is not JSON: {error}"))?;
        let name = frame["type"].as_str().ok_or_else(|| format!("a frame has no type: {frame}"))?;
        // Later versions may say more; what they say of this version must be as it is.
        if ServerMessage::TYPES.contains(&name) {
            serde_json::from_str::<ServerFrame>(text)
                .map_err(|error| format!("the frame is not as the schema says: {error}: {frame}"))?;
        }
        self.order.advance(&frame, self.resumed_after)?;
        Ok(frame)
    }
}

impl Order {
    fn advance(&mut self, frame: &Value, resumed_after: Option<u64>) -> Result<(), String> {
        let data = &frame["data"];
        if frame["type"] == "welcome" {
            let seq = data["seq"].as_u64().unwrap_or(0);
            let resumed = resumed_after.filter(|_| data["resumed"] == true);
            *self = Self { last: resumed.unwrap_or(seq), compacted_to: seq };
        } else if frame["type"] == "ack" && data["conversation_id"].is_string() {
            // Another conversation became the current one, and is told from its beginning.
            *self = Self::default();
        }
        let Some(seq) = frame["seq"].as_u64() else { return Ok(()) };
        let first = data["from_seq"].as_u64().map_or(seq, |from| from.min(seq));
        if seq <= self.last {
            return Err(format!("event {seq} came after event {}: {frame}", self.last));
        }
        if first > self.last + 1 && seq > self.compacted_to {
            return Err(format!("events between {} and {first} are missing: {frame}", self.last));
        }
        self.last = seq;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn holes_and_repetitions_are_noticed_where_nothing_explains_them() {
        let welcome = json!({"type": "welcome", "data": {"seq": 5, "resumed": true}});
        let event = |seq: u64| json!({"type": "message.delta", "seq": seq, "data": {}});
        let merged = |from: u64, seq: u64| json!({"type": "message.delta", "seq": seq, "data": {"from_seq": from}});
        let check = |frames: &[Value], after: Option<u64>, passes: bool| {
            let mut order = Order::default();
            let all = frames.iter().try_for_each(|frame| order.advance(frame, after));
            assert_eq!(all.is_ok(), passes, "{frames:?}: {all:?}");
        };
        check(&[event(1), event(2)], None, true);
        check(&[event(1), event(3)], None, false);
        check(&[event(1), event(1)], None, false);
        check(&[event(1), merged(2, 4), event(5)], None, true);
        check(&[event(1), merged(3, 4)], None, false);
        check(&[welcome.clone(), event(3), event(5), event(6)], Some(1), true);
        check(&[welcome.clone(), event(6), event(8)], Some(1), false);
        check(&[welcome.clone(), event(3)], None, false);
        let entered = json!({"type": "ack", "data": {"conversation_id": "c"}});
        check(&[welcome, event(6), entered, event(1)], None, true);
    }
}
