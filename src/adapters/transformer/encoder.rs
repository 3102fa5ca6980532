//! The network: embeddings and encoder layers of BERT (Devlin et al., 2019),
//! which RoBERTa, XLM-R and DistilBERT share.
//!
//! Sequences of different lengths lie one behind the other in one matrix, so no
//! product is spent on padding; only the attention looks at each by itself.

use candle_core::{Device, Result, Tensor};

use super::kernel::{Activate, Activation, AddAndNormalize, Bias, Norm, Softmax};
use super::model_error::ModelError;
use super::shape::{Naming, Shape};
use super::weights::Weights;

/// Token ids of several sequences, one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    pub(super) ids: Vec<u32>,
    /// Tokens of each sequence, at least one.
    pub(super) lengths: Vec<usize>,
}

/// A network with its weights.
pub(super) struct Encoder {
    words: Tensor,
    /// Row i is added to the word at place i; the type of the only segment is in it.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    hidden: usize,
}

struct Layer {
    /// The three projections as one matrix; queries carry the scale of the scores.
    attention: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    inner: Linear,
    activation: Activation,
    output: Linear,
    output_norm: Norm,
}

struct Linear {
    /// Inputs by outputs.
    weight: Tensor,
    bias: Vec<f32>,
}

impl Linear {
    fn product(&self, input: &Tensor) -> Result<Tensor> {
        input.matmul(&self.weight)
    }
}

impl Encoder {
    /// Takes the weights that the shape asks for.
    pub(super) fn load(weights: &mut Weights, shape: &Shape) -> std::result::Result<Self, ModelError> {
        let names = Naming::of(shape.family);
        let (hidden, places) = (shape.hidden, shape.places());
        let words = weights.take("embeddings.word_embeddings.weight", &[shape.vocabulary, hidden])?;
        let positions = weights.take("embeddings.position_embeddings.weight", &[shape.position_rows, hidden])?;
        let mut positions = weights.sound(positions.narrow(0, shape.first_position, places))?;
        if shape.segment_types > 0 {
            let types = weights.take("embeddings.token_type_embeddings.weight", &[shape.segment_types, hidden])?;
            positions = weights.sound(types.narrow(0, 0, 1).and_then(|first| positions.broadcast_add(&first)))?;
        }
        let norm = weights.norm("embeddings.LayerNorm", shape)?;
        let layers = (0..shape.layers)
            .map(|number| Layer::load(weights, shape, &names, number))
            .collect::<std::result::Result<_, _>>()?;
        Ok(Self { words, positions, norm, layers, heads: shape.heads, hidden })
    }

    /// One row for each token: what the last layer says of it.
    pub(super) fn run(&self, batch: &Packed) -> Result<Tensor> {
        let places: Vec<u32> = batch.lengths.iter().flat_map(|length| (0..).take(*length)).collect();
        let rows = |table: &Tensor, ids: &[u32]| table.index_select(&Tensor::new(ids, &Device::Cpu)?, 0);
        let mut states = rows(&self.words, &batch.ids)?;
        let no_bias = vec![0.0; self.hidden];
        states.inplace_op2(&rows(&self.positions, &places)?, &AddAndNormalize { bias: &no_bias, norm: &self.norm })?;
        for layer in &self.layers {
            states = layer.run(&states, &batch.lengths, self.heads)?;
        }
        Ok(states)
    }
}

impl Layer {
    fn load(
        weights: &mut Weights,
        shape: &Shape,
        names: &Naming,
        number: usize,
    ) -> std::result::Result<Self, ModelError> {
        let (hidden, inner) = (shape.hidden, shape.inner);
        let name = |part: &str| format!("{}.{number}.{part}", names.layers);
        let scale = 1.0 / (shape.head_width() as f64).sqrt();
        let mut projections = Vec::with_capacity(3);
        let mut bias = Vec::with_capacity(3 * hidden);
        for (part, scale) in [(names.query, scale), (names.key, 1.0), (names.value, 1.0)] {
            let weight = weights.take(&name(&format!("{part}.weight")), &[hidden, hidden])?;
            let part_bias = weights.take(&name(&format!("{part}.bias")), &[hidden])?;
            projections.push(weights.sound(weight.affine(scale, 0.0))?);
            bias.extend(weights.sound(part_bias.affine(scale, 0.0).and_then(|bias| bias.to_vec1::<f32>()))?);
        }
        let attention = weights.sound(Tensor::cat(&projections, 0).and_then(|all| all.t()?.contiguous()))?;
        Ok(Self {
            attention: Linear { weight: attention, bias },
            attention_output: Self::linear(weights, &name(names.attention_output), hidden, hidden)?,
            attention_norm: weights.norm(&name(names.attention_norm), shape)?,
            inner: Self::linear(weights, &name(names.inner), hidden, inner)?,
            activation: shape.activation,
            output: Self::linear(weights, &name(names.output), inner, hidden)?,
            output_norm: weights.norm(&name(names.output_norm), shape)?,
        })
    }

    fn linear(
        weights: &mut Weights,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> std::result::Result<Linear, ModelError> {
        let weight = weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = weights.take(&format!("{name}.bias"), &[outputs])?;
        let weight = weights.sound(weight.t().and_then(|weight| weight.contiguous()))?;
        Ok(Linear { weight, bias: weights.sound(bias.to_vec1())? })
    }

    fn run(&self, states: &Tensor, lengths: &[usize], heads: usize) -> Result<Tensor> {
        let projected = self.attention.product(states)?;
        projected.inplace_op1(&Bias(&self.attention.bias))?;
        let attended = self.attention_output.product(&attend(&projected, lengths, heads)?)?;
        let norm = AddAndNormalize { bias: &self.attention_output.bias, norm: &self.attention_norm };
        attended.inplace_op2(states, &norm)?;

        let inner = self.inner.product(&attended)?;
        inner.inplace_op1(&Activate { bias: &self.inner.bias, activation: self.activation })?;
        let output = self.output.product(&inner)?;
        let norm = AddAndNormalize { bias: &self.output.bias, norm: &self.output_norm };
        output.inplace_op2(&attended, &norm)?;
        Ok(output)
    }
}

/// The attention of each sequence to itself, from queries, keys and values side
/// by side in each row.
fn attend(projected: &Tensor, lengths: &[usize], heads: usize) -> Result<Tensor> {
    let (tokens, width) = projected.dims2()?;
    let hidden = width / 3;
    let projected = projected.reshape((tokens, 3, heads, hidden / heads))?;
    let mut attended = Vec::with_capacity(lengths.len());
    let mut start = 0;
    for &length in lengths {
        let sequence = projected.narrow(0, start, length)?;
        // heads x length x width of a head
        let part = |number: usize| sequence.narrow(1, number, 1)?.squeeze(1)?.transpose(0, 1);
        let scores = part(0)?.matmul(&part(1)?.t()?)?;
        scores.inplace_op1(&Softmax)?;
        let values = scores.matmul(&part(2)?)?;
        attended.push(values.transpose(0, 1)?.reshape((length, hidden))?);
        start += length;
    }
    match attended.as_slice() {
        [only] => Ok(only.clone()),
        all => Tensor::cat(all, 0),
    }
}
