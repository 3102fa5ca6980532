//! Reading `automations/*.yaml`.

use crate::domain::action::OpenIn;
use crate::domain::attribute::is_attribute_name;
use crate::domain::automation::argument::{Argument, ArgumentKind};
use crate::domain::automation::{AgentUse, Automation, AutomationStep, Risk};
use crate::domain::experience::Status;
use crate::domain::ids::{AutomationId, ExperienceId, HandlerName};
use crate::domain::value::Value;

use super::condition::single_key;
use super::kind::Kind;
use super::reading::{Mapping, Reading};
use super::uses::Role;
use super::yaml::{Node, NodeKind};
use super::{action, heading};

const STEPS: [&str; 7] = ["navigate", "click", "fill", "wait_for", "launch_experience", "handler", "run_automation"];

/// Reads an automation.
pub(crate) fn automation(reading: &mut Reading<'_>) -> Option<Automation> {
    let root = reading.object("an automation")?;
    let mut mapping = Mapping::open(&root, "an automation", reading)?;
    let id = heading::id(&mut mapping, AutomationId::new, reading);
    let name = heading::name(&mut mapping, id.as_ref().map(AutomationId::as_str), reading);
    let status = heading::unscheduled_status(&mut mapping, "an automation", reading);
    let risks = [("low", Risk::Low), ("confirm", Risk::Confirm)];
    let risk = mapping.get("risk").and_then(|node| reading.choice(node, "a risk", &risks)).unwrap_or_default();
    let agent = mapping.get("agent").and_then(|node| agent_use(node, status, reading)).unwrap_or_default();
    let audience = heading::audience(&mut mapping, reading);
    let arguments = mapping.get("arguments").map(|node| arguments(node, reading)).unwrap_or_default();
    let steps = mapping.require("steps").map(|node| {
        let items = reading.items(node, "a list of steps");
        if items.is_empty() && matches!(node.kind, NodeKind::Sequence(_)) {
            reading.error("no-steps", node.position, "an automation needs at least one step");
        }
        items.iter().filter_map(|item| step(item, reading)).collect::<Vec<_>>()
    });
    mapping.close(reading);
    Some(Automation { id: id?, name, status, risk, agent, audience, arguments, steps: steps? })
}

fn agent_use(node: &Node, status: Status, reading: &mut Reading<'_>) -> Option<AgentUse> {
    let mut mapping = Mapping::open(node, "`agent`", reading)?;
    let active_node = mapping.get("active");
    let active = active_node.and_then(|node| reading.boolean(node)).unwrap_or_default();
    let instructions = mapping.get("instructions").and_then(|node| reading.text(node));
    mapping.close(reading);
    if let (true, Some(node)) = (active, active_node) {
        if instructions.is_none() {
            let hint = "say in `instructions` what the user wants when it fits";
            let message = "the agent cannot offer an automation without instructions";
            reading.error_with_hint("agent-instructions", node.position, message, hint);
        }
        if status == Status::Draft {
            let hint = "add `status: published`, or write `active: false`";
            let message = "active for the agent, but still a draft: it is never offered";
            reading.warning("active-draft", node.position, message, hint);
        }
    }
    Some(AgentUse { active, instructions: instructions.unwrap_or_default() })
}

#[derive(Clone, Copy, PartialEq)]
enum ArgumentType {
    Enum,
    Text,
    Number,
    Bool,
}

