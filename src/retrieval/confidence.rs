//! How likely the knowledge holds the answer to a question.
//!
//! A BM25 score alone cannot tell: it grows with the length of the question,
//! and a question on the same topic scores well without an answer. So shares
//! are taken, which mean the same for every question, and put together by a
//! logistic function. Its weights were fitted to scifact, stackfaq and xquad-en, from
//! each of which half of the documents were taken out (in stackfaq the answers of
//! half the threads; `docent eval noanswer`).
//!
//! What is evidence depends on how the knowledge is written. Where titles ask, as in
//! a list of frequent questions, a title that asks the same is the best sign, and the
//! answer below it need not repeat the words. Where titles are bare names, an answer has
//! the words of the question. Where they state what their texts are about, both count.

use super::lexical::LexicalScores;
use super::query::Question;
use super::search::ScoredPassage;

/// From this confidence on a question is answered.
///
/// On the sets above 56 to 93 of 100 questions with an answer pass it, and 10 to
/// 33 of 100 without one, which are all on the topic of the documents.
pub const ANSWER_THRESHOLD: f32 = 0.45;

/// How many of the best passages the evidence looks at, whatever the caller asked for.
pub(super) const EVIDENCE_PASSAGES: usize = 10;

/// What the question's names count beside their share of the coverage. Set by hand: of the
/// data sets only scifact has many, where 0 is best (with the weights of bare names AUROC
/// .698 at 1.5, .724 at 0.5).
const NAMES: f32 = 0.5;

/// As many passages as the smallest collection has that the weights were fitted to.
const CROWD: f32 = 100.0;
/// Share of the passages under a question from which on all are judged like answers.
const ASKING: f32 = 0.4;
/// What the evidence of titles counts where all of them state, beside that of the words:
/// less with the cosine of a sentence, to which names and numbers mean little.
const STATING_WORDS: f32 = 0.5;
const STATING_SENTENCES: f32 = 0.25;

/// What each piece of evidence adds to the log odds of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Log odds against an answer before anything of a passage is known.
    doubt: f32,
    coverage: f32,
    strength: f32,
    cosine: f32,
    fused: f32,
    margin: f32,
    title: f32,
}

/// How the headings of a project are written; shares of its passages, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Headings {
    /// Those under a question.
    pub asking: f32,
    /// Those under more than a name: none for two words, one in full from four on.
    pub telling: f32,
}

impl Headings {
    /// What the evidence of titles counts, 0 to 1.
    fn weight(self, stating: f32) -> f32 {
        (self.asking / ASKING).max(stating * self.telling).clamp(0.0, 1.0)
    }
}

impl Belief {
    /// Beside an embedder that makes texts of words, where titles ask. So much doubt that
    /// 86 of 100 questions of stackfaq that have an answer are answered.
    const OF_WORDS_ASKED: Self = Self { doubt: 4.1, cosine: 2.0, fused: 3.0, margin: 3.5, title: 6.0, ..Self::NONE };
    /// The same where titles are bare names.
    const OF_WORDS_COVERED: Self = Self { doubt: 5.0, coverage: 5.2, fused: 2.3, margin: 3.5, ..Self::NONE };
    /// Beside an embedder that reads whole sentences, where titles ask.
    const OF_SENTENCES_ASKED: Self = Self { doubt: 11.0, cosine: 12.0, fused: 5.0, margin: 5.5, ..Self::NONE };
    /// The same where titles are bare names.
    const OF_SENTENCES_COVERED: Self = Self { doubt: 4.6, ..Self::OF_WORDS_COVERED };
    /// Without an embedder.
    const OF_WORDS_ALONE: Self = Self { doubt: 4.0, coverage: 1.8, strength: 7.3, margin: 2.4, ..Self::NONE };
    const NONE: Self =
        Self { doubt: 0.0, coverage: 0.0, strength: 0.0, cosine: 0.0, fused: 0.0, margin: 0.0, title: 0.0 };

    /// Under such headings. `of_words` tells whether the embedder makes texts of words,
    /// or reads sentences.
    pub fn of(headings: Headings, of_words: bool) -> Self {
        let (covered, asked, stating) = if of_words {
            (Self::OF_WORDS_COVERED, Self::OF_WORDS_ASKED, STATING_WORDS)
        } else {
            (Self::OF_SENTENCES_COVERED, Self::OF_SENTENCES_ASKED, STATING_SENTENCES)
        };
        let weight = headings.weight(stating);
        let between = |of: fn(Self) -> f32| of(covered) + weight * (of(asked) - of(covered));
        Self {
            doubt: between(|belief| belief.doubt),
            coverage: between(|belief| belief.coverage),
            strength: between(|belief| belief.strength),
            cosine: between(|belief| belief.cosine),
            fused: between(|belief| belief.fused),
            margin: between(|belief| belief.margin),
            title: between(|belief| belief.title),
        }
    }
}

/// Whether a heading is a question.
pub(super) fn asks(heading: &str) -> bool {
    heading.trim_end().ends_with(['?', '\u{ff1f}', '\u{61f}'])
}

