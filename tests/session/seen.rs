//! What a log has told so far, and what must never come after it.

use std::collections::{HashMap, HashSet};

use docent::domain::ids::ActionId;
use docent::protocol::action::{Action, ActionState, ActionStatus, Execution};
use docent::protocol::automation::{AutomationState, AutomationUpdated};
use docent::protocol::message::Role;
use docent::protocol::server_message::{ServerFrame, ServerMessage};
use docent::session::conversation::command::{Command, Report, Say};

use crate::product::setup;

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) seq: u64,
    pub(crate) runs: Vec<String>,
    pub(crate) open_run: Option<String>,
    pub(crate) finished: HashSet<String>,
    completed: HashSet<String>,
    pub(crate) actions: Vec<String>,
    granted: HashSet<String>,
    ended: HashMap<String, ActionState>,
    pub(crate) answers: Vec<String>,
    pub(crate) acked: HashMap<String, u32>,
    /// The tab that an action is for, while it needs no click.
    auto: HashMap<String, String>,
    failures: HashSet<String>,
    /// The automation that goes on, as it was told last.
    automation: Option<AutomationUpdated>,
    /// How many steps each run of an automation has, and how many of them succeeded.
    steps: HashMap<String, (usize, usize)>,
    over: HashSet<String>,
    targets: HashMap<String, String>,
}

impl Seen {
    pub(crate) fn event(&mut self, frame: &ServerFrame) {
        assert_eq!(frame.seq, Some(self.seq + 1), "no number is skipped: {frame:?}");
        assert!(frame.ts.is_some());
        self.seq += 1;
        match &frame.message {
            ServerMessage::RunStarted(run) => {
                assert_eq!(self.open_run.replace(run.run_id.clone()), None, "one run at a time");
                self.runs.push(run.run_id.clone());
            }
            ServerMessage::RunFinished(run) => {
                assert_eq!(self.open_run.take().as_ref(), Some(&run.run_id), "only the open run ends");
                assert!(self.finished.insert(run.run_id.clone()), "a run ends once");
            }
            ServerMessage::MessageCompleted(message) => {
                if message.message_id.starts_with("failure-") {
                    assert!(self.failures.insert(message.message_id.clone()), "a failure is told once");
                }
                assert!(self.completed.insert(message.message_id.clone()), "a message is completed once");
                assert!(message.from_seq.is_none_or(|from| from < self.seq));
                if message.role == Role::Agent {
                    self.answers.push(message.message_id.clone());
                }
            }
            ServerMessage::MessageStarted(started) if started.rev.is_some() => {
                assert!(self.completed.remove(&started.message_id), "what was completed is given again");
                self.answers.retain(|answer| *answer != started.message_id);
            }
            ServerMessage::MessageDelta(delta) => {
                assert!(!self.completed.contains(&delta.message_id), "nothing follows a completed message");
            }
            ServerMessage::ActionRequested(action) => {
                self.actions.push(action.action_id.clone());
                assert_eq!(action.execution == Execution::Auto, action.expires_at.is_some());
                self.targets.insert(action.action_id.clone(), action.target_client_id.clone());
                if let Action::AutomationStep { run, index, .. } = &action.action {
                    assert!(!self.over.contains(run), "nothing follows the end of an automation");
                    let (all, done) = self.steps[run];
                    assert_eq!(
                        usize::try_from(*index).ok(),
                        Some(done),
                        "a step follows the success of the one before"
                    );
                    assert!(done < all);
                }
                if action.execution == Execution::Auto {
                    self.auto.insert(action.action_id.clone(), action.target_client_id.clone());
                }
            }
            ServerMessage::ActionUpdated(update) if update.state == ActionState::Pending => {
                assert!(!self.granted.contains(&update.action_id), "what was granted is not offered again");
                assert!(!self.ended.contains_key(&update.action_id), "what has ended is not offered again");
                if update.execution == Some(Execution::Offer) {
                    self.auto.remove(&update.action_id);
                }
            }
            ServerMessage::ActionUpdated(update) if update.state == ActionState::Claimed => {
                if let Some(target) = self.auto.get(&update.action_id) {
                    assert_eq!(update.client_id.as_ref(), Some(target), "it starts by itself in its own tab alone");
                }
                assert!(self.granted.insert(update.action_id.clone()), "an action is granted once");
                assert!(!self.ended.contains_key(&update.action_id), "an ended action is not granted");
            }
            ServerMessage::AutomationUpdated(update) => {
                assert!(self.over.is_empty() || !self.over.contains(&update.run), "an automation ends once");
                match update.state {
                    AutomationState::Asking | AutomationState::Confirming | AutomationState::Running => {
                        let before = self.automation.replace(update.as_ref().clone());
                        assert!(before.is_none_or(|before| before.run == update.run), "one automation at a time");
                        if update.state == AutomationState::Running {
                            let before = self.steps.insert(update.run.clone(), (update.steps.len(), 0));
                            assert_eq!(before, None, "an automation begins once");
                            assert_eq!(update.arguments["plan"], "pro");
                        }
                    }
                    AutomationState::Succeeded | AutomationState::Stopped | AutomationState::Cancelled => {
                        if update.state == AutomationState::Succeeded {
                            let (all, done) = self.steps[&update.run];
                            assert_eq!(all, done, "every step was carried out");
                        }
                        assert!(self.over.insert(update.run.clone()));
                        self.automation = None;
                    }
                }
            }
            ServerMessage::ActionUpdated(update) => {
                if let Some((step, index)) = update.action_id.strip_prefix("step-").and_then(|id| id.rsplit_once('-'))
                    && update.state == ActionState::Succeeded
                {
                    assert!(self.granted.contains(&update.action_id), "a step is carried out by whom it was granted");
                    let (_, done) = self.steps.get_mut(&format!("auto-{step}")).expect("a run");
                    assert_eq!(index.parse().ok(), Some(*done), "a step succeeds once");
                    *done += 1;
                }
                let before = self.ended.insert(update.action_id.clone(), update.state);
                assert_eq!(before, None, "an action ends once");
            }
            _ => {}
        }
    }

    /// What a user and a tab would do next who want the automation to be done.
    pub(crate) fn proceed(&self, id: u8) -> (String, Command) {
        let newest = self.actions.last().cloned().unwrap_or_else(|| "none".to_owned());
        let target = self.targets.get(&newest).cloned().unwrap_or_else(|| "tab-0".to_owned());
        let say = |text: &str| Say { text: text.to_owned(), quick_reply: None, is_question: false, setup: setup() };
        let action = ActionId::new(&newest).expect("an id");
        let command = match &self.automation {
            Some(asking) if asking.state == AutomationState::Asking => Command::Say(say("the pro one")),
            Some(asking) if asking.state == AutomationState::Confirming => Command::Say(say("Yes!")),
            _ if self.granted.contains(&newest) => {
                let status = if id.is_multiple_of(16) { ActionStatus::Failed } else { ActionStatus::Succeeded };
                Command::Report(Report { action, status, code: None, detail: None, duration_ms: None })
            }
            _ => Command::Claim { action, setup: setup(), preflight: Ok(()) },
        };
        (target, command)
    }

    pub(crate) fn choose(list: &[String], at: u8) -> String {
        list.iter().rev().nth(usize::from(at)).cloned().unwrap_or_else(|| format!("none-{at}"))
    }
}
