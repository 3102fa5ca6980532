//! One session over HTTP: requests in, [`crate::session::step`], effects out.
//!
//! One task per session, which waits for everything at once, as that of a socket
//! does: its requests, the clock, revocations and a shutdown. What happens in the
//! conversation goes to the one stream that the session has at a time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use super::follower::{Follower, Place};
use super::sessions::Entry;
use crate::domain::ids::ConversationId;
use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::frame::{FrameCommand, FrameError};
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};
use crate::server::App;
use crate::server::clock::fresh;
use crate::server::connection::Connection;
use crate::server::hub::Following;
use crate::server::outbox::{Outbox, Outgoing, Outlets, encode};
use crate::server::stay::Streaming;
use crate::session::effect::Cursor;
use crate::session::event::Event;
use crate::session::identity::IdentityError;
use crate::session::state::{Opening, State};

/// Bytes of answers after which the other commands of a frame are put off.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// How often it is looked whether the stream's client reads.
const LOOK: Duration = Duration::from_secs(5);
/// How long a stream goes on: whoever is gone without a word is noticed by then.
const STREAM: Duration = Duration::from_secs(300);

/// A request of a session's client.
#[derive(Debug)]
pub(super) struct Call {
    /// The token that came with it.
    pub(super) bearer: Option<String>,
    /// Where to say that it is not carried out, and why.
    pub(super) refuse: oneshot::Sender<CommandError>,
    pub(super) wish: Wish,
}

/// What a request wants, and where the answer goes.
#[derive(Debug)]
pub(super) enum Wish {
    /// These commands carried out.
    Commands(Result<Vec<FrameCommand>, FrameError>, oneshot::Sender<Answered>),
    /// To be told what happens in the conversation from this place on; without one it
    /// is told as a whole.
    Follow {
        conversation: String,
        place: Option<Place>,
        streaming: Streaming,
        reply: oneshot::Sender<Result<Follower, CommandError>>,
    },
    /// The session ended.
    End(oneshot::Sender<()>),
}

/// The answers to a request's commands.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) frames: Vec<Utf8Bytes>,
    /// Why the session is over, when it is.
    pub(super) close: Option<CloseCode>,
}

/// Serves one session from its `hello` on.
pub(super) async fn run(
    app: Arc<App>,
    name: (String, Option<IpAddr>),
    (opening, hello): (Opening, FrameCommand),
    mut calls: mpsc::Receiver<Call>,
    entry: Entry,
    begun: oneshot::Sender<Answered>,
) {
    let answers = Arc::new(Outbox::new(app.settings.now().session.queue_events, MAX_ANSWER_BYTES));
    let outlets = Outlets { answers: answers.clone(), events: Arc::new(Outbox::closed()) };
    let connection = Connection::new(&app, outlets.clone(), opening, name);
    let mut session = Session { app: &app, connection, outlets, stream: None, ended: None };
    let mut answered = session.carry_out(vec![hello]).await;
    // What was missed comes with the stream.
    answered.frames.truncate(1);
    let is_live = matches!(session.connection.state(), Some(State::Live(_)));
    if !is_live {
        answered.close = answered.close.or(Some(CloseCode::BadFrame));
        if answered.frames.is_empty() {
            answered.frames.push(refusal(None, ErrorCode::AuthRequired, "say `hello` first"));
        }
    }
    let is_heard = begun.send(answered).is_ok();
    let code = if is_live && is_heard {
        app.metrics.session_began();
        let code = tokio::select! {
            code = session.converse(&mut calls) => code,
            () = app.stages.abandon.cancelled() => CloseCode::GoingAway,
        };
        app.metrics.session_ended();
        tracing::debug!(close.code = code.number(), "a session over HTTP ended");
        code
    } else {
        CloseCode::Normal
    };
    drop(entry);
    session.end_stream(Some(code)).await;
    session.connection.leave().await;
    let Session { connection, ended, .. } = session;
    drop(connection);
    if let Some(ended) = ended {
        let _ = ended.send(());
    }
}

struct Session<'a> {
    app: &'a Arc<App>,
    connection: Connection<'a>,
    outlets: Outlets,
    stream: Option<Stream>,
    /// Where to say that nothing is left of the session, when its client ended it.
    ended: Option<oneshot::Sender<()>>,
}

