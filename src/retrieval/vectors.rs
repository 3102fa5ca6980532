//! The vectors in the memory of this process, and the search over them.
//!
//! As long as few vectors may be found, the cosine of each is computed. Above
//! [`EXACT_IDS`] a sketch of one bit a component is looked at first, and only the
//! vectors that look nearest are compared. `docent bench vectors` measures both.

pub(super) mod scan;
mod sketch;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rayon::prelude::*;

use super::top::{self, Top};
use crate::ports::vector_store::vector_set::{CHUNK_IDS, VectorChunk, VectorSet};
use crate::ports::vector_store::{
    Neighbor, Neighbors, Publication, VectorQuery, VectorStore, VectorStoreError, VectorVersion,
};
use scan::CodedQuery;
use sketch::{Sketch, SketchQuery};

/// Up to so many ids every vector is compared.
pub const EXACT_IDS: usize = 65_536;
/// How many vectors are compared after a look at the sketches, at least. Recall@10
/// of a million vectors in `docent bench vectors` is .991 from 1,024 to 8,192; what
/// is missing then is the rounding of the codes.
const COMPARED: usize = 2_048;
/// How many are compared for each of the nearest that are wanted, at least.
const COMPARED_PER_NEAREST: usize = 16;
/// How many of them one thread compares at a time.
const COMPARED_AT_A_TIME: usize = 512;
/// Parts of the sketches for each thread, so that none waits long for another.
const PARTS_PER_THREAD: usize = 2;

/// The store in memory. It needs nothing and never fails.
#[derive(Default)]
pub struct MemoryVectors {
    /// The newest version, whose sketches the next one shares where nothing changed.
    newest: Mutex<Option<Arc<MemoryVersion>>>,
}

#[async_trait]
impl VectorStore for MemoryVectors {
    fn name(&self) -> &str {
        "memory"
    }

    async fn publish(&self, publication: Publication<'_>) -> Result<Arc<dyn VectorVersion>, VectorStoreError> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let version = Arc::new(MemoryVersion::new(publication.vectors.clone(), newest.as_deref()));
        *newest = Some(Arc::clone(&version));
        Ok(version)
    }
}

/// A version in memory.
struct MemoryVersion {
    vectors: VectorSet,
    /// Absent while every vector is compared.
    sketches: Option<Sketches>,
}

/// The sketches of all chunks, in their order.
struct Sketches {
    chunks: Vec<Arc<Sketch>>,
}

/// A question that is asked of all vectors.
struct RotatedQuery<'a> {
    asked: VectorQuery<'a>,
    rotated: Vec<f32>,
    coded: CodedQuery,
}

#[async_trait]
impl VectorVersion for MemoryVersion {
    async fn search(&self, query: VectorQuery<'_>) -> Result<Neighbors, VectorStoreError> {
        let vector = query.vector;
        let is_sound = vector.len() == self.vectors.dimension() && vector.iter().all(|value| value.is_finite());
        if !is_sound || vector.iter().all(|value| *value == 0.0) {
            return Ok(Neighbors { nearest: Vec::new(), also: vec![None; query.also.len()] });
        }
        let rotated = self.vectors.rotation().apply(vector);
        let query = RotatedQuery { asked: query, coded: CodedQuery::new(&rotated), rotated };
        let is_large = || query.asked.scope.allowed.iter().filter(|is_allowed| **is_allowed).count() > EXACT_IDS;
        Ok(match &self.sketches {
            Some(sketches) if is_large() => self.sketched(&query, sketches),
            Some(_) | None => self.exact(&query),
        })
    }

    fn bytes(&self) -> usize {
        self.sketches.as_ref().map_or(0, |sketches| sketches.chunks.len() * Sketch::bytes(self.vectors.row_length()))
    }
}

impl MemoryVersion {
    fn new(vectors: VectorSet, before: Option<&Self>) -> Self {
        let is_small = vectors.chunks().len() * CHUNK_IDS <= EXACT_IDS;
        let sketches = (!is_small).then(|| Sketches::of(&vectors, before));
        Self { vectors, sketches }
    }

