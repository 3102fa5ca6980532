//! `docent serve`: a project, served until the process is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::exchanges::ExchangeArgs;
use super::{embedders, log, models};
use crate::adapters::conversation_database::ConversationDatabase;
use crate::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use crate::adapters::qdrant::QdrantVectors;
use crate::adapters::revocation_file::RevocationFile;
use crate::adapters::webhook_desk::WebhookDesk;
use crate::agent::Agent;
use crate::agent::library::{Folders, KnowledgeLibrary, Librarian, OpenError, Reload};
use crate::config::{self, Config, Overrides};
use crate::diagnostic::Diagnostic;
use crate::knowledge::watch::{Batch, Watch, WatchSettings};
use crate::ports::conversation_store::ConversationStore;
use crate::ports::handover_desk::HandoverDesk;
use crate::ports::vector_store::VectorStore;
use crate::retrieval::vectors::MemoryVectors;
use crate::server::settings::ServerSettings;
use crate::server::{self, Services, clock, descriptors, listener};
use crate::session::rate::Rate;
use crate::session::settings::SessionSettings;

/// Time between two looks at whether vectors are missing, which the embedder or
/// the vector store may give by now.
const COMPLETION_INTERVAL: Duration = Duration::from_secs(5);
/// Looks that are left out after each attempt that failed, at most.
const MOST_LEFT_OUT: u32 = 12;

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
    let config = match config::load(args.config.as_deref(), &overrides(args)) {
        Ok(config) => config,
        Err(mistakes) => return Ok(refuse(&mistakes, "the configuration has mistakes")),
    };
    log::of_server(&config);

    // First of all, since it tells at once when another process has the folder.
    let conversations: Arc<dyn ConversationStore> = if config.is_throwaway {
        Arc::new(ConversationMemory::new(clock::fresh(), MemoryBounds::default()))
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
    eprintln!(
        "Docent serves {} ({} articles, {} Custom Answers) at http://{address}/, ready in {} ms",
        config.knowledge.display(),
        status.articles,
        status.answers,
        start.elapsed().as_millis(),
    );

    let reloads = reload_thread(librarian, watch, stop.clone())?;
    let serving = async {
        server::serve(listener, services, settings_of(&config), told).await;
        stop.cancel();
    };
    let telling = async {
        if let Some(desk) = &desk {
            desk.run(stop.clone()).await;
        }
    };
    tokio::join!(serving, file.watch(sender, stop.clone()), telling);
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

fn settings_of(config: &Config) -> ServerSettings {
    let limits = &config.limits;
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let possible = descriptors::connections_within(descriptors::raise_open_files());
    if possible < limits.max_connections {
        tracing::warn!(
            connections.wanted = limits.max_connections,
            connections.possible = possible,
            "the system allows too few open files for `limits.max_connections`, so fewer connections are accepted"
        );
    }
    ServerSettings {
        session: SessionSettings {
            project_key: config.project_key.clone(),
            identity: config.identity.clone(),
            hello_timeout_ms: millis(limits.hello_timeout),
            heartbeat_ms: millis(limits.heartbeat),
            commands: Rate { count: limits.commands_per_10s, window_ms: 10_000 },
            text_chars: limits.text_chars,
            trace: config.traces(),
            queue_events: limits.outbound_events,
            queue_bytes: limits.outbound_bytes,
            ..SessionSettings::default()
        },
        allowed_origins: config.origins.clone(),
        public_metrics: config.public_metrics,
        connections: limits.max_connections.min(possible),
        sockets_per_user: limits.sockets_per_user,
        http_sessions: limits.http_sessions,
        http_idle: limits.http_idle,
        trusted_proxies: config.trusted_proxies.clone(),
        rates: limits.rates,
        daily_turns: limits.daily_turns,
        head_timeout: limits.head_timeout,
        drain: limits.drain,
        ..ServerSettings::default()
    }
}

/// Reloads on a thread of its own, since indexing keeps a processor busy for a while.
fn reload_thread(librarian: Librarian, watch: Watch, stop: CancellationToken) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("docent-reload".to_owned()).spawn(move || {
        runtime.block_on(stop.run_until_cancelled_owned(reload(librarian, watch)));
    })
}

/// Serves each edit as it comes, and says how it went.
async fn reload(mut librarian: Librarian, mut watch: Watch) {
    if watch.is_polling() {
        tracing::warn!("the system cannot tell of edits, so folders are compared once a second");
    }
    let mut completion = Completion::default();
    loop {
        let changed = tokio::select! {
            changed = watch.next() => changed,
            () = tokio::time::sleep(COMPLETION_INTERVAL) => {
                completion.look(&mut librarian).await;
                continue;
            }
        };
        let Some(changed) = changed else { return };
        serve_edit(&mut librarian, &changed).await;
    }
}

/// Brings vectors that are missing, sooner or later.
#[derive(Default)]
struct Completion {
    /// Attempts in a row that failed.
    failures: u32,
    /// Looks to leave out before the next attempt.
    left_out: u32,
}

impl Completion {
    async fn look(&mut self, librarian: &mut Librarian) {
        if !librarian.is_incomplete() {
            *self = Self::default();
            return;
        }
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        match librarian.complete().await {
            Ok(None) => tracing::info!("the vectors are complete, so meanings are compared"),
            Ok(Some(reason)) => {
                if self.failures == 0 {
                    tracing::warn!(reason, "vectors are missing, so words alone are searched; it is tried again");
                }
                self.failures = self.failures.saturating_add(1);
                self.left_out = self.failures.min(MOST_LEFT_OUT);
            }
            Err(error) => tracing::error!(%error, "the index could not be made again"),
        }
    }
}

/// Serves an edit, unless it has errors.
async fn serve_edit(librarian: &mut Librarian, changed: &Batch) {
    match librarian.reload(changed).await {
        Ok(Reload::Live { version, took }) => {
            let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(knowledge.version = version, duration_ms, "the edit is live");
        }
        Ok(Reload::Kept { errors }) => {
            for mistake in librarian.mistakes() {
                tracing::error!("{mistake}");
            }
            tracing::error!(knowledge.errors = errors, "the edit has errors, so the version before it is served");
        }
        Err(error) => tracing::error!(%error, "the edit could not be indexed, so the version before it is served"),
    }
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
