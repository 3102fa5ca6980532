//! `docent eval noanswer`: whether the confidence tells questions that the knowledge
//! answers from those that it does not.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::beir::Judgments;
use super::missing::Missing;
use super::retrieval::{self, EvalError, Options};
use super::{beir, metrics};
use crate::retrieval::audience::AudienceSet;
use crate::retrieval::confidence::ANSWER_THRESHOLD;
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
    /// Share of the answerable questions that the server answers.
    pub answered: f64,
    /// Share of the unanswerable ones that it answers too.
    pub answered_wrong: f64,
    /// Questions with an answer.
    pub n_answerable: usize,
    /// Questions without.
    pub n_unanswerable: usize,
}

/// Indexes the documents and asks every question that is marked as answerable or not;
/// or, when documents are `missing` of those that answer a question, every question that
/// has either all of its documents or none.
///
/// # Errors
/// When the data set cannot be read or the index fails.
pub async fn run(options: Options, missing: Option<Missing>) -> Result<Report, EvalError> {
    let mut documents = beir::corpus(&options.dir)?;
    let mut queries = beir::queries(&options.dir)?;
    if let Some(missing) = missing {
        let judgments = beir::judgments(&options.dir)?;
        let missing = missing.of(judgments.values().flat_map(|relevant| relevant.keys().map(String::as_str)));
        documents.retain(|document| !missing.contains(&document.id));
        for query in &mut queries {
            query.answerable = judgments.get(&query.id).and_then(|relevant| left(relevant, &missing));
        }
    }
    let index = retrieval::index_of(&documents, &options).await?;
    let audiences = AudienceSet::everyone();
    let (mut answerable, mut unanswerable) = (Vec::new(), Vec::new());
    for query in &queries {
        let Some(is_answerable) = query.answerable else { continue };
        let locale = options.language.as_ref();
        let request = SearchRequest { query: &query.text, locale, audiences: &audiences, mode: options.mode, limit: 1 };
        let confidence = f64::from(index.search(request).await.confidence);
        if is_answerable { answerable.push(confidence) } else { unanswerable.push(confidence) }
    }
    if answerable.is_empty() || unanswerable.is_empty() {
        return Err(beir::BeirError::Empty(options.dir).into());
    }
    Ok(report(&answerable, &unanswerable))
}

/// Whether the documents that answer a question are there; `None` when a part of them is.
fn left(relevant: &Judgments, missing: &BTreeSet<String>) -> Option<bool> {
    match relevant.keys().filter(|id| missing.contains(*id)).count() {
        0 => Some(true),
        gone => (gone == relevant.len()).then_some(false),
    }
}

fn report(answerable: &[f64], unanswerable: &[f64]) -> Report {
    let (auroc, fpr95) = metrics::separation(answerable, unanswerable);
    let passing = |group: &[f64], bar: f64| group.iter().filter(|value| **value >= bar).count() as f64;
    let all = (answerable.len() + unanswerable.len()) as f64;
    let coverage = |bar: f64| {
        let wrong = passing(unanswerable, bar);
        let answered = wrong + passing(answerable, bar);
        if wrong <= WRONG_SHARE * answered { answered / all } else { 0.0 }
    };
    Report {
        auroc,
        fpr95,
        answered: passing(answerable, f64::from(ANSWER_THRESHOLD)) / answerable.len() as f64,
        answered_wrong: passing(unanswerable, f64::from(ANSWER_THRESHOLD)) / unanswerable.len() as f64,
        coverage_at_5pct_wrong: answerable.iter().chain(unanswerable).map(|bar| coverage(*bar)).fold(0.0, f64::max),
        n_answerable: answerable.len(),
        n_unanswerable: unanswerable.len(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "questions with an answer {}, without {}", self.n_answerable, self.n_unanswerable)?;
        writeln!(f, "  AUROC                 {:.4}", self.auroc)?;
        writeln!(f, "  FPR at 95% answered   {:.4}", self.fpr95)?;
        writeln!(f, "  coverage at 5% wrong  {:.4}", self.coverage_at_5pct_wrong)?;
        writeln!(f, "  answered              {:.4}", self.answered)?;
        write!(f, "  answered wrongly      {:.4}", self.answered_wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_with_a_part_of_its_documents_is_not_asked() {
        let missing = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let left = |ids: &[&str]| left(&ids.iter().map(|id| ((*id).to_owned(), 1)).collect(), &missing);
        assert_eq!((left(&["c"]), left(&["a", "b"]), left(&["a", "c"])), (Some(true), Some(false), None));
    }

    #[test]
    fn figures_by_hand() {
        let found = report(&[0.9, 0.8, 0.4, 0.2], &[0.4, 0.1]);
        assert_eq!((found.auroc, found.fpr95), (0.8125, 0.5));
        assert_eq!((found.answered, found.answered_wrong), (0.5, 0.0));
        // Two are answered before the first wrong one; all six have two of six wrong.
        assert_eq!(found.coverage_at_5pct_wrong, 2.0 / 6.0);
    }
}
