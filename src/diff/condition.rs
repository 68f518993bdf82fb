//! What a difference may not be: `churn>0.3`, `shrink>10%`, `moved>0`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::Diff;

/// A difference that is too much.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    figure: Figure,
    or_equal: bool,
    limit: f64,
    is_percent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Churn,
    Shrink,
    Moved,
    Added,
    Removed,
    Changed,
}

const FIGURES: [(&str, Figure); 6] = [
    ("churn", Figure::Churn),
    ("shrink", Figure::Shrink),
    ("moved", Figure::Moved),
    ("added", Figure::Added),
    ("removed", Figure::Removed),
    ("changed", Figure::Changed),
];

/// A text that says no such thing.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no condition such as churn>0.3, shrink>10% or moved>0; the figures are churn, shrink, moved, added, removed, changed"
)]
pub struct ParseConditionError(String);

/// Whether a condition is met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The condition as it was written.
    pub condition: String,
    /// Whether it is met, so that the difference is too much.
    pub met: bool,
    /// What the figure is, in words.
    pub found: String,
}

impl FromStr for Condition {
    type Err = ParseConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseConditionError(text.to_owned());
        let (name, rest) = text.split_once('>').ok_or_else(wrong)?;
        let (or_equal, limit) = match rest.strip_prefix('=') {
            Some(limit) => (true, limit),
            None => (false, rest),
        };
        let (is_percent, limit) = match limit.trim().strip_suffix('%') {
            Some(limit) => (true, limit),
            None => (false, limit),
        };
        let figure = FIGURES.iter().find(|(known, _)| *known == name.trim());
        let limit: f64 = limit.trim().parse().map_err(|_| wrong())?;
        if !limit.is_finite() || limit < 0.0 {
            return Err(wrong());
        }
        Ok(Self {
            figure: figure.ok_or_else(wrong)?.1,
            or_equal,
            limit,
            is_percent,
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FIGURES.iter().find(|(_, figure)| *figure == self.figure);
        let name = name.map_or("", |(name, _)| name);
        let sign = if self.or_equal { ">=" } else { ">" };
        let percent = if self.is_percent { "%" } else { "" };
        write!(f, "{name}{sign}{}{percent}", self.limit)
    }
}

impl Condition {
    /// Judges a difference. A figure that is unknown is too much: what was asked for was not shown.
    pub fn judge(&self, diff: &Diff) -> Outcome {
        let chunks = diff.chunks;
        let count = |count: u64| Some((count as f64, chunks.before.max(1) as f64));
        // The figure, and what is the whole of it.
        let figure = match self.figure {
            Figure::Churn => diff.churn.as_ref().map(|churn| (churn.mean, 1.0)),
            Figure::Shrink => Some((diff.shrink(), 1.0)),
            // Where the space changed, every vector is meant to move.
            Figure::Moved if diff.space_changed => count(0),
            Figure::Moved => count(diff.moved_vectors.as_ref().map_or(0, |found| found.moved)),
            Figure::Added => count(chunks.added),
            Figure::Removed => count(chunks.removed),
            Figure::Changed => count(chunks.changed),
        };
        let Some((value, whole)) = figure else {
            return Outcome {
                condition: self.to_string(),
                met: true,
                found: "unknown: there are no golden queries".into(),
            };
        };
        let value = if self.is_percent {
            value / whole * 100.0
        } else {
            value
        };
        let percent = if self.is_percent { "%" } else { "" };
        Outcome {
            condition: self.to_string(),
            met: value > self.limit || (self.or_equal && value >= self.limit),
            found: format!("{}{percent}", (value * 1e4).round() / 1e4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Changes, Sizes};

    fn difference() -> Diff {
        Diff {
            from: "v1.0.0".parse().unwrap(),
            to: "v1.1.0".parse().unwrap(),
            space_changed: false,
            settings: Vec::new(),
            documents: Changes::default(),
            chunks: Changes {
                before: 200,
                now: 180,
                removed: 30,
                added: 10,
                ..Changes::default()
            },
            tokens: Sizes {
                before: 100,
                now: 95,
            },
            bytes: Sizes { before: 1, now: 1 },
            moved_vectors: None,
            churn: None,
            changed_documents: Vec::new(),
        }
    }

    fn met(condition: &str) -> bool {
        let condition: Condition = condition.parse().unwrap();
        condition.judge(&difference()).met
    }

    #[test]
    fn a_condition_is_a_figure_above_a_limit() {
        assert!(met("shrink>9%") && !met("shrink>10%") && met("shrink>=10%"));
        assert!(met("shrink>0.09") && !met("shrink>0.1"));
        assert!(met("removed>29") && !met("removed>30") && met("removed>14%"));
        assert!(!met("moved>0"));
    }

    #[test]
    fn what_cannot_be_told_is_too_much() {
        let outcome = "churn>0.3"
            .parse::<Condition>()
            .unwrap()
            .judge(&difference());
        assert!(outcome.met && outcome.found.contains("no golden queries"));
    }

    #[test]
    fn other_texts_are_no_conditions() {
        for text in [
            "churn", "churn>", "churn>-1", "chrn>1", "churn>x%", "churn<1",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
        for text in ["churn>0.3", "shrink>=10%"] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
    }
}
