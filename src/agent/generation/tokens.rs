//! How many tokens a text has, estimated from above without knowing the model.
//!
//! Tokenizers of current models make about four ASCII letters one token, and of
//! text in other scripts one token a character or fewer. The estimate stays above
//! that, so that a request that fits by it fits in truth.

use crate::ports::chat_model::{ChatMessage, ChatRequest, ToolCall};

/// ASCII characters of one token, at least.
const ASCII_PER_TOKEN: usize = 3;
/// Tokens around each message.
const PER_MESSAGE: usize = 6;

/// Tokens of a text, at most.
pub(super) fn of_text(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().filter(|c| !c.is_ascii()).count();
    ascii.div_ceil(ASCII_PER_TOKEN) + other
}

/// Tokens of a request without its answer, at most.
pub(super) fn of_request(request: &ChatRequest) -> usize {
    let messages: usize = request.messages.iter().map(of_message).sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| {
            of_text(tool.name) + of_text(&tool.description) + of_text(&tool.parameters.to_string()) + PER_MESSAGE
        })
        .sum();
    let form = request.form.as_ref().map_or(0, |form| of_text(form.name) + of_text(&form.schema.to_string()));
    messages + tools + form
}

/// Tokens of a message, at most.
pub(super) fn of_message(message: &ChatMessage) -> usize {
    PER_MESSAGE
        + match message {
            ChatMessage::System(text) | ChatMessage::User(text) => of_text(text),
            ChatMessage::Assistant { text, calls } => of_text(text) + calls.iter().map(of_call).sum::<usize>(),
            ChatMessage::ToolResult { call_id, content } => of_text(call_id) + of_text(content),
        }
}

/// Tokens of a call, at most.
pub(super) fn of_call(call: &ToolCall) -> usize {
    PER_MESSAGE + of_text(&call.name) + of_text(&call.arguments)
}
