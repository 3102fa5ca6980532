//! Steps of automations on their way out, and back from a log.

use std::time::Duration;

use super::value::{from_json, to_json};
use crate::domain::automation::{Deed, StepInRun};
use crate::domain::ids::{AutomationId, ExperienceId, HandlerName};
use crate::protocol::action::{Action, AutomationStepKind};

/// One step of a run, as an action.
pub fn step(step: &StepInRun) -> Action {
    let (kind, selector, value, args) = match &step.deed {
        Deed::Navigate(url) => (AutomationStepKind::Navigate, None, Some(url.clone()), None),
        Deed::Click(selector) => (AutomationStepKind::Click, Some(selector.clone()), None, None),
        Deed::Fill { selector, value } => (AutomationStepKind::Fill, Some(selector.clone()), Some(value.clone()), None),
        Deed::WaitFor(selector) => (AutomationStepKind::WaitFor, Some(selector.clone()), None, None),
        Deed::LaunchExperience(id) => (AutomationStepKind::LaunchExperience, None, Some(id.to_string()), None),
        Deed::Call { handler, args } => {
            (AutomationStepKind::Handler, None, Some(handler.to_string()), Some(to_json(args)))
        }
    };
    Action::AutomationStep {
        automation_id: step.automation.to_string(),
        run: step.run.clone(),
        index: step.index,
        kind,
        selector,
        value,
        args,
        timeout_ms: Some(u64::try_from(step.timeout.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// A step that was sent before; `None` when the action is none.
pub fn sent_step(action: &Action) -> Option<StepInRun> {
    let Action::AutomationStep { automation_id, run, index, kind, selector, value, args, timeout_ms } = action else {
        return None;
    };
    let (selector, value) = (selector.clone(), value.clone());
    let deed = match kind {
        AutomationStepKind::Navigate => Deed::Navigate(value?),
        AutomationStepKind::Click => Deed::Click(selector?),
        AutomationStepKind::Fill => Deed::Fill { selector: selector?, value: value? },
        AutomationStepKind::WaitFor => Deed::WaitFor(selector?),
        AutomationStepKind::LaunchExperience => Deed::LaunchExperience(ExperienceId::new(&value?).ok()?),
        AutomationStepKind::Handler => Deed::Call {
            handler: HandlerName::new(&value?).ok()?,
            args: from_json(args.as_ref().unwrap_or(&serde_json::Value::Null)),
        },
    };
    Some(StepInRun {
        automation: AutomationId::new(automation_id).ok()?,
        run: run.clone(),
        index: *index,
        deed,
        timeout: Duration::from_millis((*timeout_ms)?),
    })
}
