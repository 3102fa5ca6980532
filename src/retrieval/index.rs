//! The searchable knowledge: an immutable snapshot, and the one way to search it.

pub mod builder;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::audience::{AudienceSet, Audiences};
use super::confidence::{self, Evidence};
use super::fusion;
use super::lexical::{LexicalIndex, LexicalScores};
use super::passage::Passage;
use super::query::Question;
use super::scope::{Access, Scope, Scopes};
use super::search::{Mode, ScoredPassage, SearchRequest, SearchResult, SemanticUse, SkipReason, Timings};
use super::top::{self, Top};
use crate::domain::condition::Facts;
use crate::domain::locale::Locale;
use crate::ports::embedder::{Embedder, Role};
use crate::ports::vector_store::{Neighbors, VectorQuery, VectorScope, VectorStoreError, VectorVersion};
use crate::text::language::{self, Detection, Language};

/// How many passages each side of the search puts up for the fusion, at least.
/// Both exact scores of each are had, so that a passage is missed only when it is
/// among the first ones of neither side; from 32 on the figures of `docent eval
/// retrieval` are those of fusing all passages.
pub const CANDIDATES: usize = 64;

/// A passage in its slot, with what a search filters by.
#[derive(Clone)]
struct Slot {
    passage: Arc<Passage>,
    access: Access,
}

/// The knowledge at one moment. A search on it gives the same result for as
/// long as it lives, whatever its builder does after it.
pub struct Index {
    /// By slot; empty where a passage was removed.
    slots: Vec<Option<Slot>>,
    scopes: Scopes,
    audiences: Audiences,
    default_language: Language,
    lexical: LexicalIndex,
    /// Absent when no passage has a vector, or they could not be published.
    vectors: Option<Arc<dyn VectorVersion>>,
    vector_bytes: usize,
    embedder: Option<Arc<dyn Embedder>>,
    /// Why vectors are missing that the embedder should have made or the store have.
    semantic_failure: Option<String>,
    /// Whether the store has lost the vectors since.
    is_lost: AtomicBool,
    articles: usize,
}

impl Index {
    /// How many passages there are.
    pub fn passage_count(&self) -> usize {
        self.lexical.documents()
    }

    /// How many articles there are.
    pub fn article_count(&self) -> usize {
        self.articles
    }

    /// The passages, in no particular order.
    pub fn passages(&self) -> impl Iterator<Item = &Arc<Passage>> {
        self.slots.iter().flatten().map(|slot| &slot.passage)
    }

    /// The languages of the articles, the one with most passages first.
    pub fn languages(&self) -> impl Iterator<Item = Language> {
        self.scopes.languages()
    }

    /// Memory of the inverted index and the vectors, in bytes.
    pub fn bytes(&self) -> u64 {
        let searched = self.vectors.as_ref().map_or(0, |vectors| vectors.bytes());
        self.lexical.bytes() + (self.vector_bytes + searched) as u64
    }

    /// Why passages have no vector although the embedder knows their language.
    pub fn semantic_failure(&self) -> Option<&str> {
        self.semantic_failure.as_deref()
    }

    /// Whether vectors are missing that another update of the builder may bring.
    pub fn is_incomplete(&self) -> bool {
        self.semantic_failure.is_some() || self.is_lost.load(Ordering::Relaxed)
    }

    /// The audiences of the articles.
    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// What a user may read; to be passed to [`Self::search`].
    pub fn allowed(&self, facts: Facts<'_>) -> AudienceSet {
        self.audiences.allowed(facts)
    }

    /// Finds the passages that answer a question, among those that the user may read.
    ///
    /// Searches the articles in the language of the question when it is told by the
    /// question or the user and there are any that the user may read, and all
    /// articles otherwise.
    pub async fn search(&self, request: SearchRequest<'_>) -> SearchResult {
        let started = Instant::now();
        let asked = self.question_language(request.query, request.locale);
        let query_language = asked.language;
        let scope = self.scopes.select(asked.confident.then_some(query_language), request.audiences);
        let question = Question::read(request.query, query_language, &scope.languages);
        let mut timings = Timings { analysis: started.elapsed(), ..Timings::default() };

        let started = Instant::now();
        let lexical = self.lexical.score(&question.terms, &scope.allowed);
        timings.lexical = started.elapsed();

        let by_words = self.by_words(request, &lexical);
        let found = self.by_meaning(request, &question, &scope, &by_words, &mut timings).await;
        let (neighbors, semantic, degraded) = match found {
            Ok(neighbors) => (Some(neighbors), SemanticUse::Used, false),
            Err(reason) => {
                let degraded = matches!(reason, SkipReason::Failed { .. });
                (None, SemanticUse::Skipped(reason), degraded)
            }
        };

        let started = Instant::now();
        let passages = self.best(request, &lexical, &by_words, neighbors.as_ref());
        let evidence = Evidence::of(&passages, &question, &lexical, self.lexical.documents());
        let confidence = evidence.confidence();
        let passages = passages.into_iter().take(request.limit).map(|(_, passage)| passage).collect();
        timings.fusion = started.elapsed();
        SearchResult { passages, query_language, semantic, degraded, confidence, evidence, timings }
    }

    fn question_language(&self, query: &str, locale: Option<&Locale>) -> Detection {
        let known: Vec<Language> = self.languages().collect();
        language::detect_question(query, locale, self.default_language, &known)
    }

