//! How far the embedding of a knowledge base is: two counters that embedders
//! move, and that whoever shows progress reads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Texts that are expected, and those that have their vector.
#[derive(Debug, Default)]
pub struct EmbeddingGauge {
    expected: AtomicUsize,
    done: AtomicUsize,
}

impl EmbeddingGauge {
    /// Expects so many texts more.
    pub fn expect(&self, texts: usize) {
        self.expected.fetch_add(texts, Ordering::Relaxed);
    }

    /// So many more texts have their vector.
    pub fn finish(&self, texts: usize) {
        self.done.fetch_add(texts, Ordering::Relaxed);
    }

    /// Texts that have their vector, of those that are expected. What nobody
    /// announced is expected as soon as it is done.
    pub fn read(&self) -> (usize, usize) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.expected.load(Ordering::Relaxed).max(done))
    }
}
