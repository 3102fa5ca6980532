//! One exchange as its file holds it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::ports::chat_model::{ChatError, ChatEvent, ChatMessage, ChatRequest, StopReason, TokenUsage, ToolCall};

/// Files that were written.
static SAVED: AtomicU64 = AtomicU64::new(0);

/// A request, and the pieces of its answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Exchange {
    model: String,
    /// When the recording was begun, in RFC 3339.
    recorded_at: String,
    context_tokens: u32,
    request: Value,
    answer: Vec<Piece>,
}

/// A piece of an answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Piece {
    Text(String),
    Call { id: String, name: String, arguments: String },
    Finished { reason: Reason, input_tokens: Option<u64>, output_tokens: Option<u64> },
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Complete,
    Length,
    Calls,
    Filtered,
}

impl Exchange {
    /// An exchange whose answer begins.
    pub(super) fn begin(request: &ChatRequest, model: &str, context_tokens: u32, recorded_at: Timestamp) -> Self {
        // The address is the operator's matter.
        let model = model.split('@').next().unwrap_or_default().to_owned();
        Self {
            model,
            recorded_at: recorded_at.to_string(),
            context_tokens,
            request: written(request),
            answer: Vec::new(),
        }
    }

    /// Takes the next piece; true when the answer is whole with it.
    pub(super) fn push(&mut self, event: &Result<ChatEvent, ChatError>) -> bool {
        let piece = match event {
            Ok(ChatEvent::Text(text)) => Piece::Text(text.clone()),
            Ok(ChatEvent::Call(ToolCall { id, name, arguments })) => {
                Piece::Call { id: id.clone(), name: name.clone(), arguments: arguments.clone() }
            }
            Ok(ChatEvent::Finished { reason, usage }) => Piece::Finished {
                reason: match reason {
                    StopReason::Complete => Reason::Complete,
                    StopReason::Length => Reason::Length,
                    StopReason::Calls => Reason::Calls,
                    StopReason::Filtered => Reason::Filtered,
                },
                input_tokens: usage.map(|usage| usage.input),
                output_tokens: usage.map(|usage| usage.output),
            },
            Ok(ChatEvent::Retracted) => {
                self.answer.retain(|piece| !matches!(piece, Piece::Text(_)));
                return false;
            }
            Ok(ChatEvent::Working) | Err(_) => return false,
        };
        let is_last = matches!(piece, Piece::Finished { .. });
        self.answer.push(piece);
        is_last
    }

    /// Writes the file, at once or not at all.
    pub(super) async fn save(&self, folder: &Path) -> std::io::Result<()> {
        let hash = self.hash();
        // Equal exchanges may end at once.
        let part = folder.join(format!(".{hash}.{}", SAVED.fetch_add(1, Ordering::Relaxed)));
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        tokio::fs::write(&part, text).await?;
        tokio::fs::rename(&part, folder.join(format!("{hash}.json"))).await
    }

    pub(super) fn hash(&self) -> String {
        hash_of(&self.request)
    }

    pub(super) fn request(&self) -> &Value {
        &self.request
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at.parse().ok()
    }

    pub(super) fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// The pieces as the port has them.
    pub(super) fn events(&self) -> impl Iterator<Item = ChatEvent> + '_ {
        self.answer.iter().cloned().map(|piece| match piece {
            Piece::Text(text) => ChatEvent::Text(text),
            Piece::Call { id, name, arguments } => ChatEvent::Call(ToolCall { id, name, arguments }),
            Piece::Finished { reason, input_tokens, output_tokens } => ChatEvent::Finished {
                reason: match reason {
                    Reason::Complete => StopReason::Complete,
                    Reason::Length => StopReason::Length,
                    Reason::Calls => StopReason::Calls,
                    Reason::Filtered => StopReason::Filtered,
                },
                usage: input_tokens.zip(output_tokens).map(|(input, output)| TokenUsage { input, output }),
            },
        })
    }
}

/// A request as JSON, whose keys are always in the same order.
pub(super) fn written(request: &ChatRequest) -> Value {
    let tools = request
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters}));
    json!({
        "messages": request.messages.iter().map(message).collect::<Value>(),
        "tools": tools.collect::<Value>(),
        "form": request.form.as_ref().map(|form| json!({"name": form.name, "schema": form.schema})),
        "max_output_tokens": request.max_output_tokens,
    })
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(text) => json!({"system": text}),
        ChatMessage::User(text) => json!({"user": text}),
        ChatMessage::Assistant { text, calls } => {
            let calls = calls.iter().map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments}));
            json!({"assistant": text, "calls": calls.collect::<Value>()})
        }
        ChatMessage::ToolResult { call_id, content } => json!({"result_of": call_id, "content": content}),
    }
}

/// The hash of a request, in hexadecimal.
pub(super) fn hash_of(request: &Value) -> String {
    Sha256::digest(request.to_string())[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
