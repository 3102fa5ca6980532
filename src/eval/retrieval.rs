//! `docent eval retrieval`: how well passages are found, on a data set in the BEIR layout.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::beir::{self, BeirError};
use super::metrics;
use crate::domain::article::{Article, Block, BlockKind, Section};
use crate::domain::ids::ArticleId;
use crate::domain::locale::Locale;
use crate::domain::project::{Project, Settings};
use crate::ports::embedder::Embedder;
use crate::retrieval::audience::AudienceSet;
use crate::retrieval::index::Index;
use crate::retrieval::index::builder::IndexBuilder;
use crate::retrieval::lexical::LexicalError;
use crate::retrieval::search::{Mode, SearchRequest, SemanticUse};

/// Documents of a result that are looked at.
const DEPTH: usize = 100;
/// Passages that are asked for, so that enough documents remain.
const PASSAGES: usize = 400;

/// What to evaluate.
#[derive(Clone)]
pub struct Options {
    /// The folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`.
    pub dir: PathBuf,
    /// Which sides of the search are used.
    pub mode: Mode,
    /// The language of documents and questions; found out when absent.
    pub language: Option<Locale>,
    /// The embedder of the semantic side.
    pub embedder: Option<Arc<dyn Embedder>>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] BeirError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] LexicalError),
}

/// The figures, means over all queries with a relevant document.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Normalized discounted cumulative gain of the first 10.
    pub ndcg_at_10: f64,
    /// Mean of one over the rank of the first relevant document of 10.
    pub mrr_at_10: f64,
    /// Share of queries whose first document is relevant.
    pub hit_at_1: f64,
    /// Share of the first 3 that are relevant.
    pub precision_at_3: f64,
    /// Share of the relevant documents among the first 3.
    pub recall_at_3: f64,
    /// Share of the relevant documents among the first 5.
    pub recall_at_5: f64,
    /// Share of the relevant documents among the first 10.
    pub recall_at_10: f64,
    /// Share of the relevant documents among the first 20.
    pub recall_at_20: f64,
    /// Share of the relevant documents among the first 100.
    pub recall_at_100: f64,
    /// Mean of one over the rank of the first relevant document of 3.
    pub mrr_at_3: f64,
    /// Documents.
    pub n_docs: usize,
    /// Queries with a relevant document.
    pub n_queries: usize,
    /// Passages that the documents were split into.
    pub passages: usize,
    /// Time to index all documents, in milliseconds.
    pub index_ms: f64,
    /// Median time of a search, in microseconds.
    pub p50_us: f64,
    /// Time of a search that 99 of 100 stay below, in microseconds.
    pub p99_us: f64,
    /// How many queries the semantic side was part of, or why of none.
    #[serde(skip)]
    pub semantic: String,
}

/// Indexes the documents, asks every query and scores the results. Passages
/// collapse to their document by the best score.
///
/// # Errors
/// When the data set cannot be read or the index fails.
pub async fn run(options: Options) -> Result<Report, EvalError> {
    let documents = beir::corpus(&options.dir)?;
    let queries = beir::queries(&options.dir)?;
    let judgments = beir::judgments(&options.dir)?;
    let started = Instant::now();
    let index = index_of(&documents, &options).await?;
    let index_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut report = Report { n_docs: documents.len(), passages: index.passage_count(), index_ms, ..Report::default() };
    let audiences = AudienceSet::everyone();
    let (mut times, mut used, mut skipped) = (Vec::new(), 0_usize, None);
    for query in &queries {
        let Some(relevant) = judgments.get(&query.id) else { continue };
        let request = SearchRequest {
            query: &query.text,
            locale: options.language.as_ref(),
            audiences: &audiences,
            mode: options.mode,
            limit: PASSAGES,
        };
        let started = Instant::now();
        let result = index.search(request).await;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        match result.semantic {
            SemanticUse::Used => used += 1,
            SemanticUse::Skipped(reason) => skipped = Some(reason),
        }
        let ranked = collapse(result.passages.iter().map(|scored| scored.passage.article.id.as_str()), &documents);
        report.n_queries += 1;
        for (figure, value) in [
            (&mut report.ndcg_at_10, metrics::ndcg_at(&ranked, relevant, 10)),
            (&mut report.mrr_at_10, metrics::reciprocal_rank_at(&ranked, relevant, 10)),
            (&mut report.mrr_at_3, metrics::reciprocal_rank_at(&ranked, relevant, 3)),
            (&mut report.hit_at_1, metrics::precision_at(&ranked, relevant, 1)),
            (&mut report.precision_at_3, metrics::precision_at(&ranked, relevant, 3)),
            (&mut report.recall_at_3, metrics::recall_at(&ranked, relevant, 3)),
            (&mut report.recall_at_5, metrics::recall_at(&ranked, relevant, 5)),
            (&mut report.recall_at_10, metrics::recall_at(&ranked, relevant, 10)),
            (&mut report.recall_at_20, metrics::recall_at(&ranked, relevant, 20)),
            (&mut report.recall_at_100, metrics::recall_at(&ranked, relevant, 100)),
        ] {
            *figure += value;
        }
    }
    if report.n_queries == 0 {
        return Err(BeirError::Empty(options.dir).into());
    }
    let count = report.n_queries as f64;
    for figure in report.means() {
        *figure /= count;
    }
    report.p50_us = metrics::quantile(&times, 0.5);
    report.p99_us = metrics::quantile(&times, 0.99);
    report.semantic = match skipped {
        Some(reason) if used == 0 => format!("skipped: {reason}"),
        Some(_) | None => format!("used in {used} of {} queries", report.n_queries),
    };
    Ok(report)
}

