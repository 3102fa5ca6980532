//! A connection before it is in a conversation.

use super::effect::{Cursor, Effect, JoinRequest};
use super::event::Event;
use super::identity::{IdentityError, Verified};
use super::moment::Moment;
use super::outcomes::Outcomes;
use super::profile::{self, ClaimedTraits, Profile, SignedTraits};
use super::settings::{SessionSettings, Traces};
use super::state::{AwaitingHello, Joining, Live, Opening, State, Traffic};
use super::{close, refuse, refuse_with};
use crate::domain::action::ActionKind;
use crate::domain::attribute::Attributes;
use crate::domain::ids::{ClientId, ConversationId, UserId};
use crate::domain::locale::Locale;
use crate::protocol::client_message::ClientMessage;
use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::frame::FrameCommand;
use crate::protocol::hello::{GoingAway, Hello, Welcome};
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};

/// Why a token that was taken does not hold any more.
pub(super) const REVOKED: &str = "the user or the token was revoked";

/// The optional part of the protocol that sends traces.
pub(super) const TRACE: &str = "trace";

pub(super) fn awaiting_hello(
    settings: &SessionSettings,
    mut waiting: AwaitingHello,
    event: Event,
) -> (State, Vec<Effect>) {
    match event {
        Event::Command { command, fresh, now } => {
            if let Some(refused) = waiting.traffic.admit(command.id.clone(), now) {
                return refused.into_state(State::AwaitingHello(waiting));
            }
            let FrameCommand { id, message, .. } = command;
            match message {
                Ok(ClientMessage::Hello(hello)) => hello_said(settings, waiting, *hello, id, (&fresh, now)),
                Ok(ClientMessage::Pong(_)) => (State::AwaitingHello(waiting), Vec::new()),
                Ok(_) => {
                    let effect = refuse(id, ErrorCode::AuthRequired, "say `hello` first");
                    (State::AwaitingHello(waiting), vec![effect])
                }
                Err(error) => (State::AwaitingHello(waiting), vec![refuse_with(id, error)]),
            }
        }
        Event::BadFrame { error, .. } => {
            close(vec![refuse(None, error.code(), error.to_string())], CloseCode::BadFrame)
        }
        Event::Control { now } => match waiting.traffic.strike(now) {
            Ok(()) => (State::AwaitingHello(waiting), Vec::new()),
            Err(_) => close(Vec::new(), CloseCode::RateLimited),
        },
        Event::Tick { now } if now >= waiting.opened.plus(settings.hello_timeout_ms) => {
            close(Vec::new(), CloseCode::HelloTimeout)
        }
        Event::Drain { reconnect_after_ms, .. } => close(vec![going_away(reconnect_after_ms)], CloseCode::GoingAway),
        Event::Overflowed => close(Vec::new(), CloseCode::Slow),
        Event::Tick { .. }
        | Event::Joined(_)
        | Event::JoinFailed(_)
        | Event::Entered { .. }
        | Event::Drained
        | Event::Crowded
        | Event::Revoked => (State::AwaitingHello(waiting), Vec::new()),
    }
}

fn hello_said(
    settings: &SessionSettings,
    waiting: AwaitingHello,
    hello: Hello,
    reference: Option<String>,
    (fresh, now): (&str, Moment),
) -> (State, Vec<Effect>) {
    if hello.project_key != settings.project_key {
        let message = "the project key is not the one of this server";
        return close(vec![refuse(reference, ErrorCode::AuthInvalid, message)], CloseCode::InvalidToken);
    }
    let verified =
        hello.identity_token.as_deref().map(|token| settings.identity.verify(token, &settings.project_key, now));
    let verified = match verified.transpose() {
        Ok(verified) => verified,
        Err(error) if settings.identity.lenient => {
            tracing::warn!(reason = %error, "a token does not hold; its client is taken for an anonymous one");
            None
        }
        Err(IdentityError::Expired) => {
            let message = IdentityError::Expired.to_string();
            return close(vec![refuse(reference, ErrorCode::AuthExpired, message)], CloseCode::TokenExpired);
        }
        Err(error) => {
            let effect = refuse(reference, ErrorCode::AuthInvalid, error.to_string());
            return close(vec![effect], CloseCode::InvalidToken);
        }
    };
    match profile_of(settings, &hello, &waiting.opening, verified) {
        Ok(profile) => {
            let resume = hello.resume.and_then(|resume| {
                let conversation = ConversationId::new(&resume.conversation_id).ok()?;
                Some(Cursor { conversation, epoch: resume.epoch, after: resume.after_seq })
            });
            let join = JoinRequest {
                user: profile.user.clone(),
                resume,
                fresh: conversation_id(fresh),
                visitor: profile.visitor(),
                trace: profile.trace,
            };
            let joining = Joining { traffic: waiting.traffic, profile, reference };
            (State::Joining(Box::new(joining)), vec![Effect::Join(join)])
        }
        Err(message) => (State::AwaitingHello(waiting), vec![refuse(reference, ErrorCode::BadRequest, message)]),
    }
}

