//! Answers on their way out: sources, quick replies, kinds and outcomes.

use crate::domain::conversation::{AnswerKind, Citation, Outcome, QuickReply};
use crate::protocol::message as wire;
use crate::protocol::run::{RunKind, RunOutcome};

/// A source.
pub fn citation(citation: &Citation) -> wire::Citation {
    wire::Citation {
        number: citation.number,
        source_id: citation.article.to_string(),
        title: citation.title.clone(),
        url: (!citation.url.is_empty()).then(|| citation.url.clone()),
        snippet: citation.snippet.clone(),
        kind: "article".to_owned(),
    }
}

/// A quick reply.
pub fn quick_reply(reply: &QuickReply) -> wire::QuickReply {
    wire::QuickReply { id: reply.id.clone(), text: reply.text.clone() }
}

/// A kind of answer.
pub fn run_kind(kind: AnswerKind) -> RunKind {
    match kind {
        AnswerKind::CustomAnswer => RunKind::CustomAnswer,
        AnswerKind::Knowledge => RunKind::Knowledge,
        AnswerKind::Chips => RunKind::Chips,
        AnswerKind::NoAnswer => RunKind::NoAnswer,
        AnswerKind::Handover => RunKind::Handover,
        AnswerKind::Automation => RunKind::Automation,
    }
}

/// How a run ended.
pub fn run_outcome(outcome: Outcome) -> RunOutcome {
    match outcome {
        Outcome::Completed => RunOutcome::Completed,
        Outcome::Cancelled => RunOutcome::Cancelled,
        Outcome::Interrupted => RunOutcome::Interrupted,
        Outcome::Failed => RunOutcome::Failed,
    }
}

/// Why a message ends, by the outcome of its run.
pub fn finish_reason(outcome: Outcome) -> wire::FinishReason {
    match outcome {
        Outcome::Completed => wire::FinishReason::Complete,
        Outcome::Cancelled => wire::FinishReason::Cancelled,
        Outcome::Interrupted | Outcome::Failed => wire::FinishReason::Interrupted,
    }
}
