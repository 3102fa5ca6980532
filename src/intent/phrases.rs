//! All phrases of a project's Custom Answers, ready to be compared with.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::calibration::Calibration;
use super::features::Grams;
use super::message::Message;
use super::model::{Dense, Labeled, Model, PhraseKind, Text};
use super::polarity::{FEW_PHRASES, Stance};
use super::variation::Wording;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::locale::Locale;
use crate::ports::embedder::{EmbedError, Embedder, Role, Vectors};
use crate::ports::word_vectors::WordVectors;
use crate::text::language::Language;
use crate::text::normalize::normalize;
use crate::text::stopword::Stopwords;
use crate::text::vocabulary::Vocabulary;

/// Dice coefficient from which a heading and a phrase say the same.
const SAME_SHARE: f32 = 0.6;

/// Least letters of a word that is put right: a shorter one is too often another word
/// for what fires actions.
const CORRECTED_LETTERS: usize = 5;

/// The phrases, the words in them, and what was learned from them.
#[derive(Default)]
pub struct Phrases {
    pub(super) answers: Vec<AnswerWords>,
    pub(super) phrases: Vec<Phrase>,
    /// Phrases by their normalized text.
    pub(super) exact: FxHashMap<String, Vec<usize>>,
    /// Phrases by the words in them.
    pub(super) postings: FxHashMap<String, Vec<usize>>,
    /// Every content word of the phrases as it is written, in lower case.
    written: Vocabulary,
    /// Inverse document frequency of each word, over answers.
    weights: FxHashMap<String, f32>,
    unknown_weight: f32,
    /// What was learned, unless the embedder failed.
    pub(super) trained: Option<Trained>,
}

/// What was learned from the phrases.
pub(super) struct Trained {
    pub(super) model: Model,
    pub(super) calibration: Calibration,
}

/// What phrases are read and learned with.
#[derive(Clone, Copy)]
pub struct Teaching<'a> {
    /// The language of phrases whose author names none.
    pub default_locale: &'a Locale,
    /// Makes their vectors.
    pub embedder: &'a dyn Embedder,
    /// Headings of articles: messages on the project's topics that mean no answer,
    /// except where a phrase says the same.
    pub headings: &'a [String],
    /// The share of matches that may be wrong, 0 to 1.
    pub max_wrong_match_rate: f64,
}

/// One answer with every word of its phrases.
pub(super) struct AnswerWords {
    pub(super) answer: Arc<CustomAnswer>,
    pub(super) words: FxHashSet<String>,
    /// The numbers of its phrases, those under `not` included.
    pub(super) phrases: std::ops::Range<usize>,
    /// What its phrases ask for.
    pub(super) stance: Stance,
}

/// One phrase of one answer.
pub(super) struct Phrase {
    /// Index of its answer.
    pub(super) answer: usize,
    pub(super) text: String,
    pub(super) message: Message,
    /// Its words, one by one; absent where the answer has so many phrases that they show
    /// which of their words may change.
    pub(super) wording: Option<Wording>,
    /// Sum of the weights of its words.
    pub(super) weight: f32,
    /// Whether it stands under `not:`.
    pub(super) rejects: bool,
}

/// The texts that are learned from: the phrases, the names of the answers, and the
/// headings that no phrase says.
pub(super) struct Lesson {
    grams: Vec<Grams>,
    vectors: Vectors,
    phrases: usize,
    names: usize,
}

impl Lesson {
    pub(super) async fn of(phrases: &Phrases, teaching: Teaching<'_>) -> Result<Self, EmbedError> {
        let names: Vec<String> = phrases.answers.iter().map(|words| spoken(words.answer.id.as_str())).collect();
        let mut texts: Vec<&str> = phrases.phrases.iter().map(|phrase| phrase.text.as_str()).collect();
        texts.extend(names.iter().map(String::as_str));
        texts.extend(teaching.headings.iter().filter(|heading| !phrases.is_phrase(heading)).map(String::as_str));
        let vectors = teaching.embedder.embed(&texts, Role::Phrase).await?;
        let grams = texts.par_iter().map(|text| Grams::of(&normalize(text))).collect();
        Ok(Self { grams, vectors, phrases: phrases.phrases.len(), names: names.len() })
    }

