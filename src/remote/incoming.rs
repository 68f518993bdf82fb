//! What arrives and has no place yet: kept below the store's cache, so that a transfer that was cut off is gone on with.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Error;
use crate::digest::Digest;
use crate::durable::{self, Context as _, PathError};
use crate::progress::Progress;
use crate::store::{self, Store};

const DIR: &str = "incoming";
const LOCK: &str = ".lock";
/// After this long nobody comes back for what arrived.
const ABANDONED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The place of a store for what arrives. One pull at a time has it, from before it asks what there is until it has taken note
/// of what it took: of two, the older would otherwise have the last word.
#[derive(Debug)]
pub struct Incoming {
    dir: PathBuf,
    _lock: File,
}

impl Incoming {
    /// Takes the place, waiting at most `timeout` for another pull.
    pub fn open(store: &Store, timeout: Duration, progress: &dyn Progress) -> Result<Self, Error> {
        let cache = store.cache_dir();
        durable::make_dirs(&cache, Path::new(DIR))?;
        let dir = cache.join(DIR);
        let path = dir.join(LOCK);
        let lock = durable::open_lock(&path, store.shared().file())?;
        if !durable::lock_within::<Error>(&lock, &path, timeout, progress)? {
            let holder = "another `ragctl pull`".into();
            return Err(store::Error::Locked { holder }.into());
        }
        let incoming = Self { dir, _lock: lock };
        incoming.forget_abandoned()?;
        Ok(incoming)
    }

    /// Where the bytes of a hash lie, or shall.
    pub(super) fn file(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }

    /// Fails where the filesystem has no room for so many bytes more.
    pub(super) fn check_space(&self, needed: u64) -> Result<(), PathError> {
        durable::check_free(&self.dir, needed)
    }

    /// Removes what has its place by now.
    pub(super) fn clear<'a>(
        &self,
        digests: impl Iterator<Item = &'a Digest>,
    ) -> Result<(), PathError> {
        for digest in digests {
            let path = self.file(digest);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e).context(path),
                _ => {}
            }
        }
        Ok(())
    }

    fn forget_abandoned(&self) -> Result<(), PathError> {
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.dir).context(&self.dir)? {
            let path = entry.context(&self.dir)?.path();
            let modified = fs::symlink_metadata(&path).and_then(|found| found.modified());
            let age = modified.map(|modified| now.duration_since(modified).unwrap_or_default());
            if !path.ends_with(LOCK) && age.is_ok_and(|age| age > ABANDONED) {
                fs::remove_file(&path).ok();
            }
        }
        Ok(())
    }
}
