//! `docent check`: every mistake in a project.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::{eprintln, println};
use clap::Args;
use serde_json::json;

use crate::adapters::static_embedder::StaticEmbedder;
use crate::agent::library::Folders;

/// Arguments of `docent check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Folder with the project's knowledge.
    #[arg(long, value_name = "DIR", default_value = "knowledge")]
    knowledge: PathBuf,
    /// Folder with the prompts [default: `prompts` beside the knowledge].
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
    /// Print one JSON object, for editors.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let (project, diagnostics) =
        Folders::new(&args.knowledge, args.prompts.as_deref()).check(&StaticEmbedder::new()).await;
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = diagnostics.len() - errors;
    if args.json {
        println!("{}", json!({"errors": errors, "warnings": warnings, "diagnostics": diagnostics}));
    } else {
        for diagnostic in &diagnostics {
            println!("{diagnostic}");
        }
        eprintln!(
            "{}: {} articles, {} Custom Answers, {} experiences, {} posts: {errors} errors, {warnings} warnings",
            args.knowledge.display(),
            project.articles.len(),
            project.answers.len(),
            project.experiences.len(),
            project.posts.len(),
        );
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
