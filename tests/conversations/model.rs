//! A language model that says what a conversation's file tells it to.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use docent::adapters::spending_journal::SpendingJournal;
use docent::agent::generation::{ChatUse, TokenCaps};
use docent::ports::chat_model::{
    ChatError, ChatEvent, ChatFault, ChatMessage, ChatModel, ChatRequest, ChatStream, StopReason, TokenUsage, ToolCall,
};
use futures_util::StreamExt as _;
use futures_util::stream;

/// What the model does when it is asked once.
#[derive(Default)]
struct Step {
    events: Vec<Result<ChatEvent, ChatError>>,
    refused: Option<ChatError>,
}

/// A model with a script.
#[derive(Default)]
pub(crate) struct ScriptedModel {
    asked: Mutex<Vec<ChatRequest>>,
    steps: Mutex<VecDeque<Step>>,
}

/// The model as an agent uses it.
pub(crate) fn chat(model: &Arc<ScriptedModel>) -> ChatUse {
    ChatUse {
        model: Arc::<ScriptedModel>::clone(model),
        max_output_tokens: 500,
        ledger: Arc::new(SpendingJournal::in_memory()),
        caps: TokenCaps::default(),
    }
}

impl ScriptedModel {
    /// Takes in a line of the script, without its `~`.
    pub(crate) fn follow(&self, line: &str) {
        let mut steps = self.steps.lock().unwrap();
        if steps.is_empty() || line == "next" {
            steps.push_back(Step::default());
        }
        let step = steps.back_mut().unwrap();
        if let Some(call) = line.strip_prefix("call ") {
            let (name, arguments) = call.split_once(' ').unwrap();
            let id = format!("call-{}", step.events.len());
            step.events.push(Ok(ChatEvent::Call(ToolCall {
                id,
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            })));
        } else if let Some(fault) = line.strip_prefix("fault ") {
            let fault = match fault {
                "unavailable" => ChatFault::Unavailable { retry_after: None },
                "timed out" => ChatFault::TimedOut,
                "too long" => ChatFault::TooLong,
                "broken" => ChatFault::Broken,
                other => panic!("unknown fault `{other}`"),
            };
            let error = ChatError { model: "scripted".to_owned(), fault, reason: "scripted".to_owned(), attempts: 1 };
            if step.events.is_empty() {
                step.refused = Some(error);
            } else {
                step.events.push(Err(error));
            }
        } else if let Some(text) = line.strip_prefix(' ') {
            let text = text.replace("\\n", "\n");
            step.events.extend(text.split_inclusive(' ').map(|word| Ok(ChatEvent::Text(word.to_owned()))));
        }
    }

    /// What the model was sent, as people read it.
    pub(crate) fn asked(&self) -> String {
        let mut asked = String::new();
        for request in self.asked.lock().unwrap().iter() {
            for message in &request.messages {
                match message {
                    ChatMessage::System(text) => writeln!(asked, "=== system\n{text}"),
                    ChatMessage::User(text) => writeln!(asked, "=== user\n{text}"),
                    ChatMessage::Assistant { text, .. } => writeln!(asked, "=== assistant\n{text}"),
                    ChatMessage::ToolResult { content, .. } => writeln!(asked, "=== tool\n{content}"),
                }
                .unwrap();
            }
            for tool in &request.tools {
                writeln!(asked, "=== may call {}\n{}\n{:#}", tool.name, tool.description, tool.parameters).unwrap();
            }
        }
        asked
    }

    /// Whether the model was asked as often as the script tells.
    pub(crate) fn is_done(&self) -> bool {
        self.steps.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn name(&self) -> &str {
        "scripted"
    }

    fn context_tokens(&self) -> u32 {
        8_000
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        self.asked.lock().unwrap().push(request.clone());
        let step = self.steps.lock().unwrap().pop_front().expect("the script tells what the model says");
        if let Some(error) = step.refused {
            return Err(error);
        }
        let mut events = step.events;
        if events.iter().all(Result::is_ok) {
            let calls = events.iter().any(|event| matches!(event, Ok(ChatEvent::Call(_))));
            let reason = if calls { StopReason::Calls } else { StopReason::Complete };
            events.push(Ok(ChatEvent::Finished { reason, usage: Some(TokenUsage { input: 100, output: 20 }) }));
        }
        Ok(ChatStream { model: "scripted".to_owned(), attempts: 1, events: stream::iter(events).boxed() })
    }
}
