//! Automations of a conversation: what the user is asked for, then one step at a time.
//!
//! Every change is one `automation.updated` in the log, which holds all that is needed
//! to go on after a restart; how far the steps are, the actions themselves tell.

mod answer;
mod log;

use std::time::Duration;

use super::action::{OpenAction, Progress, updated};
use super::command::Report;
use super::failure::{Told, reason};
use super::{Conversation, ConversationEffect};
use crate::agent::phrasing::Phrasing;
use crate::agent::reply::{markdown_link, plain_text};
use crate::agent::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::{Action, RunAutomation};
use crate::domain::attribute::Attributes;
use crate::domain::automation::argument::{Argument, ArgumentKind};
use crate::domain::automation::plan::{self, Needed};
use crate::domain::automation::{Arguments, Deed, Risk, StepInRun};
use crate::domain::ids::{ActionId, AutomationId, ClientId, MessageId};
use crate::domain::locale::Locale;
use crate::domain::project::Project;
use crate::protocol::action::{ActionResultCode, ActionState, ActionStatus, ActionUpdated, Execution};
use crate::protocol::automation::AutomationState;
use crate::protocol::convert::automation as convert;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::message::QuickReply;
use crate::protocol::server_message::{Ack, CommandError};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

/// An automation that the user has started.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Running {
    automation: AutomationId,
    /// This run of it.
    run: String,
    name: String,
    /// The offer that it was started with.
    offer: ActionId,
    /// The tab in which the user started it, or answered last.
    client: ClientId,
    language: Locale,
    arguments: Arguments,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// The user is asked for the argument under `key`.
    Asking { key: String, attempt: u32 },
    /// The user is asked for consent.
    Confirming { attempt: u32 },
    /// The step `at` was requested.
    Steps { steps: Vec<StepInRun>, at: usize },
}

/// What a conversation asks about, and with which values.
pub(super) struct Scene<'a> {
    pub(super) settings: &'a SessionSettings,
    pub(super) project: &'a Project,
    /// Of the user who answers.
    pub(super) attributes: &'a Attributes,
    /// The run that answers the user, when there is one.
    pub(super) answering: Option<(String, MessageId)>,
    pub(super) now: Moment,
}

/// How an automation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Cancelled,
    /// With the reason, and the sentence for it when the code alone does not tell.
    Stopped {
        code: Option<ActionResultCode>,
        state: ActionState,
        is_tab_gone: bool,
    },
}

/// Nothing that was offered can be run any more.
const NOT_ELIGIBLE: End =
    End::Stopped { code: Some(ActionResultCode::NotEligible), state: ActionState::Failed, is_tab_gone: false };

impl Conversation {
    /// Whether the user is asked for something that an automation needs.
    pub fn is_asking(&self) -> bool {
        self.automation.as_ref().is_some_and(|running| !matches!(running.stage, Stage::Steps { .. }))
    }

    /// One automation goes on at a time.
    pub(super) fn may_begin_automation(&self) -> Result<(), CommandError> {
        if self.automation.is_some() && !self.is_asking() {
            return Err(CommandError::new(ErrorCode::RunInProgress, "another automation is running"));
        }
        Ok(())
    }

    /// Begins the automation of an offer that was just granted. One that still asks
    /// makes way for it.
    pub(super) fn begin_automation(
        &mut self,
        scene: &Scene<'_>,
        offer: &OpenAction,
        client: ClientId,
        fresh: &str,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Action::RunAutomation(RunAutomation { automation, arguments }) = &offer.offered.action else { return };
        self.end_automation(scene.settings, End::Cancelled, None, scene.now, effects);
        let found = scene.project.automations.get(automation);
        let needed = found.and_then(|found| plan::needed(found, scene.project).ok()).unwrap_or_default();
        self.automation = Some(Running {
            automation: automation.clone(),
            run: format!("auto-{fresh}"),
            name: found.map_or_else(|| offer.offered.label.clone(), |found| found.name.clone()),
            offer: offer.id.clone(),
            client,
            language: offer.offered.language.clone().unwrap_or_else(|| scene.project.settings.default_locale.clone()),
            // What was checked when it was offered, and is no value any more, is asked for.
            arguments: plan::accepted(arguments, &needed).unwrap_or_default(),
            stage: Stage::Confirming { attempt: 0 },
        });
        self.go_on(scene, false, effects);
    }

    /// The tab that was granted an automation gives it up; how it ends, only the server
    /// can say.
    pub(super) fn give_up_automation(
        &mut self,
        settings: &SessionSettings,
        report: &Report,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        let goes_on = self.automation.as_ref().is_some_and(|running| running.offer == report.action);
        if report.status != ActionStatus::Declined || !goes_on {
            let message = "the server tells how an automation ends; report `declined` to stop it";
            return Err(CommandError::new(ErrorCode::BadRequest, message));
        }
        self.end_automation(settings, End::Cancelled, None, now, effects);
        Ok(Ack::default())
    }

