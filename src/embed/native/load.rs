//! Packing a model's weights.

use candle_nn::VarBuilder;
use candle_transformers::models::bert::{Config, HiddenAct};

use super::{Layer, Linear, Native, Norm, Weights};
use crate::embed::device::Precision;
use crate::simd::{self, IntegerPanels, Level, Panels, Rows};
use crate::space::Pooling;

/// What the weights of every layer are packed by.
#[derive(Clone, Copy)]
struct Plan {
    level: Level,
    integer: bool,
    hidden: usize,
    inner: usize,
    heads: usize,
}

impl Native {
    /// Packs a model on `threads` cores, or says `None` where this processor lacks the level or the model is not of the shape that the kernels
    /// compute.
    pub(in crate::embed) fn load(
        weights: &VarBuilder<'_>,
        config: &Config,
        pooling: Pooling,
        precision: Precision,
        level: Level,
        threads: usize,
    ) -> candle_core::Result<Option<Self>> {
        let plan = Plan {
            level,
            integer: precision == Precision::Exact16,
            hidden: config.hidden_size,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
        };
        let (hidden, heads) = (plan.hidden, plan.heads);
        let fits = heads > 0
            && hidden > 0
            && hidden.is_multiple_of(heads)
            && hidden.is_multiple_of(2)
            && plan.inner.is_multiple_of(simd::PANEL);
        if config.hidden_act != HiddenAct::Gelu || !fits || Some(level) > Level::detect() {
            return Ok(None);
        }
        let prefixed = weights.contains_tensor("bert.embeddings.word_embeddings.weight");
        let weights = if prefixed {
            weights.pp("bert")
        } else {
            weights.clone()
        };
        let embeddings = weights.pp("embeddings");
        let table =
            |name: &str, rows: usize| matrix(&embeddings.pp(name), (rows, hidden), "weight");
        Ok(Some(Self {
            level,
            hidden,
            heads,
            pooling,
            epsilon: config.layer_norm_eps as f32,
            layers: layers(&weights, config.num_hidden_layers, plan, threads)?,
            words: table("word_embeddings", config.vocab_size)?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            types: table("token_type_embeddings", config.type_vocab_size)?,
            norm: Norm::load(&embeddings.pp("LayerNorm"), hidden)?,
        }))
    }
}

/// Packs every layer, on so many cores.
fn layers(
    weights: &VarBuilder<'_>,
    count: usize,
    plan: Plan,
    threads: usize,
) -> candle_core::Result<Vec<Layer>> {
    let share = count.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .step_by(share)
            .map(|first| {
                scope.spawn(move || -> candle_core::Result<Vec<Layer>> {
                    let part = first..count.min(first + share);
                    part.map(|index| {
                        Layer::load(&weights.pp(format!("encoder.layer.{index}")), plan)
                    })
                    .collect()
                })
            })
            .collect();
        let mut layers = Vec::with_capacity(count);
        for worker in workers {
            match worker.join() {
                Ok(part) => layers.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(layers)
    })
}

impl Layer {
    fn load(layer: &VarBuilder<'_>, plan: Plan) -> candle_core::Result<Self> {
        let Plan { hidden, inner, .. } = plan;
        let own = layer.pp("attention.self");
        let query_scale = 1.0 / ((hidden / plan.heads) as f32).sqrt();
        let (mut weights, mut bias) = (Vec::with_capacity(3 * hidden * hidden), Vec::new());
        for (name, scale) in [("query", query_scale), ("key", 1.0), ("value", 1.0)] {
            let at = own.pp(name);
            let part = matrix(&at, (hidden, hidden), "weight")?;
            weights.extend(part.iter().map(|weight| weight * scale));
            let part: Vec<f32> = at.get(hidden, "bias")?.to_vec1()?;
            bias.extend(part.iter().map(|bias| bias * scale));
        }
        let linear = |name: &str, inputs: usize, outputs: usize| -> candle_core::Result<Linear> {
            let at = layer.pp(name);
            let weights = matrix(&at, (outputs, inputs), "weight")?;
            let bias = at.get(outputs, "bias")?.to_vec1()?;
            Ok(Linear::pack(&weights, inputs, bias, plan))
        };
        Ok(Self {
            qkv: Linear::pack(&weights, hidden, bias, plan),
            output: linear("attention.output.dense", hidden, hidden)?,
            output_norm: Norm::load(&layer.pp("attention.output.LayerNorm"), hidden)?,
            widen: linear("intermediate.dense", hidden, inner)?,
            narrow: linear("output.dense", inner, hidden)?,
            narrow_norm: Norm::load(&layer.pp("output.LayerNorm"), hidden)?,
        })
    }
}

/// The numbers of a matrix, row by row.
fn matrix(at: &VarBuilder<'_>, shape: (usize, usize), name: &str) -> candle_core::Result<Vec<f32>> {
    at.get(shape, name)?.flatten_all()?.to_vec1()
}

impl Norm {
    fn load(at: &VarBuilder<'_>, width: usize) -> candle_core::Result<Self> {
        // Checkpoints converted from TensorFlow use the older names.
        let (weight, bias) = if at.contains_tensor("weight") {
            ("weight", "bias")
        } else {
            ("gamma", "beta")
        };
        Ok(Self {
            weight: at.get(width, weight)?.to_vec1()?,
            bias: at.get(width, bias)?.to_vec1()?,
        })
    }
}

impl Linear {
    /// Packs a matrix of one row an output, as models store it.
    fn pack(matrix: &[f32], inputs: usize, mut bias: Vec<f32>, plan: Plan) -> Self {
        let rows = Rows {
            data: matrix,
            count: bias.len(),
            stride: inputs,
        };
        let weights = if plan.integer {
            Weights::Integer(IntegerPanels::pack_transposed(plan.level, rows, inputs))
        } else {
            let mut panels = Panels::default();
            panels.pack_transposed(plan.level, rows, inputs);
            Weights::Float(panels)
        };
        bias.resize(bias.len().next_multiple_of(simd::PANEL), 0.0);
        Self { weights, bias }
    }
}
