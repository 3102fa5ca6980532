//! Matching by words alone: for languages that the embedder does not know, and
//! while it is down.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::message::Message;
use super::super::phrases::Phrases;
use super::gate::{self, Gate, Overlap};
use super::{Candidate, Decision, MAX_CANDIDATES, Outcome, chips};
use crate::domain::custom_answer::CustomAnswer;

/// Least share of content in common.
const SCORE: f32 = 0.68;
/// Least distance to the next answer's score.
const MARGIN: f32 = 0.05;
/// Least share of the message's content that the answer's phrases know.
const MESSAGE_CONTENT: f32 = 0.6;
/// Least share of the closest phrase's content that the message has.
const PHRASE_CONTENT: f32 = 0.45;

/// An answer with its closest phrases.
#[derive(Clone, Copy, Default)]
struct Closest {
    phrase: usize,
    score: f32,
}

pub(super) fn decide(phrases: &Phrases, message: &Message, allowed: &[bool]) -> Decision {
    let closest = closest(phrases, message, allowed);
    let candidates: Vec<Candidate> = closest.iter().map(|closest| candidate(phrases, message, *closest)).collect();
    let passing: Vec<(&Closest, &Candidate)> =
        closest.iter().zip(&candidates).filter(|(_, candidate)| candidate.passes()).collect();
    let outcome = match passing.as_slice() {
        [] => Outcome::Abstained,
        [(first, best), rest @ ..] => {
            let is_near = |other: &Closest| {
                first.score - other.score < MARGIN || gate::are_opposite(phrases, first.phrase, other.phrase)
            };
            let near: Vec<&Arc<CustomAnswer>> =
                rest.iter().filter(|(other, _)| is_near(other)).map(|(_, other)| &other.answer).collect();
            if near.is_empty() {
                Outcome::Matched(Arc::clone(&best.answer))
            } else {
                Outcome::NearTie(chips(&best.answer, near.into_iter()))
            }
        }
    };
    let margin = closest.first().zip(closest.get(1)).map(|(first, next)| first.score - next.score);
    Decision { outcome, candidates, threshold: SCORE, margin, min_margin: MARGIN }
}

/// The closest phrase of each answer, best answers first.
fn closest(phrases: &Phrases, message: &Message, allowed: &[bool]) -> Vec<Closest> {
    let mut touched: Vec<usize> =
        message.terms.iter().filter_map(|term| phrases.postings.get(term)).flatten().copied().collect();
    touched.sort_unstable();
    touched.dedup();
    let mut best: FxHashMap<usize, Closest> = FxHashMap::default();
    for number in touched {
        let phrase = &phrases.phrases[number];
        if !allowed[phrase.answer] {
            continue;
        }
        let score = Overlap::of(phrases, message, number).dice;
        let closest = best.entry(phrase.answer).or_default();
        if !phrase.rejects && score > closest.score {
            (closest.phrase, closest.score) = (number, score);
        }
    }
    let mut best: Vec<Closest> = best.into_values().filter(|closest| closest.score > 0.0).collect();
    best.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.phrase.cmp(&b.phrase)));
    best.truncate(MAX_CANDIDATES);
    best
}

fn candidate(phrases: &Phrases, message: &Message, closest: Closest) -> Candidate {
    let phrase = &phrases.phrases[closest.phrase];
    let overlap = Overlap::of(phrases, message, closest.phrase);
    Candidate {
        answer: Arc::clone(&phrases.answers[phrase.answer].answer),
        phrase: phrase.text.clone(),
        exact: false,
        score: closest.score,
        lexical: overlap.dice,
        semantic: None,
        gates: vec![
            Gate::at_least("score", closest.score, SCORE),
            Gate::at_least("message content", overlap.message, MESSAGE_CONTENT),
            Gate::at_least("phrase content", overlap.phrase, PHRASE_CONTENT),
            gate::polarity(phrases, message, closest.phrase, overlap),
            gate::not(phrases, message, phrase.answer),
        ],
    }
}
