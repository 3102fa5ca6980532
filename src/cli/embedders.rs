//! Chooses the embedder, and shows how far it is.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use super::progress::Progress;
use crate::adapters::embedding_cache::EmbeddingCache;
use crate::adapters::embedding_gauge::EmbeddingGauge;
use crate::adapters::openai_embedder::{OpenAiEmbedder, OpenAiSettings, Waits};
use crate::adapters::static_embedder::StaticEmbedder;
use crate::adapters::transformer::{TransformerEmbedder, TransformerSettings};
use crate::config::embeddings::{EmbedderKind, Embeddings};
use crate::config::{self, Config};
use crate::ports::embedder::Embedder;

/// Which embedder compares meanings; what is not given stands in the configuration.
#[derive(Clone, Debug, Args)]
pub(super) struct EmbedderArgs {
    /// Which embedder compares meanings [default: static].
    #[arg(long, value_name = "NAME")]
    embedder: Option<EmbedderName>,
    /// Folder with the model of the transformer.
    #[arg(long, value_name = "DIR")]
    model_dir: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EmbedderName {
    /// The built-in table for English.
    Static,
    /// A sentence transformer from a model folder.
    Transformer,
    /// An OpenAI-compatible endpoint; its address and key stand in the configuration.
    Openai,
}

impl EmbedderArgs {
    /// The settings that were given.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (&'static str, String)> {
        let name = self.embedder.map(|name| match name {
            EmbedderName::Static => "static",
            EmbedderName::Transformer => "transformer",
            EmbedderName::Openai => "openai",
        });
        let name = name.map(|name| ("embedder", name.to_owned()));
        name.into_iter().chain(self.model_dir.clone().map(|dir| ("model_dir", dir)))
    }
}

/// An embedder, and the display of how far it is.
pub(super) struct OpenEmbedder {
    embedder: Arc<dyn Embedder>,
    progress: Option<Progress>,
}

impl OpenEmbedder {
    pub(super) fn embedder(&self) -> Arc<dyn Embedder> {
        Arc::clone(&self.embedder)
    }

    /// Ends the display.
    pub(super) fn hide_progress(self) {
        drop(self.progress);
    }
}

/// The embedder of a command that takes the rest of its settings from the configuration.
pub(super) async fn open(args: &EmbedderArgs) -> anyhow::Result<OpenEmbedder> {
    of_config(&config(args)?).await
}

/// The configuration of a command.
pub(super) fn config(args: &EmbedderArgs) -> anyhow::Result<Config> {
    super::log::of_command();
    config::load(None, &args.overrides().collect()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("the configuration has mistakes\n{}", mistakes.join("\n"))
    })
}

/// The embedder that the configuration names.
pub(super) async fn of_config(config: &Config) -> anyhow::Result<OpenEmbedder> {
    let settings = &config.embeddings;
    let gauge = Arc::new(EmbeddingGauge::default());
    let inner: Arc<dyn Embedder> = match settings.embedder {
        EmbedderKind::Static => {
            return Ok(OpenEmbedder { embedder: Arc::new(StaticEmbedder::new()), progress: None });
        }
        EmbedderKind::Transformer => {
            let (settings, gauge) = (transformer(settings)?, Arc::clone(&gauge));
            Arc::new(tokio::task::spawn_blocking(move || TransformerEmbedder::load(settings, gauge)).await??)
        }
        EmbedderKind::OpenAi => Arc::new(OpenAiEmbedder::connect(openai(settings), Arc::clone(&gauge)).await?),
    };
    let folder = config.data.join("embeddings");
    let cache = EmbeddingCache::open(inner, &folder, settings.cache_bytes, Arc::clone(&gauge))?;
    Ok(OpenEmbedder { embedder: Arc::new(cache), progress: Some(Progress::of_embedding(gauge)) })
}

fn transformer(settings: &Embeddings) -> anyhow::Result<TransformerSettings> {
    let dir: PathBuf = settings.model_dir.clone().context("the transformer needs a model folder")?;
    Ok(TransformerSettings {
        dir,
        languages: settings.languages.clone(),
        question_prompt: settings.question_prompt.clone(),
        passage_prompt: settings.passage_prompt.clone(),
    })
}

pub(super) fn openai(settings: &Embeddings) -> OpenAiSettings {
    OpenAiSettings {
        base_url: settings.base_url.clone(),
        api_key: settings.api_key.clone(),
        model: settings.model.clone(),
        dimensions: settings.dimensions,
        languages: settings.languages.clone().unwrap_or_else(|| ["en".to_owned()].into()),
        question_prompt: settings.question_prompt.clone().unwrap_or_default(),
        passage_prompt: settings.passage_prompt.clone().unwrap_or_default(),
        waits: Waits::default(),
    }
}
