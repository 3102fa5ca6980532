//! The trained side of matching: which answers a message could mean, how
//! strongly, and how close it is to anything that an author wrote.
//!
//! Two views are worth more than one. The classifier has learned what sets the
//! answers apart; the nearest phrases tell whether the message is like any of
//! them at all. An answer's score adds both.
//!
//! Beside the answers stands the background: what users ask about that no answer
//! is meant by. It competes as if it were an answer.

use super::classifier::{Classifier, Example, Loss};
use super::features::{BlockWeights, Grams, SparseVector, Vocabulary, cosine};

/// What the features and the similarities weigh. With few phrases an answer the
/// dense vector and the nearest phrase know more than any word; with many, the
/// words have been seen often enough to be trusted.
#[derive(Clone, Copy, Debug)]
struct Weighting {
    blocks: BlockWeights,
    loss: Loss,
    /// Cost of a violated margin.
    cost: f32,
    /// What the similarity to the closest phrase counts beside the margin.
    nearest: f32,
}

/// At ten phrases an answer or fewer: the best of a coarse search on BANKING77's
/// ten-shot split.
const FEW: Weighting =
    Weighting { blocks: BlockWeights { words: 0.8, pieces: 0.5 }, loss: Loss::Hinge, cost: 4.0, nearest: 1.5 };
/// At a hundred or more: the same on CLINC150 and the whole of BANKING77.
const MANY: Weighting =
    Weighting { blocks: BlockWeights { words: 1.2, pieces: 0.7 }, loss: Loss::Hinge, cost: 1.0, nearest: 1.2 };

/// Below so many phrases an answer beside vectors of a transformer (BANKING77's ten-shot
/// split with MiniLM: closed .866 against .860, and .55 against .46 matched, with fewer
/// wrong matches; no gain beside vectors of words).
const FEW_PHRASES: f32 = 30.0;
const FEW_BESIDE_SENTENCES: Weighting = Weighting {
    blocks: BlockWeights { words: BESIDE_SENTENCES * 0.8, pieces: BESIDE_SENTENCES * 0.5 },
    loss: Loss::Logistic,
    cost: 20.0,
    nearest: 2.0,
};

/// What the blocks count beside vectors of a transformer (CLINC150 with MiniLM: closed
/// .969 against .965 without it).
const BESIDE_SENTENCES: f32 = 0.67;

/// The vectors of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dense {
    /// Components of each.
    pub dimension: usize,
    /// Whether they were made of whole sentences, not word by word.
    pub knows_sentences: bool,
}

impl Weighting {
    /// Between [`FEW`] and [`MANY`] by the logarithm of the phrases an answer has;
    /// words weigh less beside vectors that know whole sentences.
    fn of(phrases: usize, classes: usize, dense: Dense) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "numbers of phrases are far below 2^24")]
        let an_answer = phrases as f32 / classes.max(1) as f32;
        let many = (an_answer.max(1.0) / 10.0).log10().clamp(0.0, 1.0);
        let between = |few: f32, most: f32| few + many * (most - few);
        if dense.knows_sentences && an_answer < FEW_PHRASES {
            return FEW_BESIDE_SENTENCES;
        }
        let beside = if dense.knows_sentences { BESIDE_SENTENCES } else { 1.0 };
        Self {
            blocks: BlockWeights {
                words: beside * between(FEW.blocks.words, MANY.blocks.words),
                pieces: beside * between(FEW.blocks.pieces, MANY.blocks.pieces),
            },
            loss: Loss::Hinge,
            cost: between(FEW.cost, MANY.cost),
            nearest: between(FEW.nearest, MANY.nearest),
        }
    }
}

/// Answers whose phrases a message is compared with, best margins first.
const COMPARED: usize = 10;
/// Most phrases that the density looks at.
const MAX_NEIGHBORS: usize = 5;
/// What the words of an answer's identifier count beside a phrase.
const NAME_WEIGHT: f32 = 0.3;
/// What a text of the background counts beside a phrase.
const BACKGROUND_WEIGHT: f32 = 0.5;

