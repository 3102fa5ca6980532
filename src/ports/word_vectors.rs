//! The meaning of a word on its own, at the cost of a look-up.

/// A table of words with a vector each.
///
/// Texts are compared word by word with it, which a model that reads whole texts
/// could do only at the cost of a run for every word.
pub trait WordVectors: Send + Sync {
    /// Components of its vectors.
    fn dimension(&self) -> usize;

    /// Whether it has words of a language, by primary subtag such as `en`.
    fn knows(&self, language: &str) -> bool;

    /// The vector of `word`, which is in lower case: of length 1, or all zeros
    /// when nothing of the word is known.
    fn vector(&self, word: &str) -> Vec<f32>;

    /// The same, or `None` when nothing of the word is known.
    fn known_vector(&self, word: &str) -> Option<Vec<f32>> {
        Some(self.vector(word)).filter(|vector| vector.iter().any(|value| *value != 0.0))
    }
}
