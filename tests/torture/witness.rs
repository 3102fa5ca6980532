//! Somebody who means well while others do not: asks the server for its health all the
//! time, and chats.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, hello};
use crate::is_full;

/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(20);
/// What the answers may take at the full counts, and beside the other tests.
const FULL_LIMIT: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(3);

/// Whoever asks meanwhile.
pub(crate) struct Witness {
    stop: CancellationToken,
    health: JoinHandle<Vec<Duration>>,
    chat: JoinHandle<Vec<Duration>>,
}

/// How long the answers took: of `/healthz`, and until a message was answered.
pub(crate) struct Report {
    health: Duration,
    chat: Duration,
    asked: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { health, chat, asked } = self;
        write!(formatter, "health p99 {health:?} of {asked}, a chat's answers p99 {chat:?}")
    }
}

impl Witness {
    pub(crate) fn of(server: SocketAddr) -> Self {
        let stop = CancellationToken::new();
        let health = tokio::spawn(ask_for_health(server, stop.clone()));
        let chat = tokio::spawn(chat(server, stop.clone()));
        Self { stop, health, chat }
    }

    /// Ends it; what it has found must be well.
    pub(crate) async fn end(self) -> Report {
        self.stop.cancel();
        let (health, chat) = (self.health.await.expect("health"), self.chat.await.expect("a chat that goes on"));
        let report = Report { asked: health.len(), health: p99(health), chat: p99(chat) };
        let limit = if is_full() { FULL_LIMIT } else { LIMIT };
        assert!(report.health <= limit, "{report}");
        report
    }
}

async fn ask_for_health(server: SocketAddr, stop: CancellationToken) -> Vec<Duration> {
    let (mut times, mut open) = (Vec::new(), None);
    while times.is_empty() || !stop.is_cancelled() {
        let started = Instant::now();
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => TcpStream::connect(server).await.expect("a connection"),
        };
        // A connection lasts for a minute, so that it may end between two questions.
        if timeout(Duration::from_secs(20), healthz(&mut stream, server)).await.expect("health in time").is_some() {
            times.push(started.elapsed());
            open = Some(stream);
        }
        sleep(PAUSE).await;
    }
    times
}

async fn healthz(stream: &mut TcpStream, server: SocketAddr) -> Option<()> {
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes()).await.ok()?;
    let (mut answer, mut piece) = (String::new(), [0; 1024]);
    while !answer.contains("\"ok\"}") {
        match stream.read(&mut piece).await {
            Ok(read @ 1..) => answer.push_str(&String::from_utf8_lossy(&piece[..read])),
            Ok(0) | Err(_) => return None,
        }
    }
    Some(())
}

async fn chat(server: SocketAddr, stop: CancellationToken) -> Vec<Duration> {
    let mut hello = hello();
    hello["anonymous_id"] = json!("anon-9b2f7c1e-3f55-4c58-9d44-0000000fffff");
    let mut client = Client::join_as(server, hello).await;
    let mut times = Vec::new();
    while times.is_empty() || !stop.is_cancelled() {
        let started = Instant::now();
        client.ask("how do I export my data").await;
        times.push(started.elapsed());
        sleep(PAUSE * 50).await;
    }
    times
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * 99 / 100]
}
