//! Behaviour triggers: what users do, or fail to do, and what happens then.

use std::time::Duration;

use super::action::LaunchAgent;
use super::attribute::Template;
use super::condition::{Condition, EventTest};
use super::experience::Status;
use super::ids::{ExperienceId, PostId, SegmentId, TriggerId};

/// A reaction to behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Its identifier.
    pub id: TriggerId,
    /// Its name for people; the identifier when the author gives none.
    pub name: String,
    /// Whether it runs.
    pub status: Status,
    /// What sets it off.
    pub when: When,
    /// What holds it back when it happens in time.
    pub unless: Option<Unless>,
    /// What must hold when it fires.
    pub condition: Option<Condition>,
    /// What it does; at least one.
    pub reactions: Vec<Reaction>,
    /// How often it fires.
    pub once: Once,
    /// Least time between two firings for one user.
    pub cooldown: Option<Duration>,
    /// What becomes of it when the user is away.
    pub deliver: Delivery,
    /// Percentage of users, 0 to 100, who never get it, to compare with.
    pub control_percent: u8,
    /// Whether users who did it earlier count.
    pub backfill: bool,
}

/// What sets a trigger off.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// The user does something.
    Event(EventTest),
    /// The user does nothing of the kind for so long.
    Absence {
        /// What is missed.
        event: EventTest,
        /// For how long.
        lasting: Duration,
    },
    /// The user comes back after so long.
    ReturnedAfter(Duration),
    /// The user comes into a segment.
    EntersSegment(SegmentId),
    /// The user leaves a segment.
    LeavesSegment(SegmentId),
    /// A trait of the user changes.
    TraitChanged(String),
}

/// What holds a trigger back: another event in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Unless {
    /// The other event.
    pub event: EventTest,
    /// Only when this property has the same value in both.
    pub same: Option<String>,
    /// In which time.
    pub within: Duration,
    /// How much longer is waited for events that come late.
    pub grace: Duration,
}

/// What a trigger does.
#[derive(Clone, Debug, PartialEq)]
pub enum Reaction {
    /// Opens the agent.
    LaunchAgent(LaunchAgent),
    /// Puts a message of the agent into the conversation.
    PushMessage(Template),
    /// Starts an experience.
    LaunchExperience(ExperienceId),
    /// Opens a post.
    OpenPost(PostId),
}

/// How often a trigger fires for one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once {
    /// Each time.
    Never,
    /// Once.
    #[default]
    User,
    /// Once for each value of `unless.same`.
    Key,
    /// Once in each cooldown.
    Period,
}

/// What becomes of a reaction when the user is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Held until the user is back, else dropped.
    pub hold_when_offline: bool,
    /// How long it is held.
    pub expires: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { hold_when_offline: true, expires: Duration::from_secs(24 * 3600) }
    }
}
