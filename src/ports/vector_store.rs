//! Finds the vectors nearest to a question, here or in a store elsewhere.
//!
//! Vectors are published as whole versions of the knowledge. A search asks the
//! version of the snapshot that it reads, so one that is published meanwhile
//! changes nothing for it.

pub mod rotation;
pub mod vector_set;

use std::sync::Arc;

use async_trait::async_trait;

use crate::text::language::Language;
use vector_set::VectorSet;

/// A vector as stores elsewhere know it: the same on every node and after every
/// start, as long as the passage and who may read it stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its place in the [`VectorSet`], by which searches name it.
    pub id: u32,
    /// Tells its content from that of all others.
    pub key: u64,
    /// For whom the passage is.
    pub audience: u64,
    /// The language of the passage.
    pub language: Language,
}

/// A version of the knowledge that is to be searched.
#[derive(Clone, Copy)]
pub struct Publication<'a> {
    /// Name of the embedder that made the vectors, with its version.
    pub embedder: &'a str,
    /// The vectors, each with its id.
    pub vectors: &'a VectorSet,
    /// The labels of all points. A function, because they cost a pass over all
    /// texts and a store in this process has no use for them.
    pub points: &'a (dyn Fn() -> Vec<Point> + Sync),
}

/// What a search may find: the same said twice, by id for a store in this
/// process, and by label for one that is elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct VectorScope<'a> {
    /// Whether a vector may be found, by id; ids beyond the end may not.
    pub allowed: &'a [bool],
    /// The audiences that the user is in.
    pub audiences: &'a [u64],
    /// The one language that is looked at; all of them when absent.
    pub language: Option<Language>,
}

/// What is asked of a version.
#[derive(Clone, Copy, Debug)]
pub struct VectorQuery<'a> {
    /// The vector of the question, of length 1.
    pub vector: &'a [f32],
    /// What may be found.
    pub scope: VectorScope<'a>,
    /// How many of the nearest are wanted.
    pub nearest: usize,
    /// Ids in the scope whose cosines are wanted in any case.
    pub also: &'a [u32],
}

/// A vector that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Its id.
    pub id: u32,
    /// Its cosine with the question.
    pub cosine: f32,
}

/// What a version answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbors {
    /// The nearest with a cosine above 0, in no particular order.
    pub nearest: Vec<Neighbor>,
    /// The cosines of [`VectorQuery::also`], in its order; absent where there is no vector.
    pub also: Vec<Option<f32>>,
}

/// Why vectors could not be published or searched.
#[derive(Debug, thiserror::Error)]
pub enum VectorStoreError {
    /// It may work later: the store is slow, busy or away.
    #[error("the vector store `{store}` is unavailable: {reason}")]
    Unavailable {
        /// Name of the store.
        store: String,
        /// Cause, for the log.
        reason: String,
    },
    /// The store has lost the version: it is to be published again.
    #[error("the vector store `{store}` has lost this version of the knowledge: {reason}")]
    Lost {
        /// Name of the store.
        store: String,
        /// Cause, for the log.
        reason: String,
    },
    /// It will not work with these vectors or settings.
    #[error("the vector store `{store}` refused: {reason}")]
    Refused {
        /// Name of the store.
        store: String,
        /// Cause, for the log.
        reason: String,
    },
}

/// A store of vectors.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Its name, such as `qdrant`.
    fn name(&self) -> &str;

    /// Makes a version searchable as a whole, and returns it. Versions that were
    /// published before can still be searched for a while, at least the one before.
    ///
    /// # Errors
    /// See [`VectorStoreError`]; what is searchable already stays so.
    async fn publish(&self, publication: Publication<'_>) -> Result<Arc<dyn VectorVersion>, VectorStoreError>;
}

/// A version that can be searched. It never changes.
#[async_trait]
pub trait VectorVersion: Send + Sync {
    /// The nearest vectors, and the cosines of those asked for. A store may miss
    /// a few of the nearest; every cosine that it gives is exact but for rounding
    /// (within 0.01).
    ///
    /// # Errors
    /// See [`VectorStoreError`]; an answer comes within a bounded time.
    async fn search(&self, query: VectorQuery<'_>) -> Result<Neighbors, VectorStoreError>;

    /// Memory of this process that it holds beside the [`VectorSet`], in bytes.
    fn bytes(&self) -> usize;
}
