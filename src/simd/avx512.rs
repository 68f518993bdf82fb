//! 512-bit kernels.
#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "vector instructions, each block with its proof; arrays of a tile are indexed below their constant length"
)]

use std::arch::asm;
use std::arch::x86_64::*;
use std::array::from_fn;
use std::hint::black_box;

use super::peak::SUMS;
use super::{Integers, PANEL, Shape, tile_rows};

/// Rows of one register tile: 24 sums, 2 loads and 1 broadcast of 32 registers.
const ROWS: usize = 12;

/// Lines of a panel to ask for ahead of their use. A short text reads every weight once, from far away.
const AHEAD: usize = 128;

/// Asks for a line that will be read soon.
#[inline(always)]
fn expect_line<T>(panel: *const T, at: usize) {
    let line = panel.wrapping_add((at + AHEAD) * PANEL);
    // SAFETY: asking for memory reads nothing, wherever the pointer points.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(line.cast());
        _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(PANEL / 2).cast());
    }
}

/// Calls a function for each of 1 to 12 rows, so that its sums stay in registers.
macro_rules! by_rows {
    ($count:expr, $tile:ident, [$($more:tt),*], $arguments:tt) => {
        match $count {
            1 => $tile::<1 $(, $more)*> $arguments,
            2 => $tile::<2 $(, $more)*> $arguments,
            3 => $tile::<3 $(, $more)*> $arguments,
            4 => $tile::<4 $(, $more)*> $arguments,
            5 => $tile::<5 $(, $more)*> $arguments,
            6 => $tile::<6 $(, $more)*> $arguments,
            7 => $tile::<7 $(, $more)*> $arguments,
            8 => $tile::<8 $(, $more)*> $arguments,
            9 => $tile::<9 $(, $more)*> $arguments,
            10 => $tile::<10 $(, $more)*> $arguments,
            11 => $tile::<11 $(, $more)*> $arguments,
            _ => $tile::<ROWS $(, $more)*> $arguments,
        }
    };
}

/// Computes `left × right + bias`.
///
/// # Safety
///
/// `left` must reach `rows` rows of `k` numbers, `right` hold the panels of `columns`, `out` hold `rows` rows of `columns`;
/// `bias` must be null or hold `columns`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn product(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    for column in (0..shape.columns).step_by(PANEL) {
        let mut row = 0;
        while row < shape.rows {
            let count = tile_rows(shape.rows - row, ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let left = left.add(row * shape.left_stride);
                let right = right.add(column * shape.k);
                let bias = if bias.is_null() {
                    bias
                } else {
                    bias.add(column)
                };
                let out = out.add(row * shape.out_stride + column);
                if shape.columns - column < PANEL {
                    by_rows!(count, tile, [1], (shape, left, right, bias, out));
                } else {
                    by_rows!(count, tile, [2], (shape, left, right, bias, out));
                }
            }
            row += count;
        }
    }
}

/// Computes `R` rows of `H` halves of a panel.
///
/// # Safety
///
/// As for [`product`], for `R` rows and the columns of `H` halves.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const R: usize, const H: usize>(
    shape: Shape,
    left: *const f32,
    right: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    // SAFETY: every offset stays below `R` rows of `k` numbers, `k` rows of a panel, and `H` times 16 columns.
    unsafe {
        let mut sums: [[__m512; R]; H] = from_fn(|half| {
            let start = if bias.is_null() {
                _mm512_setzero_ps()
            } else {
                _mm512_loadu_ps(bias.add(half * 16))
            };
            [start; R]
        });
        for at in 0..shape.k {
            expect_line(right, at);
            let b: [__m512; H] = from_fn(|half| _mm512_loadu_ps(right.add(at * PANEL + half * 16)));
            for row in 0..R {
                let a = _mm512_set1_ps(*left.add(row * shape.left_stride + at));
                for half in 0..H {
                    sums[half][row] = _mm512_fmadd_ps(a, b[half], sums[half][row]);
                }
            }
        }
        for row in 0..R {
            for half in 0..H {
                _mm512_storeu_ps(out.add(row * shape.out_stride + half * 16), sums[half][row]);
            }
        }
    }
}

