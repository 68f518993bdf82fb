//! Vectors as bytes, which are a quarter of the memory that a search reads: it finds candidates by them and ranks those by the
//! vectors themselves.

use std::io;

use super::arena::Numbers;
#[cfg(target_arch = "x86_64")]
use crate::simd;

/// Rows of a block: as many as one vector of the processor holds sums for.
const BLOCK: usize = 16;
/// What a byte stands for is it less this.
const ZERO: f32 = 128.0;
/// The greatest number of a row or a query as a signed byte.
const MOST: f32 = 127.0;

/// Rows as bytes, in blocks: `[rows / 16][width / 4][16][4]`.
pub(super) struct Codes {
    bytes: Numbers<u8>,
    scales: Numbers<f32>,
    dimension: usize,
}

/// Which rows a filter lets through, one bit a row.
pub(super) struct Allowed {
    blocks: Vec<u16>,
    count: usize,
}

impl Allowed {
    /// From the numbers of rows.
    pub(super) fn of(rows: usize, numbers: impl Iterator<Item = usize>) -> Self {
        let mut blocks = vec![0u16; rows.div_ceil(BLOCK)];
        for number in numbers {
            if let Some(block) = blocks.get_mut(number / BLOCK) {
                *block |= 1 << (number % BLOCK);
            }
        }
        let count = blocks.iter().map(|block| block.count_ones() as usize).sum();
        Self { blocks, count }
    }

    /// How many rows.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.blocks.iter().enumerate().flat_map(|(at, block)| {
            (0..BLOCK)
                .filter(move |bit| block >> bit & 1 == 1)
                .map(move |bit| at * BLOCK + bit)
        })
    }
}

/// The best rows of one query so far.
pub(super) struct Best<'a> {
    /// How many are wanted.
    most: usize,
    allowed: Option<&'a Allowed>,
    threshold: f32,
    found: Vec<(f32, u32)>,
}

impl<'a> Best<'a> {
    pub(super) fn of(most: usize, allowed: Option<&'a Allowed>) -> Self {
        Self {
            most: most.max(1),
            allowed,
            threshold: f32::NEG_INFINITY,
            found: Vec::with_capacity(2 * most),
        }
    }

    fn keep(&mut self, row: usize, score: f32) {
        self.found.push((score, row as u32));
        // Sorting out once in a while is cheaper than keeping order.
        if self.found.len() >= 2 * self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.found.len() > self.most {
            let last = self.most - 1;
            let (_, least, _) = self
                .found
                .select_nth_unstable_by(last, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            self.threshold = least.0;
            self.found.truncate(self.most);
        }
    }

    /// The rows, in no order.
    pub(super) fn rows(mut self) -> impl Iterator<Item = usize> {
        self.cut();
        self.found.into_iter().map(|(_, row)| row as usize)
    }
}

/// The best rows of some queries so far.
struct Bests<'a, 'b>(&'a mut [Best<'b>]);

impl Bests<'_, '_> {
    fn threshold(&self, query: usize) -> f32 {
        self.0
            .get(query)
            .map_or(f32::INFINITY, |best| best.threshold)
    }

    fn allowed(&self, query: usize, block: usize) -> u16 {
        let allowed = self.0.get(query).and_then(|best| best.allowed);
        allowed.map_or(u16::MAX, |allowed| {
            allowed.blocks.get(block).copied().unwrap_or(0)
        })
    }

