//! What the kernels read: panels of the right side, and rows of integers for the left.
#![expect(
    unsafe_code,
    reason = "transposing and quantising with vectors; each block says why it is sound"
)]

use super::{Level, Rows, avx2, check_rows, rows256, rows512};

/// Columns of one panel.
pub const PANEL: usize = 32;
/// Columns that a register tile may end at.
const HALF: usize = PANEL / 2;

/// One row of a panel. Aligned, so that no load of a vector crosses a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Line<T>(pub(super) [T; PANEL]);

/// The right side of a product, `k` rows by `n` columns, in panels; columns beyond `n` are zero.
#[derive(Debug, Clone, Default)]
pub struct Panels {
    pub(super) data: Vec<Line<f32>>,
    pub(super) k: usize,
    n: usize,
}

impl Panels {
    /// Packs the first `n` numbers of each row, reusing this one's memory: row `k` of the right side is row `k` here.
    pub fn pack_rows(&mut self, rows: Rows<'_>, n: usize) {
        (self.k, self.n) = (rows.count, n);
        self.data.clear();
        for first in (0..n).step_by(PANEL) {
            let width = (n - first).min(PANEL);
            let mut rest = rows.data.get(first..).unwrap_or_default();
            for _ in 0..rows.count {
                let mut line = Line([0.0; PANEL]);
                let (to, from) = (line.0.get_mut(..width), rest.get(..width));
                if let (Some(to), Some(from)) = (to, from) {
                    to.copy_from_slice(from);
                }
                self.data.push(line);
                rest = rest.get(rows.stride..).unwrap_or_default();
            }
        }
    }

    /// Packs the first `k` numbers of each row, transposed: column `n` of the right side is row `n` here.
    pub fn pack_transposed(&mut self, level: Level, rows: Rows<'_>, k: usize) {
        rows.check(k);
        (self.k, self.n) = (k, rows.count);
        self.data.clear();
        self.data
            .resize(rows.count.div_ceil(PANEL) * k, Line([0.0; PANEL]));
        for (first, panel) in (0..rows.count)
            .step_by(PANEL)
            .zip(self.data.chunks_exact_mut(k.max(1)))
        {
            let part = rows.from(first, PANEL);
            transpose(level, part.data, part.count, part.stride, k, panel);
        }
    }

    /// How far apart the rows of a product are: its columns, in whole panels.
    pub fn columns(&self) -> usize {
        self.n.next_multiple_of(PANEL)
    }

    /// The columns that a product writes.
    pub(super) fn written(&self) -> usize {
        self.n.next_multiple_of(HALF)
    }
}

/// Writes the first `k` numbers of up to a panel of rows as the columns of `k` lines.
fn transpose<T: Copy>(
    level: Level,
    data: &[T],
    count: usize,
    stride: usize,
    k: usize,
    lines: &mut [Line<T>],
) {
    const { assert!(size_of::<T>() == 4, "the kernel moves 32 bits at a time") };
    level.check();
    assert!(lines.len() >= k && count <= PANEL, "lines are too few");
    check_rows(data, count, stride, k);
    let (whole_rows, whole) = (count / 8 * 8, k / 8 * 8);
    for row in (0..whole_rows).step_by(8) {
        for at in (0..whole).step_by(8) {
            // SAFETY: every level has these instructions; 8 rows from `row` hold 8 numbers from `at`, as asserted, and so
            // do 8 lines; numbers of 32 bits are moved as they are.
            unsafe {
                let from = data.as_ptr().add(row * stride + at);
                let to = lines.as_mut_ptr().add(at).cast::<T>().add(row);
                avx2::transpose(from.cast(), stride, to.cast());
            }
        }
    }
    for (row, values) in data.chunks(stride.max(1)).take(count).enumerate() {
        let done = if row < whole_rows { whole } else { 0 };
        for (line, value) in lines.iter_mut().zip(values).take(k).skip(done) {
            if let Some(slot) = line.0.get_mut(row) {
                *slot = *value;
            }
        }
    }
}

