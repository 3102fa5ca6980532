//! What is asked of the index, and what it answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::abbreviations::Expansion;
use super::audience::AudienceSet;
use super::confidence::Evidence;
use super::passage::Passage;
use super::spelling::Correction;
use super::wording::Wording;
use crate::domain::locale::Locale;
use crate::text::language::Language;

/// Which sides of the search are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Words alone.
    Lexical,
    /// Meaning alone; words where the meaning cannot be had.
    Semantic,
    /// Both, fused.
    #[default]
    Hybrid,
}

/// A question to the index.
#[derive(Clone, Copy, Debug)]
pub struct SearchRequest<'a> {
    /// The question.
    pub query: &'a str,
    /// The user's language.
    pub locale: Option<&'a Locale>,
    /// The audiences that the user is in.
    pub audiences: &'a AudienceSet,
    /// Which sides are used.
    pub mode: Mode,
    /// Most passages in the result.
    pub limit: usize,
}

/// A passage with its scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredPassage {
    /// The passage.
    pub passage: Arc<Passage>,
    /// BM25F, 0 or more.
    pub lexical: f32,
    /// Cosine with the question, when the semantic side was used and the passage has
    /// a vector: of its headings or its text, whichever is larger.
    pub semantic: Option<f32>,
    /// What its words say about the question; absent without the semantic side,
    /// and behind the passages that are looked at more closely.
    pub wording: Option<Wording>,
    /// Cosines of its excerpts with the question, in their order, 0 where one has no
    /// vector; empty without the semantic side, and behind the passages that the
    /// evidence looks at.
    pub excerpts: Vec<f32>,
    /// What the passages are ordered by, 0 to 1.
    pub fused: f32,
}

/// Why the semantic side was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The caller asked for words alone.
    NotAsked,
    /// There is no embedder.
    NoEmbedder,
    /// The embedder does not know the language of the question.
    Question {
        /// Name of the embedder.
        embedder: String,
        /// The question's language.
        language: Language,
    },
    /// No passage that the user may read has a vector: the embedder does not know their languages.
    Articles {
        /// Name of the embedder.
        embedder: String,
        /// The articles' languages.
        languages: Vec<Language>,
    },
    /// The embedder knows no word of the question.
    NoKnownWord {
        /// Name of the embedder.
        embedder: String,
    },
    /// The embedder failed, now or when the articles were indexed.
    Failed {
        /// What happened.
        error: String,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("the search was for words alone"),
            Self::NoEmbedder => f.write_str("no embedder is set up"),
            Self::Question { embedder, language } => {
                write!(f, "the embedder `{embedder}` does not know the question's language, `{language}`")
            }
            Self::Articles { embedder, languages } => {
                let names = languages.iter().map(|language| format!("`{language}`")).collect::<Vec<_>>().join(", ");
                write!(f, "the embedder `{embedder}` does not know the articles' language, {names}")
            }
            Self::NoKnownWord { embedder } => write!(f, "the embedder `{embedder}` knows no word of the question"),
            Self::Failed { error } => f.write_str(error),
        }
    }
}

/// Whether meaning was part of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SemanticUse {
    /// It was.
    Used,
    /// It was not, and why.
    Skipped(SkipReason),
}

/// Time spent on each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Language, terms and the filter.
    pub analysis: Duration,
    /// Scores by words.
    pub lexical: Duration,
    /// The question's vector.
    pub embedding: Duration,
    /// Scores by meaning.
    pub semantic: Duration,
    /// Fusion, order and confidence.
    pub fusion: Duration,
}

impl Timings {
    /// All steps together.
    pub fn total(&self) -> Duration {
        self.analysis + self.lexical + self.embedding + self.semantic + self.fusion
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// The best passages, best first.
    pub passages: Vec<ScoredPassage>,
    /// The language that the question was read in.
    pub query_language: Language,
    /// The question with its mistyped words put right, and behind it what its
    /// abbreviations stand for.
    pub question: String,
    /// The mistyped words.
    pub corrections: Vec<Correction>,
    /// The abbreviations, the words that have one, and those that are written together.
    pub expansions: Vec<Expansion>,
    /// Whether meaning was part of the search.
    pub semantic: SemanticUse,
    /// Whether the semantic side should have been used but failed.
    pub degraded: bool,
    /// How likely the knowledge holds the answer, 0 to 1.
    pub confidence: f32,
    /// What the confidence rests on.
    pub evidence: Evidence,
    /// Time by step.
    pub timings: Timings,
}
