//! Automations into the log and out of it again.

use super::{Running, Stage};
use crate::domain::action::Action;
use crate::domain::ids::{ActionId, AutomationId, ClientId};
use crate::domain::locale::Locale;
use crate::protocol::action::{ActionRequested, ActionResultCode};
use crate::protocol::automation::{AutomationState, AutomationUpdated};
use crate::protocol::convert::action::sent;
use crate::protocol::convert::automation::{sent_step, step};
use crate::protocol::convert::value::{from_json, to_json};
use crate::protocol::server_message::ServerMessage;
use crate::session::conversation::{Conversation, ConversationEffect};
use crate::session::moment::Moment;

impl Running {
    fn told(&self, state: AutomationState) -> AutomationUpdated {
        let (asking, attempt, steps) = match &self.stage {
            Stage::Asking { key, attempt } => (Some(key.clone()), Some(*attempt), Vec::new()),
            Stage::Confirming { attempt } => (None, Some(*attempt), Vec::new()),
            Stage::Steps { steps, .. } => (None, None, steps.iter().map(step).collect()),
        };
        AutomationUpdated {
            automation_id: self.automation.to_string(),
            run: self.run.clone(),
            name: self.name.clone(),
            action_id: self.offer.to_string(),
            client_id: self.client.to_string(),
            language: self.language.to_string(),
            state,
            arguments: self.arguments.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
            asking,
            attempt,
            steps,
            stopped_at: None,
            code: None,
        }
    }

    /// The automation that a log tells of, when it goes on.
    fn restored(updated: &AutomationUpdated) -> Option<Self> {
        let attempt = updated.attempt.unwrap_or(1);
        let stage = match updated.state {
            AutomationState::Asking => Stage::Asking { key: updated.asking.clone()?, attempt },
            AutomationState::Confirming => Stage::Confirming { attempt },
            AutomationState::Running => {
                let steps = updated.steps.iter().map(sent_step).collect::<Option<Vec<_>>>()?;
                Stage::Steps { steps, at: 0 }
            }
            AutomationState::Succeeded | AutomationState::Stopped | AutomationState::Cancelled => return None,
        };
        Some(Self {
            automation: AutomationId::new(&updated.automation_id).ok()?,
            run: updated.run.clone(),
            name: updated.name.clone(),
            offer: ActionId::new(&updated.action_id).ok()?,
            client: ClientId::new(&updated.client_id).ok()?,
            language: Locale::new(&updated.language)?,
            arguments: updated.arguments.iter().map(|(name, value)| (name.clone(), from_json(value))).collect(),
            stage,
        })
    }
}

impl Conversation {
    pub(super) fn note_automation(
        &mut self,
        state: AutomationState,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(updated) = self.automation.as_ref().map(|running| running.told(state)) else { return };
        self.append(ServerMessage::AutomationUpdated(Box::new(updated)), None, now, effects);
    }

    pub(super) fn note_end(
        &mut self,
        state: AutomationState,
        code: Option<ActionResultCode>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(running) = &self.automation else { return };
        let at = match &running.stage {
            Stage::Steps { at, .. } => u32::try_from(*at).ok(),
            Stage::Asking { .. } | Stage::Confirming { .. } => None,
        };
        let stopped_at = at.filter(|_| state != AutomationState::Succeeded);
        let updated = AutomationUpdated { stopped_at, code, steps: Vec::new(), ..running.told(state) };
        self.append(ServerMessage::AutomationUpdated(Box::new(updated)), None, now, effects);
    }

    pub(in crate::session::conversation) fn take_in_automation(&mut self, updated: &AutomationUpdated) {
        self.automation = Running::restored(updated);
    }

    /// The step that was requested last is the one it is at.
    pub(in crate::session::conversation) fn take_in_step(&mut self, requested: &ActionRequested) {
        if let Some(running) = self.automation.as_mut()
            && let Stage::Steps { steps, at } = &mut running.stage
            && let Some((Action::AutomationStep(step), _)) = sent(&requested.action)
            && step.run == running.run
        {
            *at = usize::try_from(step.index).unwrap_or(0).min(steps.len().saturating_sub(1));
        }
    }
}
