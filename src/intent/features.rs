//! What a text is made of, as sparse features: its words, its pairs of
//! neighboring words, its pairs with one word between, and the pieces of its words.
//!
//! Words tell what is asked for, pieces forgive spelling and endings. Features
//! are known by a 64-bit hash of their kind and text, so that reading a text
//! allocates nothing per feature.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use crate::text::segment::{self, SegmentKind};

/// Shortest and longest piece of a word, in characters, its edges included.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;
/// Longest message that is read, in words; what follows says nothing new.
pub(super) const MAX_WORDS: usize = 96;
/// From so many texts on, a piece counts only when two of them have it.
const COMMON_FROM: usize = 3_000;

/// The features of one text by their hashes, with repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grams {
    words: Vec<u64>,
    pieces: Vec<u64>,
}

impl Grams {
    /// Reads a normalized text.
    pub fn of(text: &str) -> Self {
        let mut grams = Self::default();
        let mut before = EDGE;
        let mut earlier = 0;
        let mut characters = Vec::new();
        let mut add = |word: &str, grams: &mut Self| {
            if grams.words.len() >= 3 * MAX_WORDS {
                return;
            }
            let hash = hash(0, word);
            grams.words.push(hash);
            grams.words.push(pair(before, hash));
            if earlier != 0 {
                grams.words.push(hash_of(2, &[earlier, hash]));
            }
            earlier = before;
            before = hash;
            characters.clear();
            characters.extend(std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')));
            for length in PIECES {
                grams.pieces.extend(characters.windows(length).map(|piece| hash_of(length, piece)));
            }
        };
        segment::segments(text, |segment| match segment.kind {
            SegmentKind::Word | SegmentKind::Name | SegmentKind::Hangul => add(segment.text, &mut grams),
            SegmentKind::Run => segment.text.split_inclusive(|_| true).for_each(|word| add(word, &mut grams)),
        });
        if before != EDGE {
            grams.words.push(pair(before, EDGE));
        }
        grams
    }
}

/// Stands before the first word and after the last.
const EDGE: u64 = 1;

fn pair(first: u64, second: u64) -> u64 {
    hash_of(1, &[first, second])
}

fn hash(kind: usize, text: &str) -> u64 {
    hash_of(kind, text.as_bytes())
}

fn hash_of<T: Hash>(kind: usize, parts: &[T]) -> u64 {
    let mut hasher = FxHasher::default();
    kind.hash(&mut hasher);
    parts.hash(&mut hasher);
    hasher.finish()
}

/// A text as weighted features, by number.
pub type SparseVector = Vec<(u32, f32)>;

/// The features that a set of texts has, with what each says.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    words: Block,
    pieces: Block,
    weights: BlockWeights,
}

/// What each block of features weighs beside a dense vector of length 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BlockWeights {
    /// Of words and pairs of words.
    pub words: f32,
    /// Of pieces of words.
    pub pieces: f32,
}

/// The features of one kind: their numbers and inverse document frequencies.
#[derive(Clone, Debug, Default)]
struct Block {
    known: FxHashMap<u64, (u32, f32)>,
}

impl Vocabulary {
    /// The vocabulary of `texts`, its blocks weighed by `weights`.
    pub fn of<'a>(texts: impl Iterator<Item = &'a Grams> + Clone, weights: BlockWeights) -> Self {
        let count = texts.clone().count();
        let words = Block::of(texts.clone().map(|grams| grams.words.as_slice()), count, 1, 0);
        let least = if count < COMMON_FROM { 1 } else { 2 };
        let pieces = Block::of(texts.map(|grams| grams.pieces.as_slice()), count, least, words.known.len());
        Self { words, pieces, weights }
    }

    /// How many features there are; their numbers are below it.
    pub fn len(&self) -> usize {
        self.words.known.len() + self.pieces.known.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text as the features that the vocabulary knows. Each block is as long
    /// as its weight says, whatever the length of the text.
    pub fn encode(&self, grams: &Grams) -> SparseVector {
        let mut vector = Vec::with_capacity(grams.words.len() + grams.pieces.len());
        self.words.encode(&grams.words, self.weights.words, &mut vector);
        self.pieces.encode(&grams.pieces, self.weights.pieces, &mut vector);
        vector
    }
}

