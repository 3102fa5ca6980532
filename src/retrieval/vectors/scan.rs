//! The exact scan: the cosine of a question with every vector that may be found.

use fearless_simd::{Level, Simd, dispatch};

use crate::ports::vector_store::vector_set::{CHUNK_IDS, VectorSet};

/// Largest code of a component of the question; leaves the sum of 8,192 products in 32 bits.
const QUERY_CODE_MAX: f32 = 2047.0;

/// The vector of a question, coded for products with the codes of a [`VectorSet`].
pub(in crate::retrieval) struct CodedQuery {
    codes: Vec<i16>,
    scale: f32,
}

impl CodedQuery {
    /// Codes a rotated vector that is not all zeros.
    pub(in crate::retrieval) fn new(rotated: &[f32]) -> Self {
        let largest = rotated.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = largest / QUERY_CODE_MAX;
        Self { codes: rotated.iter().map(|value| quantize(*value, scale)).collect(), scale }
    }

    /// The cosines of some ids; absent where there is no vector.
    pub(in crate::retrieval) fn cosines(&self, vectors: &VectorSet, ids: &[u32]) -> Vec<Option<f32>> {
        let mut cosines = vec![None; ids.len()];
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || self.fill(vectors, ids, &mut cosines)
        ));
        cosines
    }

    /// A plain loop: a closure in an iterator would not be compiled for the level of SIMD.
    #[inline(always)]
    fn fill(&self, vectors: &VectorSet, ids: &[u32], cosines: &mut [Option<f32>]) {
        for (cosine, id) in cosines.iter_mut().zip(ids) {
            if let Some((row, scale)) = vectors.row(*id as usize) {
                *cosine = Some(dot(&self.codes, row) as f32 * scale * self.scale);
            }
        }
    }

    /// Writes the cosine of every id that is `allowed` and has a vector.
    pub(in crate::retrieval) fn scan(&self, vectors: &VectorSet, allowed: &[bool], cosines: &mut [f32]) {
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || self.scan_chunks(vectors, allowed, cosines)
        ));
    }

    /// Compiled once for each level of SIMD, so it must be inlined into its caller.
    #[inline(always)]
    fn scan_chunks(&self, vectors: &VectorSet, allowed: &[bool], cosines: &mut [f32]) {
        let ids = cosines.chunks_mut(CHUNK_IDS).zip(allowed.chunks(CHUNK_IDS));
        for (chunk, (cosines, allowed)) in vectors.chunks().iter().zip(ids) {
            let rows = chunk.codes().chunks_exact(vectors.row_length()).zip(chunk.scales());
            for ((cosine, allowed), (row, scale)) in cosines.iter_mut().zip(allowed).zip(rows) {
                if *allowed && *scale != 0.0 {
                    *cosine = dot(&self.codes, row) as f32 * scale * self.scale;
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the quotient lies within ±2047 by the choice of the scale")]
fn quantize(value: f32, scale: f32) -> i16 {
    (value / scale).round() as i16
}

/// Written so that the compiler multiplies many pairs at once.
#[inline(always)]
fn dot(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(i16::from(*b))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(values: &[f32]) -> Vec<f32> {
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        values.iter().map(|value| value / length).collect()
    }

    fn scan(set: &VectorSet, query: &[f32], allowed: &[bool]) -> Vec<f32> {
        let mut cosines = vec![0.0; allowed.len()];
        CodedQuery::new(&set.rotation().apply(query)).scan(set, allowed, &mut cosines);
        cosines
    }

    #[test]
    fn only_allowed_ids_are_compared() {
        let mut set = VectorSet::new(2);
        set.set(0, &[1.0, 0.0]);
        set.set(300, &[0.0, 1.0]);
        let mut allowed = vec![true; 301];
        assert!((scan(&set, &[1.0, 0.0], &allowed)[0] - 1.0).abs() < 0.01);
        allowed[0] = false;
        assert_eq!(scan(&set, &[1.0, 0.0], &allowed)[0], 0.0);
    }

    proptest! {
        #[test]
        fn the_scan_is_the_cosine(a in prop::collection::vec(-1.0_f32..1.0, 96), b in prop::collection::vec(-1.0_f32..1.0, 96)) {
            let (a, b) = (unit(&a), unit(&b));
            let mut set = VectorSet::new(96);
            set.set(0, &a);
            let exact: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            prop_assert!((scan(&set, &b, &[true])[0] - exact).abs() < 0.005);
        }
    }
}
