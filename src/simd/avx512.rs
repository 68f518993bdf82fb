//! 512-bit kernels.
#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    reason = "vector instructions, each block with its proof; arrays of a tile are indexed below their constant length"
)]

use std::arch::asm;
use std::arch::x86_64::*;

use super::{PANEL, ROW_LENGTH, Shape, math, step};

/// Rows of one register tile: 24 sums, 2 loads and 1 broadcast of 32 registers.
const ROWS: usize = 12;
/// Rows of one register tile of integers; LLVM spills beyond this.
const INTEGER_ROWS: usize = 8;

/// Computes `left × right + bias`.
///
/// # Safety
///
/// `left` must reach `rows` rows of `k` numbers, `right` hold `panels` panels, `out` hold `rows` rows of all columns; `bias` must
/// be null or hold all columns.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn product(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    for panel in 0..shape.panels {
        let mut row = 0;
        while row < shape.rows {
            let count = (shape.rows - row).min(ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let left = left.add(row * shape.left_stride);
                let right = right.add(panel * shape.k * PANEL);
                let bias = if bias.is_null() {
                    bias
                } else {
                    bias.add(panel * PANEL)
                };
                let out = out.add(row * shape.out_stride + panel * PANEL);
                match count {
                    1 => tile::<1>(shape, left, right, bias, out),
                    2 => tile::<2>(shape, left, right, bias, out),
                    3 => tile::<3>(shape, left, right, bias, out),
                    4 => tile::<4>(shape, left, right, bias, out),
                    5 => tile::<5>(shape, left, right, bias, out),
                    6 => tile::<6>(shape, left, right, bias, out),
                    7 => tile::<7>(shape, left, right, bias, out),
                    8 => tile::<8>(shape, left, right, bias, out),
                    9 => tile::<9>(shape, left, right, bias, out),
                    10 => tile::<10>(shape, left, right, bias, out),
                    11 => tile::<11>(shape, left, right, bias, out),
                    _ => tile::<ROWS>(shape, left, right, bias, out),
                }
            }
            row += count;
        }
    }
}

/// Computes `R` rows of one panel.
///
/// # Safety
///
/// As for [`product`], for `R` rows and one panel.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const R: usize>(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    // SAFETY: every offset stays below `R` rows of `k` numbers, `k` rows of a panel, and 32 columns.
    unsafe {
        let start = |half: usize| {
            if bias.is_null() {
                _mm512_setzero_ps()
            } else {
                _mm512_loadu_ps(bias.add(half * 16))
            }
        };
        let mut low = [start(0); R];
        let mut high = [start(1); R];
        for at in 0..shape.k {
            let (b0, b1) = (
                _mm512_loadu_ps(right.add(at * PANEL)),
                _mm512_loadu_ps(right.add(at * PANEL + 16)),
            );
            for row in 0..R {
                let a = _mm512_set1_ps(*left.add(row * shape.left_stride + at));
                low[row] = _mm512_fmadd_ps(a, b0, low[row]);
                high[row] = _mm512_fmadd_ps(a, b1, high[row]);
            }
        }
        for row in 0..R {
            _mm512_storeu_ps(out.add(row * shape.out_stride), low[row]);
            _mm512_storeu_ps(out.add(row * shape.out_stride + 16), high[row]);
        }
    }
}

/// Computes `left × right + bias` from pairs of 16-bit integers; `k` counts pairs.
///
/// # Safety
///
/// As for [`product`]; scales must hold all rows and all columns, and `bias` all columns.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn integer_product(
    shape: Shape,
    left: *const i32,
    left_scales: *const f32,
    right: *const i32,
    right_scales: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    for panel in 0..shape.panels {
        let mut row = 0;
        while row < shape.rows {
            let count = (shape.rows - row).min(INTEGER_ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let left = left.add(row * shape.left_stride);
                let scales = (left_scales.add(row), right_scales.add(panel * PANEL));
                let right = right.add(panel * shape.k * PANEL);
                let bias = bias.add(panel * PANEL);
                let out = out.add(row * shape.out_stride + panel * PANEL);
                match count {
                    1 => integer_tile::<1>(shape, left, right, scales, bias, out),
                    2 => integer_tile::<2>(shape, left, right, scales, bias, out),
                    3 => integer_tile::<3>(shape, left, right, scales, bias, out),
                    4 => integer_tile::<4>(shape, left, right, scales, bias, out),
                    5 => integer_tile::<5>(shape, left, right, scales, bias, out),
                    6 => integer_tile::<6>(shape, left, right, scales, bias, out),
                    7 => integer_tile::<7>(shape, left, right, scales, bias, out),
                    _ => integer_tile::<INTEGER_ROWS>(shape, left, right, scales, bias, out),
                }
            }
            row += count;
        }
    }
}

/// Adds the sums of products of pairs of 16-bit integers: the instruction itself, because LLVM takes its intrinsic apart into
/// two slower ones unless it is told which processor it compiles for.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_add(mut sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the instruction reads and writes these registers alone.
    unsafe {
        asm!(
            "vpdpwssd {sum}, {a}, {b}",
            sum = inout(zmm_reg) sum,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Computes `R` rows of one panel of integers. `scales` are the rows' and the columns'.
///
/// # Safety
///
/// As for [`integer_product`], for `R` rows and one panel.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn integer_tile<const R: usize>(
    shape: Shape,
    left: *const i32,
    right: *const i32,
    scales: (*const f32, *const f32),
    bias: *const f32,
    out: *mut f32,
) {
    // SAFETY: every offset stays below `R` rows of `k` pairs, `k` rows of a panel, and 32 columns; loads ask for no alignment.
    unsafe {
        let mut low = [_mm512_setzero_si512(); R];
        let mut high = [_mm512_setzero_si512(); R];
        for at in 0..shape.k {
            let b0 = _mm512_loadu_si512(right.add(at * PANEL).cast());
            let b1 = _mm512_loadu_si512(right.add(at * PANEL + 16).cast());
            for row in 0..R {
                let a = _mm512_set1_epi32(left.add(row * shape.left_stride + at).read_unaligned());
                low[row] = multiply_add(low[row], a, b0);
                high[row] = multiply_add(high[row], a, b1);
            }
        }
        for half in 0..2 {
            let sums = if half == 0 { &low } else { &high };
            let (column, bias) = (
                _mm512_loadu_ps(scales.1.add(half * 16)),
                _mm512_loadu_ps(bias.add(half * 16)),
            );
            for (row, sum) in sums.iter().enumerate() {
                let scale = _mm512_mul_ps(_mm512_set1_ps(*scales.0.add(row)), column);
                let value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(*sum), scale, bias);
                _mm512_storeu_ps(out.add(row * shape.out_stride + half * 16), value);
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
pub(super) fn quantize(row: &[f32], out: &mut [i16]) -> f32 {
    math::quantize(row, out, |length, most| step(length, most, ROW_LENGTH))
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
pub(super) fn gelu(values: &mut [f32]) {
    math::gelu(values);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
pub(super) fn softmax(row: &mut [f32]) {
    math::softmax(row);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
pub(super) fn add_norm(
    row: &mut [f32],
    residual: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    math::add_norm(row, residual, weight, bias, epsilon);
}
