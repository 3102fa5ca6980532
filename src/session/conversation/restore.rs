//! A conversation from its log, after the process that held it has ended.
//!
//! The log is all there is: who may be answered by a chip, which offers are open,
//! which commands were carried out, and whether a run was cut off.

use super::action::OpenAction;
use super::run::Run;
use super::{Asked, Conversation, push_bounded};
use crate::domain::conversation::Choice;
use crate::domain::ids::{ConversationId, MessageId, RunId};
use crate::ports::conversation_store::StoredEvent;
use crate::protocol::message::Role;
use crate::protocol::run::RunTrigger;
use crate::protocol::server_message::{Ack, ServerFrame, ServerMessage};
use crate::session::settings::SessionSettings;

impl Conversation {
    /// The conversation whose last events are `events`, in order; `seq` is the number
    /// of the last one that was given, which may be gone. A run that was cut off goes
    /// on, so that it can be ended; what has to end or to be offered elsewhere waits for
    /// [`ConversationEvent::Restored`](super::ConversationEvent::Restored).
    pub fn restore(
        settings: &SessionSettings,
        id: ConversationId,
        epoch: String,
        seq: u64,
        events: &[StoredEvent],
    ) -> Self {
        let mut conversation = Self { seq, ..Self::new(id, epoch) };
        for event in events {
            let Ok(frame) = serde_json::from_str::<ServerFrame>(&event.frame) else {
                tracing::error!(event.seq, "an event of the log cannot be read");
                continue;
            };
            let frame = ServerFrame { seq: Some(event.seq), ..frame };
            conversation.take_in(settings, frame, event.fingerprint);
        }
        conversation
    }

    fn take_in(&mut self, settings: &SessionSettings, frame: ServerFrame, fingerprint: Option<u64>) {
        if let Some((id, fingerprint)) = frame.reference.as_deref().zip(fingerprint) {
            // The command that began the conversation was told its name.
            let began = frame.seq == Some(1) && matches!(frame.message, ServerMessage::LaunchResolved(_));
            let ack = Ack {
                duplicate: false,
                conversation_id: began.then(|| self.id.to_string()),
                epoch: began.then(|| self.epoch.clone()),
            };
            self.outcomes.record(Some(id), fingerprint, ack, settings.remembered_commands);
        }
        match frame.message {
            ServerMessage::RunStarted(started) => {
                self.run = RunId::new(&started.run_id).ok().map(Run::restored);
                match started.trigger {
                    RunTrigger::Automation => self.asked = None,
                    RunTrigger::Regenerate => {
                        if let Some((asked, run)) = self.asked.as_mut().zip(self.run.as_mut()) {
                            asked.rev += 1;
                            run.resume_message(Some(asked.answer.clone()), Some(asked.rev));
                        }
                    }
                    RunTrigger::Message | RunTrigger::QuickReply | RunTrigger::Launch => {
                        if let Some((asked, run)) = self.asked.as_mut().zip(self.run.as_ref()) {
                            asked.answer = run.message.clone();
                        }
                    }
                }
            }
            ServerMessage::RunFinished(_) => self.run = None,
            ServerMessage::AutomationUpdated(updated) => self.take_in_automation(&updated),
            // Of an answer that is given again; what the agent says by itself answers nothing.
            ServerMessage::MessageStarted(started) if started.run_id.is_some() => {
                let message = MessageId::new(&started.message_id).ok();
                if let Some((asked, answer)) = self.asked.as_mut().zip(message.clone()) {
                    (asked.answer, asked.rev) = (answer, started.rev.unwrap_or(1));
                }
                if let Some(run) = self.run.as_mut() {
                    run.resume_message(message, started.rev);
                }
            }
            ServerMessage::MessageCompleted(message) if message.role == Role::User => {
                // Its answer is named once its run begins.
                self.asked = MessageId::new(&message.message_id).ok().map(|said| Asked {
                    answer: said.clone(),
                    said,
                    rev: 1,
                    text: message.text,
                    plain: None,
                    choice: None,
                });
            }
            ServerMessage::MessageCompleted(message) => {
                if let Some(run) = self.run.as_mut().filter(|_| message.run_id.is_some()) {
                    run.message_is_complete();
                }
                for reply in message.quick_replies {
                    // Its run stands before its name.
                    let choice = reply.id.split_once(':').and_then(|(_, name)| Choice::named(name));
                    if let Some(choice) = choice {
                        push_bounded(&mut self.quick_replies, (reply.id, choice), settings.remembered_answers);
                    }
                }
                if let Ok(id) = MessageId::new(&message.message_id) {
                    let seq = frame.seq.unwrap_or(0);
                    self.answers.retain(|(answer, _)| *answer != id);
                    push_bounded(&mut self.answers, (id, seq), settings.remembered_answers);
                }
            }
            ServerMessage::Unread(unread) => {
                self.unread = unread.count;
                if unread.count == 0 {
                    self.read = frame.seq.unwrap_or(0);
                }
            }
            ServerMessage::ActionRequested(requested) => {
                self.take_in_step(&requested);
                if let Some(open) = OpenAction::restored(&requested) {
                    // What had to go to make room, the log says itself.
                    self.make_room(settings);
                    self.actions.push_back(open);
                }
            }
            ServerMessage::ActionUpdated(updated) => {
                if let Some(open) = self.actions.iter_mut().find(|open| open.id.as_str() == updated.action_id) {
                    open.restore_state(&updated);
                }
            }
            _ => {}
        }
    }
}