/// A text to learn from or to be understood.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its features.
    pub grams: &'a Grams,
    /// Its vector; empty when it has none.
    pub dense: &'a [f32],
}

/// A phrase of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Labeled<'a> {
    /// The phrase.
    pub text: Text<'a>,
    /// The number of its answer.
    pub class: usize,
    /// What it says of the answer.
    pub kind: PhraseKind,
}

impl<'a> Labeled<'a> {
    fn example(&self, sparse: &'a SparseVector) -> Example<'a> {
        Example {
            dense: self.text.dense,
            sparse,
            class: (self.kind != PhraseKind::Rejects).then_some(self.class),
            weight: match self.kind {
                PhraseKind::Means | PhraseKind::Rejects => 1.0,
                PhraseKind::Name => NAME_WEIGHT,
                PhraseKind::Background => BACKGROUND_WEIGHT,
            },
        }
    }
}

/// What a phrase says of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhraseKind {
    /// A message that means it.
    Means,
    /// A message that looks like it and does not mean it.
    Rejects,
    /// The answer's name, which says less than a message.
    Name,
    /// A message that means no answer.
    Background,
}

/// What was learned from phrases.
#[derive(Clone, Debug, Default)]
pub struct Model {
    vocabulary: Vocabulary,
    classifier: Classifier,
    /// What the similarity to the closest phrase counts beside the margin.
    nearest: f32,
    dimension: usize,
    /// By class: its phrases; behind the answers, those of the background.
    classes: Vec<Vec<Phrase>>,
    /// How many classes are answers.
    answers: usize,
    /// The vectors of the phrases, class by class.
    vectors: Vec<f32>,
    neighbors: usize,
}

#[derive(Clone, Debug)]
struct Phrase {
    /// Its place among the phrases that were learned from.
    number: usize,
    sparse: SparseVector,
    /// Its place in the table of vectors, when it has one.
    vector: Option<usize>,
}

/// The answers that a message could mean.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    /// Best first.
    pub candidates: Vec<Ranked>,
    /// Mean similarity to the nearest phrases of any candidate, -1 to 1.
    pub density: f32,
    /// The score of the background, when there is one.
    pub background: Option<f32>,
}

/// An answer that a message could mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its number.
    pub class: usize,
    /// Margin and closeness together.
    pub score: f32,
    /// The classifier's margin.
    pub margin: f32,
    /// The number of its closest phrase.
    pub phrase: usize,
    /// The similarity to that phrase.
    pub similarity: f32,
}

