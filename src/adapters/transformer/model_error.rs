//! Why a model folder cannot be used.

use std::path::{Path, PathBuf};

/// What is wrong with a model folder, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Files are not there.
    #[error(
        "the model folder {} lacks {}: `docent model fetch NAME --to {}` fetches a whole model",
        dir.display(), files.join(", "), dir.display()
    )]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// What it lacks.
        files: Vec<String>,
    },
    /// A file is damaged or unreadable.
    #[error("{} cannot be used: {reason}; fetch the model again if the file is cut off or damaged", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model needs something that is not built in.
    #[error("the model in {} is not supported: {reason}", dir.display())]
    Unsupported {
        /// The folder.
        dir: PathBuf,
        /// What it needs, and what there is.
        reason: String,
    },
    /// The parts are not those of one model.
    #[error("the files in {} do not fit each other: {reason}", dir.display())]
    Mismatch {
        /// The folder.
        dir: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl ModelError {
    pub(super) fn file(path: &Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn unsupported(dir: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported { dir: dir.to_owned(), reason: reason.into() }
    }

    pub(super) fn mismatch(dir: &Path, reason: impl Into<String>) -> Self {
        Self::Mismatch { dir: dir.to_owned(), reason: reason.into() }
    }
}
