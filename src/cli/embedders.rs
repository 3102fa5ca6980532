//! Chooses the embedder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::adapters::embedding_gauge::EmbeddingGauge;
use crate::adapters::static_embedder::StaticEmbedder;
use crate::adapters::transformer::{TransformerEmbedder, TransformerSettings};
use crate::ports::embedder::Embedder;

/// Which embedder compares meanings.
#[derive(Clone, Debug, Args)]
pub(super) struct EmbedderArgs {
    /// Which embedder compares meanings.
    #[arg(long, value_name = "NAME", default_value = "static")]
    embedder: EmbedderName,
    /// Folder with the model of the transformer.
    #[arg(long, value_name = "DIR")]
    model_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EmbedderName {
    /// The built-in table for English.
    Static,
    /// A sentence transformer from a model folder.
    Transformer,
}

/// The embedder that was asked for.
pub(super) fn of(args: &EmbedderArgs) -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(match args.embedder {
        EmbedderName::Static => Arc::new(StaticEmbedder::new()),
        EmbedderName::Transformer => {
            let dir = args.model_dir.clone().context("the transformer needs --model-dir")?;
            let settings = TransformerSettings { dir, ..TransformerSettings::default() };
            Arc::new(TransformerEmbedder::load(settings, Arc::new(EmbeddingGauge::default()))?)
        }
    })
}
