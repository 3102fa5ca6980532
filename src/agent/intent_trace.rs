//! The matcher's decision, as a trace shows it.

use super::trace::{CandidateTrace, CheckTrace, IntentTrace, SemanticTrace};
use crate::intent::matcher::{Decision, Outcome};

/// The trace of `decision`; `reason` says why meanings were not compared.
pub(super) fn of(decision: &Decision, reason: Option<String>) -> IntentTrace {
    IntentTrace {
        outcome: match decision.outcome {
            Outcome::Matched(_) => "matched",
            Outcome::NearTie(_) => "near_tie",
            Outcome::Abstained => "abstained",
        },
        threshold: decision.threshold,
        margin: decision.margin,
        min_margin: decision.min_margin,
        semantic: SemanticTrace { used: reason.is_none(), reason },
        candidates: decision
            .candidates
            .iter()
            .map(|candidate| CandidateTrace {
                answer_id: candidate.answer.id.to_string(),
                phrase: candidate.phrase.clone(),
                exact: candidate.exact,
                score: candidate.score,
                lexical: candidate.lexical,
                semantic: candidate.semantic,
                gates: candidate
                    .gates
                    .iter()
                    .map(|gate| CheckTrace { name: gate.name, passed: gate.passed, detail: gate.detail.clone() })
                    .collect(),
            })
            .collect(),
    }
}
