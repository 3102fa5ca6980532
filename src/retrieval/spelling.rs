//! Mistyped words of a question: words that no passage has, and what was meant.

use std::cmp::Reverse;

use super::lexical::{LexicalIndex, LexicalScores};
use super::query::{Question, QuestionWord};
use crate::text::analysis::{Analyzer, TermKind};
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
}