fn profile_of(
    settings: &SessionSettings,
    hello: &Hello,
    opening: &Opening,
    verified: Option<Verified>,
) -> Result<Profile, String> {
    let anonymous = match &hello.anonymous_id {
        Some(id) if profile::is_anonymous_id(id) => id.clone(),
        Some(_) => return Err("`anonymous_id` must be `anon-` and a UUID of version 4".to_owned()),
        None => opening.anonymous_id.clone(),
    };
    let may_trace = match settings.trace {
        Traces::Always => true,
        Traces::LocalOnly => opening.is_local,
        Traces::Never => false,
    };
    let (user, signed, token) = match verified {
        Some(Verified { user, traits, token }) => (user, traits, Some(token)),
        None => {
            let user = UserId::new(&anonymous).map_err(|error| format!("`anonymous_id`: {error}"))?;
            (user, Attributes::new(), None)
        }
    };
    let mut profile = Profile {
        user,
        client: ClientId::new(&hello.client_id).map_err(|error| format!("`client_id`: {error}"))?,
        signed: SignedTraits(signed),
        claimed: ClaimedTraits::default(),
        locale: hello.locale.as_deref().and_then(Locale::new),
        page: hello.page.as_ref().map(profile::page).transpose()?,
        capabilities: hello.capabilities.actions.iter().filter_map(|name| ActionKind::from_name(name)).collect(),
        trace: may_trace && hello.capabilities.features.iter().any(|feature| feature == TRACE),
        token,
    };
    profile.capabilities.sort();
    profile.capabilities.dedup();
    profile.claim(&hello.attributes, settings)?;
    Ok(profile)
}

/// The identifier of a conversation made from a fresh ULID.
pub(super) fn conversation_id(fresh: &str) -> ConversationId {
    ConversationId::new(&format!("conv-{fresh}")).expect("a ULID makes an identifier")
}

pub(super) fn joining(settings: &SessionSettings, joining: Box<Joining>, event: Event) -> (State, Vec<Effect>) {
    match event {
        Event::Joined(joined) => {
            let Joining { traffic, profile, reference } = *joining;
            let welcome = Welcome {
                session_id: joined.session,
                user_id: profile.user.to_string(),
                conversation_id: joined.conversation.to_string(),
                epoch: joined.epoch,
                seq: joined.seq,
                resumed: joined.resumed,
                heartbeat_ms: settings.heartbeat_ms,
                limits: settings.limits(),
                features: profile.trace.then(|| TRACE.to_owned()).into_iter().collect(),
                server_version: settings.server_version.clone(),
                agent: joined.agent,
            };
            let live = Live {
                traffic,
                pinged: false,
                profile,
                conversation: joined.conversation,
                draining: false,
                outcomes: Outcomes::default(),
            };
            let welcome = ServerFrame::answer(reference, ServerMessage::Welcome(Box::new(welcome)));
            (State::Live(Box::new(live)), vec![Effect::Greet(welcome)])
        }
        Event::JoinFailed(error) => {
            close(vec![refuse_with(joining.reference.clone(), error)], CloseCode::TryAgainLater)
        }
        Event::Command { command, now, .. } => {
            let mut joining = joining;
            joining.traffic.heard = now;
            let effect = refuse(command.id, ErrorCode::AuthRequired, "wait for `welcome`");
            (State::Joining(joining), vec![effect])
        }
        Event::BadFrame { error, .. } => {
            close(vec![refuse(None, error.code(), error.to_string())], CloseCode::BadFrame)
        }
        Event::Drain { reconnect_after_ms, .. } => close(vec![going_away(reconnect_after_ms)], CloseCode::GoingAway),
        Event::Overflowed => close(Vec::new(), CloseCode::Slow),
        Event::Revoked => {
            close(vec![refuse(joining.reference.clone(), ErrorCode::AuthInvalid, REVOKED)], CloseCode::InvalidToken)
        }
        Event::Crowded => {
            let message = "the user has too many connections: close one";
            close(vec![refuse(joining.reference.clone(), ErrorCode::QuotaExceeded, message)], CloseCode::TooManySockets)
        }
        Event::Control { .. } | Event::Tick { .. } | Event::Entered { .. } | Event::Drained => {
            (State::Joining(joining), Vec::new())
        }
    }
}

pub(super) fn going_away(reconnect_after_ms: u64) -> Effect {
    let data = GoingAway { reason: "shutdown".to_owned(), reconnect_after_ms };
    Effect::Send(ServerFrame::notice(ServerMessage::GoingAway(data)))
}

/// Why a command is not looked at.
pub(super) enum Refused {
    /// It is answered with an error.
    Error(Box<Effect>),
    /// There were too many of those.
    Close,
}

impl Refused {
    pub(super) fn into_state(self, state: State) -> (State, Vec<Effect>) {
        match self {
            Self::Error(effect) => (state, vec![*effect]),
            Self::Close => close(Vec::new(), CloseCode::RateLimited),
        }
    }
}

impl Traffic {
    /// Counts a command.
    pub(super) fn admit(&mut self, reference: Option<String>, now: Moment) -> Option<Refused> {
        self.heard = self.heard.max(now);
        let retry_after_ms = self.commands.take(now).err()?;
        if self.strikes.take(now).is_err() {
            return Some(Refused::Close);
        }
        let mut error = CommandError::new(ErrorCode::RateLimited, "too many commands in a short time");
        error.retry_after_ms = Some(retry_after_ms);
        Some(Refused::Error(Box::new(refuse_with(reference, error))))
    }

    /// Counts something that costs little, but not nothing.
    pub(super) fn strike(&mut self, now: Moment) -> Result<(), u64> {
        self.heard = self.heard.max(now);
        self.strikes.take(now)
    }
}
