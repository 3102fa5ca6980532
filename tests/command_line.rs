//! The executable as a user meets it: what it prints, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

fn docent(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("docent runs")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `arguments` in a folder with a small project, and checks how it ends and
/// that standard error, or standard output on success, has each of `expected`.
fn check(arguments: &[&str], code: i32, expected: &[&str]) {
    let folder = project();
    let output = docent(folder.path(), arguments);
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{all}");
    for expected in expected {
        assert!(all.contains(expected), "{arguments:?}: no {expected:?} in\n{all}");
    }
    assert!(!all.contains("panicked"), "{all}");
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(docent(folder.path(), &["init", "."]).status.success());
    let broken = folder.path().join("broken/answers");
    fs::create_dir_all(&broken).expect("a folder");
    fs::write(
        broken.join("a.md"),
        "---\nphrases: [hi]\nactions: [{open_post: gone}, {snooze: {hours: 1}}]\n---\nHello.\n",
    )
    .expect("a file");
    fs::write(folder.path().join("docent.toml"), "log = \"text\"\n").expect("a file");
    fs::write(folder.path().join("bad.toml"), "listen = 1\nlimits = { drain_ms = 5 }\n").expect("a file");
    fs::write(folder.path().join("user.json"), "{\"id\": \"u1\", \"traits\": {\"plan\": \"pro\"}}").expect("a file");
    fs::write(folder.path().join("bad-user.json"), "{\"name\": 1}").expect("a file");
    fs::write(folder.path().join("messages.jsonl"), "{\"text\": \"how do I export\"}\n{\"text\": \"hello\"}\n")
        .expect("a file");
    fs::write(folder.path().join("bad-messages.jsonl"), "{\"text\": \"a\"}\n[]\n").expect("a file");
    fs::write(folder.path().join("bad-cases.yaml"), "- ask: x\n").expect("a file");
    folder
}

#[test]
fn a_fresh_project_passes_its_own_checks_and_answers() {
    check(&["check"], 0, &["0 errors, 0 warnings"]);
    check(&["eval", "cases"], 0, &["0 failed"]);
    check(&["init", "."], 1, &["error:"]);
    check(&["bench", "turn", "--messages", "messages.jsonl"], 0, &["turns/s"]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&[], 2, &["Usage"]),
        (&["serv"], 2, &["serve"]),
        (&["serve", "--port", "1"], 2, &["--port"]),
        (&["serve", "--listen", "nowhere"], 1, &["the command line: error: `nowhere` is not an address"]),
        (&["serve", "--config", "gone.toml"], 1, &["gone.toml: error: the configuration cannot be read"]),
        (&["serve", "--config", "bad.toml"], 1, &["bad.toml:1:10", "bad.toml:2:23", "nothing was started"]),
        (&["serve", "--knowledge", "gone"], 1, &["gone", "error"]),
        (&["serve", "--knowledge", "broken"], 1, &["answers/a.md:3:", "`gone`", "nothing was started"]),
        (&["check", "--knowledge", "broken"], 1, &["answers/a.md:3:", "`gone`", "snooze"]),
        (&["check", "--knowledge", "docent.toml"], 1, &["docent.toml"]),
        (&["ask"], 2, &["QUESTION"]),
        (&["ask", "hi", "--knowledge", "broken"], 1, &["`docent check` reports all of them"]),
        (&["ask", "hi", "--user", "gone.json"], 1, &["cannot read gone.json"]),
        (&["ask", "hi", "--user", "bad-user.json"], 1, &["bad-user.json is not a user"]),
        (&["ask", "hi", "--page", "here"], 2, &["--page"]),
        (&["ask", "hi", "--embedder", "magic"], 2, &["static"]),
        (&["chat", "--url", "http://127.0.0.1:9"], 1, &["127.0.0.1:9"]),
        (&["eval", "cases", "gone"], 1, &["cannot read eval cases from gone"]),
        (&["eval", "cases", "bad-cases.yaml"], 1, &["bad-cases.yaml:1:3", "name"]),
        (&["eval", "retrieval", "--dir", "gone"], 1, &["gone"]),
        (&["eval", "retrieval", "--dir", ".", "--language", "12"], 2, &["is not a language tag"]),
        (&["bench", "turn", "--messages", "bad-messages.jsonl"], 1, &["bad-messages.jsonl:2"]),
        (&["bench", "index", "--docs", "gone"], 1, &["gone"]),
    ];
    for (arguments, code, expected) in cases {
        check(arguments, *code, expected);
    }
}

#[test]
fn measurements_keep_their_fields() {
    let folder = project();
    let fields = |arguments: &[&str]| -> Vec<String> {
        let output = docent(folder.path(), arguments);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", text(&output.stderr)));
        report.as_object().expect("an object").keys().cloned().collect()
    };
    let check = |arguments: &[&str], expected: &[&str]| {
        let given = fields(arguments);
        for field in expected {
            assert!(given.iter().any(|given| given == field), "{arguments:?} has no `{field}`: {given:?}");
        }
    };
    check(
        &["bench", "turn", "--messages", "messages.jsonl", "--json"],
        &["turns_per_s", "p50_us", "p99_us", "by_kind"],
    );
    check(
        &["bench", "index", "--docs", "knowledge/articles", "--json"],
        &["docs", "passages", "build_ms", "reload_one_changed_ms", "index_bytes", "peak_rss_bytes"],
    );
    check(&["eval", "cases", "--json"], &["cases", "passed", "failed"]);
    check(&["check", "--json"], &["errors", "warnings", "diagnostics"]);
    check(&["ask", "how do I export", "--json"], &["kind", "text", "citations", "actions", "trace"]);
    fs::write(
        folder.path().join("corpus.jsonl"),
        "{\"_id\": \"d\", \"title\": \"Seats\", \"text\": \"A seat is taken.\"}\n",
    )
    .expect("a file");
    fs::write(folder.path().join("queries.jsonl"), "{\"_id\": \"q\", \"text\": \"seat\"}\n").expect("a file");
    fs::write(folder.path().join("qrels.tsv"), "query-id\tcorpus-id\tscore\nq\td\t1\n").expect("a file");
    check(
        &["eval", "retrieval", "--dir", ".", "--json"],
        &[
            "ndcg_at_10",
            "mrr_at_10",
            "hit_at_1",
            "precision_at_3",
            "recall_at_3",
            "recall_at_5",
            "recall_at_10",
            "recall_at_20",
            "recall_at_100",
            "mrr_at_3",
            "n_docs",
            "n_queries",
            "passages",
            "index_ms",
            "p50_us",
            "p99_us",
        ],
    );
}

