//! A server of Docent over a chat model, and a client at its websocket.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docent::adapters::chat_relay::{ChatRelay, ChatWaits};
use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::adapters::openai_chat::OpenAiChat;
use docent::adapters::spending_journal::SpendingJournal;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::Agent;
use docent::agent::generation::{ChatUse, TokenCaps};
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::domain::ids::ConversationId;
use docent::ports::conversation_store::ConversationStore;
use docent::ports::embedder::Embedder;
use docent::ports::handover_desk::{DeskError, Handover, HandoverDesk};
use docent::server::settings::ServerSettings;
use docent::server::{self, Services, listener};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const ARTICLE: &str = "# Billing\n\nInvoices are sent on the first day of each month.\n";

/// Remembers the handovers, and how many of their runs the log had ended before.
pub(crate) struct Desk {
    pub told: Mutex<Vec<Handover>>,
    pub ended_before: AtomicUsize,
    store: Arc<ConversationMemory>,
}

impl HandoverDesk for Desk {
    fn take_in(&self, handover: &Handover) -> Result<(), DeskError> {
        let conversation = ConversationId::new(&handover.conversation).unwrap();
        let log = self.store.read_after(&conversation, 0, 1_000).now_or_never().unwrap().unwrap();
        let is_end = |frame: &str| frame.contains("run.finished") && frame.contains(&handover.id);
        self.ended_before.fetch_add(usize::from(log.iter().any(|event| is_end(&event.frame))), Ordering::Relaxed);
        self.told.lock().unwrap().push(handover.clone());
        Ok(())
    }
}

/// A running server, with one article and a desk for handovers.
pub(crate) struct Site {
    pub address: SocketAddr,
    pub desk: Arc<Desk>,
    pub ledger: Arc<SpendingJournal>,
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    pub(crate) async fn start(model: OpenAiChat) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("articles")).unwrap();
        fs::write(folder.path().join("articles/billing.md"), ARTICLE).unwrap();
        fs::write(folder.path().join("project.yaml"), "name: Acme\nhandover: {message: A colleague will write.}\n")
            .unwrap();
        let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
        let folders = Folders::new(folder.path(), Some(&folder.path().join("prompts")));
        let (library, _) = KnowledgeLibrary::open(folders, Arc::clone(&embedder)).await.unwrap();
        let ledger = Arc::new(SpendingJournal::in_memory());
        let chat = ChatUse {
            model: Arc::new(ChatRelay::new(Arc::new(model), ChatWaits::default())),
            max_output_tokens: 500,
            ledger: Arc::<SpendingJournal>::clone(&ledger),
            caps: TokenCaps::default(),
        };
        let store = Arc::new(ConversationMemory::new("epoch-1".to_owned(), MemoryBounds::default()));
        let desk =
            Arc::new(Desk { told: Mutex::default(), ended_before: AtomicUsize::new(0), store: Arc::clone(&store) });
        let (_, revocations) = watch::channel(Arc::default());
        let services = Services {
            answerer: Arc::new(Agent::new(library, embedder).with_chat(Some(chat))),
            store,
            desk: Some(Arc::<Desk>::clone(&desk)),
            revocations,
        };
        let listener = listener::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = ServerSettings::default();
        settings.session.commands.count = 1_000;
        settings.rates.visitor_turns.count = 1_000;
        let server = tokio::spawn(server::serve(listener, services, settings, std::future::pending()));
        Self { address, desk, ledger, server, _folder: folder }
    }
}

/// A visitor's tab.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn join(address: SocketAddr, resume: Option<Value>) -> (Self, Value) {
        let mut request = format!("ws://{address}/v1/socket").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "docent.chat.v1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut client = Self(socket);
        let mut hello = json!({
            "project_key": "local",
            "anonymous_id": "anon-5f0c8b1e-6f0e-4c57-9d27-0a4a8e6d1c11",
            "client_id": "tab-1",
            "client": {"name": "test", "version": "1"},
            "capabilities": {"actions": ["navigate"], "features": []},
        });
        if let Some(cursor) = resume {
            hello["resume"] = cursor;
        }
        client.send("hello", hello).await;
        let welcome = client.until("welcome").await.pop().unwrap();
        (client, welcome["data"].clone())
    }

    pub(crate) async fn send(&mut self, kind: &str, data: Value) {
        let id = ulid::Ulid::generate().to_string();
        let frame = json!({"type": kind, "id": id, "data": data});
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The frames up to the first of a type.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let message = timeout(Duration::from_secs(20), self.0.next()).await.expect("a frame").unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            frames.extend(match frame {
                Value::Array(all) => all,
                one => vec![one],
            });
            if frames.iter().any(|frame| frame["type"] == kind) {
                return frames;
            }
        }
    }
}

/// The data of the frames of a type.
pub(crate) fn of<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).map(|frame| &frame["data"]).collect()
}
