//! `docent ask`: one turn in process.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::println;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::Args;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use url::Url;

use super::exchanges::ExchangeArgs;
use super::user_file::UserFile;
use super::{ProjectArgs, embedders, models, project};
use crate::agent::turn_event::{AgentMessage, OfferedAction, TurnEvent, TurnFinish};
use crate::agent::turn_request::TurnRequest;
use crate::domain::action::{Action, ActionKind, OpenIn};
use crate::domain::ids::RunId;
use crate::domain::page::Page;

/// Arguments of `docent ask`.
#[derive(Debug, Args)]
pub(super) struct AskArgs {
    /// What the user says.
    question: String,
    /// Show how the answer came about: candidates, passages, checks, timings.
    #[arg(long)]
    explain: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// JSON file with the user: `{"id": "u1", "locale": "en", "traits": {"plan": "pro"}}`.
    #[arg(long, value_name = "FILE")]
    user: Option<PathBuf>,
    /// Address of the page that the user looks at.
    #[arg(long, value_name = "URL")]
    page: Option<Url>,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    exchanges: ExchangeArgs,
}

/// What a turn produced.
struct Answer {
    message: AgentMessage,
    actions: Vec<OfferedAction>,
    finish: TurnFinish,
    trace: Json,
}

pub(super) async fn run(args: AskArgs) -> anyhow::Result<ExitCode> {
    let Some(agent) = project::open(&args.project).await? else { return Ok(ExitCode::FAILURE) };
    let mut chosen = models::of_config(&embedders::config(&args.project.embedder)?, None, &args.exchanges)?;
    let agent = agent.with_chat(chosen.chat.take());
    let mut context = UserFile::read(args.user.as_deref())?.context()?;
    context.page = args.page.map(|url| Page { url, title: None });
    let request = TurnRequest {
        run: RunId::new("ask")?,
        message: args.question,
        plain: None,
        history: Vec::new(),
        choice: None,
        context,
        capabilities: ActionKind::all().collect(),
        now: chosen.now(),
        trace: true,
    };
    let (sender, receiver) = mpsc::channel(64);
    let (answer, ()) = tokio::join!(collect(receiver), agent.run_turn(request, sender));
    let answer = answer?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json_of(&answer))?);
    } else {
        print_answer(&answer);
        if args.explain {
            super::explain::print(&answer.trace);
        }
    }
    chosen.check()?;
    Ok(ExitCode::SUCCESS)
}

async fn collect(mut events: mpsc::Receiver<TurnEvent>) -> anyhow::Result<Answer> {
    let (mut message, mut actions, mut trace) = (None, Vec::new(), Json::Null);
    while let Some(event) = events.recv().await {
        match event {
            TurnEvent::Message(whole) => message = Some(whole),
            TurnEvent::Action(action) => actions.push(action),
            TurnEvent::Trace(value) => trace = (*value).clone(),
            TurnEvent::Finished(finish) => {
                return Ok(Answer { message: message.context("the turn gave no answer")?, actions, finish, trace });
            }
            TurnEvent::Status(_) | TurnEvent::Citation(_) | TurnEvent::Delta { .. } => {}
        }
    }
    anyhow::bail!("the turn did not end")
}

fn print_answer(answer: &Answer) {
    let (bold, faint) = (Style::new().bold(), AnsiColor::BrightBlack.on_default());
    println!("{}", answer.message.text);
    for citation in &answer.message.citations {
        println!("\n{bold}[{}] {}{bold:#}", citation.number, citation.title);
        if !citation.url.is_empty() {
            println!("    {}", citation.url);
        }
    }
    for (reply, _) in &answer.message.quick_replies {
        println!("  {bold}?{bold:#} {}", reply.text);
    }
    for action in &answer.actions {
        println!("  {bold}→{bold:#} {}", describe(action));
    }
    let kind = answer.finish.kind.map_or("none", |kind| kind.name());
    println!("\n{faint}{kind}{}{faint:#}", if answer.finish.degraded { ", degraded" } else { "" });
}

/// What an offered action would do, for people.
fn describe(offered: &OfferedAction) -> String {
    match &offered.action {
        Action::LaunchExperience(id) => format!("Launch experience: {} ({id})", offered.label),
        Action::OpenPost(id) => format!("Open post: {} ({id})", offered.label),
        Action::Navigate(navigate) => {
            let tab = match navigate.open_in {
                OpenIn::SameTab => "",
                OpenIn::NewTab => " in a new tab",
            };
            format!("Navigate to {}{tab}", offered.resolved_url.as_deref().unwrap_or_default())
        }
        Action::RunAutomation(run) => format!("Run automation: {} ({})", offered.label, run.automation),
        Action::LaunchAgent(_)
        | Action::GoToStep(_)
        | Action::Dismiss
        | Action::Snooze(_)
        | Action::RunJs(_)
        | Action::BookInterview(_)
        | Action::AutomationStep(_) => format!("{}: {}", offered.action.kind(), offered.label),
    }
}

fn json_of(answer: &Answer) -> Json {
    let citations: Vec<Json> = answer
        .message
        .citations
        .iter()
        .map(|c| json!({"ref": c.number, "source_id": c.article.as_str(), "title": c.title, "url": c.url, "snippet": c.snippet}))
        .collect();
    let actions: Vec<Json> = answer
        .actions
        .iter()
        .map(|offered| {
            json!({
                "type": offered.action.kind().name(),
                "target": crate::agent::trace::target_of(&offered.action),
                "url": offered.resolved_url,
                "label": offered.label,
                "order": offered.order,
            })
        })
        .collect();
    json!({
        "kind": answer.finish.kind.map(|kind| kind.name()),
        "answer_id": answer.finish.answer.as_ref().map(|id| id.as_str()),
        "degraded": answer.finish.degraded,
        "text": answer.message.text,
        "citations": citations,
        "quick_replies": answer.message.quick_replies.iter().map(|(reply, _)| json!({"id": reply.id, "text": reply.text})).collect::<Vec<_>>(),
        "actions": actions,
        "trace": answer.trace,
    })
}
