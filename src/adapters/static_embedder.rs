//! An embedder without a model run: the mean of a table's rows.
//!
//! `static_embedder/README.md` describes the table, which is compiled into the
//! binary. English only, a few microseconds a question, no locks and no state
//! after the first use.

pub mod table;
pub mod word_piece;

use async_trait::async_trait;
use rayon::prelude::*;

use crate::ports::embedder::{EmbedError, Embedder, Role, Vectors};
use crate::ports::word_vectors::WordVectors;
use table::{DIMENSION, Table};
use word_piece::Scratch;

/// Bytes of text from which a batch is spread over the cores.
const PARALLEL_BYTES: usize = 32 * 1024;

/// The built-in embedder for English.
#[derive(Clone, Copy, Debug)]
pub struct StaticEmbedder {
    table: &'static Table,
}

impl StaticEmbedder {
    /// The embedder over the table in the binary; the first call indexes its vocabulary.
    pub fn new() -> Self {
        Self { table: Table::built_in() }
    }

    /// The ids of the tokens of `text` that the table knows, in order.
    pub fn token_ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.table.vocabulary().tokenize(text, &mut Scratch::default(), |id| ids.push(id));
        ids
    }

    /// The vector of one text: length 1, or zeros when no token is known.
    pub fn embed_one(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; DIMENSION];
        self.embed_into(text, &mut Scratch::default(), &mut vector);
        vector
    }

    fn embed_into(&self, text: &str, scratch: &mut Scratch, vector: &mut [f32]) {
        vector.fill(0.0);
        self.table.vocabulary().tokenize(text, scratch, |id| self.table.add_row(id, vector));
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|value| *value /= length);
        }
    }

    /// The vectors of many texts, one after the other, on all cores when that pays.
    pub fn embed_all(&self, texts: &[&str]) -> Vectors {
        let mut values = vec![0.0; texts.len() * DIMENSION];
        if texts.iter().map(|text| text.len()).sum::<usize>() < PARALLEL_BYTES {
            let mut scratch = Scratch::default();
            for (text, vector) in texts.iter().zip(values.chunks_exact_mut(DIMENSION)) {
                self.embed_into(text, &mut scratch, vector);
            }
        } else {
            values
                .par_chunks_exact_mut(DIMENSION)
                .zip(texts)
                .for_each_init(Scratch::default, |scratch, (vector, text)| self.embed_into(text, scratch, vector));
        }
        Vectors::new(DIMENSION, values)
    }
}

impl Default for StaticEmbedder {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Embedder for StaticEmbedder {
    fn is_word(&self, word: &str) -> bool {
        self.token_ids(word).len() == 1
    }

    fn words(&self) -> Option<&dyn WordVectors> {
        Some(self)
    }

    fn name(&self) -> &str {
        "static-en"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn knows(&self, language: &str) -> bool {
        language == "en"
    }

    async fn embed(&self, texts: &[&str], _role: Role) -> Result<Vectors, EmbedError> {
        Ok(self.embed_all(texts))
    }
}

impl WordVectors for StaticEmbedder {
    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn knows(&self, language: &str) -> bool {
        Embedder::knows(self, language)
    }

    fn vector(&self, word: &str) -> Vec<f32> {
        self.embed_one(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Expected {
        text: String,
        ids: Vec<u32>,
        vector_head: Vec<f32>,
    }

    #[test]
    fn agrees_with_the_reference() {
        let embedder = StaticEmbedder::new();
        for line in include_str!("static_embedder/expected.jsonl").lines() {
            let expected: Expected = serde_json::from_str(line).expect("a row");
            assert_eq!(embedder.token_ids(&expected.text), expected.ids, "{}", expected.text);
            let vector = embedder.embed_one(&expected.text);
            for (value, wanted) in vector.iter().zip(&expected.vector_head) {
                assert!((value - wanted).abs() <= 1e-4, "{}: {value} for {wanted}", expected.text);
            }
        }
    }

    #[test]
    fn a_batch_is_its_texts_one_by_one() {
        let embedder = StaticEmbedder::new();
        let long = "How do I export my data? ".repeat(2_000);
        for texts in [vec!["a", "", "two words"], vec![&long, "a", ""]] {
            let vectors = embedder.embed_all(&texts);
            for (vector, text) in vectors.iter().zip(&texts) {
                assert_eq!(vector, embedder.embed_one(text).as_slice());
            }
        }
        assert_eq!(embedder.embed_all(&[]).iter().len(), 0);
    }
}
