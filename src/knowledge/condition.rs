//! Reading conditions: audiences, segments and what triggers ask for.

mod comparison;
mod event;
mod page;

use crate::diagnostic::Diagnostic;
use crate::domain::condition::{Condition, ExperienceState};
use crate::domain::ids::{ExperienceId, SegmentId};
use crate::domain::locale::Locale;

use super::kind::Kind;
use super::reading::{Mapping, Reading};
use super::uses::Role;
use super::yaml::{Key, Node, NodeKind};

pub(crate) use comparison::{comparison, property_tests};
pub(crate) use event::{at_least_once, event_test, event_with};
pub(crate) use page::page_rule;

/// Deepest nesting of conditions, segments not followed.
pub(crate) const MAX_DEPTH: usize = 32;

const KEYS: [&str; 9] = ["all", "any", "not", "segment", "trait", "event", "experience", "page", "locale"];

const HINT: &str =
    "a condition has one key: `all`, `any`, `not`, `segment`, `trait`, `event`, `experience`, `page` or `locale`";

/// Reads a condition.
pub(crate) fn condition(node: &Node, reading: &mut Reading<'_>) -> Option<Condition> {
    condition_at(node, reading, 0)
}

fn condition_at(node: &Node, reading: &mut Reading<'_>, depth: usize) -> Option<Condition> {
    if depth >= MAX_DEPTH {
        let message = format!("conditions are nested more than {MAX_DEPTH} levels deep");
        reading.error_with_hint("condition-depth", node.position, message, "move a part into a segment");
        return None;
    }
    let (key, value) = single_key(node, "a condition", HINT, reading)?;
    match key.text.as_str() {
        "all" => Some(Condition::All(conditions(value, reading, depth))),
        "any" => {
            let any = conditions(value, reading, depth);
            if any.is_empty() && matches!(&value.kind, NodeKind::Sequence(items) if items.is_empty()) {
                reading.warning("empty-any", value.position, "an empty `any` never holds", "remove it");
            }
            Some(Condition::Any(any))
        }
        "not" => Some(Condition::Not(Box::new(condition_at(value, reading, depth + 1)?))),
        "segment" => Some(Condition::Segment(segment(value, reading)?)),
        "trait" => Some(trait_condition(value, reading)),
        "event" => event_test(value, reading).map(Condition::Event),
        "experience" => {
            let (id, state) = experience_state(value, reading)?;
            Some(Condition::Experience(id, state))
        }
        "page" => page_rule(value, reading).map(Condition::Page),
        "locale" => locales(value, reading).map(Condition::Locale),
        unknown => {
            reading.not_one_of(key.position, unknown, "a kind of condition", &KEYS);
            None
        }
    }
}

fn conditions(node: &Node, reading: &mut Reading<'_>, depth: usize) -> Vec<Condition> {
    let items = reading.items(node, "a list of conditions");
    items.iter().filter_map(|item| condition_at(item, reading, depth + 1)).collect()
}

/// The one key of a mapping that must have exactly one.
pub(crate) fn single_key<'n>(
    node: &'n Node,
    what: &'static str,
    hint: &str,
    reading: &mut Reading<'_>,
) -> Option<(&'n Key, &'n Node)> {
    match &node.kind {
        NodeKind::Mapping(entries) => match entries.as_slice() {
            [(key, value)] => Some((key, value)),
            [_, (second, _), ..] => {
                let message = format!("{what} has one key, and `{}` is a second one", second.text);
                reading.error_with_hint("one-key", second.position, message, hint);
                None
            }
            [] => {
                reading.error_with_hint("one-key", node.position, format!("{what} is empty"), hint);
                None
            }
        },
        NodeKind::Scalar { .. } | NodeKind::Sequence(_) => {
            reading.expected_with_hint(what, node, hint);
            None
        }
    }
}

fn trait_condition(node: &Node, reading: &mut Reading<'_>) -> Condition {
    let mut tests: Vec<_> = property_tests(node, reading).into_iter().map(Condition::Trait).collect();
    match tests.len() {
        1 => tests.remove(0),
        _ => Condition::All(tests),
    }
}

/// Reads the id of a segment.
pub(crate) fn segment(node: &Node, reading: &mut Reading<'_>) -> Option<SegmentId> {
    reading.reference(node, Kind::Segment, Role::Mention, SegmentId::new)
}

fn locales(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<Locale>> {
    match &node.kind {
        NodeKind::Scalar { .. } => Some(vec![reading.locale(node)?]),
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
            let items = reading.items(node, "a list of languages");
            Some(items.iter().filter_map(|item| reading.locale(item)).collect())
        }
    }
}

/// Reads `{id, state}`.
pub(crate) fn experience_state(node: &Node, reading: &mut Reading<'_>) -> Option<(ExperienceId, ExperienceState)> {
    let mut mapping = Mapping::open(node, "an experience's state", reading)?;
    let id = mapping
        .require("id")
        .and_then(|node| reading.reference(node, Kind::Experience, Role::Mention, ExperienceId::new));
    let state = mapping.require("state").and_then(|node| {
        reading.choice(
            node,
            "a state of an experience",
            &[
                ("never_seen", ExperienceState::NeverSeen),
                ("seen", ExperienceState::Seen),
                ("completed", ExperienceState::Completed),
                ("dismissed", ExperienceState::Dismissed),
                ("snoozed", ExperienceState::Snoozed),
                ("active", ExperienceState::Active),
                ("answered", ExperienceState::Answered),
            ],
        )
    });
    mapping.close(reading);
    Some((id?, state?))
}

/// Reads the condition under `audience`, with a hint for the id of a segment alone.
pub(crate) fn audience(node: &Node, reading: &mut Reading<'_>) -> Option<Condition> {
    if let (Some(word), false) = (node.as_scalar(), node.is_null()) {
        let message = format!("expected a condition, found `{word}`");
        let place = reading.place(node.position);
        let hint = format!("write `{{segment: {word}}}` for a saved audience");
        reading.report(Diagnostic::error("wrong-type", place, message).hint(hint));
        return None;
    }
    condition(node, reading)
}
