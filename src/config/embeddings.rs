//! Which embedder compares meanings, and what it needs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::setting::Reader;
use crate::domain::secret::Secret;

/// The embedder and the `[embeddings]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embeddings {
    /// Which one it is.
    pub embedder: EmbedderKind,
    /// Folder of the model that the transformer runs.
    pub model_dir: Option<PathBuf>,
    /// Address of the endpoint, before `/embeddings`.
    pub base_url: String,
    /// Key of the endpoint.
    pub api_key: Option<Secret>,
    /// Model of the endpoint.
    pub model: String,
    /// Components to ask the endpoint for.
    pub dimensions: Option<usize>,
    /// Languages that the model knows, as primary subtags.
    pub languages: Option<BTreeSet<String>>,
    /// Text that the model wants before a question.
    pub question_prompt: Option<String>,
    /// Text that the model wants before a passage.
    pub passage_prompt: Option<String>,
    /// Bound of the caches of vectors together, in bytes.
    pub cache_bytes: u64,
}

/// The embedders that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedderKind {
    /// The built-in table for English.
    Static,
    /// A sentence transformer from a model folder.
    Transformer,
    /// An endpoint that speaks OpenAI's embeddings API.
    OpenAi,
}

impl Embeddings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let embedder = reader.parse("embedder", "static, transformer or openai", |text| match text {
            "static" => Some(EmbedderKind::Static),
            "transformer" => Some(EmbedderKind::Transformer),
            "openai" => Some(EmbedderKind::OpenAi),
            _ => None,
        });
        let model_dir = reader.given("model_dir").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        if embedder == EmbedderKind::Transformer && model_dir.is_none() {
            reader.mistake(
                "embedder",
                "the transformer needs a model folder",
                "name one with `model_dir` or --model-dir; `docent model fetch all-MiniLM-L6-v2` fetches a good one for English",
            );
        }
        let mebibytes = reader.number("embeddings.cache_mb", 1, 1 << 20);
        Self {
            embedder,
            model_dir,
            base_url: reader.parse("embeddings.base_url", "an address such as https://api.openai.com/v1", address),
            api_key: reader.given("embeddings.api_key").filter(|key| !key.is_empty()).map(Secret::new),
            model: reader.text("embeddings.model").to_owned(),
            dimensions: reader.optional("embeddings.dimensions", "a whole number from 1 to 16384", |text| {
                text.parse().ok().filter(|number| (1..=16_384).contains(number))
            }),
            languages: reader.optional("embeddings.languages", "language tags such as en,de", languages),
            question_prompt: reader.given("embeddings.question_prompt").map(str::to_owned),
            passage_prompt: reader.given("embeddings.passage_prompt").map(str::to_owned),
            cache_bytes: mebibytes << 20,
        }
    }
}

/// An address without a key, a query or a fragment in it.
pub(super) fn address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain)
        .then(|| text.trim_end_matches('/').to_owned())
}

/// Primary subtags with commas between.
fn languages(text: &str) -> Option<BTreeSet<String>> {
    let tags: BTreeSet<String> =
        text.split(',').map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect();
    let is_subtag = |tag: &String| matches!(tag.len(), 2 | 3) && tag.bytes().all(|byte| byte.is_ascii_lowercase());
    (!tags.is_empty() && tags.iter().all(is_subtag)).then_some(tags)
}
