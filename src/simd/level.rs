//! What the processor can do.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// What the processor can do, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors.
    Avx512,
    /// The same, and sums of products of 16-bit integers in one instruction.
    Avx512Vnni,
}

/// A text that names no level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names no kernels: avx2, avx512 or avx512-vnni")]
pub struct ParseLevelError(String);

impl Level {
    /// Every level, best last.
    pub const ALL: [Self; 3] = [Self::Avx2, Self::Avx512, Self::Avx512Vnni];

    /// Finds the best level of this processor; `None` where there is no kernel for it.
    pub fn detect() -> Option<Self> {
        static FOUND: OnceLock<Option<Level>> = OnceLock::new();
        *FOUND.get_or_init(|| {
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
        })
    }

    /// The levels that this processor has, best last.
    pub fn available() -> impl Iterator<Item = Self> {
        let best = Self::detect();
        Self::ALL
            .into_iter()
            .filter(move |level| Some(*level) <= best)
    }

    /// Asserts that this processor has the level: anybody can name one, and what follows runs its instructions.
    #[inline]
    pub(super) fn check(self) {
        assert!(Some(self) <= Self::detect(), "the processor lacks {self}");
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512-vnni",
        })
    }
}

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL
            .into_iter()
            .find(|level| level.to_string() == text);
        named.ok_or_else(|| ParseLevelError(text.to_owned()))
    }
}
