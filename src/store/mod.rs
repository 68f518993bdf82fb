//! A store: one directory on one filesystem that holds versions, and the link that says which one is live.
//!
//! The file and directory names of the on-disk format are constants here and nowhere else.

mod actor;
mod channel;
mod draft;
mod error;
mod held;
mod lease;
mod lock;
mod log;
mod look;
mod manifest;
mod name;
mod origins;
mod pins;
mod received;
mod release;
mod shared;
mod sources;
mod trash;
mod withdrawn;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use actor::Actor;
pub use channel::{Channel, ParseChannelError, Twin};
pub use draft::{Draft, Installed, Sealed};
pub use error::Error;
pub use held::Held;
pub(crate) use lease::is_network;
pub use lease::{Exclusive, Lease, LeaseKind};
pub use lock::{LockedStore, Recovered, RunLock};
pub use log::NameRecord;
pub(crate) use look::Unsound;
pub use manifest::{
    Column, Counts, CurvePoint, FileRecord, Index, Lance, MANIFEST, MANIFEST_FORMAT,
    MANIFEST_SHA256, Manifest, Numerics, Resources, SOURCES, Table,
};
pub use name::{Bump, ParseNameError, VersionName};
pub use origins::Seen;
pub use pins::Pin;
pub use received::{MOST_MODEL, MOST_RECORD, Received};
use release::HistoryLine;
pub use release::{HookFailure, Intent, Operation, Release, standing, standing_releases};
pub use shared::Shared;
pub use trash::Trashed;
pub use withdrawn::{Withdrawal, Withdrawn};

use crate::digest::Digest;
use crate::durable::{self, Context as _};

/// The store format that this program writes, and the newest that it reads.
const STORE_FORMAT: u32 = 1;
const STORE_FILE: &str = "ragctl-store.json";
const VERSIONS: &str = "versions";
const MODELS: &str = "models";
const SNAPSHOTS: &str = "snapshots";
const NEWEST: &str = "newest";
const LEASES: &str = "leases";
const REPORTS: &str = "reports";
const STAGING: &str = "staging";
const STATE: &str = "state";
/// What is learnt about each source, below the state.
const SOURCES_STATE: &str = "state/sources";
const CACHE: &str = "cache";
const CHANNELS: &str = "channels";
const TRASH: &str = "trash";
const JOURNAL: &str = "journal.json";
/// The directories that a store works in.
const LAYOUT: [&str; 10] = [
    VERSIONS, MODELS, SNAPSHOTS, LEASES, REPORTS, STAGING, STATE, CACHE, CHANNELS, TRASH,
];

/// The directories in which a crash may leave temporary names; reports lie one deeper.
const SWEPT: [&str; 6] = ["", STATE, SOURCES_STATE, CHANNELS, TRASH, SNAPSHOTS];

/// The record that makes a directory a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoreRecord {
    format: u32,
    store_id: String,
    created: Timestamp,
    shared: Shared,
    /// How far leases reach, where the filesystem's type does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leases: Option<LeaseKind>,
}

/// The part of a record that every format has. It is read before anything else, so that a format this program does not know
/// is refused as such.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// A store, open for reading. Opening one writes nothing.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    record: StoreRecord,
}

impl Store {
    /// Makes a directory a store. It may exist if it is empty, or a store already, which is then opened as it is.
    pub fn create(root: &Path, shared: Shared, leases: Option<LeaseKind>) -> Result<Self, Error> {
        fs::create_dir_all(root).context(root)?;
        match Self::open(root) {
            Err(Error::NoStore(_)) => {}
            other => return other,
        }
        if fs::read_dir(root).context(root)?.next().is_some() {
            return Err(Error::NotEmpty(root.to_owned()));
        }
        let created = Timestamp::now();
        let seed = format!("{created:?} {} {}", root.display(), std::process::id());
        let record = StoreRecord {
            format: STORE_FORMAT,
            store_id: Digest::of(seed).short(),
            created,
            shared,
            leases,
        };
        // A volume's root may be somebody else's, with modes that suit.
        durable::loosen(root, shared.dir())?;
        lay_out(root, shared)?;
        write_json(&root.join(STORE_FILE), &record, shared.file())?;
        durable::fsync_parent(root)?;
        Self::open(root)
    }

