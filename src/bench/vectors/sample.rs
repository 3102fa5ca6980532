//! Vectors like those of texts, the same for the same count and dimension.
//!
//! Embeddings of texts lie in topics, use some directions far more than others,
//! and share a direction of their own. So a vector here is that of its topic (one
//! for every [`PER_TOPIC`] vectors) plus noise of the same length plus a common
//! part of a third of it; the variance of component n of topics and noise falls
//! with n to the power of -3/4. Questions are drawn like vectors and are none of them.

/// Vectors of one topic, on average.
pub const PER_TOPIC: usize = 250;
/// Length of the common part, where that of topic and noise is about 1 each.
const COMMON: f32 = 0.33;
/// The variance falls with the component to this power, its deviation with the half of it.
const DEVIATION_POWER: f32 = -0.375;

/// Where the vectors come from.
#[derive(Clone, Debug)]
pub struct Sample {
    deviations: Vec<f32>,
    common: Vec<f32>,
    topics: usize,
}

/// What a stream of random numbers is for.
#[derive(Clone, Copy)]
enum Stream {
    Common,
    Topic,
    Vector,
    Question,
}

impl Sample {
    /// A sample of `count` vectors of `dimension` components.
    pub fn new(count: usize, dimension: usize) -> Self {
        let raw: Vec<f32> = (0..dimension).map(|at| (at as f32 + 1.0).powf(DEVIATION_POWER)).collect();
        let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
        let deviations: Vec<f32> = raw.iter().map(|value| value / length).collect();
        let mut common = vec![0.0; dimension];
        Random::new(Stream::Common, 0).add_normal(&mut common, &deviations, COMMON);
        Self { deviations, common, topics: count.div_ceil(PER_TOPIC).max(1) }
    }

    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.deviations.len()
    }

    /// Vector number `id`, of length 1.
    pub fn vector(&self, id: usize) -> Vec<f32> {
        self.draw(Random::new(Stream::Vector, id))
    }

    /// Question number `at`, of length 1.
    pub fn question(&self, at: usize) -> Vec<f32> {
        self.draw(Random::new(Stream::Question, at))
    }

    fn draw(&self, mut random: Random) -> Vec<f32> {
        let topic = random.below(self.topics);
        let mut vector = self.common.clone();
        Random::new(Stream::Topic, topic).add_normal(&mut vector, &self.deviations, 1.0);
        random.add_normal(&mut vector, &self.deviations, 1.0);
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        vector
    }
}

/// Random numbers after SplitMix64 (Steele, Lea and Flood, 2014).
struct Random {
    state: u64,
}

impl Random {
    fn new(stream: Stream, number: usize) -> Self {
        let mut random = Self { state: (stream as u64 + 1) << 56 ^ number as u64 };
        random.state = random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }

    /// Adds numbers of about the normal distribution: sums of four uniform ones.
    fn add_normal(&mut self, values: &mut [f32], deviations: &[f32], scale: f32) {
        /// The sum of four numbers below 2^16 has this mean and this deviation.
        const MEAN: f32 = 131_070.0;
        const DEVIATION: f32 = 37_837.0;
        for (value, deviation) in values.iter_mut().zip(deviations) {
            let bits = self.next();
            let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
            *value += (sum as f32 - MEAN) / DEVIATION * deviation * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_a_topic_are_nearer_and_no_question_is_one_of_them() {
        let sample = Sample::new(2_000, 64);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let vectors: Vec<_> = (0..2_000).map(|id| sample.vector(id)).collect();
        assert_eq!(vectors[7], Sample::new(2_000, 64).vector(7));
        for at in 0..20 {
            let question = sample.question(at);
            assert!((dot(&question, &question) - 1.0).abs() < 1e-4);
            let mut cosines: Vec<f32> = vectors.iter().map(|vector| dot(&question, vector)).collect();
            cosines.sort_by(f32::total_cmp);
            let (median, best) = (cosines[1_000], cosines[1_999]);
            assert!((-0.3..0.4).contains(&median) && (0.5..0.95).contains(&best), "{median} {best}");
        }
    }
}
