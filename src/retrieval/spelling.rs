//! Words of a question that no passage has: mistyped ones, and those that are written
//! together of words which passages have.

use std::cmp::Reverse;

use super::abbreviations::Expansion;
use super::lexical::{LexicalIndex, LexicalScores};
use super::query::{Question, QuestionWord};
use crate::text::analysis::{Analyzer, TermKind};
use crate::text::compound;
use crate::text::language::Language;
use crate::text::normalize::fold_word;
use crate::text::stopword::Stopwords;
use crate::text::vocabulary::Vocabulary;

/// A word of a question that no passage has, and the one that it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// As the user wrote it.
    pub written: String,
    /// A word of the passages, or one of those that say nothing, in lower case.
    pub meant: String,
}

/// The words of the passages as they are written, by language. A clone shares them.
///
/// Words of passages that are gone stay in it, and are never found to be meant.
#[derive(Clone, Debug, Default)]
pub(super) struct Spellings(Vec<(Language, Vocabulary)>);

/// Where the words of a question are looked up.
pub(super) struct Lookup<'a> {
    pub(super) lexical: &'a LexicalIndex,
    /// The slots that the user may read.
    pub(super) allowed: &'a [bool],
    pub(super) languages: &'a [Language],
    /// Whether a folded word is right although no passage has it.
    pub(super) is_word: &'a dyn Fn(&str) -> bool,
}

impl Spellings {
    /// Takes in the words of a passage, folded and with spaces between them.
    pub(super) fn add(&mut self, language: Language, words: &str) {
        let at = self.0.iter().position(|(known, _)| *known == language).unwrap_or_else(|| {
            let mut vocabulary = Vocabulary::default();
            Stopwords::of(language).words().for_each(|word| vocabulary.add(word));
            self.0.push((language, vocabulary));
            self.0.len() - 1
        });
        let vocabulary = &mut self.0[at].1;
        words.split_ascii_whitespace().for_each(|word| vocabulary.add(word));
    }

    /// The mistyped words among those of `question` that no passage has, each with its
    /// number and the word that was meant. `scores` are those of the question's terms.
    pub(super) fn mistyped(
        &self,
        question: &Question,
        scores: &LexicalScores,
        lookup: &Lookup<'_>,
    ) -> Vec<(usize, String)> {
        let mut is_known = vec![false; question.words.len()];
        for (term, idf) in question.terms.iter().zip(&scores.idf) {
            is_known[term.word] |= *idf > 0.0;
        }
        let is_shouted = !question.text.chars().any(char::is_lowercase);
        let is_plain = |word: &QuestionWord| {
            // Capitals in a text that is not shouted are an abbreviation or a code.
            word.kind == TermKind::Word && (is_shouted || word.text.chars().any(char::is_lowercase))
        };
        let unknown = question.words.iter().enumerate().filter(|(at, word)| !is_known[*at] && is_plain(word));
        let unknown = unknown.filter(|(_, word)| self.parts(&fold_word(&word.text), lookup).is_none());
        unknown.filter_map(|(at, word)| Some((at, self.meant(&fold_word(&word.text), lookup)?))).collect()
    }

    /// The word that a folded one is a mistake of; of several that are as close, the
    /// one that is used most. One that may be a stopword is left alone, where nothing
    /// tells that it is no other word: without it, less would be asked.
    fn meant(&self, word: &str, lookup: &Lookup<'_>) -> Option<String> {
        if (lookup.is_word)(word) {
            return None;
        }
        let mut best: Option<(usize, Reverse<&str>)> = None;
        for (language, vocabulary) in self.0.iter().filter(|(language, _)| lookup.languages.contains(language)) {
            let analyzer = Analyzer::of(*language);
            for meant in vocabulary.meant(word) {
                let (mut frequency, mut is_stopword) = (0, false);
                analyzer.visit(meant, |term| {
                    is_stopword = term.stopword;
                    frequency =
                        if is_stopword { usize::MAX } else { lookup.lexical.frequency(term.text, lookup.allowed) };
                });
                if is_stopword && !(lookup.is_word)(meant) {
                    return None;
                }
                best = best.max((frequency > 0).then_some((frequency, Reverse(meant))));
            }
        }
        best.map(|(_, Reverse(meant))| meant.to_owned())
    }

    /// The parts of those words of `question` that no passage has and that are written
    /// together of words which passages have.
    pub(super) fn compounds(&self, question: &Question, scores: &LexicalScores, lookup: &Lookup<'_>) -> Vec<Expansion> {
        let mut expansions = Vec::new();
        for (at, word) in question.words.iter().enumerate().filter(|(_, word)| word.kind == TermKind::Word) {
            if question.terms.iter().zip(&scores.idf).any(|(term, idf)| term.word == at && *idf > 0.0) {
                continue;
            }
            if let Some((terms, parts)) = self.parts(&fold_word(&word.text), lookup) {
                expansions.push(Expansion {
                    written: word.text.clone(),
                    meant: parts,
                    terms,
                    covers: 1 << (at % 64),
                    is_spelled_out: false,
                });
            }
        }
        expansions
    }

    /// The parts of a folded word as terms and as they are written; of several pairs,
    /// the one whose rarer part is used most.
    fn parts(&self, word: &str, lookup: &Lookup<'_>) -> Option<(Vec<String>, String)> {
        let languages = self
            .0
            .iter()
            .filter(|(language, _)| compound::writes_together(*language) && lookup.languages.contains(language));
        let mut best: Option<(usize, Vec<String>, String)> = None;
        for (language, vocabulary) in languages {
            let analyzer = Analyzer::of(*language);
            let frequency = |term: &String| lookup.lexical.frequency(term, lookup.allowed);
            for (first, second) in compound::parts(word, |part| vocabulary.contains(part)) {
                let mut terms = Vec::new();
                for part in [first, second] {
                    analyzer.visit(part, |term| {
                        if !term.stopword {
                            terms.push(term.text.to_owned());
                        }
                    });
                }
                let used = terms.iter().map(frequency).min().filter(|_| terms.len() == 2).unwrap_or(0);
                if used > best.as_ref().map_or(0, |(most, ..)| *most) {
                    best = Some((used, terms, format!("{first} {second}")));
                }
            }
        }
        best.map(|(_, terms, parts)| (terms, parts))
    }
}