fn arguments(node: &Node, reading: &mut Reading<'_>) -> Vec<Argument> {
    let NodeKind::Mapping(entries) = &node.kind else {
        reading.expected_with_hint("arguments by name", node, "write `{plan: {type: text, ask: \"Which plan?\"}}`");
        return Vec::new();
    };
    let mut arguments = Vec::new();
    for (key, value) in entries {
        if is_attribute_name(&key.text) {
            reading.uses.arguments.push(key.text.clone());
        } else {
            let hint = "names have letters, digits, `_` and `-`";
            let message = format!("`{}` cannot be named in a template", key.text);
            reading.error_with_hint("argument-name", key.position, message, hint);
        }
        let Some(mut mapping) = Mapping::open(value, "an argument", reading) else { continue };
        let types = [
            ("enum", ArgumentType::Enum),
            ("text", ArgumentType::Text),
            ("number", ArgumentType::Number),
            ("bool", ArgumentType::Bool),
        ];
        let kind = mapping.require("type").and_then(|node| reading.choice(node, "a type of argument", &types));
        let is_enum = kind == Some(ArgumentType::Enum);
        let values = if is_enum { mapping.require("values") } else { mapping.get("values") };
        let texts = values.map(|node| reading.texts(node, "a list of values")).unwrap_or_default();
        if let (Some(values), true) = (values, kind.is_some() && !is_enum) {
            reading.error_with_hint(
                "argument-values",
                values.position,
                "only an enum has values",
                "write `type: enum`",
            );
        }
        if let (Some(values), true) = (values, is_enum && texts.is_empty()) {
            reading.error("argument-values", values.position, "an enum needs at least one value");
        }
        let ask = mapping.get("ask").and_then(|node| reading.text(node));
        mapping.close(reading);
        let kind = match kind {
            Some(ArgumentType::Enum) => ArgumentKind::Enum(texts),
            Some(ArgumentType::Text) => ArgumentKind::Text,
            Some(ArgumentType::Number) => ArgumentKind::Number,
            Some(ArgumentType::Bool) => ArgumentKind::Bool,
            None => continue,
        };
        arguments.push(Argument { name: key.text.clone(), kind, ask });
    }
    arguments
}

fn step(node: &Node, reading: &mut Reading<'_>) -> Option<AutomationStep> {
    const HINT: &str = "write one step, such as `{click: \"#save\"}` or `{navigate: {url: /billing}}`";
    let (name, value) = single_key(node, "a step of an automation", HINT, reading)?;
    match name.text.as_str() {
        "navigate" => {
            let navigate = action::navigate(value, reading)?;
            if navigate.open_in == OpenIn::NewTab {
                let message = "the steps of an automation stay in their tab";
                reading.error_with_hint("new-tab-step", value.position, message, "remove `open_in: new_tab`");
            }
            Some(AutomationStep::Navigate(navigate))
        }
        "click" => reading.template(value).map(AutomationStep::Click),
        "fill" => {
            let mut mapping = Mapping::open(value, "`fill`", reading)?;
            let selector = mapping.require("selector").and_then(|node| reading.template(node));
            let value = mapping.require("value").and_then(|node| reading.template(node));
            mapping.close(reading);
            Some(AutomationStep::Fill { selector: selector?, value: value? })
        }
        "wait_for" if matches!(value.kind, NodeKind::Scalar { .. }) => {
            Some(AutomationStep::WaitFor { selector: reading.template(value)?, timeout: None })
        }
        "wait_for" => {
            let mut mapping = Mapping::open(value, "`wait_for`", reading)?;
            let selector = mapping.require("selector").and_then(|node| reading.template(node));
            let timeout = mapping.get("timeout").and_then(|node| reading.positive_duration(node));
            mapping.close(reading);
            Some(AutomationStep::WaitFor { selector: selector?, timeout })
        }
        "launch_experience" => reading
            .reference(value, Kind::Experience, Role::Launch, ExperienceId::new)
            .map(AutomationStep::LaunchExperience),
        "handler" if matches!(value.kind, NodeKind::Scalar { .. }) => {
            let name = reading.id(value, HandlerName::new)?;
            let place = reading.place(value.position);
            reading.uses.handlers.push((name.clone(), place));
            Some(AutomationStep::Handler { name, args: Value::Null })
        }
        "handler" => {
            let mut mapping = Mapping::open(value, "`handler`", reading)?;
            let call = action::handler_call(&mut mapping, "name", reading);
            mapping.close(reading);
            let (name, args) = call?;
            templates_in(&args, value, reading);
            Some(AutomationStep::Handler { name, args })
        }
        "run_automation" => {
            reading.reference(value, Kind::Automation, Role::Launch, AutomationId::new).map(AutomationStep::Run)
        }
        "run_js" => {
            let hint = "write `{handler: {name: …, args: {…}}}`";
            reading.error_with_hint("unknown-value", name.position, "`run_js` is not a step of an automation", hint);
            None
        }
        unknown => {
            reading.not_one_of(name.position, unknown, "a step of an automation", &STEPS);
            None
        }
    }
}

/// What is named in the texts that a function is called with, all at the place of the call.
fn templates_in(args: &Value, node: &Node, reading: &mut Reading<'_>) {
    match args {
        Value::Text(text) => drop(reading.template_of(text, node.position)),
        Value::List(values) => values.iter().for_each(|value| templates_in(value, node, reading)),
        Value::Map(values) => values.values().for_each(|value| templates_in(value, node, reading)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
