//! BERT's forward pass on the processor: packs without padding, one worker a core running a whole pack through all layers.
//!
//! candle spends most of its time on a processor outside the matrix products, and never uses 512-bit vectors in them. Here
//! weights are packed once, the scale of attention is folded into them, and each sequence attends over its exact length, so
//! that a text's vector is the same whatever rides with it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use candle_nn::VarBuilder;
use candle_transformers::models::bert::{Config, HiddenAct};

use super::Error;
use super::device::{EXACT16, Precision};
use crate::model::Encoding;
use crate::progress::Interrupted;
use crate::simd::{self, IntegerPanels, IntegerRows, Level, Panels, Rows};
use crate::space::Pooling;

/// Tokens of one pack: enough rows to keep the kernels busy, few enough that activations stay in the second-level cache.
const PACK_TOKENS: usize = 448;

/// A model's weights, packed for this processor.
pub(super) struct Native {
    level: Level,
    hidden: usize,
    heads: usize,
    pooling: Pooling,
    epsilon: f32,
    words: Vec<f32>,
    positions: Vec<f32>,
    types: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    qkv: Linear,
    output: Linear,
    output_norm: Norm,
    widen: Linear,
    narrow: Linear,
    narrow_norm: Norm,
}

struct Linear {
    weights: Weights,
    /// One number a column, padding included.
    bias: Vec<f32>,
}

enum Weights {
    Float(Panels),
    Integer(IntegerPanels),
}

/// The pooled rows of one pack.
type PackResult = Result<Vec<Vec<f32>>, Error>;

/// What one worker writes into, pack after pack.
#[derive(Default)]
struct Scratch {
    rows: Vec<f32>,
    wide: Vec<f32>,
    context: Vec<f32>,
    scores: Vec<f32>,
    keys: Panels,
    values: Panels,
    integers: IntegerRows,
}

