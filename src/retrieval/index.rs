//! The searchable knowledge: an immutable snapshot, and the one way to search it.

pub mod builder;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::abbreviations::{Abbreviations, Expansion};
use super::audience::{AudienceSet, Audiences};
use super::confidence::{self, Belief, Evidence};
use super::fusion::{self, Signals, Weights};
use super::lexical::{LexicalIndex, LexicalScores};
use super::lexicon::{Lexicon, PassageWords};
use super::passage::Passage;
use super::query::Question;
use super::scope::{Access, Scope, Scopes};
use super::search::{Mode, ScoredPassage, SearchRequest, SearchResult, SemanticUse, SkipReason, Timings};
use super::semantic::{PartCosines, PartVectors};
use super::spelling::{Correction, Lookup, Spellings};
use super::top::{self, Top};
use super::wording::{AskedWords, Comparison, Wording};
use crate::domain::condition::Facts;
use crate::domain::locale::Locale;
use crate::ports::embedder::{Embedder, Role};
use crate::ports::vector_store::{Neighbors, VectorQuery, VectorScope, VectorStoreError, VectorVersion};
use crate::text::language::{self, Detection, Language};
use crate::text::normalize::fold_word;

/// How many passages each side of the search puts up for the fusion, at least.
/// Both exact scores of each are had, so that a passage is missed only when it is
/// among the first ones of neither side; from 32 on the figures of `docent eval
/// retrieval` are those of fusing all passages.
pub const CANDIDATES: usize = 64;

/// How many of the best passages are compared with the question word by word; 24 to
/// 256 give the same figures of `docent eval retrieval`, and half of 64 takes two thirds
/// of its time.
const SHORTLIST: usize = 32;

/// What an abbreviation counts for the words that the question has, or these for it.
const EXPANSION_WEIGHT: f32 = 0.8;

/// A passage in its slot, with what a search filters by.
#[derive(Clone)]
struct Slot {
    passage: Arc<Passage>,
    access: Access,
    words: Arc<PassageWords>,
    /// How many words title and headings have.
    heading_words: usize,
    /// Whether its title or its last heading is a question.
    is_asked: bool,
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
    parts: PartVectors,
    lexicon: Lexicon,
    spellings: Spellings,
    abbreviations: Abbreviations,
    embedder: Option<Arc<dyn Embedder>>,
    fusion: Weights,
    belief: Belief,
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
        let mut question = Question::read(request.query, query_language, &scope.languages);
        let mut timings = Timings { analysis: started.elapsed(), ..Timings::default() };

        let started = Instant::now();
        let mut lexical = self.lexical.score(&question.terms, &scope.allowed);
        let corrections = self.put_right(&mut question, &mut lexical, &scope);
        let expansions = self.expand(&mut question, &mut lexical, &scope);
        timings.lexical = started.elapsed();

        let by_words = self.by_words(request, &lexical);
        let by_meaning = self.by_meaning(request, &question, &scope, &by_words, &mut timings).await;
        let (found, semantic, degraded) = match by_meaning {
            Ok(found) => (Some(found), SemanticUse::Used, false),
            Err(reason) => {
                let degraded = matches!(reason, SkipReason::Failed { .. });
                (None, SemanticUse::Skipped(reason), degraded)
            }
        };

