//! Reading one action.

use crate::diagnostic::Diagnostic;
use crate::domain::action::{
    Action, ActionKind, LaunchAgent, LaunchMode, MAX_SNOOZES, Navigate, OpenIn, RunAutomation, RunJs, Snooze,
    StepTarget,
};
use crate::domain::automation::Arguments;
use crate::domain::ids::{AutomationId, ExperienceId, HandlerName, PostId, StepId};
use crate::domain::value::Value;
use crate::knowledge::condition::single_key;
use crate::knowledge::kind::Kind;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::{AddressUse, Role};
use crate::knowledge::yaml::{Node, NodeKind};

const HINT: &str = "write one action, such as `{go_to_step: next}` or `{open_post: news}`";

/// Longest snooze, in hours: a year.
const MAX_SNOOZE_HOURS: u32 = 24 * 365;

/// Reads one action: a mapping of its name to its fields.
pub(crate) fn action(node: &Node, reading: &mut Reading<'_>) -> Option<Action> {
    if node.as_scalar() == Some("dismiss") {
        reading.expected_with_hint("an action", node, "write `{dismiss: {}}`");
        return None;
    }
    let (name, fields) = single_key(node, "an action", HINT, reading)?;
    let written = ActionKind::from_name(&name.text).filter(|kind| *kind != ActionKind::AutomationStep);
    let Some(kind) = written else {
        let names: Vec<&str> = ActionKind::NINE.into_iter().map(ActionKind::name).chain(["run_automation"]).collect();
        reading.not_one_of(name.position, &name.text, "an action", &names);
        return None;
    };
    match kind {
        ActionKind::LaunchAgent => launch_agent(fields, reading).map(Action::LaunchAgent),
        ActionKind::GoToStep => step_target(fields, reading).map(Action::GoToStep),
        ActionKind::Dismiss => {
            match &fields.kind {
                NodeKind::Mapping(entries) if entries.is_empty() => {}
                NodeKind::Mapping(_) | NodeKind::Scalar { .. } | NodeKind::Sequence(_) if fields.is_null() => {}
                NodeKind::Mapping(_) | NodeKind::Scalar { .. } | NodeKind::Sequence(_) => {
                    reading.expected_with_hint("no fields", fields, "write `{dismiss: {}}`");
                }
            }
            Some(Action::Dismiss)
        }
        ActionKind::LaunchExperience => {
            reading.reference(fields, Kind::Experience, Role::Launch, ExperienceId::new).map(Action::LaunchExperience)
        }
        ActionKind::OpenPost => reading.reference(fields, Kind::Post, Role::Launch, PostId::new).map(Action::OpenPost),
        ActionKind::Navigate => navigate(fields, reading).map(Action::Navigate),
        ActionKind::Snooze => snooze(fields, reading).map(Action::Snooze),
        ActionKind::RunJs => run_js(fields, reading).map(Action::RunJs),
        ActionKind::BookInterview => {
            let message = "`book_interview` cannot be chosen as an action";
            let hint = "write `book_interview: {provider, url}` on a step of a survey; its primary button then does it";
            reading.error_with_hint("book-interview", name.position, message, hint);
            None
        }
        ActionKind::RunAutomation => reading
            .reference(fields, Kind::Automation, Role::Launch, AutomationId::new)
            .map(|automation| Action::RunAutomation(RunAutomation { automation, arguments: Arguments::new() })),
        ActionKind::AutomationStep => None,
    }
}

/// Reads `{message, mode}`; both may be absent.
pub(crate) fn launch_agent(node: &Node, reading: &mut Reading<'_>) -> Option<LaunchAgent> {
    if node.is_null() {
        return Some(LaunchAgent { message: None, mode: LaunchMode::Open });
    }
    if node.as_scalar().is_some() {
        reading.expected_with_hint("the fields of `launch_agent`", node, "write `{launch_agent: {message: …}}`");
        return None;
    }
    let mut mapping = Mapping::open(node, "`launch_agent`", reading)?;
    let message = mapping.get("message");
    let template = message.and_then(|node| reading.template(node));
    let modes = [("send", LaunchMode::Send), ("prefill", LaunchMode::Prefill), ("open", LaunchMode::Open)];
    let mode = mapping.get("mode").map(|node| (node, reading.choice(node, "a mode", &modes)));
    mapping.close(reading);
    if let (None, Some((node, Some(LaunchMode::Send | LaunchMode::Prefill)))) = (message, mode) {
        let message = "there is no message to send or to fill in";
        reading.error_with_hint("launch-message", node.position, message, "add `message`, or write `mode: open`");
    }
    if let (Some(message), Some((_, Some(LaunchMode::Open)))) = (message, mode) {
        let hint = "write `mode: send` or `mode: prefill`, or remove the message";
        reading.warning("launch-message", message.position, "`mode: open` does not use the message", hint);
    }
    let default = if message.is_some() { LaunchMode::Send } else { LaunchMode::Open };
    Some(LaunchAgent { message: template, mode: mode.and_then(|(_, mode)| mode).unwrap_or(default) })
}

