//! `docent doctor`: what the configured endpoints can do, and what Docent does
//! about what they cannot.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Map, Value, json};

use super::embedders;
use crate::adapters::openai_chat::probe::{self, Check, Finding};
use crate::adapters::openai_embedder::OpenAiEmbedder;
use crate::config::embeddings::EmbedderKind;
use crate::config::{self, Config, Overrides};
use crate::ports::embedder::Embedder;

/// Arguments of `docent doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Configuration file [default: docent.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was found of one endpoint.
struct Profile {
    /// Where its settings stand.
    section: &'static str,
    /// The model and its address.
    name: String,
    checks: Vec<Check>,
}

pub(super) async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    super::log::of_command();
    let config = match config::load(args.config.as_deref(), &Overrides::new()) {
        Ok(config) => config,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let profiles = profiles(&config).await?;
    let is_usable = profiles.iter().flat_map(|profile| &profile.checks).all(|check| check.finding != Finding::Fault);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json_of(&profiles, is_usable))?);
    } else {
        print(&profiles);
    }
    Ok(if is_usable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn profiles(config: &Config) -> anyhow::Result<Vec<Profile>> {
    let mut profiles = Vec::new();
    for settings in [&config.models.primary, &config.models.fallback].into_iter().flatten() {
        profiles.push(Profile {
            section: settings.section,
            name: format!("{} at {}", settings.model, settings.base_url),
            checks: probe::probe(settings).await?,
        });
    }
    if config.embeddings.embedder == EmbedderKind::OpenAi {
        let settings = embedders::openai(&config.embeddings);
        let name = format!("{} at {}", settings.model, settings.base_url);
        let check = match OpenAiEmbedder::connect(settings, Arc::default()).await {
            Ok(embedder) => Check {
                name: "answer",
                finding: Finding::Good,
                found: format!("vectors of {} components", embedder.dimension()),
                advice: String::new(),
            },
            Err(error) => Check {
                name: "answer",
                finding: Finding::Fault,
                found: error.to_string(),
                advice: "correct the settings under embeddings".to_owned(),
            },
        };
        profiles.push(Profile { section: "embeddings", name, checks: vec![check] });
    }
    Ok(profiles)
}

fn json_of(profiles: &[Profile], is_usable: bool) -> Value {
    let check = |check: &Check| json!({"name": check.name, "finding": word(check.finding), "found": check.found, "advice": check.advice});
    let mut fields = Map::new();
    for profile in profiles {
        let checks: Vec<Value> = profile.checks.iter().map(check).collect();
        fields.insert(profile.section.to_owned(), json!({"name": profile.name, "checks": checks}));
    }
    fields.insert("usable".to_owned(), json!(is_usable));
    Value::Object(fields)
}

fn print(profiles: &[Profile]) {
    let (bold, faint) = (Style::new().bold(), AnsiColor::BrightBlack.on_default());
    if profiles.is_empty() {
        println!("No endpoint is configured. Docent answers with your own words and with quotes from your articles.");
    }
    for Profile { section, name, checks } in profiles {
        println!("{bold}[{section}]{bold:#} {name}");
        for Check { name, finding, found, advice } in checks {
            let (word, style) = (word(*finding), style_of(*finding));
            println!("  {style}{word:7}{style:#} {name:12} {found}");
            if !advice.is_empty() {
                println!("  {faint}{:20} {advice}{faint:#}", "");
            }
        }
    }
}

fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Good => "good",
        Finding::Gap => "gap",
        Finding::Fault => "fault",
        Finding::Unknown => "unknown",
    }
}

fn style_of(finding: Finding) -> Style {
    match finding {
        Finding::Good => AnsiColor::Green.on_default(),
        Finding::Gap | Finding::Unknown => AnsiColor::Yellow.on_default(),
        Finding::Fault => AnsiColor::Red.on_default(),
    }
}
