//! Looking at a store without its lock: what is missing, what a crash left behind, and a private directory to try things in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::draft::{LOCK_SUFFIX, is_left};
use super::{
    CACHE, CHANNELS, Channel, Error, LAYOUT, STAGING, STATE, SWEPT, Store, TRASH, VERSIONS, trash,
};
use crate::durable::{self, Context as _, PathError};

/// A directory in `staging/` to try things in. It disappears with this value, or is reaped as a draft is when its process
/// dies before.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is reaped by the next writer.
        durable::remove_tree(&self.dir).ok();
        fs::remove_file(&self.lock_path).ok();
    }
}

/// A log or record of the store's state that does not read as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsound {
    /// The last line of a log has no end: its writer died, and never said that it was written.
    Torn(PathBuf),
    /// A record is no JSON.
    Unreadable(PathBuf),
}

impl Store {
    /// Opens a directory to try things in. Unlike a draft it needs nothing of the filesystem but that it can be written:
    /// where locks do not work, that is to be found out.
    pub(crate) fn scratch(&self) -> Result<Scratch, PathError> {
        let staging = self.root.join(STAGING);
        let (lock, lock_path) = tempfile::Builder::new()
            .prefix("probe-")
            .suffix(LOCK_SUFFIX)
            .tempfile_in(&staging)
            .and_then(|file| file.keep().map_err(|e| e.error))
            .context(&staging)?;
        lock.try_lock().ok();
        let scratch = Scratch {
            dir: lock_path.with_extension(""),
            lock_path,
            _lock: lock,
        };
        fs::create_dir(&scratch.dir).context(&scratch.dir)?;
        durable::set_mode(&scratch.dir, self.shared().dir())?;
        Ok(scratch)
    }

    /// The directories that a store works in, whether they exist or not.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        LAYOUT.iter().map(|name| self.root.join(name)).collect()
    }

    /// The directory of the versions.
    pub(crate) fn versions_dir(&self) -> PathBuf {
        self.root.join(VERSIONS)
    }

    /// Names the directories that are not there, or are something else. Only the cache may be a link to one.
    pub(crate) fn missing_directories(&self) -> Vec<String> {
        let is_there = |name: &str| {
            let dir = self.root.join(name);
            let real = dir.symlink_metadata().is_ok_and(|found| found.is_dir());
            real || name == CACHE && dir.is_dir()
        };
        LAYOUT
            .into_iter()
            .filter(|name| !is_there(name))
            .map(|name| format!("{name}/"))
            .collect()
    }

    /// Names the channels that there are, readable or not, `current` first.
    pub(crate) fn channel_names(&self) -> Result<Vec<Channel>, PathError> {
        let mut others: Vec<Channel> = names(&self.root.join(CHANNELS))?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        others.sort();
        others.insert(0, Channel::default());
        Ok(others)
    }

    /// Names what a process that died left behind, relative to the store: drafts, temporary names, and what had begun to be
    /// deleted. Whoever takes the store lock next removes it.
    pub(crate) fn leftovers(&self) -> Result<Vec<String>, Error> {
        let mut left = Vec::new();
        let staging = self.root.join(STAGING);
        for name in names(&staging)? {
            if is_left(&staging.join(&name))? {
                left.push(format!("{STAGING}/{name}"));
            }
        }
        for dir in SWEPT {
            let path = self.root.join(dir);
            let temporary = names(&path)?
                .into_iter()
                .filter(|name| durable::is_temporary(&path.join(name)))
                .map(|name| Path::new(dir).join(name).display().to_string());
            left.extend(temporary);
        }
        left.extend(
            trash::without_record(&self.root)?
                .iter()
                .map(|name| format!("{TRASH}/{name}")),
        );
        Ok(left)
    }

    /// Finds logs and records of the store's state that do not read as they should. The journal is told of elsewhere.
    pub(crate) fn unsound_state(&self) -> Result<Vec<Unsound>, PathError> {
        let mut unsound = Vec::new();
        for name in names(&self.root.join(STATE))? {
            let relative = super::state(&name);
            let (log, record) = (name.ends_with(".jsonl"), name.ends_with(".json"));
            if name == super::JOURNAL || !(log || record) {
                continue;
            }
            let bytes = match durable::read_beneath(&self.root, &relative) {
                Err(e) if e.is_not_found() => continue,
                other => other?,
            };
            if log && bytes.last().is_some_and(|last| *last != b'\n') {
                unsound.push(Unsound::Torn(relative));
            } else if record && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
                unsound.push(Unsound::Unreadable(relative));
            }
        }
        Ok(unsound)
    }
}

/// The names in a directory, sorted; none where it is missing.
fn names(dir: &Path) -> Result<Vec<String>, PathError> {
    let entries = match fs::read_dir(dir).context(dir) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(
            entry
                .context(dir)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}
