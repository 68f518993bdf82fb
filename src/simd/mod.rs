//! Kernels chosen by what the processor can do, found at run time. The only `unsafe` of the program: every function here is
//! safe to call, checks the lengths of its slices, and hands them to code that relies on those checks.
//!
//! Weights are packed once into panels of 32 output columns, `[n / 32][k][32]`, which a kernel reads in one stream. The register
//! tiles (12 rows by 32 columns for f32, 8 by 32 for int16) are those measured to reach 97 to 100 % of a Zen 5's peak on
//! MiniLM's shapes.
#![expect(
    unsafe_code,
    reason = "vector instructions; each block says why it is sound"
)]

mod avx2;
mod avx512;
mod math;
#[cfg(test)]
mod tests;

/// Columns of one panel.
pub const PANEL: usize = 32;

/// What the processor can do, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors.
    Avx512,
    /// The same, and sums of products of 16-bit integers.
    Avx512Vnni,
}

impl Level {
    /// Finds the best level of this processor; `None` where there is no kernel for it.
    pub fn detect() -> Option<Self> {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        match (avx512, is_x86_feature_detected!("avx512vnni")) {
            (true, true) => Some(Self::Avx512Vnni),
            (true, false) => Some(Self::Avx512),
            (false, _) => avx2.then_some(Self::Avx2),
        }
    }
}

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

/// The right side of a product, `k` rows by `n` columns, in panels; columns beyond `n` are zero.
#[derive(Debug, Clone, Default)]
pub struct Panels {
    data: Vec<f32>,
    k: usize,
    panels: usize,
}

impl Panels {
    /// Packs a matrix given by its value at (`k`, `n`), reusing this one's memory.
    pub fn pack(&mut self, k: usize, n: usize, at: impl Fn(usize, usize) -> f32) {
        self.k = k;
        self.panels = n.div_ceil(PANEL);
        self.data.clear();
        for panel in 0..self.panels {
            for row in 0..k {
                let columns = panel * PANEL..(panel + 1) * PANEL;
                self.data
                    .extend(columns.map(|column| if column < n { at(row, column) } else { 0.0 }));
            }
        }
    }

    /// Packs the first `n` numbers of each row: row `k` of the product's right side is row `k` here.
    pub fn pack_rows(&mut self, rows: Rows<'_>, n: usize) {
        self.k = rows.count;
        self.panels = n.div_ceil(PANEL);
        self.data.clear();
        for panel in 0..self.panels {
            let (first, width) = (panel * PANEL, (n - panel * PANEL).min(PANEL));
            for row in 0..rows.count {
                let from = row * rows.stride + first;
                self.data
                    .extend_from_slice(rows.data.get(from..from + width).unwrap_or_default());
                self.data
                    .resize(((panel * rows.count) + row + 1) * PANEL, 0.0);
            }
        }
    }

    /// Packs the first `k` numbers of each row, transposed: column `n` of the product's right side is row `n` here.
    pub fn pack_transposed(&mut self, rows: Rows<'_>, k: usize) {
        self.k = k;
        self.panels = rows.count.div_ceil(PANEL);
        self.data.clear();
        self.data.resize(self.panels * k * PANEL, 0.0);
        for (row, values) in rows
            .data
            .chunks(rows.stride.max(1))
            .take(rows.count)
            .enumerate()
        {
            let start = row / PANEL * k * PANEL + row % PANEL;
            let column = self.data.iter_mut().skip(start).step_by(PANEL);
            column
                .zip(values.iter().take(k))
                .for_each(|(slot, value)| *slot = *value);
        }
    }

    /// Columns with padding.
    pub fn columns(&self) -> usize {
        self.panels * PANEL
    }
}

/// Computes `left × right + bias` into `out`, whose rows lie `right.columns()` numbers apart.
///
/// # Panics
///
/// If `left` has fewer numbers a row than `right` has rows, or `out` or `bias` is too small: a mistake of the caller.
pub fn product(
    level: Level,
    left: Rows<'_>,
    right: &Panels,
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let columns = right.columns();
    let reach = |rows: usize, stride: usize, width: usize| {
        if rows == 0 {
            0
        } else {
            (rows - 1) * stride + width
        }
    };
    assert!(
        left.data.len() >= reach(left.count, left.stride, right.k),
        "left is too small"
    );
    assert!(out.len() >= left.count * columns, "out is too small");
    assert!(
        bias.is_none_or(|bias| bias.len() >= columns),
        "bias is too small"
    );
    assert_eq!(
        right.data.len(),
        right.panels * right.k * PANEL,
        "panels are torn"
    );
    let shape = Shape {
        rows: left.count,
        k: right.k,
        panels: right.panels,
        left_stride: left.stride,
        out_stride: columns,
    };
    let bias = bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
    let (left, right, out) = (left.data.as_ptr(), right.data.as_ptr(), out.as_mut_ptr());
    // SAFETY: `Level` is only made by `detect`, so the instructions exist; the assertions above bound every access that the
    // kernels make by `shape`: rows of `left` reach `k` numbers, `right` holds every panel, `out` every column, `bias` is
    // null or holds every column.
    unsafe {
        match level {
            Level::Avx2 => avx2::product(shape, left, right, bias, out),
            Level::Avx512 | Level::Avx512Vnni => avx512::product(shape, left, right, bias, out),
        }
    }
}

/// The extent of one product.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    k: usize,
    panels: usize,
    left_stride: usize,
    out_stride: usize,
}

/// Weights as 16-bit integers in panels, pairs of rows side by side: `[n / 32][k / 2][32][2]`, with a scale for each column.
#[derive(Debug, Clone, Default)]
pub struct IntegerPanels {
    data: Vec<i16>,
    scales: Vec<f32>,
    k: usize,
    panels: usize,
}