    fn exact(&self, RotatedQuery { asked: query, coded, .. }: &RotatedQuery<'_>) -> Neighbors {
        let mut cosines = vec![0.0; query.scope.allowed.len()];
        coded.scan(&self.vectors, query.scope.allowed, &mut cosines);
        let mut top = Top::new(query.nearest);
        cosines.iter().zip(0..).for_each(|(cosine, id)| top.offer(*cosine, id));
        let also = query.also.iter().map(|id| {
            let cosine = cosines.get(*id as usize)?;
            self.vectors.has(*id as usize).then_some(*cosine)
        });
        Neighbors { also: also.collect(), nearest: neighbors(top) }
    }

    fn sketched(&self, question: &RotatedQuery<'_>, sketches: &Sketches) -> Neighbors {
        let RotatedQuery { asked: query, coded, .. } = question;
        let compared = COMPARED.max(COMPARED_PER_NEAREST * query.nearest);
        let mut shortlist = sketches.shortlist(question, compared);
        shortlist.sort_unstable();
        let cosines: Vec<Option<f32>> =
            shortlist.par_chunks(COMPARED_AT_A_TIME).flat_map_iter(|ids| coded.cosines(&self.vectors, ids)).collect();
        let mut top = Top::new(query.nearest);
        cosines.iter().zip(&shortlist).for_each(|(cosine, id)| top.offer(cosine.unwrap_or(0.0), *id));
        Neighbors { also: coded.cosines(&self.vectors, query.also), nearest: neighbors(top) }
    }
}

impl Sketches {
    fn of(vectors: &VectorSet, before: Option<&MemoryVersion>) -> Self {
        let before = before.filter(|before| before.vectors.dimension() == vectors.dimension());
        let known = before.and_then(|before| Some((before.vectors.chunks(), before.sketches.as_ref()?)));
        let sketch = |(at, chunk): (usize, &Arc<VectorChunk>)| match known {
            Some((chunks, known)) if chunks.get(at).is_some_and(|other| Arc::ptr_eq(other, chunk)) => {
                Arc::clone(&known.chunks[at])
            }
            Some(_) | None => Arc::new(Sketch::of(chunk, vectors.row_length())),
        };
        Self { chunks: vectors.chunks().par_iter().enumerate().map(sketch).collect() }
    }

    /// The `count` ids that look nearest, among those that may be found.
    fn shortlist(&self, query: &RotatedQuery<'_>, count: usize) -> Vec<u32> {
        let question = SketchQuery::new(&query.rotated);
        let part = self.chunks.len().div_ceil(PARTS_PER_THREAD * rayon::current_num_threads()).max(1);
        let look = |(at, sketches): (usize, &[Arc<Sketch>])| {
            let first = at * part * CHUNK_IDS;
            let allowed = query.asked.scope.allowed.get(first..).unwrap_or_default();
            let mut ids = u32::try_from(first).expect("fewer passages than 2^32")..;
            let mut top = Top::new(count);
            let mut estimates = [0.0; CHUNK_IDS];
            for (sketch, allowed) in sketches.iter().zip(allowed.chunks(CHUNK_IDS)) {
                question.estimate(sketch, &mut estimates);
                for ((estimate, is_allowed), id) in estimates.iter().zip(allowed).zip(&mut ids) {
                    if *is_allowed {
                        top.offer(*estimate, id);
                    }
                }
            }
            top.into_unsorted()
        };
        let mut best: Vec<(f32, u32)> = self.chunks.par_chunks(part).enumerate().flat_map_iter(look).collect();
        if best.len() > count {
            best.select_nth_unstable_by(count - 1, top::best_first);
            best.truncate(count);
        }
        best.into_iter().map(|(_, id)| id).collect()
    }
}

