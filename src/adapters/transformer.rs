//! An embedder that runs a sentence transformer from a model folder, on the CPU.
//!
//! Texts are cut off at the model's own length and sorted by it; so many that fit
//! a batch lie one behind the other, and each core runs batches of its own.
//! Questions have their own way in, so that none waits for a whole knowledge base.

mod encoder;
mod kernel;
mod model_card;
mod model_error;
mod model_folder;
mod network;
mod shape;
mod weights;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::Semaphore;

pub use self::model_error::ModelError;
use self::model_folder::ModelFolder;
use self::network::{Network, RunError};
use super::embedding_gauge::EmbeddingGauge;
use crate::ports::embedder::{EmbedError, Embedder, Role, Vectors};

/// Which model runs, and what is said of it that its files do not say.
#[derive(Clone, Debug, Default)]
pub struct TransformerSettings {
    /// The model folder.
    pub dir: PathBuf,
    /// Languages that it knows, as primary subtags; those of its model card when
    /// absent, and English when that names none.
    pub languages: Option<BTreeSet<String>>,
    /// Text before each question; the model's own when absent.
    pub question_prompt: Option<String>,
    /// Text before each passage; the model's own when absent.
    pub passage_prompt: Option<String>,
}

/// A sentence transformer in this process.
pub struct TransformerEmbedder {
    name: String,
    languages: BTreeSet<String>,
    network: Arc<Network>,
    /// Runs what is not a question, on every core.
    pool: Arc<ThreadPool>,
    /// As many questions run at once as there are cores.
    questions: Arc<Semaphore>,
    gauge: Arc<EmbeddingGauge>,
}

impl TransformerEmbedder {
    /// Loads the model, which takes as long as reading its files, and runs it once.
    ///
    /// # Errors
    /// What is wrong with the folder; see [`ModelError`].
    pub fn load(settings: TransformerSettings, gauge: Arc<EmbeddingGauge>) -> Result<Self, ModelError> {
        let mut folder = ModelFolder::read(&settings.dir)?;
        if let Some(prompt) = settings.question_prompt {
            folder.prompts.question = prompt;
        }
        if let Some(prompt) = settings.passage_prompt {
            folder.prompts.passage = prompt;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new()
            .num_threads(cores)
            .thread_name(|number| format!("docent-embed-{number}"))
            .build()
            .map_err(|error| ModelError::file(&settings.dir, format!("no threads to run it on: {error}")))?;
        let network = Network::load(&folder)?;
        let named =
            if folder.languages.is_empty() { BTreeSet::from(["en".to_owned()]) } else { folder.languages.clone() };
        Ok(Self {
            name: format!("{}@{}", folder.name(), network.version()),
            languages: settings.languages.unwrap_or(named),
            network: Arc::new(network),
            pool: Arc::new(pool),
            questions: Arc::new(Semaphore::new(cores)),
            gauge,
        })
    }

    fn refused(&self, reason: impl ToString) -> EmbedError {
        EmbedError::Refused { embedder: self.name.clone(), reason: reason.to_string() }
    }

    async fn run(&self, texts: Vec<String>, role: Role) -> Result<Vec<f32>, EmbedError> {
        let network = Arc::clone(&self.network);
        let stop = StopOnDrop::default();
        let stopped = Arc::clone(&stop.0);
        let ran = if role == Role::Question {
            // It is never closed.
            let permit = Arc::clone(&self.questions).acquire_owned().await.map_err(|error| self.refused(error))?;
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                network.embed(&texts, &stopped, &EmbeddingGauge::default())
            })
            .await
        } else {
            let (pool, gauge) = (Arc::clone(&self.pool), Arc::clone(&self.gauge));
            tokio::task::spawn_blocking(move || pool.install(|| network.embed(&texts, &stopped, &gauge))).await
        };
        match ran {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error @ (RunError::Text(_) | RunError::Numbers))) => Err(self.refused(error)),
            Ok(Err(error @ (RunError::Stopped | RunError::Matrix(_)))) => Err(self.unavailable(error)),
            Err(error) => Err(self.unavailable(error)),
        }
    }

    fn unavailable(&self, reason: impl ToString) -> EmbedError {
        EmbedError::Unavailable { embedder: self.name.clone(), reason: reason.to_string() }
    }
}

/// Ends the work of a call that nobody waits for any more.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Embedder for TransformerEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.network.dimension()
    }

    fn knows(&self, language: &str) -> bool {
        self.languages.contains(language)
    }

    fn is_word(&self, word: &str) -> bool {
        self.network.is_word(word)
    }

    fn announce(&self, texts: usize) {
        self.gauge.expect(texts);
    }

    async fn embed(&self, texts: &[&str], role: Role) -> Result<Vectors, EmbedError> {
        let prompted = texts.iter().map(|text| self.network.prompted(text, role)).collect();
        let values = if texts.is_empty() { Vec::new() } else { self.run(prompted, role).await? };
        Ok(Vectors::new(self.dimension(), values))
    }
}
