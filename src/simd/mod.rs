//! Kernels chosen by what the processor can do, found at run time. The only `unsafe` of the program: every function here is
//! safe to call, checks its level and the lengths of its slices, and hands them to code that relies on those checks.
//!
//! Weights are packed once into panels of 32 output columns, `[n / 32][k][32]`, which a kernel reads in one stream.
#![expect(
    unsafe_code,
    reason = "vector instructions; each block says why it is sound"
)]

mod avx2;
mod avx512;
mod level;
mod nearest;
mod panels;
mod peak;
mod rows;
mod rows256;
mod rows512;
#[cfg(test)]
mod tests;

pub use level::{Level, ParseLevelError};
pub use nearest::{BLOCK, Codes, Keep, WIDEST, nearest};
pub use panels::{IntegerPanels, IntegerRows, PANEL, Panels};
pub use peak::peak;

/// A matrix whose rows lie `stride` numbers apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// How many rows.
    pub count: usize,
    /// From one row's first number to the next's.
    pub stride: usize,
}

impl Rows<'_> {
    /// Asserts that every row holds `width` numbers.
    fn check(&self, width: usize) {
        check_rows(self.data, self.count, self.stride, width);
    }

    /// Up to `count` rows from `first` on.
    fn from(self, first: usize, count: usize) -> Self {
        Self {
            data: self.data.get(first * self.stride..).unwrap_or_default(),
            count: self.count.saturating_sub(first).min(count),
            ..self
        }
    }
}

/// Asserts that `data` holds `count` rows of `width` numbers that lie `stride` apart. A number that overflows is none that a
/// slice reaches.
fn check_rows<T>(data: &[T], count: usize, stride: usize, width: usize) {
    let Some(last) = count.checked_sub(1) else {
        return;
    };
    let end = last
        .checked_mul(stride)
        .and_then(|start| start.checked_add(width));
    assert!(
        end.is_some_and(|end| data.len() >= end),
        "rows are too small"
    );
}

/// The extent of one product.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    k: usize,
    /// Columns to write: a multiple of half a panel.
    columns: usize,
    left_stride: usize,
    out_stride: usize,
}

