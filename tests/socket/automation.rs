//! An automation from its offer to its end, by a scripted client, through a page load
//! and through restarts of the server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use docent::adapters::conversation_database::ConversationDatabase;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::Agent;
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::ports::embedder::Embedder;
use docent::server::Services;
use docent::server::settings::ServerSettings;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::{Client, hello};
use crate::http::get;
use crate::rig::{Rig, settings};

const FILES: [(&str, &str); 3] = [
    ("project.yaml", "name: Acme\n"),
    (
        "automations/change-plan.yaml",
        "name: Change the plan\nstatus: published\nrisk: confirm\n\
         agent: {active: true, instructions: the user wants to change the plan}\n\
         arguments: {plan: {type: enum, values: [free, pro], ask: Which plan?}, seats: {type: number, ask: How many seats?}}\n\
         steps: [{navigate: {url: \"/billing/{{plan}}\"}}, {wait_for: \"#plan\"}, {click: \"#plan-{{plan}}\"}, {fill: {selector: \"#seats\", value: \"{{seats}}\"}}]\n",
    ),
    (
        "answers/plan.md",
        "---\nphrases: [change my plan, I want another plan]\nactions: [{run_automation: change-plan}]\n---\nThat is quickly done.\n",
    ),
];

/// Starts the server on the project and on what an earlier server has stored.
async fn start(folder: &Path) -> Rig {
    start_with(folder, settings()).await
}

async fn start_with(folder: &Path, settings: ServerSettings) -> Rig {
    let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
    let folders = Folders::new(&folder.join("knowledge"), Some(&folder.join("prompts")));
    let (library, _) = KnowledgeLibrary::open(folders, Arc::clone(&embedder)).await.expect("a project");
    let store = Arc::new(ConversationDatabase::open(&folder.join("data")).expect("a database"));
    let (revoke, revocations) = watch::channel(Arc::default());
    let answerer = Arc::new(Agent::new(library, embedder));
    Rig::serve(settings, Services { answerer, store, desk: None, revocations }, revoke).await
}

