//! What the search found, as a trace shows it.

use super::trace::{ConfidenceTrace, PassageTrace, RetrievalTrace, SemanticTrace};
use crate::retrieval::index::SearchResult;

/// Characters of a passage that a trace shows.
const TEXT_CHARS: usize = 240;

/// The trace of `found`.
pub(super) fn of(found: &SearchResult) -> RetrievalTrace {
    RetrievalTrace {
        mode: found.mode_name(),
        semantic: SemanticTrace { used: found.semantic.is_used(), reason: found.semantic.reason().map(str::to_owned) },
        confidence: ConfidenceTrace {
            value: found.confidence.value,
            threshold: found.confidence.threshold,
            reason: found.confidence.to_string(),
        },
        passages: found
            .passages
            .iter()
            .map(|scored| PassageTrace {
                article_id: scored.passage.article.id.to_string(),
                title: scored.passage.article.title.clone(),
                heading_path: scored.passage.heading_path.clone(),
                lexical: scored.lexical,
                semantic: scored.semantic,
                fused: scored.fused,
                text: scored.passage.text.chars().take(TEXT_CHARS).collect(),
            })
            .collect(),
    }
}
