//! `docent serve`: a project, served until the process is told to stop.

mod configuration;
mod knowledge;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::exchanges::ExchangeArgs;
use super::{embedders, log, models};
use crate::adapters::conversation_database::ConversationDatabase;
use crate::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use crate::adapters::qdrant::QdrantVectors;
use crate::adapters::revocation_file::RevocationFile;
use crate::adapters::webhook_desk::WebhookDesk;
use crate::agent::Agent;
use crate::agent::library::{Folders, KnowledgeLibrary, OpenError};
use crate::config::{self, Config, Overrides};
use crate::diagnostic::Diagnostic;
use crate::knowledge::watch::{Watch, WatchSettings};
use crate::ports::conversation_store::ConversationStore;
use crate::ports::handover_desk::HandoverDesk;
use crate::ports::vector_store::VectorStore;
use crate::retrieval::vectors::MemoryVectors;
use crate::server::settings::LiveSettings;
use crate::server::{self, Services, clock, listener};
use configuration::{Reconfiguration, settings_of};

/// Arguments of `docent serve`; each wins over the environment and the file.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Folder with the project's knowledge [default: knowledge].
    #[arg(long, value_name = "DIR")]
    knowledge: Option<String>,
    /// Folder with the prompts [default: `prompts` beside the knowledge].
    #[arg(long, value_name = "DIR")]
    prompts: Option<String>,
    /// Address to listen at [default: 127.0.0.1:8787].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder for what is kept on disk; `:memory:` keeps conversations in memory
    /// alone [default: docent-data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Configuration file [default: docent.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    embedder: embedders::EmbedderArgs,
    #[command(flatten)]
    exchanges: ExchangeArgs,
}

pub(super) async fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let overrides = overrides(args);
    let config = match config::load(args.config.as_deref(), &overrides) {
        Ok(config) => config,
        Err(mistakes) => return Ok(refuse(&mistakes, "the configuration has mistakes")),
    };
    let log_level = log::of_server(&config);

    // First of all, since it tells at once when another process has the folder.
    let conversations: Arc<dyn ConversationStore> = if config.is_throwaway {
        Arc::new(ConversationMemory::new(clock::fresh(), MemoryBounds::default()).with_clock(Timestamp::now))
    } else {
        Arc::new(ConversationDatabase::open(&config.data)?)
    };
    let opened = embedders::of_config(&config).await?;
    let embedder = opened.embedder();
    let folders = Folders::new(&config.knowledge, config.prompts.as_deref());
    // Before the files are read, so that no edit falls between.
    let watch = Watch::start(&folders.existing(), WatchSettings::default())?;
    let (library, librarian) =
        match KnowledgeLibrary::open_with_store(folders, Arc::clone(&embedder), store_of(&config)?).await {
            Ok(opened) => opened,
            Err(OpenError::Project(mistakes)) => {
                return Ok(refuse(&mistakes, &format!("{} has errors", config.knowledge.display())));
            }
            Err(OpenError::Index(error)) => return Err(error.into()),
        };
    opened.hide_progress();
    let status = library.status();
    for warning in &status.diagnostics {
        tracing::warn!("{warning}");
    }
    let desk = desk_of(&config)?;
    let spending = (!config.is_throwaway).then_some(config.data.as_path());
    let chat = models::of_config(&config, spending, &args.exchanges)?.chat;
    let listener = listener::listen(config.listen).with_context(|| unavailable(config.listen))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let file = RevocationFile::new(&config.data);
    let revoked = file.load().with_context(|| "the revocations cannot be read")?;
    let (sender, revocations) = watch::channel(Arc::new(revoked));
    let services = Services {
        answerer: Arc::new(Agent::new(library, embedder).with_chat(chat)),
        store: conversations,
        desk: desk.clone().map(|desk| desk as Arc<dyn HandoverDesk>),
        revocations,
    };
    // Before the address is told: whoever reads it may stop the server at once.
    let told = told_to_stop()?;
    let hangups = signal(SignalKind::hangup())?;
    eprintln!(
        "Docent serves {} ({} articles, {} Custom Answers) at http://{address}/, ready in {} ms",
        config.knowledge.display(),
        status.articles,
        status.answers,
        start.elapsed().as_millis(),
    );

    let again = Arc::new(Notify::new());
    let reloads = knowledge::thread(librarian, watch, again.clone(), stop.clone())?;
    let settings = LiveSettings::from(settings_of(&config));
    let reconfiguration = Reconfiguration {
        path: args.config.clone(),
        overrides,
        config,
        settings: settings.clone(),
        log_level,
        knowledge: again,
    };
    let serving = async {
        server::serve(listener, services, settings, told).await;
        stop.cancel();
    };
    let telling = async {
        if let Some(desk) = &desk {
            desk.run(stop.clone()).await;
        }
    };
    let reading = reconfiguration.run(hangups, stop.clone());
    tokio::join!(serving, file.watch(sender, stop.clone()), telling, reading);
    tokio::task::spawn_blocking(move || reloads.join()).await?.map_err(|_| anyhow::anyhow!("a reload panicked"))?;
    Ok(ExitCode::SUCCESS)
}

/// Where people are told of handovers.
fn desk_of(config: &Config) -> anyhow::Result<Option<Arc<WebhookDesk>>> {
    let Some(settings) = &config.handover else { return Ok(None) };
    let folder = (!config.is_throwaway).then_some(config.data.as_path());
    let desk = WebhookDesk::open(settings.clone(), folder).context("the handovers that wait cannot be read")?;
    Ok(Some(Arc::new(desk)))
}

/// Where the vectors are searched.
fn store_of(config: &Config) -> anyhow::Result<Arc<dyn VectorStore>> {
    Ok(match &config.qdrant {
        Some(settings) => Arc::new(QdrantVectors::new(settings.clone())?),
        None => Arc::<MemoryVectors>::default(),
    })
}

fn overrides(args: &ServeArgs) -> Overrides {
    let given =
        [("knowledge", &args.knowledge), ("prompts", &args.prompts), ("listen", &args.listen), ("data", &args.data)];
    let given = given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
    given.chain(args.embedder.overrides()).collect()
}

/// Prints all mistakes and says that nothing was started.
fn refuse(mistakes: &[Diagnostic], why: &str) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
    eprintln!("error: {why} ({errors}); nothing was started");
    ExitCode::FAILURE
}

fn unavailable(address: SocketAddr) -> String {
    format!("cannot listen at {address}; is another server there? name another address with --listen")
}

/// Done when the process is interrupted or terminated.
fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}
