//! One score from words and meaning.

use super::wording::Wording;

/// What each signal counts; their sum is 1.
///
/// Chosen on scifact, stackfaq and xquad-en together with the static embedder
/// (`docent eval retrieval --mode hybrid`), and flat around these values. They rank
/// better than a share of the best lexical score of each question: with the most
/// that any passage could have, words that fit badly count little.
const WORDS: f32 = 0.286;
const MEANING: f32 = 0.371;
const COVERAGE: f32 = 0.171;
const TITLE: f32 = 0.143;
const NEARNESS: f32 = 0.029;

/// What is known of a passage and a question; each from 0 to 1, what lies outside is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signals {
    /// The lexical score over the most that a passage could have.
    pub words: f32,
    /// The cosine of the headings or the text, whichever is larger.
    pub meaning: f32,
    /// What the words say one by one.
    pub wording: Wording,
}

impl Signals {
    /// The fused score, 0 to 1. It grows with every signal.
    pub fn fused(self) -> f32 {
        let Wording { coverage, title, nearness, .. } = self.wording;
        WORDS * self.words.clamp(0.0, 1.0)
            + MEANING * self.meaning.clamp(0.0, 1.0)
            + COVERAGE * coverage.clamp(0.0, 1.0)
            + TITLE * title.clamp(0.0, 1.0)
            + NEARNESS * nearness.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_score_is_bounded_and_grows_with_each_signal(
            values in prop::array::uniform5(-0.5_f32..1.5),
            more in prop::array::uniform5(0.0_f32..1.0),
        ) {
            let fused = |[words, meaning, coverage, title, nearness]: [f32; 5]| {
                Signals { words, meaning, wording: Wording { coverage, title, nearness, title_words: 0 } }.fused()
            };
            let larger = std::array::from_fn(|at| values[at] + more[at]);
            prop_assert!((0.0..=1.0 + 1e-6).contains(&fused(values)));
            prop_assert!(fused(larger) >= fused(values));
        }
    }
}
