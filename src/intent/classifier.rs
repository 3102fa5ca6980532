//! A linear classifier over a dense vector and sparse features: one
//! support vector machine per class against all others.
//!
//! Trained by dual coordinate descent on the squared hinge loss (Hsieh, Chang,
//! Lin, Keerthi and Sundararajan, *A dual coordinate descent method for
//! large-scale linear SVM*, ICML 2008): no learning rate, the same result every
//! time, and close to the optimum after a few passes. The weights of one feature
//! stand side by side for all classes of a block, so that one pass over an
//! example's features serves all of them; blocks of classes are independent
//! and train on different cores.

use fearless_simd::{Level, Simd, dispatch};
use rayon::prelude::*;

use super::features::SparseVector;

/// Classes whose margins are added up together, where so many are left, and where not.
const WIDE: usize = 64;
const LANES: usize = 16;
/// Up to so many classes are moved one by one: as a rule two or three of a hundred have
/// something to learn from an example.
const SINGLE_CLASSES: usize = 8;
/// How much a rare class's examples count more: the power of (others / own).
const BALANCE: f32 = 0.3;
/// Passes over the examples: fewer when there are many.
const PASSES: std::ops::RangeInclusive<usize> = 6..=15;
/// Examples from which the fewest passes are enough.
const ENOUGH_EXAMPLES: usize = 10_000;

/// A dual variable that takes Newton steps needs more passes.
const LOGISTIC_PASSES: usize = 2;
/// What the logarithm of the odds is multiplied with, to be a margin like that of the
/// hinge: about 1 for an example of its own class.
const MARGIN_OF_ODDS: f32 = 0.3;
/// Where the dual variables of the logistic loss start, and how much nearer to its bound
/// one may come at a time: shares of the room that it has.
const START: f32 = 0.01;
const NEARER: f32 = 0.1;

/// One text with its class.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// Its dense vector; shorter or empty when it has none.
    pub dense: &'a [f32],
    /// Its sparse features.
    pub sparse: &'a SparseVector,
    /// Its class; none when it is an example of no class.
    pub class: Option<usize>,
    /// How much it counts beside others, above 0.
    pub weight: f32,
}

/// What a margin costs that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The square of what it lacks: nothing from a margin of 1 on.
    Hinge,
    /// The logarithm of the odds: every example counts, which knows more where there
    /// are few.
    Logistic,
}

/// The trained weights.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    blocks: Vec<Block>,
}

/// The weights of neighboring classes.
#[derive(Clone, Debug)]
struct Block {
    first: usize,
    classes: usize,
    /// Weights of a feature: the classes, rounded up to whole [`LANES`].
    stride: usize,
    dense: usize,
    /// By feature: one weight per class. Dense components come first, then
    /// sparse features, then the constant.
    weights: Vec<f32>,
}

/// What violated margins cost: of negative examples, and by class of its own.
struct Costs {
    others: f32,
    own: Vec<f32>,
}

impl Classifier {
    /// Trains on `examples` of `classes` classes, with dense vectors of `dense`
    /// components and `sparse` sparse features. `cost` is that of a violated margin
    /// of a negative example.
    pub fn train(
        examples: &[Example<'_>],
        classes: usize,
        (dense, sparse): (usize, usize),
        (loss, cost): (Loss, f32),
    ) -> Self {
        let mut own = vec![0.0_f32; classes];
        for example in examples {
            if let Some(class) = example.class {
                own[class] += example.weight;
            }
        }
        let all: f32 = examples.iter().map(|example| example.weight).sum();
        let balanced = |own: &f32| match loss {
            Loss::Hinge if *own > 0.0 => cost * ((all - own).max(*own) / own).powf(BALANCE),
            Loss::Hinge | Loss::Logistic => cost,
        };
        let costs = Costs { others: cost, own: own.iter().map(balanced).collect() };
        let passes = (ENOUGH_EXAMPLES * PASSES.start() / examples.len().max(1)).clamp(*PASSES.start(), *PASSES.end());
        let width = classes.div_ceil(rayon::current_num_threads()).max(1);
        let ranges: Vec<usize> = (0..classes).step_by(width).collect();
        let train = |first: usize| {
            let classes = width.min(classes - first);
            let stride = classes.next_multiple_of(LANES);
            let mut block = Block { first, classes, stride, dense, weights: vec![0.0; (dense + sparse + 1) * stride] };
            dispatch!(Level::new(), simd => simd.vectorize(
                #[inline(always)]
                || block.descend(examples, &costs, loss, passes)
            ));
            block
        };
        Self { blocks: ranges.into_par_iter().map(train).collect() }
    }

    /// The margin of every class: above 0 where the text is likely of it.
    pub fn score(&self, dense: &[f32], sparse: &SparseVector) -> Vec<f32> {
        let mut margins = Vec::with_capacity(self.blocks.iter().map(|block| block.stride).sum());
        for block in &self.blocks {
            let start = margins.len();
            margins.resize(start + block.stride, 0.0);
            dispatch!(Level::new(), simd => simd.vectorize(
                #[inline(always)]
                || block.margins(dense, sparse, &mut margins[start..])
            ));
            margins.truncate(start + block.classes);
        }
        margins
    }

    /// Memory of the weights, in bytes.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.weights.len() * size_of::<f32>()).sum()
    }
}

