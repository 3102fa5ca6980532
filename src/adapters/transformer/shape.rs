//! What `config.json` says about a network: its family and its sizes.

use std::path::Path;

use serde::Deserialize;

use super::kernel::Activation;
use super::model_error::ModelError;

/// The networks that share BERT's encoder; they differ in names and in how
/// places are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    /// RoBERTa, CamemBERT and XLM-R, whose places are counted from the one
    /// behind the padding token's.
    Roberta,
    DistilBert,
}

/// Names of the weights of one layer.
pub(super) struct Naming {
    pub(super) layers: &'static str,
    pub(super) query: &'static str,
    pub(super) key: &'static str,
    pub(super) value: &'static str,
    pub(super) attention_output: &'static str,
    pub(super) attention_norm: &'static str,
    pub(super) inner: &'static str,
    pub(super) output: &'static str,
    pub(super) output_norm: &'static str,
}

impl Naming {
    pub(super) fn of(family: Family) -> Self {
        match family {
            Family::Bert | Family::Roberta => Self {
                layers: "encoder.layer",
                query: "attention.self.query",
                key: "attention.self.key",
                value: "attention.self.value",
                attention_output: "attention.output.dense",
                attention_norm: "attention.output.LayerNorm",
                inner: "intermediate.dense",
                output: "output.dense",
                output_norm: "output.LayerNorm",
            },
            Family::DistilBert => Self {
                layers: "transformer.layer",
                query: "attention.q_lin",
                key: "attention.k_lin",
                value: "attention.v_lin",
                attention_output: "attention.out_lin",
                attention_norm: "sa_layer_norm",
                inner: "ffn.lin1",
                output: "ffn.lin2",
                output_norm: "output_layer_norm",
            },
        }
    }
}

/// Sizes of a network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) family: Family,
    /// Rows of the word table.
    pub(super) vocabulary: usize,
    /// Components of a state, and of the embedding.
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// Width of the feed-forward layers.
    pub(super) inner: usize,
    pub(super) activation: Activation,
    /// Rows of the table of places.
    pub(super) position_rows: usize,
    /// The row of the first token.
    pub(super) first_position: usize,
    /// Kinds of segments; 0 when the network has no table of them.
    pub(super) segment_types: usize,
    /// Added to variances.
    pub(super) epsilon: f32,
}

/// The keys of `config.json` that matter; DistilBERT has its own names for some.
#[derive(Deserialize)]
struct Config {
    model_type: Option<String>,
    vocab_size: usize,
    #[serde(alias = "dim")]
    hidden_size: usize,
    #[serde(alias = "n_layers")]
    num_hidden_layers: usize,
    #[serde(alias = "n_heads")]
    num_attention_heads: usize,
    #[serde(alias = "hidden_dim")]
    intermediate_size: usize,
    #[serde(alias = "activation")]
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default)]
    type_vocab_size: usize,
    /// BERT's own value; DistilBERT's files do not name it.
    #[serde(default = "bert_epsilon")]
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: usize,
    position_embedding_type: Option<String>,
}

/// The one key that is read before the others, so that a network of another kind
/// is refused by its name and not by a key that it lacks.
#[derive(Deserialize)]
struct Kind {
    model_type: Option<String>,
}

fn bert_epsilon() -> f64 {
    1e-12
}

/// Most layers and largest width of a table that are believed; a config that asks
/// for more is damaged.
const SANE: usize = 1 << 24;

impl Shape {
    /// Reads the text of `config.json`.
    pub(super) fn read(dir: &Path, text: &str) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let kind: Kind = serde_json::from_str(text).map_err(|error| ModelError::file(&path, error))?;
        let family = match kind.model_type.as_deref() {
            Some("bert") => Family::Bert,
            Some("roberta" | "xlm-roberta" | "camembert") => Family::Roberta,
            Some("distilbert") => Family::DistilBert,
            other => {
                let named = other.map_or("config.json does not name its kind".to_owned(), |kind| {
                    format!("it is of the kind `{kind}`")
                });
                let reason =
                    format!("{named}; models of the kinds bert, roberta, xlm-roberta, camembert and distilbert are");
                return Err(ModelError::unsupported(dir, reason));
            }
        };
        let config: Config = serde_json::from_str(text).map_err(|error| ModelError::file(&path, error))?;
        if let Some(kind) = config.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(ModelError::unsupported(dir, format!("it counts places in another way: `{kind}`")));
        }
        let activation = match config.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                return Err(ModelError::unsupported(dir, format!("its activation is `{other}`; gelu and relu are")));
            }
        };
        debug_assert_eq!(config.model_type, kind.model_type);
        let sizes = [
            config.vocab_size,
            config.hidden_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.intermediate_size,
            config.max_position_embeddings,
        ];
        let fits = sizes.iter().all(|size| (1..SANE).contains(size))
            && config.hidden_size.is_multiple_of(config.num_attention_heads);
        let first_position = if family == Family::Roberta { config.pad_token_id.saturating_add(1) } else { 0 };
        if !fits || first_position >= config.max_position_embeddings || config.type_vocab_size > SANE {
            return Err(ModelError::file(&path, "its sizes make no network"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "the networks compute in 32 bits")]
        let epsilon = config.layer_norm_eps as f32;
        Ok(Self {
            family,
            vocabulary: config.vocab_size,
            hidden: config.hidden_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            inner: config.intermediate_size,
            activation,
            position_rows: config.max_position_embeddings,
            first_position,
            segment_types: if family == Family::DistilBert { 0 } else { config.type_vocab_size },
            epsilon,
        })
    }

    /// Most tokens that the network can tell apart by their places.
    pub(super) fn places(&self) -> usize {
        self.position_rows - self.first_position
    }

    /// Components of a query.
    pub(super) fn head_width(&self) -> usize {
        self.hidden / self.heads
    }
}
