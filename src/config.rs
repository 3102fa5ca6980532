//! The operator's configuration: defaults, then the file, then the environment,
//! then the command line.
//!
//! [`setting::ALL`] names every setting once, with its default and its meaning.
//! All mistakes are reported together, each with its place, and a configuration
//! with a mistake is not used.

pub mod embeddings;
mod file;
mod handover;
mod identity;
pub mod limits;
pub mod models;
pub mod reload;
pub mod setting;
mod vectors;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::adapters::qdrant::QdrantSettings;
use crate::adapters::webhook_desk::WebhookSettings;
use crate::diagnostic::{Diagnostic, Place, sort};
use crate::session::identity::Identity;
use crate::session::settings::Traces;
use embeddings::Embeddings;
use limits::Limits;
use models::Models;
use setting::Raw;

/// The file that is read when it is there and no other one is named.
pub const DEFAULT_FILE: &str = "docent.toml";

/// The data folder of a server that keeps conversations in memory alone.
const THROWAWAY: &str = ":memory:";

/// A configuration without a mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Address to listen at.
    pub listen: SocketAddr,
    /// Folder with the project's knowledge.
    pub knowledge: PathBuf,
    /// Folder with the prompts; beside the knowledge when absent.
    pub prompts: Option<PathBuf>,
    /// Origins whose pages may connect, beside the server's own.
    pub origins: Vec<String>,
    /// Proxies whose word for a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether clients may ask for traces; on the same computer only when absent.
    pub trace: Option<bool>,
    /// The Qdrant server that vectors are searched in; the memory of this process when absent.
    pub qdrant: Option<QdrantSettings>,
    /// How the log is written.
    pub log: LogFormat,
    /// What the log holds, as a `tracing` filter.
    pub log_level: String,
    /// Folder for what Docent keeps on disk.
    pub data: PathBuf,
    /// Public name of the project.
    pub project_key: String,
    /// How users are told apart.
    pub identity: Identity,
    /// Whether other computers may read `/metrics`.
    pub public_metrics: bool,
    /// How long conversations are kept in which nothing happens; for good when absent.
    pub retention: Option<Duration>,
    /// Whether conversations are kept in memory alone.
    pub is_throwaway: bool,
    /// Where handovers are told; nowhere when absent.
    pub handover: Option<WebhookSettings>,
    /// What compares meanings.
    pub embeddings: Embeddings,
    /// Which chat models answer.
    pub models: Models,
    /// Where models are fetched from.
    pub model_hub: String,
    /// What bounds connections and commands.
    pub limits: Limits,
    /// The values as they were given.
    given: Raw,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// For which of the clients that ask turns are traced.
    pub fn traces(&self) -> Traces {
        match self.trace {
            Some(true) => Traces::Always,
            Some(false) => Traces::Never,
            None if self.listen.ip().is_loopback() => Traces::LocalOnly,
            None => Traces::Never,
        }
    }
}

/// Values by the key of their setting, from the command line.
pub type Overrides = BTreeMap<&'static str, String>;

/// Reads the configuration; `path` names the file, else [`DEFAULT_FILE`] is read
/// when it is there.
///
/// # Errors
/// Every mistake in the file, the environment and the command line.
pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Config, Vec<Diagnostic>> {
    let (raw, diagnostics) = gather(path, overrides);
    resolve(&raw, diagnostics)
}

fn gather(path: Option<&Path>, overrides: &Overrides) -> (Raw, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut raw = Raw::default();
    match (path, Path::new(DEFAULT_FILE)) {
        (Some(path), _) => file::read(path, &mut raw, &mut diagnostics),
        (None, default) if default.exists() => file::read(default, &mut raw, &mut diagnostics),
        (None, _) => {}
    }
    environment(std::env::vars_os(), &mut raw, &mut diagnostics);
    for (key, value) in overrides {
        raw.set(key, value.clone(), Place::file("the command line"));
    }
    (raw, diagnostics)
}

