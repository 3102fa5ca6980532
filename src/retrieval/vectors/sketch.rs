//! Vectors as one bit a component, which tell their cosine with a question well
//! enough to leave out nearly all of them.
//!
//! After Gao and Long, *RaBitQ* (SIGMOD 2024): of a rotated vector only the signs
//! are kept. The product of the signs with the rotated question, over the
//! product of the signs with the vector itself, estimates the cosine without
//! bias, with a deviation of about 0.75 over the root of the dimension. The
//! question keeps four bits a component, as planes of bits, so that a product is
//! a count of bits.

use fearless_simd::{Level, Simd, dispatch};

use crate::ports::vector_store::vector_set::{CHUNK_IDS, VectorChunk};

/// Bits of a component of the question.
const PLANES: usize = 4;
/// Largest code of a component: the planes count 1, 2, 4 and 8, each up or down.
const PLANES_MAX: f32 = 15.0;

/// The sketches of one chunk of vectors.
#[derive(Debug)]
pub(super) struct Sketch {
    /// The signs as bits: the first word of each id, then the second word of each, and so on.
    signs: Vec<u64>,
    /// What makes a sum of signs a cosine, by id; 0 where there is no vector.
    factors: Vec<f32>,
}

impl Sketch {
    /// Sketches the vectors of a chunk, whose rows have `length` codes.
    pub(super) fn of(chunk: &VectorChunk, length: usize) -> Self {
        let mut sketch = Self { signs: vec![0; length / 64 * CHUNK_IDS], factors: vec![0.0; CHUNK_IDS] };
        let rows = chunk.codes().chunks_exact(length).zip(chunk.scales());
        for (id, (codes, scale)) in rows.enumerate().filter(|(_, (_, scale))| **scale != 0.0) {
            for (word, codes) in codes.chunks_exact(64).enumerate() {
                sketch.signs[word * CHUNK_IDS + id] = signs(codes);
            }
            let squares: i32 = codes.iter().map(|code| i32::from(*code).pow(2)).sum();
            let sum: i32 = codes.iter().map(|code| i32::from(*code).abs()).sum();
            sketch.factors[id] = squares as f32 / sum as f32 * scale;
        }
        sketch
    }

    /// Memory of the sketches of one chunk, in bytes.
    pub(super) fn bytes(length: usize) -> usize {
        CHUNK_IDS * (length / 8 + size_of::<f32>())
    }
}

/// The signs of 64 codes as bits, set where one is below 0.
fn signs(codes: &[i8]) -> u64 {
    codes.iter().zip(0..).fold(0, |word, (code, at)| word | u64::from(*code < 0) << at)
}

/// A question, ready to be compared with sketches.
pub(super) struct SketchQuery {
    /// The planes of each word: whether the bit of a component counts down.
    words: Vec<[u64; PLANES]>,
    /// What a sum over the planes counts.
    step: f32,
}

impl SketchQuery {
    /// Reads a rotated vector that is not all zeros.
    pub(super) fn new(rotated: &[f32]) -> Self {
        let largest = rotated.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let step = largest / PLANES_MAX;
        let words = rotated.chunks_exact(64).map(|values| {
            let mut planes = [0; PLANES];
            for (at, value) in values.iter().enumerate() {
                let code = code(*value, step);
                for (plane, word) in planes.iter_mut().enumerate() {
                    *word |= (!code >> plane & 1) << at;
                }
            }
            planes
        });
        Self { words: words.collect(), step }
    }

    /// Writes the estimated cosine of every id of a chunk.
    pub(super) fn estimate(&self, sketch: &Sketch, estimates: &mut [f32; CHUNK_IDS]) {
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || self.estimate_chunk(sketch, estimates)
        ));
    }

    /// Goes id by id in the innermost loop, so that the compiler counts the bits of
    /// many ids at once.
    #[inline(always)]
    fn estimate_chunk(&self, sketch: &Sketch, estimates: &mut [f32; CHUNK_IDS]) {
        let mut differences = [0_u64; CHUNK_IDS];
        for (planes, signs) in self.words.iter().zip(sketch.signs.chunks_exact(CHUNK_IDS)) {
            let [one, two, four, eight] = *planes;
            for (difference, signs) in differences.iter_mut().zip(signs) {
                let count = |plane: u64| u64::from((signs ^ plane).count_ones());
                *difference += count(one) + 2 * count(two) + 4 * count(four) + 8 * count(eight);
            }
        }
        let all = self.words.len() as f32 * 64.0 * PLANES_MAX;
        for ((estimate, difference), factor) in estimates.iter_mut().zip(&differences).zip(&sketch.factors) {
            *estimate = (all - 2.0 * *difference as f32) * self.step * factor;
        }
    }
}

/// The nearest of the codes 0 to 15, which stand for -15, -13 and so on to 15 steps.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 0..=15 before")]
fn code(value: f32, step: f32) -> u64 {
    ((value / step + PLANES_MAX) / 2.0).round().clamp(0.0, PLANES_MAX) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::vector_store::vector_set::VectorSet;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// Five deviations of the estimate leave one in a million outside.
        #[test]
        fn the_estimate_is_near_the_cosine(
            dimension in prop::sample::select(vec![64_usize, 100, 256, 384, 1536]),
            seed in any::<u32>(),
            nearness in 0.0_f32..1.0,
        ) {
            let mut state = u64::from(seed);
            let mut next = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
            };
            let unit = |values: Vec<f32>| {
                let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
                values.into_iter().map(|value| value / length).collect::<Vec<_>>()
            };
            let query = unit((0..dimension).map(|_| next()).collect());
            let noise = unit((0..dimension).map(|_| next()).collect());
            let vector = unit(query.iter().zip(&noise).map(|(a, b)| nearness * a + (1.0 - nearness) * b).collect());
            let mut set = VectorSet::new(dimension);
            set.set(9, &vector);
            let sketch = Sketch::of(&set.chunks()[0], set.row_length());
            let mut estimates = [f32::NAN; CHUNK_IDS];
            SketchQuery::new(&set.rotation().apply(&query)).estimate(&sketch, &mut estimates);
            let exact: f32 = query.iter().zip(&vector).map(|(a, b)| a * b).sum();
            prop_assert!((estimates[9] - exact).abs() < 5.0 * 0.8 / (dimension as f32).sqrt(), "{} {exact}", estimates[9]);
            prop_assert!(estimates.iter().enumerate().all(|(id, estimate)| id == 9 || *estimate == 0.0));
        }
    }
}
