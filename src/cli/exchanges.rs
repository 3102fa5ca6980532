//! Whether exchanges with the chat model are recorded or replayed.

use std::path::PathBuf;

use clap::Args;

/// What is done with the exchanges with the chat model.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ExchangeArgs {
    /// Keep each exchange with the chat model as a file in this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    pub(super) record: Option<PathBuf>,
    /// Answer from the exchanges in this folder, and ask no chat model.
    #[arg(long, value_name = "DIR")]
    pub(super) replay: Option<PathBuf>,
}

impl ExchangeArgs {
    /// Whether recordings are made or given.
    pub(super) fn is_given(&self) -> bool {
        self.record.is_some() || self.replay.is_some()
    }
}
