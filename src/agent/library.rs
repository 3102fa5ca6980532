//! Keeps the newest good version of the knowledge, and makes the next one.
//!
//! Readers take the snapshot as it is; they never wait. One [`Librarian`] makes
//! new versions from changed files. An edit with errors changes nothing but the
//! status.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::snapshot::KnowledgeSnapshot;
use crate::diagnostic::Diagnostic;
use crate::domain::project::Project;
use crate::intent::phrases::Phrases;
use crate::knowledge::{Loaded, Loader};
use crate::ports::embedder::Embedder;
use crate::retrieval::index::builder::IndexBuilder;
use crate::retrieval::lexical::LexicalError;

/// The newest good version of the knowledge, for any number of readers.
pub struct KnowledgeLibrary {
    current: ArcSwap<KnowledgeSnapshot>,
    status: ArcSwap<KnowledgeStatus>,
}

/// What is served, and what is wrong with the newest edit.
#[derive(Clone, Debug, Default)]
pub struct KnowledgeStatus {
    /// Version that is served.
    pub version: u64,
    /// Articles in it.
    pub articles: usize,
    /// Passages in it.
    pub passages: usize,
    /// Custom Answers in it.
    pub answers: usize,
    /// Whether the newest edit is the one that is served.
    pub healthy: bool,
    /// Mistakes of the newest edit; warnings alone do not make it unhealthy.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a project cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its files have errors.
    #[error("the project has errors")]
    Project(Vec<Diagnostic>),
    /// The inverted index failed.
    #[error(transparent)]
    Index(#[from] LexicalError),
}

/// How an edit went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It is live.
    Live {
        /// The version that is served now.
        version: u64,
        /// From reading the files to the swap.
        took: Duration,
    },
    /// It has so many errors, so the version before it is still served.
    Kept {
        /// Errors in the files.
        errors: usize,
    },
}

impl KnowledgeLibrary {
    /// Loads a project, and returns it with the one who makes its next versions.
    ///
    /// # Errors
    /// When the files have errors or the index fails.
    pub async fn open(mut loader: Loader, embedder: Arc<dyn Embedder>) -> Result<(Arc<Self>, Librarian), OpenError> {
        let loaded = loader.load();
        if loaded.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(OpenError::Project(loaded.diagnostics));
        }
        let builder = IndexBuilder::new(Some(Arc::clone(&embedder)))?;
        let mut workshop = Workshop { loader, builder, embedder, phrases: None, version: 0 };
        let snapshot = workshop.build(loaded.project).await?;
        let status = status_of(&snapshot, true, loaded.diagnostics);
        let library = Arc::new(Self { current: ArcSwap::new(snapshot), status: ArcSwap::from_pointee(status) });
        let librarian = Librarian { library: Arc::clone(&library), workshop };
        Ok((library, librarian))
    }

    /// The version that is served now.
    pub fn snapshot(&self) -> Arc<KnowledgeSnapshot> {
        self.current.load_full()
    }

    /// What is served, and what is wrong with the newest edit.
    pub fn status(&self) -> Arc<KnowledgeStatus> {
        self.status.load_full()
    }
}

/// Makes the next versions of a [`KnowledgeLibrary`]; there is one of each.
pub struct Librarian {
    library: Arc<KnowledgeLibrary>,
    workshop: Workshop,
}

impl Librarian {
    /// Reads the changed files and serves them, unless they have errors.
    ///
    /// # Errors
    /// When the inverted index fails; the version before is still served.
    pub async fn reload(&mut self, changed: &[PathBuf]) -> Result<Reload, LexicalError> {
        let start = Instant::now();
        let Loaded { project, diagnostics, .. } = self.workshop.loader.reload(changed);
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        if errors > 0 {
            let served = self.library.snapshot();
            self.library.status.store(Arc::new(status_of(&served, false, diagnostics)));
            return Ok(Reload::Kept { errors });
        }
        let snapshot = self.workshop.build(project).await?;
        let version = snapshot.version;
        self.library.status.store(Arc::new(status_of(&snapshot, true, diagnostics)));
        self.library.current.store(snapshot);
        Ok(Reload::Live { version, took: start.elapsed() })
    }
}

/// What is kept from version to version, so that only what changed is done again.
struct Workshop {
    loader: Loader,
    builder: IndexBuilder,
    embedder: Arc<dyn Embedder>,
    phrases: Option<(Arc<Project>, Arc<Phrases>)>,
    version: u64,
}

impl Workshop {
    async fn build(&mut self, project: Project) -> Result<Arc<KnowledgeSnapshot>, LexicalError> {
        let project = Arc::new(project);
        let index = self.builder.update(&project).await?;
        let phrases = self.phrases_of(&project).await;
        self.version += 1;
        Ok(Arc::new(KnowledgeSnapshot::new(self.version, project, index, phrases)))
    }

    async fn phrases_of(&mut self, project: &Arc<Project>) -> Arc<Phrases> {
        if let Some((before, phrases)) = &self.phrases
            && same_answers(before, project)
        {
            return Arc::clone(phrases);
        }
        let locale = &project.settings.default_locale;
        let (phrases, failure) =
            Phrases::build(project.answers.values().cloned(), locale, self.embedder.as_ref()).await;
        if let Some(error) = failure {
            tracing::warn!(%error, "phrases are compared by their words alone");
        }
        let phrases = Arc::new(phrases);
        self.phrases = Some((Arc::clone(project), Arc::clone(&phrases)));
        phrases
    }
}

/// Whether two versions have the very same Custom Answers, read in the same language.
fn same_answers(before: &Project, after: &Project) -> bool {
    before.settings.default_locale == after.settings.default_locale
        && before.answers.len() == after.answers.len()
        && before.answers.values().zip(after.answers.values()).all(|(one, other)| Arc::ptr_eq(one, other))
}

fn status_of(snapshot: &KnowledgeSnapshot, healthy: bool, diagnostics: Vec<Diagnostic>) -> KnowledgeStatus {
    KnowledgeStatus {
        version: snapshot.version,
        articles: snapshot.project.articles.len(),
        passages: snapshot.index.passage_count(),
        answers: snapshot.project.answers.len(),
        healthy,
        diagnostics,
    }
}
