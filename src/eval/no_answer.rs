//! `docent eval noanswer`: whether the confidence tells questions that the knowledge
//! answers from those that it does not.

use std::fmt;

use serde::Serialize;

use super::beir;
use super::retrieval::{self, EvalError, Options};
use crate::retrieval::audience::AudienceSet;
use crate::retrieval::search::SearchRequest;

/// Share of the answered questions that may be wrong in [`Report::coverage_at_5pct_wrong`].
const WRONG_SHARE: f64 = 0.05;

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How often an answerable question has more confidence than one that is not; a tie is half.
    pub auroc: f64,
    /// Share of the unanswerable that pass the threshold which 95% of the answerable pass.
    pub fpr95: f64,
    /// The largest share of all questions that can be answered with at most 5% of
    /// them being unanswerable.
    pub coverage_at_5pct_wrong: f64,
    /// Questions with an answer.
    pub n_answerable: usize,
    /// Questions without.
    pub n_unanswerable: usize,
}

/// Indexes the documents and asks every question that is marked as answerable or not.
///
/// # Errors
/// When the data set cannot be read or the index fails.
pub async fn run(options: Options) -> Result<Report, EvalError> {
    let documents = beir::corpus(&options.dir)?;
    let queries = beir::queries(&options.dir)?;
    let index = retrieval::index_of(&documents, &options).await?;
    let audiences = AudienceSet::everyone();
    let (mut answerable, mut unanswerable) = (Vec::new(), Vec::new());
    for query in &queries {
        let Some(is_answerable) = query.answerable else { continue };
        let locale = options.language.as_ref();
        let request = SearchRequest { query: &query.text, locale, audiences: &audiences, mode: options.mode, limit: 1 };
        let confidence = index.search(request).await.confidence;
        if is_answerable { answerable.push(confidence) } else { unanswerable.push(confidence) }
    }
    if answerable.is_empty() || unanswerable.is_empty() {
        return Err(beir::BeirError::Empty(options.dir).into());
    }
    Ok(report(&mut answerable, &unanswerable))
}

fn report(answerable: &mut [f32], unanswerable: &[f32]) -> Report {
    answerable.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut wins = 0.0;
    for no in unanswerable {
        let above = answerable.partition_point(|yes| yes > no);
        let level = answerable.partition_point(|yes| yes >= no) - above;
        wins += above as f64 + 0.5 * level as f64;
    }
    let (n_answerable, n_unanswerable) = (answerable.len(), unanswerable.len());
    let passing = (n_answerable * 95).div_ceil(100);
    let threshold = answerable[passing - 1];
    let accepted = |threshold: f32| unanswerable.iter().filter(|no| **no >= threshold).count();
    let all = (n_answerable + n_unanswerable) as f64;
    let coverage = |threshold: f32| {
        let wrong = accepted(threshold) as f64;
        let answered = wrong + answerable.partition_point(|yes| *yes >= threshold) as f64;
        if wrong <= WRONG_SHARE * answered { answered / all } else { 0.0 }
    };
    let thresholds = answerable.iter().chain(unanswerable);
    Report {
        auroc: wins / (n_answerable * n_unanswerable) as f64,
        fpr95: accepted(threshold) as f64 / n_unanswerable as f64,
        coverage_at_5pct_wrong: thresholds.map(|threshold| coverage(*threshold)).fold(0.0, f64::max),
        n_answerable,
        n_unanswerable,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "questions with an answer {}, without {}", self.n_answerable, self.n_unanswerable)?;
        writeln!(f, "  AUROC                 {:.4}", self.auroc)?;
        writeln!(f, "  FPR at 95% answered   {:.4}", self.fpr95)?;
        write!(f, "  coverage at 5% wrong  {:.4}", self.coverage_at_5pct_wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let found = report(&mut [0.9, 0.8, 0.4, 0.2], &[0.4, 0.1]);
        assert_eq!((found.auroc, found.fpr95), (0.8125, 0.5));
        // Two are answered before the first wrong one; all six have two of six wrong.
        assert_eq!(found.coverage_at_5pct_wrong, 2.0 / 6.0);
    }
}