impl Model {
    /// Learns from phrases of `answers` answers, and from `background`, with such vectors.
    pub fn train(phrases: &[Labeled<'_>], background: &[Text<'_>], answers: usize, dense: Dense) -> Self {
        let dimension = dense.dimension;
        let written = phrases.iter().filter(|phrase| phrase.kind == PhraseKind::Means).count();
        let weighting = Weighting::of(written, answers, dense);
        let outside =
            background.iter().map(|text| Labeled { text: *text, class: answers, kind: PhraseKind::Background });
        let all: Vec<Labeled<'_>> = phrases.iter().copied().chain(outside).collect();
        let vocabulary = Vocabulary::of(all.iter().map(|phrase| phrase.text.grams), weighting.blocks);
        let encoded: Vec<SparseVector> = all.iter().map(|phrase| vocabulary.encode(phrase.text.grams)).collect();
        let examples: Vec<Example<'_>> =
            all.iter().zip(&encoded).map(|(phrase, sparse)| phrase.example(sparse)).collect();
        let classes = answers + usize::from(!background.is_empty());
        let classifier =
            Classifier::train(&examples, classes, (dimension, vocabulary.len()), (weighting.loss, weighting.cost));
        let mut model = Self {
            vocabulary,
            classifier,
            nearest: weighting.nearest,
            dimension,
            classes: vec![Vec::new(); classes],
            answers,
            ..Self::default()
        };
        let mut compared: Vec<(usize, &Labeled<'_>, SparseVector)> = all
            .iter()
            .zip(encoded)
            .enumerate()
            .filter(|(_, (phrase, _))| matches!(phrase.kind, PhraseKind::Means | PhraseKind::Background))
            .map(|(number, (phrase, sparse))| (number, phrase, sparse))
            .collect();
        compared.sort_by_key(|(_, phrase, _)| phrase.class);
        for (number, phrase, sparse) in compared {
            let has_vector = dimension > 0 && phrase.text.dense.len() == dimension && !is_zero(phrase.text.dense);
            let vector = has_vector.then(|| {
                model.vectors.extend_from_slice(phrase.text.dense);
                model.vectors.len() / dimension - 1
            });
            model.classes[phrase.class].push(Phrase { number, sparse, vector });
        }
        let with_phrases = model.classes[..answers].iter().filter(|phrases| !phrases.is_empty()).count();
        model.neighbors = (written / with_phrases.max(1)).clamp(1, MAX_NEIGHBORS);
        model
    }

    /// The answers that `allowed` admits, as far as the message could mean them.
    pub fn rank(&self, text: Text<'_>, allowed: impl Fn(usize) -> bool) -> Ranking {
        let sparse = self.vocabulary.encode(text.grams);
        let margins = self.classifier.score(text.dense, &sparse);
        let mut order: Vec<usize> = (0..self.answers).filter(|class| allowed(*class)).collect();
        let best_first = |a: &usize, b: &usize| margins[*b].total_cmp(&margins[*a]).then(a.cmp(b));
        if order.len() > COMPARED {
            order.select_nth_unstable_by(COMPARED - 1, best_first);
            order.truncate(COMPARED);
        }
        let dense = (text.dense.len() == self.dimension && !is_zero(text.dense)).then_some(text.dense);
        let mut nearest: Vec<f32> = Vec::new();
        let mut candidates: Vec<Ranked> = Vec::with_capacity(order.len());
        let scored = |class: usize, similarities: &mut Vec<f32>| {
            let mut closest: Option<(f32, usize)> = None;
            for phrase in &self.classes[class] {
                let similarity = self.similarity(phrase, dense, &sparse);
                similarities.push(similarity);
                if closest.is_none_or(|(best, _)| similarity > best) {
                    closest = Some((similarity, phrase.number));
                }
            }
            let (similarity, phrase) = closest?;
            let margin = margins[class];
            Some(Ranked { class, score: margin + self.nearest * similarity, margin, phrase, similarity })
        };
        candidates.extend(order.into_iter().filter_map(|class| scored(class, &mut nearest)));
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.class.cmp(&b.class)));
        let background = (self.classes.len() > self.answers).then(|| scored(self.answers, &mut Vec::new())).flatten();
        Ranking {
            density: mean_of_best(nearest, self.neighbors),
            candidates,
            background: background.map(|background| background.score),
        }
    }

    fn similarity(&self, phrase: &Phrase, dense: Option<&[f32]>, sparse: &SparseVector) -> f32 {
        match dense.zip(phrase.vector) {
            Some((dense, at)) => dot(dense, &self.vectors[at * self.dimension..][..self.dimension]),
            None => cosine(sparse, &phrase.sparse),
        }
    }

    /// Memory of the weights and vectors, in bytes.
    pub fn bytes(&self) -> usize {
        self.classifier.bytes() + self.vectors.len() * size_of::<f32>()
    }
}

fn is_zero(vector: &[f32]) -> bool {
    vector.iter().all(|value| *value == 0.0)
}

fn mean_of_best(mut values: Vec<f32>, count: usize) -> f32 {
    let count = count.min(values.len());
    if count == 0 {
        return 0.0;
    }
    values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    #[expect(clippy::cast_precision_loss, reason = "at most MAX_NEIGHBORS")]
    let count_f = count as f32;
    values[..count].iter().sum::<f32>() / count_f
}

/// The dot product, in lanes that the compiler turns into one instruction.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
