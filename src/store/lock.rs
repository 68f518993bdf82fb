//! One writer at a time. The kernel frees the lock when its holder dies; the file says who holds it.
//!
//! Whoever takes the store lock first completes or discards what a crash left: an unfinished release, a staging
//! directory without an owner, a name that was not written down, a mode that was not set.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Error, NameRecord, SWEPT, Store, VERSIONS, VersionName, draft, log};
use crate::durable::{self, Context as _};
use crate::progress::Progress;

const LOCK: &str = "lock";
const RUN_LOCK: &str = "run.lock";

/// A store that this process alone writes.
pub struct LockedStore {
    store: Store,
    recovered: Vec<Recovered>,
    _lock: File,
}

/// What taking the lock put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovered {
    /// A release whose flip had happened was finished.
    Completed(VersionName),
    /// A release whose flip had not happened was forgotten.
    Discarded(VersionName),
    /// A journal that could not be read was removed; the link says what is live.
    Unreadable,
    /// A staging directory without an owner was removed.
    Reaped(String),
    /// A sealed version's name was written down.
    Named(VersionName),
    /// What a crash left could not be removed: another user's, perhaps.
    Stuck(String),
    /// A removal from the trash that had begun was finished.
    Emptied(String),
    /// A version's move to the trash, of which only the record was written, was forgotten.
    NotTrashed(String),
}

impl std::fmt::Display for Recovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Completed(name) => write!(f, "finished the release of {name} that was cut off"),
            Self::Discarded(name) => write!(
                f,
                "discarded a release of {name} that was cut off before its flip"
            ),
            Self::Unreadable => {
                f.write_str("removed a journal that could not be read; the link says what is live")
            }
            Self::Reaped(entry) => {
                write!(f, "removed staging/{entry}, left by a process that died")
            }
            Self::Named(name) => write!(f, "wrote down the name {name}, whose sealing was cut off"),
            Self::Stuck(what) => write!(f, "could not remove what a crash left: {what}"),
            Self::Emptied(entry) => write!(f, "finished the removal of trash/{entry}"),
            Self::NotTrashed(entry) => {
                write!(f, "discarded a removal as trash/{entry} that was cut off")
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Holder {
    command: String,
    since: Timestamp,
    #[serde(flatten)]
    actor: Actor,
}

/// The hold of one `run` on a store, beside which no second `run` starts.
pub struct RunLock {
    _file: File,
}

impl Store {
    /// Takes the store lock, waiting at most `timeout`, and puts right what a crash left. `command` tells others who holds it.
    pub fn lock(
        &self,
        timeout: Duration,
        command: &str,
        progress: &dyn Progress,
    ) -> Result<LockedStore, Error> {
        let lock = take(self, &self.state(LOCK), timeout, command, progress)?;
        let mut locked = LockedStore {
            store: self.clone(),
            recovered: Vec::new(),
            _lock: lock,
        };
        locked.recover()?;
        Ok(locked)
    }

    /// Takes the lock that keeps two `run`s apart, waiting at most `timeout`.
    pub fn lock_run(&self, timeout: Duration, progress: &dyn Progress) -> Result<RunLock, Error> {
        Ok(RunLock {
            _file: take(self, &self.state(RUN_LOCK), timeout, "run", progress)?,
        })
    }
}

impl LockedStore {
    /// What taking the lock put right.
    pub fn recovered(&self) -> &[Recovered] {
        &self.recovered
    }

    fn recover(&mut self) -> Result<(), Error> {
        self.settle()?;
        self.sweep_temporaries()?;
        let release = self.recover_release()?;
        let reaped = draft::reap(self)?;
        let trash = self.recover_trash()?;
        let named = self.recover_names()?;
        self.recovered = release
            .into_iter()
            .chain(reaped)
            .chain(trash)
            .chain(named)
            .collect();
        Ok(())
    }

    /// Makes durable what is seen: a process that died between a write and its fsync left it in the page cache only, and what
    /// is built on it must not outlive it.
    fn settle(&self) -> Result<(), Error> {
        for log in [log::NAMES, log::HISTORY, log::WITHDRAWN] {
            durable::fsync_file(&self.state(log))?;
        }
        Ok(durable::fsync_dir(&self.root().join(VERSIONS))?)
    }

    /// Removes temporary names that a crash left between their making and their rename.
    fn sweep_temporaries(&self) -> Result<(), Error> {
        for dir in SWEPT {
            if let Some(dir) = durable::find_dir(self.root(), Path::new(dir))? {
                durable::sweep(&dir)?;
            }
        }
        for name in self.versions()? {
            let dir = self.reports_dir(&name);
            // A link there leads to a place that is not ours.
            if dir.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                durable::sweep(&dir)?;
            }
        }
        Ok(())
    }

    /// Writes down the names of versions whose sealing died after the rename, and closes their top directories.
    fn recover_names(&self) -> Result<Vec<Recovered>, Error> {
        // Where the names cannot be read, sealing says so; a rollback has no need of them.
        let Ok(known) = self.names() else {
            return Ok(Vec::new());
        };
        let mut named = Vec::new();
        for name in self.versions()? {
            let dir = self.version_dir(&name);
            let mode = fs::metadata(&dir).context(&dir)?.permissions().mode();
            if mode & 0o7777 != self.shared().sealed_dir() {
                // A volume's owner may have set the modes; then ours cannot be set, and need not be.
                durable::set_mode(&dir, self.shared().sealed_dir()).ok();
            }
            // A copy of a store may lack it, and no reader could hold the version then.
            let lease_file = self.lease_file(&name);
            if lease_file.symlink_metadata().is_err() {
                durable::create_empty(&lease_file, self.shared().file())?;
            }
            if known.iter().any(|record| record.name == name) {
                continue;
            }
            let Ok((manifest, manifest_sha256)) = self.manifest(&name) else {
                continue;
            };
            let record = NameRecord {
                name: name.clone(),
                manifest_sha256,
                content_digest: manifest.content_digest,
            };
            log::append(&self.state(log::NAMES), &record, self.shared().file())?;
            named.push(Recovered::Named(name));
        }
        Ok(named)
    }
}

impl Deref for LockedStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

fn take(
    store: &Store,
    path: &Path,
    timeout: Duration,
    command: &str,
    progress: &dyn Progress,
) -> Result<File, Error> {
    super::lay_out(store.root(), store.shared())?;
    let mut file = durable::open_lock(path, store.shared().file())?;
    if !durable::lock_within::<Error>(&file, path, timeout, progress)? {
        let mut text = String::new();
        file.read_to_string(&mut text).context(path)?;
        return Err(Error::Locked {
            holder: describe(&text),
        });
    }
    let holder = Holder {
        command: command.to_owned(),
        since: Timestamp::now(),
        actor: Actor::current(),
    };
    let text = serde_json::to_string(&holder).unwrap_or_default();
    if durable::is_sole(&file).context(path)? {
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .context(path)?;
        durable::set_mode(path, store.shared().file()).ok();
    }
    Ok(file)
}

fn describe(text: &str) -> String {
    match serde_json::from_str::<Holder>(text) {
        Ok(Holder {
            command,
            since,
            actor: Actor { user, host, pid },
        }) => {
            format!("`ragctl {command}` of {user} on {host}, process {pid}, since {since:.0}")
        }
        Err(_) => "another process".into(),
    }
}
