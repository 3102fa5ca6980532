//! A connection that is in a conversation.

use super::conversation::command::{Command, Feedback, Report, Request, Say, TurnSetup};
use super::effect::Effect;
use super::event::Event;
use super::handshake::{REVOKED, going_away};
use super::identity::IdentityError;
use super::launch::launch;
use super::moment::Moment;
use super::outcomes::{Known, fingerprint};
use super::profile::{self, SignedTraits};
use super::settings::SessionSettings;
use super::state::{Live, State};
use super::{close, refuse, refuse_with};
use crate::domain::attribute::Attributes;
use crate::domain::ids::{ActionId, ConversationId, ExperienceId, MessageId, PostId, RunId};
use crate::protocol::client_message::ClientMessage;
use crate::protocol::close_code::CloseCode;
use crate::protocol::context::ContextUpdate;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::frame::FrameCommand;
use crate::protocol::hello::{AuthRefresh, Nothing};
use crate::protocol::message::MessageSend;
use crate::protocol::server_message::{Ack, CommandError, ServerFrame, ServerMessage};

pub(super) fn live(settings: &SessionSettings, mut live: Box<Live>, event: Event) -> (State, Vec<Effect>) {
    match event {
        Event::Command { command, fresh, now } => {
            live.pinged = false;
            if matches!(command.message, Ok(ClientMessage::Pong(_))) {
                return match live.traffic.strike(now) {
                    Ok(()) => (State::Live(live), Vec::new()),
                    Err(_) => close(Vec::new(), CloseCode::RateLimited),
                };
            }
            if let Some(refused) = live.traffic.admit(command.id.clone(), now) {
                return refused.into_state(State::Live(live));
            }
            let FrameCommand { id, content, message } = command;
            let origin = Origin { id, fingerprint: fingerprint(&content), fresh };
            let effects = match message {
                Ok(message) => command_said(settings, &mut live, message, origin, now),
                Err(error) => vec![refuse_with(origin.id, error)],
            };
            (State::Live(live), effects)
        }
        Event::BadFrame { error, .. } => {
            close(vec![refuse(None, error.code(), error.to_string())], CloseCode::BadFrame)
        }
        Event::Control { now } => {
            live.pinged = false;
            match live.traffic.strike(now) {
                Ok(()) => (State::Live(live), Vec::new()),
                Err(_) => close(Vec::new(), CloseCode::RateLimited),
            }
        }
        Event::Tick { now } => {
            if live.profile.token.as_ref().is_some_and(|token| token.is_over_at() <= now) {
                let expired = IdentityError::Expired.to_string();
                return close(vec![refuse(None, ErrorCode::AuthExpired, expired)], CloseCode::TokenExpired);
            }
            let silence = now.since(live.traffic.heard);
            if live.pinged && silence >= settings.heartbeat_ms + settings.pong_timeout_ms {
                return close(Vec::new(), CloseCode::NoPong);
            }
            if live.pinged || silence < settings.heartbeat_ms {
                return (State::Live(live), Vec::new());
            }
            live.pinged = true;
            (State::Live(live), vec![Effect::Send(ServerFrame::notice(ServerMessage::Ping(Nothing {})))])
        }
        Event::Entered { conversation, command, fingerprint, ack } => {
            live.conversation = conversation;
            live.outcomes.record(command.as_deref(), fingerprint, ack, settings.remembered_commands);
            (State::Live(live), Vec::new())
        }
        Event::Drain { busy, reconnect_after_ms } => {
            live.draining = true;
            let effects = vec![going_away(reconnect_after_ms)];
            if busy { (State::Live(live), effects) } else { close(effects, CloseCode::GoingAway) }
        }
        Event::Drained if live.draining => close(Vec::new(), CloseCode::GoingAway),
        Event::Overflowed => close(Vec::new(), CloseCode::Slow),
        Event::Revoked => close(vec![refuse(None, ErrorCode::AuthInvalid, REVOKED)], CloseCode::InvalidToken),
        Event::Drained | Event::Crowded | Event::Joined(_) | Event::JoinFailed(_) => (State::Live(live), Vec::new()),
    }
}

/// What a command came with.
pub(super) struct Origin {
    pub(super) id: Option<String>,
    pub(super) fingerprint: u64,
    pub(super) fresh: String,
}

