//! `docent eval cases` with a model, recorded and replayed as an operator does it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::provider::{Provider, answer, called, ended, said};

const CASES: &str = "
- name: an answer in text
  ask: on which day are invoices sent
  expect: {kind: knowledge, contains: [first day], cites: billing}
- name: an answer after another search
  ask: what does a refund take
  expect: {kind: knowledge, contains: [ten days], cites: refunds}
- name: what nobody knows
  ask: who painted the ceiling of the chapel
  expect: {kind: no_answer}
";

fn eval(folder: &Path, arguments: &[&str], base_url: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.args(["eval", "cases", "cases.yaml", "--json"]).args(arguments).current_dir(folder);
    if let Some(base_url) = base_url {
        command.env("DOCENT_MODEL_BASE_URL", base_url).env("DOCENT_MODEL_MODEL", "a-model");
    }
    command.output().unwrap()
}

fn recordings(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder.join("recordings")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn cases_are_recorded_once_and_replayed_offline() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().to_owned();
    fs::create_dir_all(folder.join("knowledge/articles")).unwrap();
    for (file, text) in [
        ("knowledge/project.yaml", "name: Acme\n"),
        ("knowledge/articles/billing.md", "# Billing\n\nInvoices are sent on the first day of each month.\n"),
        ("knowledge/articles/refunds.md", "# Refunds\n\nA refund takes ten days.\n"),
        ("cases.yaml", CASES),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    let provider = Provider::start().await;
    provider.will_for(
        "on which day are invoices sent",
        [answer(&[said("Invoices are sent on the first day"), said(" of each month [1]."), ended("stop")])],
    );
    let search = called(0, "call-1", "search", "{\"query\": \"duration of refunds\"}");
    provider.will_for("what does a refund take", [answer(&[search, ended("tool_calls")])]);
    provider.will_for(
        "who painted the ceiling of the chapel",
        [answer(&[said("Michelangelo painted it."), ended("stop")])],
    );
    // The request after the search ends with what was found.
    provider.will([answer(&[said("A refund takes ten days [1]."), ended("stop")])]);

    let base_url = provider.base_url.clone();
    let run = {
        let folder = folder.clone();
        move || eval(&folder, &["--record", "recordings"], Some(&base_url))
    };
    let recorded = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stdout));
    assert_eq!(provider.take_requests().len(), 4);
    drop(provider);

    // On another day, with no endpoint and no setting.
    let files = recordings(&folder);
    assert_eq!(files.len(), 4);
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(&format!("Today is {today}")), "the prompt has the date");
        fs::write(&file, text.replace(&today, "2026-03-01")).unwrap();
    }
    let replayed = eval(&folder, &["--replay", "recordings"], None);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    assert_eq!(replayed.stdout, recorded.stdout);

    // What is asked and not recorded is an error, also where the case holds without a model.
    fs::write(folder.join("cases.yaml"), CASES.replace("the chapel", "the cathedral")).unwrap();
    let missed = eval(&folder, &["--replay", "recordings"], None);
    let said = String::from_utf8_lossy(&missed.stderr).into_owned();
    assert_eq!(missed.status.code(), Some(1), "{said}");
    for told in ["no recording of the request ", "the nearest is ", "the chapel", "the cathedral"] {
        assert!(said.contains(told), "{said}");
    }
    let report: serde_json::Value = serde_json::from_slice(&missed.stdout).unwrap();
    assert_eq!(report["failed"], 0);
}