    fn keep(&mut self, query: usize, row: usize, score: f32) {
        if let Some(best) = self.0.get_mut(query) {
            best.keep(row, score);
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl simd::Keep for Bests<'_, '_> {
    fn threshold(&self, query: usize) -> f32 {
        self.threshold(query)
    }

    fn allowed(&self, query: usize, block: usize) -> u16 {
        self.allowed(query, block)
    }

    fn keep(&mut self, query: usize, row: usize, score: f32) {
        self.keep(query, row, score);
    }
}

impl Codes {
    /// Room for so many vectors of a dimension.
    pub(super) fn with_room(rows: usize, dimension: usize) -> io::Result<Self> {
        let padded = rows.next_multiple_of(BLOCK);
        let width = dimension.next_multiple_of(4);
        let mut bytes = Numbers::zeroed(padded * width)?;
        let mut scales = Numbers::zeroed(padded)?;
        // What only fills up stands for zero, and is never worth keeping.
        bytes.fill(ZERO as u8);
        scales.fill(f32::NAN);
        Ok(Self {
            bytes,
            scales,
            dimension,
        })
    }

    fn width(&self) -> usize {
        self.dimension.next_multiple_of(4)
    }

    /// Sets a row's vector.
    pub(super) fn set(&mut self, row: usize, vector: &[f32]) {
        let (width, step) = (self.width(), step(vector));
        let inverse = 1.0 / step;
        let block = self
            .bytes
            .chunks_exact_mut(BLOCK * width)
            .nth(row / BLOCK)
            .unwrap_or_default();
        for (four, quad) in vector.chunks(4).zip(block.chunks_exact_mut(BLOCK * 4)) {
            let bytes = quad
                .chunks_exact_mut(4)
                .nth(row % BLOCK)
                .unwrap_or_default();
            for (byte, number) in bytes.iter_mut().zip(four) {
                // Adding half and cutting off is rounding, since what is cut is above 0.
                *byte = (number * inverse + ZERO + 0.5) as u8;
            }
        }
        if let Some(scale) = self.scales.get_mut(row) {
            *scale = step;
        }
    }

    /// Adds to each query's best rows.
    pub(super) fn nearest(&self, queries: &[&[f32]], bests: &mut [Best<'_>]) {
        let width = self.width();
        let mut bytes = vec![0i8; queries.len() * width];
        for (query, bytes) in queries.iter().zip(bytes.chunks_exact_mut(width.max(1))) {
            let inverse = 1.0 / step(query);
            for (byte, number) in bytes.iter_mut().zip(*query) {
                *byte = (number * inverse).round() as i8;
            }
        }
        let bests = &mut Bests(bests);
        #[cfg(target_arch = "x86_64")]
        if let Some(level) = simd::Level::detect()
            && width <= simd::WIDEST
        {
            let codes = simd::Codes {
                bytes: &self.bytes,
                width,
                scales: &self.scales,
            };
            return simd::nearest(level, codes, &bytes, bests);
        }
        self.nearest_on_any_processor(&bytes, bests);
    }

    fn nearest_on_any_processor(&self, queries: &[i8], bests: &mut Bests<'_, '_>) {
        let width = self.width().max(1);
        let blocks = self
            .bytes
            .chunks_exact(BLOCK * width)
            .zip(self.scales.chunks_exact(BLOCK));
        for (block, (bytes, scales)) in blocks.enumerate() {
            for (query, asked) in queries.chunks_exact(width).enumerate() {
                let mut sums = [0i32; BLOCK];
                for (quad, four) in bytes.chunks_exact(BLOCK * 4).zip(asked.chunks_exact(4)) {
                    for (sum, row) in sums.iter_mut().zip(quad.chunks_exact(4)) {
                        for (byte, number) in row.iter().zip(four) {
                            *sum += (i32::from(*byte) - 128) * i32::from(*number);
                        }
                    }
                }
                let allowed = bests.allowed(query, block);
                for (row, (sum, scale)) in sums.iter().zip(scales).enumerate() {
                    let score = *sum as f32 * scale;
                    if allowed >> row & 1 == 1 && score > bests.threshold(query) {
                        bests.keep(query, block * BLOCK + row, score);
                    }
                }
            }
        }
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.scales.len() * size_of::<f32>()
    }
}

/// What one unit of a byte stands for, so that a vector's greatest number is the greatest byte.
fn step(vector: &[f32]) -> f32 {
    let most = vector
        .iter()
        .fold(0.0f32, |most, number| most.max(number.abs()));
    if most > 0.0 { most / MOST } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..count).map(|_| random.f32() * 2.0 - 1.0).collect()
    }

    fn rows_of(best: Best<'_>) -> Vec<usize> {
        let mut rows: Vec<usize> = best.rows().collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn every_processor_finds_the_same_rows() {
        for (rows, dimension) in [(1, 1), (16, 4), (17, 5), (100, 384), (333, 30), (64, 8)] {
            let vectors = numbers(rows * dimension, 1);
            let mut codes = Codes::with_room(rows, dimension).unwrap();
            for (row, vector) in vectors.chunks_exact(dimension).enumerate() {
                codes.set(row, vector);
            }
            let width = codes.width();
            let odd = Allowed::of(rows, (0..rows).filter(|row| row % 3 == 1));
            for count in [1, 2, 7, 8, 9, 19] {
                let asked: Vec<i8> = numbers(count * width, 2)
                    .iter()
                    .map(|number| (number * 127.0) as i8)
                    .collect();
                let fresh = || -> Vec<Best<'_>> {
                    let allowed = |query: usize| (query % 2 == 1).then_some(&odd);
                    (0..count)
                        .map(|query| Best::of(7, allowed(query)))
                        .collect()
                };
                let mut expected = fresh();
                codes.nearest_on_any_processor(&asked, &mut Bests(&mut expected));
                let expected: Vec<_> = expected.into_iter().map(rows_of).collect();
                for rows in &expected {
                    assert!(!rows.is_empty() || odd.count() == 0);
                }
                #[cfg(target_arch = "x86_64")]
                for level in simd::Level::available() {
                    let mut found = fresh();
                    let raw = simd::Codes {
                        bytes: &codes.bytes,
                        width,
                        scales: &codes.scales,
                    };
                    simd::nearest(level, raw, &asked, &mut Bests(&mut found));
                    let found: Vec<_> = found.into_iter().map(rows_of).collect();
                    assert_eq!(
                        found, expected,
                        "{level} {rows}x{dimension}, {count} queries"
                    );
                }
            }
        }
    }
}
