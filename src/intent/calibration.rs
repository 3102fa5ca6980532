//! How sure a match must be, learned from the author's own phrases.
//!
//! Phrases are held out and asked as if users had said them. Two questions are
//! asked of a message, each with a threshold of its own:
//!
//! - Is it like the phrases at all? Its *familiarity* adds the best answer's score
//!   and the density of phrases around the message, each standardized. Together they
//!   tell messages from off-topic ones better than either alone. Answers differ in how
//!   well their messages score, so the score is compared with what is usual for its
//!   answer. Nearly every held-out phrase must stay above the threshold (a conformal
//!   bound).
//! - Is the best answer the right one? Its *lead* over the next answer must be so
//!   great that wrong matches stay below the rate that the author allows. Headings
//!   of articles that no phrase says count as wrong here: users ask about them too,
//!   and mean none of the answers.

use rayon::prelude::*;

use super::model::{Dense, Labeled, Model, PhraseKind, Ranking, Text};

/// Parts that the phrases are cut into; each is held out in turn.
pub const PARTS: usize = 10;
/// Phrases times answers (and [`OVERHEAD`]), over all parts that are held out: of a
/// large project not every part is. It keeps calibration within two trainings.
const ENOUGH: usize = 9_700_000;
/// What a phrase costs beside its answers.
const OVERHEAD: usize = 64;
/// What the density weighs beside the score. More tells off-topic messages better, less
/// those of answers that are missing (CLINC150 and BANKING77 without a quarter of theirs).
const DENSITY_WEIGHT: f32 = 0.35;
/// Share of the held-out phrases that may be less familiar than a match must be.
const UNFAMILIAR: f64 = 0.02;
/// What the messages that mean no answer count together, beside those that mean one.
const OUTSIDE_SHARE: f64 = 0.2;
/// Held-out phrases that a typical project's figures weigh as much as.
const PRIOR: f64 = 20.0;
/// The same for what is usual for one answer: flat from 1 to 10, better than 100 (AUROC of
/// messages whose answer is missing; `evals/README.md`).
const ANSWER_PRIOR: f64 = 5.0;
/// The same for the least lead, which needs more phrases to be known.
const LEAD_PRIOR: f64 = 200.0;

/// What a match is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals {
    /// The number of the best answer.
    pub class: usize,
    /// Its score.
    pub score: f32,
    /// The density of phrases around the message.
    pub density: f32,
    /// How far the next answer or the background lies behind; below 0 when the
    /// background is ahead.
    pub lead: f32,
}

impl Signals {
    /// The lead of an answer without a rival.
    const NO_RIVAL: f32 = 2.0;

    /// Those of a message; `None` when no answer came into question. An answer
    /// that `is_opposed` to what the message asks for is no rival.
    pub fn of(ranking: &Ranking, is_opposed: impl Fn(usize) -> bool) -> Option<Self> {
        let (best, others) = ranking.candidates.split_first()?;
        let next = others.iter().find(|other| !is_opposed(other.class));
        let rivals = next.map(|next| next.score).into_iter().chain(ranking.background);
        let lead = rivals.map(|rival| best.score - rival).fold(Self::NO_RIVAL, f32::min);
        Some(Self { class: best.class, score: best.score, density: ranking.density, lead })
    }
}

/// A mean and a standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    mean: f64,
    deviation: f64,
}

impl Spread {
    /// Of `values`, drawn toward `typical` as if it were [`PRIOR`] values.
    fn of(values: impl Iterator<Item = f64> + Clone, typical: Self) -> Self {
        let count = values.clone().map(|_| 1.0).sum::<f64>() + PRIOR;
        let mean = (values.clone().sum::<f64>() + PRIOR * typical.mean) / count;
        let squares = values.map(|value| (value - mean).powi(2)).sum::<f64>() + PRIOR * typical.deviation.powi(2);
        Self { mean, deviation: (squares / count).sqrt() }
    }

    fn standard(self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}

/// What held-out phrases of a project tell of its messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    score: Spread,
    /// By answer: how far above the mean its messages score.
    usual: Vec<f64>,
    density: Spread,
    /// Of both added.
    sum: Spread,
    /// The least familiarity of a match, 0 to 1.
    pub familiarity: f32,
    /// The least lead of a match.
    pub lead: f32,
}

