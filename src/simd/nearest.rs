//! Which rows of bytes come nearest to some queries: sums of products of bytes, several queries and blocks of rows at a time,
//! compared with what is worth keeping while they are still in registers.
//!
//! Rows are stored as bytes that stand for `byte - 128`, 16 rows a block: `[rows / 16][width / 4][16][4]`, so that one vector
//! holds 4 numbers of 16 rows. Queries are signed bytes, one after the other.
#![expect(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "vector instructions, each block with its proof; arrays of a tile are indexed below their constant length"
)]

use std::arch::x86_64::*;
use std::array::from_fn;

use super::Level;

/// Rows of a block.
pub const BLOCK: usize = 16;
/// Queries of one tile.
const QUERIES: usize = 8;
/// Blocks of one tile: 24 sums, 3 loads and 1 broadcast of 32 registers.
const BLOCKS: usize = 3;
/// The widest row whose sum of products fits 32 bits.
pub const WIDEST: usize = 1 << 16;

/// Rows as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    /// The bytes of whole blocks.
    pub bytes: &'a [u8],
    /// Bytes of a row: a multiple of 4.
    pub width: usize,
    /// What the sum of a row is multiplied with; not a number for rows that only fill the last block.
    pub scales: &'a [f32],
}

/// Takes what is found.
pub trait Keep {
    /// The score that a row must exceed for a query.
    fn threshold(&self, query: usize) -> f32;

    /// Whether a row of the block counts for a query, one bit a row.
    fn allowed(&self, query: usize, block: usize) -> u16;

    /// Keeps a row.
    fn keep(&mut self, query: usize, row: usize, score: f32);
}

impl Codes<'_> {
    fn blocks(&self) -> usize {
        self.scales.len() / BLOCK
    }

    /// Asserts that there are whole blocks, each with its bytes.
    fn check(&self) {
        assert!(
            self.width.is_multiple_of(4) && self.width <= WIDEST,
            "rows have an odd width"
        );
        assert!(
            self.scales.len().is_multiple_of(BLOCK)
                && self.scales.len().checked_mul(self.width) == Some(self.bytes.len()),
            "codes are no whole blocks"
        );
    }
}

/// Scores each row for each query and hands what exceeds the query's threshold to `keep`. A score is the sum of products of
/// the row's numbers and the query's, times the row's scale.
///
/// # Panics
///
/// If the processor lacks the level, or the codes are no whole blocks: a mistake of the caller.
pub fn nearest(level: Level, codes: Codes<'_>, queries: &[i8], keep: &mut dyn Keep) {
    level.check();
    codes.check();
    let count = queries.len() / codes.width.max(1);
    // What every row's 128 adds to the sum.
    let starts: Vec<i32> = queries
        .chunks_exact(codes.width.max(1))
        .map(|query| -128 * query.iter().map(|number| i32::from(*number)).sum::<i32>())
        .collect();
    match level {
        // SAFETY: the level and the extents were checked; there are `count` whole queries and as many starts.
        Level::Avx512Vnni => unsafe { by_vnni(codes, queries, count, &starts, keep) },
        // SAFETY: as above; both levels have AVX2.
        Level::Avx512 | Level::Avx2 => unsafe { by_avx2(codes, queries, count, &starts, keep) },
    }
}

/// # Safety
///
/// The processor must have the instructions, `codes` be whole blocks, `queries` and `starts` hold `count` of them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn by_vnni(
    codes: Codes<'_>,
    queries: &[i8],
    count: usize,
    starts: &[i32],
    keep: &mut dyn Keep,
) {
    let mut first = 0;
    while first < codes.blocks() {
        let blocks = (codes.blocks() - first).min(BLOCKS);
        for query in (0..count).step_by(QUERIES) {
            let queries_left = (count - query).min(QUERIES);
            expect_share(codes, first + blocks, query, count);
            macro_rules! tile {
                ($($r:literal)*) => {
                    match (queries_left, blocks) {
                        $(
                            ($r, BLOCKS) => vnni_tile::<$r, BLOCKS>(codes, queries, query, first, starts, keep),
                            ($r, 2) => vnni_tile::<$r, 2>(codes, queries, query, first, starts, keep),
                            ($r, _) => vnni_tile::<$r, 1>(codes, queries, query, first, starts, keep),
                        )*
                        _ => {}
                    }
                };
            }
            // SAFETY: the tile lies within the queries and blocks that there are.
            unsafe { tile!(1 2 3 4 5 6 7 8) };
        }
        first += blocks;
    }
}

/// Asks for a part of the blocks that come next: each tile of queries for its own, so that memory has the time of them all to
/// bring what the first of them will wait for.
#[inline]
fn expect_share(codes: Codes<'_>, first: usize, query: usize, count: usize) {
    const LINE: usize = 64;
    let tiles = count.div_ceil(QUERIES);
    let tile = query / QUERIES;
    let lines = BLOCKS * BLOCK * codes.width / LINE;
    let next = codes
        .bytes
        .as_ptr()
        .wrapping_add(first * BLOCK * codes.width);
    for line in lines * tile / tiles..lines * (tile + 1) / tiles {
        // SAFETY: asking for memory reads nothing, wherever the pointer points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(next.wrapping_add(line * LINE).cast()) };
    }
}