impl Report {
    fn means(&mut self) -> [&mut f64; 10] {
        [
            &mut self.ndcg_at_10,
            &mut self.mrr_at_10,
            &mut self.mrr_at_3,
            &mut self.hit_at_1,
            &mut self.precision_at_3,
            &mut self.recall_at_3,
            &mut self.recall_at_5,
            &mut self.recall_at_10,
            &mut self.recall_at_20,
            &mut self.recall_at_100,
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "documents {}, passages {}, queries {}", self.n_docs, self.passages, self.n_queries)?;
        for (name, value) in [
            ("nDCG@10", self.ndcg_at_10),
            ("MRR@10", self.mrr_at_10),
            ("MRR@3", self.mrr_at_3),
            ("hit@1", self.hit_at_1),
            ("precision@3", self.precision_at_3),
            ("recall@3", self.recall_at_3),
            ("recall@5", self.recall_at_5),
            ("recall@10", self.recall_at_10),
            ("recall@20", self.recall_at_20),
            ("recall@100", self.recall_at_100),
        ] {
            writeln!(f, "  {name:<12} {value:.4}")?;
        }
        writeln!(f, "semantic side {}", self.semantic)?;
        write!(f, "index {:.0} ms, search p50 {:.0} us, p99 {:.0} us", self.index_ms, self.p50_us, self.p99_us)
    }
}

/// An index over the documents of a data set, built as for any project.
///
/// # Errors
/// When the index fails.
pub async fn index_of(documents: &[beir::Document], options: &Options) -> Result<Arc<Index>, LexicalError> {
    let settings = match &options.language {
        Some(locale) => Settings { default_locale: locale.clone(), ..Settings::default() },
        None => Settings::default(),
    };
    let articles = documents.iter().enumerate().filter_map(|(at, document)| {
        let id = ArticleId::new(&at.to_string()).ok()?;
        Some((id.clone(), Arc::new(article(id, document, options.language.clone()))))
    });
    let project = Project { settings: Arc::new(settings), articles: articles.collect(), ..Project::default() };
    IndexBuilder::new(options.embedder.clone())?.update(&project).await
}

fn article(id: ArticleId, document: &beir::Document, locale: Option<Locale>) -> Article {
    let paragraphs = document.text.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    let blocks = paragraphs
        .map(|text| Block { kind: BlockKind::Paragraph, markdown: text.to_owned(), text: text.to_owned() })
        .collect();
    Article {
        url: format!("/{id}"),
        id,
        title: document.title.clone(),
        locale,
        audience: None,
        keywords: Vec::new(),
        sections: vec![Section { heading_path: Vec::new(), anchor: None, blocks }],
    }
}

/// The documents of ranked passages, each at its best place.
fn collapse<'a, 'd>(articles: impl Iterator<Item = &'a str>, documents: &'d [beir::Document]) -> Vec<&'d str> {
    let mut ranked: Vec<&str> = Vec::with_capacity(DEPTH);
    let mut seen = vec![false; documents.len()];
    for at in articles.filter_map(|id| id.parse::<usize>().ok()) {
        if ranked.len() < DEPTH && !std::mem::replace(&mut seen[at], true) {
            ranked.push(&documents[at].id);
        }
    }
    ranked
}
