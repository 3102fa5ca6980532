//! The words of the passages with their vectors, so that words that differ in
//! spelling can be compared by meaning.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::bm25;
use crate::ports::vector_store::vector_set::VectorSet;
use crate::ports::word_vectors::WordVectors;
use crate::text::analysis::{Analyzer, TermKind};
use crate::text::normalize::fold_word;

/// The words of one passage that say something, by their number, in the order of
/// the text and as often as they stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PassageWords {
    /// Those of the title and the headings.
    pub(super) headings: Box<[u32]>,
    /// Those of the text.
    pub(super) text: Box<[u32]>,
}

/// All words of the passages. A clone shares what does not change.
#[derive(Clone, Debug)]
pub(super) struct Lexicon {
    numbers: Arc<FxHashMap<Box<str>, u32>>,
    vectors: VectorSet,
    /// By number: how many passages have the word.
    frequencies: Vec<u32>,
}

impl Lexicon {
    /// An empty lexicon for vectors of `dimension` components.
    pub(super) fn new(dimension: usize) -> Self {
        Self { numbers: Arc::default(), vectors: VectorSet::new(dimension), frequencies: Vec::new() }
    }

    /// Memory of the vectors, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.vectors.bytes()
    }

    /// How many words there are; numbers are below it.
    pub(super) fn len(&self) -> usize {
        self.frequencies.len()
    }

    /// The vectors, by number.
    pub(super) fn vectors(&self) -> &VectorSet {
        &self.vectors
    }

    /// The number of a word, which is folded.
    pub(super) fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// How much a word tells passages apart, when there are `documents` of them.
    pub(super) fn weight(&self, number: u32, documents: usize) -> f32 {
        let frequency = self.frequencies.get(number as usize).copied().unwrap_or(0);
        bm25::inverse_document_frequency(documents, frequency.max(1) as usize)
    }

    /// Takes in the words of a passage, as [`folded_words`] gives them.
    pub(super) fn add(&mut self, headings: &str, text: &str, table: &dyn WordVectors) -> PassageWords {
        let words = PassageWords { headings: self.read(headings, table), text: self.read(text, table) };
        self.count(&words, |frequency| *frequency += 1);
        words
    }

    /// Forgets that a passage had these words.
    pub(super) fn remove(&mut self, words: &PassageWords) {
        self.count(words, |frequency| *frequency = frequency.saturating_sub(1));
    }

    fn read(&mut self, words: &str, table: &dyn WordVectors) -> Box<[u32]> {
        words.split_ascii_whitespace().map(|word| self.known(word, table)).collect()
    }

    fn known(&mut self, word: &str, table: &dyn WordVectors) -> u32 {
        if let Some(number) = self.number(word) {
            return number;
        }
        let number = u32::try_from(self.frequencies.len()).expect("fewer words than 2^32");
        self.frequencies.push(0);
        self.vectors.set(number as usize, &table.vector(word));
        Arc::make_mut(&mut self.numbers).insert(word.into(), number);
        number
    }

    fn count(&mut self, words: &PassageWords, change: impl Fn(&mut u32)) {
        let mut numbers: Vec<u32> = words.headings.iter().chain(&*words.text).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().for_each(|number| change(&mut self.frequencies[number as usize]));
    }
}

/// The words of `text` that say something, in lower case with a space between
/// them; a name gives its parts.
pub(super) fn folded_words(analyzer: &Analyzer, text: &str, words: &mut String) {
    analyzer.visit(text, |term| {
        if !term.stopword && matches!(term.kind, TermKind::Word | TermKind::Part) {
            words.push_str(&fold_word(&text[term.start..term.end]));
            words.push(' ');
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::language::Language;

    struct Letters;

    impl WordVectors for Letters {
        fn dimension(&self) -> usize {
            2
        }

        fn knows(&self, _language: &str) -> bool {
            true
        }

        fn vector(&self, word: &str) -> Vec<f32> {
            if word.starts_with('a') { vec![1.0, 0.0] } else { vec![0.0, 1.0] }
        }
    }

    #[test]
    fn words_are_counted_by_passage_and_forgotten_with_it() {
        let mut lexicon = Lexicon::new(2);
        let first = lexicon.add("apple ", "apple pear apple ", &Letters);
        let second = lexicon.add("", "pear ", &Letters);
        assert_eq!((&*first.headings, &*first.text, &*second.text), (&[0][..], &[0, 1, 0][..], &[1][..]));
        let weight = |lexicon: &Lexicon, word| lexicon.weight(lexicon.number(word).unwrap(), 10);
        assert!(weight(&lexicon, "apple") > weight(&lexicon, "pear"));
        let before = lexicon.clone();
        lexicon.remove(&second);
        assert_eq!(weight(&lexicon, "apple"), weight(&lexicon, "pear"));
        assert!(weight(&before, "pear") < weight(&lexicon, "pear"));
        assert_eq!((lexicon.len(), lexicon.vectors().len()), (2, 2));
    }

    #[test]
    fn stopwords_say_nothing_and_names_give_their_parts() {
        let mut words = String::new();
        folded_words(&Analyzer::of(Language::ENGLISH), "How do I set the userId of Invoices?", &mut words);
        assert_eq!(words, "set user id invoices ");
    }
}