    fn text(&self, at: usize) -> Text<'_> {
        Text { grams: &self.grams[at], dense: self.vectors.get(at) }
    }

    /// The phrases in their order, and behind them the names.
    pub(super) fn labeled(&self, phrases: &Phrases) -> Vec<Labeled<'_>> {
        let kind = |phrase: &Phrase| if phrase.rejects { PhraseKind::Rejects } else { PhraseKind::Means };
        let written = phrases.phrases.iter().enumerate();
        let written =
            written.map(|(at, phrase)| Labeled { text: self.text(at), class: phrase.answer, kind: kind(phrase) });
        let names = (0..self.names).map(|class| Labeled {
            text: self.text(self.phrases + class),
            class,
            kind: PhraseKind::Name,
        });
        written.chain(names).collect()
    }

    pub(super) fn outside(&self) -> Vec<Text<'_>> {
        (self.phrases + self.names..self.grams.len()).map(|at| self.text(at)).collect()
    }
}

impl Phrases {
    /// Reads the phrases of `answers` and learns from them.
    ///
    /// When the embedder fails, the phrases are compared by their words alone
    /// and the failure is returned beside them.
    pub async fn build(
        answers: impl IntoIterator<Item = Arc<CustomAnswer>>,
        teaching: Teaching<'_>,
    ) -> (Self, Option<EmbedError>) {
        let mut phrases = Self::read(answers, teaching);
        if phrases.is_empty() {
            return (phrases, None);
        }
        match phrases.learn(teaching).await {
            Ok(trained) => {
                phrases.trained = Some(trained);
                (phrases, None)
            }
            Err(error) => (phrases, Some(error)),
        }
    }

    /// Reads the phrases of `answers`, and learns nothing from them.
    pub fn read(answers: impl IntoIterator<Item = Arc<CustomAnswer>>, teaching: Teaching<'_>) -> Self {
        let mut phrases = Self::default();
        let words = teaching.embedder.words();
        for answer in answers {
            let language = Language::of_locale(answer.locale.as_ref().unwrap_or(teaching.default_locale));
            phrases.add(answer, language, words);
        }
        phrases.weigh();
        phrases
    }

    async fn learn(&self, teaching: Teaching<'_>) -> Result<Trained, EmbedError> {
        let lesson = Lesson::of(self, teaching).await?;
        let (labeled, outside) = (lesson.labeled(self), lesson.outside());
        let (classes, dense) = (self.answers.len(), dense_of(teaching.embedder));
        let (model, calibration) = rayon::join(
            || Model::train(&labeled, &outside, classes, dense),
            || {
                let is_opposed = |at: usize, class: usize| {
                    let message = self.phrases.get(at).map(|phrase| &phrase.message.polarity);
                    message.is_some_and(|polarity| self.answers[class].stance.conflict(polarity).is_some())
                };
                Calibration::learn(&labeled, is_opposed, &outside, classes, dense, teaching.max_wrong_match_rate)
            },
        );
        Ok(Trained { model, calibration })
    }

    /// Whether a heading says what a phrase says, as far as words tell: then a
    /// user who asks about it may well mean the answer.
    fn is_phrase(&self, heading: &str) -> bool {
        let terms = Message::read(heading, Language::ENGLISH).terms;
        let weight: f32 = terms.iter().map(|term| self.weight(term)).sum();
        let mut shared: FxHashMap<usize, f32> = FxHashMap::default();
        for term in &terms {
            for number in self.postings.get(term).into_iter().flatten() {
                *shared.entry(*number).or_default() += self.weight(term);
            }
        }
        shared.iter().any(|(number, common)| 2.0 * common >= SAME_SHARE * (weight + self.phrases[*number].weight))
    }

