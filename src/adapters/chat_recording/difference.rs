//! Tells how a request differs from the nearest one that is recorded.

use std::collections::BTreeMap;

use serde_json::Value;

/// Differences that are told, and characters of each.
const TOLD: usize = 3;
const SHOWN_CHARS: usize = 60;

/// One value that is not the same.
struct Difference {
    told: String,
    /// Characters from where the values part.
    chars: usize,
}

/// The nearest of the requests, with what differs from it.
pub(super) fn nearest<'a>(asked: &Value, recorded: impl Iterator<Item = (&'a str, &'a Value)>) -> Option<String> {
    let asked = leaves(asked);
    let compared = recorded.map(|(hash, request)| (hash, differences(&asked, &leaves(request))));
    let apart = |differences: &[Difference]| differences.iter().map(|difference| difference.chars).sum::<usize>();
    let (hash, differences) = compared.min_by_key(|(_, differences)| (differences.len(), apart(differences)))?;
    let more = differences.len().saturating_sub(TOLD);
    let told = differences.into_iter().take(TOLD).map(|difference| difference.told);
    let mut told = told.collect::<Vec<_>>().join("; ");
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    Some(format!("the nearest is {hash}, where {told}"))
}

/// Each value that holds no others, by where it stands.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn walk(place: String, value: &Value, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Array(values) if !values.is_empty() => {
                values.iter().enumerate().for_each(|(at, value)| walk(format!("{place}/{at}"), value, found));
            }
            Value::Object(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(key, value)| walk(format!("{place}/{key}"), value, found));
            }
            Value::String(text) => {
                found.insert(place, text.clone());
            }
            other => {
                found.insert(place, other.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(String::new(), value, &mut found);
    found
}

fn differences(asked: &BTreeMap<String, String>, recorded: &BTreeMap<String, String>) -> Vec<Difference> {
    let added = asked.iter().filter_map(|(place, now)| match recorded.get(place) {
        Some(then) if then == now => None,
        Some(then) => Some(parting(place, then, now)),
        None => {
            let told = format!("{place} is missing, which is now {:?}", shown(now));
            Some(Difference { told, chars: now.chars().count() })
        }
    });
    let gone = recorded.iter().filter(|(place, _)| !asked.contains_key(*place)).map(|(place, then)| {
        let told = format!("{place} is {:?}, which is now missing", shown(then));
        Difference { told, chars: then.chars().count() }
    });
    added.chain(gone).collect()
}

/// Two texts, told from a little before the first character that differs.
fn parting(place: &str, then: &str, now: &str) -> Difference {
    let same = then.chars().zip(now.chars()).take_while(|(then, now)| then == now).count();
    let from = same.saturating_sub(SHOWN_CHARS / 3);
    let part = |text: &str| shown(&text.chars().skip(from).collect::<String>());
    let chars = then.chars().count().max(now.chars().count()) - same;
    Difference { told: format!("{place} is {:?} and now {:?}", part(then), part(now)), chars }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_nearest_is_told_with_what_differs() {
        let recorded = [
            ("aa", json!({"messages": [{"system": "Be kind."}, {"user": "Hello"}], "tools": []})),
            ("bb", json!({"messages": [{"system": "Be kind."}, {"user": "What are the fees?"}], "tools": []})),
        ];
        let recorded = || recorded.iter().map(|(hash, request)| (*hash, request));
        let asked =
            json!({"messages": [{"system": "Be kind."}, {"user": "What are the rates?"}, {"user": "x"}], "tools": []});
        assert_eq!(
            nearest(&asked, recorded()).expect("one"),
            "the nearest is bb, where /messages/1/user is \"What are the fees?\" and now \"What are the rates?\"; /messages/2/user is missing, which is now \"x\""
        );
        let long = |end: &str| json!({"messages": [{"system": "word ".repeat(100) + end}]});
        let (then, now) = (long("old"), long("new"));
        let told = nearest(&now, [("cc", &then)].into_iter()).expect("one");
        assert!(told.len() < 200 && told.contains("word old\" and now") && told.contains("word new\""), "{told}");
        assert_eq!(nearest(&asked, std::iter::empty()), None);
    }
}
