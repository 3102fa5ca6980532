//! The state of a chat: what was said, what is waited for, what can be chosen.

use std::collections::VecDeque;

use ulid::Ulid;

use super::screen::{Screen, deed};
use crate::protocol::action::{
    Action, ActionClaim, ActionRequested, ActionResult, ActionResultCode, ActionState, ActionStatus, Execution,
};
use crate::protocol::client_message::{ClientFrame, ClientMessage};
use crate::protocol::hello::Resume;
use crate::protocol::launch::{
    AgentLaunch, LaunchConversation, LaunchMessage, LaunchMode, LaunchSource, LaunchSourceKind,
};
use crate::protocol::message::{FinishReason, MessageCompleted, MessageSend, QuickReply, Role};
use crate::protocol::post::PostGet;
use crate::protocol::run::{RunFinished, RunOutcome};
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};

/// What to do next.
pub(super) enum Next {
    Nothing,
    Send(Vec<ClientFrame>),
    Quit,
}

/// The state of a chat.
#[derive(Default)]
pub(super) struct Talk {
    cursor: Option<Resume>,
    /// Commands without an answer, in order: sent again after a reconnect.
    outbox: VecDeque<ClientFrame>,
    is_welcome: bool,
    expects_run: bool,
    choices: Vec<Choice>,
    /// The action that a claim was sent for.
    claimed: Option<ActionRequested>,
}

/// What a number stands for.
#[derive(Clone, Debug)]
enum Choice {
    Reply(QuickReply),
    Action(Box<ActionRequested>),
}

impl Choice {
    fn label(&self) -> String {
        match self {
            Self::Reply(reply) => reply.text.clone(),
            Self::Action(action) if action.label.is_empty() => deed(&action.action),
            Self::Action(action) => format!("{} ({})", action.label, deed(&action.action)),
        }
    }
}

impl Talk {
    /// Whether nothing is waited for, so that the user may go on.
    pub(super) fn is_idle(&self) -> bool {
        self.is_welcome && self.outbox.is_empty() && !self.expects_run
    }

    /// Where to resume.
    pub(super) fn cursor(&self) -> Option<Resume> {
        self.cursor.clone()
    }

    fn command(&mut self, message: ClientMessage) -> ClientFrame {
        let frame = ClientFrame { message, id: Some(Ulid::generate().to_string()) };
        self.outbox.push_back(frame.clone());
        frame
    }

    /// Launches the agent with a message.
    pub(super) fn launch(&mut self, text: &str) -> ClientFrame {
        self.expects_run = true;
        self.command(ClientMessage::AgentLaunch(AgentLaunch {
            message: Some(LaunchMessage { template: text.to_owned() }),
            mode: LaunchMode::Send,
            attributes: Default::default(),
            source: LaunchSource { kind: LaunchSourceKind::Sdk, experience_id: None, step_id: None },
            conversation: LaunchConversation::Current,
        }))
    }

