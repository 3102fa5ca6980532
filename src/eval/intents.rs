//! `docent eval intents`: how well messages are matched to Custom Answers, on a
//! data set of labeled messages.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::metrics;
use super::missing::Missing;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::ids::AnswerId;
use crate::domain::locale::Locale;
use crate::domain::project::Settings;
use crate::intent::matcher::{self, Outcome};
use crate::intent::message::Message;
use crate::intent::phrases::{Phrases, Teaching};
use crate::ports::embedder::{EmbedError, Embedder, Role};
use crate::text::language::Language;

/// The label of a message that means none of the answers.
const NONE: &str = "oos";

/// What to evaluate.
pub struct Options {
    /// Phrases with their labels.
    pub train: PathBuf,
    /// Messages with their labels, to be scored.
    pub test: PathBuf,
    /// Messages with their labels, by which the threshold is chosen instead of
    /// the one that the server would use.
    pub valid: Option<PathBuf>,
    /// The answers that are left out: what means one of them then means none.
    pub missing: Option<Missing>,
    /// The embedder.
    pub embedder: Arc<dyn Embedder>,
    /// The language of the phrases and messages.
    pub language: Option<Locale>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum IntentsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: expected an object with `text` and `label`: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// There is nothing to learn from or to score.
    #[error("`{}` has no message with a label", .0.display())]
    Empty(PathBuf),
    /// The texts cannot be embedded.
    #[error(transparent)]
    Embedder(#[from] EmbedError),
}

/// A row of a file.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    text: String,
    label: String,
}

/// The figures; shares are from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Share of the in-scope messages whose best answer is the right one.
    pub closed_accuracy: f64,
    /// Share of the in-scope messages that match the right answer.
    pub in_scope_accuracy: f64,
    /// Share of the out-of-scope messages that match nothing.
    pub oos_recall: f64,
    /// Share of the messages that match nothing which are out of scope.
    pub oos_precision: f64,
    /// Share of all messages that are treated right.
    pub joint_accuracy: f64,
    /// Wrong matches over all messages.
    pub wrong_action_rate: f64,
    /// Wrong matches over all matches.
    pub wrong_match_rate: f64,
    /// Probability that an in-scope message is given more confidence than an out-of-scope one.
    pub auroc: f64,
    /// Share of the out-of-scope messages above the confidence that 95 of 100 in-scope ones reach.
    pub fpr95: f64,
    /// Least confidence of a match.
    pub threshold: f64,
    /// In-scope messages.
    pub n_in: usize,
    /// Out-of-scope messages.
    pub n_oos: usize,
    /// Phrases that were learned from.
    pub n_train: usize,
    /// Embedding and learning, in milliseconds.
    pub train_ms: f64,
    /// Median time to read, embed and match a message, in microseconds.
    pub p50_us: f64,
    /// Time that 99 of 100 messages stay below, in microseconds.
    pub p99_us: f64,
}

/// How one message was matched.
struct Judged {
    label: String,
    best: Option<String>,
    confidence: f64,
    /// The answer that the server would have given.
    matched: Option<String>,
    micros: f64,
}