/// The stream that the session's client reads.
struct Stream {
    outbox: Arc<Outbox>,
    following: Following,
    /// Cancelled once the client reads no more.
    gone: CancellationToken,
    end: watch::Sender<Option<Option<CloseCode>>>,
    until: Instant,
    /// Keeps the connection of a client that does not read no longer than the stream.
    _streaming: Streaming,
}

impl Session<'_> {
    /// Goes on until one side wants to end it.
    async fn converse(&mut self, calls: &mut mpsc::Receiver<Call>) -> CloseCode {
        let mut is_draining = false;
        let mut used = Instant::now();
        loop {
            let drain = &self.app.stages.drain;
            let events = self.outlets.events.clone();
            let idle = used + self.app.settings.now().http_idle;
            let over = self.token_is_over_at();
            let (gone, look) = match &self.stream {
                Some(stream) => (stream.gone.clone(), Instant::now() + LOOK),
                None => (CancellationToken::new(), idle),
            };
            let closing = tokio::select! {
                Some(call) = calls.recv() => {
                    let closing = self.call(call).await;
                    used = Instant::now();
                    closing
                }
                () = gone.cancelled() => {
                    used = Instant::now();
                    self.end_stream(None).await;
                    None
                }
                () = sleep_until(look) => {
                    let is_idle = self.stream.is_none();
                    used = Instant::now();
                    self.look_at_stream().await;
                    is_idle.then_some(CloseCode::NoPong)
                }
                () = sleep_until(over.unwrap_or(idle)), if over.is_some() => {
                    self.happen(Event::Tick { now: self.app.clock.now() }).await
                }
                Ok(()) = self.connection.revocations.changed() => {
                    if self.connection.is_revoked() { self.happen(Event::Revoked).await } else { None }
                }
                () = drain.cancelled(), if !is_draining => {
                    is_draining = true;
                    self.happen(self.connection.drain()).await
                }
                // The end of a run says so to everyone who follows.
                () = events.changed(), if is_draining => None,
            };
            if let Some(code) = closing {
                return code;
            }
            if is_draining && !self.connection.is_busy() {
                return self.happen(Event::Drained).await.unwrap_or(CloseCode::GoingAway);
            }
        }
    }

    fn token_is_over_at(&self) -> Option<Instant> {
        let token = self.connection.profile()?.token.as_ref()?;
        Some(self.app.clock.instant(token.is_over_at()))
    }

    async fn call(&mut self, call: Call) -> Option<CloseCode> {
        let Call { bearer, refuse, wish } = call;
        if let Some(error) = bearer.and_then(|token| self.speaks_for_another(&token)) {
            let _ = refuse.send(error);
            return None;
        }
        match wish {
            Wish::Commands(frame, reply) => {
                let answered = match frame {
                    Ok(commands) => self.carry_out(commands).await,
                    Err(error) => {
                        let close = self.connection.event(Event::BadFrame { error, now: self.app.clock.now() }).await;
                        Answered { frames: self.answers(), close }
                    }
                };
                let close = answered.close;
                let _ = reply.send(answered);
                close
            }
            Wish::Follow { conversation, place, streaming, reply } => {
                let close = self.connection.event(Event::Control { now: self.app.clock.now() }).await;
                if close.is_none() {
                    let _ = reply.send(self.follow(&conversation, place, streaming).await);
                }
                close
            }
            Wish::End(reply) => {
                self.ended = Some(reply);
                Some(CloseCode::Normal)
            }
        }
    }

    /// Why the client of this session may not bring this token.
    fn speaks_for_another(&self, token: &str) -> Option<CommandError> {
        let settings = &self.app.settings.now().session;
        let refused = |code, message: String| Some(CommandError::new(code, message));
        match settings.identity.verify(token, &settings.project_key, self.app.clock.now()) {
            Ok(verified) if self.connection.profile().is_some_and(|profile| profile.user == verified.user) => None,
            Ok(_) => refused(ErrorCode::Forbidden, "the session is another user's".to_owned()),
            Err(_) if settings.identity.lenient => None,
            Err(error @ IdentityError::Expired) => refused(ErrorCode::AuthExpired, error.to_string()),
            Err(error) => refused(ErrorCode::AuthInvalid, error.to_string()),
        }
    }

    /// Carries out commands one after the other.
    async fn carry_out(&mut self, commands: Vec<FrameCommand>) -> Answered {
        let mut answered = Answered::default();
        let conversation = self.conversation().cloned();
        for command in commands {
            if answered.frames.iter().map(|frame| frame.len()).sum::<usize>() > MAX_ANSWER_BYTES {
                let message = "the answers before this one are long: send the command again";
                answered.frames.push(refusal(command.id, ErrorCode::RateLimited, message));
                continue;
            }
            let reference = command.id.clone();
            let event = Event::Command { command, fresh: fresh(), now: self.app.clock.now() };
            answered.close = self.connection.event(event).await;
            let answers = self.answers();
            if let Some(code) = answered.close.filter(|_| answers.is_empty()) {
                answered.frames.push(refusal(reference, error_of(code), code.reason()));
            }
            answered.frames.extend(answers);
            if answered.close.is_some() {
                break;
            }
        }
        if self.conversation() != conversation.as_ref() {
            // Another conversation has a stream of its own.
            self.end_stream(None).await;
        }
        answered
    }

    fn conversation(&self) -> Option<&ConversationId> {
        self.connection.state().and_then(State::conversation)
    }

    fn answers(&self) -> Vec<Utf8Bytes> {
        std::iter::from_fn(|| self.outlets.answers.pop()).collect()
    }

    /// Lets something happen that no command asked for; who reads is told.
    async fn happen(&mut self, event: Event) -> Option<CloseCode> {
        let closing = self.connection.event(event).await;
        let frames = self.answers();
        if let Some(stream) = &self.stream {
            frames.into_iter().for_each(|text| stream.outbox.push(Outgoing::encoded(text.to_string())));
        }
        closing
    }

    /// A stream from `place` on, instead of the one that there was.
    async fn follow(
        &mut self,
        conversation: &str,
        place: Option<Place>,
        streaming: Streaming,
    ) -> Result<Follower, CommandError> {
        let not_found = |message: &str| CommandError::new(ErrorCode::ConversationNotFound, message);
        let current = self.conversation().filter(|current| current.as_str() == conversation).cloned();
        let current = current.ok_or_else(|| not_found("it is not the current conversation of this session"))?;
        self.end_stream(None).await;
        let Some(profile) = self.connection.profile() else { return Err(not_found("the session is over")) };
        let settings = self.app.settings.now();
        let settings = &settings.session;
        let outbox = Arc::new(Outbox::new(settings.queue_events, settings.queue_bytes));
        // No log has this epoch, so that without a place the conversation comes as a whole.
        let Place { epoch, seq } = place.unwrap_or(Place { epoch: String::new(), seq: 0 });
        let cursor = Cursor { conversation: current, epoch, after: seq };
        let entry = self.app.hub.read(&profile.user, &cursor, profile.trace, &outbox).await;
        let entry = entry.ok_or_else(|| not_found("the conversation cannot be read"))?;
        outbox.prepend(entry.replay);
        let gone = CancellationToken::new();
        let (end, ended) = watch::channel(None);
        let follower = Follower::new(entry.epoch, outbox.clone(), ended, gone.clone());
        self.app.metrics.stream_began();
        let until = Instant::now() + STREAM;
        self.stream = Some(Stream { outbox, following: entry.following, gone, end, until, _streaming: streaming });
        Ok(follower)
    }

    /// Ends the stream of a client that does not read, and of one that was not heard of
    /// for long.
    async fn look_at_stream(&mut self) {
        let Some(stream) = &self.stream else { return };
        if stream.outbox.overflowed() {
            self.end_stream(Some(CloseCode::Slow)).await;
        } else if stream.until <= Instant::now() {
            self.end_stream(None).await;
        }
    }

    /// Ends the stream once what waits was read, and says why when it is for good.
    async fn end_stream(&mut self, code: Option<CloseCode>) {
        if let Some(stream) = self.stream.take() {
            self.app.metrics.stream_ended();
            stream.end.send_replace(Some(code));
            self.app.hub.leave(&stream.following).await;
        }
    }
}

/// The error of a command that ended its session and got no answer.
fn error_of(code: CloseCode) -> ErrorCode {
    match code {
        CloseCode::RateLimited => ErrorCode::RateLimited,
        CloseCode::InvalidToken => ErrorCode::AuthInvalid,
        CloseCode::TokenExpired => ErrorCode::AuthExpired,
        _ => ErrorCode::Internal,
    }
}

fn refusal(reference: Option<String>, code: ErrorCode, message: &str) -> Utf8Bytes {
    encode(&ServerFrame::answer(reference, ServerMessage::Error(CommandError::new(code, message)))).into()
}
