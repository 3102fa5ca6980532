//! Whether a message says what a phrase says, word by word.
//!
//! An answer with few phrases has not shown which of their words may change. So a
//! message fires its action only when nothing in it is foreign to the answer, nothing
//! of one of its phrases is missing, and both ask for the same kind of thing: an act,
//! a fact or a reason. "Cancel an order" is neither "cancel all orders" nor "which
//! orders were cancelled".

mod english;

use std::fmt;

use super::features::MAX_WORDS;
use crate::ports::word_vectors::WordVectors;
use crate::text::analysis::{Analyzer, TermKind};
use crate::text::language::Language;
use crate::text::stem::WordStemmer;

/// Cosine from which a word can stand for another one.
const SYNONYM: f32 = 0.74;

/// What kind of thing a text asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asks {
    /// That something is done, or how: also what states a need.
    #[default]
    Act,
    /// What, which, when, where, who, how many or whether.
    Fact(&'static str),
    /// Why.
    Reason,
}

/// A text as it is compared word by word.
#[derive(Clone, Debug, Default)]
pub(super) struct Wording {
    words: Vec<Word>,
    asks: Asks,
    /// Where it turns from one thing to another, and the number of words before.
    turn: Option<(Turn, usize)>,
}

/// What a text turns on: its two sides cannot change places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// "To" and "into".
    To,
    /// "Instead of" and "rather than".
    Instead,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    stem: String,
    is_english: bool,
    row: Option<usize>,
    /// Absent where nothing is known of the word.
    vector: Option<Vec<f32>>,
}

impl Word {
    fn english(text: &str, stemmer: &WordStemmer, table: Option<&dyn WordVectors>) -> Self {
        let stem = stemmer.stem(english::base(text)).into_owned();
        let row = english::row(&stem);
        Self { is_english: true, row, ..Self::of(text, stem, table) }
    }

    fn of(text: &str, stem: String, table: Option<&dyn WordVectors>) -> Self {
        let vector = table.and_then(|table| table.known_vector(text));
        Self { text: text.to_owned(), stem, is_english: false, row: None, vector }
    }

    /// Whether one can stand for the other.
    fn is_like(&self, other: &Self) -> bool {
        self.stem == other.stem && (!self.is_english || english::is_inflected(&self.text, &other.text))
            || self.row.is_some() && self.row == other.row
            || self
                .vector
                .as_ref()
                .zip(other.vector.as_ref())
                .is_some_and(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() >= SYNONYM)
    }
}

/// What keeps a message from saying what a phrase says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Words that no phrase of the answer has.
    Foreign(Vec<String>),
    /// Words of the closest phrase that the message lacks.
    Missing(Vec<String>),
    /// It asks for a fact or a reason where the phrases want something done, or the
    /// other way round.
    Kind,
    /// What it turns from is what the phrase turns to.
    Turned,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(words) => write!(f, "no phrase has `{}`", words.join("`, `")),
            Self::Missing(words) => write!(f, "the closest phrase has `{}` as well", words.join("`, `")),
            Self::Turned => f.write_str("it goes the other way than the phrase"),
            Self::Kind => f.write_str("it does not ask for the same kind of thing as the phrases"),
        }
    }
}

impl Wording {
    /// Reads a normalized text.
    pub(super) fn read(text: &str, language: Language, table: Option<&dyn WordVectors>) -> Self {
        let terms = Analyzer::of(language).terms(text);
        let spoken: Vec<(&str, bool)> = terms
            .iter()
            .filter(|term| matches!(term.kind, TermKind::Word | TermKind::Part))
            .map(|term| (&text[term.start..term.end], term.stopword))
            .take(MAX_WORDS)
            .collect();
        let table = table.filter(|table| table.knows(language.as_str()));
        let stemmer = WordStemmer::of(language);
        if language != Language::ENGLISH {
            let counted = spoken.iter().filter(|(_, is_stopword)| !is_stopword).map(|(word, _)| *word);
            let words = counted.map(|word| Word::of(word, stemmer.stem(word).into_owned(), table));
            return Self { words: words.collect(), ..Self::default() };
        }
        let request = english::request(&spoken);
        let words = request.words.iter().map(|word| Word::english(word, &stemmer, table));
        Self { words: words.collect(), turn: request.turn, asks: english::asks(text) }
    }