        let started = Instant::now();
        let passages = self.best(request, &question, &lexical, &by_words, found.as_ref());
        let evidence = Evidence::of(&passages, &question, &lexical, self.lexical.documents());
        let confidence = evidence.confidence(&self.belief);
        let passages = passages.into_iter().take(request.limit).map(|(_, passage)| passage).collect();
        timings.fusion = started.elapsed();
        let question = question.text;
        SearchResult {
            passages,
            query_language,
            question,
            corrections,
            expansions,
            semantic,
            degraded,
            confidence,
            evidence,
            timings,
        }
    }

    fn question_language(&self, query: &str, locale: Option<&Locale>) -> Detection {
        let known: Vec<Language> = self.languages().collect();
        language::detect_question(query, locale, self.default_language, &known)
    }

    /// Replaces the mistyped words of a question, and scores it anew when it has any.
    fn put_right(&self, question: &mut Question, scores: &mut LexicalScores, scope: &Scope<'_>) -> Vec<Correction> {
        let embedder = self.embedder.as_ref().filter(|embedder| embedder.knows(question.language.as_str()));
        let is_word =
            |word: &str| embedder.is_some_and(|embedder| embedder.is_word(word)) || self.abbreviations.has(word);
        let (allowed, languages) = (&*scope.allowed, &*scope.languages);
        let lookup = Lookup { lexical: &self.lexical, allowed, languages, is_word: &is_word };
        let meant = self.spellings.mistyped(question, scores, &lookup);
        if meant.is_empty() {
            return Vec::new();
        }
        let corrected = question.corrected(&meant, languages);
        let words = std::mem::replace(question, corrected).words;
        *scores = self.lexical.score(&question.terms, allowed);
        meant.into_iter().map(|(at, meant)| Correction { written: words[at].text.clone(), meant }).collect()
    }

    /// Looks for what the abbreviations of a question stand for, for the abbreviations
    /// of what it spells out, and for the parts of words that are written together.
    fn expand(&self, question: &mut Question, scores: &mut LexicalScores, scope: &Scope<'_>) -> Vec<Expansion> {
        let allowed = &*scope.allowed;
        let mut expansions = self.abbreviations.expand(question, scores, allowed);
        let lookup = Lookup { lexical: &self.lexical, allowed, languages: &scope.languages, is_word: &|_| false };
        expansions.extend(self.spellings.compounds(question, scores, &lookup));
        for expansion in &expansions {
            self.lexical.expand(&expansion.terms, EXPANSION_WEIGHT, expansion.covers, allowed, scores);
            if !expansion.is_spelled_out {
                question.text.push_str(&format!(" ({})", expansion.meant));
            }
        }
        expansions
    }

    /// The slots with the best scores by words, in no particular order.
    fn by_words(&self, request: SearchRequest<'_>, lexical: &LexicalScores) -> Vec<u32> {
        let mut top = Top::new(CANDIDATES.max(request.limit));
        lexical.scores.iter().zip(0..).for_each(|(score, at)| top.offer(*score, at));
        top.into_unsorted().into_iter().map(|(_, at)| at).collect()
    }

    /// The vector of the question, the passages nearest to it, and the cosines of
    /// those found by words.
    async fn by_meaning(
        &self,
        request: SearchRequest<'_>,
        question: &Question,
        scope: &Scope<'_>,
        by_words: &[u32],
        timings: &mut Timings,
    ) -> Result<(Vec<f32>, Neighbors), SkipReason> {
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
        let embedded = embedder.embed(&[&question.text], Role::Question).await;
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
        found.map(|neighbors| (vector.to_vec(), neighbors)).map_err(|error| {
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
        question: &Question,
        lexical: &LexicalScores,
        by_words: &[u32],
        meaning: Option<&(Vec<f32>, Neighbors)>,
    ) -> Vec<(usize, ScoredPassage)> {
        let mut candidates = Candidates::new(self.slots.len());
        let also = meaning.map_or(&[][..], |(_, neighbors)| &neighbors.also);
        for (at, cosine) in by_words.iter().zip(also.iter().copied().chain(std::iter::repeat(None))) {
            candidates.add(*at, cosine);
        }
        for neighbor in meaning.iter().flat_map(|(_, neighbors)| &neighbors.nearest) {
            candidates.add(neighbor.id, Some(neighbor.cosine));
        }
        let weights = question.word_weights(&lexical.idf, self.lexical.documents());
        let most: f32 = question.terms.iter().map(|term| term.weight * weights[term.word]).sum();
        let fusion = self.fusion;
        let signals = |at: u32, parts: PartCosines| Signals {
            words: if most > 0.0 { lexical.scores[at as usize] / most } else { 0.0 },
            text: parts.text,
            heading: parts.heading,
            ..Signals::default()
        };
        let mut scored: Vec<Scored> = candidates
            .added
            .into_iter()
            .map(|(at, cosine)| {
                let fused = match (meaning, request.mode) {
                    (None, _) if lexical.best > 0.0 => lexical.scores[at as usize] / lexical.best,
                    (None, _) => 0.0,
                    (Some(_), Mode::Semantic) => cosine.unwrap_or(0.0).clamp(0.0, 1.0),
                    // Of the passage alone, until it is looked at more closely.
                    (Some(_), Mode::Lexical | Mode::Hybrid) => {
                        let cosine = cosine.unwrap_or(0.0);
                        Signals { excerpt: cosine, ..signals(at, PartCosines { heading: cosine, text: cosine }) }
                            .fused(fusion)
                    }
                };
                Scored { fused, at, cosine, wording: None }
            })
            .filter(|scored| scored.fused > 0.0)
            .collect();
        cut(&mut scored, request.limit.max(confidence::EVIDENCE_PASSAGES).max(SHORTLIST));
        let asked = meaning.and_then(|(vector, _)| self.parts.coded(vector));
        if let (Some(asked), Mode::Lexical | Mode::Hybrid) = (&asked, request.mode) {
            let shortlist = SHORTLIST.min(scored.len());
            let (looked_at, _) = scored.split_at_mut(shortlist);
            let slots: Vec<u32> = looked_at.iter().map(|scored| scored.at).collect();
            let cosines: Vec<Option<f32>> = looked_at.iter().map(|scored| scored.cosine).collect();
            let parts = self.parts.compare(asked, &slots, &cosines);
            let wordings = self.wordings(question, &weights, lexical, &slots);
            let nearest = parts.iter().flatten().map(|parts| parts.heading).fold(0.0, f32::max);
            for ((scored, parts), wording) in looked_at.iter_mut().zip(parts).zip(wordings) {
                scored.cosine = parts.map(PartCosines::nearer);
                let excerpts = if fusion.reads_excerpts() { self.parts.excerpts(asked, scored.at) } else { Vec::new() };
                let excerpt = excerpts.into_iter().fold(0.0, f32::max);
                let heading_words = self.slots[scored.at as usize].as_ref().map_or(0, |slot| slot.heading_words);
                let lead = parts.map_or(0.0, |parts| fusion::lead(parts.heading, nearest, heading_words));
                let signals = Signals { wording, excerpt, lead, ..signals(scored.at, parts.unwrap_or_default()) };
                scored.fused = signals.fused(fusion);
                scored.wording = Some(wording);
            }
            scored.sort_unstable_by(Scored::best_first);
        }
        scored.truncate(request.limit.max(confidence::EVIDENCE_PASSAGES));
        let passage = |(rank, scored): (usize, Scored)| {
            let at = scored.at as usize;
            let passage = Arc::clone(&self.slots[at].as_ref()?.passage);
            let Scored { fused, cosine: semantic, wording, .. } = scored;
            let asked = asked.as_ref().filter(|_| rank < confidence::EVIDENCE_PASSAGES);
            let excerpts = asked.map(|asked| self.parts.excerpts(asked, scored.at)).unwrap_or_default();
            Some((at, ScoredPassage { passage, lexical: lexical.scores[at], semantic, wording, excerpts, fused }))
        };
        scored.into_iter().enumerate().filter_map(passage).collect()
    }

    /// What the words of some passages say about the question.
    fn wordings(&self, question: &Question, weights: &[f32], lexical: &LexicalScores, slots: &[u32]) -> Vec<Wording> {
        let table = self.embedder.as_ref().and_then(|embedder| embedder.words());
        let table = table.filter(|table| table.knows(question.language.as_str()));
        // A name is itself or nothing: no other word is nearly it.
        let vector = |at: usize| {
            let table = table.filter(|_| !question.words[at].is_name())?;
            Some(table.vector(&fold_word(&question.words[at].text)))
        };
        let words = weights.iter().enumerate().map(|(at, weight)| (*weight, vector(at)));
        let asked = AskedWords::new(&self.lexicon, words);
        let none = PassageWords::default();
        let words_of = |at: &u32| self.slots[*at as usize].as_ref().map_or(&none, |slot| &*slot.words);
        let mut comparison = Comparison::new(&asked, &self.lexicon, slots.iter().map(words_of));
        let documents = self.lexical.documents();
        slots.iter().map(|at| comparison.wording(words_of(at), lexical.matched[*at as usize], documents)).collect()
    }
}

/// A passage on its way through the fusion.
struct Scored {
    fused: f32,
    at: u32,
    cosine: Option<f32>,
    wording: Option<Wording>,
}

impl Scored {
    fn best_first(a: &Self, b: &Self) -> std::cmp::Ordering {
        top::best_first(&(a.fused, a.at), &(b.fused, b.at))
    }
}

/// Leaves the `limit` best, in their order.
fn cut(scored: &mut Vec<Scored>, limit: usize) {
    if scored.len() > limit {
        scored.select_nth_unstable_by(limit - 1, Scored::best_first);
        scored.truncate(limit);
    }
    scored.sort_unstable_by(Scored::best_first);
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
