//! What connections ask of a conversation.

use super::action::Claim;
use super::run::RunEnd;
use super::turn::Origin;
use super::{Conversation, ConversationEffect};
use crate::domain::action::ActionKind;
use crate::domain::conversation::Choice;
use crate::domain::ids::{ActionId, ClientId, MessageId, RunId};
use crate::domain::project::Project;
use crate::domain::user::UserContext;
use crate::protocol::action::{ActionResultCode, ActionStatus};
use crate::protocol::context::Unread;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::history::MessageFeedback;
use crate::protocol::launch::{LaunchMode, LaunchSource};
use crate::protocol::message::FeedbackValue;
use crate::protocol::server_message::{Ack, CommandError, ServerFrame, ServerMessage};
use crate::session::moment::Moment;
use crate::session::outcomes::Known;
use crate::session::settings::SessionSettings;

/// A command with what it came with.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its identifier.
    pub id: Option<String>,
    /// Tells its content from that of another command.
    pub fingerprint: u64,
    /// A fresh ULID.
    pub fresh: String,
    /// The tab it comes from.
    pub client: ClientId,
    /// What is to be done.
    pub command: Command,
    /// Why no run may begin at present, when that is so; the server finds out.
    pub refusal: Option<CommandError>,
}

/// What is to be done in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The user says something.
    Say(Say),
    /// The agent is launched.
    Launch(Box<Launch>),
    /// A tab wants to execute an action.
    Claim {
        /// The action.
        action: ActionId,
        /// Who asks, and what the client can do.
        setup: TurnSetup,
        /// Whether the action still may be executed, or why not; the server finds out.
        preflight: Result<(), String>,
    },
    /// A tab tells how an action ended.
    Report(Report),
    /// The user judges an answer.
    Judge(Feedback),
    /// The user stops a run.
    Cancel(RunId),
    /// The user wants the last answer to be given again.
    Regenerate {
        /// The answer.
        message: MessageId,
        /// Who, and where.
        setup: TurnSetup,
    },
    /// The user has read everything up to this event.
    Read(u64),
}

/// What the user says.
#[derive(Clone, Debug, PartialEq)]
pub struct Say {
    /// The text.
    pub text: String,
    /// The quick reply that was clicked.
    pub quick_reply: Option<String>,
    /// Whether it is one of the authors' phrases, and so hardly the answer to something
    /// else; the server finds out.
    pub is_question: bool,
    /// Who, and where.
    pub setup: TurnSetup,
}

/// A launch with its attributes filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The message.
    pub text: String,
    /// The same without the values that were put into it, when there are any.
    pub plain: Option<String>,
    /// Attributes that had no value.
    pub missing: Vec<String>,
    /// What is done with the message.
    pub mode: LaunchMode,
    /// What asked for it.
    pub source: LaunchSource,
    /// Whether the answer names the conversation, because it is a new one.
    pub announce: bool,
    /// Who, and where.
    pub setup: TurnSetup,
}

/// What a turn needs to know beside the message.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnSetup {
    /// Who, and where.
    pub context: UserContext,
    /// What the client can carry out.
    pub capabilities: Vec<ActionKind>,
    /// Whether the trace is wanted.
    pub trace: bool,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The action.
    pub action: ActionId,
    /// How it ended.
    pub status: ActionStatus,
    /// Why.
    pub code: Option<ActionResultCode>,
    /// For a developer.
    pub detail: Option<String>,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

/// A judgement of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The answer.
    pub message: MessageId,
    /// The judgement.
    pub value: Option<FeedbackValue>,
    /// Why.
    pub reason: Option<String>,
    /// In the user's words.
    pub comment: Option<String>,
}

/// A run for the agent to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct StartTurn {
    /// The run.
    pub run: RunId,
    /// The user's message.
    pub question: MessageId,
    /// What it says.
    pub message: String,
    /// For a launch, the message without the values that were put into it.
    pub plain: Option<String>,
    /// The Custom Answer that a quick reply stands for.
    pub choice: Option<Choice>,
    /// The rest.
    pub setup: TurnSetup,
}

