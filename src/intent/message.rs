//! A text as it is compared: its normalized form, its content words and its polarity.

use super::polarity::Polarity;
use crate::text::analysis::{Analyzer, TermKind};
use crate::text::language::Language;
use crate::text::normalize::{normalize, normalize_phrase};

/// A message or phrase, read once.
#[derive(Clone, Debug)]
pub struct Message {
    /// The form in which equal phrases are equal.
    pub normalized: String,
    /// The language it was read in.
    pub language: Language,
    /// Stems of its content words, each once, in order; of all its words when
    /// it has no content word.
    pub terms: Vec<String>,
    /// Where it stands on the axes of opposites.
    pub polarity: Polarity,
}

impl Message {
    /// Reads `text` as `language`.
    pub fn read(text: &str, language: Language) -> Self {
        let folded = normalize(text);
        let analyzed = Analyzer::of(language).terms(&folded);
        let polarity = Polarity::of(
            analyzed
                .iter()
                .filter(|term| matches!(term.kind, TermKind::Word | TermKind::Part))
                .map(|term| &folded[term.start..term.end]),
        );
        let content =
            analyzed.iter().filter(|term| !term.stopword && !matches!(term.kind, TermKind::Name | TermKind::Character));
        let mut terms: Vec<String> = Vec::new();
        for term in content {
            if !terms.contains(&term.text) {
                terms.push(term.text.clone());
            }
        }
        if terms.is_empty() {
            terms.extend(analyzed.into_iter().map(|term| term.text));
            terms.dedup();
        }
        Self { normalized: normalize_phrase(text), language, terms, polarity }
    }
}
