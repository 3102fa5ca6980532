//! Decides whether a message means a Custom Answer.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::message::Message;
use super::phrases::Phrases;
use crate::domain::custom_answer::CustomAnswer;

/// Bounds that a match must keep, all between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Least score.
    pub score: f32,
    /// Least distance to the next answer's score.
    pub margin: f32,
    /// Least share of the message's content that the answer's phrases know.
    pub message_content: f32,
    /// Least share of the closest phrase's content that the message has.
    pub phrase_content: f32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { score: 0.68, margin: 0.05, message_content: 0.6, phrase_content: 0.45 }
    }
}

/// What a message means.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is done about it.
    pub outcome: Outcome,
    /// The answers that came into question, best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
}

/// What is done about a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// This answer is given.
    Matched(Arc<CustomAnswer>),
    /// The user is asked which of these is meant.
    NearTie(Vec<Arc<CustomAnswer>>),
    /// No answer is meant as far as can be told.
    Abstained,
}

/// Most answers that come into question.
pub const MAX_CANDIDATES: usize = 5;

/// Most answers offered as chips.
const MAX_CHIPS: usize = 3;

/// Part of the words in the score; the rest is meaning.
const LEXICAL_PART: f32 = 0.4;

/// Cosine below which meanings have nothing in common: what unrelated short
/// texts reach under the built-in embedder.
const COSINE_FLOOR: f32 = 0.15;

/// An answer that came into question.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The answer.
    pub answer: Arc<CustomAnswer>,
    /// Its closest phrase.
    pub phrase: String,
    /// Whether the phrase equals the message after normalization.
    pub exact: bool,
    /// Combined score, 0 to 1.
    pub score: f32,
    /// Share of content in common (Dice, weighted), 0 to 1.
    pub lexical: f32,
    /// Cosine to the phrase, when meanings were compared.
    pub semantic: Option<f32>,
    /// The gates in order.
    pub gates: Vec<Gate>,
}

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

impl Candidate {
    fn passes(&self) -> bool {
        self.gates.iter().all(|gate| gate.passed)
    }
}

/// Decides what `message` means among the answers that `allowed` admits.
///
/// `vector` is the message's embedding; without it, or when the phrases have
/// none, words alone are compared.
pub fn decide(
    phrases: &Phrases,
    message: &Message,
    vector: Option<&[f32]>,
    bounds: &Bounds,
    allowed: impl Fn(&CustomAnswer) -> bool,
) -> Decision {
    let allowed: Vec<bool> = phrases.answers.iter().map(|words| allowed(&words.answer)).collect();
    if let Some(decision) = exact(phrases, message, &allowed) {
        return decision;
    }
    let mut candidates = scored(phrases, message, vector, &allowed);
    for candidate in &mut candidates {
        gates(phrases, message, bounds, candidate);
    }
    let passing: Vec<&Scored> = candidates.iter().filter(|scored| scored.candidate.passes()).collect();
    let outcome = match passing.as_slice() {
        [] => Outcome::Abstained,
        [best, rest @ ..] => {
            let near: Vec<_> = rest
                .iter()
                .filter(|other| {
                    best.candidate.score - other.candidate.score < bounds.margin || opposite(phrases, best, other)
                })
                .take(MAX_CHIPS - 1)
                .map(|other| Arc::clone(&other.candidate.answer))
                .collect();
            if near.is_empty() {
                Outcome::Matched(Arc::clone(&best.candidate.answer))
            } else {
                Outcome::NearTie([vec![Arc::clone(&best.candidate.answer)], near].concat())
            }
        }
    };
    Decision { outcome, candidates: candidates.into_iter().map(|scored| scored.candidate).collect() }
}

struct Scored {
    candidate: Candidate,
    answer: usize,
    phrase: usize,
    /// Share of the message's content that the answer's phrases know.
    message_content: f32,
    /// Share of the phrase's content that the message has.
    phrase_content: f32,
    /// Score of the closest phrase under `not:`.
    rejection: f32,
}

/// Whether two answers are opposites of which the message, passing for both,
/// asks for neither: "two-factor" is close to turning it on and to turning it off.
fn opposite(phrases: &Phrases, one: &Scored, other: &Scored) -> bool {
    let polarity = |scored: &Scored| &phrases.phrases[scored.phrase].message.polarity;
    polarity(one).conflict(polarity(other)).is_some()
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
        gates: vec![Gate { name: "exact", passed: true, detail: "the phrase is the message".to_owned() }],
    };
    Some(Decision { outcome: Outcome::Matched(answer), candidates: vec![candidate] })
}

