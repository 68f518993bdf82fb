//! The second phase of removing a version: it lies in `trash/` for a while, where no reader finds it and a person can still
//! move it back.
//!
//! Beside each entry lies a record. It is written before the version is moved and removed before the entry is: a record
//! alone means that nothing was moved yet, an entry alone that its removal had begun.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Actor, Error, Exclusive, LockedStore, MANIFEST, Manifest, Recovered, Store, TRASH, VERSIONS,
    VersionName, read_json, write_json,
};
use crate::durable::{self, Context as _};

const RECORD: &str = "json";

#[derive(Serialize, Deserialize)]
struct Record {
    version: VersionName,
    at: Timestamp,
    by: Actor,
}

/// A version in the trash.
#[derive(Debug, Clone)]
pub struct Trashed {
    /// Which version it was.
    pub version: VersionName,
    /// Where it lies now.
    pub dir: PathBuf,
    /// How long it has lain there, by the filesystem's own clock.
    pub age: Duration,
}

impl Trashed {
    /// Reads its manifest; `None` where it is damaged or missing.
    pub fn manifest(&self) -> Result<Option<Manifest>, Error> {
        match durable::read_beneath(&self.dir, Path::new(MANIFEST)) {
            Err(e) if e.is_not_found() => Ok(None),
            other => Ok(Manifest::parse(&self.version, &other?).ok()),
        }
    }

    fn record(&self) -> PathBuf {
        record_of(&self.dir)
    }
}

/// The record beside an entry. A version's name holds dots, so that nothing may be replaced here.
fn record_of(dir: &Path) -> PathBuf {
    let mut record = dir.as_os_str().to_owned();
    record.push(".");
    record.push(RECORD);
    PathBuf::from(record)
}

impl Store {
    /// Lists the versions in the trash.
    pub fn trashed(&self) -> Result<Vec<Trashed>, Error> {
        let mut trashed = Vec::new();
        for path in entries(&self.root)? {
            let record = record_of(&path);
            let Ok(metadata) = fs::symlink_metadata(&record) else {
                continue;
            };
            let relative = record.strip_prefix(&self.root).unwrap_or(&record);
            let read: Option<Record> = read_json(&self.root, relative)?;
            // Where nothing can be written, this host's clock must do.
            let now = durable::clock(&self.root.join(TRASH)).unwrap_or_else(|_| SystemTime::now());
            let since = metadata.modified().context(&record)?;
            trashed.extend(read.map(|Record { version, .. }| Trashed {
                version,
                dir: path,
                age: now.duration_since(since).unwrap_or_default(),
            }));
        }
        Ok(trashed)
    }
}

impl LockedStore {
    /// Moves a version into the trash. No reader of this host can hold it: the caller has its whole lease file. `None` where a
    /// heartbeat from another host came meanwhile, and it was put back.
    pub(crate) fn trash(
        &self,
        name: &VersionName,
        _: &Exclusive,
    ) -> Result<Option<Trashed>, Error> {
        let trash = self.root().join(TRASH);
        let mut number = 1;
        let dir = loop {
            let dir = trash.join(format!("{name}.{number}"));
            if dir.symlink_metadata().is_err() && record_of(&dir).symlink_metadata().is_err() {
                break dir;
            }
            number += 1;
        };
        let trashed = Trashed {
            version: name.clone(),
            dir,
            age: Duration::ZERO,
        };
        let record = Record {
            version: name.clone(),
            at: Timestamp::now(),
            by: Actor::current(),
        };
        write_json(&trashed.record(), &record, self.shared().file())?;
        let version = self.root().join(VERSIONS).join(name.to_string());
        durable::loosen(&version, self.shared().dir())?;
        durable::rename_noreplace(&version, &trashed.dir)?;
        if self.heartbeats(name)? > 0 {
            durable::rename_noreplace(&trashed.dir, &version)?;
            durable::loosen(&version, self.shared().sealed_dir())?;
            durable::remove(&trashed.record())?;
            return Ok(None);
        }
        Ok(Some(trashed))
    }

    /// Deletes what lies in the trash, for good.
    pub(crate) fn discard(&self, trashed: &Trashed) -> Result<(), Error> {
        durable::remove(&trashed.record())?;
        durable::remove_tree(&trashed.dir)?;
        Ok(durable::fsync_dir(&self.root().join(TRASH))?)
    }

    /// Goes on deleting entries without a record, and forgets records without an entry.
    pub(super) fn recover_trash(&self) -> Result<Vec<Recovered>, Error> {
        let mut recovered = Vec::new();
        for path in entries(self.root())? {
            if record_of(&path).symlink_metadata().is_err() {
                recovered.push(match durable::remove_tree(&path) {
                    Ok(()) => Recovered::Emptied(file_name(&path)),
                    Err(e) => Recovered::Stuck(e.to_string()),
                });
            }
        }
        for path in records(self.root())? {
            if path.with_extension("").symlink_metadata().is_err() {
                durable::remove(&path)?;
                recovered.push(Recovered::NotTrashed(file_name(&path.with_extension(""))));
            }
        }
        Ok(recovered)
    }
}

/// Names the entries whose deletion had begun.
pub(super) fn without_record(root: &Path) -> Result<Vec<String>, Error> {
    let mut entries = entries(root)?;
    entries.retain(|path| record_of(path).symlink_metadata().is_err());
    Ok(entries.iter().map(|path| file_name(path)).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn entries(root: &Path) -> Result<Vec<PathBuf>, Error> {
    listed(root, |path| !is_record(path))
}

fn records(root: &Path) -> Result<Vec<PathBuf>, Error> {
    listed(root, is_record)
}

fn is_record(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == RECORD)
}

/// Lists what lies in the trash. Temporary files are named with a leading dot.
fn listed(root: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
    let trash = root.join(TRASH);
    let entries = match fs::read_dir(&trash) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.context(&trash)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.context(&trash)?.path();
        if !file_name(&path).starts_with('.') && wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
