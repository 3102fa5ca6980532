//! One websocket: bytes in, [`session::step`], effects out.
//!
//! One task per socket, which waits for everything at once: the client's frames,
//! the outbox, the clock and the stages of a shutdown. A write that does not get
//! through is only one more thing that it waits for.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::App;
use super::clock::{fresh, spread};
use super::content;
use super::hub::{Entered, Entrance, Following};
use super::listener::Place;
use super::metrics::Joining;
use super::outbox::{Outbox, Outgoing};
use super::seats::Seat;
use super::websocket::{self, WebSocket, WebSocketLimits, code_of};
use crate::domain::ids::ConversationId;
use crate::domain::revocation::Revocations;
use crate::protocol::close_code::CloseCode;
use crate::protocol::frame::{FrameError, parse_frame};
use crate::protocol::hello::AgentInfo;
use crate::protocol::server_message::{ServerFrame, ServerMessage};
use crate::protocol::{MAX_COMMAND_BYTES, MAX_SERVER_FRAME_BYTES};
use crate::session;
use crate::session::conversation::command::Request;
use crate::session::effect::Effect;
use crate::session::event::{Event, Joined};
use crate::session::state::{Opening, State};

/// Bytes that are handed to the stream before it is flushed.
const BATCH: usize = 32 * 1024;

