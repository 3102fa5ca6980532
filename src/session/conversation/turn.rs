//! What begins a run: a message, a launch, the wish for another answer.

use super::automation::{End, Scene};
use super::command::{Launch, Say, StartTurn, TurnSetup};
use super::run::Run;
use super::{Asked, Conversation, ConversationEffect};
use crate::domain::attribute::Attributes;
use crate::domain::conversation::Choice;
use crate::domain::ids::{ClientId, MessageId};
use crate::domain::project::Project;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::launch::{LaunchMode, LaunchResolved};
use crate::protocol::message::{FinishReason, MessageCompleted, Role};
use crate::protocol::run::{RunFinished, RunKind, RunOutcome, RunStarted, RunTrigger};
use crate::protocol::server_message::{Ack, CommandError, ServerMessage};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

struct NewTurn {
    text: String,
    plain: Option<String>,
    choice: Option<Choice>,
    setup: TurnSetup,
    trigger: RunTrigger,
    client: ClientId,
}

/// What a command came with.
pub(super) struct Origin<'a> {
    pub(super) id: &'a Option<String>,
    /// A fresh ULID.
    pub(super) fresh: &'a str,
    pub(super) client: ClientId,
}

impl Conversation {
    fn check_idle(&self) -> Result<(), CommandError> {
        match self.run {
            Some(_) => Err(CommandError::new(ErrorCode::RunInProgress, "the last message is still being answered")),
            None => Ok(()),
        }
    }

    pub(super) fn say(
        &mut self,
        settings: &SessionSettings,
        say: Say,
        project: &Project,
        Origin { id, fresh, client }: Origin<'_>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        self.check_idle()?;
        let goes_on = self.automation.is_some();
        let attributes = if goes_on { say.setup.context.template_attributes() } else { Attributes::new() };
        let (run, message) = (Run::new(fresh, client.clone(), Vec::new()), user_message(fresh));
        let answering = Some((run.id().to_string(), run.message.clone()));
        let scene = Scene { settings, project, attributes: &attributes, answering, now };
        if self.concerns_automation(&say, &scene) {
            self.append(said_by_user(&message, &say.text), id.clone(), now, effects);
            let (run_id, trigger) = (run.id().to_string(), RunTrigger::Automation);
            let started = RunStarted { run_id: run_id.clone(), trigger, message_id: message.to_string() };
            self.append(ServerMessage::RunStarted(started), None, now, effects);
            self.asked = None;
            self.answer_automation(&scene, &say, &client, effects);
            self.append(answered_at_once(run_id), None, now, effects);
            return Ok(Ack::default());
        }
        let Say { text, quick_reply, setup, .. } = say;
        let choice = quick_reply.as_ref().and_then(|reply| {
            self.quick_replies.iter().rev().find(|(known, _)| known == reply).map(|(_, answer)| answer.clone())
        });
        if text.trim().is_empty() && choice.is_none() {
            return Err(CommandError::new(ErrorCode::BadRequest, "`text` must not be empty"));
        }
        let trigger = if quick_reply.is_some() { RunTrigger::QuickReply } else { RunTrigger::Message };
        let turn = NewTurn { text, plain: None, choice, setup, trigger, client };
        self.begin_turn(settings, turn, id, fresh, now, effects);
        Ok(Ack::default())
    }

    pub(super) fn launch(
        &mut self,
        settings: &SessionSettings,
        launch: Launch,
        Origin { id, fresh, client }: Origin<'_>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        let Launch { text, plain, missing, mode, source, announce, setup } = launch;
        let message_id = match mode {
            LaunchMode::Send => {
                self.check_idle()?;
                Some(user_message(fresh).to_string())
            }
            LaunchMode::Prefill | LaunchMode::Open => None,
        };
        let resolved = LaunchResolved {
            conversation_id: self.id.to_string(),
            epoch: self.epoch.clone(),
            mode,
            text: text.clone(),
            missing_attributes: missing,
            message_id,
            source,
        };
        self.append(ServerMessage::LaunchResolved(resolved), id.clone(), now, effects);
        if mode == LaunchMode::Send {
            let turn = NewTurn { text, plain, choice: None, setup, trigger: RunTrigger::Launch, client };
            self.begin_turn(settings, turn, id, fresh, now, effects);
        }
        Ok(Ack {
            duplicate: false,
            conversation_id: announce.then(|| self.id.to_string()),
            epoch: announce.then(|| self.epoch.clone()),
        })
    }

    fn begin_turn(
        &mut self,
        settings: &SessionSettings,
        turn: NewTurn,
        id: &Option<String>,
        fresh: &str,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let NewTurn { text, plain, choice, setup, trigger, client } = turn;
        let run = Run::new(fresh, client, setup.capabilities.clone());
        let message_id = user_message(fresh).to_string();
        self.append(said_by_user(&user_message(fresh), &text), id.clone(), now, effects);
        let started = RunStarted { run_id: run.id().to_string(), trigger, message_id };
        self.append(ServerMessage::RunStarted(started), None, now, effects);
        self.asked = Some(Asked {
            said: user_message(fresh),
            answer: run.message.clone(),
            rev: 1,
            text: text.clone(),
            plain: plain.clone(),
            choice: choice.clone(),
        });
        let question = user_message(fresh);
        let start = StartTurn { run: run.id().clone(), question, message: text, plain, choice, setup };
        effects.push(ConversationEffect::Start(Box::new(start)));
        self.run = Some(run);
        if self.is_asking() {
            self.end_automation(settings, End::Cancelled, None, now, effects);
        }
    }

    /// Another run for the last question; its answer takes the place of the one before.
    pub(super) fn regenerate(
        &mut self,
        message: &MessageId,
        setup: TurnSetup,
        fresh: &str,
        client: ClientId,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        self.check_idle()?;
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.answer == *message) else {
            let message = "`message_id` is not the last answer of this conversation";
            return Err(CommandError::new(ErrorCode::BadRequest, message));
        };
        asked.rev += 1;
        let run = Run::again(fresh, client, setup.capabilities.clone(), (asked.answer.clone(), asked.rev));
        let started = RunStarted {
            run_id: run.id().to_string(),
            trigger: RunTrigger::Regenerate,
            message_id: asked.said.to_string(),
        };
        let start = StartTurn {
            run: run.id().clone(),
            question: asked.said.clone(),
            message: asked.text.clone(),
            plain: asked.plain.clone(),
            choice: asked.choice.clone(),
            setup,
        };
        self.append(ServerMessage::RunStarted(started), None, now, effects);
        effects.push(ConversationEffect::Start(Box::new(start)));
        self.run = Some(run);
        Ok(Ack::default())
    }
}

fn user_message(fresh: &str) -> MessageId {
    MessageId::new(&format!("said-{fresh}")).expect("a ULID makes an identifier")
}

fn said_by_user(message: &MessageId, text: &str) -> ServerMessage {
    ServerMessage::MessageCompleted(Box::new(MessageCompleted {
        message_id: message.to_string(),
        role: Role::User,
        text: text.to_owned(),
        citations: Vec::new(),
        quick_replies: Vec::new(),
        finish_reason: FinishReason::Complete,
        from_seq: None,
        run_id: None,
    }))
}

/// The end of a run for which nobody had to think.
fn answered_at_once(run_id: String) -> ServerMessage {
    ServerMessage::RunFinished(RunFinished {
        run_id,
        kind: Some(RunKind::Automation),
        outcome: RunOutcome::Completed,
        answer_id: None,
        degraded: false,
        handover_reason: None,
        error: None,
        usage: None,
    })
}
