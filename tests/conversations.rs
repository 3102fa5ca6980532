//! Conversations as files: each holds a small project, what users say, and what
//! the agent answers, as they would be read aloud.
//!
//! A line that begins with `>` is said by the user, one with `>>` is launched as
//! a template; lines that begin with `@` tell who says it and where. Everything
//! else is the agent's: the kind of answer, its text behind `|`, its citations,
//! chips (`?`), offered actions (`->`) and refused ones (`-x`) with the check
//! that failed. Lines that begin with `~` are a language model's: what it writes
//! when the next line is said, `~call` what it calls, `~fault` how it fails, `~next`
//! what it answers when it is asked again. `UPDATE_GOLDEN=1` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "conversations/model.rs"]
mod model;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::agent::turn_event::TurnEvent;
use docent::agent::turn_request::{Said, TurnRequest};
use docent::agent::{Agent, launch, trace};
use docent::domain::action::ActionKind;
use docent::domain::attribute::{Attributes, Template};
use docent::domain::conversation::Role;
use docent::domain::ids::{RunId, UserId};
use docent::domain::locale::Locale;
use docent::domain::page::Page;
use docent::domain::user::UserContext;
use docent::domain::value::Value;
use docent::ports::embedder::Embedder;
use tokio::sync::mpsc;

const NOW: &str = "2026-03-01T12:00:00Z";

