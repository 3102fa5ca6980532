//! Actions of a conversation: granted to one tab once, and followed to their end.

use super::{Conversation, ConversationEffect};
use crate::agent::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::{Action, ActionKind};
use crate::domain::conversation::Link;
use crate::domain::ids::{ActionId, ClientId};
use crate::domain::locale::Locale;
use crate::domain::page::Page;
use crate::domain::project::Project;
use crate::protocol::action as wire;
use crate::protocol::action::{ActionResultCode, ActionState, ActionStatus, ActionUpdated, Execution};
use crate::protocol::convert::action as convert;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{Ack, CommandError, ServerMessage};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

use super::automation::Scene;
use super::command::{Report, TurnSetup};

/// How much longer than its own limit a step of an automation may take to be reported.
const REPORT_MARGIN_MS: u64 = 5_000;

/// An action that was offered.
#[derive(Clone, Debug)]
pub struct OpenAction {
    pub(super) id: ActionId,
    pub(super) offered: OfferedAction,
    /// Those of one batch serve one question.
    pub(super) batch: Option<String>,
    pub(super) execution: Execution,
    pub(super) target: ClientId,
    pub(super) progress: Progress,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Progress {
    /// Until when it may be claimed; absent while the conversation is open.
    Pending {
        until: Option<Moment>,
    },
    /// Until when it must be reported; absent where the server itself knows how it ends.
    Claimed {
        client: ClientId,
        until: Option<Moment>,
    },
    Ended(ActionState),
}

impl Progress {
    /// When it ends by itself.
    pub(super) fn until(&self) -> Option<Moment> {
        match self {
            Self::Pending { until } => *until,
            Self::Claimed { until, .. } => *until,
            Self::Ended(_) => None,
        }
    }
}

impl OpenAction {
    /// An offer that a log tells of.
    pub(super) fn restored(requested: &wire::ActionRequested) -> Option<Self> {
        let (action, resolved_url) = convert::sent(&requested.action)?;
        let arrives_at = requested.arrives_at.as_ref().and_then(|url| url.parse().ok());
        let offered = OfferedAction {
            action,
            label: requested.label.clone(),
            resolved_url,
            arrives_at: arrives_at.map(|url| Page { url, title: None }.into()),
            origin: match requested.origin {
                wire::ActionOrigin::CustomAnswer => ActionOrigin::CustomAnswer,
                wire::ActionOrigin::Automated => ActionOrigin::Automation,
                wire::ActionOrigin::Model | wire::ActionOrigin::Host => ActionOrigin::Agent,
            },
            order: requested.order.unwrap_or(0),
            language: requested.language.as_deref().and_then(Locale::new),
            instead: requested.instead.clone().map(|wire::Link { title, url }| Link { title, url }),
        };
        Some(Self {
            id: ActionId::new(&requested.action_id).ok()?,
            offered,
            batch: requested.batch_id.clone(),
            execution: requested.execution,
            target: ClientId::new(&requested.target_client_id).ok()?,
            progress: Progress::Pending { until: requested.expires_at.as_deref().and_then(Moment::parse) },
        })
    }

    /// What the log says became of it. A grant is not given back: whether its tab
    /// carried the action out is not known.
    pub(super) fn restore_state(&mut self, updated: &ActionUpdated) {
        let until = updated.expires_at.as_deref().and_then(Moment::parse);
        self.progress = match updated.state {
            ActionState::Pending => Progress::Pending { until },
            ActionState::Claimed => match updated.client_id.as_deref().map(ClientId::new) {
                Some(Ok(client)) => Progress::Claimed { client, until },
                Some(Err(_)) | None => Progress::Ended(ActionState::Expired),
            },
            ended => Progress::Ended(ended),
        };
        self.execution = updated.execution.unwrap_or(self.execution);
        if let Some(Ok(target)) = updated.target_client_id.as_deref().map(ClientId::new) {
            self.target = target;
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.progress, Progress::Pending { .. })
    }
}

/// The wish of a tab to execute an action.
pub(super) struct Claim {
    pub(super) action: ActionId,
    pub(super) client: ClientId,
    pub(super) setup: TurnSetup,
    /// A fresh ULID.
    pub(super) fresh: String,
    pub(super) preflight: Result<(), String>,
}

impl Conversation {
    /// The offer behind an identifier, as long as it may be claimed.
    pub fn pending_action(&self, id: &ActionId) -> Option<&OfferedAction> {
        let open = self.actions.iter().find(|open| open.id == *id)?;
        open.is_pending().then_some(&open.offered)
    }

    /// Whether an action is open that ends by itself when its time is over.
    pub fn is_waiting(&self) -> bool {
        self.actions.iter().any(|open| open.progress.until().is_some())
    }

