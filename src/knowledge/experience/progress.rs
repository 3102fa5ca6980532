//! Reading progress triggers: what a step waits for.

use crate::domain::action::availability::Context;
use crate::domain::experience::{ProgressCondition, ProgressTrigger};
use crate::knowledge::action;
use crate::knowledge::condition::{self, single_key};
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::Inside;
use crate::knowledge::yaml::{Node, NodeKind};

/// Reads `{if, then}`.
pub(crate) fn progress_trigger(
    node: &Node,
    inside: Option<Inside>,
    reading: &mut Reading<'_>,
) -> Option<ProgressTrigger> {
    let mut mapping = Mapping::open(node, "a progress trigger", reading)?;
    let when = mapping.require("if").and_then(|node| progress_condition(node, reading));
    let then =
        mapping.require("then").map(|node| action::actions(node, Context::ProgressTrigger, inside, false, reading));
    mapping.close(reading);
    Some(ProgressTrigger { when: when?, then: then? })
}

fn progress_condition(node: &Node, reading: &mut Reading<'_>) -> Option<ProgressCondition> {
    const HINT: &str = "write one condition, such as `{click: \"#save\"}` or `{event: Name}`";
    let (key, value) = single_key(node, "a progress condition", HINT, reading)?;
    match key.text.as_str() {
        "click" => reading.text(value).map(ProgressCondition::Click),
        "input" if matches!(value.kind, NodeKind::Scalar { .. }) => {
            Some(ProgressCondition::Input(reading.text(value)?, None))
        }
        "input" => {
            let mut mapping = Mapping::open(value, "`input`", reading)?;
            let selector = mapping.require("selector").and_then(|node| reading.text(node));
            let comparison = mapping.get("value").map(|node| condition::comparison(node, reading));
            mapping.close(reading);
            match comparison {
                Some(comparison) => Some(ProgressCondition::Input(selector?, Some(comparison?))),
                None => Some(ProgressCondition::Input(selector?, None)),
            }
        }
        "hover" => reading.text(value).map(ProgressCondition::Hover),
        "appears" => reading.text(value).map(ProgressCondition::Appears),
        "page" => condition::page_rule(value, reading).map(ProgressCondition::Page),
        "event" => condition::event_test(value, reading).map(ProgressCondition::Event),
        "after" => reading.positive_duration(value).map(ProgressCondition::After),
        unknown => {
            let names = ["click", "input", "hover", "appears", "page", "event", "after"];
            reading.not_one_of(key.position, unknown, "what a step can wait for", &names);
            None
        }
    }
}
