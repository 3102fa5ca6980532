//! The cache of vectors, in front of an embedder that counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use docent::adapters::embedding_cache::EmbeddingCache;
use docent::ports::embedder::{EmbedError, Embedder, Role, Vectors};

const NAME: &str = "counting/model";
const PLENTY: u64 = 1 << 30;

/// Gives each text a vector of its own, remembers what it was asked, and fails
/// after so many texts.
struct Counting {
    dimension: usize,
    asked: Mutex<Vec<String>>,
    texts_left: AtomicUsize,
}

impl Counting {
    fn new(dimension: usize) -> Arc<Self> {
        Arc::new(Self { dimension, asked: Mutex::default(), texts_left: AtomicUsize::new(usize::MAX) })
    }

    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn vector_of(text: &str, dimension: usize) -> Vec<f32> {
    let sum: usize = text.bytes().map(usize::from).sum();
    let mut vector = vec![0.0; dimension];
    vector[sum % dimension] = 1.0;
    vector
}

#[async_trait]
impl Embedder for Counting {
    fn name(&self) -> &str {
        NAME
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn knows(&self, language: &str) -> bool {
        language == "en"
    }

    fn is_word(&self, _word: &str) -> bool {
        false
    }

    async fn embed(&self, texts: &[&str], _role: Role) -> Result<Vectors, EmbedError> {
        let left = self.texts_left.load(Ordering::Relaxed);
        if texts.len() > left {
            return Err(EmbedError::Unavailable { embedder: NAME.to_owned(), reason: "enough".to_owned() });
        }
        self.texts_left.store(left - texts.len(), Ordering::Relaxed);
        self.asked.lock().unwrap().extend(texts.iter().map(|text| (*text).to_owned()));
        let values = texts.iter().flat_map(|text| vector_of(text, self.dimension)).collect();
        Ok(Vectors::new(self.dimension, values))
    }
}

fn open(inner: &Arc<Counting>, folder: &Path, max_bytes: u64) -> EmbeddingCache {
    EmbeddingCache::open(Arc::clone(inner) as Arc<dyn Embedder>, folder, max_bytes, Arc::default()).unwrap()
}

/// Embeds passages and checks that each has its own vector.
async fn embed(cache: &EmbeddingCache, texts: &[&str]) {
    let vectors = cache.embed(texts, Role::Passage).await.unwrap();
    for (vector, text) in vectors.iter().zip(texts) {
        assert_eq!(vector, vector_of(text, cache.dimension()), "{text}");
    }
}

fn file_in(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "vectors")).unwrap()
}

#[tokio::test]
async fn only_what_is_new_is_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    embed(&open(&inner, folder.path(), PLENTY), &["a", "b", "c"]).await;
    assert_eq!(inner.take_asked(), ["a", "b", "c"]);
    let cache = open(&inner, folder.path(), PLENTY);
    embed(&cache, &["c", "changed", "a"]).await;
    assert_eq!(inner.take_asked(), ["changed"]);
    cache.embed(&["a"], Role::Phrase).await.unwrap();
    assert_eq!(inner.take_asked(), ["a"], "a phrase is embedded in another way than a passage");
}

#[tokio::test]
async fn questions_are_kept_in_memory_alone() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    let cache = open(&inner, folder.path(), PLENTY);
    let before = fs::metadata(file_in(folder.path())).unwrap().len();
    for _ in 0..2 {
        cache.embed(&["what a user says"], Role::Question).await.unwrap();
    }
    assert_eq!(inner.take_asked(), ["what a user says"], "a turn asks twice");
    assert_eq!(fs::metadata(file_in(folder.path())).unwrap().len(), before);
}

#[tokio::test]
async fn an_interrupted_embedding_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    inner.texts_left.store(1_000, Ordering::Relaxed);
    let texts: Vec<String> = (0..1_300).map(|at| format!("text {at}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let cache = open(&inner, folder.path(), PLENTY);
    assert!(cache.embed(&texts, Role::Passage).await.is_err());
    let done = inner.take_asked().len();
    assert!(done > 0);
    drop(cache);
    inner.texts_left.store(usize::MAX, Ordering::Relaxed);
    embed(&open(&inner, folder.path(), PLENTY), &texts).await;
    assert_eq!(inner.take_asked().len(), texts.len() - done);
}

/// Wherever a write is cut off and whichever byte is damaged, every vector that
/// is served is the right one.
#[tokio::test]
async fn damage_is_never_served() {
    let texts = ["a", "b", "c", "d"];
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    embed(&open(&inner, folder.path(), PLENTY), &texts).await;
    let path = file_in(folder.path());
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        embed(&open(&inner, folder.path(), PLENTY), &texts).await;
        embed(&open(&inner, folder.path(), PLENTY), &texts).await;
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        inner.take_asked();
        embed(&open(&inner, folder.path(), PLENTY), &texts).await;
        assert!(!inner.take_asked().is_empty(), "byte {at} is used and checked");
        embed(&open(&inner, folder.path(), PLENTY), &texts).await;
        assert!(inner.take_asked().is_empty(), "what byte {at} damaged is written anew");
    }
}

#[tokio::test]
async fn a_cache_of_another_dimension_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    embed(&open(&Counting::new(4), folder.path(), PLENTY), &["a"]).await;
    let wider = Counting::new(6);
    embed(&open(&wider, folder.path(), PLENTY), &["a"]).await;
    assert_eq!(wider.take_asked(), ["a"]);
    fs::write(file_in(folder.path()), "this is no cache").unwrap();
    embed(&open(&wider, folder.path(), PLENTY), &["a"]).await;
    assert_eq!(wider.take_asked(), ["a"]);
}

#[tokio::test]
async fn the_bound_holds_and_what_is_used_stays() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    let bound = 32 + 3 * 40;
    embed(&open(&inner, folder.path(), bound), &["a", "b", "c"]).await;
    let cache = open(&inner, folder.path(), bound);
    embed(&cache, &["b"]).await;
    embed(&cache, &["d"]).await;
    embed(&cache, &["e", "f", "g"]).await;
    assert!(fs::metadata(file_in(folder.path())).unwrap().len() <= bound);
    inner.take_asked();
    drop(cache);
    embed(&open(&inner, folder.path(), bound), &["b", "d"]).await;
    assert!(inner.take_asked().is_empty(), "what was used is still there");
}

#[tokio::test]
async fn a_second_process_reads_and_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Counting::new(4);
    let writer = open(&inner, folder.path(), PLENTY);
    embed(&writer, &["a"]).await;
    let reader = open(&inner, folder.path(), PLENTY);
    let length = fs::metadata(file_in(folder.path())).unwrap().len();
    inner.take_asked();
    embed(&reader, &["a", "b"]).await;
    assert_eq!(inner.take_asked(), ["b"]);
    assert_eq!(fs::metadata(file_in(folder.path())).unwrap().len(), length);
    embed(&writer, &["b"]).await;
    assert!(fs::metadata(file_in(folder.path())).unwrap().len() > length);
}
