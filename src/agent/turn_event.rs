//! What a turn produces, in order. The server turns it into frames and the evals
//! read it as it is, so scores measure what users get.

use std::sync::Arc;

use crate::domain::action::Action;
use crate::domain::conversation::{AnswerKind, Choice, Citation, HandoverReason, Link, Outcome, QuickReply};
use crate::domain::ids::AnswerId;
use crate::domain::locale::Locale;
use crate::domain::page::Page;
use crate::ports::chat_model::TokenUsage;

/// One event of a turn. The last one is always [`TurnEvent::Finished`], and
/// there is one [`TurnEvent::Message`] before it unless the turn failed.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnEvent {
    /// What is being done.
    Status(Phase),
    /// A source, before the first delta that cites it.
    Citation(Citation),
    /// A further piece of the answer.
    Delta {
        /// Markdown that continues the answer.
        text: String,
        /// Numbers of the citations that hold for the text up to here.
        cites: Vec<u32>,
    },
    /// The whole answer, which replaces the deltas.
    Message(AgentMessage),
    /// An action that passed its checks, in nominal order.
    Action(OfferedAction),
    /// Why everything happened, when the request asked for it.
    Trace(Arc<serde_json::Value>),
    /// The end.
    Finished(TurnFinish),
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking for passages.
    Retrieving,
    /// A model writes the answer.
    Answering,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentMessage {
    /// Markdown.
    pub text: String,
    /// Its sources by number.
    pub citations: Vec<Citation>,
    /// Replies that are one click away, each with what it stands for.
    pub quick_replies: Vec<(QuickReply, Option<Choice>)>,
}

/// An action to be offered.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedAction {
    /// The action, from the catalog.
    pub action: Action,
    /// What stands on its button.
    pub label: String,
    /// The address after its attributes were resolved and checked; navigation only.
    pub resolved_url: Option<String>,
    /// The page that its batch leads to, where a launch of the batch happens; only
    /// in a batch with a navigation.
    pub arrives_at: Option<Arc<Page>>,
    /// Where it comes from.
    pub origin: ActionOrigin,
    /// Its place in its batch, from 0.
    pub order: u32,
    /// The language of the answer it belongs to, once that is known.
    pub language: Option<Locale>,
    /// An article that serves the same question, should the action fail.
    pub instead: Option<Link>,
}

/// Where an offered action comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionOrigin {
    /// A Custom Answer.
    CustomAnswer,
    /// The agent found it fitting.
    Agent,
    /// An automation that runs.
    Automation,
}

impl From<TurnFault> for HandoverReason {
    fn from(fault: TurnFault) -> Self {
        match fault {
            TurnFault::ModelUnavailable | TurnFault::ModelTimeout => Self::ToolFailure,
            TurnFault::ContentBlocked => Self::Policy,
            TurnFault::UsageLimit => Self::UsageLimit,
        }
    }
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnFinish {
    /// What kind of answer it gave; absent when it gave none.
    pub kind: Option<AnswerKind>,
    /// The Custom Answer, when it gave one.
    pub answer: Option<AnswerId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a part that should have helped was away.
    pub degraded: bool,
    /// Why it broke off or failed.
    pub fault: Option<TurnFault>,
    /// Why a person takes over, when one does.
    pub handover: Option<HandoverReason>,
    /// What language models used, when any was asked.
    pub usage: Option<TokenUsage>,
}

/// What kept an answer from being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnFault {
    /// The language model cannot be reached, or failed.
    ModelUnavailable,
    /// The language model was too slow.
    ModelTimeout,
    /// The language model's endpoint held the content back.
    ContentBlocked,
    /// No more may be spent today.
    UsageLimit,
}