/// Splits rows into tiles of at most `most`, as even as can be: a tile of few rows waits for its own sums.
#[inline(always)]
fn tile_rows(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

/// Computes `left × right + bias` into `out`, whose rows lie `right.columns()` numbers apart. Of the padding of the last
/// panel, what lies beyond a multiple of 16 columns is left as it is.
///
/// # Panics
///
/// If the processor lacks the level, `left` has fewer numbers a row than `right` has rows, or `out` or `bias` is too small: a
/// mistake of the caller.
pub fn product(
    level: Level,
    left: Rows<'_>,
    right: &Panels,
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    level.check();
    left.check(right.k);
    let columns = right.columns();
    check_rows(out, left.count, columns, columns);
    assert!(
        bias.is_none_or(|bias| bias.len() >= columns),
        "bias is too small"
    );
    assert_eq!(
        right.data.len(),
        columns / PANEL * right.k,
        "panels are torn"
    );
    let shape = Shape {
        rows: left.count,
        k: right.k,
        columns: right.written(),
        left_stride: left.stride,
        out_stride: columns,
    };
    let bias = bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
    let (left, right) = (left.data.as_ptr(), right.data.as_ptr().cast());
    let out = out.as_mut_ptr();
    // SAFETY: the level was checked, so the instructions exist; the assertions above bound every access that the kernels make
    // by `shape`: rows of `left` reach `k` numbers, `right` holds every panel, `out` every column, `bias` is null or holds
    // every column.
    unsafe {
        match level {
            Level::Avx2 => avx2::product(shape, left, right, bias, out),
            Level::Avx512 | Level::Avx512Vnni => avx512::product(shape, left, right, bias, out),
        }
    }
}

/// Where an integer product reads and writes.
#[derive(Clone, Copy)]
struct Integers {
    left: *const i32,
    left_scales: *const f32,
    right: *const i32,
    right_scales: *const f32,
    bias: *const f32,
    out: *mut f32,
}

impl Integers {
    /// The same, from another row and column on.
    ///
    /// # Safety
    ///
    /// Both must lie within `shape`.
    #[inline(always)]
    unsafe fn at(self, shape: Shape, row: usize, column: usize) -> Self {
        // SAFETY: the caller vouches for the row and the column; a panel holds `k` lines.
        unsafe {
            Self {
                left: self.left.add(row * shape.left_stride),
                left_scales: self.left_scales.add(row),
                right: self
                    .right
                    .add(column / PANEL * shape.k * PANEL + column % PANEL),
                right_scales: self.right_scales.add(column),
                bias: self.bias.add(column),
                out: self.out.add(row * shape.out_stride + column),
            }
        }
    }
}

/// Computes `left × right + bias` by integers into `out`, whose rows lie `right.columns()` numbers apart.
///
/// # Panics
///
/// If the processor lacks the level, the sides do not fit each other, or `out` or `bias` is too small: a mistake of the caller.
pub fn integer_product(
    level: Level,
    left: &IntegerRows,
    right: &IntegerPanels,
    bias: &[f32],
    out: &mut [f32],
) {
    level.check();
    let (rows, columns) = (left.scales.len(), right.columns());
    assert_eq!(left.pairs, right.pairs, "the sides do not fit");
    assert_eq!(left.data.len(), rows * left.pairs, "rows are torn");
    assert_eq!(
        right.data.len(),
        columns / PANEL * right.pairs,
        "panels are torn"
    );
    assert_eq!(right.scales.len(), columns, "scales are torn");
    check_rows(out, rows, columns, columns);
    assert!(bias.len() >= columns, "bias is too small");
    let shape = Shape {
        rows,
        k: left.pairs,
        columns,
        left_stride: left.pairs,
        out_stride: columns,
    };
    let integers = Integers {
        left: left.data.as_ptr().cast(),
        left_scales: left.scales.as_ptr(),
        right: right.data.as_ptr().cast(),
        right_scales: right.scales.as_ptr(),
        bias: bias.as_ptr(),
        out: out.as_mut_ptr(),
    };
    // SAFETY: the level was checked, so the instructions exist; the assertions bound every access by `shape`. Pairs of 16-bit
    // numbers are read as one 32-bit number without asking for its alignment.
    unsafe {
        match level {
            Level::Avx2 => avx2::integer_product(shape, integers),
            Level::Avx512 => avx512::integer_product::<false>(shape, integers),
            Level::Avx512Vnni => avx512::integer_product::<true>(shape, integers),
        }
    }
}

/// Calls the variant of a row function that the level asks for.
macro_rules! at_level {
    ($level:expr, $name:ident($($argument:expr),*)) => {
        $level.check();
        // SAFETY: the level was checked, so the instructions exist; the functions take slices and check them.
        unsafe {
            match $level {
                Level::Avx2 => rows256::$name($($argument),*),
                Level::Avx512 | Level::Avx512Vnni => rows512::$name($($argument),*),
            }
        }
    };
}

/// Replaces each value by its GELU, in the exact form with the error function.
pub fn gelu(level: Level, values: &mut [f32]) {
    at_level!(level, gelu(values));
}

/// Replaces the first `length` numbers of each row of `stride` numbers by their softmax.
pub fn softmax(level: Level, rows: &mut [f32], stride: usize, length: usize) {
    at_level!(level, softmax(rows, stride, length));
}

/// Adds to each row of `rows`, which are as wide as `weight`, the row of `added`, which lie `stride` apart, then normalises it
/// to mean 0 and variance 1, and gives it a weight and a bias.
pub fn add_norm(
    level: Level,
    rows: &mut [f32],
    added: &[f32],
    stride: usize,
    (weight, bias): (&[f32], &[f32]),
    epsilon: f32,
) {
    at_level!(
        level,
        add_norm(rows, added, stride, (weight, bias), epsilon)
    );
}