/// A typical project, for one that has too few phrases to tell.
const TYPICAL: Calibration = Calibration {
    score: Spread { mean: 1.3, deviation: 0.6 },
    usual: Vec::new(),
    density: Spread { mean: 0.66, deviation: 0.12 },
    sum: Spread { mean: 0.0, deviation: 1.4 },
    familiarity: 0.05,
    lead: 1.0,
};

impl Default for Calibration {
    fn default() -> Self {
        TYPICAL
    }
}

/// What was seen of held-out messages.
#[derive(Debug, Default)]
struct Observed {
    /// Of messages that mean an answer, and whether it was found.
    inside: Vec<(Signals, bool)>,
    /// Of messages that mean none.
    outside: Vec<Signals>,
}

impl Calibration {
    /// Learns from `phrases` of `classes` answers, and from `outside`: messages
    /// that mean none of them. `is_opposed` tells of a phrase, by its place, and a
    /// class whether one asks for the opposite of the other. `max_wrong` is the share
    /// of matches that may be wrong, above 0.
    pub fn learn(
        phrases: &[Labeled<'_>],
        is_opposed: impl Fn(usize, usize) -> bool + Sync,
        outside: &[Text<'_>],
        classes: usize,
        dense: Dense,
        max_wrong: f64,
    ) -> Self {
        let held_out = (ENOUGH / (phrases.len() * (classes + OVERHEAD)).max(1)).clamp(1, PARTS);
        let observed: Vec<Observed> = (0..held_out)
            .into_par_iter()
            .map(|part| hold_out(part, phrases, &is_opposed, outside, classes, dense))
            .collect();
        let inside: Vec<(Signals, bool)> = observed.iter().flat_map(|part| part.inside.iter().copied()).collect();
        let outside: Vec<Signals> = observed.iter().flat_map(|part| part.outside.iter().copied()).collect();
        let mut calibration = TYPICAL;
        let scores = inside.iter().map(|(signals, _)| f64::from(signals.score));
        let densities = inside.iter().map(|(signals, _)| f64::from(signals.density));
        calibration.score = Spread::of(scores, TYPICAL.score);
        calibration.usual = usual(&inside, classes, calibration.score.mean);
        calibration.density = Spread::of(densities, TYPICAL.density);
        let sums: Vec<f64> = inside.iter().map(|(signals, _)| calibration.sum_of(signals)).collect();
        calibration.sum = Spread::of(sums.iter().copied(), TYPICAL.sum);
        calibration.choose(&inside, &outside, max_wrong);
        calibration
    }

    /// How much a message is like the phrases, 0 to 1: about the share of messages
    /// like the phrases that are less so. Computed as the logistic function that
    /// comes closest to the normal distribution's (factor 1.702; Camilli 1994).
    pub fn familiarity_of(&self, signals: &Signals) -> f32 {
        let standard = self.sum.standard(self.sum_of(signals));
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        let familiarity = (1.0 / (1.0 + (-1.702 * standard).exp())) as f32;
        familiarity
    }

    fn sum_of(&self, signals: &Signals) -> f64 {
        let density = self.density.standard(f64::from(signals.density));
        let usual = self.usual.get(signals.class).copied().unwrap_or_default();
        self.score.standard(f64::from(signals.score) - usual) + f64::from(DENSITY_WEIGHT) * density
    }

    /// Sets both thresholds.
    fn choose(&mut self, inside: &[(Signals, bool)], outside: &[Signals], max_wrong: f64) {
        let mut familiarities: Vec<f32> = inside.iter().map(|(signals, _)| self.familiarity_of(signals)).collect();
        familiarities.sort_by(f32::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        let place = (UNFAMILIAR * count(familiarities.len())) as usize;
        if let Some(least) = familiarities.get(place) {
            self.familiarity = *least;
        }
        let weight = OUTSIDE_SHARE / (1.0 - OUTSIDE_SHARE) * count(inside.len()) / count(outside.len()).max(1.0);
        let hits = inside.iter().map(|(signals, hit)| (signals, *hit, 1.0));
        let others = outside.iter().map(|signals| (signals, false, weight));
        let mut familiar: Vec<(f32, bool, f64)> = hits
            .chain(others)
            .filter(|(signals, ..)| self.familiarity_of(signals) >= self.familiarity)
            .map(|(signals, hit, weight)| (signals.lead, hit, weight))
            .collect();
        familiar.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut matches, mut wrong) = (0.0, 0.0);
        let mut least = None;
        for (at, (lead, hit, weight)) in familiar.iter().enumerate() {
            matches += weight;
            wrong += if *hit { 0.0 } else { *weight };
            if wrong / matches <= max_wrong {
                least = Some(f32::midpoint(*lead, familiar.get(at + 1).map_or(0.0, |(next, ..)| *next)));
            }
        }
        // The lead that a few phrases show is set by chance: by the one that fits worst.
        let observed = f64::from(least.unwrap_or(Signals::NO_RIVAL).max(0.0));
        let typical = f64::from(TYPICAL.lead);
        let lead = (count(inside.len()) * observed + LEAD_PRIOR * typical) / (count(inside.len()) + LEAD_PRIOR);
        #[expect(clippy::cast_possible_truncation, reason = "a lead is a small number")]
        let lead = lead as f32;
        self.lead = lead;
    }
}

/// By class, how far above `mean` the messages score for which it was found.
fn usual(inside: &[(Signals, bool)], classes: usize, mean: f64) -> Vec<f64> {
    let mut sums = vec![(0.0, ANSWER_PRIOR); classes];
    for (signals, _) in inside.iter().filter(|(_, hit)| *hit) {
        let (above, messages) = &mut sums[signals.class];
        *above += f64::from(signals.score) - mean;
        *messages += 1.0;
    }
    sums.into_iter().map(|(above, messages)| above / messages).collect()
}

/// What a model says of one part of the phrases that it has not seen.
fn hold_out(
    part: usize,
    phrases: &[Labeled<'_>],
    is_opposed: &(impl Fn(usize, usize) -> bool + Sync),
    outside: &[Text<'_>],
    classes: usize,
    dense: Dense,
) -> Observed {
    let (learned, asked) = split(part, phrases, classes);
    let learned: Vec<Labeled<'_>> = learned.into_iter().map(|at| phrases[at]).collect();
    let is_asked = |at: usize| at % PARTS == part;
    let background: Vec<Text<'_>> =
        outside.iter().enumerate().filter(|(at, _)| !is_asked(*at)).map(|(_, text)| *text).collect();
    let model = Model::train(&learned, &background, classes, dense);
    let inside = asked.par_iter().filter_map(|at| {
        let ranking = model.rank(phrases[*at].text, |_| true);
        let best = ranking.candidates.first()?.class;
        let signals = Signals::of(&ranking, |class| is_opposed(*at, class))?;
        (!is_opposed(*at, best)).then_some((signals, best == phrases[*at].class))
    });
    let outside = outside
        .par_iter()
        .enumerate()
        .filter(|(at, _)| is_asked(*at))
        .filter_map(|(_, text)| Signals::of(&model.rank(*text, |_| true), |_| false));
    Observed { inside: inside.collect(), outside: outside.collect() }
}

/// Takes one of [`PARTS`] parts out of the phrases: the places of what is left to
/// learn from, and of what was taken. The first phrase of an answer always stays, so
/// that it can be found at all.
pub fn split(part: usize, phrases: &[Labeled<'_>], classes: usize) -> (Vec<usize>, Vec<usize>) {
    let mut seen = vec![0_usize; classes];
    let (mut learned, mut asked) = (Vec::with_capacity(phrases.len()), Vec::new());
    for (at, phrase) in phrases.iter().enumerate() {
        let nth = seen[phrase.class];
        let is_phrase = phrase.kind == PhraseKind::Means;
        seen[phrase.class] += usize::from(is_phrase);
        if is_phrase && nth > 0 && (nth + phrase.class) % PARTS == part {
            asked.push(at);
        } else {
            learned.push(at);
        }
    }
    (learned, asked)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of phrases are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_for_an_answer_is_known_by_its_own_messages_and_doubted_when_they_are_few() {
        let message = |class, score, hit| (Signals { class, score, density: 0.5, lead: 1.0 }, hit);
        let mut inside = vec![message(0, 1.5, true); 100];
        inside.extend([message(1, 1.5, true), message(2, 0.0, false)]);
        let usual = usual(&inside, 3, 1.0);
        assert!((usual[0] - 0.5 * 100.0 / (100.0 + ANSWER_PRIOR)).abs() < 1e-9, "{usual:?}");
        assert!(usual[1] > 0.0 && usual[1] < 0.25, "{usual:?}");
        assert!(usual[2].abs() < 1e-9, "{usual:?}");
        let calibration = Calibration { usual, ..TYPICAL };
        let familiarity = |class| calibration.familiarity_of(&message(class, 1.0, true).0);
        assert!(familiarity(0) < familiarity(2), "less is usual for the other one");
    }
}