/// A project folder, and the server on it.
async fn project() -> (tempfile::TempDir, Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in FILES {
        let path = folder.path().join("knowledge").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    let rig = start(folder.path()).await;
    (folder, rig)
}

fn can(actions: &[&str]) -> Value {
    let mut hello = hello();
    hello["capabilities"]["actions"] = json!(actions);
    hello
}

/// A tab that may lose its connection and finds its conversation again.
struct Tab {
    client: Client,
    cursor: Value,
}

impl Tab {
    async fn open(address: SocketAddr) -> Self {
        let client = Client::join_as(address, can(&["run_automation", "automation_step"])).await;
        let cursor = client.cursor(0);
        Self { client, cursor }
    }

    /// The page is loaded anew, or the server was.
    async fn reopen(self, address: SocketAddr) -> Self {
        let Self { client, cursor } = self;
        drop(client);
        let mut hello = can(&["run_automation", "automation_step"]);
        hello["resume"] = cursor.clone();
        let client = Client::join_as(address, hello).await;
        assert_eq!(client.welcome["data"]["resumed"], true);
        let mut tab = Self { client, cursor };
        tab.cursor["after_seq"] = tab.client.welcome["data"]["seq"].clone();
        tab
    }

    async fn until(&mut self, kind: &str) -> Value {
        let frames = self.client.through(kind).await;
        if let Some(seq) = frames.iter().rev().find_map(|frame| frame["seq"].as_u64()) {
            self.cursor["after_seq"] = json!(seq);
        }
        frames.last().expect("a frame")["data"].clone()
    }

    async fn say(&mut self, text: &str) -> Vec<Value> {
        let frames = self.client.ask(text).await;
        let seq = frames.iter().rev().find_map(|frame| frame["seq"].as_u64());
        self.cursor["after_seq"] = json!(seq);
        frames
    }

    async fn claim(&mut self, action: &Value) {
        let answer = self.client.call("action.claim", json!({"action_id": action})).await;
        assert_eq!(answer["type"], "ack", "{answer}");
    }

    async fn report(&mut self, action: &Value, status: &str, code: Option<&str>) {
        let result = json!({"action_id": action, "status": status, "code": code});
        let answer = self.client.call("action.result", result).await;
        assert_eq!(answer["type"], "ack", "{answer}");
    }

    /// Says everything up to the first step, whose request comes back.
    async fn begin(&mut self) -> Value {
        let frames = self.say("change my plan").await;
        let offer = of_type(&frames, "action.requested");
        self.claim(&offer["action_id"]).await;
        assert_eq!(self.until("message.completed").await["text"], "Which plan?");
        self.say("pro").await;
        self.say("3").await;
        let frames = self.say("yes").await;
        of_type(&frames, "action.requested")
    }
}

fn of_type(frames: &[Value], kind: &str) -> Value {
    frames.iter().rev().find(|frame| frame["type"] == kind).unwrap_or_else(|| panic!("a {kind}: {frames:?}"))["data"]
        .clone()
}

#[tokio::test]
async fn an_automation_goes_on_after_page_loads_and_restarts() {
    let (folder, rig) = project().await;
    let mut tab = Tab::open(rig.address).await;
    let frames = tab.say("change my plan").await;
    assert_eq!(of_type(&frames, "message.completed")["text"], "That is quickly done.");
    let offer = of_type(&frames, "action.requested");
    assert_eq!(
        offer["action"],
        json!({"type": "run_automation", "automation_id": "change-plan", "name": "Change the plan"})
    );
    assert_eq!((&offer["execution"], &offer["await_result"]), (&json!("offer"), &json!(false)));

    tab.claim(&offer["action_id"]).await;
    let asked = tab.until("message.completed").await;
    assert_eq!(asked["text"], "Which plan?");
    let replies: Vec<&Value> =
        asked["quick_replies"].as_array().expect("replies").iter().map(|one| &one["text"]).collect();
    assert_eq!(replies, ["free", "pro"]);
    let frames = tab.say("the gold one").await;
    assert_eq!(of_type(&frames, "message.completed")["text"], "Please choose one of these. Which plan?");

    // Between a question and its answer, the server may be another one.
    rig.stopped().await;
    let rig = start(folder.path()).await;
    let mut tab = tab.reopen(rig.address).await;
    let reply = json!({"text": "", "quick_reply_id": asked["quick_replies"][1]["id"]});
    tab.client.command("message.send", reply).await;
    assert_eq!(tab.until("run.finished").await["kind"], "automation");
    let frames = tab.say("12 seats").await;
    let proposal = "**Change the plan**\n- plan: pro\n- seats: 12\n\nShall I go ahead?";
    assert_eq!(of_type(&frames, "message.completed")["text"], proposal);
    let frames = tab.say("Yes, please").await;
    let step = of_type(&frames, "action.requested");
    let expected = json!({"type": "automation_step", "automation_id": "change-plan", "run": step["batch_id"], "index": 0,
        "kind": "navigate", "value": "/billing/pro", "timeout_ms": 30_000});
    assert_eq!(step["action"], expected);
    assert_eq!((&step["execution"], &step["origin"]), (&json!("auto"), &json!("automated")));

    // The step leaves the page; its end is reported from the next one.
    tab.claim(&step["action_id"]).await;
    tab.until("action.updated").await;
    let mut tab = tab.reopen(rig.address).await;
    let again = tab.client.call("action.claim", json!({"action_id": step["action_id"]})).await;
    assert_eq!(again["data"]["code"], "action_already_claimed");
    tab.report(&step["action_id"], "succeeded", None).await;
    let wait = tab.until("action.requested").await;
    assert_eq!((&wait["action"]["kind"], &wait["action"]["selector"]), (&json!("wait_for"), &json!("#plan")));

    // A restart while a step waits for its claim, and one while it is carried out.
    rig.stopped().await;
    let rig = start(folder.path()).await;
    let mut tab = tab.reopen(rig.address).await;
    tab.claim(&wait["action_id"]).await;
    tab.report(&wait["action_id"], "succeeded", None).await;
    let click = tab.until("action.requested").await;
    assert_eq!(click["action"]["selector"], "#plan-pro");
    tab.claim(&click["action_id"]).await;
    tab.until("action.updated").await;
    rig.stopped().await;
    let rig = start(folder.path()).await;
    let mut tab = tab.reopen(rig.address).await;
    let again = tab.client.call("action.claim", json!({"action_id": click["action_id"]})).await;
    assert_eq!(again["data"]["code"], "action_already_claimed");
    tab.report(&click["action_id"], "succeeded", None).await;
    let fill = tab.until("action.requested").await;
    assert_eq!((&fill["action"]["selector"], &fill["action"]["value"]), (&json!("#seats"), &json!("12")));
    tab.claim(&fill["action_id"]).await;
    tab.report(&fill["action_id"], "succeeded", None).await;
    assert_eq!(tab.until("automation.updated").await["state"], "succeeded");
    let ended = tab.until("action.updated").await;
    assert_eq!((&ended["action_id"], &ended["state"]), (&offer["action_id"], &json!("succeeded")));
    assert_eq!(tab.until("message.completed").await["text"], "“Change the plan” is done.");

    let metrics = get(rig.address, "/metrics").await;
    assert!(metrics.contains("docent_automation_runs{automation=\"change-plan\"} 1"), "{metrics}");
}

#[tokio::test]
async fn an_automation_stops_with_its_reason() {
    let (_folder, rig) = project().await;
    let mut tab = Tab::open(rig.address).await;
    let step = tab.begin().await;
    tab.claim(&step["action_id"]).await;
    tab.report(&step["action_id"], "failed", Some("element_missing")).await;
    let stopped = tab.until("automation.updated").await;
    assert_eq!((&stopped["state"], &stopped["stopped_at"]), (&json!("stopped"), &json!(0)));
    assert_eq!(
        tab.until("message.completed").await["text"],
        "“Change the plan” stopped at step 1 of 4. Something it needs is not on this page."
    );

    let step = tab.begin().await;
    let frames = tab.say("stop").await;
    assert_eq!(of_type(&frames, "automation.updated")["state"], "cancelled");
    assert_eq!(of_type(&frames, "message.completed")["text"], "“Change the plan” was cancelled.");
    let late = tab.client.call("action.claim", json!({"action_id": step["action_id"]})).await;
    assert_eq!(late["data"]["code"], "action_expired");

    let frames = tab.say("change my plan").await;
    tab.claim(&of_type(&frames, "action.requested")["action_id"]).await;
    tab.until("message.completed").await;
    let frames = tab.say("I want another plan").await;
    assert_eq!(of_type(&frames, "run.finished")["kind"], "custom_answer", "another subject is answered");
    assert_eq!(of_type(&frames, "automation.updated")["state"], "cancelled");
}

#[tokio::test]
async fn a_tab_that_stays_away_stops_its_automation() {
    let (folder, rig) = project().await;
    rig.stopped().await;
    let mut limits = settings();
    limits.session.tab_return_ms = 50;
    let rig = start_with(folder.path(), limits).await;
    let mut tab = Tab::open(rig.address).await;
    tab.begin().await;
    let mut hello = can(&["run_automation", "automation_step"]);
    hello["client_id"] = json!("tab-2");
    hello["resume"] = tab.cursor.clone();
    let mut other = Client::join_as(rig.address, hello).await;
    drop(tab);
    let told = other.until("automation.updated").await;
    assert_eq!(told["data"]["state"], "stopped");
    assert_eq!(
        other.until("message.completed").await["data"]["text"],
        "“Change the plan” stopped at step 1 of 4. The tab in which it ran is gone."
    );
}

#[tokio::test]
async fn a_client_that_cannot_carry_out_steps_is_not_offered_any() {
    let (_folder, rig) = project().await;
    let mut client = Client::join_as(rig.address, can(&["run_automation"])).await;
    let frames = client.ask("change my plan").await;
    assert!(frames.iter().all(|frame| frame["type"] != "action.requested"));
    let trace = of_type(&frames, "run.trace");
    let failed = trace["trace"]["actions"][0]["checks"].as_array().and_then(|checks| checks.last()).cloned();
    assert_eq!(failed.expect("a check")["detail"], "the client did not declare `automation_step`");
}