    /// The slots with the best scores by words, in no particular order.
    fn by_words(&self, request: SearchRequest<'_>, lexical: &LexicalScores) -> Vec<u32> {
        let mut top = Top::new(CANDIDATES.max(request.limit));
        lexical.scores.iter().zip(0..).for_each(|(score, at)| top.offer(*score, at));
        top.into_unsorted().into_iter().map(|(_, at)| at).collect()
    }

    /// The passages nearest by meaning, and the cosines of those found by words.
    async fn by_meaning(
        &self,
        request: SearchRequest<'_>,
        question: &Question,
        scope: &Scope<'_>,
        by_words: &[u32],
        timings: &mut Timings,
    ) -> Result<Neighbors, SkipReason> {
        if request.mode == Mode::Lexical {
            return Err(SkipReason::NotAsked);
        }
        let embedder = self.embedder.as_ref().ok_or(SkipReason::NoEmbedder)?;
        let name = || embedder.name().to_owned();
        if !embedder.knows(question.language.as_str()) {
            return Err(SkipReason::Question { embedder: name(), language: question.language });
        }
        let Some(version) = &self.vectors else {
            return Err(match &self.semantic_failure {
                Some(error) => SkipReason::Failed { error: error.clone() },
                None => SkipReason::Articles { embedder: name(), languages: scope.languages.clone() },
            });
        };
        let started = Instant::now();
        let embedded = embedder.embed(&[request.query], Role::Question).await;
        timings.embedding = started.elapsed();
        let vectors = embedded.map_err(|error| SkipReason::Failed { error: error.to_string() })?;
        let vector = vectors.iter().next().filter(|vector| vector.iter().any(|value| *value != 0.0));
        let vector = vector.ok_or_else(|| SkipReason::NoKnownWord { embedder: name() })?;
        let started = Instant::now();
        let audiences = self.audiences.labels(request.audiences);
        let scope = VectorScope { allowed: &scope.allowed, audiences: &audiences, language: scope.only };
        let nearest = CANDIDATES.max(request.limit);
        let found = version.search(VectorQuery { vector, scope, nearest, also: by_words }).await;
        timings.semantic = started.elapsed();
        found.map_err(|error| {
            if matches!(error, VectorStoreError::Lost { .. }) {
                self.is_lost.store(true, Ordering::Relaxed);
            }
            SkipReason::Failed { error: error.to_string() }
        })
    }

    /// The best passages with their slots, at least as many as the evidence
    /// looks at, among those that either side put up. Slots outside the scope
    /// have no score above 0 on either side.
    fn best(
        &self,
        request: SearchRequest<'_>,
        lexical: &LexicalScores,
        by_words: &[u32],
        neighbors: Option<&Neighbors>,
    ) -> Vec<(usize, ScoredPassage)> {
        let score = |at: u32, cosine: Option<f32>| {
            let words = lexical.scores[at as usize];
            let meaning = cosine.unwrap_or(0.0);
            match (neighbors, request.mode) {
                (None, _) if lexical.best > 0.0 => words / lexical.best,
                (None, _) => 0.0,
                (Some(_), Mode::Semantic) => meaning.clamp(0.0, 1.0),
                (Some(_), Mode::Lexical | Mode::Hybrid) => fusion::fuse(words, lexical.best, meaning),
            }
        };
        let mut candidates = Candidates::new(self.slots.len());
        let also = neighbors.map_or(&[][..], |neighbors| &neighbors.also);
        for (at, cosine) in by_words.iter().zip(also.iter().copied().chain(std::iter::repeat(None))) {
            candidates.add(*at, cosine);
        }
        for neighbor in neighbors.iter().flat_map(|neighbors| &neighbors.nearest) {
            candidates.add(neighbor.id, Some(neighbor.cosine));
        }
        let limit = request.limit.max(confidence::EVIDENCE_PASSAGES);
        let mut scored: Vec<(f32, u32, Option<f32>)> =
            candidates.added.into_iter().map(|(at, cosine)| (score(at, cosine), at, cosine)).collect();
        scored.retain(|(fused, ..)| *fused > 0.0);
        let best_first = |a: &(f32, u32, _), b: &(f32, u32, _)| top::best_first(&(a.0, a.1), &(b.0, b.1));
        if scored.len() > limit {
            scored.select_nth_unstable_by(limit - 1, best_first);
            scored.truncate(limit);
        }
        scored.sort_unstable_by(best_first);
        let passage = |(fused, at, semantic): (f32, u32, Option<f32>)| {
            let at = at as usize;
            let passage = Arc::clone(&self.slots[at].as_ref()?.passage);
            Some((at, ScoredPassage { passage, lexical: lexical.scores[at], semantic, fused }))
        };
        scored.into_iter().filter_map(passage).collect()
    }
}

/// Slots with their cosines, each once.
struct Candidates {
    added: Vec<(u32, Option<f32>)>,
    /// By slot, as bits.
    is_added: Vec<u64>,
}

impl Candidates {
    fn new(slots: usize) -> Self {
        Self { added: Vec::with_capacity(2 * CANDIDATES), is_added: vec![0; slots.div_ceil(64)] }
    }

    fn add(&mut self, slot: u32, cosine: Option<f32>) {
        let bit = 1 << (slot % 64);
        if let Some(word) = self.is_added.get_mut(slot as usize / 64).filter(|word| **word & bit == 0) {
            *word |= bit;
            self.added.push((slot, cosine));
        }
    }
}