fn neighbors(top: Top) -> Vec<Neighbor> {
    top.into_unsorted().into_iter().map(|(cosine, id)| Neighbor { id, cosine }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Vectors in topics of twenty, and a question near one of them.
    fn sample(count: usize, dimension: usize, seed: u64) -> (VectorSet, Vec<f32>) {
        let mut state = seed | 1;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        };
        let mut set = VectorSet::new(dimension);
        let mut topic: Vec<f32> = (0..dimension).map(|_| next()).collect();
        for id in 0..count {
            if id % 20 == 0 {
                topic = (0..dimension).map(|_| next()).collect();
            }
            set.set(id, &unit(topic.iter().map(|value| value + next()).collect()));
        }
        (set, unit(topic.iter().map(|value| value + next()).collect()))
    }

    fn unit(values: Vec<f32>) -> Vec<f32> {
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        values.into_iter().map(|value| value / length).collect()
    }

    /// The nearest by sketches and by comparing all, best first.
    fn both(set: &VectorSet, question: &[f32], allowed: &[bool], nearest: usize) -> [Vec<Neighbor>; 2] {
        let version = MemoryVersion { vectors: set.clone(), sketches: Some(Sketches::of(set, None)) };
        let scope = crate::ports::vector_store::VectorScope { allowed, audiences: &[0], language: None };
        let asked = VectorQuery { vector: question, scope, nearest, also: &[] };
        let rotated = set.rotation().apply(question);
        let query = RotatedQuery { asked, coded: CodedQuery::new(&rotated), rotated };
        let sketches = version.sketches.as_ref().expect("sketches");
        [version.sketched(&query, sketches), version.exact(&query)].map(|mut found| {
            found.nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.id.cmp(&b.id)));
            found.nearest
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn as_long_as_all_are_compared_sketches_change_nothing(
            count in 1..COMPARED,
            dimension in prop::sample::select(vec![3_usize, 64, 100]),
            seed in any::<u64>(),
            every in 1_usize..5,
            nearest in 0_usize..100,
        ) {
            let (mut set, question) = sample(count, dimension, seed);
            set.clear(count / 2);
            let allowed: Vec<bool> = (0..count).map(|id| id % every == 0).collect();
            let [sketched, exact] = both(&set, &question, &allowed, nearest);
            // What looks to be below 0 is on no shortlist, though it may be a little above.
            let clear = |found: &[Neighbor]| {
                found.iter().filter(|neighbor| neighbor.cosine > 0.6).copied().collect::<Vec<_>>()
            };
            prop_assert_eq!(clear(&sketched), clear(&exact));
        }
    }

    #[test]
    fn nearly_all_of_the_nearest_are_found_also_behind_a_filter() {
        let count = 6 * COMPARED;
        let (mut found, mut wanted) = (0, 0);
        for (seed, every) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 50)] {
            let (set, question) = sample(count, 96, seed);
            let allowed: Vec<bool> = (0..count).map(|id| id % every == 0).collect();
            let [sketched, exact] = both(&set, &question, &allowed, 10);
            assert!(sketched.iter().all(|neighbor| allowed[neighbor.id as usize]));
            wanted += exact.len();
            found += exact.iter().filter(|neighbor| sketched.contains(neighbor)).count();
        }
        assert!(found as f32 >= 0.98 * wanted as f32, "{found} of {wanted}");
    }

    #[tokio::test]
    async fn a_version_shares_the_sketches_of_what_did_not_change() {
        let (mut set, _) = sample(4 * CHUNK_IDS, 8, 7);
        let before = MemoryVersion { vectors: set.clone(), sketches: Some(Sketches::of(&set, None)) };
        set.set(CHUNK_IDS, &[1.0; 8]);
        let after = Sketches::of(&set, Some(&before));
        let known = &before.sketches.as_ref().expect("sketches").chunks;
        let shared: Vec<bool> = after.chunks.iter().zip(known).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        assert_eq!(shared, [true, false, true, true]);
    }
}
