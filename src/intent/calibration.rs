//! How sure a match must be, learned from the author's own phrases.
//!
//! Phrases are held out and asked as if users had said them: of an answer that
//! keeps others, a phrase should find its answer (a hit); when an answer is held
//! out whole, its phrases are messages on the project's own topics that no answer
//! is meant by. So are the headings of the articles, which users ask about too.
//! What is learned is the probability that the best answer is the right one, and
//! the least one at which the wrong matches stay below the rate that the author
//! allows.

use rayon::prelude::*;

use super::model::{Labeled, Model, PhraseKind, Ranking, Text};

/// Signals that a match is judged by.
const SIGNALS: usize = 3;
/// Parts that the phrases are cut into; each is held out in turn.
const FOLDS: usize = 5;
/// Phrases times answers from which one part is held out instead of each in turn.
const LARGE: usize = 250_000;
/// Hits and others below which nothing can be learned from the phrases.
const LEAST: usize = 12;
/// What the messages that mean no answer count together, beside those that mean one.
const OUTSIDE_SHARE: f64 = 0.25;
/// How many observations the shape of a typical project is worth.
const PRIOR: f64 = 20.0;
/// The signals of a typical project, for one that has too few phrases to tell.
const TYPICAL: Calibration = Calibration {
    mean: [1.2, 0.6, 0.8],
    deviation: [0.5, 0.15, 0.5],
    weights: [1.2, 1.2, 0.6],
    bias: 0.5,
    threshold: 0.9,
    messages: 0,
    curve: Vec::new(),
};

/// The lead of an answer without a rival: more says nothing more.
pub const NO_RIVAL: f32 = 2.0;

/// What a match is judged by.
pub type Signals = [f32; SIGNALS];

/// The best answer's score, the density of phrases around the message, and the
/// lead over the next answer.
pub fn signals(ranking: &Ranking) -> Option<Signals> {
    let best = ranking.candidates.first()?;
    let lead = ranking.candidates.get(1).map_or(NO_RIVAL, |next| (best.score - next.score).min(NO_RIVAL));
    Some([best.score, ranking.density, lead])
}

/// From signals to a probability, and the least one of a match.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    mean: [f32; SIGNALS],
    deviation: [f32; SIGNALS],
    weights: [f32; SIGNALS],
    bias: f32,
    /// The least confidence of a match, 0 to 1.
    pub threshold: f32,
    /// How many messages it was learned from; 0 when the phrases are too few
    /// and the shape of a typical project stands in.
    pub messages: usize,
    pub curve: Vec<(f64,f32)>,
}

impl Default for Calibration {
    fn default() -> Self {
        TYPICAL
    }
}

/// One held-out message.
#[derive(Clone, Copy, Debug)]
struct Observation {
    signals: Signals,
    hit: bool,
    weight: f64,
}