/// Builds what the server would build from Custom Answers with the phrases of
/// `options.train`, and matches every message of `options.test`.
///
/// # Errors
/// When a file cannot be used or the embedder fails.
pub async fn run(options: &Options) -> Result<Report, IntentsError> {
    let mut train = rows(&options.train)?;
    let mut test = rows(&options.test)?;
    let mut valid = options.valid.as_deref().map(rows).transpose()?;
    if let Some(missing) = options.missing {
        let missing = missing.of(train.iter().map(|row| row.label.as_str()).filter(|label| *label != NONE));
        for rows in [Some(&mut train), Some(&mut test), valid.as_mut()].into_iter().flatten() {
            rows.iter_mut().filter(|row| missing.contains(&row.label)).for_each(|row| NONE.clone_into(&mut row.label));
        }
    }
    let locale = options.language.clone().unwrap_or_else(|| Settings::default().default_locale);
    let started = Instant::now();
    let answers = answers(&train);
    let n_train = answers.iter().map(|answer| answer.phrases.len()).sum();
    if n_train == 0 {
        return Err(IntentsError::Empty(options.train.clone()));
    }
    let teaching = Teaching {
        default_locale: &locale,
        embedder: options.embedder.as_ref(),
        headings: &[],
        max_wrong_match_rate: Settings::default().max_wrong_match_rate,
    };
    let (phrases, failure) = Phrases::build(answers, teaching).await;
    if let Some(error) = failure {
        return Err(error.into());
    }
    let train_ms = started.elapsed().as_secs_f64() * 1e3;
    let language = Language::of_locale(&locale);
    let judged = judge(&phrases, &test, language, options.embedder.as_ref()).await?;
    let chosen = match valid {
        Some(_) if options.valid.as_ref() == Some(&options.test) => Some(best_threshold(&judged)),
        Some(valid) => Some(best_threshold(&judge(&phrases, &valid, language, options.embedder.as_ref()).await?)),
        None => None,
    };
    let mut report = score(&judged, chosen);
    if judged.is_empty() {
        return Err(IntentsError::Empty(options.test.clone()));
    }
    report.threshold = chosen.unwrap_or_else(|| f64::from(phrases.threshold()));
    (report.n_train, report.train_ms) = (n_train, train_ms);
    Ok(report)
}

/// One Custom Answer a label, in the order of the labels.
fn answers(rows: &[Row]) -> Vec<Arc<CustomAnswer>> {
    let mut by_label: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.label != NONE) {
        by_label.entry(&row.label).or_default().push(row.text.clone());
    }
    let answer = |(label, phrases): (&str, Vec<String>)| {
        let id = AnswerId::new(label).or_else(|_| AnswerId::new(&slug(label))).ok()?;
        Some(Arc::new(CustomAnswer {
            id,
            phrases,
            not: Vec::new(),
            audience: None,
            locale: None,
            actions: Vec::new(),
            body: label.to_owned(),
        }))
    };
    by_label.into_iter().filter_map(answer).collect()
}

