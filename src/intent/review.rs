//! What an author should know of the phrases before users find out: which of them
//! mean two answers, and which answers others stand in the way of.
//!
//! Each phrase is asked of a model that has not seen it, as in the calibration.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::calibration::{PARTS, split};
use super::model::{Labeled, Model, Ranked};
use super::phrases::{Lesson, Phrases, Teaching, dense_of};
use crate::domain::ids::AnswerId;
use crate::ports::embedder::EmbedError;

/// How far another answer must be ahead for its phrase to be told.
const AHEAD: f32 = 0.4;
/// Cosine from which a phrase of another answer can be taken for the phrase.
const ALIKE: f32 = 0.78;
/// Phrases of an answer that must go to one other answer for it to be shadowed.
const SHADOWED_PHRASES: usize = 3;
/// Phrases that make matching worth relying on.
pub const ENOUGH_PHRASES: usize = 3;

/// Something to tell the author.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A phrase reads like another answer.
    Confusable {
        /// The answer that the phrase belongs to.
        answer: AnswerId,
        /// The phrase.
        phrase: String,
        /// The answer that it reads like.
        other: AnswerId,
        /// The closest phrase of that answer.
        like: String,
        /// The cosine to it, -1 to 1.
        similarity: f32,
        /// The cosine to the closest other phrase of its own answer.
        own: f32,
    },
    /// Most phrases of an answer read like one other answer.
    Shadowed {
        /// The answer.
        answer: AnswerId,
        /// The one in its way.
        by: AnswerId,
        /// How many of its phrases go there.
        taken: usize,
        /// How many were asked.
        asked: usize,
    },
    /// An answer has so few phrases that other wordings will rarely match.
    FewPhrases {
        /// The answer.
        answer: AnswerId,
        /// How many it has.
        phrases: usize,
    },
}

/// A held-out phrase that another answer won.
struct Lost {
    phrase: usize,
    winner: Ranked,
    own: f32,
    is_clear: bool,
}

/// Reviews the phrases.
///
/// # Errors
/// When the embedder fails.
pub async fn review(phrases: &Phrases, teaching: Teaching<'_>) -> Result<Vec<Finding>, EmbedError> {
    let id = |class: usize| phrases.answers[class].answer.id.clone();
    let few = phrases.answers.iter().filter(|words| words.answer.phrases.len() < ENOUGH_PHRASES);
    let mut findings: Vec<Finding> = few
        .map(|words| Finding::FewPhrases { answer: words.answer.id.clone(), phrases: words.answer.phrases.len() })
        .collect();
    if phrases.is_empty() {
        return Ok(findings);
    }
    let lesson = Lesson::of(phrases, teaching).await?;
    let labeled = lesson.labeled(phrases);
    let (classes, dense) = (phrases.answers.len(), dense_of(teaching.embedder));
    let parts: Vec<(Vec<Lost>, Vec<usize>)> = (0..PARTS)
        .into_par_iter()
        .map(|part| {
            let (learned, asked) = split(part, &labeled, classes);
            let known: Vec<Labeled<'_>> = learned.iter().map(|at| labeled[*at]).collect();
            let model = Model::train(&known, &[], classes, dense);
            let lost = asked.iter().filter_map(|at| {
                let own = labeled[*at].class;
                let ranking = model.rank(labeled[*at].text, |_| true);
                // What asks for the opposite is told apart by the matcher's other gates.
                let polarity = &phrases.phrases[*at].message.polarity;
                let rivals = |ranked: &&Ranked| phrases.answers[ranked.class].stance.conflict(polarity).is_none();
                let winner = *ranking.candidates.iter().find(rivals).filter(|best| best.class != own)?;
                let second = ranking.candidates.iter().find(|candidate| candidate.class == own);
                let ahead = second.map_or(f32::INFINITY, |second| winner.score - second.score);
                let own = second.map_or(0.0, |second| second.similarity);
                let is_clear = ahead >= AHEAD && winner.similarity >= ALIKE;
                let winner = Ranked { phrase: learned[winner.phrase], ..winner };
                Some(Lost { phrase: *at, winner, own, is_clear })
            });
            (lost.collect(), asked)
        })
        .collect();
    let mut asked: BTreeMap<usize, usize> = BTreeMap::new();
    let mut taken: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (lost, part) in &parts {
        part.iter().for_each(|at| *asked.entry(labeled[*at].class).or_default() += 1);
        for lost in lost {
            *taken.entry((labeled[lost.phrase].class, lost.winner.class)).or_default() += 1;
            let (phrase, like) = (&phrases.phrases[lost.phrase], &phrases.phrases[lost.winner.phrase]);
            // Equal phrases are an error of their own.
            if lost.is_clear && phrase.message.normalized != like.message.normalized {
                findings.push(Finding::Confusable {
                    answer: id(labeled[lost.phrase].class),
                    phrase: phrase.text.clone(),
                    other: id(lost.winner.class),
                    like: like.text.clone(),
                    similarity: lost.winner.similarity,
                    own: lost.own,
                });
            }
        }
    }
    for ((class, by), taken) in taken {
        let asked = asked.get(&class).copied().unwrap_or(0);
        if taken >= SHADOWED_PHRASES && 4 * taken >= 3 * asked {
            findings.push(Finding::Shadowed { answer: id(class), by: id(by), taken, asked });
        }
    }
    Ok(findings)
}
