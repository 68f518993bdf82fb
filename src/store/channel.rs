//! Channels: the link `current` and others that name a live version, their twins for pollers that cannot trust links, and
//! the one place that flips them.
//!
//! The link is the truth. The twin's generation counts only while it names the link's target.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Actor, CHANNELS, Error, Intent, JOURNAL, LockedStore, NameRecord, Recovered, Release, Store,
    VERSIONS, VersionName, log, read_json, write_json,
};
use crate::digest::Digest;
use crate::durable::{self, Context as _};
use crate::fault::{Fault, Kind};

/// The channel that servers follow unless they are told otherwise.
const CURRENT: &str = "current";
const LONGEST: usize = 64;

/// The name of a link to a live version: `current`, or another such as `canary`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(String);

/// A text that names no channel.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a channel: at most 64 lower-case letters, digits and hyphens")]
pub struct ParseChannelError(String);

impl Fault for ParseChannelError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "A channel is named by at most {LONGEST} lower-case letters, digits and hyphens."
        ))
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self(CURRENT.to_owned())
    }
}

impl FromStr for Channel {
    type Err = ParseChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fine = !text.is_empty()
            && text.len() <= LONGEST
            && !text.starts_with('-')
            && text.bytes().all(allowed);
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseChannelError(text.to_owned()))
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Channel {
    fn is_current(&self) -> bool {
        self.0 == CURRENT
    }

    /// The link's path in the store.
    fn link(&self) -> PathBuf {
        if self.is_current() {
            PathBuf::from(CURRENT)
        } else {
            Path::new(CHANNELS).join(&self.0)
        }
    }

    /// The twin's path in the store.
    fn twin(&self) -> PathBuf {
        self.link().with_extension("json")
    }

    /// What the link holds when it names this version.
    fn target(&self, version: &VersionName) -> PathBuf {
        let up = if self.is_current() { "" } else { ".." };
        Path::new(up).join(VERSIONS).join(version.to_string())
    }

    /// Finds the version that a link's content names; `None` for anything but exactly what `target` gives.
    fn version_of(&self, target: &Path) -> Option<VersionName> {
        let Some(Component::Normal(last)) = target.components().next_back() else {
            return None;
        };
        let version: VersionName = last.to_str()?.parse().ok()?;
        (self.target(&version).as_os_str() == target.as_os_str()).then_some(version)
    }
}

/// The regular file beside the link that says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Rises by one with every release of the channel.
    pub generation: u64,
    /// The live version.
    pub version: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// When it went live.
    pub published_at: Timestamp,
}

impl Store {
    /// Reads which version `current` names.
    pub fn live(&self) -> Result<Option<VersionName>, Error> {
        self.live_on(&Channel::default())
    }

    /// Reads which version a channel names: one hop, relative, into `versions/`.
    pub fn live_on(&self, channel: &Channel) -> Result<Option<VersionName>, Error> {
        let link = self.channel_link(channel);
        let bad = |found: String| Error::BadLink {
            link: link.clone(),
            found,
        };
        match fs::read_link(&link) {
            Ok(target) => match channel.version_of(&target) {
                Some(name) => Ok(Some(name)),
                None => Err(bad(target.display().to_string())),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                Err(bad("it is no link at all".into()))
            }
            Err(e) => Err(e).context(link)?,
        }
    }

    /// Names the channels that there are, `current` first. Fails when one cannot be read.
    pub fn channels(&self) -> Result<Vec<(Channel, VersionName)>, Error> {
        let mut channels = Vec::new();
        let dir = self.root.join(CHANNELS);
        let entries = match fs::read_dir(&dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.context(&dir)?),
        };
        for entry in entries.into_iter().flatten() {
            let name = entry.context(&dir)?.file_name();
            // Twins and temporary links are named as no channel is.
            if let Some(Ok(channel)) = name.to_str().map(str::parse) {
                channels.push(channel);
            }
        }
        channels.sort();
        let mut live = Vec::new();
        for channel in std::iter::once(Channel::default()).chain(channels) {
            if let Some(version) = self.live_on(&channel)? {
                live.push((channel, version));
            }
        }
        Ok(live)
    }

    /// Reads a channel's twin, if it names the version that the link names.
    pub fn twin_on(&self, channel: &Channel) -> Result<Option<Twin>, Error> {
        let live = self.live_on(channel)?;
        // The link is the truth: a twin that cannot be read counts as little as one that is behind.
        let twin: Option<Twin> = read_json(&self.root, &channel.twin()).ok().flatten();
        Ok(twin.filter(|twin| Some(&twin.version) == live.as_ref()))
    }

    /// Says which release a crash left unfinished, for commands that only look.
    pub fn unfinished(&self) -> Result<Option<Release>, Error> {
        read_json(&self.root, &super::state(JOURNAL))
    }

    /// A channel's link.
    pub fn channel_link(&self, channel: &Channel) -> PathBuf {
        self.root.join(channel.link())
    }
}