impl Conversation {
    pub(super) fn carry_out(
        &mut self,
        settings: &SessionSettings,
        request: Request,
        project: &Project,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Request { id, fingerprint, fresh, client, command, refusal } = request;
        let may_begin = || refusal.map_or(Ok(()), Err);
        let answer = match self.outcomes.look_up(id.as_deref(), fingerprint) {
            Known::Done(ack) => Ok(ack),
            Known::Conflict => {
                Err(CommandError::new(ErrorCode::IdempotencyConflict, "the identifier was used for another command"))
            }
            Known::New => {
                // The answer to a command comes before the events that it causes.
                let mut events = Vec::new();
                let done = match command {
                    Command::Say(say) => may_begin().and_then(|()| {
                        self.say(settings, say, project, Origin { id: &id, fresh: &fresh, client }, now, &mut events)
                    }),
                    Command::Launch(launch) if launch.mode != LaunchMode::Send => {
                        self.launch(settings, *launch, Origin { id: &id, fresh: &fresh, client }, now, &mut events)
                    }
                    Command::Launch(launch) => may_begin().and_then(|()| {
                        self.launch(settings, *launch, Origin { id: &id, fresh: &fresh, client }, now, &mut events)
                    }),
                    Command::Claim { action, setup, preflight } => {
                        let claim = Claim { action, client, setup, fresh, preflight };
                        self.claim(settings, claim, project, now, &mut events)
                    }
                    Command::Report(report) => self.report(settings, report, &client, now, &mut events),
                    Command::Judge(feedback) => self.judge(feedback, now, &mut events),
                    Command::Cancel(run) => self.cancel(settings, run, now, &mut events),
                    Command::Regenerate { message, setup } => {
                        may_begin().and_then(|()| self.regenerate(&message, setup, &fresh, client, now, &mut events))
                    }
                    Command::Read(seq) => Ok(self.mark_read(seq, now, &mut events)),
                };
                // The log tells which command was carried out and caused what, so that
                // sending one again is harmless after a restart too.
                if done.is_ok()
                    && let Some(ConversationEffect::Append(caused)) = events.first_mut()
                    && caused.reference.is_none()
                {
                    caused.reference.clone_from(&id);
                }
                if let Ok(ack) = &done {
                    self.outcomes.record(id.as_deref(), fingerprint, ack.clone(), settings.remembered_commands);
                }
                effects.push(reply(id, done));
                effects.append(&mut events);
                return;
            }
        };
        effects.push(reply(id, answer));
    }

    /// Every tab is told how many answers are left, when that has changed.
    fn mark_read(&mut self, seq: u64, now: Moment, effects: &mut Vec<ConversationEffect>) -> Ack {
        self.read = self.read.max(seq.min(self.seq));
        let left = self.answers.iter().filter(|(_, answered)| *answered > self.read).count();
        let count = u32::try_from(left).unwrap_or(u32::MAX);
        if count != self.unread || left == 0 {
            self.unread = count;
            self.append(ServerMessage::Unread(Unread { count }), None, now, effects);
        }
        Ack::default()
    }

    fn cancel(
        &mut self,
        settings: &SessionSettings,
        run: RunId,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        if self.active_run() != Some(&run) {
            return Err(CommandError::new(ErrorCode::RunNotFound, "the run does not go on"));
        }
        self.end_run(settings, &run, RunEnd::Cancelled, now, effects);
        effects.push(ConversationEffect::Stop(run));
        Ok(Ack::default())
    }

    fn judge(
        &mut self,
        feedback: Feedback,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        if !self.answers.iter().any(|(answer, _)| *answer == feedback.message) {
            let message = "`message_id` is not a recent answer of this conversation";
            return Err(CommandError::new(ErrorCode::BadRequest, message));
        }
        let Feedback { message, value, reason, comment } = feedback;
        let event = MessageFeedback { message_id: message.to_string(), value, reason, comment };
        self.append(ServerMessage::MessageFeedback(event), None, now, effects);
        Ok(Ack::default())
    }
}

fn reply(id: Option<String>, answer: Result<Ack, CommandError>) -> ConversationEffect {
    let message = match answer {
        Ok(ack) => ServerMessage::Ack(ack),
        Err(error) => ServerMessage::Error(error),
    };
    ConversationEffect::Reply(Box::new(ServerFrame::answer(id, message)))
}
