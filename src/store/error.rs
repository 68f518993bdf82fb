//! What can be wrong with a store.

use std::path::PathBuf;

use super::{Channel, VersionName};
use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;

/// A failure of the store itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop while it waited.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The directory is no store.
    #[error("there is no store at {}", .0.display())]
    NoStore(PathBuf),
    /// A directory that holds something else cannot become a store.
    #[error("{} is not empty and is not a store", .0.display())]
    NotEmpty(PathBuf),
    /// Written by a newer program.
    #[error("{what} has format {found}; this ragctl reads format {known}")]
    UnknownFormat {
        /// What has the format.
        what: String,
        /// Its number.
        found: u32,
        /// The newest number that this program reads.
        known: u32,
    },
    /// A record of the store cannot be read.
    #[error("{what} cannot be read: {source}")]
    Malformed {
        /// Which record.
        what: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// No version of that name.
    #[error("version {name} is not in this store")]
    NoVersion {
        /// The name asked for.
        name: VersionName,
        /// The names that there are, newest first.
        known: Vec<VersionName>,
    },
    /// Nothing was published.
    #[error("nothing is published yet: the store has no `{0}`")]
    NothingPublished(Channel),
    /// The version that a channel names went away time and again while a reader tried to hold it.
    #[error("the version is just being removed")]
    Going,
    /// A version without its lease file, which a copy of a store may lack.
    #[error("leases/{name} is missing, so {name} cannot be held")]
    NoLeaseFile {
        /// The version.
        name: VersionName,
    },
    /// The version holds what was forgotten.
    #[error("version {0} is withdrawn: it holds documents that were forgotten")]
    Withdrawn(VersionName),
    /// A part of the store is not the directory that it should be.
    #[error("{} is not a directory of the store's own", .0.display())]
    NotADirectory(PathBuf),
    /// A channel is live, but no record says how it came to be.
    #[error("the history has no release of `{channel}`, which names {version}")]
    HistoryLost {
        /// The channel.
        channel: Channel,
        /// What it names.
        version: VersionName,
    },
    /// A channel is not the link it should be.
    #[error("{} is not a relative link to versions/<name>: {found}", link.display())]
    BadLink {
        /// The link.
        link: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// A version without its manifest.
    #[error("version {name} has no manifest")]
    NoManifest {
        /// The version.
        name: VersionName,
    },
    /// The manifest's bytes do not have the hash beside them.
    #[error("the manifest of {name} does not match manifest.sha256")]
    ManifestChanged {
        /// The version.
        name: VersionName,
    },
    /// A manifest from elsewhere that no store may follow.
    #[error("the manifest of {name} is refused: {problem}")]
    Refused {
        /// The version.
        name: VersionName,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody else is writing.
    #[error("the store is locked by {holder}")]
    Locked {
        /// Who, as far as the lock file says.
        holder: String,
    },
    /// The name was used for other content.
    #[error("the name {name} was already used for other content")]
    NameTaken {
        /// The name.
        name: VersionName,
    },
    /// The channel moved.
    #[error("{channel} is {}, not {}", found.as_ref().map_or("none".into(), ToString::to_string), expected.as_ref().map_or("none".into(), ToString::to_string))]
    NotWhereExpected {
        /// The channel.
        channel: Channel,
        /// What the caller expected.
        expected: Option<VersionName>,
        /// What is live.
        found: Option<VersionName>,
    },
    /// No snapshot of that id.
    #[error("snapshot {0} is not in this store")]
    NoSnapshot(String),
    /// Nothing was ingested.
    #[error("the store has no snapshot yet")]
    NothingIngested,
    /// There is no release to go back to.
    #[error("there is no earlier release to go back to")]
    NoEarlierRelease,
    /// The version changed between the check and the flip.
    #[error("version {name} changed after it was checked: manifest {found}, checked {checked}")]
    ChangedAfterCheck {
        /// The version.
        name: VersionName,
        /// The manifest that was checked.
        checked: Digest,
        /// The manifest now.
        found: Digest,
    },
    /// A staged tree holds something that no version may.
    #[error("{} is neither a regular file nor a directory", .0.display())]
    NotRegular(PathBuf),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::NoStore(_)
            | Self::NoVersion { .. }
            | Self::NothingPublished(_)
            | Self::Going
            | Self::NoSnapshot(_)
            | Self::NothingIngested
            | Self::NoEarlierRelease => Kind::NotFound,
            Self::NotEmpty(_) => Kind::Usage,
            Self::UnknownFormat { .. } => Kind::Incompatible,
            Self::Locked { .. } => Kind::Locked,
            Self::NameTaken { .. } | Self::NotWhereExpected { .. } | Self::Withdrawn(_) => {
                Kind::Conflict
            }
            Self::Malformed { .. }
            | Self::BadLink { .. }
            | Self::NoManifest { .. }
            | Self::ManifestChanged { .. }
            | Self::ChangedAfterCheck { .. }
            | Self::Refused { .. }
            | Self::NotADirectory(_)
            | Self::HistoryLost { .. }
            | Self::NoLeaseFile { .. }
            | Self::NotRegular(_) => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(e) => return e.hint(),
            Self::NoStore(_) => {
                "Create one with `ragctl init`, or name it with --store or RAGCTL_STORE.".into()
            }
            Self::NotEmpty(_) => "Choose an empty or new directory.".into(),
            Self::UnknownFormat { .. } => "Use the ragctl that wrote it, or a newer one.".into(),
            Self::NoVersion { known, .. } if known.is_empty() => {
                "Build one with `ragctl build`.".into()
            }
            Self::NoVersion { known, .. } => {
                let known: Vec<_> = known.iter().take(5).map(ToString::to_string).collect();
                format!(
                    "`ragctl list` shows them all; the newest: {}.",
                    known.join(", ")
                )
            }
            Self::NothingPublished(channel) if *channel == Channel::default() => {
                "Publish a version with `ragctl publish VERSION`, or name one.".into()
            }
            Self::NothingPublished(channel) => {
                format!("`ragctl publish VERSION --channel {channel}` makes it.")
            }
            Self::NoLeaseFile { .. } => "Any command that writes makes it, such as `ragctl gc`.".into(),
            Self::Going => "Run the same command again.".into(),
            Self::Withdrawn(_) => "Use the version that `ragctl forget` made in its place.".into(),
            Self::NotADirectory(_) => {
                "Somebody put something else in its place: remove it, and look who may write the store."
                    .into()
            }
            Self::HistoryLost { .. } => {
                "Restore state/history.jsonl from a backup, or publish the version once more.".into()
            }
            Self::Locked { .. } => {
                "Wait for it, or give --lock-timeout. The lock frees itself when its holder ends."
                    .into()
            }
            Self::NameTaken { .. } => "Leave the name out, and the next free one is taken.".into(),
            Self::NotWhereExpected { .. } => "Look at `ragctl status`, then decide again.".into(),
            Self::NoSnapshot(_) | Self::NothingIngested => "Run `ragctl ingest` first.".into(),
            Self::NoEarlierRelease => {
                "`ragctl history` shows the releases; --to names any version.".into()
            }
            Self::Malformed { .. } => {
                "Restore it from a backup; versions beside it are not affected.".into()
            }
            Self::NoManifest { .. }
            | Self::ManifestChanged { .. }
            | Self::ChangedAfterCheck { .. } => {
                "`ragctl verify` names what is damaged; build the version anew under the next name."
                    .into()
            }
            Self::Refused { .. } => {
                "Nothing of it was kept. Ask whoever wrote it; no ragctl writes such a manifest.".into()
            }
            Self::BadLink { .. } => "Remove it by hand, then publish again.".into(),
            Self::NotRegular(_) | Self::Interrupted(_) => return None,
        })
    }
}
