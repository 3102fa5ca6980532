//! Texts in, vectors out: tokenizer, encoder and pooling.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};

use super::encoder::{Encoder, Packed};
use super::model_error::ModelError;
use super::model_folder::{ModelFolder, Pooling, Prompts};
use super::weights::Weights;
use crate::adapters::embedding_gauge::EmbeddingGauge;
use crate::ports::embedder::Role;

/// Tokens of one batch. With all-MiniLM-L6-v2, 256 to 1,024 cost the same for each
/// token; small batches let the cores end together.
const BATCH_TOKENS: usize = 512;
/// Digits of the content hash that tell two versions of a model apart.
const VERSION_DIGITS: usize = 12;

/// A loaded model.
pub(super) struct Network {
    tokenizer: Tokenizer,
    encoder: Encoder,
    pooling: Pooling,
    prompts: Prompts,
    lower_case: bool,
    dimension: usize,
    version: String,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("a text cannot be split into tokens: {0}")]
    Text(tokenizers::Error),
    #[error("the network failed: {0}")]
    Matrix(#[from] candle_core::Error),
    #[error("the network gave components that are no numbers; its weights may be damaged")]
    Numbers,
    #[error("nobody waits for the vectors any more")]
    Stopped,
}

impl Network {
    /// Loads tokenizer and weights, checks that they fit, and runs them once.
    pub(super) fn load(folder: &ModelFolder) -> Result<Self, ModelError> {
        let mut hash = Sha256::new();
        let tokenizer = tokenizer(folder, &mut hash)?;
        let mut weights = Weights::read(&folder.dir, &folder.weight_files, &mut hash)?;
        let encoder = Encoder::load(&mut weights, &folder.shape)?;
        let ModelFolder { shape, pooling, max_tokens, lower_case, prompts, .. } = folder;
        hash.update(format!("{shape:?} {pooling:?} {max_tokens} {lower_case} {prompts:?}"));
        let mut version: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        version.truncate(VERSION_DIGITS);
        let network = Self {
            tokenizer,
            encoder,
            pooling: *pooling,
            prompts: prompts.clone(),
            lower_case: *lower_case,
            dimension: shape.hidden,
            version,
        };
        let trial = network.embed(&["a trial".to_owned()], &AtomicBool::new(false), &EmbeddingGauge::default());
        trial.map_err(|error| ModelError::mismatch(&folder.dir, error.to_string()))?;
        Ok(network)
    }

    /// What tells this model from another one: a hash of its files and settings.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Whether the tokenizer has `word` as one token at the beginning of a word,
    /// in the notation of any of the usual tokenizers.
    pub(super) fn is_word(&self, word: &str) -> bool {
        ["", "▁", "Ġ"].iter().any(|mark| self.tokenizer.token_to_id(&format!("{mark}{word}")).is_some())
    }

    /// A text as the model wants it.
    pub(super) fn prompted(&self, text: &str, role: Role) -> String {
        let text = format!("{}{text}", self.prompts.of(role));
        if self.lower_case { text.to_lowercase() } else { text }
    }

    /// One vector of length 1 for each text, one behind the other. Gives up
    /// between two batches once `stopped` is set.
    pub(super) fn embed(
        &self,
        texts: &[String],
        stopped: &AtomicBool,
        gauge: &EmbeddingGauge,
    ) -> Result<Vec<f32>, RunError> {
        let ids =
            |text: &String| self.tokenizer.encode_fast(text.as_str(), true).map(|encoding| encoding.get_ids().to_vec());
        let tokens: Vec<Vec<u32>> = match texts {
            [one] => vec![ids(one).map_err(RunError::Text)?],
            many => many.par_iter().map(ids).collect::<Result<_, _>>().map_err(RunError::Text)?,
        };
        let batches = batches(&tokens);
        let run = |batch: &Vec<usize>| {
            if stopped.load(Ordering::Relaxed) {
                return Err(RunError::Stopped);
            }
            let vectors = self.run(batch.iter().map(|at| tokens[*at].as_slice()))?;
            gauge.finish(batch.len());
            Ok(vectors)
        };
        let computed: Vec<Vec<f32>> = match batches.as_slice() {
            [one] => vec![run(one)?],
            many => many.par_iter().map(run).collect::<Result<_, _>>()?,
        };
        let mut values = vec![0.0; texts.len() * self.dimension];
        for (batch, vectors) in batches.iter().zip(&computed) {
            for (at, vector) in batch.iter().zip(vectors.chunks_exact(self.dimension)) {
                values[at * self.dimension..][..self.dimension].copy_from_slice(vector);
            }
        }
        Ok(values)
    }

    fn run<'a>(&self, texts: impl Iterator<Item = &'a [u32]>) -> Result<Vec<f32>, RunError> {
        let mut packed = Packed::default();
        for ids in texts.filter(|ids| !ids.is_empty()) {
            packed.ids.extend_from_slice(ids);
            packed.lengths.push(ids.len());
        }
        let states = self.encoder.run(&packed)?;
        let mut vectors = Vec::with_capacity(packed.lengths.len() * self.dimension);
        let mut start = 0;
        for length in packed.lengths {
            vectors.extend(self.pooled(&states.narrow(0, start, length)?)?);
            start += length;
        }
        Ok(vectors)
    }

    fn pooled(&self, states: &Tensor) -> Result<Vec<f32>, RunError> {
        let vector = match self.pooling {
            Pooling::Mean => states.mean(0)?,
            Pooling::First => states.get(0)?,
        };
        let mut vector = vector.to_vec1::<f32>()?;
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_finite() {
            return Err(RunError::Numbers);
        }
        if length > 0.0 {
            vector.iter_mut().for_each(|value| *value /= length);
        }
        Ok(vector)
    }
}

/// Numbers of texts, the longest first, so that the cores end together; each
/// batch holds as many as fit, and at least one.
fn batches(tokens: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(tokens[*at].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for at in order {
        match batches.last_mut().filter(|_| tokens[at].len() <= room) {
            Some(batch) => batch.push(at),
            None => {
                batches.push(vec![at]);
                room = BATCH_TOKENS.max(tokens[at].len());
            }
        }
        room -= tokens[at].len();
    }
    batches
}

/// The tokenizer, cutting off at the model's length and padding nothing.
fn tokenizer(folder: &ModelFolder, hash: &mut Sha256) -> Result<Tokenizer, ModelError> {
    let path = folder.dir.join("tokenizer.json");
    let bytes = std::fs::read(&path).map_err(|error| ModelError::file(&path, error))?;
    hash.update(&bytes);
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| ModelError::file(&path, error))?;
    let vocabulary = tokenizer.get_vocab(true);
    let rows = folder.shape.vocabulary;
    let needed = vocabulary.values().max().map_or(0, |id| *id as usize + 1);
    // Tables are rounded up, and may keep a few rows for later words.
    if needed > rows || needed < rows - rows / 10 {
        let reason = format!(
            "tokenizer.json numbers {needed} tokens, the table of words has {rows} rows: one of them belongs to another model"
        );
        return Err(ModelError::mismatch(&folder.dir, reason));
    }
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: folder.max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| ModelError::file(&path, error))?;
    Ok(tokenizer)
}
