//! Visitors of a running server: how they connect and who they say they are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use crate::domain::secret::Secret;
use crate::protocol::SUBPROTOCOL;
use crate::protocol::hello::{Resume, Welcome};
use crate::protocol::server_message::{ServerFrame, ServerMessage};
use crate::server::clock::Clock;
use crate::session::identity::{IdentityKey, MAX_LIFE_S, sign};

/// How long opening one connection may take.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Loopback addresses to connect from: each has ports of its own.
const SOURCES: u8 = 8;

/// Which server, and with which identities.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// The server, such as http://127.0.0.1:8787.
    #[arg(long, value_name = "URL")]
    pub url: Url,
    /// The project's public key.
    #[arg(long, value_name = "KEY", default_value = "local")]
    pub key: String,
    /// The secret that identities are signed with; visitors are anonymous without.
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
}

/// A server that visitors come to.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    url: Url,
    key: String,
    secret: Option<IdentityKey>,
    clock: Clock,
}

/// A visitor's connection.
pub(super) struct Visit {
    /// Until the kernel had connected.
    pub(super) connect: Duration,
    /// From hello to welcome.
    pub(super) greeting: Duration,
    pub(super) welcome: Welcome,
    pub(super) socket: WebSocketStream<TcpStream>,
}

impl Target {
    /// Looks the server up.
    pub(super) async fn find(args: &TargetArgs) -> anyhow::Result<Self> {
        let mut url = args.url.clone();
        ensure!(matches!(url.scheme(), "http" | "ws"), "`{}`: use http://HOST:PORT", args.url);
        url.set_scheme("ws").ok().with_context(|| format!("`{}` is not the address of a server", args.url))?;
        if matches!(url.path(), "" | "/") {
            url.set_path("/v1/socket");
        }
        let host = url.host_str().context("the address has no host")?;
        let port = url.port_or_known_default().unwrap_or(80);
        let address = tokio::net::lookup_host((host, port)).await?.next().context("the host has no address")?;
        let secret = args.secret.as_deref().map(|secret| IdentityKey { id: None, secret: Secret::new(secret) });
        Ok(Self { address, url, key: args.key.clone(), secret, clock: Clock::start() })
    }

    /// Connects visitor `number`, who goes on at `resume`.
    pub(super) async fn visit(&self, number: usize, resume: Option<Resume>) -> anyhow::Result<Visit> {
        let visit = async {
            let started = Instant::now();
            let stream = connect(self.address, number).await?;
            let connect = started.elapsed();
            let mut request = self.url.as_str().into_client_request()?;
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
            let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
            let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
            let hello = json!({"type": "hello", "id": "1", "data": self.hello(number, resume)?});
            let started = Instant::now();
            socket.send(Message::text(hello.to_string())).await?;
            let answer = socket.next().await.context("closed instead of a welcome")??;
            let frame: ServerFrame = serde_json::from_str(answer.to_text()?)?;
            let ServerMessage::Welcome(welcome) = frame.message else { anyhow::bail!("no welcome: {answer}") };
            Ok(Visit { connect, greeting: started.elapsed(), welcome: *welcome, socket })
        };
        timeout(OPEN_LIMIT, visit).await.context("no answer in time")?
    }

    fn hello(&self, number: usize, resume: Option<Resume>) -> anyhow::Result<Value> {
        let mut hello = json!({"project_key": self.key, "client_id": format!("bench-{number}")});
        match &self.secret {
            Some(key) => {
                let life = (self.clock.now(), MAX_LIFE_S);
                hello["identity_token"] = sign(key, &self.key, &format!("bench-{number}"), &Map::new(), life)?.into();
            }
            None => hello["anonymous_id"] = format!("anon-00000000-0000-4000-8000-{number:012x}").into(),
        }
        if let Some(resume) = resume {
            hello["resume"] = serde_json::to_value(resume)?;
        }
        Ok(hello)
    }
}

async fn connect(target: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let IpAddr::V4(ip) = target.ip() else { return Ok(TcpStream::connect(target).await?) };
    let socket = TcpSocket::new_v4()?;
    if ip.is_loopback() {
        let last = 2 + u8::try_from(number % usize::from(SOURCES)).unwrap_or(0);
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    }
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
