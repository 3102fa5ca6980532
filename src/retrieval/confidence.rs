//! How likely the knowledge holds the answer to a question.

/// From this confidence on a question is answered.
pub const ANSWER_THRESHOLD: f32 = 0.5;

/// What the confidence rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the question's content words in the best passage, by their weight.
    pub coverage: f32,
    /// The same for the best passage by coverage among the first few.
    pub best_coverage: f32,
    /// Cosine of the best passage; absent without the semantic side.
    pub cosine: Option<f32>,
}

/// A probability-like figure, 0 to 1.
pub fn confidence(evidence: Evidence) -> f32 {
    let z = match evidence.cosine {
        Some(cosine) => -5.0 + 3.0 * evidence.coverage + 6.0 * cosine,
        None => -3.0 + 5.0 * evidence.coverage,
    };
    1.0 / (1.0 + (-z).exp())
}
