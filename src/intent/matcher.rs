//! Decides whether a message means a Custom Answer.

mod gate;
mod trained;
mod words;

use std::sync::Arc;

pub use gate::Gate;

use super::features::Grams;
use super::message::Message;
use super::model::Text;
use super::phrases::Phrases;
use crate::domain::custom_answer::CustomAnswer;
use crate::ports::word_vectors::WordVectors;

/// What a message means.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is done about it.
    pub outcome: Outcome,
    /// The answers that came into question, best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// The least score of a match.
    pub threshold: f32,
    /// How far the second candidate lies behind the first.
    pub margin: Option<f32>,
    /// The least margin of a match; what comes closer is asked about.
    pub min_margin: f32,
}

impl Decision {
    /// Whether the message equals a phrase.
    pub fn is_exact(&self) -> bool {
        self.candidates.first().is_some_and(|candidate| candidate.exact)
    }
}

/// What is done about a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// This answer is given.
    Matched(Arc<CustomAnswer>),
    /// The user is asked which of these is meant, or whether the only one is.
    NearTie(Vec<Arc<CustomAnswer>>),
    /// No answer is meant as far as can be told.
    Abstained,
}

/// Most answers that come into question.
pub const MAX_CANDIDATES: usize = 5;

/// Most answers offered as chips.
const MAX_CHIPS: usize = 3;

/// An answer that came into question.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The answer.
    pub answer: Arc<CustomAnswer>,
    /// Its closest phrase.
    pub phrase: String,
    /// Whether the phrase equals the message after normalization.
    pub exact: bool,
    /// How much the message is like the phrases if it means this answer, 0 to 1:
    /// about the share of messages like the phrases that are less so. Without the
    /// embedder, the share of content in common.
    pub score: f32,
    /// Share of content in common with the phrase (Dice, weighted), 0 to 1.
    pub lexical: f32,
    /// Cosine to the phrase, when meanings were compared.
    pub semantic: Option<f32>,
    /// The gates in order.
    pub gates: Vec<Gate>,
}

impl Candidate {
    fn passes(&self) -> bool {
        self.gates.iter().all(|gate| gate.passed)
    }
}

/// Decides what `message` means among the answers that `allowed` admits.
///
/// `vector` is the message's embedding; without it, or when nothing could be
/// learned from the phrases, words alone are compared. `words` tells which words
/// can stand for others.
pub fn decide(
    phrases: &Phrases,
    message: &Message,
    vector: Option<&[f32]>,
    words: Option<&dyn WordVectors>,
    allowed: impl Fn(&CustomAnswer) -> bool,
) -> Decision {
    let allowed: Vec<bool> = phrases.answers.iter().map(|words| allowed(&words.answer)).collect();
    if let Some(decision) = exact(phrases, message, &allowed) {
        return decision;
    }
    let vector = vector.filter(|vector| vector.iter().any(|value| *value != 0.0));
    match phrases.trained.as_ref().zip(vector) {
        Some((trained, vector)) => {
            let grams = Grams::of(&message.normalized);
            trained::decide(phrases, trained, message, Text { grams: &grams, dense: vector }, words, &allowed)
        }
        None => words::decide(phrases, message, &allowed),
    }
}

/// The answers that the user is asked about.
fn chips<'a>(
    best: &'a Arc<CustomAnswer>,
    others: impl Iterator<Item = &'a Arc<CustomAnswer>>,
) -> Vec<Arc<CustomAnswer>> {
    std::iter::once(best).chain(others.take(MAX_CHIPS - 1)).cloned().collect()
}

/// An equal phrase always hits, whatever else comes close.
fn exact(phrases: &Phrases, message: &Message, allowed: &[bool]) -> Option<Decision> {
    let equal = phrases.exact.get(&message.normalized)?;
    let number = *equal.iter().find(|number| {
        let phrase = &phrases.phrases[**number];
        let rejected = equal
            .iter()
            .any(|other| phrases.phrases[*other].rejects && phrases.phrases[*other].answer == phrase.answer);
        !phrase.rejects && !rejected && allowed[phrase.answer]
    })?;
    let phrase = &phrases.phrases[number];
    let answer = Arc::clone(&phrases.answers[phrase.answer].answer);
    let candidate = Candidate {
        answer: Arc::clone(&answer),
        phrase: phrase.text.clone(),
        exact: true,
        score: 1.0,
        lexical: 1.0,
        semantic: None,
        gates: vec![Gate::new("exact", true, "the phrase is the message")],
    };
    Some(Decision {
        outcome: Outcome::Matched(answer),
        candidates: vec![candidate],
        threshold: 1.0,
        margin: None,
        min_margin: 0.0,
    })
}

fn ratio(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}
