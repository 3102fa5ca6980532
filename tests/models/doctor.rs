//! `docent doctor` before endpoints of many kinds, as an operator runs it.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::provider::{KEY, Provider, Script, Step, answer, called, ended, event, head, said, status};

/// Runs the command before an endpoint.
pub(crate) fn run(base_url: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_docent"))
        .arg("doctor")
        .args(arguments)
        .current_dir(folder.path())
        .env("DOCENT_MODEL_BASE_URL", base_url)
        .env("DOCENT_MODEL_MODEL", "a-model")
        .env("DOCENT_MODEL_API_KEY", KEY)
        .output()
        .unwrap()
}

/// Runs the command before an endpoint that answers the probes with these.
async fn doctor(scripts: Vec<Script>, arguments: &'static [&'static str]) -> (Output, usize) {
    let provider = Provider::start().await;
    provider.will(scripts);
    let base_url = provider.base_url.clone();
    let output = tokio::task::spawn_blocking(move || run(&base_url, arguments)).await.unwrap();
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(!String::from_utf8_lossy(&all).contains(KEY));
    let asked = provider.take_requests().len();
    (output, asked)
}

fn counted() -> Script {
    answer(&[said("one "), said("two "), said("three"), ended("stop")])
}

fn good() -> Vec<Script> {
    let call = answer(&[called(0, "a", "report", "{\"number\":7}"), ended("tool_calls")]);
    let schema = answer(&[said("{\"capital\": \"Paris\"}"), ended("stop")]);
    let models = json!({"object": "list", "data": [{"id": "a-model", "max_model_len": 32_768}]});
    vec![counted(), call, schema, status("200 OK", "content-type: application/json\r\n", &models.to_string())]
}

/// Finding by the name of the check.
pub(crate) fn findings(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["model"]["checks"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.iter().map(|check| (text(&check["name"]), text(&check["finding"]))).collect()
}

#[tokio::test]
async fn an_endpoint_without_a_gap_has_none() {
    let (output, asked) = doctor(good(), &["--json"]).await;
    assert!(output.status.success());
    assert_eq!(asked, 4, "a few requests, and no more");
    let findings = findings(&output);
    assert_eq!(findings.len(), 9);
    assert!(findings.iter().all(|(_, finding)| finding == "good"), "{findings:?}");
    let (output, _) = doctor(good(), &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    for told in ["[model] a-model at http://127.0.0.1", "good    stream       3 pieces", "32768 tokens; 8192 are used"]
    {
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn each_gap_is_told_with_what_is_done_about_it() {
    let document = json!({"choices": [{"message": {"content": "</think>one two"}, "finish_reason": "stop"}]});
    let document = status("200 OK", "content-type: application/json\r\n", &document.to_string());
    let refused = || status("400 Bad Request", "", "{\"error\":\"not here\"}");
    let models = status("200 OK", "", &json!({"data": [{"id": "a-model", "meta": {"n_ctx": 2_048}}]}).to_string());
    let (output, _) = doctor(vec![document, refused(), refused(), models], &["--json"]).await;
    assert!(!output.status.success());
    let expected = [
        ("answer", "good"),
        ("stream", "gap"),
        ("end", "good"),
        ("usage", "gap"),
        ("limit", "good"),
        ("reasoning", "gap"),
        ("tools", "gap"),
        ("json_schema", "gap"),
        ("context", "fault"),
    ];
    let expected: Vec<_> = expected.iter().map(|(name, finding)| ((*name).to_owned(), (*finding).to_owned())).collect();
    assert_eq!(findings(&output), expected);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("set `model.context_tokens = 2048`"), "{text}");
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_used_is_one_fault() {
    let cut = vec![Step::Send([head("200 OK"), said("one")].concat().into_bytes())];
    let error = event(&json!({"error": {"message": "no"}}));
    for (script, told) in [
        (status("401 Unauthorized", "", ""), "check model.api_key"),
        (status("404 Not Found", "", ""), "check model.base_url and model.model"),
        (vec![Step::Reset], "the connection to it broke"),
        (cut, "neither a reason nor"),
        (answer(&[error]), "it answered with an error"),
    ] {
        let (output, _) = doctor(vec![script.clone(), script], &[]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && text.contains(told), "{text}");
    }
}
