//! Fetches models from a hub that serves files as Hugging Face's does.
//!
//! Only the files that the transformer reads are fetched, into a folder beside
//! the one that they are for, which takes its name when all of them are there. A
//! fetch that was cut off goes on where it was.

mod download;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use self::download::{Download, DownloadError};
pub use self::download::{Fetched, Step};

/// Files without which there is no model.
const NEEDED: &[&str] = &["config.json", "tokenizer.json"];
/// Files that a model may leave out.
const WELCOME: &[&str] = &[
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "README.md",
];
const WEIGHTS: &str = "model.safetensors";
const SHARDS: &str = "model.safetensors.index.json";
/// Most parts that weights are believed to have.
const MAX_SHARDS: usize = 64;

/// Where models are, and how patiently they are fetched.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// Address of the hub, such as `https://huggingface.co`.
    pub base_url: String,
    /// Longest silence of the hub.
    pub silence: Duration,
    /// How often a file is tried again without any progress in between.
    pub tries: u32,
    /// Pause before a try, doubled each time.
    pub pause: Duration,
    /// Largest file, in bytes.
    pub max_bytes: u64,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            base_url: "https://huggingface.co".to_owned(),
            silence: Duration::from_secs(30),
            tries: 5,
            pause: Duration::from_secs(1),
            max_bytes: 16 << 30,
        }
    }
}

/// Why a model could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The name is not one of a model.
    #[error("`{0}` is not the name of a model, such as all-MiniLM-L6-v2 or intfloat/multilingual-e5-small")]
    Name(String),
    /// There is something where the model should go.
    #[error("{} is already there; remove it, or name another folder with --to", .0.display())]
    Exists(PathBuf),
    /// The hub has no such model, or not in the form that is read.
    #[error("{model} has no {file} at {hub}; models need config.json, tokenizer.json and safetensors weights")]
    Absent {
        /// Name of the model.
        model: String,
        /// What it lacks.
        file: String,
        /// Address of the hub.
        hub: String,
    },
    /// A file could not be fetched.
    #[error("{file} of {model} could not be fetched: {reason}; what is there so far is kept, so try again")]
    Broken {
        /// Name of the model.
        model: String,
        /// The file.
        file: String,
        /// What happened.
        reason: String,
    },
    /// A file is not what the hub says it is.
    #[error("{file} of {model} was removed, since it is not what the hub says it is: {reason}")]
    Wrong {
        /// Name of the model.
        model: String,
        /// The file.
        file: String,
        /// What differs.
        reason: String,
    },
    /// The disk failed.
    #[error("{} cannot be written: {source}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// The folder that a model is fetched into below `models`, by its name.
///
/// # Errors
/// When it is not a name.
pub fn folder_of(name: &str, models: &Path) -> Result<PathBuf, HubError> {
    let full = full_name(name)?;
    Ok(models.join(full.rsplit('/').next().unwrap_or(&full)))
}

/// Fetches a model into `folder`, and returns its files in order. A name without
/// an owner is one of sentence-transformers. `watch` is told of each step.
///
/// # Errors
/// See [`HubError`]; then the folder is not there.
pub async fn fetch(
    settings: &HubSettings,
    name: &str,
    folder: &Path,
    watch: &(dyn Fn(Step<'_>) + Send + Sync),
) -> Result<Vec<Fetched>, HubError> {
    let model = full_name(name)?;
    if folder.exists() {
        return Err(HubError::Exists(folder.to_owned()));
    }
    let part = partial(folder);
    let mut fetch =
        Fetch { download: Download::new(settings, &model, watch)?, model: &model, part: &part, files: Vec::new() };
    for file in NEEDED {
        fetch.needed(file).await?;
    }
    for file in WELCOME {
        fetch.optional(file).await?;
    }
    if !fetch.optional(WEIGHTS).await? {
        fetch.needed(SHARDS).await?;
        for shard in fetch.shards()? {
            fetch.needed(&shard).await?;
        }
    }
    fs::rename(&part, folder).map_err(|source| HubError::Disk { path: folder.to_owned(), source })?;
    Ok(fetch.files)
}

/// Where files are until all of them are there.
fn partial(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    folder.with_file_name(name)
}

fn full_name(name: &str) -> Result<String, HubError> {
    let is_part = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        !part.is_empty() && part.len() <= 96 && plain && !part.starts_with('.')
    };
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [model] if is_part(model) => Ok(format!("sentence-transformers/{model}")),
        [owner, model] if is_part(owner) && is_part(model) => Ok(name.to_owned()),
        _ => Err(HubError::Name(name.to_owned())),
    }
}

struct Fetch<'a> {
    model: &'a str,
    part: &'a Path,
    download: Download<'a>,
    files: Vec<Fetched>,
}

impl Fetch<'_> {
    async fn needed(&mut self, file: &str) -> Result<(), HubError> {
        if self.optional(file).await? {
            return Ok(());
        }
        let (model, hub) = (self.model.to_owned(), self.download.hub().to_owned());
        Err(HubError::Absent { model, file: file.to_owned(), hub })
    }

    /// Whether the file is there.
    async fn optional(&mut self, file: &str) -> Result<bool, HubError> {
        let path = self.part.join(file);
        let (model, name) = (self.model.to_owned(), file.to_owned());
        match self.download.run(file, &path).await {
            Ok(Some(fetched)) => {
                self.files.push(fetched);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(DownloadError::Broken(reason)) => Err(HubError::Broken { model, file: name, reason }),
            Err(DownloadError::Wrong(reason)) => Err(HubError::Wrong { model, file: name, reason }),
            Err(DownloadError::Disk(source)) => Err(HubError::Disk { path, source }),
        }
    }

    /// The parts of the weights that the index names.
    fn shards(&self) -> Result<BTreeSet<String>, HubError> {
        let wrong = |reason: &str| HubError::Wrong {
            model: self.model.to_owned(),
            file: SHARDS.to_owned(),
            reason: reason.to_owned(),
        };
        let path = self.part.join(SHARDS);
        let text = fs::read(&path).map_err(|source| HubError::Disk { path, source })?;
        let index: Value = serde_json::from_slice(&text).map_err(|_| wrong("it is not JSON"))?;
        let map = index.get("weight_map").and_then(Value::as_object).ok_or_else(|| wrong("it has no weight_map"))?;
        let shards: BTreeSet<String> = map.values().filter_map(Value::as_str).map(str::to_owned).collect();
        let is_plain = |name: &String| {
            name.ends_with(".safetensors") && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        if shards.is_empty() || shards.len() > MAX_SHARDS || !shards.iter().all(is_plain) {
            return Err(wrong("it names no files beside it"));
        }
        Ok(shards)
    }
}
