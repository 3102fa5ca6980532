//! Actions on their way out.

use crate::domain::action::order;
use crate::domain::action::{
    Action, BookInterview, InterviewProvider, LaunchAgent, LaunchMode, Navigate, OpenIn, RunAutomation, RunJs, Snooze,
    StepTarget as DomainTarget,
};
use crate::domain::attribute::Template;
use crate::domain::ids::{AutomationId, ExperienceId, HandlerName, PostId, StepId};
use crate::domain::project::Project;
use crate::protocol::action as wire;
use crate::protocol::launch::{LaunchMessage, LaunchMode as WireMode};

use super::value::{from_json, to_json};
use super::{Resolver, automation};

/// An action; `None` when its address may not be gone to, or it is switched off.
pub fn action(action: &Action, resolver: Resolver<'_>) -> Option<wire::Action> {
    Some(match action {
        Action::LaunchAgent(LaunchAgent { message, mode }) => wire::Action::LaunchAgent {
            message: message.as_ref().map(|template| LaunchMessage { template: template.source().to_owned() }),
            mode: launch_mode(*mode),
        },
        Action::GoToStep(target) => go_to_step(target),
        Action::Dismiss => wire::Action::Dismiss {},
        Action::LaunchExperience(id) => {
            wire::Action::LaunchExperience { experience_id: id.to_string(), kind: None, start_step: None }
        }
        Action::OpenPost(id) => wire::Action::OpenPost { post_id: id.to_string() },
        Action::Navigate(navigate) => {
            wire::Action::Navigate { url: resolver.url(&navigate.url)?, open_in: open_in(navigate.open_in) }
        }
        Action::Snooze(snooze) => wire::Action::Snooze { hours: snooze.hours, up_to: snooze.up_to },
        Action::RunJs(run_js) => {
            let handlers = resolver.settings.run_js.as_ref()?;
            handlers
                .contains(&run_js.handler)
                .then(|| wire::Action::RunJs { handler: run_js.handler.to_string(), args: to_json(&run_js.args) })?
        }
        Action::BookInterview(BookInterview { provider, url }) => {
            wire::Action::BookInterview { provider: interview_provider(*provider), url: url.clone() }
        }
        Action::RunAutomation(run) => wire::Action::RunAutomation {
            automation_id: run.automation.to_string(),
            name: None,
            arguments: run.arguments.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
        },
        Action::AutomationStep(step) => automation::step(step),
    })
}

/// An action whose address was resolved and checked before, with what the client
/// likes to know about its target.
pub fn offered(
    action: &Action,
    resolved_url: Option<&str>,
    project: &Project,
    resolver: Resolver<'_>,
) -> Option<wire::Action> {
    let mut converted = match (action, resolved_url) {
        (Action::Navigate(navigate), Some(url)) => {
            Some(wire::Action::Navigate { url: url.to_owned(), open_in: open_in(navigate.open_in) })
        }
        (action, _) => self::action(action, resolver),
    }?;
    match (&mut converted, action) {
        (wire::Action::LaunchExperience { kind, .. }, Action::LaunchExperience(id)) => {
            *kind = project.experiences.get(id).map(|experience| experience.kind().name().to_owned());
        }
        (wire::Action::RunAutomation { name, .. }, Action::RunAutomation(run)) => {
            *name = project.automations.get(&run.automation).map(|automation| automation.name.clone());
        }
        _ => {}
    }
    Some(converted)
}

