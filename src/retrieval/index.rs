//! The searchable knowledge: an immutable snapshot, and the one way to search it.

pub mod builder;

use std::sync::Arc;
use std::time::Instant;

use super::audience::{AudienceSet, Audiences};
use super::confidence::{self, Evidence};
use super::fusion;
use super::lexical::{LexicalIndex, LexicalScores};
use super::passage::Passage;
use super::query::Question;
use super::scope::{Access, Scope, Scopes};
use super::search::{Mode, ScoredPassage, SearchRequest, SearchResult, SemanticUse, SkipReason, Timings};
use super::semantic::VectorTable;
use super::top::Top;
use crate::domain::condition::Facts;
use crate::domain::locale::Locale;
use crate::ports::embedder::{Embedder, Role};
use crate::text::language::{self, Detection, Language};

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
    vectors: VectorTable,
    embedder: Option<Arc<dyn Embedder>>,
    /// Why vectors are missing that the embedder should have made.
    embedding_failure: Option<String>,
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
        self.lexical.bytes() + self.vectors.bytes() as u64
    }

    /// Why passages have no vector although the embedder knows their language.
    pub fn embedding_failure(&self) -> Option<&str> {
        self.embedding_failure.as_deref()
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

        let (cosines, semantic, degraded) = match self.cosines(request, &question, &scope, &mut timings).await {
            Ok(cosines) => (Some(cosines), SemanticUse::Used, false),
            Err(reason) => {
                let degraded = matches!(reason, SkipReason::Failed { .. });
                (None, SemanticUse::Skipped(reason), degraded)
            }
        };

        let started = Instant::now();
        let passages = self.best(request, &lexical, cosines.as_deref());
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

    async fn cosines(
        &self,
        request: SearchRequest<'_>,
        question: &Question,
        scope: &Scope<'_>,
        timings: &mut Timings,
    ) -> Result<Vec<f32>, SkipReason> {
        if request.mode == Mode::Lexical {
            return Err(SkipReason::NotAsked);
        }
        let embedder = self.embedder.as_ref().ok_or(SkipReason::NoEmbedder)?;
        let name = || embedder.name().to_owned();
        if !embedder.knows(question.language.as_str()) {
            return Err(SkipReason::Question { embedder: name(), language: question.language });
        }
        if self.vectors.is_empty() {
            return Err(match &self.embedding_failure {
                Some(error) => SkipReason::Failed { error: error.clone() },
                None => SkipReason::Articles { embedder: name(), languages: scope.languages.clone() },
            });
        }
        let started = Instant::now();
        let embedded = embedder.embed(&[request.query], Role::Question).await;
        timings.embedding = started.elapsed();
        let vectors = embedded.map_err(|error| SkipReason::Failed { error: error.to_string() })?;
        let vector = vectors.iter().next().filter(|vector| vector.iter().any(|value| *value != 0.0));
        let vector = vector.ok_or_else(|| SkipReason::NoKnownWord { embedder: name() })?;
        let started = Instant::now();
        let cosines = self.vectors.scan(vector, &scope.allowed);
        timings.semantic = started.elapsed();
        Ok(cosines)
    }

    /// The best passages with their slots, at least as many as the evidence
    /// looks at. Slots outside the scope have no score
    /// above 0 on either side.
    fn best(
        &self,
        request: SearchRequest<'_>,
        lexical: &LexicalScores,
        cosines: Option<&[f32]>,
    ) -> Vec<(usize, ScoredPassage)> {
        let best = lexical.best;
        let by_words = |score: f32| if best > 0.0 { score / best } else { 0.0 };
        let mut top = Top::new(request.limit.max(confidence::EVIDENCE_PASSAGES));
        match (cosines, request.mode) {
            (None, _) => lexical.scores.iter().zip(0..).for_each(|(score, at)| top.offer(by_words(*score), at)),
            (Some(cosines), Mode::Semantic) => {
                cosines.iter().zip(0..).for_each(|(cosine, at)| top.offer(cosine.clamp(0.0, 1.0), at));
            }
            (Some(cosines), Mode::Lexical | Mode::Hybrid) => {
                for ((score, cosine), at) in lexical.scores.iter().zip(cosines).zip(0..) {
                    top.offer(fusion::fuse(*score, best, *cosine), at);
                }
            }
        }
        let scored = |(fused, at): (f32, usize)| {
            let slot = self.slots[at].as_ref()?;
            let passage = ScoredPassage {
                passage: Arc::clone(&slot.passage),
                lexical: lexical.scores[at],
                semantic: cosines.filter(|_| self.vectors.has(at)).map(|cosines| cosines[at]),
                fused,
            };
            Some((at, passage))
        };
        top.into_sorted().into_iter().filter_map(scored).collect()
    }
}
