//! Custom Answers: what an author wants said to a question, word for word.

use super::action::Action;
use super::condition::Audience;
use super::ids::AnswerId;
use super::locale::Locale;

/// A verbatim answer with the phrasings it answers and the actions it offers.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomAnswer {
    /// Its identifier.
    pub id: AnswerId,
    /// Phrasings of the question; at least one.
    pub phrases: Vec<String>,
    /// Phrasings that look alike and must not match.
    pub not: Vec<String>,
    /// Who may get it; everyone when absent.
    pub audience: Option<Audience>,
    /// The language of its phrases, when its author says so.
    pub locale: Option<Locale>,
    /// What it offers, in the author's order.
    pub actions: Vec<Action>,
    /// The answer, in Markdown.
    pub body: String,
}