    /// Asks for what is missing, then for consent, then begins the steps.
    fn go_on(&mut self, scene: &Scene<'_>, has_consent: bool, effects: &mut Vec<ConversationEffect>) {
        let Some(running) = self.automation.as_mut() else { return };
        let project = scene.project;
        let found = project.automations.get(&running.automation);
        let Some((automation, needed)) = found.and_then(|one| Some((one, plan::needed(one, project).ok()?))) else {
            return self.end_automation(scene.settings, NOT_ELIGIBLE, scene.answering.clone(), scene.now, effects);
        };
        if let Some(next) = plan::next_needed(&needed, &mut running.arguments) {
            running.stage = Stage::Asking { key: next.key.clone(), attempt: 1 };
            let (text, replies) = (next.argument.question(), replies_of(next.argument, running));
            self.note_automation(AutomationState::Asking, scene.now, effects);
            return self.ask(scene, text, replies, effects);
        }
        let is_risky =
            plan::with_inner(automation, project).is_ok_and(|all| all.iter().any(|one| one.risk == Risk::Confirm));
        if is_risky && !has_consent {
            running.stage = Stage::Confirming { attempt: 1 };
            let (text, replies) = (proposal(running, &needed), yes_and_no(running));
            self.note_automation(AutomationState::Confirming, scene.now, effects);
            return self.ask(scene, text, replies, effects);
        }
        match plan::steps(automation, project, &running.arguments, scene.attributes) {
            Ok(planned) => {
                let steps = numbered(running, planned);
                running.stage = Stage::Steps { steps, at: 0 };
                self.note_automation(AutomationState::Running, scene.now, effects);
                self.request_step(scene.settings, scene.now, effects);
            }
            Err(fault) => {
                tracing::warn!(automation.id = automation.id.as_str(), %fault, "an automation cannot be run");
                self.end_automation(scene.settings, NOT_ELIGIBLE, scene.answering.clone(), scene.now, effects);
            }
        }
    }

    fn request_step(&mut self, settings: &SessionSettings, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let Some(running) = &self.automation else { return };
        let Stage::Steps { steps, at } = &running.stage else { return };
        let Some(step) = steps.get(*at) else { return };
        let wait = if self.tabs.has(&running.client) { settings.action_claim_ms } else { settings.tab_return_ms };
        let open = OpenAction {
            id: step_action(&running.run, *at),
            offered: OfferedAction {
                action: Action::AutomationStep(Box::new(step.clone())),
                label: running.name.clone(),
                resolved_url: None,
                arrives_at: None,
                origin: ActionOrigin::Automation,
                order: step.index,
                language: Some(running.language.clone()),
                instead: None,
            },
            batch: Some(running.run.clone()),
            execution: Execution::Auto,
            target: running.client.clone(),
            progress: Progress::Pending { until: Some(now.plus(wait)) },
        };
        let action = convert::step(step);
        self.open(settings, open, action, None, now, effects);
    }

    /// A step has ended: the next one, or the end.
    pub(super) fn step_ended(
        &mut self,
        settings: &SessionSettings,
        step: &ActionId,
        (state, code): (ActionState, Option<ActionResultCode>),
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(running) = self.automation.as_mut() else { return };
        let Stage::Steps { steps, at } = &mut running.stage else { return };
        if *step != step_action(&running.run, *at) {
            return;
        }
        let end = match state {
            ActionState::Succeeded if *at + 1 < steps.len() => {
                *at += 1;
                return self.request_step(settings, now, effects);
            }
            ActionState::Succeeded => End::Succeeded,
            ActionState::Declined => End::Cancelled,
            _ => {
                let is_tab_gone = state == ActionState::Expired && !self.tabs.has(&running.client);
                End::Stopped { code, state, is_tab_gone }
            }
        };
        self.end_automation(settings, end, None, now, effects);
    }

    /// After a restart, a run whose step nobody knows of any more cannot go on.
    pub(super) fn resume_automation(
        &mut self,
        settings: &SessionSettings,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(running) = &self.automation else { return };
        let Stage::Steps { at, .. } = &running.stage else { return };
        let step = step_action(&running.run, *at);
        if !self.actions.iter().any(|open| open.id == step && open.progress.until().is_some()) {
            let end = End::Stopped { code: None, state: ActionState::Expired, is_tab_gone: false };
            self.end_automation(settings, end, None, now, effects);
        }
    }