/// Computes `left × right + bias` from pairs of 16-bit integers; `k` counts pairs. `VNNI` says whether one instruction
/// multiplies and adds.
///
/// # Safety
///
/// As for [`product`], with whole panels; scales must hold all rows and all columns, and `bias` all columns. `VNNI` must only
/// be asked for where the processor has it.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn integer_product<const VNNI: bool>(shape: Shape, integers: Integers) {
    for column in (0..shape.columns).step_by(PANEL) {
        let mut row = 0;
        while row < shape.rows {
            let count = tile_rows(shape.rows - row, ROWS);
            // SAFETY: the tile lies within the extents that the caller vouches for.
            unsafe {
                let at = integers.at(shape, row, column);
                by_rows!(count, integer_tile, [VNNI], (shape, at));
            }
            row += count;
        }
    }
}

/// Adds the sums of products of pairs of 16-bit integers: the instructions themselves, because LLVM takes their intrinsics
/// apart into slower ones unless it is told which processor it compiles for.
///
/// # Safety
///
/// `VNNI` must only be asked for where the processor has it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn multiply_add<const VNNI: bool>(mut sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the caller vouches for the instructions, which read and write these registers alone.
    unsafe {
        if VNNI {
            asm!(
                "vpdpwssd {sum}, {a}, {b}",
                sum = inout(zmm_reg) sum,
                a = in(zmm_reg) a,
                b = in(zmm_reg) b,
                options(pure, nomem, nostack, preserves_flags),
            );
        } else {
            asm!(
                "vpmaddwd {products}, {a}, {b}",
                "vpaddd {sum}, {sum}, {products}",
                products = out(zmm_reg) _,
                sum = inout(zmm_reg) sum,
                a = in(zmm_reg) a,
                b = in(zmm_reg) b,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
    sum
}

/// Computes `R` rows of one panel of integers.
///
/// # Safety
///
/// As for [`integer_product`], for `R` rows and one panel.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn integer_tile<const R: usize, const VNNI: bool>(shape: Shape, at: Integers) {
    // SAFETY: every offset stays below `R` rows of `k` pairs, `k` rows of a panel, and 32 columns; loads ask for no alignment.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); R]; 2];
        for pair in 0..shape.k {
            expect_line(at.right, pair);
            let b: [__m512i; 2] =
                from_fn(|half| _mm512_loadu_si512(at.right.add(pair * PANEL + half * 16).cast()));
            for row in 0..R {
                let a = at.left.add(row * shape.left_stride + pair);
                let a = _mm512_set1_epi32(a.read_unaligned());
                for half in 0..2 {
                    sums[half][row] = multiply_add::<VNNI>(sums[half][row], a, b[half]);
                }
            }
        }
        for half in 0..2 {
            let (column, bias) = (
                _mm512_loadu_ps(at.right_scales.add(half * 16)),
                _mm512_loadu_ps(at.bias.add(half * 16)),
            );
            for (row, sum) in sums[half].iter().enumerate() {
                let scale = _mm512_mul_ps(_mm512_set1_ps(*at.left_scales.add(row)), column);
                let value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(*sum), scale, bias);
                _mm512_storeu_ps(at.out.add(row * shape.out_stride + half * 16), value);
            }
        }
    }
}

/// Runs multiply-adds of single precision on registers.
#[target_feature(enable = "avx512f")]
pub(super) fn fused(rounds: usize) {
    let (a, b) = black_box((_mm512_set1_ps(1.5), _mm512_set1_ps(0.25)));
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

/// Runs multiply-adds of 16-bit integers on registers.
///
/// # Safety
///
/// As for [`multiply_add`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn integer_fused<const VNNI: bool>(rounds: usize) {
    let (a, b) = black_box((_mm512_set1_epi16(3), _mm512_set1_epi16(5)));
    let mut sums = [_mm512_setzero_si512(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            // SAFETY: the caller vouches for the instructions.
            *sum = unsafe { multiply_add::<VNNI>(*sum, a, b) };
        }
    }
    black_box(sums);
}
