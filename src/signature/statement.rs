//! What a signature says beside whose it is: its trusted comment.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use minisign::SignatureBox;

use super::Error;
use crate::store::{Channel, VersionName};

/// What a trusted comment begins with.
const MARK: &str = "ragctl";
/// Letters of the longest name that a store signs under.
const LONGEST_NAME: usize = 64;

/// What a signature is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A version is the store's.
    Version(VersionName),
    /// A channel was pointed at a version.
    Release {
        /// The channel.
        channel: Channel,
        /// Its count of releases, this one included.
        generation: u64,
        /// The version.
        version: VersionName,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version={version}"),
            Self::Release {
                channel,
                generation,
                version,
            } => write!(
                f,
                "channel={channel} generation={generation} version={version}"
            ),
        }
    }
}

/// What a signature says beside whose it is: the trusted comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The name that the store signs under.
    pub store: String,
    /// What it is about.
    pub about: About,
    /// When it was made.
    pub at: Timestamp,
    /// Until when it counts, if it does not count for ever.
    pub expires: Option<Timestamp>,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{MARK} store={} {} at={:.0}",
            self.store, self.about, self.at
        )?;
        match &self.expires {
            Some(expires) => write!(f, " expires={expires:.0}"),
            None => Ok(()),
        }
    }
}

impl Statement {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next() != Some(MARK) {
            return None;
        }
        let mut said = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=')?;
            if said.insert(key, value).is_some() {
                return None;
            }
        }
        fn parsed<T: FromStr>(value: Option<&str>) -> Option<T> {
            value?.parse().ok()
        }
        let version = parsed(said.remove("version"))?;
        let about = match (said.remove("channel"), said.remove("generation")) {
            (None, None) => About::Version(version),
            (channel, generation) => About::Release {
                channel: parsed(channel)?,
                generation: parsed(generation)?,
                version,
            },
        };
        let expires = match said.remove("expires") {
            None => None,
            some => Some(parsed(some)?),
        };
        let store = said.remove("store")?.to_owned();
        let at = parsed(said.remove("at"))?;
        // What is not known may be a condition.
        said.is_empty().then_some(Self {
            store,
            about,
            at,
            expires,
        })
    }
}

/// Reads under which name something was signed, by its own word: nothing is checked.
pub fn claimed_name(signature: &str) -> Option<String> {
    let signature = SignatureBox::from_string(signature).ok()?;
    let statement = Statement::parse(&signature.trusted_comment().ok()?)?;
    Some(statement.store)
}

/// Checks a name that a store signs under.
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(Error::BadName(name.to_owned())),
    }
}