/// A label as an identifier can be written.
fn slug(label: &str) -> String {
    let lower = label.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

async fn judge(
    phrases: &Phrases,
    rows: &[Row],
    language: Language,
    embedder: &dyn Embedder,
) -> Result<Vec<Judged>, IntentsError> {
    let mut judged = Vec::with_capacity(rows.len());
    let knows = embedder.knows(language.as_str());
    for row in rows {
        let started = Instant::now();
        let message = Message::read(&row.text, language);
        let vector = if knows { Some(embedder.embed(&[&row.text], Role::Question).await?.into_values()) } else { None };
        let decision = matcher::decide(phrases, &message, vector.as_deref(), embedder.words(), |_| true);
        let micros = started.elapsed().as_secs_f64() * 1e6;
        let matched = match &decision.outcome {
            Outcome::Matched(answer) => Some(answer.body.clone()),
            Outcome::NearTie(_) | Outcome::Abstained => None,
        };
        let best = decision.candidates.first();
        judged.push(Judged {
            label: row.label.clone(),
            best: best.map(|candidate| candidate.answer.body.clone()),
            confidence: best.map_or(0.0, |candidate| f64::from(candidate.score)),
            matched,
            micros,
        });
    }
    Ok(judged)
}

/// The threshold at which most messages are treated right.
fn best_threshold(judged: &[Judged]) -> f64 {
    let mut ranked: Vec<&Judged> = judged.iter().collect();
    ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut right = judged.iter().filter(|judged| judged.label == NONE).count();
    let (mut most, mut threshold) = (right, f64::INFINITY);
    for (at, one) in ranked.iter().enumerate() {
        if one.label == NONE {
            right -= 1;
        } else if one.best.as_deref() == Some(&one.label) {
            right += 1;
        }
        let next = ranked.get(at + 1).map_or(0.0, |next| next.confidence);
        if right > most && next < one.confidence {
            (most, threshold) = (right, f64::midpoint(one.confidence, next));
        }
    }
    threshold
}

fn score(judged: &[Judged], threshold: Option<f64>) -> Report {
    let matched = |judged: &Judged| match threshold {
        Some(threshold) => judged.best.clone().filter(|_| judged.confidence >= threshold),
        None => judged.matched.clone(),
    };
    let (mut closed, mut right_in, mut rejected, mut rejected_oos, mut matches, mut wrong) = (0, 0, 0, 0, 0, 0);
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for one in judged {
        let is_oos = one.label == NONE;
        if is_oos { &mut outside } else { &mut inside }.push(one.confidence);
        closed += usize::from(!is_oos && one.best.as_ref() == Some(&one.label));
        match matched(one) {
            None => {
                rejected += 1;
                rejected_oos += usize::from(is_oos);
            }
            Some(label) => {
                matches += 1;
                let is_right = label == one.label;
                right_in += usize::from(is_right);
                wrong += usize::from(!is_right);
            }
        }
    }
    let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let (auroc, fpr95) = metrics::separation(&inside, &outside);
    let times: Vec<f64> = judged.iter().map(|judged| judged.micros).collect();
    Report {
        closed_accuracy: share(closed, inside.len()),
        in_scope_accuracy: share(right_in, inside.len()),
        oos_recall: share(rejected_oos, outside.len()),
        oos_precision: share(rejected_oos, rejected),
        joint_accuracy: share(right_in + rejected_oos, judged.len()),
        wrong_action_rate: share(wrong, judged.len()),
        wrong_match_rate: share(wrong, matches),
        auroc,
        fpr95,
        n_in: inside.len(),
        n_oos: outside.len(),
        p50_us: metrics::quantile(&times, 0.5),
        p99_us: metrics::quantile(&times, 0.99),
        ..Report::default()
    }
}

fn rows(path: &Path) -> Result<Vec<Row>, IntentsError> {
    let text = fs::read_to_string(path).map_err(|source| IntentsError::File { path: path.to_path_buf(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let fault = |error: serde_json::Error| IntentsError::Line {
                path: path.to_path_buf(),
                line: at + 1,
                message: error.to_string(),
            };
            serde_json::from_str(line).map_err(fault)
        })
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "phrases {}, messages {} in scope, {} out of scope", self.n_train, self.n_in, self.n_oos)?;
        for (name, value) in [
            ("closed accuracy", self.closed_accuracy),
            ("in-scope accuracy", self.in_scope_accuracy),
            ("oos recall", self.oos_recall),
            ("oos precision", self.oos_precision),
            ("joint accuracy", self.joint_accuracy),
            ("wrong actions", self.wrong_action_rate),
            ("wrong matches", self.wrong_match_rate),
            ("AUROC", self.auroc),
            ("FPR at 95%", self.fpr95),
            ("threshold", self.threshold),
        ] {
            writeln!(f, "  {name:<18} {value:.4}")?;
        }
        write!(f, "train {:.0} ms, match p50 {:.0} us, p99 {:.0} us", self.train_ms, self.p50_us, self.p99_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(label: &str, best: &str, confidence: f64) -> Judged {
        Judged { label: label.to_owned(), best: Some(best.to_owned()), confidence, matched: None, micros: 1.0 }
    }

    #[test]
    fn the_figures_are_what_they_say() {
        let all = [judged("a", "a", 0.9), judged("a", "b", 0.8), judged("oos", "a", 0.7), judged("b", "b", 0.6)];
        let threshold = best_threshold(&all);
        let report = score(&all, Some(0.65));
        assert!((threshold - 0.85).abs() < 1e-9, "one match right, and the message out of scope is refused");
        assert_eq!((report.n_in, report.n_oos), (3, 1));
        assert!((report.closed_accuracy - 2.0 / 3.0).abs() < 1e-9);
        assert!((report.in_scope_accuracy - 1.0 / 3.0).abs() < 1e-9);
        assert!((report.wrong_match_rate - 2.0 / 3.0).abs() < 1e-9);
        assert!((report.auroc - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((report.oos_recall, report.oos_precision), (0.0, 0.0));
    }

    #[test]
    fn a_malformed_line_is_told_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("train.jsonl");
        fs::write(&path, "{\"text\": \"a\", \"label\": \"b\"}\n{}\n").unwrap();
        assert!(rows(&path).unwrap_err().to_string().contains("train.jsonl:2: expected"));
    }
}
