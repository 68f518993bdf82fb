//! The name of a version: semver with a leading `v`.

use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::{Fault, Kind};

/// Characters of the longest name.
const LONGEST: usize = 128;

/// A version's name, such as `v1.4.0` or `v1.2.0-rc1`. Ordered as semver orders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionName(semver::Version);

/// A text that names no version.
#[derive(Debug, thiserror::Error)]
pub enum ParseNameError {
    /// Not semver.
    #[error("`{text}` is not a version name: {source}")]
    NotSemver {
        /// What was given.
        text: String,
        /// What semver says.
        source: semver::Error,
    },
    /// It would not do as a directory's name.
    #[error("a version name has at most {LONGEST} characters, not {0}")]
    TooLong(usize),
    /// Build metadata has no order, so it cannot name a release.
    #[error("`{0}` carries build metadata (`+…`), which a version name may not")]
    BuildMetadata(String),
}

impl Fault for ParseNameError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("Version names look like v1.4.0 or v1.4.0-rc1.".into())
    }
}

/// Which part of a name the next version raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// Same space, same documents.
    Patch,
    /// Documents or chunking changed.
    Minor,
    /// The embedding space changed: readers must change too.
    Major,
}

impl VersionName {
    /// The first version of a store.
    pub fn first(pre: Prerelease) -> Self {
        Self(semver::Version {
            pre,
            ..semver::Version::new(0, 1, 0)
        })
    }

    /// What follows the numbers; empty for a release.
    pub fn pre(&self) -> Prerelease {
        self.0.pre.clone()
    }

    /// Returns the name of the release that a pre-release leads to.
    pub fn without_pre(&self) -> Self {
        let semver::Version {
            major,
            minor,
            patch,
            ..
        } = self.0;
        Self(semver::Version::new(major, minor, patch))
    }

    /// Returns the next name of this kind above `self`. A pre-release is followed by its own release where that is a
    /// step of the kind asked for: v1.0.0 follows v1.0.0-rc1 for every kind, v1.0.1-rc1 is followed by v1.1.0 for `Minor`.
    pub fn next(&self, bump: Bump, pre: Prerelease) -> Self {
        let semver::Version {
            major,
            minor,
            patch,
            ..
        } = self.0;
        let core_is_such_a_step = match bump {
            Bump::Patch => true,
            Bump::Minor => patch == 0,
            Bump::Major => minor == 0 && patch == 0,
        };
        if !self.0.pre.is_empty() && core_is_such_a_step {
            let same_core = Self(semver::Version {
                pre: pre.clone(),
                ..semver::Version::new(major, minor, patch)
            });
            if same_core > *self {
                return same_core;
            }
        }
        let next = match bump {
            Bump::Patch => semver::Version::new(major, minor, patch + 1),
            Bump::Minor => semver::Version::new(major, minor + 1, 0),
            Bump::Major => semver::Version::new(major + 1, 0, 0),
        };
        Self(semver::Version { pre, ..next })
    }
}

impl FromStr for VersionName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST {
            return Err(ParseNameError::TooLong(text.len()));
        }
        let version =
            semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|source| {
                ParseNameError::NotSemver {
                    text: text.to_owned(),
                    source,
                }
            })?;
        if version.build != BuildMetadata::EMPTY {
            return Err(ParseNameError::BuildMetadata(text.to_owned()));
        }
        Ok(Self(version))
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl Serialize for VersionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> VersionName {
        text.parse().unwrap()
    }

    fn pre(text: &str) -> Prerelease {
        Prerelease::new(text).unwrap()
    }

    #[test]
    fn the_leading_v_may_be_left_off_and_metadata_is_refused() {
        assert_eq!(name("1.4.0"), name("v1.4.0"));
        assert_eq!(name("1.4.0-rc1").to_string(), "v1.4.0-rc1");
        for bad in ["1.4", "v1.4.0+build", "current", "../v1.0.0", "v01.0.0", ""] {
            assert!(bad.parse::<VersionName>().is_err(), "{bad}");
        }
        let long = format!("v1.0.0-{}", "a".repeat(1000));
        assert!(long.parse::<VersionName>().unwrap_err().to_string().len() < 100);
    }

    #[test]
    fn the_next_name_is_above_the_last() {
        let next = |from: &str, bump, p: &str| name(from).next(bump, pre(p)).to_string();
        assert_eq!(next("v0.1.0", Bump::Minor, ""), "v0.2.0");
        assert_eq!(next("v0.1.3", Bump::Major, ""), "v1.0.0");
        assert_eq!(next("v0.2.0-rc1", Bump::Minor, ""), "v0.2.0");
        assert_eq!(next("v0.2.0-rc1", Bump::Minor, "rc2"), "v0.2.0-rc2");
        assert_eq!(next("v0.2.0-rc2", Bump::Minor, "rc1"), "v0.3.0-rc1");
        assert_eq!(next("v1.0.1-rc1", Bump::Minor, ""), "v1.1.0");
    }
}