#[tokio::test]
async fn conversations_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= 8, "conversations are missing");
    let mut wrong = Vec::new();
    for path in paths {
        let written = fs::read_to_string(&path).unwrap();
        let (project, conversation) = written.split_once("=== conversation\n").expect("a conversation");
        let spoken = converse(project, conversation).await;
        if spoken == conversation {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, format!("{project}=== conversation\n{spoken}")).unwrap();
        } else {
            wrong.push(format!("{}:\n{}", path.display(), difference(conversation, &spoken)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_model_is_sent_what_its_prompts_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations/model.txt");
    let written = fs::read_to_string(path).unwrap();
    let (project, _) = written.split_once("=== conversation\n").expect("a conversation");
    let model = Arc::default();
    let conversation = "@page https://app.example.com/export?token=secret\n\
        ~ You can export a workspace as CSV [1].\n> in which formats can a workspace be exported\n\
        ~ How often can exports be scheduled?\n~next\n~ They are scheduled daily [1].\n> and how often\n";
    converse_with(&model, project, conversation).await;
    insta::assert_snapshot!(model.asked());
}

/// Says each line of the user to the project and renders the whole conversation.
async fn converse(project: &str, conversation: &str) -> String {
    converse_with(&Arc::default(), project, conversation).await
}

async fn converse_with(model: &Arc<model::ScriptedModel>, project: &str, conversation: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for file in project.split("=== ").skip(1) {
        let (name, content) = file.split_once('\n').expect("a file name on its own line");
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
    let (library, _librarian) = KnowledgeLibrary::open(
        Folders::new(folder.path(), Some(&folder.path().join("prompts"))),
        Arc::clone(&embedder),
    )
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    let has_model = conversation.lines().any(|line| line.starts_with('~'));
    let agent = Agent::new(library, embedder).with_chat(has_model.then(|| model::chat(model)));
    let mut speaker = Speaker::new();
    let mut out = String::new();
    for line in conversation.lines() {
        if let Some(script) = line.strip_prefix('~') {
            model.follow(script);
            writeln!(out, "{line}").unwrap();
        } else if let Some(directive) = line.strip_prefix('@') {
            speaker.follow(directive);
            writeln!(out, "{line}").unwrap();
        } else if let Some(template) = line.strip_prefix(">> ") {
            let resolved = launch::resolve(&Template::parse(template).unwrap(), &speaker.context);
            writeln!(out, "{line}").unwrap();
            writeln!(out, "resolved: {}", resolved.text).unwrap();
            if !resolved.missing_attributes.is_empty() {
                writeln!(out, "missing: {}", resolved.missing_attributes.join(", ")).unwrap();
            }
            answer(&agent, &mut speaker, &resolved.text, resolved.plain, &mut out).await;
        } else if let Some(message) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            answer(&agent, &mut speaker, message, None, &mut out).await;
            assert!(model.is_done(), "the model was asked less often than the script tells: {line}");
        } else if line.is_empty() || line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

struct Speaker {
    context: UserContext,
    capabilities: Vec<ActionKind>,
    history: Vec<Said>,
}

impl Speaker {
    fn new() -> Self {
        Self {
            context: UserContext::new(UserId::new("u1").unwrap()),
            capabilities: ActionKind::all().collect(),
            history: Vec::new(),
        }
    }

    /// `user role=admin`, `attribute topic=export`, `locale de`, `page URL`, `can open_post`.
    fn follow(&mut self, directive: &str) {
        let (what, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        let pairs = || rest.split_whitespace().filter_map(|pair| pair.split_once('='));
        let value = |text: &str| match text.parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Text(text.to_owned()),
        };
        match what {
            "user" => {
                self.context.user.traits = pairs().map(|(name, text)| (name.to_owned(), value(text))).collect();
            }
            "attribute" => {
                self.context.attributes = pairs().map(|(name, text)| (name.to_owned(), value(text))).collect();
            }
            "locale" => self.context.user.locale = Locale::new(rest),
            "page" => self.context.page = rest.parse().ok().map(|url| Page { url, title: None }),
            "can" => {
                self.capabilities = rest.split_whitespace().map(|name| ActionKind::from_name(name).unwrap()).collect();
            }
            "new" => self.history.clear(),
            _ => panic!("unknown directive `{what}`"),
        }
    }
}

async fn answer(agent: &Agent, speaker: &mut Speaker, message: &str, plain: Option<String>, out: &mut String) {
    let request = TurnRequest {
        run: RunId::new("r1").unwrap(),
        message: message.to_owned(),
        plain,
        history: speaker.history.clone(),
        choice: None,
        context: speaker.context.clone(),
        capabilities: speaker.capabilities.clone(),
        now: NOW.parse().unwrap(),
        trace: true,
    };
    let (sender, mut events) = mpsc::channel(64);
    tokio::join!(agent.run_turn(request, sender), read(agent, speaker, message, &mut events, out));
}

async fn read(
    agent: &Agent,
    speaker: &mut Speaker,
    said: &str,
    events: &mut mpsc::Receiver<TurnEvent>,
    out: &mut String,
) {
    let (mut text, mut streamed, mut after, mut finished) = (String::new(), String::new(), String::new(), false);
    let mut refused = String::new();
    let mut head = String::new();
    while let Some(event) = events.recv().await {
        assert!(!finished, "nothing follows the end of a turn");
        match event {
            TurnEvent::Status(_) | TurnEvent::Citation(_) => {}
            TurnEvent::Delta { text, .. } => streamed.push_str(&text),
            TurnEvent::Message(message) => {
                for citation in &message.citations {
                    writeln!(
                        after,
                        "{}",
                        format!("[{}] {} {}", citation.number, citation.title, citation.url).trim_end()
                    )
                    .unwrap();
                }
                for (reply, _) in &message.quick_replies {
                    writeln!(after, "? {}", reply.text).unwrap();
                }
                text = message.text;
            }
            TurnEvent::Action(offered) => {
                // The attributes of a launch end with its turn, the claim comes later.
                let later = UserContext { attributes: Attributes::default(), ..speaker.context.clone() };
                let now = NOW.parse().unwrap();
                assert_eq!(agent.check_action(&offered, &later, &speaker.capabilities, now), Ok(()), "{offered:?}");
                let target = offered.resolved_url.clone().unwrap_or_else(|| trace::target_of(&offered.action));
                writeln!(after, "-> {} {target}", offered.action.kind()).unwrap();
            }
            TurnEvent::Trace(trace) => {
                for action in trace["actions"].as_array().unwrap().iter().filter(|action| action["offered"] == false) {
                    let failed = action["checks"].as_array().unwrap().last().unwrap();
                    let field = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
                    writeln!(
                        refused,
                        "-x {} {}: {}: {}",
                        field(&action["action"]),
                        field(&action["target"]),
                        field(&failed["name"]),
                        field(&failed["detail"])
                    )
                    .unwrap();
                }
            }
            TurnEvent::Finished(finish) => {
                let kind = finish.kind.map_or("none", |kind| kind.name());
                head = match &finish.answer {
                    Some(answer) => format!("{kind} {answer}"),
                    None => kind.to_owned(),
                };
                if finish.degraded {
                    head.push_str(" degraded");
                }
                if let Some(reason) = finish.handover {
                    write!(head, " {}", reason.name()).unwrap();
                }
                if let Some(fault) = finish.fault {
                    write!(head, " broken off: {fault:?}").unwrap();
                    text.clone_from(&streamed);
                }
                finished = true;
            }
        }
    }
    assert!(finished, "a turn ends");
    // An answer that turns out not to be grounded is replaced as a whole.
    assert!(streamed == text || head == "no_answer", "the whole message is what was streamed: {streamed}");
    speaker.history.push(Said { role: Role::User, text: said.to_owned() });
    speaker.history.push(Said { role: Role::Agent, text: text.clone() });
    writeln!(out, "{head}").unwrap();
    for line in text.trim_end().lines() {
        writeln!(out, "| {line}").unwrap();
    }
    out.push_str(&after);
    out.push_str(&refused);
}

/// The first lines that differ.
fn difference(expected: &str, actual: &str) -> String {
    let lines = expected.lines().zip(actual.lines()).enumerate();
    let first = lines
        .into_iter()
        .find(|(_, (a, b))| a != b)
        .map_or(expected.lines().count().min(actual.lines().count()), |(i, _)| i);
    let show = |text: &str| text.lines().skip(first).take(6).map(|line| format!("    {line}\n")).collect::<String>();
    format!("  expected\n{}  but the agent says\n{}", show(expected), show(actual))
}
