//! A random rotation, so that every component of a vector says as much as any other.
//!
//! Signs, then a Hadamard transform, a few times over: orthogonal, and as good as
//! a random matrix at a cost of n log n (Ailon and Chazelle, *The fast
//! Johnson-Lindenstrauss transform*, 2009). Where the length is no power of two,
//! the transform takes the head and the tail of the vector in turn.

/// Times that signs and transform are applied.
const ROUNDS: usize = 4;
/// Where the signs start; any number will do, as long as it stays the same.
const SEED: u64 = 0x5eed_0f51_6e5a_11ce;

/// A rotation of vectors of one length.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    signs: [Vec<f32>; ROUNDS],
    /// The part of a vector that a transform takes.
    block: usize,
}

impl Rotation {
    /// A rotation for vectors of `dimension` components; it is the same every time.
    pub(super) fn new(dimension: usize) -> Self {
        let length = Self::length_for(dimension);
        let block = 1 << length.ilog2();
        let mut state = SEED;
        let scale = 1.0 / (block as f32).sqrt();
        let signs = std::array::from_fn(|round| {
            // The transform multiplies lengths by the root of its size; the signs take that back.
            let inside = if round % 2 == 0 { 0..block } else { length - block..length };
            (0..length)
                .map(|at| {
                    state = split_mix(state);
                    let sign = if state >> 63 == 0 { 1.0 } else { -1.0 };
                    if inside.contains(&at) { sign * scale } else { sign }
                })
                .collect()
        });
        Self { signs, block }
    }

    /// Components of a rotated vector: those of the vector, filled up to whole
    /// words of 64.
    pub(super) fn length_for(dimension: usize) -> usize {
        dimension.max(1).next_multiple_of(64)
    }

    /// Rotates a vector, which is already filled up with zeros.
    pub(super) fn apply(&self, vector: &mut [f32]) {
        for (round, signs) in self.signs.iter().enumerate() {
            vector.iter_mut().zip(signs).for_each(|(value, sign)| *value *= sign);
            let start = if round % 2 == 0 { 0 } else { vector.len() - self.block };
            hadamard(&mut vector[start..start + self.block]);
        }
    }
}

/// The Walsh-Hadamard transform in place; the length is a power of two.
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

/// The next number of SplitMix64 (Steele, Lea and Flood, 2014).
fn split_mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
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
                let mut vector = vec![0.0; Rotation::length_for(dimension)];
                vector[seed % dimension] = 0.8;
                vector[(seed * 7 + 1) % dimension] += 0.6;
                let before = vector.clone();
                rotation.apply(&mut vector);
                (before, vector)
            };
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let ((a, rotated_a), (b, rotated_b)) = (rotated(a), rotated(b));
            prop_assert!((dot(&a, &b) - dot(&rotated_a, &rotated_b)).abs() < 1e-4);
            prop_assert!((dot(&a, &a) - dot(&rotated_a, &rotated_a)).abs() < 1e-4);
        }
    }

    #[test]
    fn one_component_is_spread_over_all() {
        for dimension in [64, 256, 384, 768, 1536] {
            let mut vector = vec![0.0; Rotation::length_for(dimension)];
            vector[0] = 1.0;
            Rotation::new(dimension).apply(&mut vector);
            let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            assert!(largest < 6.0 / (dimension as f32).sqrt(), "{dimension}: {largest}");
        }
    }
}
