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
/// What a pair of characters counts beside a word: flat between 0.4 and 0.6.
const PAIR_WEIGHT: f32 = 0.5;
/// What a single character counts beside a word; nDCG@10 on xquad-zh is .971 with
/// it, .968 without.
const CHARACTER_WEIGHT: f32 = 0.3;
/// What a word counts that a mistyped one was taken for.
const MEANT_WEIGHT: f32 = 0.8;

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
    /// What was asked, with its mistyped words put right and its abbreviations explained.
    pub text: String,
    /// The language that it was read in.
    pub language: Language,
    /// What to look for.
    pub terms: Vec<QueryTerm>,
    /// The words that the terms belong to. A name such as `user_id` is a word beside its
    /// parts: a passage that has the parts alone does not have the name.
    pub words: Vec<QuestionWord>,
}

/// A word of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionWord {
    /// As it was written.
    pub text: String,
    /// Byte offset of its first character in the question.
    pub start: usize,
    /// What its first term stands for.
    pub kind: TermKind,
}

impl QuestionWord {
    /// Whether it is a name of several parts.
    pub fn is_name(&self) -> bool {
        self.kind == TermKind::Name
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

impl Question {
    /// Reads a question. `languages` are those of the articles to be searched:
    /// a word is looked for in the form that each of them gives it.
    ///
    /// Stopwords count only when there is nothing else.
    pub fn read(text: &str, language: Language, languages: &[Language]) -> Self {
        let mut question = Self { text: text.to_owned(), language, terms: Vec::new(), words: Vec::new() };
        let first = if languages.is_empty() { std::slice::from_ref(&language) } else { languages };
        for content_only in [true, false] {
            for language in first {
                let terms = Analyzer::of(*language).terms(text);
                for term in terms.iter().filter(|term| !(content_only && term.stopword)) {
                    question.add(text, term);
                }
            }
            if !question.terms.is_empty() {
                break;
            }
        }
        question
    }

    /// The question with some of its words, by their numbers, replaced by those that
    /// were meant.
    pub fn corrected(&self, meant: &[(usize, String)], languages: &[Language]) -> Self {
        let mut text = self.text.clone();
        let mut replaced: Vec<(&QuestionWord, &str)> =
            meant.iter().map(|(at, meant)| (&self.words[*at], meant.as_str())).collect();
        replaced.sort_by_key(|(word, _)| word.start);
        for (word, meant) in replaced.iter().rev() {
            text.replace_range(word.start..word.end(), meant);
        }
        let mut corrected = Self::read(&text, self.language, languages);
        for term in &mut corrected.terms {
            let is_meant = replaced.iter().any(|(_, meant)| corrected.words[term.word].text == *meant);
            term.weight *= if is_meant { MEANT_WEIGHT } else { 1.0 };
        }
        corrected
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

    fn add(&mut self, text: &str, term: &OwnedTerm) {
        let weight = match term.kind {
            TermKind::Word => 1.0,
            TermKind::Name => NAME_WEIGHT,
            TermKind::Part => PART_WEIGHT,
            TermKind::Character => CHARACTER_WEIGHT,
            TermKind::Pair => PAIR_WEIGHT,
        };
        if let Some(known) = self.terms.iter_mut().find(|known| known.text == term.text) {
            let word = &self.words[known.word];
            if (word.start, word.end()) != (term.start, term.end) {
                known.weight = (known.weight + weight).min(2.0);
            }
            return;
        }
        let is_name = term.kind == TermKind::Name;
        let holds =
            |word: &QuestionWord| word.is_name() == is_name && word.start <= term.start && term.end <= word.end();
        let word = match self.words.iter().position(holds) {
            Some(word) => word,
            None if self.words.len() < MAX_WORDS => {
                let text = text[term.start..term.end].to_owned();
                self.words.push(QuestionWord { text, start: term.start, kind: term.kind });
                self.words.len() - 1
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
        let terms = question.terms.iter().map(|term| format!("{}/{}", term.text, question.words[term.word].text));
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
        assert_eq!(
            question.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
            ["Invoices", "rechnungen"]
        );
        assert!(question.terms.iter().any(|term| term.text == "rechnung" && term.word == 1));
    }
}
