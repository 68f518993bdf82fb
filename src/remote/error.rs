//! Why a remote does not give or take.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind, takes_faults};
use crate::progress::Interrupted;
use crate::store::{self, Channel, VersionName};
use crate::{embed, signature};

/// Something that went wrong between a store and a remote.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store, the filesystem, a signature or a person said no.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
    /// An address that names no remote.
    #[error("`{shown}` is no remote: {problem}")]
    Address {
        /// The address without secrets.
        shown: String,
        /// What is wrong.
        problem: String,
    },
    /// The other side cannot be reached, or does not let us in.
    #[error("{remote}: {doing} failed: {problem}")]
    Transport {
        /// The remote's address.
        remote: String,
        /// What was tried.
        doing: String,
        /// What was said, without secrets.
        problem: String,
    },
    /// An answer broke off in its middle.
    #[error("{remote}: reading {key} broke off: {problem}")]
    BrokeOff {
        /// The remote's address.
        remote: String,
        /// What was read.
        key: String,
        /// What was said, without secrets.
        problem: String,
    },
    /// The remote holds nothing of ragctl's.
    #[error("nothing was ever pushed to {0}")]
    Empty(String),
    /// Written by a newer program.
    #[error("{remote} has format {found}; this ragctl knows format {known}")]
    UnknownFormat {
        /// The remote.
        remote: String,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// A version is not there.
    #[error("{remote} has no version {name}")]
    NoVersion {
        /// The remote.
        remote: String,
        /// The version.
        name: VersionName,
    },
    /// A channel is not there.
    #[error("{remote} has no channel `{channel}`")]
    NoChannel {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
    },
    /// A record of the remote cannot be read.
    #[error("{what} of {remote} cannot be read: {problem}")]
    Malformed {
        /// The remote.
        remote: String,
        /// Which record.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An object is not there although something names it.
    #[error("{remote} lacks {key}, which {named_by} names")]
    Missing {
        /// The remote.
        remote: String,
        /// The object.
        key: String,
        /// Who names it.
        named_by: String,
    },
    /// Bytes that are not what they should be.
    #[error("{what} should have sha256 {expected}, and has {found}")]
    WrongBytes {
        /// What was read.
        what: String,
        /// What it should be.
        expected: Digest,
        /// What came.
        found: String,
    },
    /// A file of this store is not what its version says.
    #[error("{} should have sha256 {expected}, and has {found}", path.display())]
    WrongHere {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The name means other content there.
    #[error(transparent)]
    NameTaken(Box<NameTaken>),
    /// The channel moved.
    #[error(transparent)]
    NotWhereExpected(Box<NotWhereExpected>),
    /// Others moved the pointer again and again.
    #[error("{channel} of {remote} moved each time it was about to be written")]
    Contended {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
    },
    /// Nobody can say whether the pointer was written.
    #[error("whether {channel} of {remote} was moved is not known: {problem}")]
    Unknown {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
        /// What failed.
        problem: String,
    },
    /// The store does not keep conditions.
    #[error("{remote} does not keep the conditions that moving a channel needs: {problem}")]
    Unsafe {
        /// The remote.
        remote: String,
        /// Which condition it broke.
        problem: String,
    },
    /// The channel's releases are signed under another name.
    #[error(
        "{channel} of {remote} is signed under the name {there}, and this release would be under {here}"
    )]
    OtherName {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
        /// The name there.
        there: String,
        /// The name here.
        here: String,
    },
    /// Those who follow the channel take only what is signed.
    #[error("{channel} of {remote} is signed, and this release would not be")]
    Unsigned {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
    },
    /// An older release is offered again.
    #[error("{channel} of {remote} is at release {found}, but release {seen} was followed already")]
    Replayed {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
        /// The release that is offered.
        found: u64,
        /// The newest that was followed.
        seen: u64,
    },
    /// One release means two versions.
    #[error("release {generation} of {channel} at {remote} names another version than it did")]
    Rewritten {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
        /// The release.
        generation: u64,
    },
    /// A release that is not older than all that was seen, but says that it is of the future.
    #[error("release {generation} of {channel} says it was made at {at:.0}, which is yet to come")]
    FromFuture {
        /// The channel.
        channel: Channel,
        /// The release.
        generation: u64,
        /// When it says it was made.
        at: Timestamp,
    },
    /// There is no release to go back to.
    #[error("{remote} has no earlier release of {channel} that is still there")]
    NoEarlierRelease {
        /// The remote.
        remote: String,
        /// The channel.
        channel: Channel,
    },
}