    /// The user entered a line.
    pub(super) fn said(&mut self, line: &str, screen: &mut Screen) -> Next {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => Next::Nothing,
            "/quit" | "/exit" => Next::Quit,
            "/help" => {
                screen.help();
                Next::Nothing
            }
            "/launch" if rest.trim().is_empty() => {
                screen.refused("say what to launch with, as in /launch How do I export?");
                Next::Nothing
            }
            "/launch" => Next::Send(vec![self.launch(rest.trim())]),
            _ if line.starts_with('/') => {
                screen.refused(&format!("there is no command {word}; /help tells which there are"));
                Next::Nothing
            }
            _ => {
                match line.parse::<usize>().ok().and_then(|number| self.choices.get(number.checked_sub(1)?).cloned()) {
                    Some(Choice::Reply(reply)) => self.send(reply.text, Some(reply.id)),
                    Some(Choice::Action(action)) => self.claim(*action),
                    None => self.send(line.to_owned(), None),
                }
            }
        }
    }

    fn claim(&mut self, action: ActionRequested) -> Next {
        let claim = ActionClaim { action_id: action.action_id.clone() };
        self.claimed = Some(action);
        Next::Send(vec![self.command(ClientMessage::ActionClaim(claim))])
    }

    fn send(&mut self, text: String, quick_reply_id: Option<String>) -> Next {
        self.expects_run = true;
        let send = MessageSend { conversation_id: None, text, quick_reply_id };
        Next::Send(vec![self.command(ClientMessage::MessageSend(send))])
    }

    /// A frame came.
    pub(super) fn arrived(&mut self, frame: ServerFrame, screen: &mut Screen) -> Next {
        if let Some(seq) = frame.seq {
            match &mut self.cursor {
                Some(cursor) if seq <= cursor.after_seq => return Next::Nothing,
                Some(cursor) => cursor.after_seq = seq,
                None => {}
            }
        }
        let answered = self.answered(frame.reference.as_deref(), &frame.message);
        match frame.message {
            ServerMessage::Welcome(welcome) => {
                let is_first = self.cursor.is_none();
                let is_same =
                    self.cursor.as_ref().is_some_and(|cursor| cursor.conversation_id == welcome.conversation_id);
                if !welcome.resumed {
                    self.expects_run = !self.outbox.is_empty() && self.expects_run;
                    self.choices.clear();
                    let cursor = Resume {
                        conversation_id: welcome.conversation_id,
                        epoch: welcome.epoch,
                        after_seq: welcome.seq,
                    };
                    self.cursor = Some(cursor);
                }
                match (is_first, welcome.resumed) {
                    (true, _) => {
                        if let Some(greeting) = welcome.agent.greeting {
                            screen.note(&format!("{}: {greeting}", welcome.agent.name));
                        }
                    }
                    (false, resumed) if resumed || is_same => screen.note("back again"),
                    (false, _) => screen.note("back again; the server has forgotten the conversation above"),
                }
                self.is_welcome = true;
                // What was sent before the first welcome is on its way already.
                if is_first { Next::Nothing } else { Next::Send(self.outbox.iter().cloned().collect()) }
            }
            ServerMessage::Ack(_) => self.acknowledged(answered.as_ref(), screen),
            ServerMessage::Error(error) => {
                self.refused(&error, answered.as_ref(), screen);
                Next::Nothing
            }
            ServerMessage::LaunchResolved(launch) => {
                screen.launched(&launch.text, &launch.missing_attributes);
                self.expects_run &= launch.mode == LaunchMode::Send;
                Next::Nothing
            }
            ServerMessage::RunStarted(_) => {
                self.expects_run = true;
                self.choices.clear();
                Next::Nothing
            }
            ServerMessage::MessageStarted(_) => {
                screen.answer_started();
                Next::Nothing
            }
            ServerMessage::MessageDelta(delta) => {
                screen.piece(&delta.delta, &delta.cites);
                Next::Nothing
            }
            ServerMessage::MessageCompleted(message) => {
                self.completed(*message, screen);
                Next::Nothing
            }
            ServerMessage::ActionRequested(action) => {
                if action.state != ActionState::Pending {
                    return Next::Nothing;
                }
                let starts = action.execution == Execution::Auto && self.claimed.is_none();
                self.choices.push(Choice::Action(action.clone()));
                if starts { self.claim(*action) } else { Next::Nothing }
            }
            ServerMessage::RunFinished(run) => {
                self.run_finished(&run, screen);
                Next::Nothing
            }
            ServerMessage::PostContent(post) => {
                screen.post(&post.title, &post.body);
                self.report(ActionStatus::Succeeded, None)
            }
            ServerMessage::GoingAway(_) => {
                screen.note("the server stops");
                Next::Nothing
            }
            ServerMessage::ConversationSnapshot(_)
            | ServerMessage::HistoryPage(_)
            | ServerMessage::ExperienceShow(_)
            | ServerMessage::ExperienceClose(_)
            | ServerMessage::ExperienceContent(_)
            | ServerMessage::FeedPage(_)
            | ServerMessage::RunStatus(_)
            | ServerMessage::CitationAdded(_)
            | ServerMessage::ActionUpdated(_)
            | ServerMessage::AutomationUpdated(_)
            | ServerMessage::MessageFeedback(_)
            | ServerMessage::Unread(_)
            | ServerMessage::Ping(_)
            | ServerMessage::RunTrace(_) => Next::Nothing,
        }
    }

    /// The command that a frame answers.
    fn answered(&mut self, reference: Option<&str>, message: &ServerMessage) -> Option<ClientMessage> {
        let answers = matches!(
            message,
            ServerMessage::Ack(_)
                | ServerMessage::Error(_)
                | ServerMessage::PostContent(_)
                | ServerMessage::ExperienceContent(_)
        );
        let at = self.outbox.iter().position(|command| answers && command.id.as_deref() == reference)?;
        self.outbox.remove(at).map(|command| command.message)
    }

    fn acknowledged(&mut self, command: Option<&ClientMessage>, screen: &mut Screen) -> Next {
        if !matches!(command, Some(ClientMessage::ActionClaim(_))) {
            return Next::Nothing;
        }
        match self.claimed.as_ref().map(|claimed| &claimed.action) {
            Some(Action::OpenPost { post_id }) => {
                let get = PostGet { post_id: post_id.clone() };
                Next::Send(vec![self.command(ClientMessage::PostGet(get))])
            }
            // The server goes on by itself: it asks, or sends steps.
            Some(Action::RunAutomation { .. }) => {
                self.claimed = None;
                Next::Nothing
            }
            Some(action) => {
                screen.note(&format!("A browser would now {}.", deed(action)));
                self.report(ActionStatus::Unsupported, Some(ActionResultCode::NoRuntime))
            }
            None => Next::Nothing,
        }
    }

    fn report(&mut self, status: ActionStatus, code: Option<ActionResultCode>) -> Next {
        let Some(claimed) = self.claimed.take() else { return Next::Nothing };
        let action_id = claimed.action_id;
        self.choices.retain(|choice| !matches!(choice, Choice::Action(action) if action.action_id == action_id));
        let result = ActionResult { action_id, status, code, detail: None, duration_ms: None };
        Next::Send(vec![self.command(ClientMessage::ActionResult(result))])
    }

    fn refused(&mut self, error: &CommandError, command: Option<&ClientMessage>, screen: &mut Screen) {
        screen.refused(&error.message);
        match command {
            Some(ClientMessage::MessageSend(_) | ClientMessage::AgentLaunch(_)) => self.expects_run = false,
            Some(ClientMessage::ActionClaim(_) | ClientMessage::PostGet(_)) => self.claimed = None,
            Some(_) | None => {}
        }
    }

    fn completed(&mut self, message: MessageCompleted, screen: &mut Screen) {
        match message.role {
            Role::User => {}
            Role::Agent => {
                let is_whole = message.finish_reason == FinishReason::Complete;
                screen.answer_completed(&message.text, &message.citations, is_whole);
                self.choices.extend(message.quick_replies.into_iter().map(Choice::Reply));
            }
        }
    }

    fn run_finished(&mut self, run: &RunFinished, screen: &mut Screen) {
        self.expects_run = false;
        match (run.outcome, &run.error) {
            (RunOutcome::Completed, _) => {}
            (RunOutcome::Cancelled, _) => screen.note("the answer was stopped"),
            (RunOutcome::Interrupted | RunOutcome::Failed, Some(error)) => screen.refused(&error.message),
            (RunOutcome::Interrupted | RunOutcome::Failed, None) => screen.refused("the answer failed"),
        }
        let labels: Vec<String> = self.choices.iter().map(Choice::label).collect();
        screen.choices(&labels);
    }
}
