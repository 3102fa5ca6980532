//! `docent model`: gets models for the transformer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{eprintln, println};
use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::adapters::embedding_gauge::EmbeddingGauge;
use crate::adapters::model_hub::{self, HubSettings, Step};
use crate::adapters::transformer::{TransformerEmbedder, TransformerSettings};
use crate::config::{self, Overrides};
use crate::ports::embedder::Embedder;

/// What is done with models.
#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Fetch a sentence transformer; a fetch that was cut off goes on.
    Fetch(FetchArgs),
}

/// Arguments of `docent model fetch`.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// Name of the model, such as all-MiniLM-L6-v2 or intfloat/multilingual-e5-small.
    name: String,
    /// Folder that it goes to [default: models/NAME in the data folder].
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) async fn run(command: ModelCommand) -> anyhow::Result<ExitCode> {
    let ModelCommand::Fetch(args) = command;
    let config = match config::load(None, &Overrides::new()) {
        Ok(config) => config,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let folder = match args.to {
        Some(folder) => folder,
        None => model_hub::folder_of(&args.name, &config.data.join("models"))?,
    };
    let settings = HubSettings { base_url: config.model_hub, ..HubSettings::default() };
    let bar = Bar::default();
    let files = model_hub::fetch(&settings, &args.name, &folder, &|step| bar.show(step)).await?;
    bar.clear();
    for file in &files {
        let checked = if file.is_verified { "as the hub says" } else { "the hub names none" };
        println!("{}  {} bytes, SHA-256 {} ({checked})", file.file, file.bytes, file.sha256);
    }
    let dir = folder.clone();
    let load = move || {
        let settings = TransformerSettings { dir, ..TransformerSettings::default() };
        TransformerEmbedder::load(settings, Arc::new(EmbeddingGauge::default()))
    };
    let embedder = tokio::task::spawn_blocking(load).await?.context("the model was fetched, but cannot be used")?;
    let (name, dimension) = (embedder.name(), embedder.dimension());
    println!("{name} with {dimension} components is in {}; try", folder.display());
    println!("  docent ask --embedder transformer --model-dir {} \"…\"", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// A bar for the file that is being fetched; it hides itself without a terminal.
#[derive(Default)]
struct Bar(Mutex<Option<(String, ProgressBar)>>);

impl Bar {
    fn show(&self, step: Step<'_>) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(file, _)| file != step.file) {
            let template = "{msg} {bar:30} {bytes}/{total_bytes}, {eta} left";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::no_length().with_style(style).with_message(step.file.to_owned());
            *shown = Some((step.file.to_owned(), bar));
        }
        if let Some((_, bar)) = shown.as_ref() {
            bar.set_length(step.total.unwrap_or(step.done));
            bar.set_position(step.done);
        }
    }

    fn clear(&self) {
        if let Some((_, bar)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
