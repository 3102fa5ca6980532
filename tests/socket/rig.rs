//! Starts the real server with an agent that does as the message says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::agent::library::KnowledgeStatus;
use docent::agent::turn_event::{ActionOrigin, AgentMessage, OfferedAction, Phase, TurnEvent, TurnFinish};
use docent::agent::turn_request::TurnRequest;
use docent::domain::action::{Action, ActionKind, Navigate, OpenIn};
use docent::domain::attribute::Template;
use docent::domain::conversation::{AnswerKind, Choice, Citation, Outcome, QuickReply};
use docent::domain::ids::{AnswerId, ArticleId, ExperienceId, PostId};
use docent::domain::locale::Locale;
use docent::domain::project::Project;
use docent::domain::revocation::Revocations;
use docent::domain::user::UserContext;
use docent::server::answerer::{Answerer, Published};
use docent::server::settings::ServerSettings;
use docent::server::{Services, listener, serve};
use docent::session::settings::Traces;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) revoke: watch::Sender<Arc<Revocations>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: ServerSettings) -> Self {
        Self::with_store(settings, MemoryBounds::default()).await
    }

    pub(crate) async fn with_store(settings: ServerSettings, bounds: MemoryBounds) -> Self {
        let store = Arc::new(ConversationMemory::new("epoch-1".to_owned(), bounds).with_clock(Timestamp::now));
        let (revoke, revocations) = watch::channel(Arc::default());
        let services = Services { answerer: Arc::new(Script::default()), store, desk: None, revocations };
        Self::serve(settings, services, revoke).await
    }

    pub(crate) async fn serve(
        settings: ServerSettings,
        services: Services,
        revoke: watch::Sender<Arc<Revocations>>,
    ) -> Self {
        let listener = listener::listen("127.0.0.1:0".parse().expect("an address")).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let server = tokio::spawn(serve(listener, services, settings, shutdown));
        Self { address, revoke, stop: Some(stop), server }
    }

    /// The body of a page.
    pub(crate) async fn get(&self, path: &str) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let response = http.get(format!("http://{}{path}", self.address)).send().await.expect("a response");
        response.text().await.expect("a body")
    }

    /// Tells the server to stop, without waiting.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops the server and waits until it is done.
    pub(crate) async fn stopped(mut self) {
        self.stop();
        tokio::time::timeout(Duration::from_secs(20), &mut self.server).await.expect("a stop").expect("no panic");
    }
}

/// Limits that make tests fast, and everything else as in production.
pub(crate) fn settings() -> ServerSettings {
    let mut settings = ServerSettings::default();
    settings.session.trace = Traces::LocalOnly;
    settings.drain = Duration::from_secs(5);
    settings.sockets_per_user = 1_000;
    settings.rates.visitor_turns.count = 100_000;
    settings.rates.user_turns.count = 100_000;
    settings.rates.user_connections.count = 100_000;
    settings.session.answer_bytes = 64 * 1024 * 1024;
    settings.session.commands.count = 1_000;
    settings.session.strikes.count = 1_000;
    settings
}

/// An agent that does as the message says:
///
/// - `chips`: asks back with two quick replies.
/// - `offer`: offers a tour and a post.
/// - `leave`: goes to a page, which needs no click.
/// - `cite`: cites a source between two pieces.
/// - `slow N`: N pieces, one every 20 ms.
/// - `flood N`: N pieces of 1 KiB as fast as they go.
/// - `hang`: one piece, then nothing for ever.
/// - `panic`, `vanish`: breaks down, or ends without saying so.
/// - anything else: echoes it in two pieces.
pub(crate) struct Script {
    project: Arc<Project>,
}

impl Default for Script {
    fn default() -> Self {
        Self { project: Arc::new(crate::project::project()) }
    }
}

#[async_trait]
impl Answerer for Script {
    fn published(&self) -> Published {
        Published { project: self.project.clone(), version: 7 }
    }

    fn recalled_messages(&self) -> usize {
        0
    }

    fn knowledge_status(&self) -> Arc<KnowledgeStatus> {
        Arc::new(KnowledgeStatus {
            version: 7,
            articles: 2,
            passages: 3,
            answers: 1,
            healthy: true,
            diagnostics: Vec::new(),
        })
    }

    fn check_action(
        &self,
        offered: &OfferedAction,
        context: &UserContext,
        _capabilities: &[ActionKind],
        _now: Timestamp,
    ) -> Result<(), String> {
        let on_settings = context.page.as_ref().is_some_and(|page| page.url.path() == "/settings");
        match &offered.action {
            Action::OpenPost(_) if on_settings => Err("the post is not for this page".to_owned()),
            _ => Ok(()),
        }
    }