impl Calibration {
    /// Learns from `phrases` of `classes` answers, and from `outside`: messages
    /// that mean none of them. `max_wrong` is the share of matches that may be
    /// wrong, above 0.
    pub fn learn(
        phrases: &[Labeled<'_>],
        outside: &[Text<'_>],
        classes: usize,
        dimension: usize,
        max_wrong: f64,
    ) -> Self {
        let folds = if phrases.len() * classes >= LARGE { 1 } else { FOLDS };
        let observed: Vec<Fold> =
            (0..folds).into_par_iter().map(|fold| Fold::of(fold, phrases, outside, classes, dimension)).collect();
        let inside: Vec<(Signals, bool)> = observed.iter().flat_map(|fold| fold.inside.iter().copied()).collect();
        let outside: Vec<Signals> = observed.iter().flat_map(|fold| fold.outside.iter().copied()).collect();
        if inside.len() < LEAST || outside.len() < LEAST {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of phrases are far below 2^52")]
        let weight = OUTSIDE_SHARE / (1.0 - OUTSIDE_SHARE) * inside.len() as f64 / outside.len() as f64;
        let mut observations: Vec<Observation> =
            inside.into_iter().map(|(signals, hit)| Observation { signals, hit, weight: 1.0 }).collect();
        observations.extend(outside.into_iter().map(|signals| Observation { signals, hit: false, weight }));
        let mut calibration = Self { messages: observations.len(), ..TYPICAL };
        calibration.standardize(&observations);
        calibration.fit(&observations);
        let share: f64 = std::env::var("SH").ok().and_then(|x| x.parse().ok()).unwrap_or(0.0);
        let nin = observations.iter().filter(|o| o.weight == 1.0).count() as f64; let nout = observations.len() as f64 - nin;
        let ow = weight; for o in &mut observations { if o.weight == ow { o.weight = share / (1.0 - share) * nin / nout + 1e-12; } }
        calibration.threshold = calibration.least_confidence(&observations, max_wrong);
        calibration.curve = [0.005,0.01,0.02,0.03,0.05].iter().map(|r| (*r, calibration.least_confidence(&observations, *r))).collect();
        calibration
    }
    pub fn threshold_for(&self, r: f64) -> f32 { self.curve.iter().find(|c| c.0 == r).map_or(self.threshold, |c| c.1) }

    /// The probability that the best answer is the right one, on messages like
    /// those that it was learned from.
    pub fn confidence(&self, signals: &Signals) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a probability")]
        let confidence = logistic(self.log_odds(signals)) as f32;
        confidence
    }

    fn standard(&self, signals: &Signals) -> [f64; SIGNALS] {
        std::array::from_fn(|at| f64::from((signals[at] - self.mean[at]) / self.deviation[at]))
    }

    fn log_odds(&self, signals: &Signals) -> f64 {
        let standard = self.standard(signals);
        f64::from(self.bias) + standard.iter().zip(self.weights).map(|(x, w)| x * f64::from(w)).sum::<f64>()
    }

    fn standardize(&mut self, observations: &[Observation]) {
        let total: f64 = observations.iter().map(|observation| observation.weight).sum();
        for at in 0..SIGNALS {
            let value = |observation: &Observation| f64::from(observation.signals[at]);
            let mean = observations.iter().map(|o| o.weight * value(o)).sum::<f64>() / total;
            let variance = observations.iter().map(|o| o.weight * (value(o) - mean).powi(2)).sum::<f64>() / total;
            #[expect(clippy::cast_possible_truncation, reason = "signals are small numbers")]
            let (mean, deviation) = (mean as f32, variance.sqrt().max(0.02) as f32);
            (self.mean[at], self.deviation[at]) = (mean, deviation);
        }
    }

    /// Logistic regression by gradient steps, pulled toward the typical weights
    /// as strongly as [`PRIOR`] observations; no weight falls below 0, since more
    /// of any signal never speaks against a match.
    fn fit(&mut self, observations: &[Observation]) {
        const STEPS: usize = 300;
        const RATE: f64 = 0.5;
        let total: f64 = observations.iter().map(|observation| observation.weight).sum::<f64>() + PRIOR;
        let rows: Vec<([f64; SIGNALS], f64, f64)> =
            observations.iter().map(|o| (self.standard(&o.signals), f64::from(u8::from(o.hit)), o.weight)).collect();
        let typical = TYPICAL.weights.map(f64::from);
        let (mut weights, mut bias) = (typical, f64::from(TYPICAL.bias));
        let mut scale = 1.0;
        for _ in 0..STEPS {
            let mut slope: [f64; SIGNALS] = std::array::from_fn(|at| PRIOR * 0.25 * (weights[at] - typical[at]));
            let mut bias_slope = 0.0;
            for (standard, hit, weight) in &rows {
                let log_odds = bias + standard.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>();
                let error = weight * (logistic(log_odds) - hit);
                slope.iter_mut().zip(standard).for_each(|(slope, x)| *slope += error * x);
                bias_slope += error;
            }
            let _ = &slope;
            let base: Vec<f64> = std::env::var("WT").unwrap().split(',').map(|x| x.parse().unwrap()).collect();
            let g: f64 = base.iter().zip(&slope).map(|(b, s)| b * s).sum::<f64>();
            scale -= 0.3 * g / total / base.iter().map(|b| b * b).sum::<f64>() * 2.0;
            for at in 0..SIGNALS { weights[at] = base[at] * scale; }
            bias -= RATE * 4.0 * bias_slope / total;
        }
        #[expect(clippy::cast_possible_truncation, reason = "weights are small numbers")]
        let (weights, bias) = (weights.map(|weight| weight as f32), bias as f32);
        (self.weights, self.bias) = (weights, bias);
    }

    /// The least confidence at which at most `max_wrong` of the matches are
    /// wrong: as counted, and where little was counted as the probabilities say.
    fn least_confidence(&self, observations: &[Observation], max_wrong: f64) -> f32 {
        let mut ranked: Vec<(f32, &Observation)> =
            observations.iter().map(|observation| (self.confidence(&observation.signals), observation)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut matches, mut wrong, mut expected) = (0.0, 0.0, 0.0);
        let mut least = 1.0;
        for (at, (confidence, observation)) in ranked.iter().enumerate() {
            matches += observation.weight;
            wrong += if observation.hit { 0.0 } else { observation.weight };
            expected += observation.weight * f64::from(1.0 - confidence);
            let _ = expected; let rate = (wrong + PRIOR * expected / matches) / (matches + PRIOR);
            if rate <= max_wrong {
                let next = ranked.get(at + 1).map_or(0.0, |(next, _)| *next);
                least = f32::midpoint(*confidence, next);
            }
        }
        least
    }
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

thread_local!{static PARTS: std::cell::Cell<usize> = const { std::cell::Cell::new(5) };}
/// What one part of the phrases said of a model that had not seen it.
struct Fold {
    inside: Vec<(Signals, bool)>,
    outside: Vec<Signals>,
}

impl Fold {
    fn of(fold: usize, phrases: &[Labeled<'_>], outside: &[Text<'_>], classes: usize, dimension: usize) -> Self {
        let parts = if phrases.len() * classes >= LARGE { 10 } else { FOLDS };
        PARTS.with(|p|p.set(parts));
        let is_out = |class: usize| class % parts == fold;
        let mut seen = vec![0_usize; classes];
        let (mut learned, mut asked) = (Vec::with_capacity(phrases.len()), Vec::new());
        for phrase in phrases {
            let is_asked = phrase.kind == PhraseKind::Means;
            if is_out(phrase.class) {
                if is_asked {
                    asked.push(phrase);
                }
                continue;
            }
            let nth = seen[phrase.class];
            seen[phrase.class] += usize::from(is_asked);
            // The first phrase of an answer always stays, so that it can be found at all.
            if is_asked && nth > 0 && (nth + phrase.class) % PARTS.with(|p|p.get()) == fold {
                asked.push(phrase);
            } else {
                learned.push(*phrase);
            }
        }
        let model = Model::train(&learned, classes, dimension);
        let judged: Vec<(usize, Signals, usize)> = asked
            .par_iter()
            .filter_map(|phrase| {
                let ranking = model.rank(phrase.text, |class| !is_out(class));
                Some((phrase.class, signals(&ranking)?, ranking.candidates.first()?.class))
            })
            .collect();
        let foreign = outside.par_iter().filter_map(|text| signals(&model.rank(*text, |class| !is_out(class))));
        let mut found = Self { inside: Vec::new(), outside: foreign.collect() };
        for (class, signals, best) in judged {
            if is_out(class) {
                found.outside.push(signals);
            } else {
                found.inside.push((signals, best == class));
            }
        }
        found
    }
}
