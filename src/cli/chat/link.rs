//! The connection of `docent chat`: opens it, and opens it again.

use std::time::Duration;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use ulid::Ulid;
use url::Url;

use super::socket_address;
use super::talk::Talk;
use crate::protocol::SUBPROTOCOL;
use crate::protocol::client_message::{ClientFrame, ClientMessage};
use crate::protocol::close_code::should_reconnect;
use crate::protocol::hello::Hello;
use crate::protocol::server_message::{ServerFrame, ServerMessage};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long opening a connection may take.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// After this much silence a connection is dead: the server's heartbeat, and its patience.
const SILENCE_LIMIT: Duration = Duration::from_secs(40);

/// How often in a row a lost connection is tried again.
const MAX_ATTEMPTS: u32 = 12;

pub(super) struct Link {
    address: Url,
    hello: Hello,
    /// Absent between a loss and the next attempt.
    socket: Option<Socket>,
    attempts: u32,
    /// What the server asked to wait before coming back.
    pause: Duration,
}

/// What came over a link.
pub(super) enum Arrival {
    Frame(Box<ServerFrame>),
    /// It broke, and is being opened again.
    Lost(String),
    /// It ended for good.
    Closed(String),
}

impl Link {
    /// Opens the connection and says hello.
    pub(super) async fn open(server: &Url, hello: Hello) -> anyhow::Result<Self> {
        let address = socket_address(server)?;
        let mut link = Self { address, hello, socket: None, attempts: 0, pause: Duration::ZERO };
        let connecting = link.connect(&Talk::default()).await;
        connecting.with_context(|| format!("cannot connect to {server}; does `docent serve` run there?"))?;
        Ok(link)
    }

    async fn connect(&mut self, talk: &Talk) -> anyhow::Result<()> {
        let mut request = self.address.as_str().into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        let (mut socket, _) = timeout(OPEN_LIMIT, connect_async(request)).await.context("no answer in time")??;
        let hello = Hello { resume: talk.cursor(), ..self.hello.clone() };
        let frame =
            ClientFrame { message: ClientMessage::Hello(Box::new(hello)), id: Some(Ulid::generate().to_string()) };
        socket.send(Message::text(serde_json::to_string(&frame)?)).await?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Sends a command. When the connection is lost, `Talk` has it sent again.
    pub(super) async fn send(&mut self, frame: ClientFrame) {
        let Ok(text) = serde_json::to_string(&frame) else { return };
        if let Some(socket) = self.socket.as_mut()
            && socket.send(Message::text(text)).await.is_err()
        {
            self.socket = None;
        }
    }

    /// The next thing that comes. May be given up at any point and called again.
    pub(super) async fn next(&mut self, talk: &Talk) -> Arrival {
        loop {
            let Some(socket) = self.socket.as_mut() else {
                match self.reconnect(talk).await {
                    Ok(()) => continue,
                    Err(why) => return Arrival::Closed(why),
                }
            };
            let message = match timeout(SILENCE_LIMIT, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return self.lost(&error.to_string()),
                Ok(None) => return self.lost("no goodbye"),
                Err(_) => return self.lost("nothing heard"),
            };
            match message {
                Message::Text(text) => {
                    // What cannot be read is of a later version of the protocol.
                    let Ok(frame) = serde_json::from_str::<ServerFrame>(&text) else { continue };
                    match &frame.message {
                        ServerMessage::Ping(_) => {
                            let pong = ClientMessage::Pong(Default::default());
                            self.send(ClientFrame { message: pong, id: None }).await;
                            continue;
                        }
                        ServerMessage::GoingAway(away) => self.pause = Duration::from_millis(away.reconnect_after_ms),
                        ServerMessage::Welcome(_) => self.attempts = 0,
                        _ => {}
                    }
                    return Arrival::Frame(Box::new(frame));
                }
                Message::Close(frame) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.as_str().to_owned()));
                    let why = format!("{code} {reason}").trim().to_owned();
                    if !should_reconnect(code) {
                        return Arrival::Closed(why);
                    }
                    return self.lost(&why);
                }
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    fn lost(&mut self, why: &str) -> Arrival {
        self.socket = None;
        Arrival::Lost(why.to_owned())
    }

    /// Waits, each time up to twice as long, at random so that not all clients of
    /// a server that was away come back at once.
    async fn reconnect(&mut self, talk: &Talk) -> Result<(), String> {
        if self.attempts >= MAX_ATTEMPTS {
            return Err("it does not come back".to_owned());
        }
        self.attempts += 1;
        let most = (500_u64 << self.attempts.min(6)).min(30_000);
        let random = u64::try_from(Ulid::generate().random() % u128::from(most - 499)).unwrap_or(0);
        sleep(Duration::from_millis(500 + random).max(self.pause)).await;
        self.pause = Duration::ZERO;
        // A failed attempt is followed by the next one.
        if let Err(error) = self.connect(talk).await
            && let Some(Error::Http(response)) = error.downcast_ref::<Error>()
            && response.status().is_client_error()
        {
            return Err(format!("the server refused: {}", response.status()));
        }
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        if let Some(socket) = self.socket.as_mut() {
            let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
        }
    }
}
