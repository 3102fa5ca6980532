//! What a conversation consists of, and how a turn of the agent can end.

use super::ids::{AnswerId, ArticleId};

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user.
    User,
    /// The agent.
    Agent,
}

/// A source that an answer rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// Its number within the answer, from 1; one number per source.
    pub number: u32,
    /// The article.
    pub article: ArticleId,
    /// Its title, with the heading of the passage.
    pub title: String,
    /// Where a reader finds the passage; empty when nobody can be sent there.
    pub url: String,
    /// The beginning of the passage.
    pub snippet: String,
}

/// A page and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is called.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// A reply that the user can give with one click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickReply {
    /// Its identifier within the conversation.
    pub id: String,
    /// What is said when it is clicked.
    pub text: String,
}

/// What a quick reply stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This Custom Answer.
    Answer(AnswerId),
    /// A person takes over.
    Handover,
}

/// What stands before the Custom Answer in the identifier of a quick reply.
const ANSWER: &str = "answer:";
/// The identifier of the quick reply that asks for a person.
const HANDOVER: &str = "handover";

impl Choice {
    /// The choice that an identifier names.
    pub fn named(id: &str) -> Option<Self> {
        if id == HANDOVER {
            return Some(Self::Handover);
        }
        AnswerId::new(id.strip_prefix(ANSWER)?).ok().map(Self::Answer)
    }

    /// Names it within one turn.
    pub fn name(&self) -> String {
        match self {
            Self::Answer(answer) => format!("{ANSWER}{answer}"),
            Self::Handover => HANDOVER.to_owned(),
        }
    }
}

/// What kind of answer a turn gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// An author's own words.
    CustomAnswer,
    /// From articles, with citations.
    Knowledge,
    /// A question back: which of these was meant.
    Chips,
    /// The knowledge does not hold it.
    NoAnswer,
    /// A person takes over.
    Handover,
    /// An automation is offered in place of an answer.
    Automation,
}

impl AnswerKind {
    /// The name on the wire and in eval files, such as `custom_answer`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomAnswer => "custom_answer",
            Self::Knowledge => "knowledge",
            Self::Chips => "chips",
            Self::NoAnswer => "no_answer",
            Self::Handover => "handover",
            Self::Automation => "automation",
        }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It said what it had to say.
    Completed,
    /// The user stopped it.
    Cancelled,
    /// It broke off in the middle.
    Interrupted,
    /// It could not answer.
    Failed,
}

/// Why a person takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverReason {
    /// The user asked for a person.
    CustomerRequest,
    /// The knowledge does not hold the answer.
    MissingKnowledge,
    /// The agent cannot do what is asked.
    Unsupported,
    /// The agent may not do what is asked.
    Policy,
    /// What should have helped failed.
    ToolFailure,
    /// A question back was not answered well enough.
    PendingClarification,
    /// No more may be spent on the user or the project today.
    UsageLimit,
}

impl HandoverReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::CustomerRequest,
        Self::MissingKnowledge,
        Self::Unsupported,
        Self::Policy,
        Self::ToolFailure,
        Self::PendingClarification,
        Self::UsageLimit,
    ];

    /// Those that a model may give; the others are found out by rule.
    pub const OF_A_MODEL: [Self; 5] =
        [Self::CustomerRequest, Self::MissingKnowledge, Self::Unsupported, Self::Policy, Self::PendingClarification];

    /// The code on the wire, such as `customer_request`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customer_request",
            Self::MissingKnowledge => "missing_knowledge",
            Self::Unsupported => "unsupported",
            Self::Policy => "policy",
            Self::ToolFailure => "tool_failure",
            Self::PendingClarification => "pending_clarification",
            Self::UsageLimit => "usage_limit",
        }
    }
}
