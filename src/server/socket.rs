//! One websocket: bytes in, [`crate::session::step`], effects out.
//!
//! One task per socket, which waits for everything at once: the client's frames,
//! the outbox, the clock and the stages of a shutdown. A write that does not get
//! through is only one more thing that it waits for.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::App;
use super::clock::{fresh, session_id};
use super::connection::Connection;
use super::listener::Place;
use super::outbox::{Outbox, Outlets};
use super::websocket::{self, WebSocket, WebSocketLimits, code_of};
use crate::protocol::close_code::CloseCode;
use crate::protocol::frame::{FrameError, parse_frame};
use crate::protocol::{MAX_COMMAND_BYTES, MAX_SERVER_FRAME_BYTES};
use crate::session::event::Event;
use crate::session::state::Opening;

/// Bytes that are handed to the stream before it is flushed.
const BATCH: usize = 16 * 1024;

/// Serves one websocket; without an `opening` there is no common version.
pub(super) async fn run(
    stream: TcpStream,
    early: Vec<u8>,
    opening: Option<Opening>,
    (place, address): (Place, Option<IpAddr>),
    app: Arc<App>,
) {
    let settings = app.settings.now();
    let limits = WebSocketLimits {
        message_bytes: MAX_COMMAND_BYTES,
        fragments: settings.fragments,
        waiting_bytes: MAX_SERVER_FRAME_BYTES * 2 + BATCH,
    };
    // Apart, like all that an idle socket need not keep room for.
    let mut stream = Box::pin(websocket::accept(stream, early, limits)).await;
    let outbox = Arc::new(Outbox::new(settings.session.queue_events, settings.session.queue_bytes));
    drop(settings);
    app.metrics.opened();
    let code = if let Some(opening) = opening {
        let abandon = app.stages.abandon.clone();
        let mut socket = Socket::new(&app, outbox.clone(), opening, address);
        let code = tokio::select! {
            code = socket.converse(&mut stream) => code,
            () = abandon.cancelled() => None,
        };
        Box::pin(socket.connection.leave()).await;
        code
    } else {
        Some(CloseCode::Version)
    };
    app.metrics.closed(code);
    if let Some(code) = code {
        // Apart, so that the memory it needs is not part of every idle socket.
        let left = std::iter::from_fn(|| outbox.pop());
        let closing = Box::pin(websocket::close(&mut stream, code, left, app.settings.now().close_timeout));
        tokio::select! {
            () = closing => {}
            () = app.stages.abandon.cancelled() => {}
        }
    }
    drop(place);
}

/// What a socket waits for.
enum Wake {
    Received(Option<Result<Message, Error>>),
    Flushed(Result<(), Error>),
    Outbox,
    Deadline,
    Revocations,
    Drain,
}

struct Socket<'a> {
    app: &'a Arc<App>,
    outbox: Arc<Outbox>,
    connection: Connection<'a>,
}

impl<'a> Socket<'a> {
    fn new(app: &'a Arc<App>, outbox: Arc<Outbox>, opening: Opening, address: Option<IpAddr>) -> Self {
        let connection = Connection::new(app, Outlets::together(outbox.clone()), opening, (session_id(), address));
        Self { app, outbox, connection }
    }

    /// Goes on until one side wants to close; `None` when the client is gone already.
    async fn converse(&mut self, stream: &mut WebSocket) -> Option<CloseCode> {
        let mut is_flushing = false;
        let mut is_draining = false;
        let timer = sleep_until(self.deadline());
        tokio::pin!(timer);
        loop {
            if !is_flushing {
                is_flushing = match self.fill(stream).await {
                    Ok(filled) => filled,
                    Err(_) => return None,
                };
            }
            let drain = &self.app.stages.drain;
            let outbox = self.outbox.clone();
            let wake = tokio::select! {
                wake = next(stream, is_flushing) => wake,
                () = outbox.changed() => Wake::Outbox,
                () = timer.as_mut() => Wake::Deadline,
                Ok(()) = self.connection.revocations.changed() => Wake::Revocations,
                () = drain.cancelled(), if !is_draining => Wake::Drain,
            };
            let closing = match wake {
                Wake::Received(None) => return None,
                Wake::Received(Some(Err(error))) => return code_of(&error),
                Wake::Received(Some(Ok(message))) => Box::pin(self.received(message)).await,
                Wake::Flushed(Ok(())) => {
                    is_flushing = false;
                    None
                }
                Wake::Flushed(Err(_)) => return None,
                Wake::Outbox => None,
                Wake::Deadline => self.connection.event(Event::Tick { now: self.app.clock.now() }).await,
                Wake::Revocations if self.connection.is_revoked() => self.connection.event(Event::Revoked).await,
                Wake::Revocations => None,
                Wake::Drain => {
                    is_draining = true;
                    self.connection.event(self.connection.drain()).await
                }
            };
            if closing.is_some() {
                return closing;
            }
            if self.outbox.overflowed() {
                return self.connection.event(Event::Overflowed).await;
            }
            if is_draining && !is_flushing && !self.connection.is_busy() && self.outbox.is_empty() {
                return self.connection.event(Event::Drained).await.or(Some(CloseCode::GoingAway));
            }
            self.rearm(timer.as_mut());
        }
    }

    /// Moves the timer only when it is due or too late: most frames push the
    /// deadline back, and looking again then is cheaper than moving it each time.
    fn rearm(&self, timer: std::pin::Pin<&mut Sleep>) {
        let deadline = self.deadline();
        if timer.is_elapsed() || deadline < timer.deadline() {
            timer.reset(deadline);
        }
    }

    fn deadline(&self) -> Instant {
        let settings = self.app.settings.now();
        let moment = self.connection.state().and_then(|state| state.deadline(&settings.session));
        match moment {
            Some(moment) => self.app.clock.instant(moment),
            None => Instant::now() + settings.run_timeout,
        }
    }

    /// Hands waiting frames to the stream; whether there were any.
    async fn fill(&self, stream: &mut WebSocket) -> Result<bool, Error> {
        let mut bytes = 0;
        while bytes < BATCH
            && let Some(text) = self.outbox.pop()
        {
            bytes += text.len();
            // Only takes the frame into the buffer, or tries to write without waiting.
            poll_fn(|_| Poll::Ready(stream.start_send_unpin(Message::Text(text.clone())))).await?;
        }
        Ok(bytes > 0)
    }

    async fn received(&mut self, message: Message) -> Option<CloseCode> {
        let now = self.app.clock.now();
        match message {
            Message::Text(text) => match parse_frame(&text) {
                Ok(commands) => {
                    for command in commands {
                        let closing = self.connection.event(Event::Command { command, fresh: fresh(), now }).await;
                        if closing.is_some() {
                            return closing;
                        }
                    }
                    None
                }
                Err(error) => self.connection.event(Event::BadFrame { error, now }).await,
            },
            Message::Binary(_) => self.connection.event(Event::BadFrame { error: FrameError::Binary, now }).await,
            Message::Ping(_) | Message::Pong(_) => self.connection.event(Event::Control { now }).await,
            // The answer to it was queued by the library; reading on sends it.
            Message::Close(_) | Message::Frame(_) => None,
        }
    }
}

/// The next frame, or the end of a flush.
async fn next(stream: &mut WebSocket, is_flushing: bool) -> Wake {
    poll_fn(|context| {
        if is_flushing && let Poll::Ready(flushed) = stream.poll_flush_unpin(context) {
            return Poll::Ready(Wake::Flushed(flushed));
        }
        stream.poll_next_unpin(context).map(Wake::Received)
    })
    .await
}