impl Block {
    /// The number of the constant.
    #[inline(always)]
    fn constant(&self) -> usize {
        self.weights.len() / self.stride - 1
    }

    /// Those of a stride. As many at a time as the processor's registers hold.
    #[inline(always)]
    fn margins(&self, dense: &[f32], sparse: &SparseVector, margins: &mut [f32]) {
        let (wide, narrow) = margins.split_at_mut(self.stride / WIDE * WIDE);
        for (tile, margins) in wide.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
            *margins = self.tile(tile * WIDE, dense, sparse);
        }
        let start = wide.len();
        for (tile, margins) in narrow.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            *margins = self.tile(start + tile * LANES, dense, sparse);
        }
    }

    #[inline(always)]
    fn tile<const N: usize>(&self, first: usize, dense: &[f32], sparse: &SparseVector) -> [f32; N] {
        let row = |feature: usize| &self.weights[feature * self.stride + first..][..N];
        let mut margins = [0.0; N];
        margins.copy_from_slice(row(self.constant()));
        for (feature, value) in dense.iter().take(self.dense).enumerate() {
            add_scaled(&mut margins, row(feature), *value);
        }
        for (feature, value) in sparse {
            add_scaled(&mut margins, row(self.dense + *feature as usize), *value);
        }
        margins
    }

    #[inline(always)]
    fn add(&mut self, dense: &[f32], sparse: &SparseVector, steps: &[f32], changed: &[usize]) {
        let (stride, constant) = (self.stride, self.constant());
        let mut update = |feature: usize, value: f32| {
            let row = &mut self.weights[feature * stride..][..steps.len()];
            if changed.len() > SINGLE_CLASSES {
                add_scaled(row, steps, value);
            } else {
                for class in changed {
                    row[*class] += value * steps[*class];
                }
            }
        };
        for (feature, value) in dense.iter().take(self.dense).enumerate() {
            update(feature, *value);
        }
        for (feature, value) in sparse {
            update(self.dense + *feature as usize, *value);
        }
        update(constant, 1.0);
    }

    /// Dual coordinate descent over all examples and the classes of this block.
    #[inline(always)]
    fn descend(&mut self, examples: &[Example<'_>], costs: &Costs, loss: Loss, passes: usize) {
        let classes = self.classes;
        let lengths: Vec<f32> = examples.iter().map(squared_length).collect();
        let mut duals = vec![0.0_f32; examples.len() * classes];
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let (mut margins, mut steps) = (vec![0.0_f32; self.stride], vec![0.0_f32; classes]);
        let mut changed = Vec::with_capacity(classes);
        let mut shuffle = Shuffle::default();
        let passes = match loss {
            Loss::Hinge => passes,
            // One more, in which the dual variables start.
            Loss::Logistic => LOGISTIC_PASSES * passes + 1,
        };
        for _ in 0..passes {
            shuffle.apply(&mut order);
            for at in &order {
                let example = &examples[*at];
                self.margins(example.dense, example.sparse, &mut margins);
                let duals = &mut duals[at * classes..][..classes];
                let own = example.class.and_then(|class| class.checked_sub(self.first)).filter(|own| *own < classes);
                let visit = Visit {
                    length: lengths[*at],
                    own,
                    own_cost: own.map_or(0.0, |own| costs.own[self.first + own] * example.weight),
                    others_cost: costs.others * example.weight,
                };
                match loss {
                    Loss::Hinge => visit.hinge(duals, &margins, &mut steps),
                    Loss::Logistic => visit.logistic(duals, &margins, &mut steps),
                }
                changed.clear();
                changed.extend((0..classes).filter(|class| steps[*class] != 0.0));
                if !changed.is_empty() {
                    self.add(example.dense, example.sparse, &steps, &changed);
                }
            }
        }
        if loss == Loss::Logistic {
            self.weights.iter_mut().for_each(|weight| *weight *= MARGIN_OF_ODDS);
        }
    }
}

/// An example whose dual variables are moved, by class.
struct Visit {
    /// Its squared length.
    length: f32,
    own: Option<usize>,
    own_cost: f32,
    others_cost: f32,
}