/// Takes each `DOCENT_*` variable.
fn environment(
    variables: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    raw: &mut Raw,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("DOCENT_")).map(str::to_owned) else { continue };
        if setting::ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let place = Place::file(format!("environment variable {name}"));
        let names: Vec<String> = setting::ALL.iter().map(setting::Setting::variable).collect();
        match (names.iter().position(|known| *known == name), value.into_string()) {
            (Some(at), Ok(value)) => raw.set(setting::ALL[at].key, value, place),
            (Some(_), Err(_)) => {
                diagnostics.push(Diagnostic::error("bad-value", place, "the value is not valid UTF-8"));
            }
            (None, _) => diagnostics.push(
                Diagnostic::error("unknown-setting", place, format!("there is no setting `{name}`"))
                    .suggest(&name, names.iter().map(String::as_str)),
            ),
        }
    }
}

fn resolve(raw: &Raw, mut diagnostics: Vec<Diagnostic>) -> Result<Config, Vec<Diagnostic>> {
    let mut reader = setting::Reader { raw, diagnostics: &mut diagnostics };
    let data = reader.text("data").to_owned();
    let config = Config {
        listen: reader.parse("listen", "an address such as 127.0.0.1:8787", |text| text.parse().ok()),
        knowledge: PathBuf::from(reader.text("knowledge")),
        prompts: reader.given("prompts").map(PathBuf::from),
        origins: reader.parse("origins", "origins such as https://app.example.com, with commas between", origins),
        trusted_proxies: reader.parse("trusted_proxies", "addresses or networks such as 10.0.0.0/8", networks),
        trace: reader.optional("trace", "true or false", |text| text.parse().ok()),
        qdrant: vectors::read(&mut reader),
        log: reader.parse("log", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }),
        log_level: reader.parse("log_level", "a log filter such as info or info,docent::server=debug", |text| {
            text.parse::<tracing_subscriber::filter::EnvFilter>().ok().map(|_| text.to_owned())
        }),
        data: PathBuf::from(if data == THROWAWAY { "docent-data" } else { &data }),
        is_throwaway: data == THROWAWAY,
        retention: reader.optional("retention_days", "a whole number of days from 1 to 36500", days),
        public_metrics: reader.parse("public_metrics", "true or false", |text| text.parse().ok()),
        project_key: reader.text("project_key").to_owned(),
        identity: identity::read(&mut reader),
        handover: handover::read(&mut reader),
        embeddings: Embeddings::read(&mut reader),
        models: Models::read(&mut reader),
        model_hub: reader.parse("model_hub", "an address such as https://huggingface.co", embeddings::address),
        limits: Limits::read(&mut reader),
        given: raw.clone(),
    };
    sort(&mut diagnostics);
    if diagnostics.is_empty() { Ok(config) } else { Err(diagnostics) }
}

/// A list of exact origins: scheme, host and port, nothing else.
fn origins(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| {
            let url = url::Url::parse(origin).ok()?;
            let exact = url.origin().ascii_serialization();
            (matches!(url.scheme(), "http" | "https") && exact == origin.trim_end_matches('/')).then_some(exact)
        })
        .collect()
}

fn days(text: &str) -> Option<Duration> {
    let days: u64 = text.parse().ok().filter(|days| (1..=36_500).contains(days))?;
    Some(Duration::from_secs(days * 86_400))
}

