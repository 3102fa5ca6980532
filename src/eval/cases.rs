//! `docent eval cases`: runs a project's own cases through the agent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use super::case::{self, Case, Input};
use crate::agent::turn_event::{AgentMessage, OfferedAction, TurnEvent, TurnFinish};
use crate::agent::turn_request::TurnRequest;
use crate::agent::{Agent, launch, trace};
use crate::diagnostic::Diagnostic;
use crate::domain::action::ActionKind;
use crate::domain::ids::RunId;

/// How the cases went.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Cases that ran.
    pub cases: usize,
    /// Cases in which everything was as expected.
    pub passed: usize,
    /// Cases in which something was not.
    pub failed: usize,
    /// How often each kind of expectation was met.
    pub checks: BTreeMap<&'static str, CheckReport>,
    /// What was not as expected, case by case.
    pub failures: Vec<Failure>,
}

/// How often one kind of expectation was met.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct CheckReport {
    /// Times it was checked.
    pub checked: usize,
    /// Times it was met.
    pub passed: usize,
}

/// A case that failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// File and line.
    pub place: String,
    /// Name of the case.
    pub name: String,
    /// What was not as expected.
    pub faults: Vec<String>,
}

/// Reads all cases in a file, or in the `.yaml` files below a folder.
///
/// # Errors
/// When the path cannot be read; mistakes in the files are returned beside the cases.
pub fn read(path: &Path) -> anyhow::Result<(Vec<Case>, Vec<Diagnostic>)> {
    let mut files = Vec::new();
    collect(path, &mut files).with_context(|| format!("cannot read eval cases from {}", path.display()))?;
    files.sort();
    let (mut cases, mut diagnostics) = (Vec::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let (more, mistakes) = case::read(&file.display().to_string(), &text);
        cases.extend(more);
        diagnostics.extend(mistakes);
    }
    Ok((cases, diagnostics))
}

fn collect(path: &Path, files: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "yaml") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

/// Runs the cases, one after the other, as of `now`.
///
/// # Errors
/// When a turn does not end as every turn must.
pub async fn run(agent: &Agent, cases: &[Case], now: Timestamp) -> anyhow::Result<Report> {
    let mut report = Report { cases: cases.len(), passed: 0, failed: 0, checks: BTreeMap::new(), failures: Vec::new() };
    for case in cases {
        let faults = run_case(agent, case, now, &mut report.checks).await?;
        if faults.is_empty() {
            report.passed += 1;
        } else {
            report.failed += 1;
            report.failures.push(Failure { place: case.place.clone(), name: case.name.clone(), faults });
        }
    }
    Ok(report)
}

/// What came of a case.
struct Result {
    message: AgentMessage,
    actions: Vec<OfferedAction>,
    finish: TurnFinish,
    missing_attributes: Vec<String>,
}

async fn run_case(
    agent: &Agent,
    case: &Case,
    now: Timestamp,
    checks: &mut BTreeMap<&'static str, CheckReport>,
) -> anyhow::Result<Vec<String>> {
    let (message, plain, missing_attributes) = match &case.input {
        Input::Ask(text) => (text.clone(), None, Vec::new()),
        Input::Launch(template) => {
            let resolved = launch::resolve(template, &case.context);
            (resolved.text, resolved.plain, resolved.missing_attributes)
        }
    };
    let request = TurnRequest {
        run: RunId::new("eval")?,
        message,
        plain,
        history: Vec::new(),
        choice: None,
        context: case.context.clone(),
        capabilities: ActionKind::all().collect(),
        now,
        trace: false,
    };
    let (sender, receiver) = mpsc::channel(64);
    let (result, ()) = tokio::join!(collect_turn(receiver, missing_attributes), agent.run_turn(request, sender));
    let result = result.with_context(|| format!("{}: {}", case.place, case.name))?;
    let mut faults = Vec::new();
    for (name, fault) in compare(case, &result) {
        let check = checks.entry(name).or_default();
        check.checked += 1;
        match fault {
            None => check.passed += 1,
            Some(fault) => faults.push(fault),
        }
    }
    Ok(faults)
}

async fn collect_turn(
    mut events: mpsc::Receiver<TurnEvent>,
    missing_attributes: Vec<String>,
) -> anyhow::Result<Result> {
    let (mut message, mut actions) = (None, Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            TurnEvent::Message(whole) => message = Some(whole),
            TurnEvent::Action(action) => actions.push(action),
            TurnEvent::Finished(finish) => {
                let message = message.context("the turn gave no message")?;
                return Ok(Result { message, actions, finish, missing_attributes });
            }
            TurnEvent::Status(_) | TurnEvent::Citation(_) | TurnEvent::Delta { .. } | TurnEvent::Trace(_) => {}
        }
    }
    anyhow::bail!("the turn did not end")
}

/// Each expectation of a case with what was not as expected.
fn compare(case: &Case, result: &Result) -> Vec<(&'static str, Option<String>)> {
    let expect = &case.expect;
    let mut checks = Vec::new();
    let mut check = |name, holds: bool, fault: &dyn Fn() -> String| checks.push((name, (!holds).then(fault)));
    let kind = result.finish.kind.map_or("none", |kind| kind.name());
    let answer = result.finish.answer.as_ref().map(|id| id.as_str()).unwrap_or_default();
    if let Some(expected) = &expect.kind {
        let given = if answer.is_empty() { kind.to_owned() } else { format!("{kind} `{answer}`") };
        check("kind", expected == kind, &|| format!("kind is {given}, not {expected}"));
    }
    if let Some(expected) = &expect.answer {
        check("answer", expected == answer, &|| format!("answer is `{answer}`, not `{expected}`"));
    }
    if let Some(expected) = &expect.cites {
        let cited: Vec<&str> = result.message.citations.iter().map(|citation| citation.article.as_str()).collect();
        check("cites", cited.contains(&expected.as_str()), &|| format!("cites {cited:?}, not `{expected}`"));
    }
    for expected in &expect.contains {
        check("contains", result.message.text.contains(expected), &|| format!("the reply does not have {expected:?}"));
    }
    for unwanted in &expect.not_contains {
        check("not_contains", !result.message.text.contains(unwanted), &|| format!("the reply has {unwanted:?}"));
    }
    if let Some(expected) = &expect.actions {
        let mut expected = expected.clone();
        expected.sort();
        let mut offered: Vec<(ActionKind, String)> =
            result.actions.iter().map(|o| (o.action.kind(), trace::target_of(&o.action))).collect();
        offered.sort();
        check("actions", offered == expected, &|| format!("offers {offered:?}, not {expected:?}"));
    }
    if let Some(expected) = &expect.missing_attributes {
        let missing = &result.missing_attributes;
        check("missing_attributes", missing == expected, &|| format!("{missing:?} are missing, not {expected:?}"));
    }
    checks
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{}: {}", failure.place, failure.name)?;
            for fault in &failure.faults {
                writeln!(f, "  {fault}")?;
            }
        }
        for (name, check) in &self.checks {
            writeln!(f, "{name:<20} {:>4} of {:>4}", check.passed, check.checked)?;
        }
        write!(f, "{} cases: {} passed, {} failed", self.cases, self.passed, self.failed)
    }
}
