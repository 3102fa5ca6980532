//! A server that is not ours: that of llama.cpp, with a tiny model that
//! `llama/serve.py` makes, on the whole way to a client.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use docent::adapters::openai_chat::{OpenAiChat, OpenAiChatSettings};
use docent::ports::chat_model::{ChatFault, ChatMessage, ChatModel, ChatRequest};
use docent::ports::spending_ledger::SpendingLedger as _;
use serde_json::{Value, json};

use super::site::{Client, Site, of};

const REQUIREMENTS: &str = include_str!("llama/requirements.txt");
const ANSWER: &str = "Invoices are sent on the first day of each month [1].";

/// What the model says to a conversation with a word: the first rule that fits.
fn rules() -> Value {
    let call = |name: &str, arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    json!([
        ["<|tool|>", format!("After a look: {ANSWER}")],
        ["elsewhere", call("search", "{\"query\": \"when are invoices sent\"}")],
        ["someone", call("hand_over", "{\"reason\": \"customer_request\"}")],
        ["Deutsch", "Rechnungen gehen am ersten Tag jedes Monats für alle hinaus [1]."],
        ["capital", "{\"capital\": \"Paris\"}"],
        ["Reports", call("report", "{\"number\": 7}")],
        ["Rewrite", "{\"question\": \"on which day are invoices sent\"}"],
        [null, ANSWER],
    ])
}

/// The running server; it ends with the process of the tests, which holds its input.
struct Llama {
    base_url: String,
    _input: std::process::ChildStdin,
}

impl Llama {
    /// One server for all tests; `None`, and a line that says why, where it cannot be
    /// had. Where everything must pass, it must be had.
    fn running() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Llama>> = OnceLock::new();
        let server = SERVER.get_or_init(|| match Self::start() {
            Ok(server) => Some(server),
            Err(reason) => {
                let package = REQUIREMENTS.trim();
                let skipped = format!("the tests with the server of llama.cpp need the package {package}: {reason}");
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped}");
                // Not what a test prints, which nobody sees when it passes.
                let _ = writeln!(std::io::stderr(), "skipped: {skipped}");
                None
            }
        });
        server.as_ref()
    }

    fn start() -> Result<Self, String> {
        let packages = packages()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/llama/serve.py");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
        let mut child = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("python3 cannot be run: {error}"))?;
        let mut input = child.stdin.take().ok_or("it has no input")?;
        writeln!(input, "{}", rules()).map_err(|error| error.to_string())?;
        let mut address = String::new();
        let mut output = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        output.read_line(&mut address).map_err(|error| error.to_string())?;
        match address.trim() {
            "" => Err("its server does not start".to_owned()),
            address => Ok(Self { base_url: format!("{address}/v1"), _input: input }),
        }
    }

    fn model(&self) -> OpenAiChat {
        let settings = OpenAiChatSettings {
            section: "model",
            base_url: self.base_url.clone(),
            api_key: None,
            model: "tiny".to_owned(),
            context_tokens: 32_768,
            max_output_tokens: 500,
            connect: Duration::from_secs(5),
            begins_with_reasoning: false,
        };
        OpenAiChat::new(&settings).unwrap()
    }
}

/// The folder with what the script needs, kept from run to run.
fn packages() -> Result<PathBuf, String> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(REQUIREMENTS.trim());
    if kept.is_dir() {
        return Ok(kept);
    }
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let install = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary", ":all:", "--target", "packages", "--requirement"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/llama/requirements.txt"))
        .current_dir(work.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("python3 cannot be run: {error}"))?;
    if !install.status.success() {
        let said = String::from_utf8_lossy(&install.stderr);
        return Err(said.lines().last().unwrap_or("pip failed").to_owned());
    }
    // Another test may have been faster; its folder is as good.
    let moved = fs::rename(work.path().join("packages"), &kept);
    if kept.is_dir() { Ok(kept) } else { Err(moved.err().map_or_else(String::new, |error| error.to_string())) }
}

/// All that a client sees of one turn.
async fn turn(server: &Llama, message: &str) -> (Vec<Value>, Site) {
    let site = Site::start(server.model()).await;
    let (mut client, _) = Client::join(site.address, None).await;
    client.send("message.send", json!({"text": message})).await;
    let frames = client.until("run.finished").await;
    assert_eq!(of(&frames, "run.finished").len(), 1, "{frames:?}");
    (frames, site)
}

