//! `docent bench idle`: what idle websocket connections cost a running server.
//!
//! Connections say hello, are welcomed, and then only answer pings. The server's
//! memory is read before the first and after all of them have been held. Memory
//! that the kernel keeps for sockets is not part of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::latency::Latencies;
use super::server_process::{ServerProcess, listen_overflows};
use super::visitor::{Target, TargetArgs, Visit};

/// Arguments of `docent bench idle`.
#[derive(Clone, Debug, Args)]
pub struct IdleArgs {
    /// The server, and who its visitors are.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How many connections to open and hold.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub connections: usize,
    /// How long to hold them, in seconds, before memory is read.
    #[arg(long, value_name = "S", default_value_t = 30)]
    pub hold: u64,
    /// How many connections are being opened at a time.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub burst: usize,
    /// The server's process; found by its listening port when not given.
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What idle connections cost.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Connections that were welcomed.
    pub connected: usize,
    /// Connections that failed, or did not last.
    pub dropped: usize,
    /// The server's resident memory with all of them; absent when it runs elsewhere.
    pub server_rss_bytes: Option<u64>,
    /// Its resident memory before.
    pub baseline_rss_bytes: Option<u64>,
    /// The difference, for each connection.
    pub bytes_per_connection: Option<u64>,
    /// Until all were open, in milliseconds.
    pub connect_all_ms: u64,
    /// Until the kernel had connected, in milliseconds: median.
    pub connect_p50_ms: f64,
    /// The same: 99th percentile.
    pub connect_p99_ms: f64,
    /// The same: the slowest.
    pub connect_max_ms: f64,
    /// From hello to welcome, in milliseconds: 99th percentile.
    pub welcome_p99_ms: f64,
    /// Connections that took so long that their first packet must have been lost.
    pub syn_retries: usize,
    /// How often the listener's queue was full meanwhile, on this machine.
    pub listen_overflows: Option<u64>,
}

/// The kernel tries a lost first packet again after one second.
const SYN_RETRY: Duration = Duration::from_millis(900);

/// What the connections share.
struct Shared {
    target: Target,
    open: Semaphore,
    stop: CancellationToken,
    dropped: AtomicUsize,
}

/// Opens the connections, holds them and reads the server's memory.
///
/// # Errors
/// When the server cannot be reached or the limits of this machine are too low.
pub async fn run(args: IdleArgs) -> anyhow::Result<Report> {
    ensure!(args.connections > 0, "--connections must be at least 1");
    let open_files = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    ensure!(
        args.connections as u64 + 64 <= open_files,
        "{} connections need more than the {open_files} open files that this process may have",
        args.connections
    );
    let shared = Arc::new(Shared {
        target: Target::find(&args.target).await?,
        open: Semaphore::new(args.burst.max(1)),
        stop: CancellationToken::new(),
        dropped: AtomicUsize::new(0),
    });
    let address = shared.target.address;
    let process = match args.pid {
        Some(pid) => Some(ServerProcess::of_pid(pid).with_context(|| format!("no process {pid}"))?),
        None => ServerProcess::listening_on(address.port()).filter(|_| address.ip().is_loopback()),
    };
    // One connection first: what the server sets up once is not the price of each.
    drop(open(&shared, 0).await.with_context(|| format!("cannot connect to {}", args.target.url))?);
    sleep(Duration::from_millis(500)).await;
    let baseline_rss_bytes = process.and_then(ServerProcess::resident_bytes);
    let overflows = listen_overflows();

    let bar = ProgressBar::new(args.connections as u64);
    let started = Instant::now();
    let mut openings = JoinSet::new();
    for number in 0..args.connections {
        let shared = shared.clone();
        openings.spawn(async move { open(&shared, number).await });
    }
    let (mut connects, mut welcomes) = (Latencies::default(), Latencies::default());
    let (mut connected, mut syn_retries) = (0, 0);
    let mut held = JoinSet::new();
    while let Some(opened) = openings.join_next().await {
        bar.inc(1);
        match opened? {
            Ok(Visit { connect, greeting, socket, .. }) => {
                connected += 1;
                syn_retries += usize::from(connect >= SYN_RETRY);
                connects.add(connect);
                welcomes.add(greeting);
                held.spawn(hold(socket, shared.clone()));
            }
            Err(error) => {
                if shared.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                    bar.suspend(|| anstream::eprintln!("note: the first connection that failed: {error:#}"));
                }
            }
        }
    }
    let connect_all_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    bar.finish_and_clear();
    sleep(Duration::from_secs(args.hold)).await;
    let server_rss_bytes = process.and_then(ServerProcess::resident_bytes);
    let dropped = shared.dropped.load(Ordering::Relaxed);
    shared.stop.cancel();
    while held.join_next().await.is_some() {}
    let difference = server_rss_bytes.zip(baseline_rss_bytes).map(|(with, before)| with.saturating_sub(before));
    Ok(Report {
        connected,
        dropped,
        server_rss_bytes,
        baseline_rss_bytes,
        bytes_per_connection: difference.map(|bytes| bytes / (connected.max(1) as u64)),
        connect_all_ms,
        connect_p50_ms: millis(connects.percentile(50.0)),
        connect_p99_ms: millis(connects.percentile(99.0)),
        connect_max_ms: millis(connects.percentile(100.0)),
        welcome_p99_ms: millis(welcomes.percentile(99.0)),
        syn_retries,
        listen_overflows: listen_overflows().zip(overflows).map(|(after, before)| after.saturating_sub(before)),
    })
}

async fn open(shared: &Shared, number: usize) -> anyhow::Result<Visit> {
    let _turn = shared.open.acquire().await?;
    shared.target.visit(number, None).await
}

/// Answers pings until told to stop.
async fn hold(mut socket: WebSocketStream<TcpStream>, shared: Arc<Shared>) {
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            () = shared.stop.cancelled() => return,
        };
        let answered = match message {
            Some(Ok(Message::Text(text))) if text.contains("\"ping\"") => {
                socket.send(Message::text("{\"type\":\"pong\"}")).await.is_ok()
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => false,
            Some(Ok(_)) => true,
        };
        if !answered {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^52 microseconds")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), |bytes| bytes.to_string());
        writeln!(f, "connected              {:>12}", self.connected)?;
        writeln!(f, "dropped                {:>12}", self.dropped)?;
        writeln!(f, "server memory before   {:>12} bytes", bytes(self.baseline_rss_bytes))?;
        writeln!(f, "server memory with     {:>12} bytes", bytes(self.server_rss_bytes))?;
        writeln!(f, "bytes per connection   {:>12}", bytes(self.bytes_per_connection))?;
        writeln!(f, "all connected after    {:>12} ms", self.connect_all_ms)?;
        writeln!(f, "connect p50            {:>12.1} ms", self.connect_p50_ms)?;
        writeln!(f, "connect p99            {:>12.1} ms", self.connect_p99_ms)?;
        writeln!(f, "connect slowest        {:>12.1} ms", self.connect_max_ms)?;
        writeln!(f, "hello to welcome p99   {:>12.1} ms", self.welcome_p99_ms)?;
        writeln!(f, "first packets lost     {:>12}", self.syn_retries)?;
        write!(f, "listener queue full    {:>12}", bytes(self.listen_overflows))
    }
}
