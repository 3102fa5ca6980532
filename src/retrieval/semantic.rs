//! The vectors that stand for a passage.

use super::vectors::scan::CodedQuery;
use crate::ports::vector_store::vector_set::VectorSet;

/// The vector of a passage from that of its headings and that of its text: the
/// direction halfway between. One vector for both texts together would leave a
/// heading of five words without a say beside two hundred; nDCG@10 of `docent
/// eval retrieval --mode hybrid` is .866 on stackfaq with it and .833 without,
/// and the same on scifact and xquad-en.
pub fn between(heading: &[f32], text: &[f32]) -> Vec<f32> {
    let sum: Vec<f32> = heading.iter().zip(text).map(|(heading, text)| heading + text).collect();
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 { sum.iter().map(|value| value / length).collect() } else { sum }
}

/// A vector, ready to be compared with those of `vectors`; nothing when it is all
/// zeros or does not fit.
pub(super) fn coded(vectors: &VectorSet, vector: &[f32]) -> Option<CodedQuery> {
    let is_sound = vector.len() == vectors.dimension() && vector.iter().all(|value| value.is_finite());
    let is_known = vector.iter().any(|value| *value != 0.0);
    (is_sound && is_known).then(|| CodedQuery::new(&vectors.rotation().apply(vector)))
}

/// The vectors of the headings alone, by slot. With the vector of the passage,
/// which lies halfway between its headings and its text, they give the cosine of
/// each: a question may say what the title says, or what the text says.
#[derive(Clone, Debug)]
pub(super) struct HeadingVectors {
    vectors: VectorSet,
    /// By slot: the length of the sum of the two vectors that the passage's is made of.
    lengths: Vec<f32>,
}

impl HeadingVectors {
    pub(super) fn new(dimension: usize) -> Self {
        Self { vectors: VectorSet::new(dimension), lengths: Vec::new() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.vectors.bytes()
    }

    pub(super) fn set(&mut self, slot: usize, heading: &[f32], text: &[f32]) {
        let length = heading.iter().zip(text).map(|(heading, text)| (heading + text).powi(2)).sum::<f32>().sqrt();
        if self.lengths.len() <= slot {
            self.lengths.resize(slot + 1, 0.0);
        }
        self.lengths[slot] = length;
        self.vectors.set(slot, heading);
    }

    pub(super) fn clear(&mut self, slot: usize) {
        self.vectors.clear(slot);
    }

    /// The larger of the cosines of headings and text with `question`, for slots
    /// whose passages have the cosines given.
    pub(super) fn nearest(&self, question: &[f32], slots: &[u32], cosines: &[Option<f32>]) -> Vec<Option<f32>> {
        let Some(question) = coded(&self.vectors, question) else { return cosines.to_vec() };
        let of_headings = question.cosines(&self.vectors, slots);
        let nearer = |((slot, cosine), heading): ((&u32, &Option<f32>), Option<f32>)| {
            let (cosine, Some(heading)) = ((*cosine)?, heading) else { return *cosine };
            let text = cosine * self.lengths[*slot as usize] - heading;
            Some(heading.max(text).min(1.0))
        };
        slots.iter().zip(cosines).zip(of_headings).map(nearer).collect()
    }
}
