//! The conditions of a match, beside its score.

use std::cell::LazyCell;

use super::super::message::Message;
use super::super::phrases::{Phrase, Phrases};
use super::super::polarity::FEW_PHRASES;
use super::super::variation::Wording;
use super::ratio;

/// One condition of a match.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: &'static str,
    /// Whether it holds.
    pub passed: bool,
    /// What was found.
    pub detail: String,
}

impl Gate {
    pub(super) fn new(name: &'static str, passed: bool, detail: impl Into<String>) -> Self {
        Self { name, passed, detail: detail.into() }
    }

    pub(super) fn at_least(name: &'static str, value: f32, bound: f32) -> Self {
        Self::new(name, value >= bound, format!("{value:.2}, at least {bound:.2}"))
    }
}

/// Dice coefficient from which a message is the closest phrase in other words, and
/// must not turn that very phrase round.
const SAME_WORDS: f32 = 0.75;

/// Whether the message asks for what the answer's phrases ask for, and not for
/// its opposite.
pub(super) fn polarity(phrases: &Phrases, message: &Message, closest: usize, overlap: Overlap) -> Gate {
    let phrase = &phrases.phrases[closest];
    let stance = &phrases.answers[phrase.answer].stance;
    let conflict = stance.conflict(&message.polarity).or_else(|| {
        let conflict = message.polarity.conflict(&phrase.message.polarity);
        conflict.filter(|_| overlap.dice >= SAME_WORDS && stance.phrases() < FEW_PHRASES)
    });
    Gate::new("polarity", conflict.is_none(), conflict.unwrap_or("it asks for the same"))
}

/// Whether no phrase under `not` is as close to the message as the other phrases of
/// the answer.
pub(super) fn not(phrases: &Phrases, message: &Message, answer: usize) -> Gate {
    const CLEAR: &str = "no phrase under `not` is closer";
    let known = &phrases.answers[answer];
    if known.answer.not.is_empty() {
        return Gate::new("not", true, CLEAR);
    }
    let closest = |rejects: bool| {
        let numbers = known.phrases.clone().filter(|number| phrases.phrases[*number].rejects == rejects);
        numbers.map(|number| Overlap::of(phrases, message, number).dice).fold(0.0, f32::max)
    };
    let (rejected, meant) = (closest(true), closest(false));
    if rejected > 0.0 && rejected >= meant {
        Gate::new("not", false, format!("a phrase under `not` comes as close ({rejected:.2})"))
    } else {
        Gate::new("not", true, CLEAR)
    }
}

/// Whether the message says what one of the answer's phrases says, word by word; `None`
/// when the answer has so many that it need not, or no word of the message counts.
pub(super) fn wording(
    phrases: &Phrases,
    message: &Message,
    wording: &LazyCell<Wording, impl FnOnce() -> Wording>,
    answer: usize,
) -> Option<Gate> {
    let phrases = &phrases.phrases[phrases.answers[answer].phrases.clone()];
    let written = phrases.iter().filter(|phrase| !phrase.rejects);
    let mut known = written.clone().filter_map(|phrase| phrase.wording.as_ref()).peekable();
    known.peek()?;
    if wording.is_empty() {
        return None;
    }
    let of_one_mind = |phrase: &&Phrase| message.polarity.conflict(&phrase.message.polarity).is_none();
    let meant = written.filter(of_one_mind).filter_map(|phrase| phrase.wording.as_ref());
    Some(match wording.difference(known, meant) {
        None => Gate::new("wording", true, "it says what a phrase says"),
        Some(difference) => Gate::new("wording", false, difference.to_string()),
    })
}

/// Whether two phrases are opposites: a message that passes for both asks for neither.
pub(super) fn are_opposite(phrases: &Phrases, one: usize, other: usize) -> bool {
    let polarity = |phrase: usize| &phrases.phrases[phrase].message.polarity;
    polarity(one).conflict(polarity(other)).is_some()
}

/// What a message and a phrase have in common, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overlap {
    /// Dice coefficient of their content, weighted by what each word says.
    pub(super) dice: f32,
    /// Share of the message's content that any phrase of the answer has.
    pub(super) message: f32,
    /// Share of the phrase's content that the message has.
    pub(super) phrase: f32,
}

impl Overlap {
    pub(super) fn of(phrases: &Phrases, message: &Message, number: usize) -> Self {
        let phrase = &phrases.phrases[number];
        let words = &phrases.answers[phrase.answer].words;
        let weight = |term: &String| phrases.weight(term);
        let all: f32 = message.terms.iter().map(weight).sum();
        let known = message.terms.iter().filter(|term| words.contains(*term)).map(weight).sum();
        let common: f32 = message.terms.iter().filter(|term| phrase.message.terms.contains(term)).map(weight).sum();
        Self {
            dice: ratio(2.0 * common, all + phrase.weight),
            message: ratio(known, all),
            phrase: ratio(common, phrase.weight),
        }
    }
}
