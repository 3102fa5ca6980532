//! A question as the terms to look for.

use super::bm25;
use crate::text::analysis::{Analyzer, OwnedTerm, TermKind};
use crate::text::language::Language;

/// Most different words of a question that are looked for.
pub const MAX_WORDS: usize = 64;
/// What a name counts, and each of its parts, beside a plain word: together
/// they are about as much as the words they could have been written as.
const NAME_WEIGHT: f32 = 0.5;
const PART_WEIGHT: f32 = 0.75;
/// What a pair of characters counts beside a word; nDCG@10 on xquad-zh is .967
/// with it, .961 at 1.
const PAIR_WEIGHT: f32 = 0.5;

/// One term to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTerm {
    /// The analyzed form.
    pub text: String,
    /// The word of the question that it belongs to, below [`MAX_WORDS`].
    pub word: usize,
    /// How much it counts.
    pub weight: f32,
}

/// A question, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The language that it was read in.
    pub language: Language,
    /// What to look for.
    pub terms: Vec<QueryTerm>,
    /// The words that the terms belong to, as they were written.
    pub words: Vec<String>,
    /// Which of them are names, such as `user_id`.
    pub is_name: Vec<bool>,
}

/// Where a word of the question stands. A name is a word beside its parts: a passage
/// that has the parts alone does not have the name.
struct Place {
    start: usize,
    end: usize,
    is_name: bool,
}

impl Question {
    /// Reads a question. `languages` are those of the articles to be searched:
    /// a word is looked for in the form that each of them gives it.
    ///
    /// Stopwords count only when there is nothing else.
    pub fn read(text: &str, language: Language, languages: &[Language]) -> Self {
        let mut question = Self { language, terms: Vec::new(), words: Vec::new(), is_name: Vec::new() };
        let first = if languages.is_empty() { std::slice::from_ref(&language) } else { languages };
        for content_only in [true, false] {
            let mut ranges: Vec<Place> = Vec::new();
            for language in first {
                let terms = Analyzer::of(*language).terms(text);
                for term in terms.iter().filter(|term| !(content_only && term.stopword)) {
                    question.add(text, term, &mut ranges);
                }
            }
            if !question.terms.is_empty() {
                break;
            }
        }
        question
    }

    /// How much each word says, from the inverse document frequencies of the
    /// terms: the most of its terms. A word that no passage has says as much as
    /// the rarest one could.
    pub fn word_weights(&self, idf: &[f32], documents: usize) -> Vec<f32> {
        let mut weights = vec![0.0_f32; self.words.len()];
        for (term, idf) in self.terms.iter().zip(idf) {
            weights[term.word] = weights[term.word].max(*idf);
        }
        let unknown = bm25::inverse_document_frequency(documents, 1);
        weights.iter_mut().filter(|weight| **weight == 0.0).for_each(|weight| *weight = unknown);
        weights
    }

    fn add(&mut self, text: &str, term: &OwnedTerm, ranges: &mut Vec<Place>) {
        let weight = match term.kind {
            TermKind::Word => 1.0,
            TermKind::Name => NAME_WEIGHT,
            TermKind::Part => PART_WEIGHT,
            TermKind::Pair => PAIR_WEIGHT,
        };
        if let Some(known) = self.terms.iter_mut().find(|known| known.text == term.text) {
            let again = ranges.get(known.word).is_none_or(|place| (place.start, place.end) != (term.start, term.end));
            if again {
                known.weight = (known.weight + weight).min(2.0);
            }
            return;
        }
        let is_name = term.kind == TermKind::Name;
        let inside = |place: &Place| place.is_name == is_name && place.start <= term.start && term.end <= place.end;
        let word = match ranges.iter().position(inside) {
            Some(word) => word,
            None if ranges.len() < MAX_WORDS => {
                ranges.push(Place { start: term.start, end: term.end, is_name });
                self.words.push(text[term.start..term.end].to_owned());
                self.is_name.push(is_name);
                ranges.len() - 1
            }
            None => return,
        };
        self.terms.push(QueryTerm { text: term.text.clone(), word, weight });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(language: &str, text: &str) -> String {
        let language = Language::new(language).unwrap();
        let question = Question::read(text, language, &[language]);
        let terms = question.terms.iter().map(|term| format!("{}/{}", term.text, question.words[term.word]));
        terms.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_question_looks_for() {
        for (language, text, expected) in [
            ("en", "How do I export the files?", "export/export file/files"),
            ("en", "what is it", "what/what is/is it/it"),
            ("en", "the user_id", "userid/user_id user/user id/id"),
            ("de", "Wie lösche ich Rechnungen?", "losch/lösche rechnung/Rechnungen"),
            ("en", "", ""),
        ] {
            assert_eq!(read(language, text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_is_looked_for_as_each_language_has_it() {
        let [english, german] = ["en", "de"].map(|code| Language::new(code).unwrap());
        let question = Question::read("Invoices rechnungen", english, &[english, german]);
        assert_eq!(question.words, ["Invoices", "rechnungen"]);
        assert!(question.terms.iter().any(|term| term.text == "rechnung" && term.word == 1));
    }
}
