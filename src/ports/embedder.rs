//! Turns texts into vectors whose cosine tells how close their meanings are.

use async_trait::async_trait;

use super::word_vectors::WordVectors;

/// Vectors of equal length, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    dimension: usize,
    values: Vec<f32>,
}

impl Vectors {
    /// Wraps `values`, which hold one vector of `dimension` after the other.
    pub fn new(dimension: usize, values: Vec<f32>) -> Self {
        debug_assert!(dimension > 0 && values.len().is_multiple_of(dimension));
        Self { dimension, values }
    }

    /// Components of each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vectors, each of length 1, or all zeros when the embedder knows
    /// nothing in the text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension.max(1))
    }

    /// The vector of the text at `place`.
    ///
    /// # Panics
    /// When there are fewer texts.
    pub fn get(&self, place: usize) -> &[f32] {
        &self.values[place * self.dimension..][..self.dimension]
    }

    /// All components, vector by vector.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

/// Why texts could not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// It may work later: the service is slow, busy or away.
    #[error("the embedder `{embedder}` is unavailable: {reason}")]
    Unavailable {
        /// Name of the embedder.
        embedder: String,
        /// Cause, for the log.
        reason: String,
    },
    /// It will not work with these texts or settings.
    #[error("the embedder `{embedder}` refused: {reason}")]
    Refused {
        /// Name of the embedder.
        embedder: String,
        /// Cause, for the log.
        reason: String,
    },
}

/// What a text is to be compared as. Some models are trained to embed a question
/// in another way than the text that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What a user says; it is never kept on disk.
    Question,
    /// An author's phrasing of what users say: embedded as a question is.
    Phrase,
    /// A text of the knowledge, which may hold the answer.
    Passage,
}

/// An embedding model.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Its name with its version, such as `static-en`; part of cache keys.
    fn name(&self) -> &str;

    /// Components of its vectors.
    fn dimension(&self) -> usize;

    /// Whether it understands a language, by primary subtag such as `en`.
    fn knows(&self, language: &str) -> bool;

    /// Whether it knows `word`, in lower case, as a word of its own; an embedder
    /// without a vocabulary knows none.
    fn is_word(&self, word: &str) -> bool;

    /// The vectors of words on their own, when they cost no more than a look-up.
    fn words(&self) -> Option<&dyn WordVectors> {
        None
    }

    /// Tells that so many texts are about to come, in one call or several, for
    /// those who watch progress.
    fn announce(&self, _texts: usize) {}

    /// One vector per text, in order, for texts of one role.
    ///
    /// # Errors
    /// See [`EmbedError`]; nothing is returned for part of the texts.
    async fn embed(&self, texts: &[&str], role: Role) -> Result<Vectors, EmbedError>;
}
