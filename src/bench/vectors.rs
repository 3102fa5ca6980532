//! `docent bench vectors`: what it costs to find the nearest of many vectors, and
//! how many of the true nearest are found.
//!
//! The search is the server's own at that size, asked as a turn asks it: for the
//! candidates of the fusion, and for the cosines of as many others.

pub mod sample;

use std::fmt;
use std::time::{Duration, Instant};

use fearless_simd::{Level, Simd, dispatch};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;

use super::latency::Latencies;
use super::server_process::ServerProcess;
use crate::ports::vector_store::vector_set::VectorSet;
use crate::ports::vector_store::{Publication, VectorQuery, VectorScope, VectorStore, VectorStoreError, VectorVersion};
use crate::retrieval::index::CANDIDATES;
use crate::retrieval::vectors::MemoryVectors;
use sample::Sample;

/// How many of the nearest must be found.
const NEAREST: usize = 10;
/// Questions whose true nearest are looked for.
const JUDGED: usize = 200;
/// Questions that are timed.
const TIMED: usize = 1_000;
/// Questions before the clock starts.
const WARM_UP: usize = 20;
/// Vectors that are made at a time.
const BLOCK: usize = 8_192;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many vectors.
    pub count: usize,
    /// Their components.
    pub dimension: usize,
}

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Vectors.
    pub count: usize,
    /// Components of each.
    pub dim: usize,
    /// From vectors to a searchable version, in milliseconds.
    pub build_ms: f64,
    /// Share of the ten nearest, by exact cosines of the uncoded vectors, that are found.
    pub recall_at_10: f64,
    /// Median time of a search, in microseconds.
    pub p50_us: u64,
    /// Time of a search that 99 of 100 stay below, in microseconds.
    pub p99_us: u64,
    /// Memory of the vectors and of what is searched beside them, in bytes.
    pub bytes: u64,
    /// Resident memory of this process after the build, in bytes; 0 where the system does not tell.
    pub rss_bytes: u64,
}

/// Makes the vectors, publishes them and asks for neighbours.
///
/// # Errors
/// When the store fails.
pub async fn run(options: Options) -> Result<Report, VectorStoreError> {
    let Options { count, dimension } = options;
    let sample = Sample::new(count, dimension);
    let questions: Vec<Vec<f32>> = (0..TIMED).map(|at| sample.question(at)).collect();
    let (vectors, truth, coding) = code(&sample, &questions[..JUDGED], count);

    let started = Instant::now();
    let store = MemoryVectors::default();
    let publication = Publication { embedder: "bench", vectors: &vectors, points: &Vec::new };
    let version = store.publish(publication).await?;
    let build = coding + started.elapsed();
    let rss_bytes = ServerProcess::of_pid(std::process::id()).and_then(ServerProcess::resident_bytes).unwrap_or(0);

    let allowed = vec![true; count];
    let search = Search { version: version.as_ref(), allowed: &allowed };
    for question in &questions[..WARM_UP] {
        search.nearest(question).await?;
    }
    let (mut latencies, mut found) = (Latencies::default(), 0);
    let progress = ProgressBar::new(TIMED as u64).with_message("searching");
    for (at, question) in questions.iter().enumerate() {
        let started = Instant::now();
        let nearest = search.nearest(question).await?;
        latencies.add(started.elapsed());
        if let Some(truth) = truth.get(at) {
            found += truth.nearest.iter().filter(|(_, id)| nearest.contains(id)).count();
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let wanted: usize = truth.iter().map(|truth| truth.nearest.len()).sum();
    Ok(Report {
        count,
        dim: dimension,
        build_ms: build.as_secs_f64() * 1e3,
        recall_at_10: found as f64 / wanted.max(1) as f64,
        p50_us: latencies.percentile(50.0),
        p99_us: latencies.percentile(99.0),
        bytes: (vectors.bytes() + version.bytes()) as u64,
        rss_bytes,
    })
}

/// One search as a turn makes it.
struct Search<'a> {
    version: &'a dyn VectorVersion,
    allowed: &'a [bool],
}

impl Search<'_> {
    /// The ids of the [`NEAREST`] found.
    async fn nearest(&self, vector: &[f32]) -> Result<Vec<u32>, VectorStoreError> {
        let step = self.allowed.len().div_ceil(CANDIDATES).max(1);
        let also: Vec<u32> = (0..).take(self.allowed.len()).step_by(step).collect();
        let scope = VectorScope { allowed: self.allowed, audiences: &[0], language: None };
        let query = VectorQuery { vector, scope, nearest: CANDIDATES, also: &also };
        let mut nearest = self.version.search(query).await?.nearest;
        nearest.sort_unstable_by(|a, b| b.cosine.total_cmp(&a.cosine));
        Ok(nearest.iter().take(NEAREST).map(|neighbor| neighbor.id).collect())
    }
}

