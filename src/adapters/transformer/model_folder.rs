//! What the files of a model folder say, beside the network itself.
//!
//! The layout is that of sentence-transformers: `config.json`, `tokenizer.json`
//! and `model.safetensors` (or the parts that `model.safetensors.index.json`
//! names), and beside them, where the model has them, `modules.json`,
//! `1_Pooling/config.json`, `sentence_bert_config.json`,
//! `config_sentence_transformers.json` and a model card.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::model_card;
use super::model_error::ModelError;
use super::shape::Shape;
use crate::ports::embedder::Role;

/// How the states of a text's tokens become its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// The state of the first token.
    First,
}

/// Texts that a model wants before what it embeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompts {
    pub(super) question: String,
    pub(super) passage: String,
}

impl Prompts {
    pub(super) fn of(&self, role: Role) -> &str {
        match role {
            Role::Question | Role::Phrase => &self.question,
            Role::Passage => &self.passage,
        }
    }
}

/// A model folder whose small files were read.
#[derive(Clone, Debug)]
pub(super) struct ModelFolder {
    pub(super) dir: PathBuf,
    pub(super) shape: Shape,
    pub(super) pooling: Pooling,
    /// Tokens of a text that are read, the special ones included.
    pub(super) max_tokens: usize,
    /// Whether texts are put into lower case before the tokenizer.
    pub(super) lower_case: bool,
    pub(super) prompts: Prompts,
    /// Languages that the model card names, as primary subtags.
    pub(super) languages: BTreeSet<String>,
    pub(super) weight_files: Vec<PathBuf>,
}

/// Fewest tokens that make sense: the special ones and a few more.
const MIN_TOKENS: usize = 8;

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptConfig {
    prompts: BTreeMap<String, Option<String>>,
    default_prompt_name: Option<String>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl ModelFolder {
    /// Reads everything but the weights and the tokenizer.
    pub(super) fn read(dir: &Path) -> Result<Self, ModelError> {
        let mut missing: Vec<String> = ["config.json", "tokenizer.json"]
            .iter()
            .filter(|name| !dir.join(name).is_file())
            .map(|name| (*name).to_owned())
            .collect();
        let weight_files = weight_files(dir)?;
        match &weight_files {
            None => missing.push("model.safetensors".to_owned()),
            Some(files) => missing.extend(files.iter().filter(|file| !file.is_file()).map(|file| name_of(file))),
        }
        let (Some(weight_files), true) = (weight_files, missing.is_empty()) else {
            return Err(ModelError::Missing { dir: dir.to_owned(), files: missing });
        };
        let shape = Shape::read(dir, &text(&dir.join("config.json"))?)?;
        let pooling = pooling(dir, &pooling_path(dir)?)?;
        let sentence: SentenceConfig = optional(&dir.join("sentence_bert_config.json"))?;
        let max_tokens = sentence.max_seq_length.unwrap_or(usize::MAX).min(shape.places());
        if max_tokens < MIN_TOKENS {
            return Err(ModelError::unsupported(
                dir,
                format!("it reads {max_tokens} tokens of a text, fewer than {MIN_TOKENS}"),
            ));
        }
        let prompts = prompts(optional(&dir.join("config_sentence_transformers.json"))?);
        let card = std::fs::read_to_string(dir.join("README.md")).unwrap_or_default();
        Ok(Self {
            dir: dir.to_owned(),
            shape,
            pooling,
            max_tokens,
            lower_case: sentence.do_lower_case,
            prompts,
            languages: model_card::languages(&card),
            weight_files,
        })
    }

    /// The folder's own name.
    pub(super) fn name(&self) -> String {
        let dir = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        name_of(&dir)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The files with the weights, if any are named; whether they are there is not looked at.
fn weight_files(dir: &Path) -> Result<Option<Vec<PathBuf>>, ModelError> {
    let whole = dir.join("model.safetensors");
    let index = dir.join("model.safetensors.index.json");
    if whole.is_file() || !index.is_file() {
        return Ok(whole.is_file().then(|| vec![whole]));
    }
    let shards: ShardIndex = parse(&index)?;
    let names: BTreeSet<String> = shards.weight_map.into_values().collect();
    let is_plain = |name: &String| Path::new(name).components().count() == 1 && !name.contains("..");
    if let Some(name) = names.iter().find(|name| !is_plain(name)) {
        return Err(ModelError::file(&index, format!("`{name}` is not the name of a file beside it")));
    }
    Ok(Some(names.into_iter().map(|name| dir.join(name)).collect()))
}

/// Where the pooling is described; checks that no module does anything unknown.
fn pooling_path(dir: &Path) -> Result<PathBuf, ModelError> {
    let path = dir.join("modules.json");
    let usual = dir.join("1_Pooling/config.json");
    if !path.is_file() {
        return Ok(usual);
    }
    let modules: Vec<Module> = parse(&path)?;
    let mut pooling = usual;
    for module in modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" if !module.path.contains("..") => pooling = dir.join(module.path).join("config.json"),
            other => {
                return Err(ModelError::unsupported(
                    dir,
                    format!("modules.json names `{other}`; Transformer, Pooling and Normalize are"),
                ));
            }
        }
    }
    Ok(pooling)
}

fn pooling(dir: &Path, path: &Path) -> Result<Pooling, ModelError> {
    if !path.is_file() {
        return Ok(Pooling::Mean);
    }
    let config: PoolingConfig = parse(path)?;
    let others = config.pooling_mode_max_tokens
        || config.pooling_mode_mean_sqrt_len_tokens
        || config.pooling_mode_weightedmean_tokens
        || config.pooling_mode_lasttoken;
    match (config.pooling_mode_mean_tokens, config.pooling_mode_cls_token, others) {
        (true, false, false) => Ok(Pooling::Mean),
        (false, true, false) => Ok(Pooling::First),
        _ => Err(ModelError::unsupported(dir, format!("{} asks for another pooling than mean or cls", path.display()))),
    }
}

/// sentence-transformers names the prompts `query` and `document`, models before
/// it `passage`; the default holds for what has none.
fn prompts(config: PromptConfig) -> Prompts {
    let named = |name: &str| config.prompts.get(name).cloned().flatten();
    let default = config.default_prompt_name.as_deref().and_then(named).unwrap_or_default();
    Prompts {
        question: named("query").unwrap_or_else(|| default.clone()),
        passage: named("passage").or_else(|| named("document")).unwrap_or(default),
    }
}

fn text(path: &Path) -> Result<String, ModelError> {
    std::fs::read_to_string(path).map_err(|error| ModelError::file(path, error))
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    serde_json::from_str(&text(path)?).map_err(|error| ModelError::file(path, error))
}

/// What a file says that a model may leave out.
fn optional<T: DeserializeOwned + Default>(path: &Path) -> Result<T, ModelError> {
    if path.is_file() { parse(path) } else { Ok(T::default()) }
}
