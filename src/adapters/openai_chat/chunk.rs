//! What one event of an answer says, in any dialect.
//!
//! Fields that are missing, null, empty or of another kind are passed over, and
//! so is everything that is not named here.

use serde_json::Value;

use crate::ports::chat_model::{StopReason, TokenUsage};

/// What one event says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk<'a> {
    /// Text of the answer, with its reasoning tags.
    pub text: String,
    /// Whether there is reasoning in a field of its own.
    pub reasons: bool,
    /// Tool calls, or fragments of them.
    pub calls: Vec<&'a Value>,
    /// Why the answer ends.
    pub ending: Option<Ending>,
    pub usage: Option<TokenUsage>,
    /// What is wrong, in place of an answer.
    pub error: Option<&'a Value>,
}

/// Why an answer ends, as the endpoint says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    For(StopReason),
    /// The endpoint failed.
    Failed,
    /// A word that is not known.
    Unknown,
}

impl<'a> Chunk<'a> {
    pub(super) fn read(value: &'a Value) -> Self {
        let error = present(value, "error").or_else(|| (value.get("object")? == "error").then_some(value));
        let usage = usage(value.get("usage")).or_else(|| usage(value.get("x_groq")?.get("usage")));
        // vLLM and others answer faults with `detail` or `message` alone.
        let choices = value.get("choices").and_then(Value::as_array);
        let error = match (error, choices) {
            (None, None) => present(value, "detail").or_else(|| present(value, "message")),
            (error, _) => error,
        };
        let mut chunk = Self { usage, error, ..Self::default() };
        let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
        for choice in choices.into_iter().flatten().filter(is_first) {
            chunk.read_choice(choice);
        }
        chunk
    }

    fn read_choice(&mut self, choice: &'a Value) {
        self.error = self.error.or_else(|| present(choice, "error"));
        self.usage = self.usage.or_else(|| usage(choice.get("usage")));
        match ["delta", "message"].iter().find_map(|key| present(choice, key)) {
            Some(message) => self.read_message(message),
            None => self.read_content(choice.get("text").unwrap_or(&Value::Null)),
        }
        let reason =
            choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !matches!(reason.trim(), "" | "null"));
        self.ending = reason.map(ending).or(self.ending);
    }

    fn read_message(&mut self, message: &'a Value) {
        for key in ["reasoning", "reasoning_content", "reasoning_details", "reasoning_text", "thinking"] {
            self.reasons |= present(message, key).is_some_and(|value| !is_empty(value));
        }
        for key in ["content", "refusal"] {
            self.read_content(message.get(key).unwrap_or(&Value::Null));
        }
        match present(message, "tool_calls").filter(|calls| !is_empty(calls)) {
            Some(Value::Array(calls)) => self.calls.extend(calls),
            Some(call) => self.calls.push(call),
            // Some endpoints say the same in both fields.
            None => self.calls.extend(present(message, "function_call").filter(|call| !is_empty(call))),
        }
    }

    /// Text, or parts of which some are text and some reasoning.
    fn read_content(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.text.push_str(text),
            Value::Array(parts) => parts.iter().for_each(|part| self.read_content(part)),
            Value::Object(part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
                if kind.contains("think") || kind.contains("reason") {
                    self.reasons = true;
                } else if let Some(text) = ["text", "refusal"].iter().find_map(|key| part.get(*key)) {
                    self.read_content(text);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn present<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|value| !value.is_null())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn ending(reason: &str) -> Ending {
    match reason.trim().to_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "completed" | "end" => {
            Ending::For(StopReason::Complete)
        }
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Ending::For(StopReason::Length),
        "tool_calls" | "tool_call" | "tool_use" | "function_call" | "tools" => Ending::For(StopReason::Calls),
        "content_filter" | "safety" | "recitation" | "sensitive" | "refusal" | "prohibited_content" => {
            Ending::For(StopReason::Filtered)
        }
        "error" | "network_error" | "abort" | "aborted" | "cancelled" | "insufficient_system_resource" => {
            Ending::Failed
        }
        _ => Ending::Unknown,
    }
}

/// The usage, when it says anything.
fn usage(value: Option<&Value>) -> Option<TokenUsage> {
    let number = |keys: [&str; 2]| keys.iter().find_map(|key| value?.get(*key)?.as_u64());
    let (input, output) = (number(["prompt_tokens", "input_tokens"]), number(["completion_tokens", "output_tokens"]));
    (input.is_some() || output.is_some())
        .then(|| TokenUsage { input: input.unwrap_or_default(), output: output.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn odd_fields_are_passed_over() {
        for value in [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({"choices": null, "usage": {}, "error": null}),
            json!({"choices": []}),
            json!({"choices": [null, 1, {"delta": null}, {"delta": 3, "finish_reason": ""}, {"finish_reason": "null"}, {"index": 1, "delta": {"content": "no"}}]}),
            json!({"choices": [{"delta": {"content": null, "tool_calls": null, "reasoning": ""}, "finish_reason": null}]}),
        ] {
            assert_eq!(Chunk::read(&value), Chunk::default(), "{value}");
        }
    }

    #[test]
    fn what_is_said_is_found() {
        let text = |value: &Value| Chunk::read(value).text;
        assert_eq!(
            text(
                &json!({"choices": [{"delta": {"content": [{"type": "thinking", "text": "no"}, "a", {"text": "b"}]}}]})
            ),
            "ab"
        );
        assert_eq!(text(&json!({"choices": [{"message": {"content": "a", "refusal": null}}]})), "a");
        assert_eq!(text(&json!({"choices": [{"text": "a", "index": 0}]})), "a");
        assert!(Chunk::read(&json!({"choices": [{"delta": {"reasoning_content": "hm"}}]})).reasons);
        let usage = json!({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "new": {}}});
        assert_eq!(Chunk::read(&usage).usage, Some(TokenUsage { input: 3, output: 4 }));
        for error in
            [json!({"error": {"message": "x"}}), json!({"object": "error", "message": "x"}), json!({"detail": "x"})]
        {
            assert!(Chunk::read(&error).error.is_some(), "{error}");
        }
    }
}
