//! Puts tool calls together, which endpoints send in fragments or whole.

use serde_json::Value;

use crate::ports::chat_model::ToolCall;

/// Most calls of one answer.
const MAX_CALLS: usize = 64;

/// Calls as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Each with the number that the endpoint gave it.
    calls: Vec<(Option<u64>, ToolCall)>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes a fragment, or a whole call; returns how many bytes of arguments it has.
    pub(super) fn push(&mut self, part: &Value) -> usize {
        let function = part.get("function").filter(|function| function.is_object()).unwrap_or(part);
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (number, id) = (part.get("index").and_then(Value::as_u64), text(part, "id"));
        let name = text(function, "name");
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(arguments)) => arguments.clone(),
            Some(whole) => whole.to_string(),
        };
        let written = arguments.len();
        match self.continued(number, &id, &name) {
            Some(at) => {
                let call = &mut self.calls[at].1;
                if call.id.is_empty() {
                    call.id = id;
                }
                if call.name.is_empty() {
                    call.name = name;
                }
                call.arguments.push_str(&arguments);
            }
            None if self.calls.len() < MAX_CALLS => self.calls.push((number, ToolCall { id, name, arguments })),
            None => {}
        }
        written
    }

    /// The place of the call that a fragment continues. Numbers are missing in some dialects,
    /// and the same for all calls in others; then another id tells calls apart,
    /// and where there are no ids, another name after arguments.
    fn continued(&self, number: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let is_other = |call: &ToolCall| {
            let other_id = !id.is_empty() && !call.id.is_empty() && id != call.id;
            let again = id.is_empty() && number.is_none() && !name.is_empty() && !call.arguments.is_empty();
            (other_id && !name.is_empty()) || again
        };
        let at = self.calls.iter().rposition(|(its_number, call)| match number {
            Some(_) => *its_number == number,
            None => id.is_empty() || call.id.is_empty() || call.id == id,
        })?;
        (!is_other(&self.calls[at].1)).then_some(at)
    }

    /// All calls, each with an id of its own.
    pub(super) fn take(&mut self) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = std::mem::take(&mut self.calls).into_iter().map(|(_, call)| call).collect();
        let mut next = 0;
        for at in 0..calls.len() {
            let is_taken = |id: &str, among: &[ToolCall]| among.iter().any(|call| call.id == id);
            while calls[at].id.is_empty() || is_taken(&calls[at].id, &calls[..at]) {
                // Nine letters and digits, which the strictest endpoints want to get back.
                let id = format!("call{next:05}");
                next += 1;
                if !is_taken(&id, &calls) {
                    calls[at].id = id;
                }
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calls(parts: &[Value]) -> Vec<String> {
        let mut calls = Calls::default();
        for part in parts {
            calls.push(part);
        }
        calls.take().into_iter().map(|call| format!("{} {} {}", call.id, call.name, call.arguments)).collect()
    }

    #[test]
    fn fragments_and_whole_calls_are_put_together() {
        let cases: &[(&str, Value, &[&str])] = &[
            (
                "by number",
                json!([
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "one", "arguments": ""}},
                    {"index": 1, "id": "b", "function": {"name": "two", "arguments": "{"}},
                    {"index": 0, "function": {"arguments": "{\"x\""}},
                    {"index": 1, "function": {"arguments": "}"}},
                    {"index": 0, "function": {"arguments": ":1}"}},
                ]),
                &["a one {\"x\":1}", "b two {}"],
            ),
            (
                "id and name in each fragment",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}},
                    {"index": 0, "id": "a", "function": {"name": "one", "arguments": "}"}},
                ]),
                &["a one {}"],
            ),
            (
                "all with number 0",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}},
                    {"index": 0, "id": "b", "function": {"name": "one", "arguments": "{}"}},
                ]),
                &["a one {}", "b one {}"],
            ),
            (
                "no numbers",
                json!([
                    {"id": "a", "function": {"name": "one", "arguments": "{"}},
                    {"function": {"arguments": "}"}},
                    {"id": "b", "function": {"name": "two", "arguments": "{}"}},
                ]),
                &["a one {}", "b two {}"],
            ),
            (
                "neither numbers nor ids, arguments as an object",
                json!([
                    {"function": {"name": "one", "arguments": {"x": 1}}},
                    {"function": {"name": "one", "arguments": {"x": 2}}},
                ]),
                &["call00000 one {\"x\":1}", "call00001 one {\"x\":2}"],
            ),
            (
                "one id for all, and one that looks like ours",
                json!([
                    {"index": 0, "id": "call00000", "function": {"name": "one", "arguments": "{}"}},
                    {"index": 1, "id": "call00000", "function": {"name": "two", "arguments": null}},
                ]),
                &["call00000 one {}", "call00001 two "],
            ),
            (
                "a new id in each fragment",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}},
                    {"index": 0, "id": "b", "function": {"name": "", "arguments": "}"}},
                ]),
                &["a one {}"],
            ),
            ("without a function around", json!([{"name": "one", "arguments": "{\"x\":"}]), &["call00000 one {\"x\":"]),
            ("nothing at all", json!([{}]), &["call00000  "]),
        ];
        for (what, parts, expected) in cases {
            assert_eq!(calls(parts.as_array().expect("a list")), *expected, "{what}");
        }
    }

    #[test]
    fn calls_are_bounded() {
        let mut calls = Calls::default();
        for index in 0..1_000 {
            calls.push(&json!({"index": index, "id": index.to_string(), "name": "n"}));
        }
        assert_eq!(calls.take().len(), MAX_CALLS);
    }
}
