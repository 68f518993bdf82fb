//! What a remote can do: read, write on a condition, list, remove. One place a kind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::address::{Address, Place};
use super::bucket::Bucket;
use super::directory::Directory;
use super::{Error, Tuning};
use crate::digest::Digest;
use crate::progress::Progress;

/// What tells one writing of an object from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) e_tag: Option<String>,
    pub(super) version: Option<String>,
}

/// On what condition an object is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum When<'a> {
    /// On none.
    Always,
    /// If there is none of its name.
    Absent,
    /// If it is still the one of this tag.
    Unchanged(&'a Tag),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It was written.
    Done,
    /// Its condition did not hold, as far as the other side tells. An earlier try of the same write may be why.
    Refused,
}

/// An object in a listing.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
    /// By the other side's clock.
    pub(super) modified: SystemTime,
}

/// A file that becomes an object.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

impl Upload {
    /// Fails where what was read is not what it should be.
    pub(super) fn check(&self, found: Digest) -> Result<(), Error> {
        match found == self.sha256 {
            true => Ok(()),
            false => Err(Error::WrongHere {
                path: self.path.clone(),
                expected: self.sha256,
                found,
            }),
        }
    }
}

/// An object that becomes a file.
#[derive(Debug, Clone)]
pub(super) struct Download {
    pub(super) key: String,
    pub(super) to: PathBuf,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

impl Download {
    /// Where it lies until it is whole.
    pub(super) fn part(&self) -> PathBuf {
        let mut part = self.to.clone().into_os_string();
        part.push(".part");
        part.into()
    }

    pub(super) fn wrong(&self, found: String) -> Error {
        Error::WrongBytes {
            what: self.key.clone(),
            expected: self.sha256,
            found,
        }
    }
}

/// A place where objects lie.
pub(super) trait Objects: Sync {
    /// Reads an object of at most `most` bytes.
    fn read(
        &self,
        key: &str,
        most: u64,
        progress: &dyn Progress,
    ) -> Result<Option<(Vec<u8>, Tag)>, Error>;

    /// Writes an object on a condition.
    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<Put, Error>;

    /// Lists the objects whose keys begin so, which ends with a slash.
    fn list(&self, prefix: &str, progress: &dyn Progress) -> Result<Vec<Listed>, Error>;

    /// Finds out about many objects at once; what is not there is left out.
    fn look(
        &self,
        keys: &[String],
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Listed>, Error>;

    /// Removes an object, where it is there.
    fn remove(&self, key: &str, progress: &dyn Progress) -> Result<(), Error>;

    /// Writes files as objects. Each is hashed as it is read, and none becomes an object whose hash is another one.
    fn send(
        &self,
        uploads: &[Upload],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error>;

    /// Writes objects as files. Each is hashed as it arrives, and none gets its name whose hash is another one.
    fn fetch(
        &self,
        downloads: &[Download],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error>;

    /// Whether a file of which a part is here is gone on with, and not begun anew.
    fn resumes(&self) -> bool {
        false
    }

    /// Writes the same key many times at once on one condition, and counts how many were taken.
    fn race(
        &self,
        key: &str,
        bodies: Vec<Vec<u8>>,
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<usize, Error>;
}

/// Opens the place of an address.
pub(super) fn open(address: &Address, tuning: &Tuning) -> Result<Box<dyn Objects>, Error> {
    Ok(match &address.place {
        Place::Directory(root) => Box::new(Directory::new(root)),
        Place::Bucket { cloud, prefix } => Box::new(Bucket::open(address, cloud, prefix, tuning)?),
    })
}

/// How old an object is by a clock; one from the future is new.
pub(super) fn age(listed: &Listed, now: SystemTime) -> Duration {
    now.duration_since(listed.modified).unwrap_or_default()
}

/// Makes the directory that a download goes to.
pub(super) fn make_room(to: &Path) -> std::io::Result<()> {
    to.parent().map_or(Ok(()), std::fs::create_dir_all)
}