/// Reads `next`, `previous`, `complete` or the id of a step.
pub(crate) fn step_target(node: &Node, reading: &mut Reading<'_>) -> Option<StepTarget> {
    match node.as_scalar() {
        Some("next") => Some(StepTarget::Next),
        Some("previous") => Some(StepTarget::Previous),
        Some("complete") => Some(StepTarget::Complete),
        Some(_) => reading.id(node, StepId::new).map(StepTarget::Step),
        None => {
            reading.expected("`next`, `previous`, `complete` or the id of a step", node);
            None
        }
    }
}

/// Reads `{url, open_in}`, or the address alone.
pub(crate) fn navigate(node: &Node, reading: &mut Reading<'_>) -> Option<Navigate> {
    let (url, open_in) = if matches!(node.kind, NodeKind::Scalar { .. }) {
        (Some(node), OpenIn::default())
    } else {
        let mut mapping = Mapping::open(node, "`navigate`", reading)?;
        let url = mapping.require("url");
        let tabs = [("same_tab", OpenIn::SameTab), ("new_tab", OpenIn::NewTab)];
        let open_in = mapping.get("open_in").and_then(|node| reading.choice(node, "a tab", &tabs));
        mapping.close(reading);
        (url, open_in.unwrap_or_default())
    };
    let node = url?;
    let url = reading.template(node)?;
    let place = reading.place(node.position);
    reading.uses.addresses.push(AddressUse { url: url.clone(), place });
    Some(Navigate { url, open_in })
}

fn snooze(node: &Node, reading: &mut Reading<'_>) -> Option<Snooze> {
    let mut mapping = Mapping::open(node, "`snooze`", reading)?;
    let hours = mapping.require("hours").and_then(|node| reading.integer(node, 1..=MAX_SNOOZE_HOURS));
    let up_to = mapping.get("up_to").map_or(Some(u32::from(MAX_SNOOZES)), |node| {
        let number = node.as_number().filter(|number| *number > f64::from(MAX_SNOOZES));
        match number {
            Some(number) => {
                let message = format!("an experience may be snoozed at most {MAX_SNOOZES} times, not {number}");
                let hint = format!("write `up_to: {MAX_SNOOZES}` or less; after that it counts as dismissed");
                reading.error_with_hint("snooze-limit", node.position, message, hint);
                None
            }
            None => reading.integer(node, 1..=u32::from(MAX_SNOOZES)),
        }
    });
    mapping.close(reading);
    Some(Snooze { hours: hours?, up_to: u8::try_from(up_to?).ok()? })
}

const HANDLERS_HINT: &str = "register a function in the page, list its name under `run_js.handlers` in `project.yaml`, \
                             and write `{run_js: {handler: name, args: {…}}}`";

fn run_js(node: &Node, reading: &mut Reading<'_>) -> Option<RunJs> {
    if matches!(node.kind, NodeKind::Scalar { .. }) {
        let place = reading.place(node.position);
        let message = "JavaScript text is not run, only functions that the page has registered";
        reading.report(Diagnostic::error("js-text", place, message).hint(HANDLERS_HINT));
        return None;
    }
    let mut mapping = Mapping::open(node, "`run_js`", reading)?;
    if let Some(code) = mapping.get("code") {
        let message = "JavaScript text is not run, only functions that the page has registered";
        reading.error_with_hint("js-text", code.position, message, HANDLERS_HINT);
        let _ = mapping.get("handler");
        let _ = mapping.get("args");
        mapping.close(reading);
        return None;
    }
    let call = handler_call(&mut mapping, "handler", reading);
    mapping.close(reading);
    let (handler, args) = call?;
    Some(RunJs { handler, args })
}

/// Reads the name of a function and its argument.
pub(crate) fn handler_call(
    mapping: &mut Mapping<'_>,
    key: &'static str,
    reading: &mut Reading<'_>,
) -> Option<(HandlerName, Value)> {
    let name = mapping.require(key).and_then(|node| Some((reading.id(node, HandlerName::new)?, node.position)));
    let args = mapping.get("args").map_or(Value::Null, |node| reading.value(node));
    let (name, position) = name?;
    let place = reading.place(position);
    reading.uses.handlers.push((name.clone(), place));
    Some((name, args))
}
