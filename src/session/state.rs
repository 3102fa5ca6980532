//! The states of one connection, each with what is known in it.

use super::identity::Token;
use super::moment::Moment;
use super::outcomes::Outcomes;
use super::profile::Profile;
use super::rate::TokenBucket;
use super::settings::SessionSettings;
use crate::domain::ids::ConversationId;

/// How far a connection is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It is open, and nobody has said who they are.
    AwaitingHello(AwaitingHello),
    /// Its conversation is being looked up.
    Joining(Box<Joining>),
    /// It is in a conversation.
    Live(Box<Live>),
    /// It is being closed; nothing counts any more.
    Closing,
}

/// See [`State::AwaitingHello`].
#[derive(Clone, Debug, PartialEq)]
pub struct AwaitingHello {
    pub(super) opened: Moment,
    pub(super) opening: Opening,
    pub(super) traffic: Traffic,
}

/// What is known of a connection before anything was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Whether it comes from the server's own computer.
    pub is_local: bool,
    /// Who its user is, when `hello` does not say so.
    pub anonymous_id: String,
}

/// See [`State::Joining`].
#[derive(Clone, Debug, PartialEq)]
pub struct Joining {
    pub(super) traffic: Traffic,
    pub(super) profile: Profile,
    pub(super) reference: Option<String>,
}

/// See [`State::Live`].
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub(super) traffic: Traffic,
    pub(super) pinged: bool,
    pub(super) profile: Profile,
    pub(super) conversation: ConversationId,
    pub(super) draining: bool,
    /// Only of commands that no conversation remembers.
    pub(super) outcomes: Outcomes,
}

/// What a client has sent, and when it was heard last.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    pub(super) heard: Moment,
    pub(super) commands: TokenBucket,
    pub(super) strikes: TokenBucket,
}

impl State {
    /// A connection that was just opened.
    pub fn open(settings: &SessionSettings, opening: Opening, now: Moment) -> Self {
        let traffic = Traffic {
            heard: now,
            commands: TokenBucket::new(settings.commands, now),
            strikes: TokenBucket::new(settings.strikes, now),
        };
        Self::AwaitingHello(AwaitingHello { opened: now, opening, traffic })
    }

    /// When the next [`Event::Tick`](super::event::Event::Tick) is due.
    pub fn deadline(&self, settings: &SessionSettings) -> Option<Moment> {
        match self {
            Self::AwaitingHello(waiting) => Some(waiting.opened.plus(settings.hello_timeout_ms)),
            Self::Live(live) => {
                let grace = if live.pinged { settings.pong_timeout_ms } else { 0 };
                let heartbeat = live.traffic.heard.plus(settings.heartbeat_ms).plus(grace);
                let over = live.profile.token.as_ref().map(Token::is_over_at);
                Some(over.map_or(heartbeat, |over| heartbeat.min(over)))
            }
            Self::Joining(_) | Self::Closing => None,
        }
    }

    /// The conversation that commands go to.
    pub fn conversation(&self) -> Option<&ConversationId> {
        match self {
            Self::Live(live) => Some(&live.conversation),
            Self::AwaitingHello(_) | Self::Joining(_) | Self::Closing => None,
        }
    }

    /// Who is there, once that is known.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Joining(joining) => Some(&joining.profile),
            Self::Live(live) => Some(&live.profile),
            Self::AwaitingHello(_) | Self::Closing => None,
        }
    }
}