    fn add(&mut self, answer: Arc<CustomAnswer>, language: Language, table: Option<&dyn WordVectors>) {
        let index = self.answers.len();
        let first = self.phrases.len();
        let mut words = FxHashSet::default();
        let mut stance = Stance::default();
        for (text, rejects) in
            answer.phrases.iter().map(|text| (text, false)).chain(answer.not.iter().map(|text| (text, true)))
        {
            let message = Message::read(text, language);
            content_words(&normalize(text), language).for_each(|word| self.written.add(word));
            let number = self.phrases.len();
            self.exact.entry(message.normalized.clone()).or_default().push(number);
            if !rejects {
                stance.add(&message.polarity);
            }
            for term in &message.terms {
                self.postings.entry(term.clone()).or_default().push(number);
                if !rejects {
                    words.insert(term.clone());
                }
            }
            let has_few = answer.phrases.len() < FEW_PHRASES;
            let wording = has_few.then(|| Wording::read(&message.normalized, language, table));
            self.phrases.push(Phrase { answer: index, text: text.clone(), message, wording, weight: 0.0, rejects });
        }
        self.answers.push(AnswerWords { answer, words, phrases: first..self.phrases.len(), stance });
    }

    /// Weighs each word by the answers it occurs in: ln(1 + (N - n + 0.5) / (n + 0.5)),
    /// the inverse document frequency of BM25 (Robertson and Zaragoza, 2009).
    fn weigh(&mut self) {
        let mut frequency: FxHashMap<&str, usize> = FxHashMap::default();
        for answer in &self.answers {
            for word in &answer.words {
                *frequency.entry(word).or_default() += 1;
            }
        }
        let count = self.answers.len();
        let weights: FxHashMap<String, f32> =
            frequency.into_iter().map(|(word, n)| (word.to_owned(), idf(count, n))).collect();
        self.unknown_weight = idf(count, 0).max(0.5);
        self.weights = weights;
        for phrase in 0..self.phrases.len() {
            self.phrases[phrase].weight = self.phrases[phrase].message.terms.iter().map(|term| self.weight(term)).sum();
        }
    }

    /// The weight of a word; a word that no phrase has weighs as much as the rarest.
    pub(super) fn weight(&self, term: &str) -> f32 {
        self.weights.get(term).copied().unwrap_or(self.unknown_weight)
    }

    /// `text` with each typing mistake of a word of the phrases put right;
    /// `None` when it has none. What `is_word` knows is no mistake, however close
    /// it comes: contracts are not contacts.
    pub fn corrected(&self, text: &str, is_word: impl Fn(&str) -> bool) -> Option<String> {
        let folded = normalize(text);
        let mut corrected = String::new();
        let mut copied = 0;
        let is_long = |word: &&str| word.chars().count() >= CORRECTED_LETTERS;
        for word in written_words(&folded).filter(is_long) {
            let Some(meant) = self.written.meant(word).into_iter().min().filter(|_| !is_word(word)) else { continue };
            let start = word.as_ptr() as usize - folded.as_ptr() as usize;
            corrected.push_str(&folded[copied..start]);
            corrected.push_str(meant);
            copied = start + word.len();
        }
        (copied > 0).then(|| corrected + &folded[copied..])
    }

    /// Whether the embedder failed, so that they are compared by their words alone.
    pub fn lack_vectors(&self) -> bool {
        self.trained.is_none() && !self.phrases.is_empty()
    }

    /// The least score of a match by what was learned; 1 when nothing was.
    pub fn threshold(&self) -> f32 {
        self.trained.as_ref().map_or(1.0, |trained| trained.calibration.familiarity)
    }

    /// How many phrases there are.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }
}

/// What the vectors of an embedder know: one that has a table of words makes texts of
/// them.
pub(super) fn dense_of(embedder: &dyn Embedder) -> Dense {
    Dense { dimension: embedder.dimension(), knows_sentences: embedder.words().is_none() }
}

/// The words of an identifier: `change-port` says "change port".
fn spoken(id: &str) -> String {
    id.replace(['-', '_', '.', '/'], " ")
}

/// The written words of a normalized text that say something.
pub(super) fn content_words(text: &str, language: Language) -> impl Iterator<Item = &str> {
    let stopwords = Stopwords::of(language);
    written_words(text).filter(move |word| !stopwords.contains(word))
}

/// The words of a normalized text that spaces and punctuation set apart.
fn written_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of answers are far below 2^24")]
fn idf(count: usize, occurrences: usize) -> f32 {
    let (count, n) = (count as f32, occurrences as f32);
    (1.0 + (count - n + 0.5).max(0.0) / (n + 0.5)).ln()
}
