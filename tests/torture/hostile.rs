//! Files that mean harm take no answer down: what authors' folders may hold, and what a
//! failing disk makes of the conversations.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::Chance;
use crate::client::{Client, hello};
use crate::count;
use crate::server::{Server, project};

/// How long an edit may take until it is served or told of.
const EDIT: Duration = Duration::from_secs(30);
/// How long a server may take to start, or to say why it does not.
const START: Duration = Duration::from_secs(30);
/// Larger than any file that is read.
const TOO_LARGE: usize = 5 << 20;

/// Puts a hostile file at a place in the knowledge folder.
type Hostile = fn(&Path, &mut Chance);

/// Each with the place where it stands, and whether it must be told of; the others are
/// odd and still mean something.
const FILES: &[(&str, &str, bool, Hostile)] = &[
    ("bytes that are no text", "articles/x.md", true, |path, chance| write(path, noise(4_000, chance))),
    ("text in UTF-16", "articles/x.md", true, |path, _| write(path, b"\xff\xfe-\0-\0-\0\n\0a\0")),
    ("zeros", "answers/x.md", true, |path, _| write(path, [0; 10_000])),
    ("a front matter without an end", "articles/x.md", true, |path, _| write(path, "---\ntitle: a\n\nText.\n")),
    ("a front matter that is a list", "articles/x.md", true, |path, _| write(path, "---\n- a\n---\nText.\n")),
    ("an answer without phrases", "answers/x.md", true, |path, _| write(path, "---\nphrases: []\n---\nText.\n")),
    ("an answer that is cut off", "answers/x.md", true, |path, chance| {
        let whole = "---\nphrases: [how do I fly]\nactions: [{open_post: none}]\n---\nText.\n";
        let end = 5 + usize::try_from(chance.below(50)).unwrap_or(0);
        write(path, &whole[..end]);
    }),
    ("a phrase of another type", "answers/x.md", true, |path, _| write(path, "---\nphrases: [{a: 1}]\n---\nText.\n")),
    ("an action on nothing", "answers/x.md", true, |path, _| {
        write(path, "---\nphrases: [how do I fly]\nactions: [{open_post: none}]\n---\nText.\n");
    }),
    ("an address that runs", "answers/x.md", true, |path, _| {
        write(path, "---\nphrases: [run]\nactions: [{navigate: {url: 'javascript:alert(1)'}}]\n---\nText.\n");
    }),
    ("deep YAML", "segments/x.yaml", true, |path, _| write(path, "[".repeat(200_000))),
    ("deep conditions", "segments/x.yaml", true, |path, _| {
        write(path, format!("when: {}{}", "{not: ".repeat(20_000), "}".repeat(20_000)));
    }),
    ("aliases of aliases", "segments/x.yaml", true, |path, _| {
        let lines = (1..30).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
        write(path, format!("a0: &a0 [x]\n{}", lines.collect::<String>()));
    }),
    ("an alias of itself", "segments/x.yaml", true, |path, _| write(path, "when: &a {not: *a}\n")),
    ("a key twice", "segments/x.yaml", true, |path, _| write(path, "when: {a: 1}\nwhen: {b: 2}\n")),
    ("a tag", "segments/x.yaml", true, |path, _| write(path, "when: !!python/object:os.system {}\n")),
    ("a large line", "articles/x.md", true, |path, _| write(path, "x".repeat(TOO_LARGE))),
    ("large YAML", "segments/x.yaml", true, |path, _| write(path, "# x\n".repeat(TOO_LARGE / 4))),
    ("automations in a circle", "automations", true, |path, _| {
        fs::create_dir_all(path).expect("a folder");
        for (from, to) in [("x", "y"), ("y", "x")] {
            let text = format!("title: T\ninstructions: when asked\nsteps:\n  - run_automation: {to}\n");
            write(&path.join(format!("{from}.yaml")), text);
        }
    }),
    ("a device", "articles/x.md", false, |path, _| symlink("/dev/zero", path).expect("a link")),
    ("a pipe that nobody writes to", "articles/x.md", false, |path, _| {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
    }),
    ("a link to itself", "articles/x.md", false, |path, _| symlink(path, path).expect("a link")),
    ("a link to nothing", "articles/x.md", false, |path, _| symlink("/nowhere", path).expect("a link")),
    ("a circle of folders", "articles/x", false, |path, _| {
        fs::create_dir_all(path).expect("a folder");
        symlink("..", path.join("up")).expect("a link");
    }),
    ("a folder with the name of a file", "articles/x.md", false, |path, _| fs::create_dir(path).expect("a folder")),
    ("deep quotations", "articles/x.md", false, |path, _| write(path, article(&format!("{}a", "> ".repeat(50_000))))),
    ("deep lists", "articles/x.md", false, |path, _| {
        let items = (0..2_000).map(|depth| format!("{}- a\n", " ".repeat(depth)));
        write(path, article(&items.collect::<String>()));
    }),
    ("brackets without end", "articles/x.md", false, |path, _| write(path, article(&"[a](".repeat(100_000)))),
    ("emphasis without end", "articles/x.md", false, |path, _| write(path, article(&"*a **b ".repeat(50_000)))),
    ("deep HTML", "articles/x.md", false, |path, _| write(path, article(&"<div><b>".repeat(50_000)))),
    ("HTML that runs", "articles/x.md", false, |path, _| {
        write(path, article("<script>alert(1)</script><img src=x onerror=alert(1)>"));
    }),
    ("a wide table", "articles/x.md", false, |path, _| {
        let row = "|a".repeat(5_000);
        write(path, article(&format!("{row}|\n{}|\n{row}|\n", "|-".repeat(5_000))));
    }),
    ("a word without end", "articles/x.md", false, |path, _| write(path, article(&"ä".repeat(1 << 20)))),
    ("invisible characters", "articles/x.md", false, |path, _| {
        write(path, article("\u{202e}\u{e0041}\u{200b}\u{feff}".repeat(10_000).as_str()));
    }),
    ("nothing", "articles/x.md", false, |path, _| write(path, "")),
];

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn article(text: &str) -> String {
    format!("---\ntitle: Odd\n---\n{text}\n")
}

