//! What one core can compute at most: the denominator of every claim about speed.
#![expect(
    unsafe_code,
    reason = "vector instructions; each block says why it is sound"
)]

use std::time::{Duration, Instant};

use super::{Level, avx2, avx512};

/// How often the rate is measured; the best counts, because others share the processor.
const RUNS: usize = 7;
/// How long one measurement takes.
const RUN: Duration = Duration::from_millis(20);
/// Rounds of [`SUMS`] instructions between two looks at the clock.
const ROUNDS: usize = 20_000;
/// Independent sums: more than an instruction's latency times its rate on any processor so far, and few enough for 16 registers.
pub(super) const SUMS: usize = 12;

/// Measures how many operations one core computes a second, a multiply-add counting as two, with numbers in registers alone:
/// of single precision, or of the level's 16-bit integers.
///
/// # Panics
///
/// If the processor lacks the level.
pub fn peak(level: Level, integer: bool) -> f64 {
    level.check();
    // SAFETY: the level was checked, so the instructions exist; they touch registers alone.
    let round = || unsafe {
        match (level, integer) {
            (Level::Avx2, false) => avx2::fused(ROUNDS),
            (Level::Avx2, true) => avx2::integer_fused(ROUNDS),
            (_, false) => avx512::fused(ROUNDS),
            (Level::Avx512, true) => avx512::integer_fused::<false>(ROUNDS),
            (Level::Avx512Vnni, true) => avx512::integer_fused::<true>(ROUNDS),
        }
    };
    let lanes = if level == Level::Avx2 { 8 } else { 16 };
    let operations = (ROUNDS * SUMS * lanes * if integer { 4 } else { 2 }) as f64;
    let mut best = 0.0f64;
    for _ in 0..RUNS {
        let (start, mut rounds) = (Instant::now(), 0u32);
        while start.elapsed() < RUN {
            round();
            rounds += 1;
        }
        best = best.max(operations * f64::from(rounds) / start.elapsed().as_secs_f64());
    }
    best
}
