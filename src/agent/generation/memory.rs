//! What was said before, and whether a message can be understood without it.

use serde::Deserialize;
use serde_json::json;

use crate::agent::turn_request::{Said, TurnRequest};
use crate::domain::conversation::Role;
use crate::ports::chat_model::{AnswerForm, ChatMessage};
use crate::text::analysis::Analyzer;
use crate::text::language::Language;

/// Characters of one message that are remembered.
const MESSAGE_CHARS: usize = 1_500;
/// Words of a message that is too short to stand alone, without stopwords.
const FEW_WORDS: usize = 2;
/// Characters of a question that a model made of a follow-up.
const QUESTION_CHARS: usize = 500;

/// Words that point at something said before.
const POINTERS: &[&str] = &[
    "it", "its", "that", "this", "those", "these", "they", "them", "there", "he", "she", "one", "ones", "same",
    "other", "instead", "else", "er", "sie", "es", "das", "dies", "dort", "davon", "damit", "dafür", "andere",
    "anderen", "ça", "cela", "celui", "celle", "ceux", "eso", "esto", "ese", "esa", "ello", "isso", "quello", "questo",
    "dat", "dit", "それ", "これ", "那", "这", "它",
];

/// Words that a message begins with which goes on from the one before.
const CONNECTIVES: &[&str] = &[
    "and",
    "but",
    "or",
    "so",
    "then",
    "also",
    "what about",
    "how about",
    "und",
    "aber",
    "oder",
    "dann",
    "auch",
    "was ist mit",
    "et",
    "mais",
    "ou",
    "alors",
    "y",
    "pero",
    "o",
    "e",
    "ma",
    "en",
    "maar",
];

/// Whether `message` depends on what was said before.
pub(super) fn depends_on_before(message: &str, language: Language) -> bool {
    let lower = message.to_lowercase();
    let lower = lower.trim();
    let begins = CONNECTIVES.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| rest.chars().next().is_none_or(|c| !c.is_alphanumeric()))
    });
    let mut points = false;
    let mut words = 0;
    Analyzer::of(language).visit(message, |term| {
        words += usize::from(!term.stopword);
    });
    for word in lower.split(|c: char| !c.is_alphanumeric() && c != '\'') {
        points |= POINTERS.contains(&word.split('\'').next().unwrap_or_default());
    }
    begins || points || words <= FEW_WORDS
}

/// What was said, for a model; each message cut to a bound, the newest last.
pub(super) fn messages(history: &[Said]) -> impl Iterator<Item = ChatMessage> {
    history.iter().map(|said| {
        let text: String = said.text.chars().take(MESSAGE_CHARS).collect();
        match said.role {
            Role::User => ChatMessage::User(text),
            Role::Agent => ChatMessage::Assistant { text, calls: Vec::new() },
        }
    })
}

/// Everything that the user has said.
pub(super) fn said_by_user(request: &TurnRequest) -> String {
    let before = request.history.iter().filter(|said| said.role == Role::User).map(|said| said.text.as_str());
    before.chain([request.message.as_str()]).collect::<Vec<_>>().join("\n")
}

/// The conversation as a text that a prompt quotes.
pub(super) fn transcript(history: &[Said]) -> String {
    let lines = history.iter().map(|said| {
        let who = match said.role {
            Role::User => "User",
            Role::Agent => "Assistant",
        };
        let text: String = said.text.chars().take(MESSAGE_CHARS).collect();
        format!("{who}: {}", super::evidence::harmless(&text))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a model makes of a follow-up, when it can be held to a form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standalone {
    question: String,
}

/// The form in which a model gives the question that it made of a follow-up.
pub(super) fn form() -> AnswerForm {
    let properties = json!({ "question": { "type": "string" } });
    let schema =
        json!({ "type": "object", "properties": properties, "required": ["question"], "additionalProperties": false });
    AnswerForm { name: "question", schema }
}

/// The question that a model made of a follow-up, in its form or as it is, when it is
/// one line of a question's length.
pub(super) fn question(written: &str) -> Option<String> {
    let formed = serde_json::from_str(written.trim()).ok().map(|Standalone { question }| question);
    let question = formed.as_deref().unwrap_or(written).trim().trim_matches('"').trim();
    let is_text = !question.is_empty() && !question.starts_with(['{', '[']) && !question.contains('\n');
    let is_one = is_text && question.chars().count() <= QUESTION_CHARS;
    is_one.then(|| super::evidence::harmless(question))
}

/// A follow-up with the question before it, for a search without a model's help.
pub(super) fn joined(history: &[Said], message: &str) -> Option<String> {
    let before = history.iter().rev().find(|said| said.role == Role::User)?;
    Some(format!("{} {message}", before.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follow_ups_are_told_from_questions() {
        for (message, expected) in [
            ("and for teams?", true),
            ("How do I delete it?", true),
            ("What about annual plans?", true),
            ("why?", true),
            ("How do I export my invoices as CSV?", false),
            ("Where can I invite colleagues to the workspace?", false),
        ] {
            assert_eq!(depends_on_before(message, Language::ENGLISH), expected, "{message}");
        }
    }

    #[test]
    fn only_a_line_is_taken_for_a_question() {
        assert_eq!(question(" \"How do I export invoices?\" \n").as_deref(), Some("How do I export invoices?"));
        assert_eq!(question("{\"question\": \"How?\"}\n").as_deref(), Some("How?"));
        for broken in
            ["{\"question\": 1}", "{\"question\": \"How", "{\"question\": \"a\\nb\"}", "{\"answer\": \"No\"}", "[1]"]
        {
            assert_eq!(question(broken), None, "{broken}");
        }
        assert_eq!(question("Sure!\nHere it is"), None);
        assert_eq!(question(&"x".repeat(501)), None);
    }
}
