//! Whether golden queries are answered worse than before, and not by chance.

use serde::{Deserialize, Serialize};

use super::{Answered, Scores};

/// Differences up to which every way to flip their signs is counted; beyond, ways are drawn.
const COUNTED: usize = 16;
/// Ways that are drawn. A probability of 0.05 is then known to about 0.002.
const DRAWN: u32 = 20_000;
/// The probability of chance below which a loss counts as one.
const SIGNIFICANT: f64 = 0.05;

/// How one score moved between two versions on the same questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// The score.
    pub score: String,
    /// Its mean before.
    pub before: f64,
    /// Its mean now.
    pub now: f64,
    /// The probability that questions whose answers got better and worse by chance lose as much in the mean.
    pub chance: f64,
}

impl Regression {
    /// Whether it lost more than is allowed, and not by chance.
    pub fn exceeds(&self, allowed: f64) -> bool {
        self.before - self.now > allowed && self.chance < SIGNIFICANT
    }
}

/// Compares the answers of two versions to the same questions.
pub fn regressions(before: &[Answered], now: &[Answered]) -> Vec<Regression> {
    let (old, new) = (Scores::of(before), Scores::of(now));
    let of = |score: &str, before_mean, now_mean, get: fn(&Answered) -> f64| {
        let pairs = before.iter().zip(now);
        let losses: Vec<f64> = pairs.map(|(before, now)| get(before) - get(now)).collect();
        Regression {
            score: score.to_owned(),
            before: before_mean,
            now: now_mean,
            chance: chance(&losses),
        }
    };
    vec![
        of("recall@5", old.recall_at_5, new.recall_at_5, |a| {
            a.recall_at_5
        }),
        of("MRR", old.mrr, new.mrr, |a| a.reciprocal_rank),
        of("nDCG@10", old.ndcg_at_10, new.ndcg_at_10, |a| a.ndcg_at_10),
    ]
}

/// The one-sided probability of a sum of losses at least this high where each sign is as likely as the other: the paired
/// randomisation test, which fits means of retrieval scores best (Smucker, Allan, Carterette, CIKM 2007).
fn chance(losses: &[f64]) -> f64 {
    let losses: Vec<f64> = losses.iter().copied().filter(|loss| *loss != 0.0).collect();
    let seen: f64 = losses.iter().sum();
    // Sums of the same numbers in another order differ by their rounding.
    let reaches = |sum: f64| sum >= seen - 1e-9;
    if losses.len() <= COUNTED {
        let ways = 1_u32 << losses.len();
        let signed = |way: u32| -> f64 {
            let flip =
                |(index, loss): (usize, &f64)| if way >> index & 1 == 1 { -loss } else { *loss };
            losses.iter().enumerate().map(flip).sum()
        };
        let as_high = (0..ways).filter(|way| reaches(signed(*way))).count();
        return as_high as f64 / f64::from(ways);
    }
    let mut random = fastrand::Rng::with_seed(1);
    let mut draw = || -> f64 {
        losses
            .iter()
            .map(|loss| if random.bool() { *loss } else { -loss })
            .sum()
    };
    let as_high = (0..DRAWN).filter(|_| reaches(draw())).count();
    (as_high as f64 + 1.0) / (f64::from(DRAWN) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_losses_are_chance_and_many_are_not() {
        assert_eq!(chance(&[]), 1.0);
        assert_eq!(chance(&[1.0]), 0.5);
        assert_eq!(chance(&[1.0, 0.0, 1.0]), 0.25);
        assert_eq!(chance(&[0.5; 5]), 1.0 / 32.0);
        assert!(chance(&[0.1; 40]) < 0.001);
    }

    #[test]
    fn gains_weigh_against_losses() {
        assert!(chance(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]) > 0.5);
        let noise: Vec<f64> = (0..60)
            .map(|i| if i % 2 == 0 { 0.2 } else { -0.19 })
            .collect();
        assert!(chance(&noise) > 0.2);
        assert!(chance(&[-1.0; 8]) > 0.99);
    }

    #[test]
    fn a_loss_counts_when_it_is_large_and_no_chance() {
        let lost = |before: f64, now: f64, chance: f64| Regression {
            score: "recall@5".into(),
            before,
            now,
            chance,
        };
        assert!(lost(0.9, 0.8, 0.01).exceeds(0.02));
        assert!(!lost(0.9, 0.8, 0.2).exceeds(0.02));
        assert!(!lost(0.9, 0.89, 0.01).exceeds(0.02));
        assert!(!lost(0.8, 0.9, 1.0).exceeds(0.0));
    }
}
