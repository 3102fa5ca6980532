//! The steps between the matrix products, each in one pass over memory.
//!
//! They are written so that the compiler computes many values at once, and
//! compiled once for each level of SIMD. That needs an `exp` without branches:
//! the library's own would take longer than the products of a small model.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, bail};
use fearless_simd::{Level, Simd, dispatch};

/// What a feed-forward layer applies between its two products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    /// x Φ(x), with the error function.
    Gelu,
    /// The same with a hyperbolic tangent (Hendrycks and Gimpel, 2016).
    GeluTanh,
    /// max(x, 0).
    Relu,
}

/// Adds a bias to each row.
pub(super) struct Bias<'a>(pub(super) &'a [f32]);

/// Adds a bias to each row and applies the activation.
pub(super) struct Activate<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

/// Turns each row of so many scores into weights that add up to 1.
pub(super) struct Softmax;

/// Adds a bias and another tensor to each row, and normalizes the row.
pub(super) struct AddAndNormalize<'a> {
    pub(super) bias: &'a [f32],
    pub(super) norm: &'a Norm,
}

/// Layer normalization (Ba, Kiros and Hinton, 2016).
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    /// Added to the variance.
    pub(super) epsilon: f32,
}

impl InplaceOp1 for Bias<'_> {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let values = values_mut(storage, layout)?;
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || values.chunks_exact_mut(self.0.len()).for_each(|row| add(row, self.0))
        ));
        Ok(())
    }
}

impl InplaceOp1 for Activate<'_> {
    fn name(&self) -> &'static str {
        "activate"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let values = values_mut(storage, layout)?;
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || match self.activation {
                Activation::Gelu => activate(values, self.bias, gelu),
                Activation::GeluTanh => activate(values, self.bias, gelu_tanh),
                Activation::Relu => activate(values, self.bias, |x| if x > 0.0 { x } else { 0.0 }),
            }
        ));
        Ok(())
    }
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let width = layout.dims().last().copied().unwrap_or(1);
        let values = values_mut(storage, layout)?;
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || values.chunks_exact_mut(width).for_each(softmax)
        ));
        Ok(())
    }
}

impl InplaceOp2 for AddAndNormalize<'_> {
    fn name(&self) -> &'static str {
        "add-and-normalize"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        added: &CpuStorage,
        added_layout: &Layout,
    ) -> Result<()> {
        let values = values_mut(storage, layout)?;
        let Some((start, end)) = added_layout.contiguous_offsets() else { bail!("the added tensor is strided") };
        let added = &added.as_slice::<f32>()?[start..end];
        let width = self.bias.len();
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || for (row, added) in values.chunks_exact_mut(width).zip(added.chunks_exact(width)) {
                add(row, self.bias);
                add(row, added);
                normalize(row, self.norm);
            }
        ));
        Ok(())
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("the tensor is strided") };
    match storage {
        CpuStorage::F32(values) => Ok(&mut values[start..end]),
        _ => bail!("the tensor does not hold 32-bit floats"),
    }
}

#[inline(always)]
fn add(row: &mut [f32], added: &[f32]) {
    row.iter_mut().zip(added).for_each(|(value, added)| *value += added);
}

#[inline(always)]
fn activate(values: &mut [f32], bias: &[f32], function: impl Fn(f32) -> f32) {
    for row in values.chunks_exact_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(value, bias)| *value = function(*value + bias));
    }
}

#[inline(always)]
fn softmax(row: &mut [f32]) {
    let largest = fold(row, f32::MIN, |value| value, |a, b| if a > b { a } else { b });
    row.iter_mut().for_each(|value| *value = exp(*value - largest));
    let factor = 1.0 / fold(row, 0.0, |value| value, |a, b| a + b);
    row.iter_mut().for_each(|value| *value *= factor);
}

