//! BERT's forward pass on one core: a pack of texts without padding runs through all layers.
//!
//! candle spends most of its time on a processor outside the matrix products, and never uses 512-bit vectors in them. Here
//! weights are packed once, the scale of attention is folded into them, and each sequence attends over its exact length, so
//! that a text's vector is the same whatever rides with it.

mod attention;
mod load;

use super::Error;
use super::device::EXACT16;
use crate::model::Encoding;
use crate::simd::{self, IntegerPanels, IntegerRows, Level, Panels, Rows};
use crate::space::Pooling;

/// Tokens of one pack: enough rows to keep the kernels busy, few enough that activations stay in the second-level cache.
const PACK_TOKENS: usize = 256;
/// Rows that go through a feed-forward network at once, whose inner activations are the widest.
const BLOCK_ROWS: usize = 128;

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

/// What one worker writes into, pack after pack. Buffers only grow, and hold whatever was there before.
#[derive(Default)]
pub(super) struct Scratch {
    rows: Vec<f32>,
    wide: Vec<f32>,
    inner: Vec<f32>,
    context: Vec<f32>,
    integers: IntegerRows,
    heads: attention::Scratch,
}

impl Native {
    /// How its matrices are multiplied.
    pub(super) fn scheme(&self) -> &'static str {
        match self.layers.first().map(|layer| &layer.qkv.weights) {
            Some(Weights::Integer(_)) => EXACT16,
            _ => "f32",
        }
    }

    /// Measures the peak of one core with these kernels.
    pub(super) fn peak_of_a_core(&self, integer: bool) -> f64 {
        simd::peak(self.level, integer)
    }

    /// Embeds texts in their order, each pooled to one row that is not normalised yet.
    pub(super) fn embed(
        &self,
        encodings: &[Encoding],
        scratch: &mut Scratch,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let mut vectors = vec![Vec::new(); encodings.len()];
        for pack in packs(encodings) {
            let texts: Vec<&Encoding> = pack.iter().map(|(_, encoding)| *encoding).collect();
            for ((index, _), row) in pack.iter().zip(self.forward(&texts, scratch)?) {
                if let Some(slot) = vectors.get_mut(*index) {
                    *slot = row;
                }
            }
        }
        Ok(vectors)
    }

    /// Runs one pack through all layers. Gives one row a text, pooled and not normalised yet.
    fn forward(&self, pack: &[&Encoding], scratch: &mut Scratch) -> Result<Vec<Vec<f32>>, Error> {
        let (level, hidden) = (self.level, self.hidden);
        let Scratch {
            rows,
            wide,
            inner,
            context,
            integers,
            heads,
        } = scratch;
        rows.clear();
        for encoding in pack {
            self.look_up(encoding, rows)?;
        }
        let count = rows.len() / hidden;
        let context = room(context, rows.len());
        context.fill(0.0);
        self.norm.join(level, rows, context, hidden, self.epsilon);
        let block_rows = count.div_ceil(count.div_ceil(BLOCK_ROWS).max(1)).max(1);
        for layer in &self.layers {
            let qkv = layer.qkv.apply(level, rows, hidden, integers, wide);
            self.attend(pack, layer.qkv.columns(), qkv, heads, context);
            let added = layer.output.apply(level, context, hidden, integers, wide);
            let stride = layer.output.columns();
            layer
                .output_norm
                .join(level, rows, added, stride, self.epsilon);
            for block in rows.chunks_mut(block_rows * hidden) {
                let inner = layer.widen.apply(level, block, hidden, integers, inner);
                simd::gelu(level, inner);
                let width = layer.widen.columns();
                let added = layer.narrow.apply(level, inner, width, integers, wide);
                let stride = layer.narrow.columns();
                layer
                    .narrow_norm
                    .join(level, block, added, stride, self.epsilon);
            }
        }
        Ok(self.pool(pack, rows))
    }

    /// Appends the sums of each token's embeddings. Where no types are given, all are the first.
    fn look_up(&self, encoding: &Encoding, rows: &mut Vec<f32>) -> Result<(), Error> {
        for (position, id) in encoding.ids.iter().enumerate() {
            let kind = encoding.type_ids.get(position).copied().unwrap_or(0);
            let word = self.row(&self.words, *id as usize);
            let (place, kind) = (
                self.row(&self.positions, position),
                self.row(&self.types, kind as usize),
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
        Ok(())
    }

    /// One row of a table of embeddings.
    fn row<'t>(&self, table: &'t [f32], index: usize) -> Option<&'t [f32]> {
        table.chunks_exact(self.hidden).nth(index)
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
    /// Adds a product to the rows and normalises them.
    fn join(&self, level: Level, rows: &mut [f32], added: &[f32], stride: usize, epsilon: f32) {
        let affine = (self.weight.as_slice(), self.bias.as_slice());
        simd::add_norm(level, rows, added, stride, affine, epsilon);
    }
}

impl Linear {
    fn columns(&self) -> usize {
        self.bias.len()
    }

    /// Computes `rows × weights + bias` into `out`, whose rows are `columns` wide. Rows are `width` numbers apart.
    fn apply<'o>(
        &self,
        level: Level,
        rows: &[f32],
        width: usize,
        integers: &mut IntegerRows,
        out: &'o mut Vec<f32>,
    ) -> &'o mut [f32] {
        let count = rows.len() / width;
        let out = room(out, count * self.columns());
        match &self.weights {
            Weights::Float(panels) => {
                let rows = Rows {
                    data: rows,
                    count,
                    stride: width,
                };
                simd::product(level, rows, panels, Some(&self.bias), out);
            }
            Weights::Integer(panels) => {
                integers.quantize(level, rows, width);
                simd::integer_product(level, integers, panels, &self.bias, out);
            }
        }
        out
    }
}

/// The first `count` numbers of a buffer, grown where it is too small. What they are is up to whoever wrote them last.
fn room(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    buffer.get_mut(..count).unwrap_or_default()
}

/// Groups texts, each with its place, into packs of about [`PACK_TOKENS`], longest first.
fn packs(encodings: &[Encoding]) -> Vec<Vec<(usize, &Encoding)>> {
    let mut order: Vec<(usize, &Encoding)> = encodings.iter().enumerate().collect();
    order.sort_by_key(|(_, encoding)| std::cmp::Reverse(encoding.ids.len()));
    let mut packs: Vec<Vec<(usize, &Encoding)>> = Vec::new();
    let mut tokens = usize::MAX;
    for (index, encoding) in order {
        tokens = tokens.saturating_add(encoding.ids.len());
        match packs.last_mut() {
            Some(pack) if tokens <= PACK_TOKENS => pack.push((index, encoding)),
            _ => {
                packs.push(vec![(index, encoding)]);
                tokens = encoding.ids.len();
            }
        }
    }
    packs
}
