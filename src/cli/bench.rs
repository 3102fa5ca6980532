//! `docent bench`: speed, memory and scale.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::{ProjectArgs, project};
use crate::bench;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// What a turn costs in process, without a model.
    Turn(TurnArgs),
    /// What building the index costs, and making one changed article live.
    Index(IndexArgs),
    /// What idle websocket connections cost a running server.
    Idle(bench::idle::IdleArgs),
}

/// Arguments of `docent bench turn`.
#[derive(Debug, Args)]
pub(super) struct TurnArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// JSON Lines file whose `text` fields are the messages; the project's own
    /// phrases and titles when not given.
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `docent bench index`.
#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// Folder of articles.
    #[arg(long, value_name = "DIR")]
    docs: PathBuf,
    /// Index each article so many times over.
    #[arg(long, value_name = "N", default_value_t = 1)]
    copies: usize,
    #[command(flatten)]
    embedder: super::embedders::EmbedderArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: BenchCommand) -> anyhow::Result<ExitCode> {
    match command {
        BenchCommand::Turn(args) => {
            let Some(agent) = project::open(&args.project).await? else { return Ok(ExitCode::FAILURE) };
            let messages = match &args.messages {
                Some(path) => bench::turn::read_messages(path)?,
                None => own_messages(&agent.snapshot().project),
            };
            (!messages.is_empty()).then_some(()).context("there are no messages")?;
            super::report::print(&bench::turn::run(&agent, &messages).await?, args.json)?;
        }
        BenchCommand::Index(args) => {
            let embedder = super::embedders::of(&args.embedder)?;
            let options = bench::index::Options { docs: args.docs, copies: args.copies, embedder: Some(embedder) };
            super::report::print(&bench::index::run(options).await?, args.json)?;
        }
        BenchCommand::Idle(args) => {
            let json = args.json;
            super::report::print(&bench::idle::run(args).await?, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The project's own phrases and titles.
fn own_messages(project: &crate::domain::project::Project) -> Vec<String> {
    let phrases = project.answers.values().flat_map(|answer| answer.phrases.iter().cloned());
    let titles = project.articles.values().map(|article| article.title.clone());
    phrases.chain(titles).collect()
}
