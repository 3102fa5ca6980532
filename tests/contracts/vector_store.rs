//! What holds for every vector store.

use std::sync::Arc;

use docent::ports::vector_store::vector_set::VectorSet;
use docent::ports::vector_store::{
    Neighbors, Point, Publication, VectorQuery, VectorScope, VectorStore, VectorStoreError, VectorVersion,
};
use docent::retrieval::vectors::MemoryVectors;
use docent::text::language::Language;

/// Components of the vectors.
const DIMENSION: usize = 24;
/// How far a cosine may be from the exact one.
const TOLERANCE: f32 = 0.01;

/// One passage of the test: an audience and a language, by number.
#[derive(Clone, Copy)]
struct Passage {
    audience: u64,
    language: &'static str,
}

/// A version as a snapshot would publish it.
pub(crate) struct Version {
    vectors: VectorSet,
    exact: Vec<Option<Vec<f32>>>,
    passages: Vec<Passage>,
    round: u64,
}

/// Numbers between -1 and 1, the same for the same seed.
fn numbers(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some((state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
    })
}

fn vector(seed: u64) -> Vec<f32> {
    let values: Vec<f32> = numbers(seed).skip(8).take(DIMENSION).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter().map(|value| value / length).collect()
}

impl Version {
    /// Every seventh passage has no vector; audiences and languages are mixed.
    pub(crate) fn new(count: u64, round: u64) -> Self {
        let mut vectors = VectorSet::new(DIMENSION);
        let exact: Vec<_> = (0..count).map(|id| (id % 7 != 3).then(|| vector(1_000 * round + id))).collect();
        for (id, vector) in exact.iter().enumerate() {
            if let Some(vector) = vector {
                vectors.set(id, vector);
            }
        }
        let passage = |id: u64| Passage { audience: id % 3, language: ["en", "de"][usize::from(id.is_multiple_of(5))] };
        Self { vectors, exact, passages: (0..count).map(passage).collect(), round }
    }

    fn points(&self) -> Vec<Point> {
        let point = |(id, passage): (u32, &Passage)| Point {
            id,
            key: self.round << 32 | u64::from(id),
            audience: passage.audience,
            language: Language::new(passage.language).expect("a language"),
        };
        (0..).zip(&self.passages).map(point).collect()
    }

    /// How many passages have a vector.
    pub(crate) fn with_vector(&self) -> usize {
        self.vectors.len()
    }

    pub(crate) async fn publish(&self, store: &dyn VectorStore) -> Arc<dyn VectorVersion> {
        self.try_publish(store).await.expect("a version")
    }

    pub(crate) async fn try_publish(
        &self,
        store: &dyn VectorStore,
    ) -> Result<Arc<dyn VectorVersion>, VectorStoreError> {
        let points = || self.points();
        let publication = Publication { embedder: "contract", vectors: &self.vectors, points: &points };
        store.publish(publication).await
    }

    /// One search of everything, which finds something unless the store fails.
    pub(crate) async fn try_search(&self, version: &dyn VectorVersion) -> Result<(), VectorStoreError> {
        let allowed = vec![true; self.passages.len()];
        let scope = VectorScope { allowed: &allowed, audiences: &[0, 1, 2], language: None };
        let query = VectorQuery { vector: &vector(77_000), scope, nearest: 5, also: &[0] };
        let found = version.search(query).await?;
        assert!(!found.nearest.is_empty() && found.also[0].is_some());
        Ok(())
    }

    fn may_find(&self, id: usize, audiences: &[u64], language: Option<&str>) -> bool {
        let passage = self.passages[id];
        audiences.contains(&passage.audience) && language.is_none_or(|language| passage.language == language)
    }

    async fn search(&self, version: &dyn VectorVersion, question: &Question<'_>) -> Neighbors {
        let allowed: Vec<bool> =
            (0..self.passages.len()).map(|id| self.may_find(id, question.audiences, question.language)).collect();
        let scope = VectorScope {
            allowed: &allowed,
            audiences: question.audiences,
            language: question.language.and_then(Language::new),
        };
        let query = VectorQuery { vector: &question.vector, scope, nearest: question.nearest, also: question.also };
        version.search(query).await.expect("neighbors")
    }

