//! Reading comparisons, such as `{gte: 50}`.

use crate::domain::condition::{Comparison, PropertyTest};
use crate::domain::value::Value;
use crate::knowledge::condition::single_key;
use crate::knowledge::reading::Reading;
use crate::knowledge::yaml::{Key, Node, NodeKind};

const OPERATORS: [&str; 13] =
    ["eq", "ne", "in", "contains", "starts", "ends", "matches", "lt", "lte", "gt", "gte", "exists", "within"];

const HINT: &str = "write a comparison, such as `{eq: admin}`, `{in: [a, b]}`, `{gte: 5}` or `{exists: true}`";

/// Reads `{name: {operator: value}}`, where names and operators may be several:
/// all of them must hold.
pub(crate) fn property_tests(node: &Node, reading: &mut Reading<'_>) -> Vec<PropertyTest> {
    let mut tests = Vec::new();
    match &node.kind {
        NodeKind::Mapping(entries) if !entries.is_empty() => {
            for (name, comparisons) in entries {
                tests.extend(
                    comparisons_of(comparisons, reading)
                        .into_iter()
                        .map(|comparison| PropertyTest { name: name.text.clone(), comparison }),
                );
            }
        }
        NodeKind::Mapping(_) | NodeKind::Scalar { .. } | NodeKind::Sequence(_) => {
            reading.expected_with_hint("names with comparisons", node, "write `{role: {eq: admin}}`");
        }
    }
    tests
}

fn comparisons_of(node: &Node, reading: &mut Reading<'_>) -> Vec<Comparison> {
    match &node.kind {
        NodeKind::Mapping(entries) if !entries.is_empty() => {
            entries.iter().filter_map(|(operator, value)| operation(operator, value, reading)).collect()
        }
        NodeKind::Scalar { text, .. } if !node.is_null() => {
            reading.expected_with_hint("a comparison", node, format!("write `{{eq: {text}}}`"));
            Vec::new()
        }
        NodeKind::Mapping(_) | NodeKind::Scalar { .. } | NodeKind::Sequence(_) => {
            reading.expected_with_hint("a comparison", node, HINT);
            Vec::new()
        }
    }
}

/// Reads one comparison, such as `{lte: 6}`.
pub(crate) fn comparison(node: &Node, reading: &mut Reading<'_>) -> Option<Comparison> {
    let (operator, value) = single_key(node, "a comparison", HINT, reading)?;
    operation(operator, value, reading)
}

fn operation(operator: &Key, value: &Node, reading: &mut Reading<'_>) -> Option<Comparison> {
    match operator.text.as_str() {
        "eq" => Some(Comparison::Eq(reading.value(value))),
        "ne" => Some(Comparison::Ne(reading.value(value))),
        "in" => {
            let items = reading.items(value, "a list of values");
            if items.is_empty() && matches!(value.kind, NodeKind::Sequence(_)) {
                reading.warning("empty-in", value.position, "`in` with an empty list never holds", "list the values");
            }
            Some(Comparison::In(items.iter().map(|item| reading.value(item)).collect()))
        }
        "contains" => Some(Comparison::Contains(reading.value(value))),
        "starts" => reading.text(value).map(Comparison::Starts),
        "ends" => reading.text(value).map(Comparison::Ends),
        "matches" => reading.regex(value).map(Comparison::Matches),
        "lt" => ordered(value, reading).map(Comparison::Lt),
        "lte" => ordered(value, reading).map(Comparison::Lte),
        "gt" => ordered(value, reading).map(Comparison::Gt),
        "gte" => ordered(value, reading).map(Comparison::Gte),
        "exists" => reading.boolean(value).map(Comparison::Exists),
        "within" => reading.positive_duration(value).map(Comparison::Within),
        unknown => {
            reading.not_one_of(operator.position, unknown, "a comparison", &OPERATORS);
            None
        }
    }
}

/// A value that has an order: a number or a text, which may be a time.
fn ordered(node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
    match reading.value(node) {
        value @ (Value::Number(_) | Value::Text(_)) => Some(value),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
            reading.expected("a number or a time", node);
            None
        }
    }
}