/// The closest phrase of each answer, best answers first.
fn scored(phrases: &Phrases, message: &Message, vector: Option<&[f32]>, allowed: &[bool]) -> Vec<Scored> {
    let terms: Vec<(&String, f32)> = message.terms.iter().map(|term| (term, phrases.weight(term))).collect();
    let message_weight: f32 = terms.iter().map(|(_, weight)| weight).sum();
    let mut shared: FxHashMap<usize, f32> = FxHashMap::default();
    for (term, weight) in &terms {
        for number in phrases.postings.get(*term).into_iter().flatten() {
            *shared.entry(*number).or_default() += weight;
        }
    }
    let vectors = vector.filter(|v| v.iter().any(|x| *x != 0.0)).zip(phrases.vectors.as_deref());
    let mut best: FxHashMap<usize, Scored> = FxHashMap::default();
    for (number, phrase) in phrases.phrases.iter().enumerate() {
        if !allowed[phrase.answer] {
            continue;
        }
        let common = shared.get(&number).copied().unwrap_or(0.0);
        let semantic = vectors
            .map(|(vector, all)| dot(vector, &all[number * phrases.dimension..(number + 1) * phrases.dimension]));
        let lexical = ratio(2.0 * common, message_weight + phrase.weight);
        let score = match semantic {
            Some(cosine) => {
                let meaning = ((cosine - COSINE_FLOOR) / (1.0 - COSINE_FLOOR)).clamp(0.0, 1.0);
                LEXICAL_PART * lexical + (1.0 - LEXICAL_PART) * meaning
            }
            None => lexical,
        };
        if common == 0.0 && score < 0.3 {
            continue;
        }
        let entry = best.entry(phrase.answer);
        if phrase.rejects {
            entry.and_modify(|scored| scored.rejection = scored.rejection.max(score));
            continue;
        }
        let words = &phrases.answers[phrase.answer].words;
        let scored = entry.or_insert_with(|| Scored {
            candidate: Candidate {
                answer: Arc::clone(&phrases.answers[phrase.answer].answer),
                phrase: String::new(),
                exact: false,
                score: -1.0,
                lexical: 0.0,
                semantic: None,
                gates: Vec::new(),
            },
            answer: phrase.answer,
            phrase: number,
            message_content: ratio(
                terms.iter().filter(|(term, _)| words.contains(*term)).map(|(_, weight)| weight).sum(),
                message_weight,
            ),
            phrase_content: 0.0,
            rejection: 0.0,
        });
        if score > scored.candidate.score {
            scored.phrase = number;
            scored.phrase_content = ratio(common, phrase.weight);
            scored.candidate.score = score;
            scored.candidate.lexical = lexical;
            scored.candidate.semantic = semantic;
        }
    }
    let mut best: Vec<Scored> = best.into_values().collect();
    best.sort_by(|a, b| b.candidate.score.total_cmp(&a.candidate.score).then(a.answer.cmp(&b.answer)));
    best.truncate(MAX_CANDIDATES);
    for scored in &mut best {
        scored.candidate.phrase.clone_from(&phrases.phrases[scored.phrase].text);
    }
    best
}

fn gates(phrases: &Phrases, message: &Message, bounds: &Bounds, scored: &mut Scored) {
    let polarity = message.polarity.conflict(&phrases.phrases[scored.phrase].message.polarity);
    let score = scored.candidate.score;
    let at_least = |name, value: f32, bound: f32| Gate {
        name,
        passed: value >= bound,
        detail: format!("{value:.2}, at least {bound:.2}"),
    };
    scored.candidate.gates = vec![
        at_least("score", score, bounds.score),
        at_least("message content", scored.message_content, bounds.message_content),
        at_least("phrase content", scored.phrase_content, bounds.phrase_content),
        Gate {
            name: "polarity",
            passed: polarity.is_none(),
            detail: polarity.unwrap_or("it asks for the same").to_owned(),
        },
        Gate {
            name: "not",
            passed: scored.rejection < score,
            detail: if scored.rejection < score {
                "no phrase under `not` is closer".to_owned()
            } else {
                format!("a phrase under `not` comes as close ({:.2})", scored.rejection)
            },
        },
    ];
}

fn ratio(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
