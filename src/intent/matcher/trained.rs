//! Matching by what was learned from the phrases.

use std::sync::Arc;

use super::super::calibration;
use super::super::message::Message;
use super::super::model::{Ranked, Text};
use super::super::phrases::{Phrases, Trained};
use super::gate::{self, Gate, Overlap};
use super::{Candidate, Decision, MAX_CANDIDATES, Outcome, outcome};
use crate::domain::custom_answer::CustomAnswer;

/// Score below the best one's at which an answer comes as close.
const TIE: f32 = 0.35;

pub(super) fn decide(
    phrases: &Phrases,
    trained: &Trained,
    message: &Message,
    text: Text<'_>,
    allowed: &[bool],
) -> Decision {
    let ranking = trained.model.rank(text, |class| allowed[class]);
    let threshold = trained.calibration.threshold;
    let Some(signals) = calibration::signals(&ranking) else {
        return Decision { outcome: Outcome::Abstained, candidates: Vec::new(), threshold };
    };
    let ranked: Vec<Ranked> = ranking.candidates.iter().take(MAX_CANDIDATES).copied().collect();
    let confidence = |ranked: &Ranked| {
        // What the best answer's lead is to it, is to another how far it lies behind.
        let lead = if ranked.class == ranking.candidates[0].class { signals[2] } else { ranked.score - signals[0] };
        trained.calibration.confidence(&[ranked.score, ranking.density, lead])
    };
    let candidates: Vec<Candidate> = ranked
        .iter()
        .map(|ranked| {
            let score = confidence(ranked);
            candidate(phrases, message, ranked, score, Gate::at_least("score", score, threshold))
        })
        .collect();
    // Sure of the topic and unsure only of which answer: then the user is asked.
    let sure_without_rival = trained.calibration.confidence(&[signals[0], signals[1], calibration::NO_RIVAL]) >= threshold;
    let agrees = |candidate: &Candidate| candidate.gates.iter().skip(1).all(|gate| gate.passed);
    let near: Vec<Arc<CustomAnswer>> = ranked
        .iter()
        .zip(&candidates)
        .skip(1)
        .filter(|(ranked, candidate)| agrees(candidate) && signals[0] - ranked.score < TIE)
        .map(|(_, candidate)| Arc::clone(&candidate.answer))
        .collect();
    let opposite = ranked.get(1).is_some_and(|next| gate::are_opposite(phrases, ranked[0].phrase, next.phrase));
    let best = &candidates[0];
    let outcome = if !agrees(best) {
        Outcome::Abstained
    } else if best.score >= threshold {
        let asked = opposite && agrees(&candidates[1]) && candidates[1].score >= threshold;
        outcome(&best.answer, if asked { vec![Arc::clone(&candidates[1].answer)] } else { Vec::new() })
    } else if sure_without_rival && !near.is_empty() {
        outcome(&best.answer, near)
    } else {
        Outcome::Abstained
    };
    Decision { outcome, candidates, threshold }
}

fn candidate(phrases: &Phrases, message: &Message, ranked: &Ranked, score: f32, enough: Gate) -> Candidate {
    let phrase = &phrases.phrases[ranked.phrase];
    let overlap = Overlap::of(phrases, message, ranked.phrase);
    Candidate {
        answer: Arc::clone(&phrases.answers[phrase.answer].answer),
        phrase: phrase.text.clone(),
        exact: false,
        score,
        lexical: overlap.dice,
        semantic: Some(ranked.similarity),
        gates: vec![enough, gate::polarity(phrases, message, ranked.phrase)],
    }
}
