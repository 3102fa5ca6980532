//! How a passage says what a question asks: word by word, by meaning and by place.

use super::lexicon::{Lexicon, PassageWords};
use super::semantic::coded;
use super::vectors::scan::CodedQuery;

/// Words that are less alike than this have nothing to do with each other: two
/// words at random have a cosine of about 0.2.
const UNRELATED: f32 = 0.3;
/// How steeply the likeness of two words grows with their cosine above [`UNRELATED`].
const STEEPNESS: f32 = 1.5;
/// From this likeness on a word is taken for another form of the asked one.
const SAME: f32 = 0.65;
/// Words farther apart than this, in words that say something, do not stand together.
const NEAR: usize = 8;
/// No word of the question has been seen yet.
const NOWHERE: usize = usize::MAX;

/// What the words of a passage say about a question; shares from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wording {
    /// Share of the question's words that the passage has, by how much they say;
    /// a word that is near in meaning counts by its likeness.
    pub coverage: f32,
    /// How much the title and headings and the question say the same: the geometric
    /// mean of the shares that each has of the other's words.
    pub title: f32,
    /// How many words of the title and headings say something.
    pub title_words: usize,
    /// Share of the question's neighboring words that stand close together.
    pub nearness: f32,
}

/// The words of a question, ready to be compared.
pub(super) struct AskedWords {
    words: Vec<AskedWord>,
    total: f32,
}

struct AskedWord {
    weight: f32,
    /// Absent when nothing is known of the word.
    vector: Option<CodedQuery>,
}

impl AskedWords {
    /// The words with their weights and vectors.
    pub(super) fn new(lexicon: &Lexicon, words: impl IntoIterator<Item = (f32, Option<Vec<f32>>)>) -> Self {
        let words: Vec<AskedWord> = words
            .into_iter()
            .map(|(weight, vector)| AskedWord {
                weight,
                vector: vector.and_then(|vector| coded(lexicon.vectors(), &vector)),
            })
            .collect();
        Self { total: words.iter().map(|word| word.weight).sum(), words }
    }

    /// The likeness of each word of the question with each of `numbers`, one
    /// number after the other.
    fn likeness(&self, lexicon: &Lexicon, numbers: &[u32]) -> Vec<f32> {
        let mut table = vec![0.0; self.words.len() * numbers.len()];
        for (at, word) in self.words.iter().enumerate() {
            let Some(vector) = &word.vector else { continue };
            let cosines = vector.cosines(lexicon.vectors(), numbers);
            for (row, cosine) in table.chunks_exact_mut(self.words.len()).zip(cosines) {
                row[at] = likeness(cosine.unwrap_or(0.0));
            }
        }
        table
    }

