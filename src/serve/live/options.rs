//! How a server follows a channel, and what it may use.

use std::str::FromStr;
use std::time::Duration;

use crate::signature::Trust;
use crate::store::Channel;

/// How a channel is followed and its versions are served.
#[derive(Debug, Clone)]
pub struct Options {
    /// The channel.
    pub channel: Channel,
    /// How often to look where no event tells; one that fits the filesystem by default.
    pub interval: Option<Duration>,
    /// Whether filesystem events make it sooner.
    pub events: bool,
    /// What searches by vector.
    pub search: SearchBy,
    /// Bytes of memory that the process may take; by default nine tenths of what its control group or the machine has.
    pub max_memory: Option<u64>,
    /// What happens where two versions do not fit beside each other.
    pub reload: Reload,
    /// What is read back of a version before it answers.
    pub verify: Check,
    /// The keys one of which must have signed a version before it answers; where there is none, nothing has to be signed.
    pub trust: Trust,
    /// A random time up to this passes before a flip is followed, so that many replicas do not read the same disk at once.
    pub spread: Duration,
    /// How long a version that was replaced answers those who ask for it by name.
    pub keep_previous: Duration,
    /// How long a version that was replaced may be held by unfinished requests before that is told.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            channel: Channel::default(),
            interval: None,
            events: true,
            search: SearchBy::default(),
            max_memory: None,
            reload: Reload::default(),
            verify: Check::default(),
            trust: Trust::default(),
            spread: Duration::ZERO,
            keep_previous: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}

/// What searches by vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchBy {
    /// Memory where the versions fit, else the index.
    #[default]
    Auto,
    /// Memory.
    Resident,
    /// The version's own index.
    Index,
}

/// What happens where a new version does not fit beside the old one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reload {
    /// The new one is refused, and the old one goes on.
    #[default]
    Beside,
    /// The old one is let go first, and nothing answers meanwhile.
    DrainFirst,
}

/// What is read back of a version before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// Every byte.
    #[default]
    Bytes,
    /// Names and sizes.
    Structure,
}

/// A text that is none of the words that an option knows.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` is none of {known}")]
pub struct ParseOptionError {
    found: String,
    known: &'static str,
}

macro_rules! words {
    ($kind:ty, $known:literal, { $($word:literal => $value:expr),* }) => {
        impl FromStr for $kind {
            type Err = ParseOptionError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($value),)*
                    other => Err(ParseOptionError { found: other.to_owned(), known: $known }),
                }
            }
        }
    };
}

words!(SearchBy, "auto, resident and index", { "auto" => Self::Auto, "resident" => Self::Resident, "index" => Self::Index });
words!(Reload, "beside and drain-first", { "beside" => Self::Beside, "drain-first" => Self::DrainFirst });
words!(Check, "bytes and structure", { "bytes" => Self::Bytes, "structure" => Self::Structure });