/// A list of addresses and networks.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let mut diagnostics = Vec::new();
        let mut raw = Raw::default();
        file::parse("docent.toml", toml, &mut raw, &mut diagnostics);
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        environment(variables, &mut raw, &mut diagnostics);
        resolve(&raw, diagnostics).map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_environment_comes_before_the_file_before_the_defaults() {
        let toml = "listen = '127.0.0.1:1'\norigins = ['https://a.example', 'http://b.example:81']\n[limits]\nmax_connections = 7";
        let config = read(toml, &[("DOCENT_LISTEN", "127.0.0.1:2")]).expect("no mistake");
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.origins, ["https://a.example", "http://b.example:81"]);
        assert_eq!(config.limits.max_connections, 7);
        assert_eq!(config.limits.text_chars, 8_000);
        assert_eq!(config.traces(), Traces::LocalOnly);
        assert_eq!(read("listen = '0.0.0.0:80'", &[]).expect("no mistake").traces(), Traces::Never);
        assert_eq!(read("trace = true", &[]).expect("no mistake").traces(), Traces::Always);
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let toml =
            "listen = 'nowhere'\nlisen = 1\nlog = \"xml\"\n[limits]\nmax_connections = -1\nhello_timeout_ms = \"soon\"";
        let mistakes =
            read(toml, &[("DOCENT_ORIGINS", "https://a.example/path"), ("DOCENT_LISTN", "x")]).expect_err("mistakes");
        assert_eq!(
            mistakes,
            [
                "docent.toml:1:10: error: `nowhere` is not an address such as 127.0.0.1:8787",
                "docent.toml:2:1: error: there is no setting `lisen`\n  hint: did you mean `listen`?",
                "docent.toml:3:7: error: `xml` is not text or json",
                "docent.toml:5:19: error: `-1` is not a whole number from 1 to 1000000",
                "docent.toml:6:20: error: `soon` is not a whole number from 100 to 600000",
                "environment variable DOCENT_LISTN: error: there is no setting `DOCENT_LISTN`\n  hint: did you mean `DOCENT_LISTEN`?",
                "environment variable DOCENT_ORIGINS: error: `https://a.example/path` is not origins such as https://app.example.com, with commas between",
            ]
        );
    }

    #[test]
    fn a_qdrant_server_is_used_when_it_is_asked_for_and_its_key_is_kept() {
        assert_eq!(read("[qdrant]\nurl = 'http://vectors.internal:6334'", &[]).expect("no mistake").qdrant, None);
        let toml = "[vectors]\nstore = 'qdrant'\n[qdrant]\nurl = 'https://vectors.internal:6334'\ntimeout_ms = 40";
        let config = read(toml, &[("DOCENT_QDRANT_API_KEY", "a-key")]).expect("no mistake");
        assert!(!format!("{config:?}").contains("a-key"));
        let qdrant = config.qdrant.expect("a server");
        assert_eq!((qdrant.url.as_str(), qdrant.search_timeout.as_millis()), ("https://vectors.internal:6334", 40));
        assert_eq!(qdrant.api_key.as_ref().map(|key| key.reveal()), Some("a-key"));
        let mistakes = read("[vectors]\nstore = 'disk'\n[qdrant]\nurl = 'vectors'\ncollection = 'a b'", &[])
            .expect_err("mistakes");
        assert_eq!(
            mistakes,
            [
                "docent.toml:2:9: error: `disk` is not memory or qdrant",
                "docent.toml:4:7: error: `vectors` is not an address such as http://127.0.0.1:6334",
                "docent.toml:5:14: error: `a b` is not a name of letters, digits, `-` and `_`",
            ]
        );
    }

    #[test]
    fn an_embedder_is_read_with_what_it_needs() {
        let toml =
            "embedder = 'openai'\n[embeddings]\nbase_url = 'http://127.0.0.1:11434/v1/'\nlanguages = ['EN', 'de']";
        let config = read(toml, &[("DOCENT_EMBEDDINGS_API_KEY", "a-key")]).expect("no mistake");
        assert_eq!(config.embeddings.embedder, embeddings::EmbedderKind::OpenAi);
        assert_eq!(config.embeddings.base_url, "http://127.0.0.1:11434/v1");
        assert_eq!(config.embeddings.languages.as_ref().map(std::collections::BTreeSet::len), Some(2));
        assert!(!format!("{config:?}").contains("a-key"), "a key is never shown");

        let toml = "embedder = 'transformer'\n[embeddings]\nbase_url = 'https://user:word@a.example/v1'\ndimensions = 0\nlanguages = 'English'";
        assert_eq!(
            read(toml, &[]).expect_err("mistakes"),
            [
                "docent.toml:1:12: error: the transformer needs a model folder\n  hint: name one with `model_dir` or --model-dir; `docent model fetch all-MiniLM-L6-v2` fetches a good one for English",
                "docent.toml:3:12: error: the value is not an address such as https://api.openai.com/v1",
                "docent.toml:4:14: error: `0` is not a whole number from 1 to 16384",
                "docent.toml:5:13: error: `English` is not language tags such as en,de",
            ]
        );
    }

    #[test]
    fn chat_models_are_read_with_their_keys_kept() {
        assert_eq!(read("", &[]).expect("no mistake").models.primary, None);
        let toml = "[model]\nbase_url = 'http://127.0.0.1:11434/v1/'\nmodel = 'a'\ngap_ms = 9000\n[fallback_model]\nbase_url = 'https://b.example/v1'\nmodel = 'b'\ncontext_tokens = 4096";
        let variables = [("DOCENT_MODEL_API_KEY", "a-key"), ("DOCENT_FALLBACK_MODEL_API_KEY", "b-key")];
        let config = read(toml, &variables).expect("no mistake");
        assert!(!format!("{config:?}").contains("a-key") && !format!("{config:?}").contains("b-key"));
        let models = config.models;
        let (primary, fallback) = (models.primary.expect("a model"), models.fallback.expect("a fallback"));
        assert_eq!((primary.base_url.as_str(), primary.model.as_str()), ("http://127.0.0.1:11434/v1", "a"));
        assert_eq!(primary.api_key.as_ref().map(|key| key.reveal()), Some("a-key"));
        assert_eq!(
            (primary.context_tokens, fallback.context_tokens, fallback.section),
            (8_192, 4_096, "fallback_model")
        );
        assert_eq!((models.waits.gap.as_millis(), models.waits.turn.as_secs()), (9_000, 120));

        let toml = "[model]\nmax_output_tokens = 9000\nturn_ms = 1\n[fallback_model]\nbase_url = 'b.example'";
        assert_eq!(
            read(toml, &[]).expect_err("mistakes"),
            [
                "docent.toml:2:21: error: an answer of 9000 tokens leaves no room in 8192\n  hint: make it smaller than `context_tokens`",
                "docent.toml:3:11: error: `1` is not a whole number from 1000 to 3600000",
                "docent.toml:5:12: error: `b.example` is not an address such as http://127.0.0.1:11434/v1",
                "docent.toml:5:12: error: the endpoint is not told which model to run\n  hint: set `fallback_model.model` to the name of a model that the endpoint has",
            ]
        );
        let orphan =
            read("[fallback_model]\nbase_url = 'https://b.example/v1'\nmodel = 'b'", &[]).expect_err("mistakes");
        assert!(orphan[0].contains("a fallback for a model that is not there"), "{orphan:?}");
    }

    #[test]
    fn the_configuration_of_the_benchmarks_is_one() {
        read(include_str!("../benches/docent.toml"), &[]).expect("no mistake");
    }

    #[test]
    fn every_setting_is_documented() {
        let articles = [
            include_str!("../knowledge/articles/operations/configuration.md"),
            include_str!("../knowledge/articles/operations/limits.md"),
            include_str!("../knowledge/articles/operations/models.md"),
            include_str!("../knowledge/articles/operations/vectors.md"),
        ];
        for setting in setting::ALL {
            let name = setting.key.rsplit('.').next().unwrap_or(setting.key);
            let row = format!("| `{name}` |");
            assert!(
                articles.iter().any(|article| article.contains(&row)),
                "no article has a row for `{}`",
                setting.key
            );
        }
        let reload = include_str!("../knowledge/articles/operations/reload.md");
        for setting in setting::ALL {
            let is_told = reload.contains(&format!("`{}`", setting.key));
            assert_eq!(is_told, setting.is_live, "the article on reloads and `{}`", setting.key);
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_one_mistake() {
        let mistakes = read("listen = ", &[]).expect_err("a mistake");
        assert!(mistakes[0].starts_with("docent.toml:1:"), "{mistakes:?}");
    }
}
