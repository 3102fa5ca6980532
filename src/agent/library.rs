//! Keeps the newest good version of the knowledge, and makes the next one.
//!
//! Readers take the snapshot as it is; they never wait. One [`Librarian`] makes
//! new versions from changed files. An edit with errors changes nothing but the
//! status.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::phrase_review;
use super::snapshot::KnowledgeSnapshot;
use super::suggestion::Suggestions;
use crate::diagnostic::{self, Diagnostic};
use crate::domain::project::Project;
use crate::intent::phrases::{Phrases, Teaching};
use crate::knowledge::prompts::Prompts;
use crate::knowledge::watch::Batch;
use crate::knowledge::{Loader, prompts};
use crate::ports::embedder::Embedder;
use crate::ports::vector_store::VectorStore;
use crate::retrieval::index::builder::IndexBuilder;
use crate::retrieval::lexical::LexicalError;
use crate::retrieval::vectors::MemoryVectors;

/// Headings that the matcher learns from.
const MAX_HEADINGS: usize = 400;

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

/// Where a project's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The knowledge.
    pub knowledge: PathBuf,
    /// The prompts; without this folder the built-in ones hold.
    pub prompts: PathBuf,
}

impl Folders {
    /// The folders of a project: the prompts stand beside the knowledge unless
    /// they are named.
    pub fn new(knowledge: &Path, prompts: Option<&Path>) -> Self {
        let prompts = prompts.map_or_else(|| knowledge.join("../prompts"), Path::to_owned);
        Self { knowledge: knowledge.to_owned(), prompts }
    }

    /// Reads everything once, and gives all mistakes in order, and what the matcher
    /// has to say of the phrases.
    pub async fn check(&self, embedder: &dyn Embedder) -> (Project, Vec<Diagnostic>) {
        let mut loader = Loader::new(&self.knowledge);
        let mut loaded = loader.load();
        loaded.diagnostics.extend(prompts::load(&self.prompts).1);
        loaded.diagnostics.extend(phrase_review::warnings(&loaded.project, &loader, embedder).await);
        diagnostic::sort(&mut loaded.diagnostics);
        (loaded.project, loaded.diagnostics)
    }

    /// The folders that are there, to be watched.
    pub fn existing(&self) -> Vec<PathBuf> {
        [&self.knowledge, &self.prompts].into_iter().filter(|folder| folder.is_dir()).cloned().collect()
    }
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
    /// Its vectors are searched in the memory of this process.
    ///
    /// # Errors
    /// When the files have errors or the index fails.
    pub async fn open(folders: Folders, embedder: Arc<dyn Embedder>) -> Result<(Arc<Self>, Librarian), OpenError> {
        Self::open_with_store(folders, embedder, Arc::<MemoryVectors>::default()).await
    }

    /// The same, with the vectors searched in `store`.
    ///
    /// # Errors
    /// When the files have errors or the index fails; a store that fails leaves
    /// the words to search by, and [`Librarian::complete`] tries again.
    pub async fn open_with_store(
        folders: Folders,
        embedder: Arc<dyn Embedder>,
        store: Arc<dyn VectorStore>,
    ) -> Result<(Arc<Self>, Librarian), OpenError> {
        let builder = IndexBuilder::new(Some(Arc::clone(&embedder)))?.with_store(store);
        let loader = Loader::new(folders.knowledge);
        let mut workshop = Workshop {
            loader,
            prompts_folder: folders.prompts,
            prompts: Arc::new(Prompts::built_in()),
            builder,
            embedder,
            phrases: None,
            version: 0,
        };
        let (project, diagnostics) = workshop.read(&Batch::Everything);
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(OpenError::Project(diagnostics));
        }
        let snapshot = workshop.build(Arc::new(project)).await?;
        let status = status_of(&snapshot, true, diagnostics);
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
    /// The mistakes of the newest edit.
    pub fn mistakes(&self) -> Vec<Diagnostic> {
        self.library.status().diagnostics.clone()
    }

    /// Whether vectors are missing in what is served: the embedder or the vector
    /// store failed, and may be well again.
    pub fn is_incomplete(&self) -> bool {
        let served = self.library.snapshot();
        served.index.is_incomplete() || served.phrases.lack_vectors() || served.suggestions.lack_vectors()
    }

    /// Makes the version that is served once more, and serves it when nothing is
    /// missing any longer; else returns what is.
    ///
    /// # Errors
    /// When the inverted index fails; the version before is still served.
    pub async fn complete(&mut self) -> Result<Option<String>, LexicalError> {
        let served = self.library.snapshot();
        let snapshot = self.workshop.build(Arc::clone(&served.project)).await?;
        if let Some(failure) = snapshot.index.semantic_failure() {
            return Ok(Some(failure.to_owned()));
        }
        if snapshot.phrases.lack_vectors() {
            return Ok(Some("the phrases of Custom Answers have no vectors".to_owned()));
        }
        if snapshot.suggestions.lack_vectors() {
            return Ok(Some("the instructions of automations have no vectors".to_owned()));
        }
        let before = self.library.status();
        let status = KnowledgeStatus { version: snapshot.version, ..KnowledgeStatus::clone(&before) };
        self.library.status.store(Arc::new(status));
        self.library.current.store(snapshot);
        Ok(None)
    }

