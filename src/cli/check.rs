//! `docent check`: every mistake in a project.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::{eprintln, println};
use clap::Args;
use serde_json::json;

use crate::diagnostic::{Diagnostic, Severity};
use crate::knowledge::Loader;

/// Arguments of `docent check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Folder with the project's knowledge.
    #[arg(long, value_name = "DIR", default_value = "knowledge")]
    knowledge: PathBuf,
    /// Folder with the prompts; `prompts` beside the knowledge when not given.
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
    /// Print one JSON object, for editors.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let loaded = Loader::new(&args.knowledge, args.prompts.as_deref()).load();
    let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = loaded.diagnostics.len() - errors;
    if args.json {
        let diagnostics: Vec<_> = loaded.diagnostics.iter().map(json_of).collect();
        println!("{}", json!({"errors": errors, "warnings": warnings, "diagnostics": diagnostics}));
    } else {
        for diagnostic in &loaded.diagnostics {
            println!("{diagnostic}");
        }
        eprintln!(
            "{}: {} articles, {} Custom Answers, {} experiences, {} posts: {errors} errors, {warnings} warnings",
            args.knowledge.display(),
            loaded.project.articles.len(),
            loaded.project.answers.len(),
            loaded.project.experiences.len(),
            loaded.project.posts.len(),
        );
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One mistake, as editors read it.
fn json_of(diagnostic: &Diagnostic) -> serde_json::Value {
    json!({
        "code": diagnostic.code,
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "path": &*diagnostic.place.path,
        "line": diagnostic.place.position.map(|position| position.line),
        "column": diagnostic.place.position.map(|position| position.column),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}
