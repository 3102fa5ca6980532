//! Reading tests of events, such as `{name: Invited, count: {lt: 1}, within: 7d}`.

use crate::domain::condition::{Count, EventTest};
use crate::knowledge::condition::property_tests;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::yaml::{Node, NodeKind};

const AT_LEAST_ONCE: Count = Count { min: 1, max: None };

const COUNT_HINT: &str = "write a number, or bounds such as `{gte: 3}` or `{gte: 1, lt: 5}`";

/// A test that an event of that name happened.
pub(crate) fn at_least_once(name: String) -> EventTest {
    EventTest { name, count: AT_LEAST_ONCE, within: None, properties: Vec::new() }
}

/// Reads the name of an event alone, or a mapping with its count and properties.
pub(crate) fn event_test(node: &Node, reading: &mut Reading<'_>) -> Option<EventTest> {
    if matches!(node.kind, NodeKind::Scalar { .. }) {
        return reading.text(node).map(at_least_once);
    }
    let mut mapping = Mapping::open(node, "an event", reading)?;
    let name = mapping.require("name").and_then(|node| reading.text(node));
    let test = event_with(name, &mut mapping, reading);
    mapping.close(reading);
    test
}

/// Reads what may be told about an event beside its name.
pub(crate) fn event_with(
    name: Option<String>,
    mapping: &mut Mapping<'_>,
    reading: &mut Reading<'_>,
) -> Option<EventTest> {
    let count = mapping.get("count").map_or(Some(AT_LEAST_ONCE), |node| count(node, reading));
    let within = mapping.get("within").and_then(|node| reading.positive_duration(node));
    let properties = mapping.get("where").map(|node| property_tests(node, reading)).unwrap_or_default();
    Some(EventTest { name: name?, count: count?, within, properties })
}

fn count(node: &Node, reading: &mut Reading<'_>) -> Option<Count> {
    let entries = match &node.kind {
        NodeKind::Mapping(entries) if !entries.is_empty() => entries,
        NodeKind::Scalar { .. } if node.as_number().is_some() => {
            let exactly = reading.integer(node, 0..=u32::MAX)?;
            return Some(Count { min: exactly, max: Some(exactly) });
        }
        NodeKind::Mapping(_) | NodeKind::Scalar { .. } | NodeKind::Sequence(_) => {
            reading.expected_with_hint("a count", node, COUNT_HINT);
            return None;
        }
    };
    let mut count = Count { min: 0, max: None };
    let at_most = |count: &mut Count, n: u32| count.max = Some(count.max.map_or(n, |max| max.min(n)));
    for (operator, value) in entries {
        let number = reading.integer(value, 0..=u32::MAX);
        match (operator.text.as_str(), number) {
            ("eq", Some(n)) => {
                count.min = count.min.max(n);
                at_most(&mut count, n);
            }
            ("gt", Some(n)) => count.min = count.min.max(n.saturating_add(1)),
            ("gte", Some(n)) => count.min = count.min.max(n),
            ("lt", Some(0)) => {
                reading.error_with_hint(
                    "count",
                    value.position,
                    "no count is less than 0",
                    "write `{lt: 1}` for never",
                );
                return None;
            }
            ("lt", Some(n)) => at_most(&mut count, n - 1),
            ("lte", Some(n)) => at_most(&mut count, n),
            ("eq" | "gt" | "gte" | "lt" | "lte", None) => return None,
            (unknown, _) => {
                reading.not_one_of(operator.position, unknown, "a bound of a count", &["eq", "gt", "gte", "lt", "lte"]);
                return None;
            }
        }
    }
    if count.max.is_some_and(|max| max < count.min) {
        reading.error("count", node.position, "no count is within these bounds");
        return None;
    }
    Some(count)
}