fn noise(length: u64, chance: &mut Chance) -> Vec<u8> {
    (0..length).map(|_| u8::try_from(chance.below(256)).unwrap_or(0) | 0x80).collect()
}

/// Takes away what stands at a place, whatever it is.
fn remove(path: &Path) {
    let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it is there");
}

/// What `/readyz` says of the knowledge.
fn knowledge(address: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    serde_json::from_str::<Value>(body).expect("JSON")["knowledge"].take()
}

/// Waits until the server has seen an edit.
async fn seen(address: SocketAddr, what: &str, is_seen: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let found = knowledge(address);
        if is_seen(&found) {
            return found;
        }
        assert!(started.elapsed() < EDIT, "{what}: {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answers(client: &mut Client, what: &str) {
    let frames = client.ask("how do I export my data").await;
    let answer = frames.iter().rfind(|frame| frame["type"] == "message.completed");
    let text = answer.map(|answer| answer["data"].to_string()).unwrap_or_default();
    assert!(text.contains("Press Export."), "{what}: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_files_take_no_answer_down() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let root = folder.path().join("knowledge");
    let mut client = Client::join_as(server.address, hello()).await;
    let mut chance = Chance::seeded(7);
    let files = count(FILES.len(), 300);
    let (mut told, mut slowest) = (0, Duration::ZERO);
    for (what, place, must_be_told, make) in FILES.iter().cycle().take(files) {
        let path = root.join(place);
        let before = knowledge(server.address);
        let started = Instant::now();
        make(&path, &mut chance);
        // What is no file may mean nothing at all; an edit after it shows that it was passed.
        write(&root.join("articles/later.md"), article(&format!("Edit {}.", chance.below(u64::MAX))));
        let name = place.rsplit('/').next().expect("a name");
        let after = seen(server.address, what, |found| {
            let named = found["diagnostics"].to_string().contains(name) && found["errors"] != 0;
            if *must_be_told { named } else { found["version"] != before["version"] || named }
        })
        .await;
        slowest = slowest.max(started.elapsed());
        told += usize::from(after["errors"] != 0);
        answers(&mut client, what).await;
        remove(&path);
        remove(&root.join("articles/later.md"));
        let is_clean = |found: &Value| found["healthy"] == true && found["articles"] == 1;
        seen(server.address, &format!("{what}, taken away"), is_clean).await;
        answers(&mut client, what).await;
    }
    let log = server.log.lock().expect("no panic").clone();
    assert!(!log.contains("panicked"), "{log}");
    server.terminate();
    println!("{files} hostile files: {told} told of, the slowest seen after {slowest:?}, every question answered");
}

/// Says why a server does not start, or that it does; it is stopped in any case.
fn started(folder: &Path) -> Result<(), String> {
    let mut command = crate::server::command(folder);
    let mut process = command.stderr(Stdio::piped()).spawn().expect("docent starts");
    let mut log = process.stderr.take().expect("standard error");
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        while let Ok(length @ 1..) = log.read(&mut bytes) {
            text.push_str(&String::from_utf8_lossy(&bytes[..length]));
            if text.contains("Docent serves") {
                break;
            }
        }
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(START).expect("it starts or says why not");
    let is_up = text.contains("Docent serves");
    if is_up {
        process.kill().expect("a signal");
    }
    let status = process.wait().expect("an end");
    assert!(!text.contains("panicked"), "{text}");
    if is_up {
        return Ok(());
    }
    assert_eq!(status.code(), Some(1), "{text}");
    Err(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_served_or_named() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let mut client = Client::join_as(server.address, hello()).await;
    for _ in 0..20 {
        answers(&mut client, "whole").await;
    }
    drop(client);
    server.terminate();
    let database: PathBuf = fs::read_dir(folder.path().join("data"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .max_by_key(|path| fs::metadata(path).map_or(0, |found| found.len()))
        .expect("a database");
    let whole = fs::read(&database).expect("a file");
    let mut chance = Chance::seeded(11);
    let mut at = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap_or(0);
    let damages = count(12, 200);
    let mut refused = 0;
    for number in 0..damages {
        let mut damaged = whole.clone();
        match number % 3 {
            0 => damaged.truncate(at(whole.len())),
            // The head of the database, where damage shows.
            1 => damaged[at(100)] ^= 1 << at(8),
            _ => damaged[at(whole.len())] ^= 1 << at(8),
        }
        for extra in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{extra}", database.display()));
        }
        fs::write(&database, &damaged).expect("a file");
        if let Err(log) = started(folder.path()) {
            refused += 1;
            let name = database.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(log.contains(name), "the file is named: {log}");
        }
    }
    println!("{damages} damaged databases: {refused} refused by name, the others served");
}
