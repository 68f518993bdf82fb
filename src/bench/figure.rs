//! Figures of two runs beside each other: is this one slower, and not by chance?
//!
//! As benchstat does: a run holds repeated samples of each figure, medians are compared, and a difference counts where the
//! Mann-Whitney U test says that chance hardly gives it.

use serde::{Deserialize, Serialize};
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

/// The probability of chance below which a difference counts.
const SIGNIFICANT: f64 = 0.05;
/// Samples of each run below which no difference can count.
pub const LEAST_SAMPLES: usize = 4;
/// Draws of the bootstrap that the interval comes from.
const DRAWS: usize = 2_000;

/// One figure of a run, measured again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// What was measured, one sample a round.
    pub samples: Vec<f64>,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The higher.
    Higher,
    /// The lower.
    Lower,
}

/// One figure of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The median before.
    pub before: f64,
    /// The median now.
    pub now: f64,
    /// How much better the median is, as a part of that before; below 0 where it is worse.
    pub gain: f64,
    /// The interval that holds the gain in 95 of 100 draws.
    pub interval: (f64, f64),
    /// The probability that chance alone gives such a difference.
    pub chance: f64,
    /// How many samples each run has: before and now.
    pub samples: (usize, usize),
    /// What that means.
    pub verdict: Verdict,
}

/// What a comparison means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better, and not by chance.
    Better,
    /// Chance may give the difference, or it is within what is allowed.
    Same,
    /// Worse than is allowed, and not by chance.
    Worse,
    /// There are too few samples to tell.
    TooFew,
}

impl Figure {
    /// A figure that is better where it is higher.
    pub fn higher(name: impl Into<String>, unit: &str, samples: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            better: Better::Higher,
            samples,
        }
    }

    /// A figure that is better where it is lower.
    pub fn lower(name: impl Into<String>, unit: &str, samples: Vec<f64>) -> Self {
        Self {
            better: Better::Lower,
            ..Self::higher(name, unit, samples)
        }
    }
}

/// Compares each figure that both runs have. `allowed` is the part that a median may be worse.
pub fn compare(before: &[Figure], now: &[Figure], allowed: f64) -> Vec<Compared> {
    let pair = |figure: &Figure| {
        let old = before
            .iter()
            .find(|old| old.name == figure.name && old.unit == figure.unit)?;
        Some(compared(old, figure, allowed))
    };
    now.iter().filter_map(pair).collect()
}

fn compared(before: &Figure, now: &Figure, allowed: f64) -> Compared {
    let gain_of = |old: f64, new: f64| {
        let change = if old == 0.0 { 0.0 } else { new / old - 1.0 };
        match now.better {
            Better::Higher => change,
            Better::Lower => -change,
        }
    };
    let (old, new) = (median(&before.samples), median(&now.samples));
    let gain = gain_of(old, new);
    let least = before.samples.len().min(now.samples.len());
    // The crate's exact method gives the complement where the first run has no more samples than the second.
    let tested = mannwhitneyu(
        &before.samples,
        &now.samples,
        MannWhitneyUMethod::AsymptoticInclContinuityCorrection,
        Alternative::TwoSided,
    );
    let chance = tested.map_or(1.0, |(_, chance)| chance);
    let verdict = match (least < LEAST_SAMPLES, chance < SIGNIFICANT) {
        (true, _) => Verdict::TooFew,
        (_, true) if gain < -allowed => Verdict::Worse,
        (_, true) if gain > 0.0 => Verdict::Better,
        _ => Verdict::Same,
    };
    Compared {
        name: now.name.clone(),
        unit: now.unit.clone(),
        before: old,
        now: new,
        gain,
        interval: interval(&before.samples, &now.samples, &gain_of),
        chance,
        samples: (before.samples.len(), now.samples.len()),
        verdict,
    }
}

/// The percentile interval of a bootstrap over both runs' samples: Efron, Annals of Statistics 1979.
fn interval(before: &[f64], now: &[f64], gain: &dyn Fn(f64, f64) -> f64) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut draw = |samples: &[f64]| {
        let one = |_| samples.get(random.usize(0..samples.len().max(1))).copied();
        let drawn: Vec<f64> = (0..samples.len()).filter_map(one).collect();
        median(&drawn)
    };
    let mut gains: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let old = draw(before);
            gain(old, draw(now))
        })
        .collect();
    gains.sort_by(f64::total_cmp);
    let at = |part: f64| gains.get((DRAWS as f64 * part) as usize).copied();
    (at(0.025).unwrap_or(0.0), at(0.975).unwrap_or(0.0))
}

/// The middle of some samples; 0 of none.
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.get(middle.wrapping_sub(1))) {
        (Some(high), Some(low)) if sorted.len().is_multiple_of(2) => (high + low) / 2.0,
        (Some(middle), _) => *middle,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(before: &[f64], now: &[f64], better: Better, allowed: f64) -> Verdict {
        let figure = |samples: &[f64]| Figure {
            name: "f".into(),
            unit: "u".into(),
            better,
            samples: samples.to_vec(),
        };
        compare(&[figure(before)], &[figure(now)], allowed)[0].verdict
    }

    #[test]
    fn a_clear_loss_counts_and_noise_does_not() {
        let old = [100.0, 101.0, 99.0, 100.5, 100.2];
        let slow = [80.0, 81.0, 79.0, 80.5, 80.1];
        let noise = [99.5, 100.8, 100.1, 98.9, 101.2];
        assert_eq!(verdict(&old, &slow, Better::Higher, 0.05), Verdict::Worse);
        assert_eq!(verdict(&old, &slow, Better::Higher, 0.3), Verdict::Same);
        assert_eq!(verdict(&old, &slow, Better::Lower, 0.05), Verdict::Better);
        assert_eq!(verdict(&slow, &old, Better::Lower, 0.05), Verdict::Worse);
        assert_eq!(verdict(&old, &noise, Better::Higher, 0.0), Verdict::Same);
    }

    #[test]
    fn three_samples_tell_nothing() {
        let (old, new) = ([100.0; 3], [1.0; 3]);
        assert_eq!(verdict(&old, &new, Better::Higher, 0.05), Verdict::TooFew);
    }

    #[test]
    fn the_interval_holds_the_gain() {
        let figure = |samples: &[f64]| Figure::lower("f", "ms", samples.to_vec());
        let before = figure(&[10.0, 10.2, 9.9, 10.1, 10.0]);
        let now = figure(&[11.0, 11.3, 10.9, 11.1, 11.2]);
        let found = compared(&before, &now, 0.05);
        assert!(found.gain < -0.1 && found.chance < 0.05);
        assert!(found.interval.0 <= found.gain && found.gain <= found.interval.1);
        assert!(found.interval.1 < 0.0);
    }

    #[test]
    fn figures_that_one_run_lacks_are_left_out() {
        let figure = |name: &str| Figure::lower(name, "ms", vec![1.0; 5]);
        let found = compare(&[figure("a")], &[figure("a"), figure("b")], 0.0);
        assert_eq!(found.len(), 1);
    }
}
