//! `docent conformance`: the real server is as the golden transcripts say, and one
//! that is not is found out.

#[path = "torture/server.rs"]
#[expect(dead_code, reason = "each suite uses a part of the server")]
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use docent::conformance::built_in;
use server::Server;

fn docent(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_docent")).current_dir(folder).args(arguments).output().expect("docent runs")
}

/// Runs `docent conformance` against `server`; whether it passed, and its report.
fn conformance(server: &Server, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let url = format!("ws://{}", server.address);
    let output = docent(folder, &[&["conformance", "--url", &url], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn the_server_is_as_its_transcripts_say() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(docent(folder.path(), &["init", "."]).status.success());
    let server = Server::start_with(folder.path(), &[]);
    let (passed, report) = conformance(&server, folder.path(), &[]);
    let all = built_in::FILES.len();
    assert!(passed && report.ends_with(&format!("{all} passed, 0 failed, 0 skipped\n")), "{report}");
}

#[test]
fn any_project_will_do() {
    let folder = tempfile::tempdir().expect("a folder");
    server::project(folder.path());
    let server = Server::start_with(folder.path(), &[]);
    let (passed, report) = conformance(&server, folder.path(), &[]);
    assert!(
        passed && report.contains("0 failed, 3 skipped: those need the project that `docent init` writes"),
        "{report}"
    );
}

#[test]
fn a_difference_is_told_with_its_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    server::project(folder.path());
    let server = Server::start_with(folder.path(), &[]);
    let transcripts = folder.path().join("own");
    fs::create_dir(&transcripts).expect("a folder");
    let hello = r#"{"send":{"type":"hello","data":{"project_key":"$project_key","client_id":"t"}}}"#;
    let wrong = format!(
        "{{\"transcript\":\"Wrong\"}}\n{{\"connect\":\"tab\"}}\n{hello}\n{{\"expect\":{{\"type\":\"welcome\",\"data\":{{\"seq\":7}}}}}}\n"
    );
    fs::write(transcripts.join("wrong.jsonl"), wrong).expect("a file");
    let open = format!("{{\"transcript\":\"Open\"}}\n{{\"connect\":\"tab\"}}\n{hello}\n{{\"closed\":4500}}\n");
    fs::write(transcripts.join("open.jsonl"), open).expect("a file");
    let (passed, report) = conformance(&server, folder.path(), &["--dir", "own"]);
    assert!(!passed);
    for part in [
        "FAILED   own/open.jsonl:4  Open",
        "expected a close with 4500",
        "FAILED   own/wrong.jsonl:4  Wrong",
        "data.seq: expected 7, came 0",
        "0 passed, 2 failed, 0 skipped",
    ] {
        assert!(report.contains(part), "no {part:?} in\n{report}");
    }
    fs::write(transcripts.join("open.jsonl"), "{\"transcript\":\"Open\"}\n{\"conect\":\"tab\"}\n").expect("a file");
    let (passed, report) = conformance(&server, folder.path(), &["--dir", "own"]);
    assert!(!passed && report.contains("own/open.jsonl:2: unknown field `conect`"), "{report}");
}

#[test]
fn every_transcript_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| format!("tests/transcripts/{}", entry.expect("an entry").file_name().display()))
        .collect();
    names.sort();
    assert_eq!(names, built_in::FILES.iter().map(|(file, _)| (*file).to_owned()).collect::<Vec<_>>());
}