impl Block {
    fn of<'a>(texts: impl Iterator<Item = &'a [u64]>, count: usize, least: u32, first: usize) -> Self {
        let mut frequency: FxHashMap<u64, (u32, u32)> = FxHashMap::default();
        for (at, text) in (1..).zip(texts) {
            for feature in text {
                let (texts, last) = frequency.entry(*feature).or_default();
                *texts += u32::from(*last != at);
                *last = at;
            }
        }
        let mut kept: Vec<(u64, u32)> =
            frequency.into_iter().map(|(feature, (texts, _))| (feature, texts)).filter(|(_, n)| *n >= least).collect();
        // Frequent features side by side: their weights then stay in the processor's cache.
        kept.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        #[expect(clippy::cast_precision_loss, reason = "numbers of texts are far below 2^24")]
        let idf = |n: u32| ((1.0 + count as f32) / (1.0 + n as f32)).ln() + 1.0;
        let number = |at: usize| u32::try_from(first + at).expect("fewer features than 2^32");
        let known = kept.into_iter().enumerate().map(|(at, (feature, n))| (feature, (number(at), idf(n)))).collect();
        Self { known }
    }

    fn encode(&self, features: &[u64], weight: f32, vector: &mut SparseVector) {
        let start = vector.len();
        vector.extend(features.iter().filter_map(|feature| self.known.get(feature)));
        let block = &mut vector[start..];
        block.sort_unstable_by_key(|(number, _)| *number);
        // One entry a feature, with 1 + ln(times) of its inverse document frequency.
        let mut kept = 0;
        let mut at = 0;
        while at < block.len() {
            let (number, idf) = block[at];
            let times = block[at..].iter().take_while(|(other, _)| *other == number).count();
            #[expect(clippy::cast_precision_loss, reason = "a message has far fewer than 2^24 features")]
            let factor = 1.0 + (times as f32).ln();
            block[kept] = (number, factor * idf);
            kept += 1;
            at += times;
        }
        let length = block[..kept].iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            block[..kept].iter_mut().for_each(|(_, value)| *value *= weight / length);
        }
        vector.truncate(start + kept);
    }
}

/// The cosine of two encoded texts.
pub fn cosine(one: &[(u32, f32)], other: &[(u32, f32)]) -> f32 {
    let mut sum = 0.0;
    let mut rest = other.iter().peekable();
    for (number, value) in one {
        while rest.next_if(|(at, _)| at < number).is_some() {}
        if let Some((_, with)) = rest.next_if(|(at, _)| at == number) {
            sum += value * with;
        }
    }
    let length = |vector: &[(u32, f32)]| vector.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
    let lengths = length(one) * length(other);
    if lengths > 0.0 { sum / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_equal_and_close_texts_are_close() {
        let texts = ["export my data", "exporting the data", "invite a teammate", "数据导出"];
        let grams: Vec<Grams> = texts.iter().map(|text| Grams::of(text)).collect();
        let vocabulary = Vocabulary::of(grams.iter(), BlockWeights { words: 1.0, pieces: 0.5 });
        let vectors: Vec<SparseVector> = grams.iter().map(|grams| vocabulary.encode(grams)).collect();
        assert!((cosine(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5);
        assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]));
        let chinese = vocabulary.encode(&Grams::of("导出数据"));
        assert!(cosine(&chinese, &vectors[3]) > 0.2 && cosine(&chinese, &vectors[0]) == 0.0);
        assert!(vocabulary.encode(&Grams::of("")).is_empty());
    }

    #[test]
    fn numbers_of_features_are_dense_and_ascend() {
        let grams: Vec<Grams> = ["a b a b", "b c"].iter().map(|text| Grams::of(text)).collect();
        let vocabulary = Vocabulary::of(grams.iter(), BlockWeights { words: 1.0, pieces: 0.5 });
        for grams in &grams {
            let vector = vocabulary.encode(grams);
            assert!(vector.is_sorted_by(|a, b| a.0 < b.0));
            assert!(vector.iter().all(|(number, _)| (*number as usize) < vocabulary.len()));
        }
    }
}