    pub(super) fn claim(
        &mut self,
        settings: &SessionSettings,
        claim: Claim,
        project: &Project,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        self.expire_actions(settings, now, effects);
        let refused = |code, message: &str| Err(CommandError::new(code, message));
        let Some(open) = self.actions.iter_mut().find(|open| open.id == claim.action) else {
            return refused(ErrorCode::ActionExpired, "the action is not open in this conversation");
        };
        match open.progress {
            Progress::Pending { .. } => {}
            Progress::Claimed { .. } => {
                return refused(ErrorCode::ActionAlreadyClaimed, "the action was granted before");
            }
            Progress::Ended(ActionState::Expired) => {
                return refused(ErrorCode::ActionExpired, "the action is no longer open");
            }
            Progress::Ended(_) => return refused(ErrorCode::ActionAlreadyClaimed, "the action was carried out before"),
        }
        if open.execution == Execution::Auto && open.target != claim.client {
            return refused(ErrorCode::Forbidden, "the action is for another tab");
        }
        if !claim.setup.capabilities.contains(&open.offered.action.kind()) {
            return refused(ErrorCode::ActionUnsupported, "the client did not declare this kind of action");
        }
        let kind = open.offered.action.kind();
        if let Err(reason) = claim.preflight {
            if kind == ActionKind::AutomationStep {
                let code = Some(ActionResultCode::NotEligible);
                let event = ActionUpdated { code, ..updated(&claim.action, ActionState::Failed) };
                self.end_action(settings, &claim.action, event, now, effects);
            }
            return Err(CommandError::new(ErrorCode::NotEligible, reason));
        }
        let limit = match &open.offered.action {
            // Its steps and the user's answers take their time.
            Action::RunAutomation(_) => None,
            Action::AutomationStep(step) => {
                let own = u64::try_from(step.timeout.as_millis()).unwrap_or(u64::MAX);
                Some(own.saturating_add(REPORT_MARGIN_MS))
            }
            _ => Some(settings.action_result_ms),
        };
        let until = limit.map(|limit| now.plus(limit));
        let begins = (kind == ActionKind::RunAutomation).then(|| open.clone());
        if begins.is_some() {
            self.may_begin_automation()?;
        }
        let Some(open) = self.actions.iter_mut().find(|open| open.id == claim.action) else {
            return Ok(Ack::default());
        };
        open.progress = Progress::Claimed { client: claim.client.clone(), until };
        let claimed = ActionUpdated {
            client_id: Some(claim.client.to_string()),
            expires_at: until.map(Moment::text),
            ..updated(&claim.action, ActionState::Claimed)
        };
        self.update(claimed, now, effects);
        effects.extend(until.map(ConversationEffect::WakeAt));
        if let Some(offer) = begins {
            let attributes = claim.setup.context.template_attributes();
            let scene = Scene { settings, project, attributes: &attributes, answering: None, now };
            self.begin_automation(&scene, &offer, claim.client, &claim.fresh, effects);
        }
        Ok(Ack::default())
    }

    pub(super) fn report(
        &mut self,
        settings: &SessionSettings,
        report: Report,
        client: &ClientId,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        self.expire_actions(settings, now, effects);
        let refused = |code, message: &str| Err(CommandError::new(code, message));
        let Some(open) = self.actions.iter().find(|open| open.id == report.action) else {
            return refused(ErrorCode::ActionExpired, "the action is not open in this conversation");
        };
        match &open.progress {
            Progress::Pending { .. } => match report.status {
                // What is turned down was never executed, so it needs no grant.
                ActionStatus::Declined | ActionStatus::Unsupported => {}
                ActionStatus::Succeeded | ActionStatus::Failed | ActionStatus::Blocked | ActionStatus::Expired => {
                    return refused(ErrorCode::BadRequest, "claim the action before it is carried out");
                }
            },
            Progress::Claimed { client: claimer, .. } => {
                if claimer != client {
                    return refused(ErrorCode::Forbidden, "the action was granted to another tab");
                }
                if open.offered.action.kind() == ActionKind::RunAutomation {
                    return self.give_up_automation(settings, &report, now, effects);
                }
            }
            Progress::Ended(state) => {
                return if *state == report.status.state() {
                    Ok(Ack { duplicate: true, ..Ack::default() })
                } else {
                    refused(ErrorCode::ActionExpired, "the action has ended before")
                };
            }
        }
        let ended = ActionUpdated {
            client_id: Some(client.to_string()),
            code: report.code,
            detail: report.detail,
            duration_ms: report.duration_ms,
            ..updated(&report.action, report.status.state())
        };
        self.end_action(settings, &report.action, ended, now, effects);
        Ok(Ack::default())
    }

    /// Ends what was not claimed or not reported in time.
    pub(super) fn expire_actions(
        &mut self,
        settings: &SessionSettings,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let is_due = |open: &&OpenAction| open.progress.until().is_some_and(|until| until <= now);
        let due: Vec<ActionId> = self.actions.iter().filter(is_due).map(|open| open.id.clone()).collect();
        for id in due {
            let event = ActionUpdated { code: Some(ActionResultCode::Timeout), ..updated(&id, ActionState::Expired) };
            self.end_action(settings, &id, event, now, effects);
        }
    }

    /// Ends an action, and says so when the user waits for it in vain.
    fn end_action(
        &mut self,
        settings: &SessionSettings,
        id: &ActionId,
        event: ActionUpdated,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(open) = self.actions.iter_mut().find(|open| open.id == *id) else { return };
        open.progress = Progress::Ended(event.state);
        let (state, code) = (event.state, event.code);
        let is_step = open.offered.action.kind() == ActionKind::AutomationStep;
        self.update(event, now, effects);
        match state {
            _ if is_step => self.step_ended(settings, id, (state, code), now, effects),
            ActionState::Failed | ActionState::Blocked | ActionState::Expired => {
                self.tell_of_failure(settings, id, state, code, now, effects);
            }
            ActionState::Pending
            | ActionState::Claimed
            | ActionState::Succeeded
            | ActionState::Declined
            | ActionState::Unsupported => {}
        }
    }

    pub(super) fn update(&mut self, event: ActionUpdated, now: Moment, effects: &mut Vec<ConversationEffect>) {
        self.append(ServerMessage::ActionUpdated(Box::new(event)), None, now, effects);
    }
}

pub(super) fn updated(id: &ActionId, state: ActionState) -> ActionUpdated {
    ActionUpdated {
        action_id: id.to_string(),
        state,
        client_id: None,
        code: None,
        detail: None,
        duration_ms: None,
        expires_at: None,
        execution: None,
        target_client_id: None,
    }
}
