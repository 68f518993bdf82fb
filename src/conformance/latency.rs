//! How long answers took.

use std::time::Duration;

use serde::Serialize;

/// How long answers took, in milliseconds, wrong ones included. All 0 where there was none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the answers took no longer.
    pub p50_ms: f64,
    /// 95 of 100 took no longer.
    pub p95_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The slowest one.
    pub max_ms: f64,
}

impl Latency {
    pub(super) fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |hundredths: usize| {
            let rank = (took.len() * hundredths).div_ceil(100);
            took.get(rank.saturating_sub(1))
                .map_or(0.0, |took| took.as_secs_f64() * 1e3)
        };
        Self {
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}
