//! 256-bit kernels.
#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "vector instructions, each block with its proof; arrays of a tile are indexed below their constant length"
)]

use std::arch::asm;
use std::arch::x86_64::*;
use std::hint::black_box;

use super::peak::SUMS;
use super::{Integers, PANEL, Shape, tile_rows};

/// Rows of one register tile: 12 sums, 2 loads and 1 broadcast of 16 registers.
const ROWS: usize = 6;
/// Rows of one register tile of integers, whose products take registers too: with 6, one sum goes through memory each round,
/// and the tile is half as fast.
const INTEGER_ROWS: usize = 5;
/// Columns of one register tile.
const COLUMNS: usize = 16;

/// Calls a function for each of 1 to 6 rows, so that its sums stay in registers.
macro_rules! by_rows {
    ($count:expr, $tile:ident $arguments:tt) => {
        match $count {
            1 => $tile::<1> $arguments,
            2 => $tile::<2> $arguments,
            3 => $tile::<3> $arguments,
            4 => $tile::<4> $arguments,
            5 => $tile::<5> $arguments,
            _ => $tile::<ROWS> $arguments,
        }
    };
}

/// Computes `left × right + bias`.
///
/// # Safety
///
/// `left` must reach `rows` rows of `k` numbers, `right` hold the panels of `columns`, `out` hold `rows` rows of `columns`;
/// `bias` must be null or hold `columns`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn product(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    for column in (0..shape.columns).step_by(COLUMNS) {
        let mut row = 0;
        while row < shape.rows {
            let count = tile_rows(shape.rows - row, ROWS);
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
                by_rows!(count, tile(shape, left, right, bias, out));
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

/// Computes `left × right + bias` from pairs of 16-bit integers; `k` counts pairs.
///
/// # Safety
///
/// As for [`product`]; scales must hold all rows and all columns, and `bias` all columns.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn integer_product(shape: Shape, integers: Integers) {
    for column in (0..shape.columns).step_by(COLUMNS) {
        let mut row = 0;
        while row < shape.rows {
            let count = tile_rows(shape.rows - row, INTEGER_ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let at = integers.at(shape, row, column);
                by_rows!(count, integer_tile(shape, at));
            }
            row += count;
        }
    }
}

/// Adds the sums of products of pairs of 16-bit integers: the instructions themselves, because LLVM rewrites their intrinsics.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply_add(mut sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the instructions read and write these registers alone.
    unsafe {
        asm!(
            "vpmaddwd {products}, {a}, {b}",
            "vpaddd {sum}, {sum}, {products}",
            products = out(ymm_reg) _,
            sum = inout(ymm_reg) sum,
            a = in(ymm_reg) a,
            b = in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Computes `R` rows of half a panel of integers.
///
/// # Safety
///
/// As for [`integer_product`], for `R` rows and 16 columns.
#[target_feature(enable = "avx2,fma")]
unsafe fn integer_tile<const R: usize>(shape: Shape, at: Integers) {
    // SAFETY: every offset stays below `R` rows of `k` pairs, `k` rows of a panel, and 16 columns; loads ask for no alignment.
    unsafe {
        let mut low = [_mm256_setzero_si256(); R];
        let mut high = [_mm256_setzero_si256(); R];
        for pair in 0..shape.k {
            let b0 = _mm256_loadu_si256(at.right.add(pair * PANEL).cast());
            let b1 = _mm256_loadu_si256(at.right.add(pair * PANEL + 8).cast());
            for row in 0..R {
                let a = at.left.add(row * shape.left_stride + pair);
                let a = _mm256_set1_epi32(a.read_unaligned());
                low[row] = multiply_add(low[row], a, b0);
                high[row] = multiply_add(high[row], a, b1);
            }
        }
        for (half, sums) in [low, high].into_iter().enumerate() {
            let (column, bias) = (
                _mm256_loadu_ps(at.right_scales.add(half * 8)),
                _mm256_loadu_ps(at.bias.add(half * 8)),
            );
            for (row, sum) in sums.into_iter().enumerate() {
                let scale = _mm256_mul_ps(_mm256_set1_ps(*at.left_scales.add(row)), column);
                let value = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, bias);
                _mm256_storeu_ps(at.out.add(row * shape.out_stride + half * 8), value);
            }
        }
    }
}

/// Writes 8 rows of 8 numbers, `stride` apart, as the columns of 8 rows, a panel apart.
///
/// # Safety
///
/// `from` must reach 8 rows of 8 numbers, and so must `to`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
    // SAFETY: the caller vouches for 8 rows of 8 numbers on both sides; loads and stores ask for no alignment.
    unsafe {
        let row = |at: usize| _mm256_loadu_ps(from.add(at * stride));
        let rows = [0, 1, 2, 3, 4, 5, 6, 7].map(row);
        // Pairs of rows, then fours, then the halves of eight.
        let pairs = [0, 2, 4, 6].map(|at| {
            let (a, b) = (rows[at], rows[at + 1]);
            (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b))
        });
        let fours = [0, 2].map(|at| {
            let ((a0, a1), (b0, b1)) = (pairs[at], pairs[at + 1]);
            [
                _mm256_shuffle_ps::<0x44>(a0, b0),
                _mm256_shuffle_ps::<0xee>(a0, b0),
                _mm256_shuffle_ps::<0x44>(a1, b1),
                _mm256_shuffle_ps::<0xee>(a1, b1),
            ]
        });
        for at in 0..4 {
            let (a, b) = (fours[0][at], fours[1][at]);
            let (low, high) = (to.add(at * PANEL), to.add((at + 4) * PANEL));
            _mm256_storeu_ps(low, _mm256_permute2f128_ps::<0x20>(a, b));
            _mm256_storeu_ps(high, _mm256_permute2f128_ps::<0x31>(a, b));
        }
    }
}

/// Runs multiply-adds of single precision on registers.
#[target_feature(enable = "avx2,fma")]
pub(super) fn fused(rounds: usize) {
    let (a, b) = black_box((_mm256_set1_ps(1.5), _mm256_set1_ps(0.25)));
    let mut sums = [_mm256_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

/// Runs multiply-adds of 16-bit integers on registers.
#[target_feature(enable = "avx2")]
pub(super) fn integer_fused(rounds: usize) {
    let (a, b) = black_box((_mm256_set1_epi16(3), _mm256_set1_epi16(5)));
    let mut sums = [_mm256_setzero_si256(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = multiply_add(*sum, a, b);
        }
    }
    black_box(sums);
}