    fn cosine(&self, id: usize, query: &[f32]) -> Option<f32> {
        self.exact[id].as_ref().map(|vector| vector.iter().zip(query).map(|(a, b)| a * b).sum())
    }
}

struct Question<'a> {
    vector: Vec<f32>,
    audiences: &'a [u64],
    language: Option<&'a str>,
    nearest: usize,
    also: &'a [u32],
}

/// The whole contract.
pub(crate) async fn vector_store_contract(store: &dyn VectorStore) {
    assert!(!store.name().is_empty());
    let first = Version::new(400, 1);
    let published = first.publish(store).await;
    check(&first, published.as_ref()).await;

    // A later version is searched apart from the one before, which stays as it was.
    let second = Version::new(90, 2);
    let later = second.publish(store).await;
    check(&second, later.as_ref()).await;
    check(&first, published.as_ref()).await;

    // The same version again, as another node or a later start publishes it.
    let again = second.publish(store).await;
    check(&second, again.as_ref()).await;
    check(&second, later.as_ref()).await;

    // Unsound questions find nothing, and nobody is told of a fault.
    for vector in [vec![0.0; DIMENSION], vec![f32::NAN; DIMENSION], vec![1.0; DIMENSION - 1]] {
        let question = Question { vector, audiences: &[0, 1, 2], language: None, nearest: 5, also: &[1, 3] };
        let found = second.search(again.as_ref(), &question).await;
        assert!(found.nearest.is_empty() && found.also == [None, None]);
    }
}

async fn check(version: &Version, published: &dyn VectorVersion) {
    for seed in 0..12 {
        for (audiences, language) in
            [(&[0, 1, 2][..], None), (&[0], None), (&[0, 2], Some("de")), (&[0], Some("en")), (&[0], Some("zh"))]
        {
            for nearest in [0, 1, 10, 1_000] {
                let also: Vec<u32> = (0..40).filter(|id| version.may_find(*id as usize, audiences, language)).collect();
                let question = Question { vector: vector(77_000 + seed), audiences, language, nearest, also: &also };
                let found = version.search(published, &question).await;
                check_one(version, &question, &found);
            }
        }
    }
}

fn check_one(version: &Version, question: &Question<'_>, found: &Neighbors) {
    let exact = |id: u32| version.cosine(id as usize, &question.vector);
    let mut expected: Vec<f32> = (0..version.passages.len())
        .filter(|id| version.may_find(*id, question.audiences, question.language))
        .filter_map(|id| version.cosine(id, &question.vector))
        .filter(|cosine| *cosine > 0.0)
        .collect();
    expected.sort_by(|a, b| b.total_cmp(a));
    expected.truncate(question.nearest);
    // A cosine next to 0 may fall on either side.
    let surely = expected.iter().filter(|cosine| **cosine > TOLERANCE).count();
    assert!(found.nearest.len() >= surely && found.nearest.len() <= question.nearest, "{}", found.nearest.len());
    let mut nearest = found.nearest.clone();
    nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    for (neighbor, expected) in nearest.iter().zip(&expected) {
        assert!(version.may_find(neighbor.id as usize, question.audiences, question.language), "{}", neighbor.id);
        let own = exact(neighbor.id).expect("a vector");
        assert!((neighbor.cosine - own).abs() < TOLERANCE, "{} is {own}", neighbor.cosine);
        assert!((neighbor.cosine - expected).abs() < TOLERANCE, "{} is not the next, {expected}", neighbor.cosine);
    }
    let mut ids: Vec<u32> = found.nearest.iter().map(|neighbor| neighbor.id).collect();
    ids.sort_unstable();
    assert!(ids.is_sorted_by(|a, b| a < b), "each comes once");
    assert_eq!(found.also.len(), question.also.len());
    for (id, cosine) in question.also.iter().zip(&found.also) {
        match (exact(*id), cosine) {
            (None, None) => {}
            (Some(exact), Some(cosine)) => assert!((exact - cosine).abs() < TOLERANCE, "{id}: {cosine} is {exact}"),
            (exact, cosine) => panic!("{id}: {cosine:?} is {exact:?}"),
        }
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    vector_store_contract(&MemoryVectors::default()).await;
}