    /// Reads the changed files and serves them, unless they have errors.
    ///
    /// # Errors
    /// When the inverted index fails; the version before is still served.
    pub async fn reload(&mut self, changed: &Batch) -> Result<Reload, LexicalError> {
        let start = Instant::now();
        let (project, diagnostics) = self.workshop.read(changed);
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        if errors > 0 {
            let served = self.library.snapshot();
            self.library.status.store(Arc::new(status_of(&served, false, diagnostics)));
            return Ok(Reload::Kept { errors });
        }
        let snapshot = match self.workshop.build(Arc::new(project)).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let served = self.library.snapshot();
                self.library.status.store(Arc::new(status_of(&served, false, diagnostics)));
                return Err(error);
            }
        };
        let version = snapshot.version;
        self.library.status.store(Arc::new(status_of(&snapshot, true, diagnostics)));
        self.library.current.store(snapshot);
        Ok(Reload::Live { version, took: start.elapsed() })
    }
}

/// What is kept from version to version, so that only what changed is done again.
struct Workshop {
    loader: Loader,
    prompts_folder: PathBuf,
    prompts: Arc<Prompts>,
    builder: IndexBuilder,
    embedder: Arc<dyn Embedder>,
    phrases: Option<(Arc<Project>, Arc<Phrases>)>,
    version: u64,
}

impl Workshop {
    /// Reads what changed, and gives the whole project with all its mistakes.
    fn read(&mut self, changed: &Batch) -> (Project, Vec<Diagnostic>) {
        let mut loaded = match changed {
            Batch::Paths(paths) => self.loader.reload(&paths.iter().collect::<Vec<_>>()),
            Batch::Everything => self.loader.load(),
        };
        let (prompts, mistakes) = prompts::load(&self.prompts_folder);
        self.prompts = Arc::new(prompts);
        loaded.diagnostics.extend(mistakes);
        diagnostic::sort(&mut loaded.diagnostics);
        (loaded.project, loaded.diagnostics)
    }

    async fn build(&mut self, project: Arc<Project>) -> Result<Arc<KnowledgeSnapshot>, LexicalError> {
        let index = self.builder.update(&project).await?;
        let phrases = self.phrases_of(&project).await;
        self.version += 1;
        let suggestions = Suggestions::read(&project, self.embedder.as_ref()).await;
        let prompts = Arc::clone(&self.prompts);
        Ok(Arc::new(KnowledgeSnapshot::new(self.version, project, (index, phrases), suggestions, prompts)))
    }

    async fn phrases_of(&mut self, project: &Arc<Project>) -> Arc<Phrases> {
        if let Some((before, phrases)) = &self.phrases
            && same_answers(before, project)
            && !phrases.lack_vectors()
        {
            return Arc::clone(phrases);
        }
        let headings = headings(project);
        let teaching = teaching(project, &headings, self.embedder.as_ref());
        let (phrases, failure) = Phrases::build(project.answers.values().cloned(), teaching).await;
        if let Some(error) = failure {
            tracing::warn!(%error, "phrases are compared by their words alone");
        }
        let phrases = Arc::new(phrases);
        self.phrases = Some((Arc::clone(project), Arc::clone(&phrases)));
        phrases
    }
}

/// What the phrases of a project are read with.
pub(super) fn teaching<'a>(project: &'a Project, headings: &'a [String], embedder: &'a dyn Embedder) -> Teaching<'a> {
    Teaching {
        default_locale: &project.settings.default_locale,
        embedder,
        headings,
        max_wrong_match_rate: project.settings.max_wrong_match_rate,
    }
}

/// Titles and headings of the articles, evenly chosen, at most [`MAX_HEADINGS`].
fn headings(project: &Project) -> Vec<String> {
    let mut headings: Vec<&str> = Vec::new();
    for article in project.articles.values() {
        headings.push(&article.title);
        headings.extend(article.sections.iter().filter_map(|section| section.heading_path.last()).map(String::as_str));
    }
    let step = headings.len().div_ceil(MAX_HEADINGS).max(1);
    headings.into_iter().step_by(step).map(str::to_owned).collect()
}

/// Whether two versions have the very same Custom Answers, read in the same language.
fn same_answers(before: &Project, after: &Project) -> bool {
    before.settings.default_locale == after.settings.default_locale
        && before.settings.max_wrong_match_rate.total_cmp(&after.settings.max_wrong_match_rate).is_eq()
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