/// A name that means other content at a remote.
#[derive(Debug, thiserror::Error)]
#[error("{remote} has {name} with manifest {}, here it is {}", there.short(), here.short())]
pub struct NameTaken {
    /// The remote.
    pub remote: String,
    /// The version.
    pub name: VersionName,
    /// The hash of the manifest there.
    pub there: Digest,
    /// The hash of the manifest here.
    pub here: Digest,
}

/// A channel of a remote that is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error("{channel} of {remote} is {}, not {}", Named(found), Named(expected))]
pub struct NotWhereExpected {
    /// The remote.
    pub remote: String,
    /// The channel.
    pub channel: Channel,
    /// What was expected.
    pub expected: Option<VersionName>,
    /// What is live.
    pub found: Option<VersionName>,
}

/// What a channel names, in words.
struct Named<'a>(&'a Option<VersionName>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "{name}"),
            None => f.write_str("none"),
        }
    }
}

takes_faults!(
    Error:
    store::Error,
    PathError,
    signature::Error,
    embed::Error,
    Interrupted
);

impl Error {
    /// Whether trying again later may help: what a follower waits out, and what a transfer tries again.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Transport { .. } | Self::BrokeOff { .. } | Self::Unknown { .. }
        )
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Fault(e) => e.kind(),
            Self::Address { .. } | Self::Unsigned { .. } | Self::OtherName { .. } => Kind::Usage,
            Self::Transport { .. }
            | Self::BrokeOff { .. }
            | Self::Unknown { .. }
            | Self::Unsafe { .. } => Kind::Remote,
            Self::Empty(_)
            | Self::NoVersion { .. }
            | Self::NoChannel { .. }
            | Self::NoEarlierRelease { .. } => Kind::NotFound,
            Self::UnknownFormat { .. } => Kind::Incompatible,
            Self::Malformed { .. }
            | Self::Missing { .. }
            | Self::WrongBytes { .. }
            | Self::WrongHere { .. }
            | Self::Replayed { .. }
            | Self::Rewritten { .. }
            | Self::FromFuture { .. } => Kind::Integrity,
            Self::NameTaken(_) | Self::NotWhereExpected(_) | Self::Contended { .. } => {
                Kind::Conflict
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Fault(e) => return e.hint(),
            Self::Address { .. } => "Give a directory, s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix; credentials come from the environment.".into(),
            Self::WrongHere { .. } => "`ragctl verify` tells what is damaged here.".into(),
            Self::Transport { .. } | Self::BrokeOff { .. } => {
                "Look at its address, the network and the credentials; `ragctl doctor --remote` tells more. Whole files that were transferred are kept: run the same command to go on.".into()
            }
            Self::Empty(_) => "Push a version first, or look at the address.".into(),
            Self::UnknownFormat { .. } => "Use the ragctl that wrote it, or a newer one.".into(),
            Self::NoVersion { .. } | Self::NoEarlierRelease { .. } => {
                "`ragctl remote show` lists what is there.".into()
            }
            Self::NoChannel { channel, .. } => {
                format!("`ragctl push VERSION --channel {channel}` makes it.")
            }
            Self::Malformed { .. } | Self::Rewritten { .. } | Self::FromFuture { .. } => {
                "Nothing was changed here. Somebody else may have written it: look at the remote.".into()
            }
            Self::Missing { .. } => {
                "Push the version again from where it was built: what is missing is sent.".into()
            }
            Self::WrongBytes { .. } => {
                "Nothing of it was kept. Where the remote is damaged, `ragctl push VERSION --resend` from where it was built mends it.".into()
            }
            Self::OtherName { .. } => {
                "Followers take releases of one name only: set [signing] name, which by default is the store's id.".into()
            }
            Self::Unsigned { .. } => {
                "Give --sign, with the key; those who require signatures would follow it no longer. --unsigned does it all the same.".into()
            }
            Self::NameTaken(_) => {
                "A name means one content for ever: build under the next name, or take the one that is there with `ragctl pull`.".into()
            }
            Self::NotWhereExpected(_) => {
                "Look at `ragctl remote show`, then decide again.".into()
            }
            Self::Contended { .. } => "Run the same command again.".into(),
            Self::Unknown { .. } => {
                "`ragctl remote show` tells where it is; running the same command again is safe.".into()
            }
            Self::Unsafe { .. } => {
                "Two pushes at once could undo each other there. Use another store, or say --allow-unsafe-remote each time while nobody else writes.".into()
            }
            Self::Replayed { .. } => {
                "Somebody may have put an old pointer back. If the remote was made anew, say so with --reset-remote.".into()
            }
        })
    }
}
