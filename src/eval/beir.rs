//! Retrieval data sets in the BEIR layout: `corpus.jsonl`, `queries.jsonl` and
//! `qrels.tsv` in one folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BeirError {
    /// A file cannot be opened or read.
    #[error("`{}` cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// There is nothing to score.
    #[error("`{}` has no query with a relevant document", .0.display())]
    Empty(PathBuf),
}

/// A row of `corpus.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Document {
    /// Its identifier.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its title, which may be empty.
    #[serde(default)]
    pub title: String,
    /// Its text.
    pub text: String,
}

/// A row of `queries.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Query {
    /// Its identifier.
    #[serde(rename = "_id")]
    pub id: String,
    /// The question.
    pub text: String,
    /// Whether the corpus holds the answer, in sets that ask that.
    pub answerable: Option<bool>,
}

/// Degrees of relevance by document id.
pub type Judgments = BTreeMap<String, u32>;

/// Reads `corpus.jsonl` of the folder `dir`.
///
/// # Errors
/// When the file cannot be read or a line is malformed.
pub fn corpus(dir: &Path) -> Result<Vec<Document>, BeirError> {
    rows(&dir.join("corpus.jsonl"))
}

/// Reads `queries.jsonl` of the folder `dir`.
///
/// # Errors
/// When the file cannot be read or a line is malformed.
pub fn queries(dir: &Path) -> Result<Vec<Query>, BeirError> {
    rows(&dir.join("queries.jsonl"))
}

/// Reads `qrels.tsv` of the folder `dir`: the relevant documents by query id.
///
/// # Errors
/// When the file cannot be read or a line is malformed.
pub fn judgments(dir: &Path) -> Result<BTreeMap<String, Judgments>, BeirError> {
    let mut judgments: BTreeMap<String, Judgments> = BTreeMap::new();
    lines(&dir.join("qrels.tsv"), |number, line| {
        let mut columns = line.split('\t');
        let row = (columns.next(), columns.next(), columns.next().map(|score| score.trim().parse::<u32>()));
        match row {
            (Some(query), Some(document), Some(Ok(score))) => {
                if score > 0 {
                    judgments.entry(query.to_owned()).or_default().insert(document.to_owned(), score);
                }
                Ok(())
            }
            _ if number == 1 => Ok(()),
            _ => Err("expected a query, a document and a score with tabs between them".to_owned()),
        }
    })?;
    Ok(judgments)
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, BeirError> {
    let mut rows = Vec::new();
    lines(path, |_, line| {
        rows.push(serde_json::from_str(line).map_err(|error| error.to_string())?);
        Ok(())
    })?;
    Ok(rows)
}

fn lines(path: &Path, mut read: impl FnMut(usize, &str) -> Result<(), String>) -> Result<(), BeirError> {
    let unreadable = |source| BeirError::File { path: path.to_path_buf(), source };
    for (number, line) in (1..).zip(BufReader::new(File::open(path).map_err(unreadable)?).lines()) {
        let line = line.map_err(unreadable)?;
        if !line.trim().is_empty() {
            read(number, &line).map_err(|message| BeirError::Line {
                path: path.to_path_buf(),
                line: number,
                message,
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        dir
    }

    #[test]
    fn judgments_skip_the_header_and_what_is_not_relevant() {
        let dir = written("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td1\t2\n");
        let judgments = judgments(dir.path()).unwrap();
        assert_eq!(judgments["q1"], [("d1".to_owned(), 1)].into());
        assert_eq!(judgments["q2"]["d1"], 2);
    }

    #[test]
    fn mistakes_have_their_place() {
        let dir = written("corpus.jsonl", "{\"_id\": \"1\", \"text\": \"a\"}\n{\"_id\": 2}\n");
        let message = corpus(dir.path()).unwrap_err().to_string();
        assert!(message.contains("corpus.jsonl:2: "), "{message}");
        let dir = written("qrels.tsv", "h\nq1 d1 1\n");
        assert!(judgments(dir.path()).unwrap_err().to_string().contains("qrels.tsv:2: expected"));
        assert!(queries(dir.path()).unwrap_err().to_string().contains("queries.jsonl` cannot be read"));
    }
}