/// What the confidence rests on; each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the question's words that the best passage has, by how much they say;
    /// one that is near in meaning counts by its likeness.
    pub coverage: f32,
    /// The lexical score of the best passage over the most that a passage could have.
    pub strength: f32,
    /// The cosine of the best passage; absent without the semantic side.
    pub cosine: Option<f32>,
    /// The fused score of the best passage.
    pub fused: f32,
    /// How far the fused score of the best passage lies above the first one of
    /// another title: one subject stands out, rather than many being near. Less where
    /// there are few passages, of which none could be near.
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
        let covered = share(covered.map(|(_, weight)| weight).sum(), total);
        let title = &best.passage.article.title;
        let other = passages.iter().find(|(_, other)| other.passage.article.title != *title);
        Self {
            coverage: best.wording.map_or(covered, |wording| wording.coverage.clamp(0.0, 1.0)),
            strength: share(best.lexical, most),
            cosine: best.semantic.map(|cosine| cosine.clamp(0.0, 1.0)),
            fused: best.fused,
            margin: (best.fused - other.map_or(0.0, |(_, other)| other.fused)) * crowd(documents),
            title: title_evidence(best),
            names: names(question, lexical.matched[*slot]),
        }
    }

    /// The probability, on questions of which half have an answer, that this one has.
    pub fn confidence(&self, belief: &Belief) -> f32 {
        let belief = if self.cosine.is_some() { belief } else { &Belief::OF_WORDS_ALONE };
        let log_odds = belief.coverage * self.coverage
            + belief.strength * self.strength
            + belief.cosine * self.cosine.unwrap_or_default()
            + belief.fused * self.fused
            + belief.margin * self.margin
            + belief.title * self.title
            + NAMES * self.names
            - belief.doubt;
        1.0 / (1.0 + (-log_odds).exp())
    }
}

/// How much it says to stand out among so many passages, by their logarithm: nothing for
/// one, all from [`CROWD`] on.
fn crowd(passages: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a corpus has far fewer than 2^24 passages")]
    let share = (passages.max(1) as f32).ln() / CROWD.ln();
    share.min(1.0)
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
    wording.title * best.semantic.unwrap_or(0.0).clamp(0.0, 1.0) * tells(wording.title_words)
}

/// How much headings of so many words tell of their text, beyond a name.
pub(super) fn tells(words: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "headings have far fewer than 2^24 words")]
    let words = words as f32;
    ((words - 2.0) / 2.0).clamp(0.0, 1.0)
}

fn share(part: f32, whole: f32) -> f32 {
    // An empty sum is -0.0; adding 0 makes it plain.
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) + 0.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_found_is_no_answer_and_all_found_is_one() {
        for (asking, of_words) in [(0.0, true), (1.0, true), (0.0, false), (1.0, false), (0.2, false)] {
            let belief = Belief::of(Headings { asking, telling: 0.5 }, of_words);
            assert!(Evidence::default().confidence(&belief) < 0.05);
            for cosine in [None, Some(0.8)] {
                let all =
                    Evidence { coverage: 1.0, strength: 0.8, cosine, fused: 0.9, margin: 0.4, title: 0.5, names: 0.0 };
                assert!(all.confidence(&belief) > 0.9, "{cosine:?} {asking} {of_words}");
            }
        }
    }

    #[test]
    fn a_title_that_asks_the_same_is_enough_where_titles_ask() {
        let same =
            Evidence { coverage: 0.25, cosine: Some(0.8), fused: 0.6, margin: 0.2, title: 0.4, ..Evidence::default() };
        for of_words in [true, false] {
            assert!(same.confidence(&Belief::of(Headings { asking: 0.6, telling: 1.0 }, of_words)) > ANSWER_THRESHOLD);
            assert!(same.confidence(&Belief::of(Headings { asking: 0.1, telling: 0.0 }, of_words)) < ANSWER_THRESHOLD);
        }
        assert!(
            asks("How do I export? ") && asks("\u{5982}\u{4f55}\u{5bfc}\u{51fa}\u{ff1f}") && !asks("How to export")
        );
    }

    proptest! {
        #[test]
        fn more_evidence_never_lowers_the_confidence(
            values in prop::array::uniform6(0.0_f32..1.0),
            more in prop::array::uniform6(0.0_f32..1.0),
            semantic in any::<bool>(),
            asking in 0.0_f32..1.0,
            telling in 0.0_f32..1.0,
            of_words in any::<bool>(),
        ) {
            let belief = Belief::of(Headings { asking, telling }, of_words);
            let evidence = |values: [f32; 6]| {
                let [coverage, strength, cosine, fused, margin, title] = values;
                Evidence { coverage, strength, cosine: semantic.then_some(cosine), fused, margin, title, names: 0.0 }
            };
            let larger = std::array::from_fn(|at| values[at].max(more[at]));
            let (low, high) = (evidence(values).confidence(&belief), evidence(larger).confidence(&belief));
            prop_assert!(low <= high && (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
        }
    }
}
