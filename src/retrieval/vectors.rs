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
/// How many vectors are compared after a look at the sketches, at least; recall@10
/// of a million vectors is above .98 from here on.
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
