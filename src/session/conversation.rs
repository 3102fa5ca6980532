//! The pure state machine of one conversation, which several connections may share.
//!
//! It numbers the events of the conversation's log from 1 without a gap, lets one
//! run go on at a time, ends every run exactly once, and grants every action once.

pub mod action;
mod automation;
pub mod command;
mod failure;
mod offer;
mod restore;
pub mod run;
pub mod tab;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;

use super::moment::Moment;
use super::outcomes::Outcomes;
use super::settings::SessionSettings;
use crate::agent::turn_event::TurnEvent;
use crate::domain::conversation::Choice;
use crate::domain::ids::{ClientId, ConversationId, MessageId, RunId};
use crate::domain::project::Project;
use crate::protocol::server_message::{ServerFrame, ServerMessage};

use action::OpenAction;
use automation::Running;
use command::{Request, StartTurn};
use run::{Run, RunEnd};
use tab::{Tabs, Visitor};

/// The state of one conversation.
#[derive(Clone, Debug)]
pub struct Conversation {
    id: ConversationId,
    epoch: String,
    seq: u64,
    run: Option<Run>,
    actions: VecDeque<OpenAction>,
    /// The automation that asks for something, or runs.
    automation: Option<Running>,
    /// Who follows at present; not part of the log.
    tabs: Tabs,
    /// The last answers, with the number of the event that completed each.
    answers: VecDeque<(MessageId, u64)>,
    /// What the last answer was given to, so that it can be given again.
    asked: Option<Asked>,
    /// Number of the last event that the user has read.
    read: u64,
    /// How many answers the user was told not to have read.
    unread: u32,
    quick_replies: VecDeque<(String, Choice)>,
    outcomes: Outcomes,
}

/// A question that has an answer, or will have one.
#[derive(Clone, Debug)]
struct Asked {
    /// The user's message.
    said: MessageId,
    /// The answer's.
    answer: MessageId,
    /// How often it was given again.
    rev: u32,
    text: String,
    plain: Option<String>,
    choice: Option<Choice>,
}

/// What happens to a conversation.
#[derive(Clone, Debug)]
pub enum ConversationEvent {
    /// A connection wants something done.
    Request {
        /// What.
        request: Box<Request>,
        /// The project as it is now.
        project: Arc<Project>,
        /// When.
        now: Moment,
    },
    /// The agent has got further.
    Turn {
        /// With which run.
        run: RunId,
        /// How.
        event: Box<TurnEvent>,
        /// The project as it is now.
        project: Arc<Project>,
        /// When.
        now: Moment,
    },
    /// A run came to its end without the agent saying so.
    RunEnded {
        /// Which.
        run: RunId,
        /// Why.
        end: RunEnd,
        /// When.
        now: Moment,
    },
    /// A tab follows from now on.
    TabCame {
        /// Which.
        visitor: Visitor,
        /// When.
        now: Moment,
    },
    /// The user does something in a tab that is no command for the conversation.
    TabUsed {
        /// Which.
        client: ClientId,
        /// When.
        now: Moment,
    },
    /// A connection of a tab is gone.
    TabLeft {
        /// Which.
        client: ClientId,
        /// When.
        now: Moment,
    },
    /// It was taken from its log, after whoever held it has ended.
    Restored {
        /// When.
        now: Moment,
    },
    /// A time has come that [`ConversationEffect::WakeAt`] asked for.
    Tick {
        /// When.
        now: Moment,
    },
}

/// What a conversation wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum ConversationEffect {
    /// Append this event to the log; once all of a step are there, send them to
    /// everyone who follows. Their numbers go on where the last ones ended.
    Append(Box<ServerFrame>),
    /// Answer the connection that asked, once everything is appended.
    Reply(Box<ServerFrame>),
    /// Send this to everyone who follows, without keeping it.
    Broadcast(Box<ServerFrame>),
    /// Let the agent begin a run.
    Start(Box<StartTurn>),
    /// Let the agent stop a run that has ended.
    Stop(RunId),
    /// Come back at this time.
    WakeAt(Moment),
}

/// What one conversation does about one event.
pub fn step(
    settings: &SessionSettings,
    mut conversation: Conversation,
    event: ConversationEvent,
) -> (Conversation, Vec<ConversationEffect>) {
    let mut effects = Vec::new();
    match event {
        ConversationEvent::Request { request, project, now } => {
            conversation.tabs.used(&request.client, now);
            conversation.carry_out(settings, *request, &project, now, &mut effects);
        }
        ConversationEvent::Turn { run, event, project, now } => {
            conversation.turn(settings, &run, *event, &project, now, &mut effects);
        }
        ConversationEvent::RunEnded { run, end, now } => {
            conversation.end_run(settings, &run, end, now, &mut effects);
        }
        ConversationEvent::TabCame { visitor, now } => conversation.tab_came(settings, visitor, now, &mut effects),
        ConversationEvent::TabUsed { client, now } => conversation.tabs.used(&client, now),
        ConversationEvent::TabLeft { client, now } => conversation.tab_left(settings, &client, now, &mut effects),
        ConversationEvent::Restored { now } => conversation.restored(settings, now, &mut effects),
        ConversationEvent::Tick { now } => conversation.expire_actions(settings, now, &mut effects),
    }
    (conversation, effects)
}

impl Conversation {
    /// A conversation whose log is empty.
    pub fn new(id: ConversationId, epoch: String) -> Self {
        Self {
            id,
            epoch,
            seq: 0,
            run: None,
            actions: VecDeque::new(),
            automation: None,
            tabs: Tabs::default(),
            answers: VecDeque::new(),
            asked: None,
            read: 0,
            unread: 0,
            quick_replies: VecDeque::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Its identifier.
    pub fn id(&self) -> &ConversationId {
        &self.id
    }

    /// Its epoch.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Number of its last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What the user asked last.
    pub fn question(&self) -> Option<&str> {
        self.asked.as_ref().map(|asked| asked.text.as_str())
    }

    /// The run that goes on.
    pub fn active_run(&self) -> Option<&RunId> {
        self.run.as_ref().map(Run::id)
    }

    /// Forgets the run and every event after number `seq`, which were not stored.
    pub fn give_up_run(&mut self, seq: u64) {
        self.seq = self.seq.min(seq);
        self.run = None;
    }

    fn append(
        &mut self,
        message: ServerMessage,
        reference: Option<String>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> u64 {
        self.seq += 1;
        let frame = ServerFrame { message, seq: Some(self.seq), reference, ts: Some(now.text()) };
        effects.push(ConversationEffect::Append(Box::new(frame)));
        self.seq
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, value: T, capacity: usize) {
    while queue.len() >= capacity.max(1) {
        queue.pop_front();
    }
    queue.push_back(value);
}
