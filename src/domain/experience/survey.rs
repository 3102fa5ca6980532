//! Questions of surveys, and what follows from their answers.

use crate::domain::action::Action;
use crate::domain::attribute::Template;
use crate::domain::condition::Comparison;

/// A question of a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What kind of answer it takes.
    pub kind: QuestionKind,
    /// The question.
    pub text: Template,
    /// Whether it may be left unanswered.
    pub optional: bool,
}

/// The five kinds of question.
#[derive(Clone, Debug, PartialEq)]
pub enum QuestionKind {
    /// 0 to 10.
    Nps,
    /// 1 to this number.
    Rating(u8),
    /// One of these options.
    Single(Vec<String>),
    /// Any of these options.
    Multi(Vec<String>),
    /// Free text.
    Text,
}

/// A rule on the answer of a survey's step.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyCondition {
    /// How the answer compares.
    pub answer: Comparison,
    /// What is done then.
    pub then: Vec<Action>,
}
