//! 256-bit kernels.
#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    reason = "vector instructions, each block with its proof; arrays of a tile are indexed below their constant length"
)]

use std::arch::x86_64::*;

use super::{PANEL, ROW_LENGTH, Shape, math, step};

/// Rows of one register tile: 12 sums, 2 loads and 1 broadcast of 16 registers.
const ROWS: usize = 6;
/// Columns of one register tile.
const COLUMNS: usize = 16;

/// Computes `left × right + bias`.
///
/// # Safety
///
/// `left` must reach `rows` rows of `k` numbers, `right` hold `panels` panels, `out` hold `rows` rows of all columns; `bias` must
/// be null or hold all columns.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn product(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    for column in (0..shape.panels * PANEL).step_by(COLUMNS) {
        let mut row = 0;
        while row < shape.rows {
            let count = (shape.rows - row).min(ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let left = left.add(row * shape.left_stride);
                let right = right.add(column / PANEL * shape.k * PANEL + column % PANEL);
                let bias = if bias.is_null() {
                    bias
                } else {
                    bias.add(column)
                };
                let out = out.add(row * shape.out_stride + column);
                match count {
                    1 => tile::<1>(shape, left, right, bias, out),
                    2 => tile::<2>(shape, left, right, bias, out),
                    3 => tile::<3>(shape, left, right, bias, out),
                    4 => tile::<4>(shape, left, right, bias, out),
                    5 => tile::<5>(shape, left, right, bias, out),
                    _ => tile::<ROWS>(shape, left, right, bias, out),
                }
            }
            row += count;
        }
    }
}

/// Computes `R` rows of half a panel.
///
/// # Safety
///
/// As for [`product`], for `R` rows and 16 columns.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const R: usize>(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    // SAFETY: every offset stays below `R` rows of `k` numbers, `k` rows of a panel, and 16 columns.
    unsafe {
        let start = |half: usize| {
            if bias.is_null() {
                _mm256_setzero_ps()
            } else {
                _mm256_loadu_ps(bias.add(half * 8))
            }
        };
        let mut low = [start(0); R];
        let mut high = [start(1); R];
        for at in 0..shape.k {
            let (b0, b1) = (
                _mm256_loadu_ps(right.add(at * PANEL)),
                _mm256_loadu_ps(right.add(at * PANEL + 8)),
            );
            for row in 0..R {
                let a = _mm256_set1_ps(*left.add(row * shape.left_stride + at));
                low[row] = _mm256_fmadd_ps(a, b0, low[row]);
                high[row] = _mm256_fmadd_ps(a, b1, high[row]);
            }
        }
        for row in 0..R {
            _mm256_storeu_ps(out.add(row * shape.out_stride), low[row]);
            _mm256_storeu_ps(out.add(row * shape.out_stride + 8), high[row]);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn quantize(row: &[f32], out: &mut [i16]) -> f32 {
    math::quantize(row, out, |length, most| step(length, most, ROW_LENGTH))
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn gelu(values: &mut [f32]) {
    math::gelu(values);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn softmax(row: &mut [f32]) {
    math::softmax(row);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn add_norm(
    row: &mut [f32],
    residual: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    math::add_norm(row, residual, weight, bias, epsilon);
}