/// Weights as 16-bit integers in panels, pairs of rows side by side: `[n / 32][k / 2][32][2]`, with a scale for each column.
#[derive(Debug, Clone, Default)]
pub struct IntegerPanels {
    pub(super) data: Vec<Line<[i16; 2]>>,
    pub(super) scales: Vec<f32>,
    pub(super) pairs: usize,
    n: usize,
}

/// The left side of an integer product: rows of pairs of 16-bit integers with a scale each.
#[derive(Debug, Clone, Default)]
pub struct IntegerRows {
    pub(super) data: Vec<[i16; 2]>,
    pub(super) scales: Vec<f32>,
    pub(super) pairs: usize,
}

/// The length that a column of integer weights may have. By Cauchy and Schwarz, no sum of products of a row and a column
/// exceeds the product of their lengths; a row may thus be as long as 2^31 divided by this, and no 32-bit sum overflows.
const COLUMN_LENGTH: f32 = 46_341.0;
/// The length that a row may have, less a margin for rounding, which adds at most half a unit to each number.
pub(super) const ROW_LENGTH: f32 = 2_147_483_648.0 / COLUMN_LENGTH * 0.995;

/// The step of a vector of length `length` and largest magnitude `most`, so that its integers fit 16 bits and `limit`.
/// Magnitudes stay at 32,767, so that the sum of two products fits 32 bits, which is what one instruction adds up. A length that
/// is no number gives a step that is none, and so does every product with it.
#[inline(always)]
pub(super) fn step(length: f32, most: f32, limit: f32) -> f32 {
    let (by_length, by_most) = (length / limit, (most / 32_767.0).max(f32::MIN_POSITIVE));
    if by_most > by_length {
        by_most
    } else {
        by_length
    }
}

impl IntegerPanels {
    /// Packs the first `k` numbers of each row, transposed: column `n` of the right side is row `n` here.
    pub fn pack_transposed(level: Level, rows: Rows<'_>, k: usize) -> Self {
        rows.check(k);
        let pairs = k.div_ceil(2);
        let panels = rows.count.div_ceil(PANEL);
        let mut data = vec![Line([[0; 2]; PANEL]); panels * pairs];
        let mut scales = Vec::with_capacity(panels * PANEL);
        let mut integers = vec![[0; 2]; PANEL * pairs];
        for (first, panel) in (0..rows.count)
            .step_by(PANEL)
            .zip(data.chunks_exact_mut(pairs.max(1)))
        {
            let part = rows.from(first, PANEL);
            let lines = part.data.chunks(part.stride.max(1)).take(part.count);
            for (line, out) in lines.zip(integers.chunks_exact_mut(pairs.max(1))) {
                let line = line.get(..k).unwrap_or_default();
                scales.push(quantize(level, line, out, COLUMN_LENGTH * 0.995));
            }
            transpose(level, &integers, part.count, pairs, pairs, panel);
        }
        scales.resize(panels * PANEL, f32::MIN_POSITIVE);
        Self {
            data,
            scales,
            pairs,
            n: rows.count,
        }
    }

    /// How far apart the rows of a product are: its columns, in whole panels.
    pub fn columns(&self) -> usize {
        self.n.next_multiple_of(PANEL)
    }
}

impl IntegerRows {
    /// Turns rows of `k` numbers, lying side by side, into integers.
    pub fn quantize(&mut self, level: Level, rows: &[f32], k: usize) {
        self.pairs = k.div_ceil(2);
        self.scales.clear();
        // What a row of odd length leaves in its last pair meets a weight of zero.
        self.data.resize(rows.len() / k * self.pairs, [0; 2]);
        for (row, out) in rows
            .chunks_exact(k)
            .zip(self.data.chunks_exact_mut(self.pairs))
        {
            self.scales.push(quantize(level, row, out, ROW_LENGTH));
        }
    }
}

/// Turns a row into integers no longer than `limit`, and returns their scale.
fn quantize(level: Level, row: &[f32], out: &mut [[i16; 2]], limit: f32) -> f32 {
    level.check();
    // SAFETY: the level was checked, so the instructions exist.
    unsafe {
        match level {
            Level::Avx2 => rows256::quantize(row, out.as_flattened_mut(), limit),
            Level::Avx512 | Level::Avx512Vnni => {
                rows512::quantize(row, out.as_flattened_mut(), limit)
            }
        }
    }
}
