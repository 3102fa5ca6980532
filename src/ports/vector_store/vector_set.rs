//! The vectors of one version of the knowledge, by id.
//!
//! A vector is rotated, so that no component is much larger than the others, and
//! kept as int8 with one scale: a quarter of the memory of floats, and of the
//! memory traffic of a scan, at an error of the cosine of about 0.0005.

use std::sync::Arc;

use super::rotation::Rotation;

/// Ids of one chunk; a change copies one chunk, a clone shares the others.
pub const CHUNK_IDS: usize = 256;
/// Largest code of a stored component.
const CODE_MAX: f32 = 127.0;

/// The vectors of [`CHUNK_IDS`] ids in a row.
#[derive(Clone, Debug)]
pub struct VectorChunk {
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl VectorChunk {
    /// The codes, vector by vector; those of an id without a vector mean nothing.
    pub fn codes(&self) -> &[i8] {
        &self.codes
    }

    /// What one step of a code counts, for each id; 0 where there is no vector.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }
}

/// Vectors by id. A clone shares its chunks until one of them changes.
#[derive(Clone, Debug)]
pub struct VectorSet {
    dimension: usize,
    rotation: Arc<Rotation>,
    chunks: Vec<Arc<VectorChunk>>,
    count: usize,
}

impl VectorSet {
    /// An empty set for vectors of `dimension` components, at least one.
    pub fn new(dimension: usize) -> Self {
        let dimension = dimension.max(1);
        Self { dimension, rotation: Arc::new(Rotation::new(dimension)), chunks: Vec::new(), count: 0 }
    }

    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Codes of a vector: its components, filled up to whole words of 64.
    pub fn row_length(&self) -> usize {
        self.rotation.length()
    }

    /// How the vectors are turned before they are coded; a question is turned alike.
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// How many ids have a vector.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no id has a vector.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Memory of the vectors, in bytes.
    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_IDS * (self.row_length() + size_of::<f32>())
    }

    /// The chunks, in the order of their ids. One that did not change between two
    /// clones is the same allocation in both.
    pub fn chunks(&self) -> &[Arc<VectorChunk>] {
        &self.chunks
    }

    /// Whether an id has a vector.
    pub fn has(&self, id: usize) -> bool {
        self.chunks.get(id / CHUNK_IDS).is_some_and(|chunk| chunk.scales[id % CHUNK_IDS] != 0.0)
    }

    /// The codes and the scale of an id's vector.
    pub fn row(&self, id: usize) -> Option<(&[i8], f32)> {
        let chunk = self.chunks.get(id / CHUNK_IDS)?;
        let at = id % CHUNK_IDS;
        let scale = chunk.scales[at];
        (scale != 0.0).then(|| (&chunk.codes[at * self.row_length()..][..self.row_length()], scale))
    }

    /// An id's vector, as it was given but for rounding.
    pub fn vector(&self, id: usize) -> Option<Vec<f32>> {
        let (codes, scale) = self.row(id)?;
        let rotated: Vec<f32> = codes.iter().map(|code| f32::from(*code) * scale).collect();
        let mut vector = self.rotation.undo(&rotated);
        vector.truncate(self.dimension);
        Some(vector)
    }

    /// Gives an id a vector of length 1. One of zeros, or of another dimension, or
    /// with a component that is no number, leaves the id without a vector.
    pub fn set(&mut self, id: usize, vector: &[f32]) {
        self.clear(id);
        let is_sound = vector.len() == self.dimension && vector.iter().all(|value| value.is_finite());
        if !is_sound || vector.iter().all(|value| *value == 0.0) {
            return;
        }
        let rotated = self.rotation.apply(vector);
        let largest = rotated.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        while self.chunks.len() <= id / CHUNK_IDS {
            let codes = vec![0; CHUNK_IDS * self.row_length()];
            self.chunks.push(Arc::new(VectorChunk { codes, scales: vec![0.0; CHUNK_IDS] }));
        }
        let chunk = Arc::make_mut(&mut self.chunks[id / CHUNK_IDS]);
        let at = id % CHUNK_IDS;
        let scale = largest / CODE_MAX;
        let length = rotated.len();
        for (code, value) in chunk.codes[at * length..][..length].iter_mut().zip(&rotated) {
            *code = quantize(*value, scale);
        }
        chunk.scales[at] = scale;
        self.count += 1;
    }

    /// Takes an id's vector away.
    pub fn clear(&mut self, id: usize) {
        if self.has(id) {
            Arc::make_mut(&mut self.chunks[id / CHUNK_IDS]).scales[id % CHUNK_IDS] = 0.0;
            self.count -= 1;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the quotient lies within ±127 by the choice of the scale")]
fn quantize(value: f32, scale: f32) -> i8 {
    (value / scale).round() as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsound_vectors_are_no_vectors() {
        let mut set = VectorSet::new(2);
        for vector in [&[0.0, 0.0][..], &[f32::NAN, 1.0], &[1.0], &[f32::INFINITY, 0.0]] {
            set.set(0, &[1.0, 0.0]);
            set.set(0, vector);
            assert!(!set.has(0) && set.is_empty(), "{vector:?}");
        }
    }

    #[test]
    fn a_clone_keeps_what_it_had_and_shares_what_did_not_change() {
        let mut set = VectorSet::new(2);
        set.set(0, &[1.0, 0.0]);
        set.set(CHUNK_IDS, &[1.0, 0.0]);
        let before = set.clone();
        set.set(0, &[0.0, 1.0]);
        let near = |set: &VectorSet, expected: [f32; 2]| {
            set.vector(0).is_some_and(|vector| vector.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01))
        };
        assert!(near(&before, [1.0, 0.0]) && near(&set, [0.0, 1.0]));
        assert!(!Arc::ptr_eq(&before.chunks()[0], &set.chunks()[0]));
        assert!(Arc::ptr_eq(&before.chunks()[1], &set.chunks()[1]));
        set.clear(0);
        assert_eq!((set.len(), before.len(), set.has(0), set.has(9_999)), (1, 2, false, false));
    }
}