    /// Opens a store.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let path = Path::new(STORE_FILE);
        let missing = || Error::NoStore(root.to_owned());
        let Head { format } = read_json(root, path)?.ok_or_else(missing)?;
        if format != STORE_FORMAT {
            let what = format!("the store at {}", root.display());
            return Err(Error::UnknownFormat {
                what,
                found: format,
                known: STORE_FORMAT,
            });
        }
        let record: StoreRecord = read_json(root, path)?.ok_or_else(missing)?;
        Ok(Self {
            root: fs::canonicalize(root).context(root)?,
            record,
        })
    }

    /// The store's directory, with every link resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The store's id.
    pub fn id(&self) -> &str {
        &self.record.store_id
    }

    /// Who may read what is sealed here.
    pub fn shared(&self) -> Shared {
        self.record.shared
    }

    /// The directory of a version, whether it exists or not.
    pub fn version_dir(&self, name: &VersionName) -> PathBuf {
        self.root.join(VERSIONS).join(name.to_string())
    }

    /// The directory of the model with this fingerprint, whether it exists or not.
    pub fn model_dir(&self, fingerprint: &Digest) -> PathBuf {
        self.root.join(MODELS).join(fingerprint.to_string())
    }

    /// The directory of a snapshot, whether it exists or not.
    pub fn snapshot_dir(&self, id: &Digest) -> PathBuf {
        self.root.join(SNAPSHOTS).join(id.to_string())
    }

    /// The directory of a version's verification reports, whether it exists or not.
    pub fn reports_dir(&self, name: &VersionName) -> PathBuf {
        self.root.join(REPORTS).join(name.to_string())
    }

    /// The directory of what can be computed again.
    pub fn cache_dir(&self) -> PathBuf {
        self.root.join(CACHE)
    }

    fn lease_file(&self, name: &VersionName) -> PathBuf {
        self.root.join(LEASES).join(name.to_string())
    }

    fn state(&self, file: &str) -> PathBuf {
        self.root.join(state(file))
    }

    /// Names the sealed versions, oldest first. What does not bear a version's name, or is no directory, is nobody's version
    /// and left alone.
    pub fn versions(&self) -> Result<Vec<VersionName>, Error> {
        let dir = self.root.join(VERSIONS);
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&dir).context(&dir)? {
            let entry = entry.context(&dir)?;
            let is_dir = entry.file_type().context(entry.path())?.is_dir();
            if let Some(Ok(name)) = entry.file_name().to_str().map(str::parse::<VersionName>)
                && is_dir
                && *name.to_string() == *entry.file_name()
            {
                names.insert(name);
            }
        }
        Ok(names.into_iter().collect())
    }

    /// Reads a version's manifest and checks it against the hash beside it. Returns the hash as well.
    pub fn manifest(&self, name: &VersionName) -> Result<(Manifest, Digest), Error> {
        let relative = Path::new(VERSIONS).join(name.to_string());
        let bytes = match durable::read_beneath(&self.root, &relative.join(MANIFEST)) {
            Err(e) if e.is_not_found() && self.version_dir(name).is_dir() => {
                return Err(Error::NoManifest { name: name.clone() });
            }
            Err(e) if e.is_not_found() => {
                let known = self
                    .versions()?
                    .into_iter()
                    .rev()
                    .filter(|known| known != name)
                    .collect();
                return Err(Error::NoVersion {
                    name: name.clone(),
                    known,
                });
            }
            other => other?,
        };
        let digest = Digest::of(&bytes);
        let beside = match durable::read_beneath(&self.root, &relative.join(MANIFEST_SHA256)) {
            Err(e) if e.is_not_found() => {
                return Err(Error::ManifestChanged { name: name.clone() });
            }
            other => other?,
        };
        let manifest = Manifest::parse(name, &bytes)?;
        if beside != manifest_sha256_line(&digest).as_bytes() || manifest.version != *name {
            return Err(Error::ManifestChanged { name: name.clone() });
        }
        Ok((manifest, digest))
    }

    /// Reads the bytes of a version's manifest as they lie there. Whoever asks compares their hash.
    pub fn manifest_bytes(&self, name: &VersionName) -> Result<Vec<u8>, Error> {
        let relative = Path::new(VERSIONS).join(name.to_string()).join(MANIFEST);
        Ok(durable::read_beneath(&self.root, &relative)?)
    }

    /// Reads every name that was ever sealed here; names outlive their versions.
    pub fn names(&self) -> Result<Vec<NameRecord>, Error> {
        log::read(&self.root, log::NAMES)
    }

    /// Reads the releases, oldest first. A last line that a crash tore is left out; any other that cannot be read is an error.
    pub fn history(&self) -> Result<Vec<Release>, Error> {
        let lines = log::read(&self.root, log::HISTORY)?;
        Ok(lines.into_iter().filter_map(HistoryLine::release).collect())
    }

    /// Reads the releases in the end of the history, as many as fit: what a flip needs to know of it.
    fn recent_history(&self) -> Result<Vec<Release>, Error> {
        const RECENT: usize = 64 << 10;
        let lines = log::read_last(&self.root, log::HISTORY, RECENT)?;
        Ok(lines.into_iter().filter_map(HistoryLine::release).collect())
    }

    /// Reads which hooks of releases failed, oldest first.
    pub fn hook_failures(&self) -> Result<Vec<HookFailure>, Error> {
        let lines = log::read(&self.root, log::HISTORY)?;
        Ok(lines
            .into_iter()
            .filter_map(HistoryLine::hook_failure)
            .collect())
    }

    /// Lists the sealed versions, oldest first, with how long ago each got its name, by the filesystem's own clock.
    pub fn version_ages(&self) -> Result<Vec<(VersionName, Duration)>, Error> {
        let ages = self.ages(VERSIONS)?;
        let names = self.versions()?;
        Ok(ages
            .into_iter()
            .filter(|(name, _)| names.contains(name))
            .collect())
    }

    /// Lists the snapshots, with how long each has lain there by the filesystem's own clock.
    pub fn snapshots(&self) -> Result<Vec<(Digest, Duration)>, Error> {
        self.ages(SNAPSHOTS)
    }

    /// Lists the models by their fingerprints, with how long each has lain there by the filesystem's own clock.
    pub fn models(&self) -> Result<Vec<(Digest, Duration)>, Error> {
        self.ages(MODELS)
    }

    /// Lists the directories below `kind` whose names parse, with their ages. What bears another name is none of them.
    fn ages<T: FromStr + Ord>(&self, kind: &str) -> Result<Vec<(T, Duration)>, Error> {
        let dir = self.root.join(kind);
        // Where nothing can be written, this host's clock must do.
        let now = durable::clock(&self.root.join(STAGING)).unwrap_or_else(|_| SystemTime::now());
        let mut found = Vec::new();
        for entry in fs::read_dir(&dir).context(&dir)? {
            let entry = entry.context(&dir)?;
            let metadata = entry.metadata().context(entry.path())?;
            if let Some(Ok(name)) = entry.file_name().to_str().map(str::parse)
                && metadata.is_dir()
            {
                let since = metadata.modified().context(entry.path())?;
                found.push((name, now.duration_since(since).unwrap_or_default()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Finds a snapshot by its id or the beginning of it, or the newest.
    pub fn snapshot(&self, id: Option<&str>) -> Result<(Digest, PathBuf), Error> {
        let dir = self.root.join(SNAPSHOTS);
        let found = match id {
            None => match fs::read_link(dir.join(NEWEST)) {
                Ok(target) => target.to_string_lossy().into_owned(),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    return Err(Error::NothingIngested);
                }
                Err(e) => return Err(e).context(dir.join(NEWEST))?,
            },
            Some(id) => {
                let entries = fs::read_dir(&dir)
                    .context(&dir)?
                    .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                let mut matching =
                    entries.filter(|name| !id.is_empty() && name != NEWEST && name.starts_with(id));
                match (matching.next(), matching.next()) {
                    (Some(only), None) => only,
                    _ => return Err(Error::NoSnapshot(id.to_owned())),
                }
            }
        };
        let digest: Digest = found.parse().map_err(|_| Error::NoSnapshot(found))?;
        let dir = self.snapshot_dir(&digest);
        if !dir.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Err(Error::NoSnapshot(digest.to_string()));
        }
        Ok((digest, dir))
    }

    /// Makes a snapshot the newest.
    pub fn set_newest_snapshot(&self, id: &Digest) -> Result<(), Error> {
        let dir = self.root.join(SNAPSHOTS);
        durable::replace_link(&dir.join(NEWEST), Path::new(&id.to_string()))?;
        Ok(durable::fsync_dir(&dir)?)
    }
}

/// Makes the directories that a store works in; a copy of a store may lack those that were empty. A link in the place of one
/// is refused, since its target may be anybody's: only the cache, which nobody reads blindly, may lie elsewhere.
fn lay_out(root: &Path, shared: Shared) -> Result<(), Error> {
    for name in LAYOUT {
        let dir = root.join(name);
        match fs::symlink_metadata(&dir) {
            Ok(found) if found.is_dir() || name == CACHE && dir.is_dir() => continue,
            Ok(_) => return Err(Error::NotADirectory(dir)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e).context(dir)?,
        }
        match fs::create_dir(&dir) {
            // Another process lays it out as well.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other.context(&dir)?,
        }
        durable::set_mode(&dir, shared.dir())?;
        durable::fsync_dir(&dir)?;
        durable::fsync_dir(root)?;
    }
    Ok(())
}

/// The path of a file of the store's state, in the store.
fn state(file: &str) -> PathBuf {
    Path::new(STATE).join(file)
}

fn manifest_sha256_line(digest: &Digest) -> String {
    format!("{digest}  {MANIFEST}\n")
}

/// Reads a JSON record of the store; `None` where there is no file.
fn read_json<T: serde::de::DeserializeOwned>(
    root: &Path,
    relative: &Path,
) -> Result<Option<T>, Error> {
    let bytes = match durable::read_beneath(root, relative) {
        Err(e) if e.is_not_found() || e.source.kind() == io::ErrorKind::NotADirectory => {
            return Ok(None);
        }
        other => other?,
    };
    let malformed = |source| Error::Malformed {
        what: root.join(relative).display().to_string(),
        source,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(malformed)
}

fn write_json<T: Serialize>(path: &Path, record: &T, mode: u32) -> Result<(), Error> {
    let malformed = |source| Error::Malformed {
        what: path.display().to_string(),
        source,
    };
    let mut bytes = serde_json::to_vec_pretty(record).map_err(malformed)?;
    bytes.push(b'\n');
    Ok(durable::write_atomic(path, &bytes, mode)?)
}