    fn is_phrase(&self, text: &str, _context: &UserContext) -> bool {
        text == "offer"
    }

    async fn run_turn(&self, request: TurnRequest, events: mpsc::Sender<TurnEvent>) {
        let (word, rest) = request.message.split_once(' ').unwrap_or((&request.message, ""));
        let say = |event: TurnEvent| {
            let events = events.clone();
            async move {
                let _ = events.send(event).await;
            }
        };
        let piece = |text: &str| TurnEvent::Delta { text: text.to_owned(), cites: Vec::new() };
        let mut message = AgentMessage { text: String::new(), citations: Vec::new(), quick_replies: Vec::new() };
        let mut kind = AnswerKind::Knowledge;
        say(TurnEvent::Status(Phase::Retrieving)).await;
        if request.trace {
            say(TurnEvent::Trace(Arc::new(serde_json::json!({"input": {"text": request.message}})))).await;
        }
        match word {
            _ if request.choice.is_some() => {
                message.text = format!("chosen {}", request.choice.expect("checked").name().replace("answer:", ""));
                kind = AnswerKind::CustomAnswer;
            }
            "chips" => {
                message.text = "Which one?".to_owned();
                kind = AnswerKind::Chips;
                for id in ["export", "import"] {
                    let reply = QuickReply { id: id.to_owned(), text: format!("How do I {id}?") };
                    message.quick_replies.push((reply, Some(Choice::Answer(AnswerId::new(id).expect("an id")))));
                }
            }
            "cite" => {
                let citation = Citation {
                    number: 1,
                    article: ArticleId::new("billing/invoices").expect("an id"),
                    title: "Invoices".to_owned(),
                    url: "/articles/billing/invoices".to_owned(),
                    snippet: "Invoices are sent".to_owned(),
                };
                say(piece("Invoices ")).await;
                say(TurnEvent::Citation(citation.clone())).await;
                say(TurnEvent::Delta { text: "are sent.".to_owned(), cites: vec![1] }).await;
                message.text = "Invoices are sent.".to_owned();
                message.citations.push(citation);
            }
            "slow" => {
                for at in 0..rest.parse().unwrap_or(10) {
                    say(piece(&format!("{at} "))).await;
                    message.text.push_str(&format!("{at} "));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            "flood" => {
                let text = "x".repeat(1024);
                for _ in 0..rest.parse().unwrap_or(10) {
                    say(TurnEvent::Delta { text: text.clone(), cites: vec![1] }).await;
                }
                message.text = "flooded".to_owned();
            }
            "hang" => {
                say(piece("half an ")).await;
                std::future::pending::<()>().await;
            }
            "panic" => panic!("the script says so"),
            "vanish" => return,
            _ => {
                say(piece("You said: ")).await;
                say(piece(&request.message)).await;
                message.text = format!("You said: {}", request.message);
            }
        }
        say(TurnEvent::Message(message)).await;
        if word == "offer" {
            let tour = Action::LaunchExperience(ExperienceId::new("tour").expect("an id"));
            let post = Action::OpenPost(PostId::new("news").expect("an id"));
            for (order, (action, label)) in (0..).zip([(tour, "Start the tour"), (post, "Read the news")]) {
                let origin = ActionOrigin::CustomAnswer;
                let label = label.to_owned();
                let offered = OfferedAction {
                    action,
                    label,
                    resolved_url: None,
                    arrives_at: None,
                    origin,
                    order,
                    language: Locale::new("en"),
                    instead: None,
                };
                say(TurnEvent::Action(offered)).await;
            }
        }
        if word == "leave" {
            let navigate = Navigate { url: Template::literal("/billing"), open_in: OpenIn::SameTab };
            let offered = OfferedAction {
                action: Action::Navigate(navigate),
                label: "Billing".to_owned(),
                resolved_url: Some("/billing".to_owned()),
                arrives_at: None,
                origin: ActionOrigin::CustomAnswer,
                order: 0,
                language: Locale::new("en"),
                instead: None,
            };
            say(TurnEvent::Action(offered)).await;
        }
        let outcome = Outcome::Completed;
        say(TurnEvent::Finished(TurnFinish {
            kind: Some(kind),
            answer: None,
            outcome,
            degraded: false,
            fault: None,
            handover: None,
            usage: None,
        }))
        .await;
    }
}
