//! Partial patterns of JSON, with placeholders that take a value where it is first
//! seen and stand for it from then on.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Matches any value that is there.
const ANY: &str = "$any";
/// Matches a member that is not there, or null.
const ABSENT: &str = "$absent";
/// Of an object with this one member: a list, one of whose elements matches it.
const CONTAINS: &str = "$contains";

/// What placeholders stand for, by name.
pub type Bindings = BTreeMap<String, Value>;

/// Matches `value`, and binds the placeholders of the pattern that stood for nothing.
///
/// Members of objects that the pattern does not name may be there; lists must have
/// the same length.
///
/// # Errors
/// The first difference: the path to it, and what it is. Nothing is bound then.
pub fn matches(pattern: &Value, value: &Value, bindings: &mut Bindings) -> Result<(), String> {
    let mut bound = bindings.clone();
    compare(pattern, Some(value), "", &mut bound)?;
    *bindings = bound;
    Ok(())
}

fn compare(pattern: &Value, value: Option<&Value>, path: &str, bindings: &mut Bindings) -> Result<(), String> {
    let differs = |expected: &Value| {
        let came = value.map_or("nothing".to_owned(), Value::to_string);
        let place = if path.is_empty() { "the frame" } else { path };
        Err(format!("{place}: expected {expected}, came {came}"))
    };
    match (pattern, value) {
        (Value::String(name), None | Some(Value::Null)) if name == ABSENT => Ok(()),
        (Value::String(name), Some(value)) if name.starts_with('$') => match bindings.get(name) {
            _ if name == ABSENT => differs(pattern),
            _ if name == ANY => Ok(()),
            Some(bound) if bound == value => Ok(()),
            Some(bound) => differs(bound),
            None => {
                bindings.insert(name.clone(), value.clone());
                Ok(())
            }
        },
        (Value::Object(members), Some(Value::Array(values))) if members.contains_key(CONTAINS) => {
            let wanted = &members[CONTAINS];
            for value in values {
                let mut tried = bindings.clone();
                if compare(wanted, Some(value), path, &mut tried).is_ok() {
                    *bindings = tried;
                    return Ok(());
                }
            }
            differs(pattern)
        }
        (Value::Object(members), Some(Value::Object(values))) => {
            for (name, pattern) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(pattern, values.get(name), &path, bindings)?;
            }
            Ok(())
        }
        (Value::Array(patterns), Some(Value::Array(values))) if patterns.len() == values.len() => {
            for (at, (pattern, value)) in patterns.iter().zip(values).enumerate() {
                compare(pattern, Some(value), &format!("{path}[{at}]"), bindings)?;
            }
            Ok(())
        }
        (pattern, Some(value)) if pattern == value => Ok(()),
        (pattern, _) => differs(pattern),
    }
}

/// The value with placeholders replaced by what they stand for.
///
/// # Errors
/// The name of a placeholder that stands for nothing yet.
pub fn fill(value: &Value, bindings: &Bindings) -> Result<Value, String> {
    Ok(match value {
        Value::String(name) if name.starts_with('$') => {
            bindings.get(name).cloned().ok_or_else(|| format!("`{name}` stands for nothing yet"))?
        }
        Value::Array(values) => values.iter().map(|value| fill(value, bindings)).collect::<Result<_, _>>()?,
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| Ok((name.clone(), fill(value, bindings)?)));
            Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_partial_and_placeholders_keep_what_they_saw() {
        let mut bindings = Bindings::new();
        let mut check = |pattern: Value, value: Value, expected: Result<(), &str>| {
            let matched = matches(&pattern, &value, &mut bindings);
            assert_eq!(matched, expected.map_err(str::to_owned), "{pattern} {value}");
        };
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), Ok(()));
        check(json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), Err("a.b: expected 1, came 2"));
        check(json!({"a": 1}), json!({}), Err("a: expected 1, came nothing"));
        check(json!({"a": [1, "$any"]}), json!({"a": [1, {}]}), Ok(()));
        check(json!({"a": [1]}), json!({"a": [1, 2]}), Err("a: expected [1], came [1,2]"));
        check(json!({"a": "$absent"}), json!({"b": 1}), Ok(()));
        check(json!({"a": "$absent"}), json!({"a": 1}), Err("a: expected \"$absent\", came 1"));
        check(json!({"a": "$any"}), json!({}), Err("a: expected \"$any\", came nothing"));
        check(json!({"x": "$x", "y": 1}), json!({"x": 7, "y": 2}), Err("y: expected 1, came 2"));
        check(json!({"x": "$x"}), json!({"x": 8}), Ok(()));
        check(json!({"x": "$x"}), json!({"x": 7}), Err("x: expected 8, came 7"));
        check(json!({"l": {"$contains": {"n": "$n"}}}), json!({"l": [1, {"n": 3}]}), Ok(()));
        assert_eq!(fill(&json!([{"n": "$n"}, "text"]), &bindings), Ok(json!([{"n": 3}, "text"])));
        assert_eq!(fill(&json!("$new"), &bindings), Err("`$new` stands for nothing yet".to_owned()));
    }
}