/// Serves one websocket; without an `opening` there is no common version.
pub(super) async fn run(stream: TcpStream, early: Vec<u8>, opening: Option<Opening>, place: Place, app: Arc<App>) {
    let limits = WebSocketLimits {
        message_bytes: MAX_COMMAND_BYTES,
        fragments: app.settings.fragments,
        waiting_bytes: MAX_SERVER_FRAME_BYTES * 2 + BATCH,
    };
    let mut stream = websocket::accept(stream, early, limits).await;
    let outbox = Arc::new(Outbox::new(app.settings.session.queue_events, app.settings.session.queue_bytes));
    app.metrics.opened();
    let code = if let Some(opening) = opening {
        let abandon = app.stages.abandon.clone();
        let mut socket = Socket::new(&app, outbox.clone(), opening);
        let code = tokio::select! {
            code = socket.converse(&mut stream) => code,
            () = abandon.cancelled() => None,
        };
        if let Some(following) = socket.following.take() {
            app.hub.leave(&following).await;
        }
        code
    } else {
        Some(CloseCode::Version)
    };
    app.metrics.closed(code);
    if let Some(code) = code {
        // Apart, so that the memory it needs is not part of every idle socket.
        let left = std::iter::from_fn(|| outbox.pop());
        let closing = Box::pin(websocket::close(&mut stream, code, left, app.settings.close_timeout));
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
    /// Taken while it is stepped.
    state: Option<State>,
    following: Option<Following>,
    replay: Vec<Outgoing>,
    revocations: watch::Receiver<Arc<Revocations>>,
    /// Held as long as the socket is open.
    seat: Option<Seat>,
}

impl<'a> Socket<'a> {
    fn new(app: &'a Arc<App>, outbox: Arc<Outbox>, opening: Opening) -> Self {
        let state = Some(State::open(&app.settings.session, opening, app.clock.now()));
        Self {
            app,
            outbox,
            state,
            following: None,
            replay: Vec::new(),
            revocations: app.revocations.clone(),
            seat: None,
        }
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
                Ok(()) = self.revocations.changed() => Wake::Revocations,
                () = drain.cancelled(), if !is_draining => Wake::Drain,
            };
            let closing = match wake {
                Wake::Received(None) => return None,
                Wake::Received(Some(Err(error))) => return code_of(&error),
                Wake::Received(Some(Ok(message))) => self.received(message).await,
                Wake::Flushed(Ok(())) => {
                    is_flushing = false;
                    None
                }
                Wake::Flushed(Err(_)) => return None,
                Wake::Outbox => None,
                Wake::Deadline => self.event(Event::Tick { now: self.app.clock.now() }).await,
                Wake::Revocations if self.is_revoked() => self.event(Event::Revoked).await,
                Wake::Revocations => None,
                Wake::Drain => {
                    is_draining = true;
                    let busy = self.following.as_ref().is_some_and(Following::is_busy);
                    let spread_ms = u64::try_from(self.app.settings.reconnect_spread.as_millis()).unwrap_or(u64::MAX);
                    self.event(Event::Drain { busy, reconnect_after_ms: spread(spread_ms) }).await
                }
            };
            if closing.is_some() {
                return closing;
            }
            if self.outbox.overflowed() {
                return self.event(Event::Overflowed).await;
            }
            if is_draining
                && !is_flushing
                && self.following.as_ref().is_none_or(|following| !following.is_busy())
                && self.outbox.is_empty()
            {
                return self.event(Event::Drained).await.or(Some(CloseCode::GoingAway));
            }
            self.rearm(timer.as_mut());
        }
    }

    /// Whether the user's token was revoked.
    fn is_revoked(&self) -> bool {
        let profile = self.state.as_ref().and_then(State::profile);
        let token = profile.and_then(|profile| Some((&profile.user, profile.token.as_ref()?)));
        token.is_some_and(|(user, token)| {
            self.revocations.borrow().concern(user, token.id.as_deref(), token.earliest().0)
        })
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
        let moment = self.state.as_ref().and_then(|state| state.deadline(&self.app.settings.session));
        match moment {
            Some(moment) => self.app.clock.instant(moment),
            None => Instant::now() + self.app.settings.run_timeout,
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
                        let closing = self.event(Event::Command { command, fresh: fresh(), now }).await;
                        if closing.is_some() {
                            return closing;
                        }
                    }
                    None
                }
                Err(error) => self.event(Event::BadFrame { error, now }).await,
            },
            Message::Binary(_) => self.event(Event::BadFrame { error: FrameError::Binary, now }).await,
            Message::Ping(_) | Message::Pong(_) => self.event(Event::Control { now }).await,
            // The answer to it was queued by the library; reading on sends it.
            Message::Close(_) | Message::Frame(_) => None,
        }
    }

    /// Steps the session, and carries out what it wants; how to close, when it does.
    async fn event(&mut self, event: Event) -> Option<CloseCode> {
        let mut effects = VecDeque::from(self.step(event));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Send(frame) => {
                    if let ServerMessage::Error(error) = &frame.message {
                        self.app.metrics.refused(error.code);
                    }
                    self.outbox.push(Outgoing::new(&frame));
                }
                Effect::Greet(frame) => {
                    let mut frames = vec![Outgoing::new(&frame)];
                    frames.append(&mut self.replay);
                    self.outbox.prepend(frames);
                }
                Effect::Join(_) if self.is_revoked() => effects.extend(self.step(Event::Revoked)),
                Effect::Join(request) => {
                    self.seat = self.app.seats.take(&request.user);
                    if self.seat.is_none() {
                        effects.extend(self.step(Event::Crowded));
                        continue;
                    }
                    let event = match Box::pin(self.app.hub.join(request, &self.outbox)).await {
                        Ok(entry) => {
                            self.following = Some(entry.following);
                            self.app.metrics.joined(match (entry.resumed, entry.replay.is_empty()) {
                                (true, _) => Joining::Replayed,
                                (false, false) => Joining::Snapshot,
                                (false, true) => Joining::New,
                            });
                            self.replay = entry.replay;
                            Event::Joined(Joined {
                                session: format!("sess-{}", fresh()),
                                conversation: entry.conversation,
                                epoch: entry.epoch,
                                seq: entry.seq,
                                resumed: entry.resumed,
                                agent: self.agent_info(),
                            })
                        }
                        Err(error) => Event::JoinFailed(error),
                    };
                    effects.extend(self.step(event));
                }
                Effect::Converse(request) => {
                    if let Some(following) = &self.following {
                        Box::pin(self.app.hub.request(following, request, &self.outbox)).await;
                    }
                }
                Effect::Enter { conversation, otherwise, request } => {
                    let entering = Box::pin(self.enter(conversation, otherwise, request));
                    if let Some(event) = entering.await {
                        effects.extend(self.step(event));
                    }
                }
                Effect::Used => {
                    if let Some(following) = &self.following {
                        Box::pin(self.app.hub.used(following)).await;
                    }
                }
                Effect::ReadExperience { reference, experience, context } => {
                    let published = self.app.answerer.published();
                    let frame = content::experience(&published, &experience, &context, reference, self.app.clock.now());
                    self.outbox.push(Outgoing::new(&frame));
                }
                Effect::ReadPost { reference, post, context } => {
                    let published = self.app.answerer.published();
                    let frame = content::post(&published, &post, &context, reference, self.app.clock.now());
                    self.outbox.push(Outgoing::new(&frame));
                }
                Effect::ReadHistory { reference, conversation, user, before, limit } => {
                    let page = Box::pin(self.app.hub.history(&conversation, &user, before, limit)).await;
                    let message = match page {
                        Ok(page) => ServerMessage::HistoryPage(page),
                        Err(error) => ServerMessage::Error(error),
                    };
                    self.outbox.push(Outgoing::new(&ServerFrame::answer(reference, message)));
                }
                Effect::Close(code) => return Some(code),
            }
        }
        None
    }

    /// The event that the session gets when a new conversation was entered.
    async fn enter(
        &mut self,
        conversation: ConversationId,
        otherwise: ConversationId,
        request: Box<Request>,
    ) -> Option<Event> {
        let old = self.following.as_ref()?;
        let profile = self.state.as_ref().and_then(State::profile)?;
        let (visitor, trace) = (profile.visitor(), profile.trace);
        let command = request.id.clone();
        let fingerprint = request.fingerprint;
        let entrance = Entrance { conversation, otherwise, request, visitor, trace };
        let Entered { following, conversation, ack } = self.app.hub.enter(old, entrance, &self.outbox).await?;
        self.following = Some(following);
        Some(Event::Entered { conversation, command, fingerprint, ack })
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let Some(state) = self.state.take() else { return Vec::new() };
        let (state, effects) = session::step(&self.app.settings.session, state, event);
        self.state = Some(state);
        effects
    }

    fn agent_info(&self) -> AgentInfo {
        let settings = &self.app.answerer.published().project.settings;
        AgentInfo {
            name: settings.name.clone(),
            greeting: settings.greeting.clone(),
            suggestions: settings.suggestions.clone(),
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
