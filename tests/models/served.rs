//! A model's answer on its whole way: from the endpoint's bytes over the server's
//! websocket to a client, and a stop on the way back.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docent::adapters::chat_relay::{ChatRelay, ChatWaits};
use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::adapters::spending_journal::SpendingJournal;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::Agent;
use docent::agent::generation::{ChatUse, TokenCaps};
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::ports::embedder::Embedder;
use docent::ports::handover_desk::{DeskError, Handover, HandoverDesk};
use docent::server::settings::ServerSettings;
use docent::server::{self, Services, listener};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::provider::{Provider, Step, answer, called, ended, head, said};

const ARTICLE: &str = "# Billing\n\nInvoices are sent on the first day of each month.\n";

/// Remembers the handovers.
#[derive(Default)]
struct Desk(Mutex<Vec<Handover>>);

impl HandoverDesk for Desk {
    fn take_in(&self, handover: &Handover) -> Result<(), DeskError> {
        self.0.lock().unwrap().push(handover.clone());
        Ok(())
    }
}

struct Rig {
    provider: Provider,
    address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Rig {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("articles")).unwrap();
        fs::write(folder.path().join("articles/billing.md"), ARTICLE).unwrap();
        fs::write(folder.path().join("project.yaml"), "name: Acme\nhandover: {message: A colleague will write.}\n")
            .unwrap();
        let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
        let folders = Folders::new(folder.path(), Some(&folder.path().join("prompts")));
        let (library, _) = KnowledgeLibrary::open(folders, Arc::clone(&embedder)).await.unwrap();
        let provider = Provider::start().await;
        let chat = ChatUse {
            model: Arc::new(ChatRelay::new(Arc::new(provider.model()), ChatWaits::default())),
            max_output_tokens: 500,
            ledger: Arc::new(SpendingJournal::in_memory()),
            caps: TokenCaps::default(),
        };
        let desk = Arc::new(Desk::default());
        let (_, revocations) = watch::channel(Arc::default());
        let services = Services {
            answerer: Arc::new(Agent::new(library, embedder).with_chat(Some(chat))),
            store: Arc::new(ConversationMemory::new("epoch-1".to_owned(), MemoryBounds::default())),
            desk: Some(Arc::<Desk>::clone(&desk)),
            revocations,
        };
        let listener = listener::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = ServerSettings::default();
        settings.session.commands.count = 1_000;
        settings.rates.visitor_turns.count = 1_000;
        let server = tokio::spawn(server::serve(listener, services, settings, std::future::pending()));
        Self { provider, address, desk, server, _folder: folder }
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn join(address: SocketAddr, resume: Option<Value>) -> (Self, Value) {
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

    async fn send(&mut self, kind: &str, data: Value) {
        let id = ulid::Ulid::generate().to_string();
        let frame = json!({"type": kind, "id": id, "data": data});
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The frames up to the first of a type.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
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

fn of<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).map(|frame| &frame["data"]).collect()
}

#[tokio::test]
async fn an_answer_streams_with_its_citations_and_what_it_used() {
    let rig = Rig::start().await;
    rig.provider.will([answer(&[
        said("Invoices are sent on the first day"),
        said(" of each month [1]."),
        ended("stop"),
    ])]);
    let (mut client, _) = Client::join(rig.address, None).await;
    client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
    let frames = client.until("run.finished").await;
    let streamed: String = of(&frames, "message.delta").iter().map(|delta| delta["delta"].as_str().unwrap()).collect();
    let whole = of(&frames, "message.completed").pop().unwrap();
    assert_eq!(whole["text"], "Invoices are sent on the first day of each month.");
    assert_eq!(streamed, whole["text"].as_str().unwrap());
    assert_eq!(whole["citations"][0]["title"], "Billing");
    let finished = of(&frames, "run.finished")[0];
    assert_eq!((&finished["kind"], &finished["outcome"]), (&json!("knowledge"), &json!("completed")));
    assert_eq!(finished["usage"], json!({"input_tokens": 7, "output_tokens": 3}));
}

#[tokio::test]
async fn a_stop_closes_the_connection_to_the_model_within_half_a_second() {
    let rig = Rig::start().await;
    let (mut client, _) = Client::join(rig.address, None).await;
    for round in 0..20 {
        let begun = format!("{}{}", head("200 OK"), said("Invoices are sent on the first day of each month [1]."));
        rig.provider.will([vec![Step::Send(begun.into_bytes()), Step::Stall]]);
        client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
        let frames = client.until("message.delta").await;
        let run = of(&frames, "run.started")[0]["run_id"].clone();
        let stopped = Instant::now();
        client.send("run.cancel", json!({"run_id": run})).await;
        let frames = client.until("run.finished").await;
        assert_eq!(of(&frames, "run.finished")[0]["outcome"], "cancelled");
        while rig.provider.closed().len() <= round {
            tokio::task::yield_now().await;
        }
        let took = rig.provider.closed()[round] - stopped;
        assert!(took < Duration::from_millis(500), "round {round} took {took:?}");
    }
}

#[tokio::test]
async fn a_tab_that_goes_stops_nothing_and_finds_the_same_text() {
    let rig = Rig::start().await;
    let begun = format!("{}{}", head("200 OK"), said("Invoices are sent on the first day"));
    let rest = format!("{}{}", said(" of each month [1]."), ended("stop"));
    let pause = Step::Wait(Duration::from_millis(200));
    rig.provider.will([vec![Step::Send(begun.into_bytes()), pause, Step::Send(rest.into_bytes())]]);
    let (mut client, welcome) = Client::join(rig.address, None).await;
    client.send("message.send", json!({"text": "on which day are invoices sent"})).await;
    client.until("run.started").await;
    drop(client);
    let cursor = json!({"conversation_id": welcome["conversation_id"], "epoch": welcome["epoch"], "after_seq": 0});
    let (mut client, welcome) = Client::join(rig.address, Some(cursor)).await;
    assert_eq!(welcome["resumed"], true);
    let frames = client.until("run.finished").await;
    let whole = of(&frames, "message.completed").pop().unwrap();
    assert_eq!(whole["text"], "Invoices are sent on the first day of each month.");
    assert!(rig.provider.closed().is_empty(), "the model was not interrupted");
}

#[tokio::test]
async fn a_handover_has_a_reason_and_reaches_the_desk() {
    let rig = Rig::start().await;
    let call = called(0, "call-1", "hand_over", "{\"reason\": \"customer_request\"}");
    rig.provider.will([answer(&[call, ended("tool_calls")])]);
    let (mut client, welcome) = Client::join(rig.address, None).await;
    client.send("message.send", json!({"text": "I want to talk with a human about invoices"})).await;
    let frames = client.until("run.finished").await;
    let finished = of(&frames, "run.finished")[0];
    assert_eq!((&finished["kind"], &finished["handover_reason"]), (&json!("handover"), &json!("customer_request")));
    assert_eq!(of(&frames, "message.completed").pop().unwrap()["text"], "A colleague will write.");
    let told = rig.desk.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].question, "I want to talk with a human about invoices");
    assert_eq!(Value::from(told[0].conversation.as_str()), welcome["conversation_id"]);
}
