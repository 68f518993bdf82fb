//! The channel: the link `current`, its twin for pollers that cannot trust links, and the one place that flips it.
//!
//! The link is the truth. The twin's generation counts only while it names the link's target.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Actor, Error, LockedStore, Recovered, Store, VERSIONS, VersionName, log, read_json, write_json,
};
use crate::digest::Digest;
use crate::durable::{self, Context as _};

/// The channel that servers follow.
pub const CHANNEL: &str = "current";
const TWIN: &str = "current.json";
const JOURNAL: &str = "journal.json";

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

/// Whether a release goes forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Forward.
    Publish,
    /// Back.
    Rollback,
}

/// A release as history keeps it: a channel was pointed at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The channel's count of releases, this one included.
    pub generation: u64,
    /// Forward or back.
    pub operation: Operation,
    /// Which channel.
    pub channel: String,
    /// What was live before.
    pub from: Option<VersionName>,
    /// What is live now.
    pub to: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a release is about to do.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Forward or back.
    pub operation: Operation,
    /// The version that shall be live.
    pub to: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl Store {
    /// Reads which version is live: one hop, relative, into `versions/`.
    pub fn live(&self) -> Result<Option<VersionName>, Error> {
        let link = self.channel_link();
        let target = match fs::read_link(&link) {
            Ok(target) => target,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                return Err(Error::BadLink {
                    link,
                    found: "it is no link at all".into(),
                });
            }
            Err(e) => return Err(e).context(link)?,
        };
        match version_of(&target) {
            Some(name) => Ok(Some(name)),
            None => Err(Error::BadLink {
                link,
                found: target.display().to_string(),
            }),
        }
    }

    /// Reads the twin, if it names the version that the link names.
    pub fn twin(&self) -> Result<Option<Twin>, Error> {
        let live = self.live()?;
        // The link is the truth: a twin that cannot be read counts as little as one that is behind.
        let twin: Option<Twin> = read_json(&self.root.join(TWIN)).ok().flatten();
        Ok(twin.filter(|twin| Some(&twin.version) == live.as_ref()))
    }

    /// Says which release a crash left unfinished, for commands that only look.
    pub fn unfinished(&self) -> Result<Option<Release>, Error> {
        read_json(&self.state(JOURNAL))
    }

    /// The link itself.
    pub fn channel_link(&self) -> PathBuf {
        self.root.join(CHANNEL)
    }
}

impl LockedStore {
    /// Points the channel at a version. Once this returns, the release survives a power cut.
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
        if self
            .names()?
            .iter()
            .any(|known| known.name == intent.to && known.manifest_sha256 != found)
        {
            return Err(Error::NameTaken { name: intent.to });
        }
        let release = Release {
            generation: self.last_generation()? + 1,
            operation: intent.operation,
            channel: CHANNEL.to_owned(),
            from: self.live()?,
            to: intent.to,
            manifest_sha256: intent.manifest_sha256,
            at: Timestamp::now(),
            by: Actor::current(),
            reason: intent.reason,
        };
        write_json(&self.state(JOURNAL), &release, self.shared().file())?;
        durable::replace_link(
            &self.channel_link(),
            &Path::new(VERSIONS).join(release.to.to_string()),
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
        write_json(&self.root.join(TWIN), &twin, self.shared().file())?;
        durable::fsync_dir(self.root())?;
        if !self.history()?.iter().any(|known| known == release) {
            log::append(&self.state(log::HISTORY), release, self.shared().file())?;
        }
        Ok(durable::remove(&self.state(JOURNAL))?)
    }

    /// Completes the release in the journal if the link was flipped, else discards it.
    pub(super) fn recover_release(&self) -> Result<Option<Recovered>, Error> {
        self.sweep_links()?;
        let release = match self.unfinished() {
            Ok(Some(release)) => release,
            Ok(None) => return Ok(None),
            Err(Error::Malformed { .. }) => {
                durable::remove(&self.state(JOURNAL))?;
                return Ok(Some(Recovered::Unreadable));
            }
            Err(e) => return Err(e),
        };
        if self.live()?.as_ref() == Some(&release.to) && release.from.as_ref() != Some(&release.to)
        {
            self.finish(&release)?;
            return Ok(Some(Recovered::Completed(release.to)));
        }
        durable::remove(&self.state(JOURNAL))?;
        Ok(Some(Recovered::Discarded(release.to)))
    }

    /// Removes temporary links that a crash left between their making and the rename.
    fn sweep_links(&self) -> Result<(), Error> {
        let prefix = format!(".{CHANNEL}.");
        for entry in fs::read_dir(self.root()).context(self.root())? {
            let entry = entry.context(self.root())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_dir = entry.file_type().context(entry.path())?.is_dir();
            if (name.starts_with(&prefix) || name.starts_with(".tmp-")) && !is_dir {
                durable::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn last_generation(&self) -> Result<u64, Error> {
        let twin: Option<Twin> = read_json(&self.root().join(TWIN)).ok().flatten();
        let history = self.history()?;
        let logged = history.iter().map(|release| release.generation).max();
        Ok(logged.max(twin.map(|twin| twin.generation)).unwrap_or(0))
    }
}

fn version_of(target: &Path) -> Option<VersionName> {
    let mut parts = target.components();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Component::Normal(dir)), Some(Component::Normal(name)), None) if dir == VERSIONS => {
            let text = name.to_str()?;
            let name: VersionName = text.parse().ok()?;
            (name.to_string() == text).then_some(name)
        }
        _ => None,
    }
}
