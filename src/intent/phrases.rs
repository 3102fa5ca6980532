//! All phrases of a project's Custom Answers, ready to be compared with.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::message::Message;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::locale::Locale;
use crate::ports::embedder::{EmbedError, Embedder, Role};
use crate::text::language::Language;
use crate::text::normalize::normalize;
use crate::text::stopword::Stopwords;

/// The phrases, the words in them, and their vectors.
#[derive(Default)]
pub struct Phrases {
    pub(super) answers: Vec<AnswerWords>,
    pub(super) phrases: Vec<Phrase>,
    /// Phrases by their normalized text.
    pub(super) exact: FxHashMap<String, Vec<usize>>,
    /// Phrases by the words in them.
    pub(super) postings: FxHashMap<String, Vec<usize>>,
    /// Every content word of the phrases as it is written, in lower case.
    written: FxHashSet<String>,
    /// Inverse document frequency of each word, over answers.
    weights: FxHashMap<String, f32>,
    unknown_weight: f32,
    /// One vector per phrase, in order, unless the embedder failed.
    pub(super) vectors: Option<Vec<f32>>,
    pub(super) dimension: usize,
}

/// One answer with every word of its phrases.
pub(super) struct AnswerWords {
    pub(super) answer: Arc<CustomAnswer>,
    pub(super) words: FxHashSet<String>,
}

/// One phrase of one answer.
pub(super) struct Phrase {
    /// Index of its answer.
    pub(super) answer: usize,
    pub(super) text: String,
    pub(super) message: Message,
    /// Sum of the weights of its words.
    pub(super) weight: f32,
    /// Whether it stands under `not:`.
    pub(super) rejects: bool,
}

impl Phrases {
    /// Reads and embeds the phrases of `answers`.
    ///
    /// When the embedder fails, the phrases are compared by their words alone
    /// and the failure is returned beside them.
    pub async fn build(
        answers: impl IntoIterator<Item = Arc<CustomAnswer>>,
        default_locale: &Locale,
        embedder: &dyn Embedder,
    ) -> (Self, Option<EmbedError>) {
        let mut phrases = Self { dimension: embedder.dimension(), ..Self::default() };
        for answer in answers {
            let language = Language::of_locale(answer.locale.as_ref().unwrap_or(default_locale));
            phrases.add(answer, language);
        }
        phrases.weigh();
        let texts: Vec<&str> = phrases.phrases.iter().map(|phrase| phrase.text.as_str()).collect();
        let failure = match embedder.embed(&texts, Role::Phrase).await {
            Ok(vectors) => {
                phrases.vectors = Some(vectors.into_values());
                None
            }
            Err(error) => Some(error),
        };
        (phrases, failure)
    }

    fn add(&mut self, answer: Arc<CustomAnswer>, language: Language) {
        let index = self.answers.len();
        let mut words = FxHashSet::default();
        for (text, rejects) in
            answer.phrases.iter().map(|text| (text, false)).chain(answer.not.iter().map(|text| (text, true)))
        {
            let message = Message::read(text, language);
            let stopwords = Stopwords::of(language);
            let folded = normalize(text);
            let content = written_words(&folded).filter(|word| !stopwords.contains(word));
            self.written.extend(content.map(str::to_owned));
            let number = self.phrases.len();
            self.exact.entry(message.normalized.clone()).or_default().push(number);
            for term in &message.terms {
                self.postings.entry(term.clone()).or_default().push(number);
                if !rejects {
                    words.insert(term.clone());
                }
            }
            self.phrases.push(Phrase { answer: index, text: text.clone(), message, weight: 0.0, rejects });
        }
        self.answers.push(AnswerWords { answer, words });
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
        for word in written_words(&folded) {
            let Some(meant) = self.meant(word).filter(|_| !is_word(word)) else { continue };
            let start = word.as_ptr() as usize - folded.as_ptr() as usize;
            corrected.push_str(&folded[copied..start]);
            corrected.push_str(meant);
            copied = start + word.len();
        }
        (copied > 0).then(|| corrected + &folded[copied..])
    }

    /// The word of the phrases that `word` is a typing mistake of: it begins with
    /// the same letter and differs in one place, or in two when it is long
    /// (optimal string alignment, in which two swapped letters are one place).
    fn meant(&self, word: &str) -> Option<&str> {
        let length = word.chars().count();
        let allowed = match length {
            0..=4 => return None,
            5..=7 => 1,
            _ => 2,
        };
        if self.written.contains(word) || !word.chars().all(char::is_alphabetic) {
            return None;
        }
        self.written
            .iter()
            .filter(|known| known.chars().next() == word.chars().next())
            .filter(|known| known.chars().count().abs_diff(length) <= allowed)
            .map(|known| (strsim::osa_distance(known, word), known))
            .filter(|(distance, _)| *distance <= allowed)
            .min()
            .map(|(_, known)| known.as_str())
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

/// The words of a normalized text that spaces and punctuation set apart.
fn written_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of answers are far below 2^24")]
fn idf(count: usize, occurrences: usize) -> f32 {
    let (count, n) = (count as f32, occurrences as f32);
    (1.0 + (count - n + 0.5).max(0.0) / (n + 0.5)).ln()
}