    /// Whether it has no word that counts, so that nothing can be told by its words.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn lacks<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Word> {
        other.words.iter().filter(|word| !self.words.iter().any(|own| own.is_like(word)))
    }

    /// Whether a word before the turn of one stands behind that of the other, and the
    /// other way round.
    fn is_turned(&self, other: &Self) -> bool {
        let (Some((kind, own)), Some((other_kind, theirs))) = (self.turn, other.turn) else { return false };
        let has = |words: &[Word], word: &Word| words.iter().any(|other| other.is_like(word));
        let (before, behind) = self.words.split_at(own);
        let (other_before, other_behind) = other.words.split_at(theirs);
        let crosses =
            |words: &[Word], side: &[Word], far: &[Word]| words.iter().any(|word| has(far, word) && !has(side, word));
        kind == other_kind && crosses(before, other_before, other_behind) && crosses(behind, other_behind, other_before)
    }

    /// What keeps it from saying what one of `meant` says, in the words of any of
    /// `phrases`; nothing when it does.
    pub(super) fn difference<'a>(
        &self,
        phrases: impl Iterator<Item = &'a Self> + Clone,
        meant: impl Iterator<Item = &'a Self>,
    ) -> Option<Difference> {
        let is_known = |word: &Word| phrases.clone().any(|phrase| phrase.words.iter().any(|other| other.is_like(word)));
        let foreign: Vec<String> =
            self.words.iter().filter(|word| !is_known(word)).map(|word| word.text.clone()).collect();
        if !foreign.is_empty() {
            return Some(Difference::Foreign(foreign));
        }
        let mut kinds = phrases.map(|phrase| phrase.asks);
        let asks_as_some = self.asks != Asks::Act && kinds.any(|asks| asks == self.asks);
        let mut closest: Option<Vec<String>> = None;
        let mut is_turned = false;
        for phrase in meant {
            let missing: Vec<String> = self.lacks(phrase).map(|word| word.text.clone()).collect();
            if missing.is_empty() {
                is_turned = self.is_turned(phrase);
                if !is_turned && (phrase.asks == self.asks || asks_as_some) {
                    return None;
                }
            }
            if closest.as_ref().is_none_or(|closest| missing.len() < closest.len()) {
                closest = Some(missing);
            }
        }
        Some(match closest {
            Some(missing) if !missing.is_empty() => Difference::Missing(missing),
            Some(_) if is_turned => Difference::Turned,
            Some(_) | None => Difference::Kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(message: &str, phrases: &[&str]) -> bool {
        let read = |text: &str| Wording::read(text, Language::ENGLISH, None);
        let phrases: Vec<Wording> = phrases.iter().map(|phrase| read(phrase)).collect();
        read(message).difference(phrases.iter(), phrases.iter()).is_none()
    }

    #[test]
    fn what_does_not_matter_may_change() {
        for (message, phrase) in [
            ("how do i cancel one of my orders", "cancel an order"),
            ("can the orders be canceled please", "cancel an order"),
            ("i want to switch the alarm off", "turn off the alarm"),
            ("enable the alarm", "turn on the alarm"),
            ("i need my deleted passwords restored", "recover a deleted password"),
            ("how come my bill is higher", "why is my bill higher"),
            ("what does it cost", "how much does it cost"),
            ("what's the way to export a report", "export a report"),
            ("i've forgotten my password", "i forgot my password"),
        ] {
            assert!(says(message, &[phrase]), "{message} / {phrase}");
        }
    }

    #[test]
    fn what_matters_may_not() {
        for (message, phrase) in [
            ("cancel all my orders", "cancel an order"),
            ("which orders were cancelled", "cancel an order"),
            ("cancel an order for a friend", "cancel an order"),
            ("cancel it", "cancel an order"),
            ("delete a message someone else sent", "delete a message i sent"),
            ("enable 2fa for my accountant", "enable 2fa for my account"),
            ("change a visit to a call", "change a call to a visit"),
            ("pay monthly instead of weekly", "pay weekly instead of monthly"),
            ("when does the invoice end", "end the invoice"),
            ("why was a fee charged", "how do i charge a fee"),
        ] {
            assert!(!says(message, &[phrase]), "{message} / {phrase}");
        }
    }

    #[test]
    fn forms_of_other_languages_are_those_of_their_stemmer() {
        let read = |text: &str| Wording::read(text, Language::new("es").unwrap(), None);
        let phrase = read("activar el envío gratis");
        assert_eq!(
            read("¿cómo activo los envíos gratis?").difference([&phrase].into_iter(), [&phrase].into_iter()),
            None
        );
    }

    #[test]
    fn a_long_message_costs_no_more_than_its_first_words() {
        assert_eq!(Wording::read(&"order ".repeat(10_000), Language::ENGLISH, None).words.len(), MAX_WORDS);
    }

    #[test]
    fn one_phrase_is_enough_and_words_of_the_others_are_known() {
        let phrases = ["stop a repeating invoice", "end a recurring bill"];
        assert!(says("stop recurring invoices", &phrases[1..]));
        assert!(says("end a repeating invoice that is recurring", &phrases));
        assert!(!says("recurring", &phrases));
    }
}
