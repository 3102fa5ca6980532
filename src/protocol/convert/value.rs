//! JSON values and the values of attributes, properties and arguments.

use serde_json::Value as Json;

use crate::domain::attribute::{Attributes, is_attribute_name};
use crate::domain::value::Value;
use crate::protocol::context::Attributes as WireAttributes;

/// A JSON value as a plain value.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(from_json).collect()),
        Json::Object(values) => {
            Value::Map(values.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
    }
}

/// A plain value as JSON; whole numbers without a fraction.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked before the cast")]
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Json::from(*number as i64),
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::Map(values) => values.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
    }
}

/// Attributes by their names.
///
/// # Errors
/// The first name that no template could use.
pub fn attributes(wire: &WireAttributes) -> Result<Attributes, String> {
    wire.iter()
        .map(|(name, value)| match is_attribute_name(name) {
            true => Ok((name.clone(), from_json(value))),
            false => Err(name.chars().take(80).collect()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_there_and_back() {
        let json = serde_json::json!({"a": [1, 1.5, "x", null, true], "b": {"c": -3}});
        assert_eq!(to_json(&from_json(&json)), json);
    }

    #[test]
    fn names_that_no_template_could_use_are_refused() {
        let wire = |json: Json| json.as_object().cloned().expect("an object");
        assert!(attributes(&wire(serde_json::json!({"plan": "pro", "user.name": "Ann"}))).is_ok());
        assert_eq!(attributes(&wire(serde_json::json!({"a b": 1}))), Err("a b".to_owned()));
    }
}
