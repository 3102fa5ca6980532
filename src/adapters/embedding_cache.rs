//! An embedder in front of another one that remembers its vectors on disk.
//!
//! Vectors of phrases and passages are kept by what the embedder is, the role and
//! the text, so that only what changed is embedded again, and an interrupted
//! embedding goes on where it was. What users say is kept in memory alone, and
//! only for as long as a turn may ask for it again.

mod recent;
mod record_file;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use self::recent::Recent;
pub use self::record_file::CacheError;
use self::record_file::{Key, RecordFile};
use super::embedding_gauge::EmbeddingGauge;
use crate::ports::embedder::{EmbedError, Embedder, Role, Vectors};

/// Texts and bytes of text that are embedded before their vectors are written:
/// what an interruption costs at most.
const CHUNK_TEXTS: usize = 512;
const CHUNK_BYTES: usize = 128 * 1024;

/// Remembers the vectors of the embedder within it.
pub struct EmbeddingCache {
    inner: Arc<dyn Embedder>,
    file: Arc<Mutex<RecordFile>>,
    questions: Mutex<Recent>,
    gauge: Arc<EmbeddingGauge>,
}

impl EmbeddingCache {
    /// Opens the cache of an embedder in `folder`, which is made when it is not
    /// there. All caches in the folder together are kept below `max_bytes`.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(
        inner: Arc<dyn Embedder>,
        folder: &Path,
        max_bytes: u64,
        gauge: Arc<EmbeddingGauge>,
    ) -> Result<Self, CacheError> {
        let file = RecordFile::open(folder, inner.name(), inner.dimension(), max_bytes)?;
        Ok(Self { inner, file: Arc::new(Mutex::new(file)), questions: Mutex::default(), gauge })
    }

    async fn questions(&self, texts: &[&str]) -> Result<Vectors, EmbedError> {
        let keys: Vec<Key> = texts.iter().map(|text| key_of(text, Role::Question)).collect();
        let recent = || self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let known: Vec<Option<Arc<[f32]>>> = keys.iter().map(|key| recent().get(key)).collect();
        if let Some(known) = known.into_iter().collect::<Option<Vec<_>>>() {
            return Ok(Vectors::new(self.dimension(), known.concat()));
        }
        let vectors = checked(&*self.inner, texts, Role::Question).await?;
        for (key, vector) in keys.into_iter().zip(vectors.iter()) {
            recent().insert(key, vector.into());
        }
        Ok(vectors)
    }

    /// Reads or writes the file on a thread that may wait for the disk.
    async fn with_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut RecordFile) -> T + Send + 'static,
    ) -> Result<T, EmbedError> {
        let file = Arc::clone(&self.file);
        let done = tokio::task::spawn_blocking(move || work(&mut file.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.map_err(|error| EmbedError::Unavailable {
            embedder: self.name().to_owned(),
            reason: format!("its cache failed: {error}"),
        })
    }
}

/// The vectors of the inner embedder, if they are as many and as long as they must be.
async fn checked(inner: &dyn Embedder, texts: &[&str], role: Role) -> Result<Vectors, EmbedError> {
    let vectors = inner.embed(texts, role).await?;
    if vectors.dimension() == inner.dimension() && vectors.iter().len() == texts.len() {
        return Ok(vectors);
    }
    Err(EmbedError::Refused {
        embedder: inner.name().to_owned(),
        reason: format!("{} vectors came back for {} texts", vectors.iter().len(), texts.len()),
    })
}

/// Questions and phrases are embedded alike, so they share their keys.
fn key_of(text: &str, role: Role) -> Key {
    let mut hash = Sha256::new();
    hash.update(match role {
        Role::Question | Role::Phrase => b"q",
        Role::Passage => b"p",
    });
    hash.update(text.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut key = Key::default();
    let length = key.len();
    key.copy_from_slice(&digest[..length]);
    key
}

#[async_trait]
impl Embedder for EmbeddingCache {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn knows(&self, language: &str) -> bool {
        self.inner.knows(language)
    }

    fn is_word(&self, word: &str) -> bool {
        self.inner.is_word(word)
    }

    fn announce(&self, texts: usize) {
        self.gauge.expect(texts);
    }

    async fn embed(&self, texts: &[&str], role: Role) -> Result<Vectors, EmbedError> {
        if role == Role::Question {
            return self.questions(texts).await;
        }
        let dimension = self.dimension();
        let keys: Vec<Key> = texts.iter().map(|text| key_of(text, role)).collect();
        let wanted = keys.clone();
        let mut values = vec![0.0; texts.len() * dimension];
        let known = self.with_file(move |file| wanted.iter().map(|key| file.read(key)).collect::<Vec<_>>()).await?;
        let mut missing = Vec::new();
        for (at, vector) in known.into_iter().enumerate() {
            match vector {
                Some(vector) => values[at * dimension..][..dimension].copy_from_slice(&vector),
                None => missing.push(at),
            }
        }
        self.gauge.finish(texts.len() - missing.len());
        for chunk in chunks(&missing, texts) {
            let of_chunk: Vec<&str> = chunk.iter().map(|at| texts[*at]).collect();
            let vectors = checked(&*self.inner, &of_chunk, role).await?;
            let mut records = Vec::with_capacity(chunk.len());
            for (at, vector) in chunk.iter().zip(vectors.iter()) {
                values[at * dimension..][..dimension].copy_from_slice(vector);
                records.push((keys[*at], vector.to_vec()));
            }
            self.with_file(move |file| file.append(&records)).await?;
        }
        Ok(Vectors::new(dimension, values))
    }
}

/// Parts of `missing`, each of so many texts and bytes of text at most.
fn chunks<'a>(missing: &'a [usize], texts: &[&str]) -> Vec<&'a [usize]> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (end, at) in missing.iter().enumerate() {
        if end > start && (end - start == CHUNK_TEXTS || bytes + texts[*at].len() > CHUNK_BYTES) {
            chunks.push(&missing[start..end]);
            (start, bytes) = (end, 0);
        }
        bytes += texts[*at].len();
    }
    if start < missing.len() {
        chunks.push(&missing[start..]);
    }
    chunks
}
