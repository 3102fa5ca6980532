//! One score from words and meaning.

use super::wording::Wording;

/// What each signal counts; those of the score add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    words: f32,
    meaning: f32,
    text: f32,
    heading: f32,
    point: f32,
    coverage: f32,
    title: f32,
    nearness: f32,
    /// The share of the score that the lead of a title makes, where titles say what texts
    /// do not.
    lead: f32,
}

impl Weights {
    /// Beside an embedder that makes texts of words, such as the static one.
    ///
    /// Chosen on scifact, stackfaq and xquad-en together (`docent eval retrieval --mode
    /// hybrid`), and flat around these values. They rank better than a share of the
    /// best lexical score of each question: with the most that any passage could have,
    /// words that fit badly count little.
    pub const OF_WORDS: Self =
        Self { words: 0.286, meaning: 0.371, coverage: 0.171, title: 0.143, nearness: 0.029, ..Self::NONE };

    /// Beside an embedder that reads whole sentences: what single words say is in its
    /// vectors already, and the one sentence that says what is asked tells more than
    /// the mean of many. Chosen on stackfaq, scifact and xquad-en with MiniLM.
    pub const OF_SENTENCES: Self =
        Self { words: 0.42, text: 0.22, heading: 0.1, point: 0.26, lead: 0.08, ..Self::NONE };

    const NONE: Self = Self {
        words: 0.0,
        meaning: 0.0,
        text: 0.0,
        heading: 0.0,
        point: 0.0,
        coverage: 0.0,
        title: 0.0,
        nearness: 0.0,
        lead: 0.0,
    };

    /// For passages whose headings have this mean cosine with their texts. A title that only
    /// repeats its text is no second witness (scifact: .70 with MiniLM), one that asks
    /// what the text answers is the better one (stackfaq: .53).
    pub fn for_repetition(self, repetition: f32) -> Self {
        Self { lead: self.lead * ((0.65 - repetition) / 0.1).clamp(0.0, 1.0), ..self }
    }

    /// Whether single excerpts count.
    pub fn reads_excerpts(&self) -> bool {
        self.point > 0.0
    }
}

/// What is known of a passage and a question; each from 0 to 1, what lies outside is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signals {
    /// The lexical score over the most that a passage could have.
    pub words: f32,
    /// The cosine of the text.
    pub text: f32,
    /// The cosine of the headings.
    pub heading: f32,
    /// The largest cosine of an excerpt.
    pub excerpt: f32,
    /// What the words say one by one.
    pub wording: Wording,
    /// See [`lead`].
    pub lead: f32,
}

/// How far headings of `words` words are ahead of those of other passages: 1 when none
/// has a larger cosine with the question than `nearest`, and e times less for each eighth
/// that this one's is smaller. Bare names, of two words at most, are never ahead.
pub fn lead(cosine: f32, nearest: f32, words: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "headings have far fewer than 2^24 words")]
    let says = ((words as f32 - 2.0) / 3.0).clamp(0.0, 1.0);
    says * (8.0 * (cosine - nearest).min(0.0)).exp()
}

impl Signals {
    /// The fused score, 0 to 1. No signal lowers it.
    pub fn fused(self, weights: Weights) -> f32 {
        let Wording { coverage, title, nearness, .. } = self.wording;
        let alone = weights.words * self.words.clamp(0.0, 1.0)
            + weights.meaning * self.heading.max(self.text).clamp(0.0, 1.0)
            + weights.text * self.text.clamp(0.0, 1.0)
            + weights.heading * self.heading.clamp(0.0, 1.0)
            + weights.point * self.heading.max(self.excerpt).clamp(0.0, 1.0)
            + weights.coverage * coverage.clamp(0.0, 1.0)
            + weights.title * title.clamp(0.0, 1.0)
            + weights.nearness * nearness.clamp(0.0, 1.0);
        (1.0 - weights.lead) * alone + weights.lead * self.lead.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_title_leads_where_it_says_what_its_text_does_not() {
        let (asks, repeats) = (Weights::OF_SENTENCES.for_repetition(0.5), Weights::OF_SENTENCES.for_repetition(0.7));
        let near = |words| Signals { heading: 0.6, text: 0.3, lead: lead(0.6, 0.6, words), ..Signals::default() };
        let far = Signals { heading: 0.5, text: 0.5, lead: lead(0.5, 0.6, 8), ..Signals::default() };
        assert!(near(8).fused(asks) > far.fused(asks));
        assert!(near(8).fused(repeats) < far.fused(repeats));
        assert!(near(1).fused(asks) < far.fused(asks), "a bare name says nothing");
    }

    proptest! {
        #[test]
        fn the_score_is_bounded_and_grows_with_each_signal(
            values in prop::array::uniform8(-0.5_f32..1.5),
            more in prop::array::uniform8(0.0_f32..1.0),
            of_words in any::<bool>(),
        ) {
            let fused = |[words, text, heading, excerpt, coverage, title, nearness, lead]: [f32; 8]| {
                let wording = Wording { coverage, title, nearness, title_words: 0 };
                Signals { words, text, heading, excerpt, wording, lead }
                    .fused(if of_words { Weights::OF_WORDS } else { Weights::OF_SENTENCES })
            };
            let larger = std::array::from_fn(|at| values[at] + more[at]);
            prop_assert!((0.0..=1.0 + 1e-6).contains(&fused(values)));
            prop_assert!(fused(larger) >= fused(values));
        }
    }
}