    fn share(&self, of_words: impl Iterator<Item = f32>) -> f32 {
        let sum: f32 = self.words.iter().zip(of_words).map(|(word, share)| word.weight * share).sum();
        if self.total > 0.0 { (sum / self.total).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// A question compared with the words of some passages.
pub(super) struct Comparison<'a> {
    asked: &'a AskedWords,
    lexicon: &'a Lexicon,
    /// By number of a word: its row in the table, from 1; 0 for words of other passages.
    rows: Vec<u32>,
    table: Vec<f32>,
    found: Found,
}

/// What was found of the question's words in one passage.
struct Found {
    /// By word: the likeness of the passage's most alike one.
    best: Vec<f32>,
    /// By pair of neighboring words: the least distance between the two.
    distances: Vec<usize>,
    /// By word: where it stood last.
    last: Vec<usize>,
}

impl<'a> Comparison<'a> {
    /// Compares the words of `passages`, each once.
    pub(super) fn new<'p>(
        asked: &'a AskedWords,
        lexicon: &'a Lexicon,
        passages: impl IntoIterator<Item = &'p PassageWords>,
    ) -> Self {
        let mut rows = vec![0; lexicon.len()];
        let mut numbers: Vec<u32> = Vec::new();
        for words in passages {
            for number in words.headings.iter().chain(&*words.text) {
                let row = &mut rows[*number as usize];
                if *row == 0 {
                    numbers.push(*number);
                    *row = u32::try_from(numbers.len()).expect("as many as there are words");
                }
            }
        }
        let table = asked.likeness(lexicon, &numbers);
        let count = asked.words.len();
        let found = Found {
            best: vec![0.0; count],
            distances: vec![NOWHERE; count.saturating_sub(1)],
            last: vec![NOWHERE; count],
        };
        Self { asked, lexicon, rows, table, found }
    }

    /// What the words of one of the passages say. `matched` tells which words of
    /// the question the passage has in some form, as bits; `documents` is the
    /// number of passages that words are weighed by.
    pub(super) fn wording(&mut self, passage: &PassageWords, matched: u64, documents: usize) -> Wording {
        self.found.best.fill(0.0);
        self.found.distances.fill(NOWHERE);
        let title = self.title(&passage.headings, documents);
        self.pairs(&passage.headings);
        for number in &*passage.text {
            let row = row(&self.rows, &self.table, self.asked.words.len(), *number);
            grow(&mut self.found.best, row);
        }
        self.pairs(&passage.text);
        let has = |at: usize| matched >> (at % 64) & 1 == 1;
        let best = self.found.best.iter().enumerate();
        let coverage = self.asked.share(best.map(|(at, best)| if has(at) { 1.0 } else { *best }));
        Wording { coverage, title, title_words: passage.headings.len(), nearness: self.nearness() }
    }

    fn title(&mut self, headings: &[u32], documents: usize) -> f32 {
        let (mut found, mut total) = (0.0, 0.0);
        for number in headings {
            let row = row(&self.rows, &self.table, self.asked.words.len(), *number);
            let weight = self.lexicon.weight(*number, documents);
            found += weight * row.iter().fold(0.0_f32, |best, likeness| best.max(*likeness));
            total += weight;
            grow(&mut self.found.best, row);
        }
        let asked = self.asked.share(self.found.best.iter().copied());
        if total > 0.0 { (asked * found / total).clamp(0.0, 1.0).sqrt() } else { 0.0 }
    }

    /// Lowers the distance of each pair of neighboring words to the least in `text`.
    fn pairs(&mut self, text: &[u32]) {
        let Found { distances: pairs, last, .. } = &mut self.found;
        last.fill(NOWHERE);
        for (place, number) in text.iter().enumerate() {
            let row = row(&self.rows, &self.table, self.asked.words.len(), *number);
            for (at, likeness) in row.iter().enumerate() {
                if *likeness < SAME {
                    continue;
                }
                let distance = |other: usize| place.checked_sub(other).filter(|distance| *distance > 0);
                if let Some(pair) = pairs.get_mut(at)
                    && let Some(distance) = distance(last[at + 1])
                {
                    *pair = distance.min(*pair);
                }
                if let Some(before) = at.checked_sub(1)
                    && let Some(distance) = distance(last[before])
                {
                    pairs[before] = distance.min(pairs[before]);
                }
                last[at] = place;
            }
        }
    }

    fn nearness(&self) -> f32 {
        let (mut found, mut total) = (0.0, 0.0);
        for (words, distance) in self.asked.words.windows(2).zip(&self.found.distances) {
            let weight = words[0].weight.min(words[1].weight);
            total += weight;
            if *distance <= NEAR {
                found += weight / *distance as f32;
            }
        }
        if total > 0.0 { found / total } else { 0.0 }
    }
}

/// The likeness of the question's `asked` words with one of a passage.
fn row<'a>(rows: &[u32], table: &'a [f32], asked: usize, number: u32) -> &'a [f32] {
    let row = rows[number as usize] as usize;
    table.get((row.max(1) - 1) * asked..).map_or(&[], |rest| &rest[..asked])
}

/// How alike two words are, 0 to 1, from their cosine.
fn likeness(cosine: f32) -> f32 {
    ((cosine - UNRELATED) / (1.0 - UNRELATED)).clamp(0.0, 1.0).powf(STEEPNESS)
}

fn grow(best: &mut [f32], row: &[f32]) {
    best.iter_mut().zip(row).for_each(|(best, likeness)| *best = best.max(*likeness));
}
