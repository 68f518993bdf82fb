//! How much may go wrong: a number of documents, or a part of them.

use std::fmt;
use std::str::FromStr;

/// How many documents may fail before the run does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// This many.
    Count(u64),
    /// This part of all documents, in percent.
    Percent(f64),
}

/// A text that is no tolerance.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a number of documents nor a percentage such as 5%")]
pub struct ParseToleranceError(String);

impl FromStr for Tolerance {
    type Err = ParseToleranceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseToleranceError(text.to_owned());
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| error())?;
                (0.0..=100.0)
                    .contains(&percent)
                    .then_some(Self::Percent(percent))
                    .ok_or_else(error)
            }
            None => text.parse().map(Self::Count).map_err(|_| error()),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Tolerance {
    pub(super) fn allows(self, failed: u64, all: u64) -> bool {
        match self {
            Self::Count(count) => failed <= count,
            Self::Percent(percent) => failed as f64 * 100.0 <= percent * all as f64,
        }
    }
}
