//! The vectors that stand for a passage, and those of its parts.

use std::sync::Arc;

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

/// How near the parts of a passage come to a question, as cosines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PartCosines {
    pub(super) heading: f32,
    pub(super) text: f32,
}

impl PartCosines {
    /// That of the nearer part: a question may say what the title says, or what the text says.
    pub(super) fn nearer(self) -> f32 {
        self.heading.max(self.text).min(1.0)
    }
}

/// The vectors of what passages are made of, by slot. With the vector of the passage,
/// which lies halfway between its headings and its text, that of the headings gives
/// the cosine of each.
#[derive(Clone, Debug)]
pub(super) struct PartVectors {
    headings: VectorSet,
    /// By slot: the length of the sum of the two vectors that the passage's is made of.
    lengths: Vec<f32>,
    excerpts: VectorSet,
    /// By slot: its excerpts, in order.
    numbers: Vec<Arc<[u32]>>,
    /// Numbers that no excerpt has any more, and the first that none ever had.
    free: Vec<u32>,
    next: u32,
}

impl PartVectors {
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            headings: VectorSet::new(dimension),
            lengths: Vec::new(),
            excerpts: VectorSet::new(dimension),
            numbers: Vec::new(),
            free: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.headings.bytes() + self.excerpts.bytes()
    }

    pub(super) fn set(&mut self, slot: usize, heading: &[f32], text: &[f32], excerpts: &[&[f32]]) {
        self.clear(slot);
        let length = heading.iter().zip(text).map(|(heading, text)| (heading + text).powi(2)).sum::<f32>().sqrt();
        if self.lengths.len() <= slot {
            self.lengths.resize(slot + 1, 0.0);
            self.numbers.resize(slot + 1, Arc::default());
        }
        self.lengths[slot] = length;
        self.headings.set(slot, heading);
        self.numbers[slot] = excerpts.iter().map(|vector| self.place(vector)).collect();
    }

    /// The mean cosine of the headings of passages with their texts.
    pub(super) fn repetition(&self) -> f32 {
        let with_headings = self.lengths.iter().enumerate().filter(|(slot, _)| self.headings.has(*slot));
        // The square of the length of a sum of two unit vectors is 2 + 2 cos.
        let cosines = with_headings.map(|(_, length)| length * length / 2.0 - 1.0);
        let (count, sum) = cosines.fold((0.0_f32, 0.0), |(count, sum), cosine| (count + 1.0, sum + cosine));
        sum / count.max(1.0)
    }

    fn place(&mut self, vector: &[f32]) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        self.excerpts.set(number as usize, vector);
        number
    }

    pub(super) fn clear(&mut self, slot: usize) {
        self.headings.clear(slot);
        let gone = self.numbers.get_mut(slot).map(std::mem::take).unwrap_or_default();
        gone.iter().for_each(|number| self.excerpts.clear(*number as usize));
        self.free.extend_from_slice(&gone);
    }

    /// A question, ready to be compared with the parts.
    pub(super) fn coded(&self, question: &[f32]) -> Option<CodedQuery> {
        coded(&self.headings, question)
    }

    /// The cosines of headings and text with `question`, for slots whose passages have
    /// the cosines given.
    pub(super) fn compare(
        &self,
        question: &CodedQuery,
        slots: &[u32],
        cosines: &[Option<f32>],
    ) -> Vec<Option<PartCosines>> {
        let of_headings = question.cosines(&self.headings, slots);
        let parts = |((slot, cosine), heading): ((&u32, &Option<f32>), Option<f32>)| {
            let cosine = (*cosine)?;
            Some(match heading {
                Some(heading) => PartCosines { heading, text: cosine * self.lengths[*slot as usize] - heading },
                None => PartCosines { heading: 0.0, text: cosine },
            })
        };
        slots.iter().zip(cosines).zip(of_headings).map(parts).collect()
    }

    /// The cosines of the excerpts of a slot, in order; 0 where there is no vector.
    pub(super) fn excerpts(&self, question: &CodedQuery, slot: u32) -> Vec<f32> {
        let numbers = self.numbers.get(slot as usize).map_or(&[][..], |numbers| numbers);
        question.cosines(&self.excerpts, numbers).into_iter().map(Option::unwrap_or_default).collect()
    }
}