/// The true nearest of one question.
#[derive(Clone, Default)]
struct Truth {
    /// Best first, at most [`NEAREST`].
    nearest: Vec<(f32, u32)>,
}

impl Truth {
    fn offer(&mut self, cosine: f32, id: u32) {
        if self.nearest.len() < NEAREST || self.nearest.last().is_some_and(|(last, _)| cosine > *last) {
            let at = self.nearest.partition_point(|(better, _)| *better >= cosine);
            self.nearest.insert(at, (cosine, id));
            self.nearest.truncate(NEAREST);
        }
    }
}

/// Makes the vectors block by block, so that no more than one block is in memory
/// uncoded; returns them with the true nearest of the questions and the time of coding.
fn code(sample: &Sample, questions: &[Vec<f32>], count: usize) -> (VectorSet, Vec<Truth>, Duration) {
    let mut vectors = VectorSet::new(sample.dimension());
    let mut truth = vec![Truth::default(); questions.len()];
    let mut coding = Duration::ZERO;
    let progress = ProgressBar::new(count as u64).with_message("making vectors");
    for first in (0..count).step_by(BLOCK) {
        let block: Vec<Vec<f32>> =
            (first..count.min(first + BLOCK)).into_par_iter().map(|id| sample.vector(id)).collect();
        let started = Instant::now();
        for (id, vector) in (first..).zip(&block) {
            vectors.set(id, vector);
        }
        coding += started.elapsed();
        let first = u32::try_from(first).expect("fewer vectors than 2^32");
        truth.par_iter_mut().zip(questions).for_each(|(truth, question)| {
            for (id, vector) in (first..).zip(&block) {
                truth.offer(cosine(question, vector), id);
            }
        });
        progress.inc(block.len() as u64);
    }
    progress.finish_and_clear();
    (vectors, truth, coding)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dispatch!(Level::new(), simd => simd.vectorize(
        #[inline(always)]
        || lanes(a, b)
    ))
}

/// Adds up in lanes, which the compiler may do at once.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (a, b) = (a.chunks(16), b.chunks(16));
    for (a, b) in a.zip(b) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, a), b)| *lane += a * b);
    }
    lanes.iter().sum()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        writeln!(f, "vectors        {} of {} components", self.count, self.dim)?;
        writeln!(f, "build          {:.0} ms", self.build_ms)?;
        writeln!(f, "recall@10      {:.4} of the exact ten nearest", self.recall_at_10)?;
        writeln!(f, "search         p50 {} us, p99 {} us", self.p50_us, self.p99_us)?;
        writeln!(f, "vectors        {:.1} MiB", mebibytes(self.bytes))?;
        write!(f, "process        {:.1} MiB", mebibytes(self.rss_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieval::vectors::EXACT_IDS;

    #[tokio::test]
    async fn a_small_set_is_searched_exactly() {
        let report = run(Options { count: 2_000, dimension: 48 }).await.expect("a report");
        assert_eq!((report.count, report.dim), (2_000, 48));
        assert!(report.recall_at_10 > 0.97, "{report}");
        assert!(report.bytes > 2_000 * 48 && report.build_ms > 0.0);
    }

    #[tokio::test]
    async fn a_large_set_is_searched_nearly_exactly() {
        let report = run(Options { count: 2 * EXACT_IDS, dimension: 64 }).await.expect("a report");
        assert!(report.recall_at_10 > 0.97, "{report}");
    }
}
