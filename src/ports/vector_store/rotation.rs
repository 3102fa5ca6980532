//! A random rotation, so that every component of a vector says as much as any other.
//!
//! Signs, then a Hadamard transform, a few times over: orthogonal, and as good as
//! a random matrix at a cost of n log n (Ailon and Chazelle, *The fast
//! Johnson-Lindenstrauss transform*, 2009). Where the length is no power of two,
//! the transform takes the head and the tail of the vector in turn.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};
use sha2::{Digest, Sha256};

/// Times that signs and transform are applied.
const ROUNDS: usize = 4;
/// A rotation of vectors of one length.
#[derive(Clone, Debug)]
pub struct Rotation {
    signs: [Vec<f32>; ROUNDS],
    /// The part of a vector that a transform takes.
    block: usize,
}

impl Rotation {
    /// A rotation for vectors of `dimension` components; it is the same every time.
    pub fn new(dimension: usize) -> Self {
        let length = dimension.max(1).next_multiple_of(64);
        let block = 1 << length.ilog2();
        let scale = 1.0 / (block as f32).sqrt();
        let signs = std::array::from_fn(|round| {
            // The transform multiplies lengths by the root of its size; the signs take that back.
            let inside = if round % 2 == 0 { 0..block } else { length - block..length };
            let sign = |at: usize| if bit(round, at) { -1.0 } else { 1.0 };
            (0..length).map(|at| if inside.contains(&at) { sign(at) * scale } else { sign(at) }).collect()
        });
        Self { signs, block }
    }

    /// Components of a rotated vector: those of the vector, filled up to whole
    /// words of 64.
    pub fn length(&self) -> usize {
        self.signs[0].len()
    }

    /// The rotated vector.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let mut rotated = vec![0.0; self.length()];
        rotated.iter_mut().zip(vector).for_each(|(rotated, value)| *rotated = *value);
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || self.turn(&mut rotated)
        ));
        rotated
    }

    /// The vector whose rotation is `rotated`, with what it was filled up with.
    pub fn undo(&self, rotated: &[f32]) -> Vec<f32> {
        let mut vector = rotated.to_vec();
        for (round, signs) in self.signs.iter().enumerate().rev() {
            hadamard(&mut vector[self.place(round)]);
            vector.iter_mut().zip(signs).for_each(|(value, sign)| *value *= sign);
        }
        vector
    }

    #[inline(always)]
    fn turn(&self, vector: &mut [f32]) {
        for (round, signs) in self.signs.iter().enumerate() {
            vector.iter_mut().zip(signs).for_each(|(value, sign)| *value *= sign);
            hadamard(&mut vector[self.place(round)]);
        }
    }

    /// What the transform of a round takes.
    fn place(&self, round: usize) -> Range<usize> {
        let start = if round % 2 == 0 { 0 } else { self.length() - self.block };
        start..start + self.block
    }
}

/// The Walsh-Hadamard transform in place; the length is a power of two.
#[inline(always)]
fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// A bit that is random and always the same.
fn bit(round: usize, at: usize) -> bool {
    let name = format!("{round}/{}", at / 256);
    let hash: [u8; 32] = Sha256::digest(name).into();
    hash[at % 256 / 8] >> (at % 8) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lengths_and_angles_stay(dimension in 1_usize..500, a in 0_usize..500, b in 0_usize..500) {
            let rotation = Rotation::new(dimension);
            let rotated = |seed: usize| {
                let mut vector = vec![0.0; dimension];
                vector[seed % dimension] = 0.8;
                vector[(seed * 7 + 1) % dimension] += 0.6;
                let rotated = rotation.apply(&vector);
                (vector, rotated)
            };
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let ((a, rotated_a), (b, rotated_b)) = (rotated(a), rotated(b));
            prop_assert!((dot(&a, &b) - dot(&rotated_a, &rotated_b)).abs() < 1e-4);
            prop_assert!((dot(&a, &a) - dot(&rotated_a, &rotated_a)).abs() < 1e-4);
            let undone = rotation.undo(&rotated_a);
            prop_assert!(undone.iter().zip(a.iter().chain(std::iter::repeat(&0.0))).all(|(b, a)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn one_component_is_spread_over_all() {
        for dimension in [64, 256, 384, 768, 1536] {
            let vector = Rotation::new(dimension).apply(&[1.0]);
            let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            assert!(largest < 6.0 / (dimension as f32).sqrt(), "{dimension}: {largest}");
        }
    }
}
