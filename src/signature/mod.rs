//! Who says that a version is theirs: minisign signatures over the manifest, which lists the hash of every file.
//!
//! One message is signed for two purposes, told apart by the trusted comment, which the signature covers too: that a version
//! is a store's (`version`), and that a channel was pointed at it (`channel` and `generation` as well). A signature of the
//! first kind never proves the second, so that an old version cannot be released again by whoever writes to the remote.

mod key;
mod statement;
#[cfg(test)]
mod tests;
mod trust;

use jiff::Timestamp;

pub use key::SigningKey;
pub use statement::{About, Statement, check_name, claimed_name};
pub use trust::Trust;

use crate::fault::{Fault, Kind};
use crate::store;

/// A signature that is missing, wrong, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key cannot be read.
    #[error("{what} is no minisign {kind} key: {problem}")]
    BadKey {
        /// Where it came from.
        what: String,
        /// `public` or `secret`.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A secret key needs its password.
    #[error("{0} is protected by a password, and none was given")]
    NoPassword(String),
    /// A store cannot sign under such a name.
    #[error(
        "`{0}` is no name to sign under: letters, digits, `.`, `_`, `-` and `/`, at most 64 of them"
    )]
    BadName(String),
    /// Nothing is signed.
    #[error("{0} is not signed")]
    Missing(String),
    /// The signature is not of a trusted key, or of other bytes.
    #[error("the signature of {what} is not valid: {problem}")]
    Invalid {
        /// What was signed.
        what: String,
        /// Why it is not valid.
        problem: String,
    },
    /// It was good once.
    #[error("the signature of {what} expired at {at:.0}")]
    Expired {
        /// What was signed.
        what: String,
        /// When.
        at: Timestamp,
    },
    /// It is about something else.
    #[error("the signature of {what} is about another one: it says {said}")]
    AboutAnother {
        /// What it should be about.
        what: String,
        /// What it says.
        said: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::BadKey { .. } | Self::NoPassword(_) | Self::BadName(_) => Kind::Usage,
            Self::Missing(_)
            | Self::Invalid { .. }
            | Self::Expired { .. }
            | Self::AboutAnother { .. } => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Store(e) => return e.hint(),
                Self::BadKey { kind: "secret", .. } => {
                    "Make a pair with `ragctl sign --new-key FILE`, or with minisign."
                }
                Self::BadKey { .. } => {
                    "Give a .pub file of minisign's, or the key itself in base64."
                }
                Self::NoPassword(_) => "Put it into RAGCTL_SIGNING_PASSWORD.",
                Self::BadName(_) => "Set [signing] name, such as `handbook`.",
                Self::Missing(_) => {
                    "Sign it where it was built with `ragctl sign`, and releases with `--sign`."
                }
                Self::Invalid { .. } | Self::AboutAnother { .. } => {
                    "Nothing was changed. Do not use it before you know who wrote it."
                }
                Self::Expired { .. } => "Sign it again with `ragctl sign`, or release it again.",
            }
            .into(),
        )
    }
}