impl LockedStore {
    /// Points a channel at a version. Once this returns, the release survives a power cut.
    ///
    /// Only `publish.rs` calls this, with a version whose bytes it has just proven.
    pub(crate) fn flip(&self, intent: Intent) -> Result<Release, Error> {
        let (_, found) = self.manifest(&intent.to)?;
        if found != intent.manifest_sha256 {
            return Err(Error::ChangedAfterCheck {
                name: intent.to,
                checked: intent.manifest_sha256,
                found,
            });
        }
        // Names that cannot be read are for whoever seals; a version that is there may still be rolled back to.
        let names = self.names().unwrap_or_default();
        let means_another =
            |known: &NameRecord| known.name == intent.to && known.manifest_sha256 != found;
        if names.iter().any(means_another) {
            return Err(Error::NameTaken { name: intent.to });
        }
        self.check_not_withdrawn(&intent.to)?;
        let release = Release {
            generation: self.last_generation(&intent.channel)? + 1,
            operation: intent.operation,
            from: self.live_on(&intent.channel)?,
            channel: intent.channel,
            to: intent.to,
            manifest_sha256: intent.manifest_sha256,
            at: Timestamp::now(),
            by: Actor::current(),
            reason: intent.reason,
            waived: intent.waived,
        };
        write_json(&self.state(JOURNAL), &release, self.shared().file())?;
        durable::replace_link(
            &self.channel_link(&release.channel),
            &release.channel.target(&release.to),
        )?;
        self.finish(&release)?;
        Ok(release)
    }

    /// Does what remains once the link names the release's version. Doing it twice is doing it once.
    fn finish(&self, release: &Release) -> Result<(), Error> {
        let twin = Twin {
            generation: release.generation,
            version: release.to.clone(),
            manifest_sha256: release.manifest_sha256,
            published_at: release.at,
        };
        // The twin lies beside the link: the fsync of their directory that ends its writing makes both durable.
        let path = self.root().join(release.channel.twin());
        write_json(&path, &twin, self.shared().file())?;
        // Written but not fsynced is what the last line may be that a process which died left.
        let history = self.recent_history().unwrap_or_default();
        if !history.iter().any(|known| known == release) {
            log::append(&self.state(log::HISTORY), release, self.shared().file())?;
        }
        Ok(durable::remove(&self.state(JOURNAL))?)
    }

    /// Completes the release in the journal if the link was flipped, else discards it.
    pub(super) fn recover_release(&self) -> Result<Option<Recovered>, Error> {
        let release = match self.unfinished() {
            Ok(Some(release)) => release,
            Ok(None) => return Ok(None),
            Err(Error::Malformed { .. }) => {
                durable::remove(&self.state(JOURNAL))?;
                return Ok(Some(Recovered::Unreadable));
            }
            Err(e) => return Err(e),
        };
        if self.live_on(&release.channel)?.as_ref() == Some(&release.to)
            && release.from.as_ref() != Some(&release.to)
        {
            self.finish(&release)?;
            return Ok(Some(Recovered::Completed(release.to)));
        }
        durable::remove(&self.state(JOURNAL))?;
        Ok(Some(Recovered::Discarded(release.to)))
    }

    fn last_generation(&self, channel: &Channel) -> Result<u64, Error> {
        let twin: Option<Twin> = read_json(self.root(), &channel.twin()).ok().flatten();
        let last_of = |history: Vec<Release>| {
            let of_channel = history.iter().filter(|release| release.channel == *channel);
            of_channel.map(|release| release.generation).max()
        };
        // A history that cannot be read stops no rollback: the twin counts as well.
        let logged = last_of(self.recent_history().unwrap_or_default())
            .or_else(|| last_of(self.history().unwrap_or_default()));
        Ok(logged.max(twin.map(|twin| twin.generation)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_means_a_version_only_in_the_one_form_that_a_flip_writes() {
        let (current, canary) = (Channel::default(), "canary".parse::<Channel>().unwrap());
        let version: VersionName = "v1.2.0".parse().unwrap();
        for channel in [&current, &canary] {
            assert_eq!(
                channel.version_of(&channel.target(&version)).as_ref(),
                Some(&version)
            );
        }
        assert_eq!(current.target(&version), Path::new("versions/v1.2.0"));
        assert_eq!(canary.target(&version), Path::new("../versions/v1.2.0"));
        for bad in [
            "/versions/v1.2.0",
            "versions/1.2.0",
            "versions/../v1.2.0",
            "versions/v1.2.0/",
            "v1.2.0",
            "./versions/v1.2.0",
            "../versions/v1.2.0",
            "versions//v1.2.0",
            "",
        ] {
            assert_eq!(current.version_of(Path::new(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_channel_is_named_by_letters_digits_and_hyphens() {
        assert_eq!(
            "canary-2".parse::<Channel>().unwrap().to_string(),
            "canary-2"
        );
        let long = "a".repeat(65);
        for bad in [
            "",
            "a.json",
            "../current",
            "Canary",
            "-x",
            "a b",
            "é",
            "a/b",
            long.as_str(),
        ] {
            assert!(bad.parse::<Channel>().is_err(), "{bad}");
        }
    }
}