impl Origin {
    pub(super) fn request(self, live: &Live, command: Command) -> Box<Request> {
        Box::new(Request {
            id: self.id,
            fingerprint: self.fingerprint,
            fresh: self.fresh,
            client: live.profile.client.clone(),
            command,
            refusal: None,
        })
    }
}

pub(super) fn setup(live: &Live, attributes: &Attributes) -> TurnSetup {
    TurnSetup {
        context: live.profile.context(attributes),
        capabilities: live.profile.capabilities.clone(),
        trace: live.profile.trace,
    }
}

fn command_said(
    settings: &SessionSettings,
    live: &mut Live,
    message: ClientMessage,
    origin: Origin,
    now: Moment,
) -> Vec<Effect> {
    let bad_request = |origin: Origin, error: String| vec![refuse(origin.id, ErrorCode::BadRequest, error)];
    match message {
        ClientMessage::Hello(_) => bad_request(origin, "`hello` was said before".to_owned()),
        ClientMessage::MessageSend(send) => match say(settings, live, send) {
            Ok(command) => vec![Effect::Converse(origin.request(live, command))],
            Err(error) => vec![refuse_with(origin.id, error)],
        },
        ClientMessage::AgentLaunch(request) => launch(settings, live, request, origin),
        ClientMessage::ActionClaim(claim) => match ActionId::new(&claim.action_id) {
            Ok(action) => {
                let setup = setup(live, &Attributes::new());
                vec![Effect::Converse(origin.request(live, Command::Claim { action, setup, preflight: Ok(()) }))]
            }
            Err(error) => bad_request(origin, format!("`action_id`: {error}")),
        },
        ClientMessage::ActionResult(result) => match ActionId::new(&result.action_id) {
            Ok(action) => {
                let report = Report {
                    action,
                    status: result.status,
                    code: result.code,
                    detail: result.detail.map(|detail| detail.chars().take(500).collect()),
                    duration_ms: result.duration_ms,
                };
                vec![Effect::Converse(origin.request(live, Command::Report(report)))]
            }
            Err(error) => bad_request(origin, format!("`action_id`: {error}")),
        },
        ClientMessage::FeedbackSet(feedback) => match MessageId::new(&feedback.message_id) {
            Ok(message) => {
                let cut = |text: Option<String>| text.map(|text| text.chars().take(2_000).collect());
                let feedback = Feedback {
                    message,
                    value: feedback.value,
                    reason: cut(feedback.reason),
                    comment: cut(feedback.comment),
                };
                vec![Effect::Converse(origin.request(live, Command::Judge(feedback)))]
            }
            Err(error) => bad_request(origin, format!("`message_id`: {error}")),
        },
        ClientMessage::RunCancel(cancel) => match RunId::new(&cancel.run_id) {
            Ok(run) => vec![Effect::Converse(origin.request(live, Command::Cancel(run)))],
            Err(error) => bad_request(origin, format!("`run_id`: {error}")),
        },
        ClientMessage::MessageRegenerate(regenerate) => match MessageId::new(&regenerate.message_id) {
            Ok(message) => {
                let setup = setup(live, &Attributes::new());
                vec![Effect::Converse(origin.request(live, Command::Regenerate { message, setup }))]
            }
            Err(error) => bad_request(origin, format!("`message_id`: {error}")),
        },
        ClientMessage::ReadMark(mark) => vec![Effect::Converse(origin.request(live, Command::Read(mark.seq)))],
        ClientMessage::HistoryGet(get) => match ConversationId::new(&get.conversation_id) {
            Ok(conversation) => vec![Effect::ReadHistory {
                reference: origin.id,
                conversation,
                user: live.profile.user.clone(),
                before: get.before_seq,
                limit: get.limit,
            }],
            Err(error) => bad_request(origin, format!("`conversation_id`: {error}")),
        },
        ClientMessage::AuthRefresh(refresh) => auth_refresh(settings, live, &refresh, origin, now),
        ClientMessage::ContextUpdate(update) => context_update(settings, live, &update, origin),
        ClientMessage::ExperienceGet(get) => match ExperienceId::new(&get.experience_id) {
            Ok(experience) => {
                let context = Box::new(live.profile.context(&Attributes::new()));
                vec![Effect::ReadExperience { reference: origin.id, experience, context }]
            }
            Err(error) => vec![refuse(origin.id, ErrorCode::ExperienceNotFound, format!("`experience_id`: {error}"))],
        },
        ClientMessage::PostGet(get) => match PostId::new(&get.post_id) {
            Ok(post) => {
                let context = Box::new(live.profile.context(&Attributes::new()));
                vec![Effect::ReadPost { reference: origin.id, post, context }]
            }
            Err(error) => vec![refuse(origin.id, ErrorCode::PostNotFound, format!("`post_id`: {error}"))],
        },
        ClientMessage::Pong(_) => Vec::new(),
        ClientMessage::FeedGet(get) => match get.before.as_deref().map(PostId::new).transpose() {
            Ok(before) => {
                let context = Box::new(live.profile.context(&Attributes::new()));
                vec![Effect::ReadFeed { reference: origin.id, before, limit: get.limit, context }]
            }
            Err(error) => vec![refuse(origin.id, ErrorCode::PostNotFound, format!("`before`: {error}"))],
        },
        ClientMessage::EventTrack(_) | ClientMessage::ExperienceEvent(_) => {
            let text = format!("`{}` is not served in this version of the server", message.type_name());
            vec![refuse(origin.id, ErrorCode::UnknownType, text)]
        }
    }
}

