//! Each sequence attends to itself, head by head.

use super::{Native, room};
use crate::model::Encoding;
use crate::simd::{self, Panels, Rows};

/// Queries that are scored at once: their scores over a text of usual length stay in the first-level cache.
const QUERIES: usize = 96;

/// What attention writes into.
#[derive(Default)]
pub(super) struct Scratch {
    scores: Vec<f32>,
    mixed: Vec<f32>,
    keys: Panels,
    values: Panels,
}

impl Native {
    /// Attends within each text. `qkv` holds queries, keys and values of each token side by side, tokens `stride` apart.
    pub(super) fn attend(
        &self,
        pack: &[&Encoding],
        stride: usize,
        qkv: &[f32],
        scratch: &mut Scratch,
        context: &mut [f32],
    ) {
        let width = self.hidden / self.heads;
        let mut first = 0;
        for encoding in pack {
            let length = encoding.ids.len();
            for head in 0..self.heads {
                let part = |which: usize, from: usize, count: usize| Rows {
                    data: qkv
                        .get((first + from) * stride + which * self.hidden + head * width..)
                        .unwrap_or_default(),
                    count,
                    stride,
                };
                if length > 0 {
                    scratch
                        .keys
                        .pack_transposed(self.level, part(1, 0, length), width);
                    scratch.values.pack_rows(part(2, 0, length), width);
                }
                for from in (0..length).step_by(QUERIES) {
                    let count = (length - from).min(QUERIES);
                    let mixed = self.mix(part(0, from, count), length, scratch);
                    let out = context
                        .chunks_exact_mut(self.hidden)
                        .skip(first + from)
                        .take(count);
                    for (out, mixed) in out.zip(mixed) {
                        let to = out.get_mut(head * width..(head + 1) * width);
                        if let (Some(to), Some(from)) = (to, mixed.get(..width)) {
                            to.copy_from_slice(from);
                        }
                    }
                }
            }
            first += length;
        }
    }

    /// The values that some queries ask for, one row a query.
    fn mix<'s>(
        &self,
        queries: Rows<'_>,
        length: usize,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = &'s [f32]> {
        let (keys, values) = (&scratch.keys, &scratch.values);
        let stride = keys.columns();
        let scores = room(&mut scratch.scores, queries.count * stride);
        simd::product(self.level, queries, keys, None, scores);
        simd::softmax(self.level, scores, stride, length);
        let weights = Rows {
            data: scores,
            count: queries.count,
            stride,
        };
        let mixed = room(&mut scratch.mixed, queries.count * values.columns());
        simd::product(self.level, weights, values, None, mixed);
        mixed.chunks_exact(values.columns())
    }
}