/// The answer, which must be what was streamed, and the end of the run.
fn answer(frames: &[Value]) -> (String, Value) {
    let streamed: String = of(frames, "message.delta").iter().map(|delta| delta["delta"].as_str().unwrap()).collect();
    let whole = of(frames, "message.completed").pop().unwrap();
    assert_eq!(streamed, whole["text"].as_str().unwrap());
    assert_eq!(whole["citations"][0]["title"], "Billing");
    (streamed, of(frames, "run.finished")[0].clone())
}

/// What the server counted must be what is paid.
fn settled(site: &Site, finished: &Value) {
    let tokens = |name: &str| finished["usage"][name].as_u64().unwrap();
    let (input, output) = (tokens("input_tokens"), tokens("output_tokens"));
    assert!(input > 1_000 && (5..50).contains(&output), "{finished}");
    let today = jiff::Timestamp::now().as_second() / 86_400;
    assert_eq!(site.ledger.spent(u64::try_from(today).unwrap(), "project"), input + output);
}

#[tokio::test]
async fn an_answer_streams_through() {
    let Some(server) = Llama::running() else { return };
    let (frames, site) = turn(server, "on which day are invoices sent").await;
    let (text, finished) = answer(&frames);
    assert_eq!(text, "Invoices are sent on the first day of each month.");
    assert!(of(&frames, "message.delta").len() > 1);
    assert_eq!((&finished["kind"], &finished["outcome"]), (&json!("knowledge"), &json!("completed")));
    settled(&site, &finished);

    let (frames, _) = turn(server, "on which day are invoices sent, in Deutsch").await;
    assert_eq!(answer(&frames).0, "Rechnungen gehen am ersten Tag jedes Monats für alle hinaus.");
}

#[tokio::test]
async fn a_call_is_carried_out_and_its_result_answered() {
    let Some(server) = Llama::running() else { return };
    let (frames, site) = turn(server, "on which day are invoices sent, look elsewhere").await;
    let (text, finished) = answer(&frames);
    assert_eq!(text, "After a look: Invoices are sent on the first day of each month.");
    assert_eq!((&finished["kind"], &finished["outcome"]), (&json!("knowledge"), &json!("completed")));
    settled(&site, &finished);
}

#[tokio::test]
async fn a_call_hands_the_conversation_over() {
    let Some(server) = Llama::running() else { return };
    let (frames, site) = turn(server, "I want to talk with someone about invoices").await;
    let finished = of(&frames, "run.finished")[0];
    assert_eq!((&finished["kind"], &finished["handover_reason"]), (&json!("handover"), &json!("customer_request")));
    assert_eq!(site.desk.told.lock().unwrap().len(), 1);
    settled(&site, finished);
}

#[tokio::test]
async fn a_follow_up_is_rewritten_in_its_form() {
    let Some(server) = Llama::running() else { return };
    let site = Site::start(server.model()).await;
    let (mut client, _) = Client::join(site.address, None).await;
    let mut used = Vec::new();
    for message in ["on which day are invoices sent", "and the one of teams?"] {
        client.send("message.send", json!({"text": message})).await;
        let (text, finished) = answer(&client.until("run.finished").await);
        assert_eq!(text, "Invoices are sent on the first day of each month.");
        used.push(finished["usage"]["output_tokens"].as_u64().unwrap());
    }
    assert!(used[1] > used[0], "the question is written as well: {used:?}");
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_told_from_a_refusal() {
    let Some(server) = Llama::running() else { return };
    let messages = vec![ChatMessage::User("what is an invoice? ".repeat(2_000))];
    let asked = ChatRequest { messages, max_output_tokens: 10, ..ChatRequest::default() };
    let error = server.model().answer(&asked).await.err().unwrap();
    assert_eq!(error.fault, ChatFault::TooLong, "{error}");
}

#[tokio::test]
async fn the_doctor_finds_no_gap() {
    let Some(server) = Llama::running() else { return };
    let run = || super::doctor::run(&server.base_url, &["--json"]);
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let findings = super::doctor::findings(&output);
    assert!(findings.iter().all(|(_, finding)| finding == "good"), "{}", String::from_utf8_lossy(&output.stdout));
}
