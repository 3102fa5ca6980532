//! `docent init`: a small project to start from.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::println;
use clap::Args;

use crate::knowledge::init::init;

/// Arguments of `docent init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder in which `knowledge`, `prompts` and `evals` are made.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let written = init(&args.dir)?;
    for path in &written {
        println!("{}", path.display());
    }
    println!("\nNext: docent serve --knowledge {}", args.dir.join("knowledge").display());
    Ok(ExitCode::SUCCESS)
}