/// A server process that ends with the test.
struct Server {
    process: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut process = command(folder, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docent starts");
        let mut lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
        let line = lines.find_map(|line| line.ok().filter(|line| line.contains("http://"))).expect("an address");
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
        // Reads on, so that the server never waits for its log.
        let log = Arc::default();
        std::thread::spawn({
            let log: Arc<Mutex<String>> = Arc::clone(&log);
            move || {
                lines.map_while(Result::ok).for_each(|line| *log.lock().expect("no panic") += &format!("{line}\n"));
            }
        });
        Self { process, address, log }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
    }

    fn get(&self, path: &str) -> String {
        self.get_with(path, "")
    }

    fn get_with(&self, path: &str, header: &str) -> String {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(&self.address).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n{header}Connection: close\r\n\r\n", self.address)
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Asks until `/readyz` has `expected`, at most ten seconds.
    fn wait_for(&self, expected: &str) -> String {
        for _ in 0..500 {
            let answer = self.get("/readyz");
            if answer.contains(expected) {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("no {expected:?} in {}", self.get("/readyz"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_edit_is_live_and_a_broken_one_is_told() {
    let folder = project();
    let server = Server::start(folder.path(), &[]);
    let answer = folder.path().join("knowledge/answers/new.md");
    fs::write(&answer, "---\nphrases: [what is new]\n---\nThis is.\n").expect("a file");
    server.wait_for("\"version\":2");
    fs::write(&answer, "---\nphrases: [what is new]\nactons: []\n---\nThis is.\n").expect("a file");
    let broken = server.wait_for("\"status\":\"degraded\"");
    assert!(
        broken.contains("answers/new.md") && broken.contains("actons") && broken.contains("\"version\":2"),
        "{broken}"
    );
    assert!(server.get("/healthz").contains("200 OK"));
    fs::remove_file(&answer).expect("the file");
    server.wait_for("\"status\":\"ready\"");
}

#[test]
fn a_hangup_reads_configuration_and_knowledge_again() {
    let folder = project();
    let file = folder.path().join("docent.toml");
    let server = Server::start(folder.path(), &[]);
    let metrics_for_all = || server.get_with("/metrics", "X-Forwarded-For: 192.0.2.1\r\n").contains("200 OK");
    let hang_up = |toml: &str, expected: &str| {
        fs::write(&file, toml).expect("a file");
        server.signal("-HUP");
        server.wait_for(expected)
    };
    assert!(!metrics_for_all());
    hang_up("public_metrics = true\nproject_key = \"other\"\n", "\"version\":2");
    assert!(metrics_for_all(), "the new setting holds");
    let broken = hang_up("public_metrics = false\nlog_levl = \"debug\"\n", "\"status\":\"degraded\"");
    assert!(broken.contains("\"line\":2") && broken.contains("log_level"), "{broken}");
    let elsewhere = server.get_with("/readyz", "X-Forwarded-For: 192.0.2.1\r\n");
    assert!(elsewhere.contains("degraded") && !elsewhere.contains("docent.toml"), "{elsewhere}");
    assert!(metrics_for_all(), "the last good one holds");
    server.wait_for("\"version\":3");

    let answer = folder.path().join("knowledge/answers/new.md");
    fs::write(&answer, "---\nphrases: [what is new]\nactons: []\n---\nThis is.\n").expect("a file");
    hang_up("log_level = \"debug\"\n", "answers/new.md");
    fs::remove_file(&answer).expect("the file");
    server.wait_for("\"status\":\"ready\"");
    assert!(!metrics_for_all());
    let log = server.log.lock().expect("no panic").clone();
    for expected in
        ["waiting=\"project_key\"", "docent.toml:2:1: error: there is no setting `log_levl`", "the one before it"]
    {
        assert!(log.contains(expected), "no {expected:?} in {log}");
    }
}

#[test]
fn a_port_in_use_is_told_and_two_servers_stand_side_by_side() {
    let folder = project();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = docent(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("cannot listen at {address}")) && told.contains("--listen"), "{told}");
    let (one, other) =
        (Server::start(folder.path(), &["--data", "one"]), Server::start(folder.path(), &["--data", "other"]));
    let output = docent(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "one"]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("is in use by process"), "{told}");
    assert_ne!(one.address, other.address);
    drop(one);
    assert!(other.get("/readyz").contains("ready"));
}

#[test]
fn a_terminated_server_ends_well() {
    let folder = project();
    let mut server = Server::start(folder.path(), &[]);
    server.signal("-TERM");
    let status = server.process.wait().expect("an end");
    assert_eq!(status.code(), Some(0));
}
