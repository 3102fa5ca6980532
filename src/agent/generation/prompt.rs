//! What a model is sent: the project's prompt with its variables, the conversation,
//! and the question, within the tokens that the model can take.

use jiff::Timestamp;

use super::evidence::{Evidence, harmless};
use super::{memory, tokens};
use crate::agent::turn_request::{Said, TurnRequest};
use crate::domain::project::Project;
use crate::knowledge::prompts::{Prompts, Purpose};
use crate::ports::chat_model::{ChatMessage, ChatRequest, ToolDefinition};
use crate::text::language::Language;

/// Share of a model's tokens that is planned with, in hundredths; estimates err.
const PLANNED: usize = 95;
/// Characters of a page's title or address.
const PAGE_CHARS: usize = 200;

/// What a prompt is made of.
pub(super) struct Ingredients<'a> {
    pub(super) project: &'a Project,
    pub(super) prompts: &'a Prompts,
    pub(super) request: &'a TurnRequest,
    /// The message, standing alone.
    pub(super) question: &'a str,
    pub(super) language: Language,
    pub(super) tools: &'a [ToolDefinition],
    pub(super) context_tokens: usize,
    pub(super) max_output_tokens: u32,
}

impl Ingredients<'_> {
    /// The request, with as much of the conversation and of the evidence as fits. The
    /// system prompt, the best passage and the last message are always there.
    pub(super) fn request(&self, evidence: &mut Evidence<'_>) -> ChatRequest {
        let room = (self.context_tokens * PLANNED / 100).saturating_sub(self.max_output_tokens as usize);
        let mut history: &[Said] = &self.request.history;
        loop {
            let request = self.compose(evidence, history);
            if tokens::of_request(&request) <= room {
                return request;
            }
            if let [_, rest @ ..] = history {
                history = rest;
            } else if evidence.len() > 1 {
                evidence.truncate(evidence.len() - 1);
            } else {
                return request;
            }
        }
    }

    fn compose(&self, evidence: &Evidence<'_>, history: &[Said]) -> ChatRequest {
        let mut messages = vec![ChatMessage::System(self.system(evidence))];
        messages.extend(memory::messages(history));
        messages.push(ChatMessage::User(harmless(&self.request.message)));
        ChatRequest { messages, tools: self.tools.to_vec(), form: None, max_output_tokens: self.max_output_tokens }
    }

    fn system(&self, evidence: &Evidence<'_>) -> String {
        let settings = &self.project.settings;
        let page = self.request.context.page.as_ref();
        let page_title = one_line(page.and_then(|page| page.title.as_deref()).unwrap_or_default());
        // What stands behind the path is the user's own, and no matter of a model.
        let page_url = one_line(page.map(|page| page.url.path()).unwrap_or_default());
        let passages = match evidence.len() {
            0 => "(nothing was found)".to_owned(),
            count => evidence.quoted(1..=u32::try_from(count).unwrap_or(u32::MAX)),
        };
        let today = day(self.request.now);
        self.prompts.get(Purpose::Answer).render(|name| {
            Some(match name {
                "name" => settings.name.as_str(),
                "persona" => settings.persona.as_deref().unwrap_or_default(),
                "tone" => settings.tone.as_deref().unwrap_or("clear and friendly"),
                "locale" => self.language.as_str(),
                "today" => &today,
                "page_title" => &page_title,
                "page_url" => &page_url,
                "passages" => &passages,
                "question" => self.question,
                _ => return None,
            })
        })
    }
}

/// The request that makes a question of a follow-up.
pub(super) fn condense(prompts: &Prompts, request: &TurnRequest, max_output_tokens: u32) -> ChatRequest {
    let conversation = memory::transcript(&request.history);
    let message = harmless(&request.message);
    let text = prompts.get(Purpose::Condense).render(|name| match name {
        "conversation" => Some(conversation.as_str()),
        "message" => Some(message.as_str()),
        _ => None,
    });
    ChatRequest {
        messages: vec![ChatMessage::User(text)],
        tools: Vec::new(),
        form: Some(memory::form()),
        max_output_tokens,
    }
}

fn day(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d").to_string()
}

/// What a page says of itself, as one short line without quotation marks.
fn one_line(text: &str) -> String {
    harmless(text).chars().map(|c| if matches!(c, '"' | '\n') { ' ' } else { c }).take(PAGE_CHARS).collect()
}
