//! `docent chat` through a pipe.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::rig::Rig;

fn chat(address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.args(["chat", "--url", &format!("http://{address}")]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Says the lines, and returns whether it ended well and what it printed.
async fn said(address: SocketAddr, arguments: &[&str], lines: &str) -> (bool, String, String) {
    let mut child = chat(address, arguments).spawn().expect("a process");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines.as_bytes()).await.expect("a write");
    drop(input);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("an end").expect("output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn lines_are_said_one_after_the_other() {
    let rig = Rig::start().await;
    let lines = "hello\ncite\nchips\n2\noffer\n2\n1\n1\n/nonsense\n/help\n\nslow 5\nlast";
    let (is_well, shown, errors) = said(rig.address, &["--launch", "I am {{user.name|nobody}}"], lines).await;
    assert!(is_well, "{errors}");
    let mut rest = shown.as_str();
    for part in [
        "> I am nobody",
        "(no value for user.name)",
        "You said: I am nobody",
        "> hello",
        "You said: hello",
        "Invoices are sent.[1]",
        "[1] Invoices /articles/billing/invoices",
        "Which one?",
        "  1 How do I export?",
        "  2 How do I import?",
        "chosen import",
        "  1 Start the tour (start the tour `tour`)",
        "  2 Read the news (open the post `news`)",
        "News\nWe **ship**.",
        "A browser would now start the tour `tour`.",
        "You said: 1",
        "there is no command /nonsense",
        "/launch TEXT",
        "0 1 2 3 4",
        "You said: last",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in:\n{rest}\n--- of:\n{shown}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!shown.contains('\u{1b}'), "no colors through a pipe");
}

#[tokio::test]
async fn a_quit_leaves_at_once_and_a_server_that_is_not_there_is_told() {
    let rig = Rig::start().await;
    let (is_well, shown, _) = said(rig.address, &[], "hello\n/quit\nnever").await;
    assert!(is_well && shown.contains("You said: hello") && !shown.contains("never"), "{shown}");
    let address = rig.address;
    rig.stopped().await;
    let (is_well, _, errors) = said(address, &[], "hello").await;
    assert!(!is_well && errors.contains("does `docent serve` run there?"), "{errors}");
}

#[tokio::test]
async fn another_project_is_refused_for_good() {
    let rig = Rig::start().await;
    let (is_well, _, errors) = said(rig.address, &["--key", "other"], "hello").await;
    assert!(!is_well && errors.contains("4500"), "{errors}");
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_and_the_answer_goes_on() {
    let rig = Rig::start().await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let through = proxy.local_addr().expect("an address");
    let server = rig.address;
    // Cuts the first connection after a while, and leaves the others alone.
    let cutting = tokio::spawn(async move {
        for number in 0.. {
            let (mut client, _) = proxy.accept().await.expect("a connection");
            tokio::spawn(async move {
                let mut upstream = tokio::net::TcpStream::connect(server).await.expect("a connection");
                let copying = tokio::io::copy_bidirectional(&mut client, &mut upstream);
                let limit = if number == 0 { Duration::from_millis(600) } else { Duration::from_secs(60) };
                let _ = timeout(limit, copying).await;
            });
        }
    });
    let mut child = chat(through, &[]).spawn().expect("a process");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    input.write_all(b"slow 60\n").await.expect("a write");
    let mut shown = String::new();
    let ended = timeout(PATIENCE, async {
        while let Some(line) = output.next_line().await.expect("text") {
            shown.push_str(&line);
            shown.push('\n');
            if line.trim_end().ends_with("58 59") {
                return true;
            }
        }
        false
    });
    assert!(ended.await.expect("in time"), "{shown}");
    assert!(shown.contains("connection lost") && shown.contains("back again"), "{shown}");
    cutting.abort();
}