/// The left side of an integer product: rows of 16-bit integers with a scale each.
#[derive(Debug, Clone, Default)]
pub struct IntegerRows {
    data: Vec<i16>,
    scales: Vec<f32>,
    k: usize,
}

/// The length that a column of integer weights may have. By Cauchy and Schwarz, no sum of products of a row and a column
/// exceeds the product of their lengths; a row may thus be as long as 2^31 divided by this, and no 32-bit sum overflows.
const COLUMN_LENGTH: f32 = 46_341.0;
/// The length that a row may have, less a margin for rounding, which adds at most half a unit to each number.
const ROW_LENGTH: f32 = 2_147_483_648.0 / COLUMN_LENGTH * 0.995;

/// The step of a vector of length `length` and largest magnitude `most`, so that its integers fit 16 bits and `limit`.
fn step(length: f32, most: f32, limit: f32) -> f32 {
    (length / limit).max(most / 32_767.0).max(f32::MIN_POSITIVE)
}

impl IntegerPanels {
    /// Packs weights given by their value at (`k`, `n`). `k` is rounded up to even.
    pub fn pack(k: usize, n: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let value = |row: usize, column: usize| {
            if row < k && column < n {
                at(row, column)
            } else {
                0.0
            }
        };
        let (panels, pairs) = (n.div_ceil(PANEL), k.div_ceil(2));
        let scales: Vec<f32> = (0..panels * PANEL)
            .map(|column| {
                let length = (0..k)
                    .map(|row| f64::from(value(row, column)).powi(2))
                    .sum::<f64>()
                    .sqrt();
                let most = (0..k)
                    .map(|row| value(row, column).abs())
                    .fold(0.0, f32::max);
                step(length as f32, most, COLUMN_LENGTH * 0.995)
            })
            .collect();
        let mut data = Vec::with_capacity(panels * pairs * PANEL * 2);
        for panel in 0..panels {
            for pair in 0..pairs {
                for (column, scale) in scales.iter().enumerate().skip(panel * PANEL).take(PANEL) {
                    data.extend([0, 1].map(|half| {
                        (value(2 * pair + half, column) / scale).round_ties_even() as i16
                    }));
                }
            }
        }
        Self {
            data,
            scales,
            k: pairs * 2,
            panels,
        }
    }

    /// Columns with padding.
    pub fn columns(&self) -> usize {
        self.panels * PANEL
    }
}

impl IntegerRows {
    /// Turns rows of `k` numbers, lying side by side, into integers.
    pub fn quantize(&mut self, level: Level, rows: &[f32], k: usize) {
        self.k = k.next_multiple_of(2);
        self.scales.clear();
        self.data.clear();
        self.data.resize(rows.len() / k * self.k, 0);
        for (row, out) in rows.chunks_exact(k).zip(self.data.chunks_exact_mut(self.k)) {
            // SAFETY: `Level` is only made by `detect`, so the instructions exist.
            self.scales.push(unsafe {
                match level {
                    Level::Avx2 => avx2::quantize(row, out),
                    Level::Avx512 | Level::Avx512Vnni => avx512::quantize(row, out),
                }
            });
        }
    }
}

/// Computes `left × right + bias` by integers into `out`, whose rows lie `right.columns()` numbers apart.
///
/// # Panics
///
/// If the level has no such kernel, the sides do not fit each other, or `out` or `bias` is too small: a mistake of the caller.
pub fn integer_product(
    level: Level,
    left: &IntegerRows,
    right: &IntegerPanels,
    bias: &[f32],
    out: &mut [f32],
) {
    let (rows, columns) = (left.scales.len(), right.columns());
    assert_eq!(
        level,
        Level::Avx512Vnni,
        "there is no integer kernel for this level"
    );
    assert_eq!(left.k, right.k, "the sides do not fit");
    assert_eq!(left.data.len(), rows * left.k, "rows are torn");
    assert_eq!(right.data.len(), columns * right.k, "panels are torn");
    assert_eq!(right.scales.len(), columns, "scales are torn");
    assert!(
        bias.len() >= columns && out.len() >= rows * columns,
        "bias or out is too small"
    );
    let shape = Shape {
        rows,
        k: left.k / 2,
        panels: right.panels,
        left_stride: left.k / 2,
        out_stride: columns,
    };
    // SAFETY: the level says that the instructions exist; the assertions bound every access by `shape`. Pairs of 16-bit
    // numbers are read as one 32-bit number without asking for its alignment.
    unsafe {
        avx512::integer_product(
            shape,
            left.data.as_ptr().cast(),
            left.scales.as_ptr(),
            right.data.as_ptr().cast(),
            right.scales.as_ptr(),
            bias.as_ptr(),
            out.as_mut_ptr(),
        );
    }
}

/// Calls the variant of a row function that the level asks for.
macro_rules! at_level {
    ($level:expr, $name:ident($($argument:expr),*)) => {
        // SAFETY: `Level` is only made by `detect`, so the instructions exist; the functions take slices and check them.
        unsafe {
            match $level {
                Level::Avx2 => avx2::$name($($argument),*),
                Level::Avx512 | Level::Avx512Vnni => avx512::$name($($argument),*),
            }
        }
    };
}

/// Replaces each value by its GELU, in the exact form with the error function.
pub fn gelu(level: Level, values: &mut [f32]) {
    at_level!(level, gelu(values));
}

/// Replaces a row by its softmax.
pub fn softmax(level: Level, row: &mut [f32]) {
    at_level!(level, softmax(row));
}

/// Adds `residual` to a row, then normalises it to mean 0 and variance 1, and gives it a weight and a bias.
pub fn add_norm(
    level: Level,
    row: &mut [f32],
    residual: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    at_level!(level, add_norm(row, residual, weight, bias, epsilon));
}
