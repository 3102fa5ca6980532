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
    /// What it costs to find the nearest of many vectors, and how many of the true
    /// nearest are found.
    ///
    /// The vectors are the same every time and lie like those of texts: in topics,
    /// one for every 250 vectors. Each is the vector of its topic plus noise of the
    /// same length plus a part that all share, of a third of it; the variance of
    /// component n falls with n to the power of -3/4. Questions are drawn alike and
    /// are none of the vectors.
    ///
    /// recall_at_10 compares with the exact cosines of the vectors as they were
    /// before they were coded, over 200 questions. p50_us and p99_us are over 1,000
    /// questions, each asked as a turn asks. build_ms is from vectors to what is
    /// searched, bytes what the server keeps for them, rss_bytes the memory of this
    /// whole process after the build.
    Vectors(VectorsArgs),
    /// Many visitors who ask a running server at a given rate.
    Load(bench::load::LoadArgs),
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

/// Arguments of `docent bench vectors`.
#[derive(Debug, Args)]
pub(super) struct VectorsArgs {
    /// How many vectors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    count: u32,
    /// Components of each.
    #[arg(long, value_name = "D", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=8_192))]
    dim: u32,
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
            let embedder = super::embedders::open(&args.embedder).await?;
            let options =
                bench::index::Options { docs: args.docs, copies: args.copies, embedder: Some(embedder.embedder()) };
            super::report::print(&bench::index::run(options).await?, args.json)?;
        }
        BenchCommand::Vectors(VectorsArgs { count, dim, json }) => {
            let options = bench::vectors::Options { count: count as usize, dimension: dim as usize };
            super::report::print(&bench::vectors::run(options).await?, json)?;
        }
        BenchCommand::Load(args) => {
            let json = args.json;
            super::report::print(&bench::load::run(args).await?, json)?;
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