/// An action that was sent before, with the address of a navigation; `None` when it is
/// none that this version knows.
pub fn sent(action: &wire::Action) -> Option<(Action, Option<String>)> {
    let mut resolved_url = None;
    let action = match action {
        wire::Action::LaunchAgent { message, mode } => Action::LaunchAgent(LaunchAgent {
            message: message.as_ref().map(|message| Template::parse(&message.template)).transpose().ok()?,
            mode: match mode {
                WireMode::Send => LaunchMode::Send,
                WireMode::Prefill => LaunchMode::Prefill,
                WireMode::Open => LaunchMode::Open,
            },
        }),
        wire::Action::LaunchExperience { experience_id, .. } => {
            Action::LaunchExperience(ExperienceId::new(experience_id).ok()?)
        }
        wire::Action::OpenPost { post_id } => Action::OpenPost(PostId::new(post_id).ok()?),
        wire::Action::Navigate { url, open_in } => {
            resolved_url = Some(url.clone());
            let open_in = match open_in {
                wire::OpenIn::SameTab => OpenIn::SameTab,
                wire::OpenIn::NewTab => OpenIn::NewTab,
            };
            Action::Navigate(Navigate { url: Template::literal(url), open_in })
        }
        wire::Action::GoToStep { to, step_id } => Action::GoToStep(match to {
            wire::StepTarget::Next => DomainTarget::Next,
            wire::StepTarget::Previous => DomainTarget::Previous,
            wire::StepTarget::Complete => DomainTarget::Complete,
            wire::StepTarget::Step => DomainTarget::Step(StepId::new(step_id.as_deref()?).ok()?),
        }),
        wire::Action::Dismiss {} => Action::Dismiss,
        wire::Action::Snooze { hours, up_to } => Action::Snooze(Snooze { hours: *hours, up_to: *up_to }),
        wire::Action::RunJs { handler, args } => {
            Action::RunJs(RunJs { handler: HandlerName::new(handler).ok()?, args: from_json(args) })
        }
        wire::Action::BookInterview { provider, url } => Action::BookInterview(BookInterview {
            provider: match provider {
                wire::InterviewProvider::Calendly => InterviewProvider::Calendly,
                wire::InterviewProvider::GoogleCalendar => InterviewProvider::GoogleCalendar,
                wire::InterviewProvider::Zcal => InterviewProvider::Zcal,
            },
            url: url.clone(),
        }),
        wire::Action::RunAutomation { automation_id, arguments, .. } => Action::RunAutomation(RunAutomation {
            automation: AutomationId::new(automation_id).ok()?,
            arguments: arguments.iter().map(|(name, value)| (name.clone(), from_json(value))).collect(),
        }),
        wire::Action::AutomationStep { .. } => Action::AutomationStep(Box::new(automation::sent_step(action)?)),
    };
    Some((action, resolved_url))
}

/// A list of actions, in the order in which they start.
pub fn list(actions: &[Action], js_first: bool, resolver: Resolver<'_>) -> Vec<wire::Action> {
    let mut actions = actions.to_vec();
    order::sort(&mut actions, js_first);
    actions.iter().filter_map(|one| action(one, resolver)).collect()
}

/// Where a step leads, as an action.
pub fn go_to_step(target: &DomainTarget) -> wire::Action {
    let (to, step_id) = match target {
        DomainTarget::Next => (wire::StepTarget::Next, None),
        DomainTarget::Previous => (wire::StepTarget::Previous, None),
        DomainTarget::Complete => (wire::StepTarget::Complete, None),
        DomainTarget::Step(step) => (wire::StepTarget::Step, Some(step.to_string())),
    };
    wire::Action::GoToStep { to, step_id }
}

/// A scheduling service.
pub fn interview_provider(provider: InterviewProvider) -> wire::InterviewProvider {
    match provider {
        InterviewProvider::Calendly => wire::InterviewProvider::Calendly,
        InterviewProvider::GoogleCalendar => wire::InterviewProvider::GoogleCalendar,
        InterviewProvider::Zcal => wire::InterviewProvider::Zcal,
    }
}

fn open_in(open_in: OpenIn) -> wire::OpenIn {
    match open_in {
        OpenIn::SameTab => wire::OpenIn::SameTab,
        OpenIn::NewTab => wire::OpenIn::NewTab,
    }
}

fn launch_mode(mode: LaunchMode) -> WireMode {
    match mode {
        LaunchMode::Send => WireMode::Send,
        LaunchMode::Prefill => WireMode::Prefill,
        LaunchMode::Open => WireMode::Open,
    }
}
