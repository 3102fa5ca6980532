//! The tensors of the safetensors files, each taken once by its name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use sha2::{Digest, Sha256};

use super::kernel::Norm;
use super::model_error::ModelError;
use super::shape::Shape;

/// Prefixes that checkpoints put before the names of the encoder's weights.
const PREFIXES: &[&str] = &["", "bert.", "roberta.", "distilbert.", "model."];

/// Tensors by name.
pub(super) struct Weights {
    dir: PathBuf,
    tensors: HashMap<String, Tensor>,
}

impl Weights {
    /// Reads the files, and adds their content to `hash`.
    pub(super) fn read(dir: &Path, files: &[PathBuf], hash: &mut Sha256) -> Result<Self, ModelError> {
        let mut tensors = HashMap::new();
        for file in files {
            let bytes = std::fs::read(file).map_err(|error| ModelError::file(file, error))?;
            hash.update(&bytes);
            tensors
                .extend(safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|error| ModelError::file(file, error))?);
        }
        Ok(Self { dir: dir.to_owned(), tensors })
    }

    /// Takes the tensor of that name out, as 32-bit floats.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        // Old checkpoints call the scale and the shift of a normalization gamma and beta.
        let old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        let tensor = PREFIXES
            .iter()
            .flat_map(|prefix| [format!("{prefix}{name}"), format!("{prefix}{old}")])
            .find_map(|name| self.tensors.remove(&name))
            .ok_or_else(|| self.mismatch(format!("the weights have no `{name}`, which config.json asks for")))?;
        if tensor.dims() != shape {
            let given = tensor.dims();
            return Err(self.mismatch(format!("`{name}` has the shape {given:?}, but config.json asks for {shape:?}")));
        }
        self.sound(tensor.to_dtype(DType::F32))
    }

    /// Takes the scale and the shift of a layer normalization.
    pub(super) fn norm(&mut self, name: &str, shape: &Shape) -> Result<Norm, ModelError> {
        let mut part = |part: &str| {
            let tensor = self.take(&format!("{name}.{part}"), &[shape.hidden])?;
            self.sound(tensor.to_vec1())
        };
        Ok(Norm { scale: part("weight")?, shift: part("bias")?, epsilon: shape.epsilon })
    }

    /// A value that was made from the weights, or what kept it from that.
    pub(super) fn sound<T>(&self, made: candle_core::Result<T>) -> Result<T, ModelError> {
        made.map_err(|error| self.mismatch(error.to_string()))
    }

    fn mismatch(&self, reason: String) -> ModelError {
        ModelError::mismatch(&self.dir, reason)
    }
}
