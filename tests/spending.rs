//! What turns may cost: caps that hold under parallel turns, and turns that are paid
//! for although nobody waits for them any more.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use docent::adapters::spending_journal::SpendingJournal;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::Agent;
use docent::agent::generation::{ChatUse, TokenCaps};
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::agent::turn_event::{TurnEvent, TurnFinish};
use docent::agent::turn_request::TurnRequest;
use docent::domain::ids::{RunId, UserId};
use docent::domain::user::UserContext;
use docent::ports::chat_model::{
    ChatError, ChatEvent, ChatFault, ChatModel, ChatRequest, ChatStream, StopReason, TokenUsage,
};
use docent::ports::embedder::Embedder;
use docent::ports::spending_ledger::SpendingLedger;
use futures_util::{StreamExt as _, future, stream};
use tokio::sync::mpsc;

const NOW: &str = "2026-03-01T12:00:00Z";
const MAX_OUTPUT: u32 = 200;

/// How the model ends its answers.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Whole,
    Never,
    Refused(ChatFault),
}

/// A model that writes one sentence, and counts what it was asked for.
struct Meter {
    ending: Ending,
    asked: AtomicU64,
}

#[async_trait]
impl ChatModel for Meter {
    fn name(&self) -> &str {
        "meter"
    }

    fn context_tokens(&self) -> u32 {
        8_000
    }

    async fn answer(&self, _: &ChatRequest) -> Result<ChatStream, ChatError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let text = ChatEvent::Text("Invoices are sent on the first day of each month [1]. ".to_owned());
        let usage = Some(TokenUsage { input: 600, output: 20 });
        let end = ChatEvent::Finished { reason: StopReason::Complete, usage };
        let events = match self.ending {
            Ending::Whole => stream::iter([Ok(text), Ok(end)]).boxed(),
            Ending::Never => stream::iter([Ok(text)]).chain(stream::pending()).boxed(),
            Ending::Refused(fault) => {
                let reason = "scripted".to_owned();
                return Err(ChatError { model: "meter".to_owned(), fault, reason, attempts: 3 });
            }
        };
        Ok(ChatStream { model: "meter".to_owned(), attempts: 1, events })
    }
}

struct Rig {
    agent: Agent,
    meter: Arc<Meter>,
    ledger: Arc<SpendingJournal>,
    _folder: tempfile::TempDir,
}

async fn rig(ending: Ending, caps: TokenCaps) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("articles")).unwrap();
    let article = "# Billing\n\nInvoices are sent on the first day of each month.\n";
    fs::write(folder.path().join("articles/billing.md"), article).unwrap();
    let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
    let folders = Folders::new(folder.path(), Some(&folder.path().join("prompts")));
    let (library, _) = KnowledgeLibrary::open(folders, Arc::clone(&embedder)).await.unwrap();
    let meter = Arc::new(Meter { ending, asked: AtomicU64::new(0) });
    let ledger = Arc::new(SpendingJournal::in_memory());
    let chat = ChatUse {
        model: Arc::<Meter>::clone(&meter),
        max_output_tokens: MAX_OUTPUT,
        ledger: Arc::<SpendingJournal>::clone(&ledger),
        caps,
    };
    Rig { agent: Agent::new(library, embedder).with_chat(Some(chat)), meter, ledger, _folder: folder }
}

impl Rig {
    async fn ask(&self, user: &str) -> (Vec<TurnEvent>, TurnFinish) {
        let request = TurnRequest {
            run: RunId::new("r1").unwrap(),
            message: "on which day are invoices sent".to_owned(),
            plain: None,
            history: Vec::new(),
            choice: None,
            context: UserContext::new(UserId::new(user).unwrap()),
            capabilities: Vec::new(),
            now: NOW.parse().unwrap(),
            trace: false,
        };
        let (sender, mut receiver) = mpsc::channel(64);
        self.agent.run_turn(request, sender).await;
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        match events.pop() {
            Some(TurnEvent::Finished(finish)) => (events, finish),
            other => panic!("a turn ends with its end: {other:?}"),
        }
    }

    fn spent(&self, account: &str) -> u64 {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        self.ledger.spent(u64::try_from(now.as_second() / 86_400).unwrap(), account)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cap_holds_under_two_hundred_callers_and_the_rest_get_quotations() {
    let cap = 20_000;
    let rig = rig(Ending::Whole, TokenCaps { project: Some(cap), ..TokenCaps::default() }).await;
    let rig = Arc::new(rig);
    let turns: Vec<_> = (0..200)
        .map(|caller| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { rig.ask(&format!("u{caller}")).await.1 })
        })
        .collect();
    let finishes: Vec<TurnFinish> = future::join_all(turns).await.into_iter().map(Result::unwrap).collect();
    let (paid, quoted): (Vec<_>, Vec<_>) = finishes.iter().partition(|finish| !finish.degraded);
    assert!(rig.spent("project") <= cap, "{} of {cap}", rig.spent("project"));
    assert_eq!(rig.spent("project"), 620 * u64::try_from(paid.len()).unwrap(), "what the model says is what counts");
    assert_eq!(rig.meter.asked.load(Ordering::Relaxed), u64::try_from(paid.len()).unwrap());
    assert!(!paid.is_empty() && !quoted.is_empty(), "{} paid, {} quoted", paid.len(), quoted.len());
    assert!(finishes.iter().all(|finish| finish.kind.is_some()), "everybody gets an answer");
}

#[tokio::test]
async fn visitors_share_a_cap_and_a_user_has_one() {
    let caps = TokenCaps { user: Some(1_500), visitors: Some(1_500), project: None };
    let rig = rig(Ending::Whole, caps).await;
    let mut answered = Vec::new();
    for user in ["anon-1", "anon-2", "anon-3", "ann", "ann", "ann", "bob"] {
        answered.push(!rig.ask(user).await.1.degraded);
    }
    assert_eq!(answered, [true, true, false, true, true, false, true]);
}

#[tokio::test]
async fn a_turn_that_is_stopped_is_paid_for() {
    let rig = rig(Ending::Never, TokenCaps::default()).await;
    let stopped = tokio::time::timeout(Duration::from_millis(500), rig.ask("ann")).await;
    assert!(stopped.is_err(), "the model never ends");
    let spent = rig.spent("project");
    let reserved_output = u64::from(MAX_OUTPUT);
    assert!(spent > reserved_output / 2, "the prompt and what was written count: {spent}");
    let again = tokio::time::timeout(Duration::from_millis(500), rig.ask("ann")).await;
    assert!(again.is_err());
    assert_eq!(rig.spent("project"), 2 * spent, "and the rest of the reservation is given back");
}

#[tokio::test]
async fn what_was_not_read_is_not_paid_for_and_what_may_have_been_is() {
    let away = rig(Ending::Refused(ChatFault::Unavailable { retry_after: None }), TokenCaps::default()).await;
    assert!(away.ask("ann").await.1.degraded);
    assert_eq!(away.spent("project"), 0);
    let slow = rig(Ending::Refused(ChatFault::TimedOut), TokenCaps::default()).await;
    assert!(slow.ask("ann").await.1.degraded);
    assert!(slow.spent("project") > 0, "each of the attempts may have been read");
}