impl Native {
    /// Packs a model, or says `None` where this processor has no kernels or the model is not of the shape that they compute.
    pub(super) fn load(
        weights: &VarBuilder<'_>,
        config: &Config,
        pooling: Pooling,
        precision: Precision,
    ) -> candle_core::Result<Option<Self>> {
        let Some(level) = Level::detect() else {
            return Ok(None);
        };
        let (hidden, inner, heads) = (
            config.hidden_size,
            config.intermediate_size,
            config.num_attention_heads,
        );
        let fits = heads > 0
            && hidden.is_multiple_of(heads)
            && hidden.is_multiple_of(2)
            && inner.is_multiple_of(simd::PANEL);
        if config.hidden_act != HiddenAct::Gelu || !fits {
            return Ok(None);
        }
        let integer = precision == Precision::Exact16 && level == Level::Avx512Vnni;
        let prefixed = weights.contains_tensor("bert.embeddings.word_embeddings.weight");
        let weights = if prefixed {
            weights.pp("bert")
        } else {
            weights.clone()
        };
        let embeddings = weights.pp("embeddings");
        let table = |name: &str, rows: usize| {
            embeddings
                .pp(name)
                .get((rows, hidden), "weight")?
                .flatten_all()?
                .to_vec1()
        };
        let mut layers = Vec::new();
        for index in 0..config.num_hidden_layers {
            let layer = weights.pp(format!("encoder.layer.{index}"));
            let own = layer.pp("attention.self");
            let query_scale = 1.0 / ((hidden / heads) as f32).sqrt();
            let parts = [("query", query_scale), ("key", 1.0), ("value", 1.0)];
            let (mut matrix, mut bias) = (Vec::new(), Vec::new());
            for (name, scale) in parts {
                let part: Vec<f32> = own
                    .pp(name)
                    .get((hidden, hidden), "weight")?
                    .flatten_all()?
                    .to_vec1()?;
                matrix.extend(part.iter().map(|weight| weight * scale));
                bias.extend(
                    own.pp(name)
                        .get(hidden, "bias")?
                        .to_vec1::<f32>()?
                        .iter()
                        .map(|bias| bias * scale),
                );
            }
            let linear =
                |at: VarBuilder<'_>, rows: usize, columns: usize| -> candle_core::Result<Linear> {
                    let matrix: Vec<f32> = at
                        .get((columns, rows), "weight")?
                        .flatten_all()?
                        .to_vec1()?;
                    Ok(Linear::pack(
                        &matrix,
                        rows,
                        at.get(columns, "bias")?.to_vec1()?,
                        integer,
                    ))
                };
            layers.push(Layer {
                qkv: Linear::pack(&matrix, hidden, bias, integer),
                output: linear(layer.pp("attention.output.dense"), hidden, hidden)?,
                output_norm: Norm::load(&layer.pp("attention.output.LayerNorm"), hidden)?,
                widen: linear(layer.pp("intermediate.dense"), hidden, inner)?,
                narrow: linear(layer.pp("output.dense"), inner, hidden)?,
                narrow_norm: Norm::load(&layer.pp("output.LayerNorm"), hidden)?,
            });
        }
        Ok(Some(Self {
            level,
            hidden,
            heads,
            pooling,
            epsilon: config.layer_norm_eps as f32,
            words: table("word_embeddings", config.vocab_size)?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            types: table("token_type_embeddings", config.type_vocab_size)?,
            norm: Norm::load(&embeddings.pp("LayerNorm"), hidden)?,
            layers,
        }))
    }

    /// How its matrices are multiplied.
    pub(super) fn scheme(&self) -> &'static str {
        match self.layers.first().map(|layer| &layer.qkv.weights) {
            Some(Weights::Integer(_)) => EXACT16,
            _ => "f32",
        }
    }

    /// Embeds texts, each pooled to one row that is not normalised yet. `watch` is told how many are done, and may stop.
    pub(super) fn embed(
        &self,
        encodings: &[Encoding],
        watch: &mut dyn FnMut(usize) -> Result<(), Interrupted>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let packs = packs(encodings);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut vectors = vec![Vec::new(); encodings.len()];
        let work = |done: &mut dyn FnMut(&[usize], PackResult)| {
            let mut scratch = Scratch::default();
            while !stop.load(Ordering::Relaxed) {
                let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                let texts: Vec<&Encoding> = pack
                    .iter()
                    .filter_map(|index| encodings.get(*index))
                    .collect();
                done(pack, self.forward(&texts, &mut scratch));
            }
        };
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..cores.min(packs.len()) {
                let (sender, work) = (sender.clone(), &work);
                // The receiver is gone only when the work was stopped.
                scope.spawn(move || {
                    work(&mut |pack, rows| drop(sender.send((pack.to_vec(), rows))));
                });
            }
            drop(sender);
            for (pack, rows) in receiver {
                let collected = rows.and_then(|rows| {
                    for (index, row) in pack.iter().zip(rows) {
                        if let Some(slot) = vectors.get_mut(*index) {
                            *slot = row;
                        }
                    }
                    Ok(watch(pack.len())?)
                });
                if let Err(e) = collected {
                    stop.store(true, Ordering::Relaxed);
                    return Err(e);
                }
            }
            Ok(vectors)
        })
    }

    /// Runs one pack through all layers.
    fn forward(&self, pack: &[&Encoding], scratch: &mut Scratch) -> PackResult {
        let hidden = self.hidden;
        let rows = &mut scratch.rows;
        rows.clear();
        for encoding in pack {
            for (position, (id, kind)) in encoding.ids.iter().zip(&encoding.type_ids).enumerate() {
                let word = self.row(&self.words, *id as usize);
                let (place, kind) = (
                    self.row(&self.positions, position),
                    self.row(&self.types, *kind as usize),
                );
                let (Some(word), Some(place), Some(kind)) = (word, place, kind) else {
                    return Err(Error::UnknownToken(*id));
                };
                rows.extend(
                    word.iter()
                        .zip(place)
                        .zip(kind)
                        .map(|((word, place), kind)| word + (place + kind)),
                );
            }
        }
        let tokens = rows.len() / hidden;
        let none = vec![0.0; hidden];
        for row in rows.chunks_exact_mut(hidden) {
            simd::add_norm(
                self.level,
                row,
                &none,
                &self.norm.weight,
                &self.norm.bias,
                self.epsilon,
            );
        }
        scratch.context.resize(tokens * hidden, 0.0);
        for layer in &self.layers {
            let Scratch {
                rows,
                wide,
                context,
                scores,
                keys,
                values,
                integers,
            } = scratch;
            layer.qkv.apply(self.level, rows, hidden, integers, wide);
            self.attend(
                pack,
                layer.qkv.columns(),
                wide,
                scores,
                keys,
                values,
                context,
            );
            layer
                .output
                .apply(self.level, context, hidden, integers, wide);
            self.join(rows, wide, layer.output.columns(), &layer.output_norm);
            layer.widen.apply(self.level, rows, hidden, integers, wide);
            simd::gelu(self.level, wide);
            let inner = layer.widen.columns();
            std::mem::swap(context, wide);
            layer
                .narrow
                .apply(self.level, context, inner, integers, wide);
            self.join(rows, wide, layer.narrow.columns(), &layer.narrow_norm);
            context.resize(tokens * hidden, 0.0);
        }
        Ok(self.pool(pack, &scratch.rows))
    }

    /// One row of a table of embeddings.
    fn row<'t>(&self, table: &'t [f32], index: usize) -> Option<&'t [f32]> {
        table.chunks_exact(self.hidden).nth(index)
    }

    /// Adds a product to the rows and normalises them.
    fn join(&self, rows: &mut [f32], added: &[f32], stride: usize, norm: &Norm) {
        for (row, added) in rows
            .chunks_exact_mut(self.hidden)
            .zip(added.chunks_exact(stride))
        {
            simd::add_norm(
                self.level,
                row,
                added,
                &norm.weight,
                &norm.bias,
                self.epsilon,
            );
        }
    }

    /// Each sequence attends to itself, head by head. `qkv` holds queries, keys and values of each token side by side.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one worker's scratch, borrowed apart"
    )]
    fn attend(
        &self,
        pack: &[&Encoding],
        stride: usize,
        qkv: &[f32],
        scores: &mut Vec<f32>,
        keys: &mut Panels,
        values: &mut Panels,
        context: &mut [f32],
    ) {
        let (hidden, width) = (self.hidden, self.hidden / self.heads);
        let mut first = 0;
        let mut mixed = Vec::new();
        for encoding in pack {
            let length = encoding.ids.len();
            if length == 0 {
                continue;
            }
            for head in 0..self.heads {
                let part = |which: usize| Rows {
                    data: qkv
                        .get(first * stride + which * hidden + head * width..)
                        .unwrap_or_default(),
                    count: length,
                    stride,
                };
                keys.pack_transposed(part(1), width);
                scores.resize(length * keys.columns(), 0.0);
                simd::product(self.level, part(0), keys, None, scores);
                let padded = keys.columns();
                for row in scores.chunks_exact_mut(padded) {
                    simd::softmax(self.level, row.get_mut(..length).unwrap_or_default());
                }
                values.pack_rows(part(2), width);
                mixed.resize(length * values.columns(), 0.0);
                let weights = Rows {
                    data: scores,
                    count: length,
                    stride: padded,
                };
                simd::product(self.level, weights, values, None, &mut mixed);
                let out = context.chunks_exact_mut(hidden).skip(first);
                for (out, mixed) in out.zip(mixed.chunks_exact(values.columns())) {
                    for (out, value) in out
                        .iter_mut()
                        .skip(head * width)
                        .zip(mixed.iter().take(width))
                    {
                        *out = *value;
                    }
                }
            }
            first += length;
        }
    }

    fn pool(&self, pack: &[&Encoding], rows: &[f32]) -> Vec<Vec<f32>> {
        let mut rest = rows.chunks_exact(self.hidden);
        let mut pool = |encoding: &&Encoding| {
            let mut sums = vec![0.0f64; self.hidden];
            for (at, row) in rest.by_ref().take(encoding.ids.len()).enumerate() {
                if self.pooling == Pooling::Mean || at == 0 {
                    sums.iter_mut()
                        .zip(row)
                        .for_each(|(sum, value)| *sum += f64::from(*value));
                }
            }
            let count = match self.pooling {
                Pooling::Mean => encoding.ids.len().max(1) as f64,
                Pooling::Cls => 1.0,
            };
            sums.into_iter().map(|sum| (sum / count) as f32).collect()
        };
        pack.iter().map(&mut pool).collect()
    }
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
    fn pack(matrix: &[f32], inputs: usize, mut bias: Vec<f32>, integer: bool) -> Self {
        let at =
            |row: usize, column: usize| matrix.get(column * inputs + row).copied().unwrap_or(0.0);
        let weights = if integer {
            Weights::Integer(IntegerPanels::pack(inputs, bias.len(), at))
        } else {
            let mut panels = Panels::default();
            panels.pack(inputs, bias.len(), at);
            Weights::Float(panels)
        };
        bias.resize(bias.len().next_multiple_of(simd::PANEL), 0.0);
        Self { weights, bias }
    }

    fn columns(&self) -> usize {
        self.bias.len()
    }

    /// Computes `rows × weights + bias` into `out`, whose rows are `columns` wide. Rows are `width` numbers apart.
    fn apply(
        &self,
        level: Level,
        rows: &[f32],
        width: usize,
        integers: &mut IntegerRows,
        out: &mut Vec<f32>,
    ) {
        let count = rows.len() / width;
        out.resize(count * self.columns(), 0.0);
        match &self.weights {
            Weights::Float(panels) => {
                simd::product(
                    level,
                    Rows {
                        data: rows,
                        count,
                        stride: width,
                    },
                    panels,
                    Some(&self.bias),
                    out,
                );
            }
            Weights::Integer(panels) => {
                integers.quantize(level, rows, width);
                simd::integer_product(level, integers, panels, &self.bias, out);
            }
        }
    }
}

/// Groups texts into packs of about [`PACK_TOKENS`], longest first. Each pack lists indexes.
fn packs(encodings: &[Encoding]) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, usize)> = encodings
        .iter()
        .map(|encoding| encoding.ids.len())
        .zip(0..)
        .collect();
    order.sort_by_key(|(length, index)| (std::cmp::Reverse(*length), *index));
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut tokens = usize::MAX;
    for (length, index) in order {
        tokens = tokens.saturating_add(length);
        match packs.last_mut() {
            Some(pack) if tokens <= PACK_TOKENS => pack.push(index),
            _ => {
                packs.push(vec![index]);
                tokens = length;
            }
        }
    }
    packs
}
