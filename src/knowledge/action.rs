//! Reading lists of actions and the buttons that hold them.

mod one;

use crate::domain::action::Action;
use crate::domain::action::availability::Context;
use crate::domain::experience::{Buttons, Cta};

use super::reading::{Mapping, Reading};
use super::uses::{ActionSite, Inside};
use super::yaml::Node;

pub(crate) use one::{handler_call, launch_agent, navigate, step_target};

/// Reads a list of actions and records it for the checks.
pub(crate) fn actions(
    node: &Node,
    context: Context,
    inside: Option<Inside>,
    js_first: bool,
    reading: &mut Reading<'_>,
) -> Vec<Action> {
    let items = reading.items(node, "a list of actions");
    let placed: Vec<_> =
        items.iter().filter_map(|item| Some((one::action(item, reading)?, reading.place(item.position)))).collect();
    let actions = placed.iter().map(|(action, _)| action.clone()).collect();
    let place = reading.place(node.position);
    reading.uses.sites.push(ActionSite { place, context, inside, actions: placed, js_first });
    actions
}

/// Reads `{primary, secondary}`.
pub(crate) fn buttons(node: &Node, inside: Option<Inside>, reading: &mut Reading<'_>) -> Buttons {
    let Some(mut mapping) = Mapping::open(node, "the buttons", reading) else { return Buttons::default() };
    let primary = mapping.get("primary").and_then(|node| cta(node, Context::CtaButton, inside, reading));
    let secondary = mapping.get("secondary").and_then(|node| cta(node, Context::CtaButton, inside, reading));
    mapping.close(reading);
    Buttons { primary, secondary }
}

/// Reads `{label, actions}`.
pub(crate) fn cta(node: &Node, context: Context, inside: Option<Inside>, reading: &mut Reading<'_>) -> Option<Cta> {
    let mut mapping = Mapping::open(node, "a button", reading)?;
    let label = mapping.require("label").and_then(|node| reading.template(node));
    let js_first = mapping.get("js_first").and_then(|node| reading.boolean(node)).unwrap_or_default();
    let actions = mapping.get("actions").map(|node| actions(node, context, inside, js_first, reading));
    let actions = actions.unwrap_or_default();
    mapping.close(reading);
    Some(Cta { label: label?, actions, js_first })
}
