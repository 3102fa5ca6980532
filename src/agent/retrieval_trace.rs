//! What the search found, as a trace shows it.

use super::trace::{
    ConfidenceTrace, CorrectionTrace, ExpansionTrace, PassageTrace, RetrievalTrace, SemanticTrace, WordingTrace,
};
use crate::retrieval::confidence::ANSWER_THRESHOLD;
use crate::retrieval::search::{SearchResult, SemanticUse};

/// Characters of a passage that a trace shows.
const TEXT_CHARS: usize = 240;

/// The trace of `found`.
pub(super) fn of(found: &SearchResult) -> RetrievalTrace {
    RetrievalTrace {
        mode: match found.semantic {
            SemanticUse::Used => "hybrid",
            SemanticUse::Skipped(_) => "lexical",
        },
        semantic: match &found.semantic {
            SemanticUse::Used => SemanticTrace { used: true, reason: None },
            SemanticUse::Skipped(reason) => SemanticTrace { used: false, reason: Some(reason.to_string()) },
        },
        corrections: found
            .corrections
            .iter()
            .map(|correction| CorrectionTrace { written: correction.written.clone(), meant: correction.meant.clone() })
            .collect(),
        expansions: found
            .expansions
            .iter()
            .map(|expansion| ExpansionTrace { written: expansion.written.clone(), meant: expansion.meant.clone() })
            .collect(),
        confidence: ConfidenceTrace { value: found.confidence, threshold: ANSWER_THRESHOLD },
        passages: found
            .passages
            .iter()
            .map(|scored| PassageTrace {
                article_id: scored.passage.article.id.to_string(),
                title: scored.passage.article.title.clone(),
                heading_path: scored.passage.heading_path.clone(),
                lexical: scored.lexical,
                semantic: scored.semantic,
                wording: scored.wording.map(|wording| WordingTrace {
                    coverage: wording.coverage,
                    title: wording.title,
                    nearness: wording.nearness,
                }),
                fused: scored.fused,
                text: scored.passage.text.chars().take(TEXT_CHARS).collect(),
            })
            .collect(),
    }
}