    /// Ends the automation that goes on, if one does, and says how.
    pub(super) fn end_automation(
        &mut self,
        settings: &SessionSettings,
        end: End,
        answering: Option<(String, MessageId)>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(running) = self.automation.clone() else { return };
        let phrasing = Phrasing::in_language(&running.language);
        let name = plain_text(&running.name);
        let (state, ended, text) = match end {
            End::Succeeded => (AutomationState::Succeeded, ActionState::Succeeded, phrasing.done.replace("{}", &name)),
            End::Cancelled => {
                (AutomationState::Cancelled, ActionState::Declined, phrasing.cancelled.replace("{}", &name))
            }
            End::Stopped { code, state, is_tab_gone } => {
                let why = if is_tab_gone { Some(phrasing.tab_gone) } else { reason(phrasing, state, code) };
                let said = stopped(&running, phrasing, &name, why);
                let offer = self.actions.iter().find(|open| open.id == running.offer);
                let instead = offer.and_then(|open| open.offered.instead.as_ref());
                let link = instead.map(|link| markdown_link(&link.title, &link.url));
                let text = link.iter().fold(said, |said, link| format!("{said} {} {link}", phrasing.see_instead));
                (AutomationState::Stopped, ActionState::Failed, text)
            }
        };
        let code = match end {
            End::Stopped { code, .. } => code,
            End::Succeeded | End::Cancelled => None,
        };
        self.note_end(state, code, now, effects);
        self.automation = None;
        self.withdraw_step(&running, now, effects);
        if let Some(open) = self.actions.iter_mut().find(|open| open.id == running.offer)
            && !matches!(open.progress, Progress::Ended(_))
        {
            open.progress = Progress::Ended(ended);
            self.update(ActionUpdated { code, ..updated(&running.offer, ended) }, now, effects);
        }
        self.say_of(settings, answering, (&running.run, text, Vec::new()), now, effects);
    }

    /// A step that no tab was granted is not granted any more.
    fn withdraw_step(&mut self, running: &Running, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let Stage::Steps { at, .. } = &running.stage else { return };
        let id = step_action(&running.run, *at);
        if let Some(open) = self.actions.iter_mut().find(|open| open.id == id && open.is_pending()) {
            open.progress = Progress::Ended(ActionState::Expired);
            self.update(updated(&id, ActionState::Expired), now, effects);
        }
    }

    fn ask(
        &mut self,
        scene: &Scene<'_>,
        text: String,
        replies: Vec<QuickReply>,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(run) = self.automation.as_ref().map(|running| running.run.clone()) else { return };
        self.say_of(scene.settings, scene.answering.clone(), (&run, text, replies), scene.now, effects);
    }

    /// Says something in answer to the user, or by itself.
    fn say_of(
        &mut self,
        settings: &SessionSettings,
        answering: Option<(String, MessageId)>,
        (run, text, quick_replies): (&str, String, Vec<QuickReply>),
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let by_itself = || MessageId::new(&format!("{run}-{}", self.seq + 1)).expect("a ULID makes an identifier");
        let (run_id, message) = answering.map_or_else(|| (None, by_itself()), |(run, message)| (Some(run), message));
        self.tell(settings, Told { message, text, quick_replies, run_id }, now, effects);
    }
}

fn step_action(run: &str, at: usize) -> ActionId {
    let ulid = run.trim_start_matches("auto-");
    ActionId::new(&format!("step-{ulid}-{at}")).expect("a ULID makes an identifier")
}

fn numbered(running: &Running, planned: Vec<(Deed, Duration)>) -> Vec<StepInRun> {
    (0..)
        .zip(planned)
        .map(|(index, (deed, timeout))| StepInRun {
            automation: running.automation.clone(),
            run: running.run.clone(),
            index,
            deed,
            timeout,
        })
        .collect()
}

/// What will be done, with what the user has told.
fn proposal(running: &Running, needed: &[Needed<'_>]) -> String {
    let mut text = format!("**{}**", plain_text(&running.name));
    for one in needed {
        if let Some(value) = running.arguments.get(&one.key) {
            text.push_str(&format!("\n- {}: {}", plain_text(&one.argument.name), plain_text(&value.to_string())));
        }
    }
    text.push_str("\n\n");
    text.push_str(Phrasing::in_language(&running.language).go_ahead);
    text
}

fn stopped(running: &Running, phrasing: &Phrasing, name: &str, why: Option<&str>) -> String {
    let said = match &running.stage {
        Stage::Steps { steps, at } => phrasing
            .stopped
            .replace("{step}", &(at + 1).to_string())
            .replace("{steps}", &steps.len().to_string())
            .replace("{}", name),
        Stage::Asking { .. } | Stage::Confirming { .. } => phrasing.did_not_work.replace("{}", name),
    };
    match why {
        Some(why) => format!("{said} {why}"),
        None => said,
    }
}

/// Replies that give each value of an argument, when there are few.
fn replies_of(argument: &Argument, running: &Running) -> Vec<QuickReply> {
    match &argument.kind {
        ArgumentKind::Enum(values) => values.iter().map(|value| quick_reply(running, value, value)).collect(),
        ArgumentKind::Bool => yes_and_no(running),
        ArgumentKind::Text | ArgumentKind::Number => Vec::new(),
    }
}

fn yes_and_no(running: &Running) -> Vec<QuickReply> {
    let phrasing = Phrasing::in_language(&running.language);
    vec![quick_reply(running, "yes", phrasing.yes), quick_reply(running, "no", phrasing.no)]
}

/// The value is part of the identifier, so that a click says it whatever its text.
fn quick_reply(running: &Running, value: &str, text: &str) -> QuickReply {
    QuickReply { id: format!("{}:{value}", running.run), text: text.to_owned() }
}
