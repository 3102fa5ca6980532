//! One score from words and meaning.

use super::wording::Wording;

/// What each signal counts; they add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    words: f32,
    meaning: f32,
    coverage: f32,
    title: f32,
    nearness: f32,
}

impl Weights {
    /// Beside an embedder that makes texts of words, such as the static one.
    ///
    /// Chosen on scifact, stackfaq and xquad-en together (`docent eval retrieval --mode
    /// hybrid`), and flat around these values. They rank better than a share of the
    /// best lexical score of each question: with the most that any passage could have,
    /// words that fit badly count little.
    pub const OF_WORDS: Self = Self { words: 0.286, meaning: 0.371, coverage: 0.171, title: 0.143, nearness: 0.029 };

    /// Beside an embedder that reads whole sentences: what single words say is in its
    /// vectors already. Chosen on stackfaq and scifact with MiniLM, between which a
    /// heavier `words` moves .02 of nDCG@10.
    pub const OF_SENTENCES: Self = Self { words: 0.35, meaning: 0.6, coverage: 0.05, title: 0.0, nearness: 0.0 };
}

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
    /// The fused score, 0 to 1. No signal lowers it.
    pub fn fused(self, weights: Weights) -> f32 {
        let Wording { coverage, title, nearness, .. } = self.wording;
        weights.words * self.words.clamp(0.0, 1.0)
            + weights.meaning * self.meaning.clamp(0.0, 1.0)
            + weights.coverage * coverage.clamp(0.0, 1.0)
            + weights.title * title.clamp(0.0, 1.0)
            + weights.nearness * nearness.clamp(0.0, 1.0)
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
            of_words in any::<bool>(),
        ) {
            let fused = |[words, meaning, coverage, title, nearness]: [f32; 5]| {
                Signals { words, meaning, wording: Wording { coverage, title, nearness, title_words: 0 } }
                    .fused(if of_words { Weights::OF_WORDS } else { Weights::OF_SENTENCES })
            };
            let larger = std::array::from_fn(|at| values[at] + more[at]);
            prop_assert!((0.0..=1.0 + 1e-6).contains(&fused(values)));
            prop_assert!(fused(larger) >= fused(values));
        }
    }
}
