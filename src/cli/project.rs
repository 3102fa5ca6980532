//! Opens a project for a command that answers from it.

use std::sync::Arc;

use anstream::eprintln;

use super::{ProjectArgs, embedders};
use crate::agent::Agent;
use crate::agent::library::{Folders, KnowledgeLibrary, OpenError};

/// An agent on the project, or `None` after its errors were printed.
pub(super) async fn open(args: &ProjectArgs) -> anyhow::Result<Option<Agent>> {
    let opened = embedders::open(&args.embedder).await?;
    let embedder = opened.embedder();
    let folders = Folders::new(&args.knowledge, args.prompts.as_deref());
    match KnowledgeLibrary::open(folders, Arc::clone(&embedder)).await {
        Ok((library, _)) => Ok(Some(Agent::new(library, embedder))),
        Err(OpenError::Index(error)) => Err(error.into()),
        Err(OpenError::Project(diagnostics)) => {
            for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
                eprintln!("{diagnostic}");
            }
            eprintln!("error: {} has errors; `docent check` reports all of them", args.knowledge.display());
            Ok(None)
        }
    }
}