/// Another token for the same user; another user begins with another `hello`.
fn auth_refresh(
    settings: &SessionSettings,
    live: &mut Live,
    refresh: &AuthRefresh,
    origin: Origin,
    now: Moment,
) -> Vec<Effect> {
    match settings.identity.verify(&refresh.identity_token, &settings.project_key, now) {
        Ok(verified) if verified.user == live.profile.user => {
            live.profile.signed = SignedTraits(verified.traits);
            live.profile.token = Some(verified.token);
            vec![Effect::Send(ServerFrame::answer(origin.id, ServerMessage::Ack(Ack::default())))]
        }
        Ok(_) => vec![refuse(origin.id, ErrorCode::Forbidden, "the token is another user's: connect anew with it")],
        Err(IdentityError::Expired) => {
            vec![refuse(origin.id, ErrorCode::AuthExpired, IdentityError::Expired.to_string())]
        }
        Err(error) => vec![refuse(origin.id, ErrorCode::AuthInvalid, error.to_string())],
    }
}

fn say(settings: &SessionSettings, live: &Live, send: MessageSend) -> Result<Command, CommandError> {
    if send.conversation_id.is_some_and(|id| id != live.conversation.as_str()) {
        let message = "`conversation_id` is not the current conversation";
        return Err(CommandError::new(ErrorCode::ConversationNotFound, message));
    }
    check_length(settings, &send.text)?;
    if send.text.trim().is_empty() && send.quick_reply_id.is_none() {
        return Err(CommandError::new(ErrorCode::BadRequest, "`text` must not be empty"));
    }
    Ok(Command::Say(Say {
        text: send.text,
        quick_reply: send.quick_reply_id,
        is_question: false,
        setup: setup(live, &Attributes::new()),
    }))
}

pub(super) fn check_length(settings: &SessionSettings, text: &str) -> Result<(), CommandError> {
    if text.len() > settings.text_chars && text.chars().count() > settings.text_chars {
        let message = format!("a message has at most {} characters", settings.text_chars);
        return Err(CommandError::new(ErrorCode::PayloadTooLarge, message));
    }
    Ok(())
}

fn context_update(settings: &SessionSettings, live: &mut Live, update: &ContextUpdate, origin: Origin) -> Vec<Effect> {
    let ack = match live.outcomes.look_up(origin.id.as_deref(), origin.fingerprint) {
        Known::Done(ack) => ack,
        Known::Conflict => {
            return vec![refuse(
                origin.id,
                ErrorCode::IdempotencyConflict,
                "the identifier was used for another command",
            )];
        }
        Known::New => {
            let page = match update.page.as_ref().map(profile::page).transpose() {
                Ok(page) => page,
                Err(error) => return vec![refuse(origin.id, ErrorCode::BadRequest, error)],
            };
            if let Err(error) = live.profile.claim(&update.attributes, settings) {
                return vec![refuse(origin.id, ErrorCode::BadRequest, error)];
            }
            if page.is_some() {
                live.profile.page = page;
            }
            let id = origin.id.as_deref();
            live.outcomes.record(id, origin.fingerprint, Ack::default(), settings.remembered_commands);
            Ack::default()
        }
    };
    vec![Effect::Used, Effect::Send(ServerFrame::answer(origin.id, ServerMessage::Ack(ack)))]
}
