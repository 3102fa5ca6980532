//! How likely the knowledge holds the answer to a question.
//!
//! A BM25 score alone cannot tell: it grows with the length of the question,
//! and a question on the same topic scores well without an answer. So shares
//! are taken, which mean the same for every question, and put together by a
//! logistic function. Its weights were chosen on scifact, stackfaq and xquad-en, from
//! each of which half of the documents were taken out (in stackfaq the answers of
//! half the threads; `docent eval noanswer`). A title that says what is asked is the
//! strongest sign in a collection of questions and answers, and no sign at all where
//! titles are bare names, so it counts by how much it says.

use super::lexical::LexicalScores;
use super::query::Question;
use super::search::ScoredPassage;

/// From this confidence on a question is answered.
///
/// On the sets above 81 to 95 of 100 questions with an answer pass it, and 13 to
/// 44 of 100 without one, which are all on the topic of the documents.
pub const ANSWER_THRESHOLD: f32 = 0.45;

/// How many of the best passages the evidence looks at, whatever the caller asked for.
pub(super) const EVIDENCE_PASSAGES: usize = 10;

/// What the question's names count. Set by hand: the data sets have hardly any.
const NAMES: f32 = 1.5;

/// What the confidence rests on; each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the question's words that the best passage has, by how much they say.
    pub coverage: f32,
    /// The lexical score of the best passage over the most that a passage could have.
    pub strength: f32,
    /// The cosine of the best passage; absent without the semantic side.
    pub cosine: Option<f32>,
    /// The fused score of the best passage.
    pub fused: f32,
    /// How far the fused score of the best passage lies above the first one of
    /// another title: one subject stands out, rather than many being near.
    pub margin: f32,
    /// How much the title and headings of the best passage say what is asked.
    pub title: f32,
    /// Whether the best passage has the names that the question uses, such as
    /// `user_id`: 1 with all of them, -1 with none, 0 without names.
    pub names: f32,
}

impl Evidence {
    /// The evidence of the best passages with their slots. `documents` is the
    /// number of passages that the words were weighed by.
    pub(super) fn of(
        passages: &[(usize, ScoredPassage)],
        question: &Question,
        lexical: &LexicalScores,
        documents: usize,
    ) -> Self {
        let Some((slot, best)) = passages.first() else { return Self::default() };
        let weights = question.word_weights(&lexical.idf, documents);
        let total: f32 = weights.iter().sum();
        let covered = weights.iter().enumerate().filter(|(word, _)| lexical.matched[*slot] >> word & 1 == 1);
        let most: f32 = question.terms.iter().map(|term| term.weight * weights[term.word]).sum();
        let title = &best.passage.article.title;
        let other = passages.iter().find(|(_, other)| other.passage.article.title != *title);
        Self {
            coverage: share(covered.map(|(_, weight)| weight).sum(), total),
            strength: share(best.lexical, most),
            cosine: best.semantic.map(|cosine| cosine.clamp(0.0, 1.0)),
            fused: best.fused,
            margin: best.fused - other.map_or(0.0, |(_, other)| other.fused),
            title: title_evidence(best),
            names: names(question, lexical.matched[*slot]),
        }
    }

    /// The probability, on questions of which half have an answer, that this one has.
    /// `doubt` is what the semantic side must outweigh; see [`Weights::doubt`].
    ///
    /// [`Weights::doubt`]: super::fusion::Weights::doubt
    pub fn confidence(&self, doubt: f32) -> f32 {
        let Self { coverage, strength, cosine, fused, margin, title, names } = *self;
        let log_odds = match cosine {
            Some(_) => -doubt + 4.7 * fused + 3.5 * margin + 4.7 * title,
            None => -4.0 + 1.8 * coverage + 7.3 * strength + 2.4 * margin,
        };
        1.0 / (1.0 + (-log_odds - NAMES * names).exp())
    }
}

fn names(question: &Question, matched: u64) -> f32 {
    let (mut found, mut all) = (0.0, 0.0);
    for (word, _) in question.words.iter().enumerate().filter(|(_, word)| word.is_name()) {
        all += 1.0;
        found += if matched >> (word % 64) & 1 == 1 { 1.0 } else { 0.0 };
    }
    if all > 0.0 { 2.0 * found / all - 1.0 } else { 0.0 }
}

/// The title's words and meaning together; nothing for a title of two words, and
/// in full from four on.
fn title_evidence(best: &ScoredPassage) -> f32 {
    let wording = best.wording.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a title has far fewer than 2^24 words")]
    let says = ((wording.title_words as f32 - 2.0) / 2.0).clamp(0.0, 1.0);
    wording.title * best.semantic.unwrap_or(0.0).clamp(0.0, 1.0) * says
}

fn share(part: f32, whole: f32) -> f32 {
    // An empty sum is -0.0; adding 0 makes it plain.
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) + 0.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieval::fusion::Weights;
    use proptest::prelude::*;

    const DOUBT: f32 = Weights::OF_WORDS.doubt;

    #[test]
    fn nothing_found_is_no_answer_and_all_found_is_one() {
        assert!(Evidence::default().confidence(DOUBT) < 0.05);
        for cosine in [None, Some(0.8)] {
            let all =
                Evidence { coverage: 1.0, strength: 0.8, cosine, fused: 0.9, margin: 0.4, title: 0.5, names: 0.0 };
            assert!(all.confidence(DOUBT) > 0.9, "{cosine:?}");
        }
    }

    proptest! {
        #[test]
        fn more_evidence_never_lowers_the_confidence(
            values in prop::array::uniform6(0.0_f32..1.0),
            more in prop::array::uniform6(0.0_f32..1.0),
            semantic in any::<bool>(),
        ) {
            let evidence = |values: [f32; 6]| {
                let [coverage, strength, cosine, fused, margin, title] = values;
                Evidence { coverage, strength, cosine: semantic.then_some(cosine), fused, margin, title, names: 0.0 }
            };
            let larger = std::array::from_fn(|at| values[at].max(more[at]));
            let (low, high) = (evidence(values).confidence(DOUBT), evidence(larger).confidence(DOUBT));
            prop_assert!(low <= high && (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
        }
    }
}
