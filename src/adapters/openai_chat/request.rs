//! What an endpoint is sent.

use serde_json::{Map, Value, json};

use crate::ports::chat_model::{AnswerForm, ChatMessage, ChatRequest, ToolCall, ToolDefinition};

/// How an endpoint wants to be asked, where endpoints differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Whether the most tokens are called `max_completion_tokens`, as OpenAI's
    /// newer models want it, and not `max_tokens`, as everybody else does.
    pub counts_completion: bool,
    /// Whether it can be asked for the usage of a stream.
    pub tells_usage: bool,
    /// Whether it can be asked for JSON by a schema.
    pub takes_schema: bool,
}

/// Where a request says which form the answer should have.
pub(super) const FORM: &str = "response_format";

/// What of a request is the same in all dialects.
pub(super) type Content = Map<String, Value>;

/// The conversation and the tools.
pub(super) fn content(request: &ChatRequest) -> Content {
    let mut content = Content::new();
    content.insert("messages".to_owned(), request.messages.iter().map(message).collect());
    if !request.tools.is_empty() {
        content.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
    }
    if let Some(AnswerForm { name, schema }) = &request.form {
        content.insert(FORM.to_owned(), form(name, schema));
    }
    content
}

/// The body of a request for at most so many tokens.
pub(super) fn body(model: &str, content: &Content, max_output_tokens: u32, dialect: Dialect) -> Value {
    let mut body = content.clone();
    if !dialect.takes_schema {
        body.remove(FORM);
    }
    body.insert("model".to_owned(), json!(model));
    let limit = if dialect.counts_completion { "max_completion_tokens" } else { "max_tokens" };
    body.insert(limit.to_owned(), json!(max_output_tokens));
    body.insert("stream".to_owned(), json!(true));
    if dialect.tells_usage {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    Value::Object(body)
}

/// A form by a JSON Schema, which the endpoint is to hold the model to.
pub(super) fn form(name: &str, schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}})
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(text) => json!({"role": "system", "content": text}),
        ChatMessage::User(text) => json!({"role": "user", "content": text}),
        ChatMessage::Assistant { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        ChatMessage::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { json!(text) };
            json!({"role": "assistant", "content": content, "tool_calls": calls.iter().map(call).collect::<Value>()})
        }
        ChatMessage::ToolResult { call_id, content } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": content})
        }
    }
}

/// A call that the model made before. Many endpoints fail at arguments that are
/// no JSON object, so none stand for these; the result of the call says why.
fn call(call: &ToolCall) -> Value {
    let is_object = serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok();
    let arguments = if is_object { call.arguments.as_str() } else { "{}" };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn tool(tool: &ToolDefinition) -> Value {
    json!({
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_written_as_endpoints_want_it() {
        let call =
            |arguments: &str| ToolCall { id: "a".to_owned(), name: "open".to_owned(), arguments: arguments.to_owned() };
        let request = ChatRequest {
            messages: vec![
                ChatMessage::System("Be kind.".to_owned()),
                ChatMessage::User("Hi".to_owned()),
                ChatMessage::Assistant { text: String::new(), calls: vec![call("{\"x\": 1}"), call("{\"x\":")] },
                ChatMessage::ToolResult { call_id: "a".to_owned(), content: "done".to_owned() },
                ChatMessage::Assistant { text: "Yes".to_owned(), calls: Vec::new() },
            ],
            tools: vec![ToolDefinition {
                name: "open",
                description: "Opens.".to_owned(),
                parameters: json!({"type": "object"}),
            }],
            form: Some(AnswerForm { name: "a", schema: json!({"type": "object"}) }),
            ..ChatRequest::default()
        };
        let written = body(
            "m",
            &content(&request),
            9,
            Dialect { counts_completion: false, tells_usage: true, takes_schema: true },
        );
        let function = |arguments: &str| json!({"id": "a", "type": "function", "function": {"name": "open", "arguments": arguments}});
        assert_eq!(
            written,
            json!({
                "model": "m",
                "stream": true,
                "stream_options": {"include_usage": true},
                "max_tokens": 9,
                "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": {"type": "object"}}},
                "messages": [
                    {"role": "system", "content": "Be kind."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": null, "tool_calls": [function("{\"x\": 1}"), function("{}")]},
                    {"role": "tool", "tool_call_id": "a", "content": "done"},
                    {"role": "assistant", "content": "Yes"},
                ],
                "tools": [{"type": "function", "function": {"name": "open", "description": "Opens.", "parameters": {"type": "object"}}}],
            })
        );
        let plain = Dialect { counts_completion: true, tells_usage: false, takes_schema: false };
        let written = body("m", &content(&ChatRequest { form: request.form, ..ChatRequest::default() }), 7, plain);
        assert_eq!(written, json!({"model": "m", "stream": true, "messages": [], "max_completion_tokens": 7}));
    }
}