impl Visit {
    /// Moves each to the minimum of the squared hinge loss, and writes the steps of the
    /// weights.
    #[inline(always)]
    fn hinge(&self, duals: &mut [f32], margins: &[f32], steps: &mut [f32]) {
        let slack = 0.5 / self.others_cost;
        let rate = 1.0 / (self.length + slack);
        for ((dual, margin), step) in duals.iter_mut().zip(margins).zip(&mut *steps) {
            // Of a negative example: its side is -1.
            let gradient = -margin - 1.0 + *dual * slack;
            let next = (*dual - gradient * rate).max(0.0);
            *step = *dual - next;
            *dual = next;
        }
        if let Some(own) = self.own {
            // The step above was that of a negative example; its own class takes the other side.
            let before = duals[own] + steps[own];
            let slack = 0.5 / self.own_cost;
            let gradient = margins[own] - 1.0 + before * slack;
            let next = (before - gradient / (self.length + slack)).max(0.0);
            duals[own] = next;
            steps[own] = next - before;
        }
    }

    /// The same for the logistic loss: one Newton step, which stays between the bounds (Yu,
    /// Huang and Lin, *Dual coordinate descent methods for logistic regression and maximum
    /// entropy models*, Machine Learning 2011). Variables that are 0 start.
    #[inline(always)]
    fn logistic(&self, duals: &mut [f32], margins: &[f32], steps: &mut [f32]) {
        for (class, ((dual, margin), step)) in duals.iter_mut().zip(margins).zip(steps).enumerate() {
            let (side, cost) = if self.own == Some(class) { (1.0, self.own_cost) } else { (-1.0, self.others_cost) };
            let next = if *dual == 0.0 {
                START * cost
            } else {
                let room = cost - *dual;
                let gradient = side * margin + (*dual / room).ln();
                let curvature = self.length + cost / (*dual * room);
                // As a number of 32 bits it must stay below the cost.
                let left = (room * NEARER).max(cost * 4.0 * f32::EPSILON);
                (*dual - gradient / curvature).clamp(*dual * NEARER, cost - left)
            };
            *step = side * (next - *dual);
            *dual = next;
        }
    }
}

/// `target += value * row`.
#[inline(always)]
fn add_scaled(target: &mut [f32], row: &[f32], value: f32) {
    for (target, weight) in target.iter_mut().zip(row) {
        *target += value * weight;
    }
}

fn squared_length(example: &Example<'_>) -> f32 {
    let dense: f32 = example.dense.iter().map(|value| value * value).sum();
    let sparse: f32 = example.sparse.iter().map(|(_, value)| value * value).sum();
    dense + sparse + 1.0
}

/// A shuffle that is the same every time (a linear congruential generator with
/// the multiplier of Knuth's MMIX).
struct Shuffle(u64);

impl Default for Shuffle {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Shuffle {
    fn apply(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            order.swap(last, usize::try_from((self.0 >> 33) % bound).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_a_feature_tells_apart_are_told_apart() {
        let sparse: Vec<SparseVector> = (0..30).map(|at| vec![(at % 3, 1.0), (3 + at % 5, 0.5)]).collect();
        let examples: Vec<Example<'_>> = sparse
            .iter()
            .enumerate()
            .map(|(at, sparse)| Example { dense: &[], sparse, class: Some(at % 3), weight: 1.0 })
            .collect();
        for loss in [Loss::Hinge, Loss::Logistic] {
            let classifier = Classifier::train(&examples, 3, (0, 8), (loss, 2.0));
            for example in &examples {
                let margins = classifier.score(&[], example.sparse);
                let best = (0..3).max_by(|a, b| margins[*a].total_cmp(&margins[*b])).unwrap();
                assert_eq!(Some(best), example.class);
                assert!(margins[best] > 0.0);
            }
        }
    }

    #[test]
    fn a_class_with_one_example_is_not_drowned_by_one_with_fifty() {
        let rare: SparseVector = vec![(0, 1.0)];
        let common: SparseVector = vec![(1, 1.0)];
        let mut examples = vec![Example { dense: &[1.0, 0.0], sparse: &rare, class: Some(0), weight: 1.0 }];
        examples.extend((0..50).map(|_| Example { dense: &[0.6, 0.8], sparse: &common, class: Some(1), weight: 1.0 }));
        let margins = Classifier::train(&examples, 2, (2, 2), (Loss::Hinge, 2.0)).score(&[1.0, 0.0], &rare);
        assert!(margins[0] > margins[1], "{margins:?}");
    }

    #[test]
    fn nothing_to_learn_is_no_class() {
        assert!(Classifier::train(&[], 0, (4, 4), (Loss::Hinge, 2.0)).score(&[0.0; 4], &Vec::new()).is_empty());
    }
}
