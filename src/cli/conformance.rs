//! `docent conformance`: is a running server as the protocol says?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use anyhow::{Context, ensure};
use clap::Args;
use url::Url;

use super::chat::socket_address;
use crate::conformance::transcript::Transcript;
use crate::conformance::{Server, built_in, player};

/// Plays golden transcripts against a running server and reports, by file and line,
/// where it is not as they say.
///
/// The server may have any project. Transcripts about actions, experiences and posts
/// need the one that `docent init` writes, and are skipped elsewhere. Each transcript
/// makes users of its own; the conversations stay in the server's store.
#[derive(Debug, Args)]
pub(super) struct ConformanceArgs {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8787")]
    url: Url,
    /// The project's public key.
    #[arg(long, value_name = "KEY", default_value = "local")]
    key: String,
    /// Folder with other transcripts, `*.jsonl`; the built-in ones when not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How many seconds anything may take to come.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    patience: u64,
}

pub(super) async fn run(args: ConformanceArgs) -> anyhow::Result<ExitCode> {
    let transcripts = match &args.dir {
        Some(folder) => read_folder(folder)?,
        None => built_in::transcripts().map_err(anyhow::Error::msg)?,
    };
    let server = Server {
        socket: socket_address(&args.url)?,
        project_key: args.key,
        patience: Duration::from_secs(args.patience),
    };
    let played = player::play(&server, &transcripts).await;
    let report = played.with_context(|| format!("`{}` cannot be checked", args.url))?;
    println!("{report}");
    let (_, failed, _) = report.counts();
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_folder(folder: &Path) -> anyhow::Result<Vec<Transcript>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    ensure!(!paths.is_empty(), "`{}` holds no transcripts (*.jsonl)", folder.display());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Transcript::parse(&path.display().to_string(), &text).map_err(anyhow::Error::msg)
    };
    paths.into_iter().map(read).collect()
}
