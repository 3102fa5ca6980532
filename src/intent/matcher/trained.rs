//! Matching by what was learned from the phrases.

use std::cell::LazyCell;
use std::sync::Arc;

use super::super::calibration::Signals;
use super::super::message::Message;
use super::super::model::{Ranked, Text};
use super::super::phrases::{Phrases, Trained};
use super::super::variation::Wording;
use super::gate::{self, Gate, Overlap};
use super::{Candidate, Decision, MAX_CANDIDATES, Outcome, chips};
use crate::ports::word_vectors::WordVectors;

/// Share of the least margin that an answer must be ahead of the background to be
/// asked about.
const ASKED_SHARE: f32 = 0.75;

/// Least score of an answer that is asked about.
const ASKED_SCORE: f32 = 0.3;
/// Least score of the best answer for anything to be asked about.
const LEAST_ASKED: f32 = 0.5;

/// Dice coefficient from which a message is taken for a phrase with some words
/// changed, rather than for other words altogether.
const VARIED_WORDS: f32 = 0.35;
/// Score from which other words altogether are enough.
const LIKE_PHRASES: f32 = 0.9;
/// Share of the least margin that is enough for a message that says what a phrase says.
const SAID_SHARE: f32 = 0.25;
/// Share of content in common from which a message has the words of a phrase.
const SAME_CONTENT: f32 = 0.99;

pub(super) fn decide(
    phrases: &Phrases,
    trained: &Trained,
    message: &Message,
    text: Text<'_>,
    words: Option<&dyn WordVectors>,
    allowed: &[bool],
) -> Decision {
    let ranking = trained.model.rank(text, |class| allowed[class]);
    let calibration = &trained.calibration;
    let (threshold, min_margin) = (calibration.familiarity, calibration.lead);
    let is_opposed = |class: usize| phrases.answers[class].stance.conflict(&message.polarity).is_some();
    let Some(signals) = Signals::of(&ranking, is_opposed) else {
        return Decision { outcome: Outcome::Abstained, candidates: Vec::new(), threshold, margin: None, min_margin };
    };
    let ranked = &ranking.candidates[..ranking.candidates.len().min(MAX_CANDIDATES)];
    let mut candidates: Vec<Candidate> = ranked
        .iter()
        .map(|ranked| {
            let signals = Signals { class: ranked.class, score: ranked.score, ..signals };
            candidate(phrases, message, ranked, calibration.familiarity_of(&signals), threshold)
        })
        .collect();
    let wording = LazyCell::new(|| Wording::read(&message.normalized, message.language, words));
    let says_phrase = |class: usize| gate::wording(phrases, message, &wording, class);
    let best = &candidates[0];
    // What uses other words altogether, and is as much like the phrases as they are like
    // each other, is no variation of one of them.
    let is_free = best.lexical < VARIED_WORDS && best.score >= LIKE_PHRASES;
    let said = says_phrase(ranked[0].class).filter(|gate| gate.passed || !is_free);
    let is_said = said.as_ref().is_some_and(|gate| gate.passed);
    let is_varied = said.as_ref().is_some_and(|gate| !gate.passed);
    let ahead = ranking.background.map_or(f32::INFINITY, |background| signals.score - background);
    // With the very words of a phrase, in another order, a part of the margin will do.
    let needed = if is_said {
        SAID_SHARE * min_margin
    } else if best.lexical >= SAME_CONTENT {
        min_margin / 2.0
    } else {
        min_margin
    };
    let near = |other: &Ranked| {
        signals.score - other.score < needed
            || is_said && says_phrase(other.class).is_some_and(|gate| gate.passed)
            || message.polarity.is_both() && gate::are_opposite(phrases, ranked[0].phrase, other.phrase)
    };
    let rivals: Vec<&Candidate> = ranked
        .iter()
        .zip(&candidates)
        .skip(1)
        .filter(|(ranked, candidate)| candidate.passes() && near(ranked))
        .map(|(_, candidate)| candidate)
        .collect();
    let outcome = if !best.passes() || ahead < ASKED_SHARE * needed {
        Outcome::Abstained
    } else if rivals.is_empty() && ahead >= needed && !is_varied {
        Outcome::Matched(Arc::clone(&best.answer))
    } else if best.score >= LEAST_ASKED {
        let asked = rivals.into_iter().filter(|rival| rival.score >= ASKED_SCORE);
        Outcome::NearTie(chips(&best.answer, asked.map(|rival| &rival.answer)))
    } else {
        Outcome::Abstained
    };
    candidates[0].gates.extend(said);
    let margin = (ranked.len() > 1).then_some(signals.lead);
    Decision { outcome, candidates, threshold, margin, min_margin }
}

fn candidate(phrases: &Phrases, message: &Message, ranked: &Ranked, score: f32, least: f32) -> Candidate {
    let phrase = &phrases.phrases[ranked.phrase];
    let overlap = Overlap::of(phrases, message, ranked.phrase);
    Candidate {
        answer: Arc::clone(&phrases.answers[phrase.answer].answer),
        phrase: phrase.text.clone(),
        exact: false,
        score,
        lexical: overlap.dice,
        semantic: Some(ranked.similarity),
        gates: vec![
            Gate::at_least("score", score, least),
            gate::polarity(phrases, message, ranked.phrase, overlap),
            gate::not(phrases, message, phrase.answer),
        ],
    }
}