#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "rows are far shorter than 2^24")]
fn normalize(row: &mut [f32], norm: &Norm) {
    let count = row.len() as f32;
    let mean = fold(row, 0.0, |value| value, |a, b| a + b) / count;
    let variance = fold(row, 0.0, |value| (value - mean) * (value - mean), |a, b| a + b) / count;
    let factor = 1.0 / (variance + norm.epsilon).sqrt();
    for ((value, scale), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
        *value = (*value - mean) * factor * scale + shift;
    }
}

/// Combines values in independent lanes, which the compiler may not do by
/// itself, since the order of additions changes a sum of floats.
#[inline(always)]
fn fold(row: &[f32], start: f32, of: impl Fn(f32) -> f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = combine(*lane, of(*value));
        }
    }
    let rest = rest.iter().fold(start, |all, value| combine(all, of(*value)));
    lanes.into_iter().fold(rest, combine)
}

/// x Φ(x). The error function is formula 7.1.26 of Abramowitz and Stegun, whose
/// error is below 1.5e-7.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    let erf = (1.0 - series * exp(-z * z)).copysign(x);
    0.5 * x * (1.0 + erf)
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let inner = 0.797_884_6 * (x + 0.044_715 * x * x * x);
    // tanh(a) = 1 - 2 / (e^2a + 1)
    0.5 * x * (2.0 - 2.0 / (exp(2.0 * inner) + 1.0))
}

/// e^x to 2e-7 of its value, for x from -87 to 88; beyond that, as at the limit.
///
/// x is n ln 2 + r with |r| <= ln 2 / 2; e^r is its Taylor series to the sixth
/// power, and 2^n is put together from its bits.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the low bits of a float.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the product with n is exact.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    series * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use proptest::prelude::*;

    fn rows(values: &[f32], width: usize) -> Tensor {
        Tensor::from_slice(values, (values.len() / width, width), &Device::Cpu).expect("a tensor")
    }

    proptest! {
        #[test]
        fn exp_is_exact_to_the_last_bits(x in -86.0_f32..88.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7);
        }

        #[test]
        fn activations_are_those_of_the_matrix_library(values in prop::collection::vec(-12.0_f32..12.0, 64)) {
            let input = rows(&values, 64);
            let zeros = [0.0; 64];
            for (activation, expected) in [
                (Activation::Gelu, input.gelu_erf()),
                (Activation::GeluTanh, input.gelu()),
                (Activation::Relu, input.relu()),
            ] {
                let output = input.copy().expect("a copy");
                output.inplace_op1(&Activate { bias: &zeros, activation }).expect("an output");
                let off = (output - expected.expect("one")).and_then(|off| off.abs()?.max_all()?.to_scalar::<f32>());
                prop_assert!(off.expect("a difference") < 2e-6, "{activation:?}");
            }
        }

        #[test]
        fn weights_add_up_to_one_in_the_order_of_the_scores(values in prop::collection::vec(-60.0_f32..60.0, 70)) {
            let output = rows(&values, 35);
            output.inplace_op1(&Softmax).expect("weights");
            for (row, scores) in output.to_vec2::<f32>().expect("rows").iter().zip(values.chunks(35)) {
                prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                let at = (0..35).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).expect("one");
                prop_assert!(row.iter().all(|weight| *weight <= row[at]));
            }
        }

        #[test]
        fn normalized_rows_have_mean_0_and_variance_1(values in prop::collection::vec(-5.0_f32..5.0, 96)) {
            let norm = Norm { scale: vec![1.0; 48], shift: vec![0.0; 48], epsilon: 1e-12 };
            let output = rows(&values, 48);
            let bias: Vec<f32> = (0..48_u8).map(f32::from).collect();
            output.inplace_op2(&rows(&values, 48), &AddAndNormalize { bias: &bias, norm: &norm }).expect("rows");
            for row in output.to_vec2::<f32>().expect("rows") {
                prop_assert!(row.iter().sum::<f32>().abs() < 1e-3);
                prop_assert!((row.iter().map(|value| value * value).sum::<f32>() / 48.0 - 1.0).abs() < 1e-3);
            }
        }
    }
}
