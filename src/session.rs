//! The pure state machines behind a connection and behind a conversation.
//!
//! [`step`] decides what one connection does next, and
//! [`conversation::step`] what one conversation does, which several connections
//! may share. Neither waits, reads a clock, makes up an identifier or knows a
//! socket: times and identifiers come in with the events, and what is to be done
//! goes out as effects. The server carries the effects out in order.

pub mod conversation;
pub mod effect;
pub mod event;
pub mod identity;
pub mod moment;
pub mod outcomes;
pub mod profile;
pub mod rate;
pub mod settings;
pub mod state;

mod handshake;
mod launch;
mod live;

use effect::Effect;
use event::Event;
use settings::SessionSettings;
use state::State;

use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};

/// What one connection does about one event.
pub fn step(settings: &SessionSettings, state: State, event: Event) -> (State, Vec<Effect>) {
    match state {
        State::AwaitingHello(waiting) => handshake::awaiting_hello(settings, waiting, event),
        State::Joining(joining) => handshake::joining(settings, joining, event),
        State::Live(live) => live::live(settings, live, event),
        State::Closing => (State::Closing, Vec::new()),
    }
}

fn refuse(reference: Option<String>, code: ErrorCode, message: impl Into<String>) -> Effect {
    refuse_with(reference, CommandError::new(code, message))
}

fn refuse_with(reference: Option<String>, error: CommandError) -> Effect {
    Effect::Send(ServerFrame::answer(reference, ServerMessage::Error(error)))
}

fn close(mut effects: Vec<Effect>, code: CloseCode) -> (State, Vec<Effect>) {
    effects.push(Effect::Close(code));
    (State::Closing, effects)
}