/// # Safety
///
/// As for [`by_vnni`]: `R` queries from `query` on and `B` blocks from `first` on must exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni_tile<const R: usize, const B: usize>(
    codes: Codes<'_>,
    queries: &[i8],
    query: usize,
    first: usize,
    starts: &[i32],
    keep: &mut dyn Keep,
) {
    let width = codes.width;
    let mut sums: [[__m512i; B]; R] = from_fn(|r| [_mm512_set1_epi32(starts[query + r]); B]);
    // SAFETY: a block has `16 * width` bytes, a query `width`; every offset stays below that.
    unsafe {
        let rows = codes.bytes.as_ptr().add(first * BLOCK * width);
        let asked = queries.as_ptr().add(query * width);
        for at in (0..width).step_by(4) {
            let row: [__m512i; B] =
                from_fn(|b| _mm512_loadu_si512(rows.add(b * BLOCK * width + at * BLOCK).cast()));
            for r in 0..R {
                let four =
                    _mm512_set1_epi32(asked.add(r * width + at).cast::<i32>().read_unaligned());
                for b in 0..B {
                    sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], row[b], four);
                }
            }
        }
        for b in 0..B {
            let block = first + b;
            let scale = _mm512_loadu_ps(codes.scales.as_ptr().add(block * BLOCK));
            for r in 0..R {
                let score = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][b]), scale);
                let least = _mm512_set1_ps(keep.threshold(query + r));
                let over = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(score, least);
                if over != 0 {
                    let mut scores = [0.0; BLOCK];
                    _mm512_storeu_ps(scores.as_mut_ptr(), score);
                    take(over, query + r, block, &scores, keep);
                }
            }
        }
    }
}

/// Hands over the rows of a block whose bits are set.
#[inline(never)]
fn take(over: u16, query: usize, block: usize, scores: &[f32; BLOCK], keep: &mut dyn Keep) {
    let mut left = over & keep.allowed(query, block);
    while left != 0 {
        let row = left.trailing_zeros() as usize;
        left &= left - 1;
        if scores[row] > keep.threshold(query) {
            keep.keep(query, block * BLOCK + row, scores[row]);
        }
    }
}

/// # Safety
///
/// The processor must have AVX2, `codes` be whole blocks, `queries` and `starts` hold `count` of them.
#[target_feature(enable = "avx2")]
unsafe fn by_avx2(
    codes: Codes<'_>,
    queries: &[i8],
    count: usize,
    starts: &[i32],
    keep: &mut dyn Keep,
) {
    for block in 0..codes.blocks() {
        for query in (0..count).step_by(2) {
            // SAFETY: one or two queries from `query` on and the block exist.
            unsafe {
                match count - query {
                    1 => avx2_tile::<1>(codes, queries, query, block, starts, keep),
                    _ => avx2_tile::<2>(codes, queries, query, block, starts, keep),
                }
            }
        }
    }
}

/// Multiplies as 16-bit integers: the instruction for bytes would overflow its 16-bit sums.
///
/// # Safety
///
/// As for [`by_avx2`]: `R` queries from `query` on and the block must exist.
#[target_feature(enable = "avx2")]
unsafe fn avx2_tile<const R: usize>(
    codes: Codes<'_>,
    queries: &[i8],
    query: usize,
    block: usize,
    starts: &[i32],
    keep: &mut dyn Keep,
) {
    let width = codes.width;
    // Four rows a vector, each as two sums of two products.
    let mut sums = [[_mm256_setzero_si256(); 4]; R];
    let mut pairs = [[0i32; 8]; 4];
    // SAFETY: a block has `16 * width` bytes, a query `width`; every offset stays below that.
    unsafe {
        let rows = codes.bytes.as_ptr().add(block * BLOCK * width);
        let asked = queries.as_ptr().add(query * width);
        for at in (0..width).step_by(4) {
            let row: [__m256i; 4] = from_fn(|quarter| {
                let bytes = _mm_loadu_si128(rows.add(at * BLOCK + quarter * 16).cast());
                _mm256_cvtepu8_epi16(bytes)
            });
            for r in 0..R {
                let four = asked.add(r * width + at).cast::<i32>().read_unaligned();
                let four = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
                for quarter in 0..4 {
                    let products = _mm256_madd_epi16(row[quarter], four);
                    sums[r][quarter] = _mm256_add_epi32(sums[r][quarter], products);
                }
            }
        }
        for r in 0..R {
            for quarter in 0..4 {
                _mm256_storeu_si256(pairs[quarter].as_mut_ptr().cast(), sums[r][quarter]);
            }
            let least = keep.threshold(query + r);
            let mut over = 0;
            let scores: [f32; BLOCK] = from_fn(|row| {
                let pair = &pairs[row / 4][row % 4 * 2..][..2];
                let sum = starts[query + r] + pair[0] + pair[1];
                let score = sum as f32 * codes.scales[block * BLOCK + row];
                over |= u16::from(score > least) << row;
                score
            });
            if over != 0 {
                take(over, query + r, block, &scores, keep);
            }
        }
    }
}
