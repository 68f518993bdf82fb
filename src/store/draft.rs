//! From a private staging directory to a sealed version, by one rename.
//!
//! Everything here runs on one thread with `std::fs`, so that every system call is a point at which a crash can be tested.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use super::manifest::{MANIFEST, MANIFEST_SHA256};
use super::{
    Error, FileRecord, LockedStore, Manifest, NameRecord, Recovered, STAGING, Shared, Store,
    VersionName, log, manifest_sha256_line,
};
use crate::digest::Digest;
use crate::durable::{self, Context as _, PathError};

pub(super) const LOCK_SUFFIX: &str = ".lock";

/// A private directory in `staging/` that becomes a version, model or snapshot, or disappears.
#[derive(Debug)]
pub struct Draft {
    dir: PathBuf,
    lock_path: PathBuf,
    /// The process's umask before, where the draft is a group's.
    umask: Option<Mode>,
    _lock: File,
}

/// A version that now exists under its name, immutable but not yet proven.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Its name.
    pub name: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
}

/// What became of a draft that is named by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It is there now.
    New,
    /// It was there already, and the draft is gone.
    Known,
}

impl Store {
    /// Opens a private directory on the store's filesystem.
    pub fn draft(&self) -> Result<Draft, Error> {
        super::lay_out(&self.root, self.shared())?;
        let staging = self.root.join(STAGING);
        loop {
            let (lock, lock_path) = tempfile::Builder::new()
                .prefix("draft-")
                .suffix(LOCK_SUFFIX)
                .tempfile_in(&staging)
                .and_then(|file| file.keep().map_err(|e| e.error))
                .context(&staging)?;
            lock.lock().context(&lock_path)?;
            durable::set_mode(&lock_path, self.shared().file()).ok();
            // A reaper may have taken the file between its making and its locking; then nobody would respect the lock.
            if !lock_path.exists() {
                continue;
            }
            let dir = lock_path.with_extension("");
            fs::create_dir(&dir).context(&dir)?;
            durable::set_mode(&dir, self.shared().dir())?;
            // What libraries make in it has no explicit mode until it is sealed. If this process dies before, another member
            // of the group must be able to remove it.
            let group = self.shared() == Shared::Group;
            let for_group = Mode::S_IRWXO;
            return Ok(Draft {
                umask: group.then(|| umask(for_group)),
                dir,
                lock_path,
                _lock: lock,
            });
        }
    }

    /// Gives a draft a name that its content decides, such as a model's fingerprint. What bears the name already stays if it
    /// is the same; if it was damaged, it makes way.
    pub fn install(&self, draft: &Draft, dir: &Path) -> Result<Installed, Error> {
        durable::settle_tree(
            &draft.dir,
            self.shared().sealed_file(),
            self.shared().sealed_dir(),
        )?;
        if !durable::rename_noreplace(&draft.dir, dir)? {
            if !fs::symlink_metadata(dir).context(dir)?.is_dir() {
                return Err(Error::NotADirectory(dir.to_owned()));
            }
            let mut existing = Vec::new();
            collect(dir, "", &mut existing)?;
            existing.sort_by(|a, b| a.path.cmp(&b.path));
            if existing == draft.files()? {
                return Ok(Installed::Known);
            }
            // In staging, without a lock, it is reaped by the next writer.
            let aside = draft.dir.with_extension("damaged");
            durable::loosen(dir, self.shared().dir())?;
            durable::rename_noreplace(dir, &aside)?;
            durable::rename_noreplace(&draft.dir, dir)?;
        }
        durable::set_mode(dir, self.shared().sealed_dir())?;
        Ok(Installed::New)
    }
}

impl LockedStore {
    /// Removes what a draft was installed as, such as a snapshot. It leaves its place in one rename, so that a crash shows
    /// nobody a half of it. Returns the bytes that this gave back; `None` where somebody has begun to work, who may need it,
    /// and it was put back.
    pub(crate) fn remove_installed(&self, dir: &Path) -> Result<Option<u64>, Error> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        // In staging, without a lock, it is reaped by the next writer if we do not come to it.
        let aside = self.root().join(STAGING).join(format!("removed-{name}"));
        durable::remove_tree(&aside)?;
        durable::loosen(dir, self.shared().dir())?;
        durable::rename_noreplace(dir, &aside)?;
        // Whoever opened a draft before now may have seen it; whoever opens one from now on finds it gone, and makes it.
        if self.has_live_drafts()? && durable::rename_noreplace(&aside, dir)? {
            durable::loosen(dir, self.shared().sealed_dir())?;
            return Ok(None);
        }
        let bytes = durable::tree_bytes(&aside)?;
        durable::remove_tree(&aside)?;
        Ok(Some(bytes))
    }
}

impl Draft {
    /// The directory to fill.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Hashes every file of the draft, sorted by path. Anything but files and directories is refused.
    pub fn files(&self) -> Result<Vec<FileRecord>, Error> {
        let mut files = Vec::new();
        collect(&self.dir, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Seals the draft as the version that the manifest names. The name must be free, now and in the past.
    pub fn seal(self, store: &LockedStore, manifest: &Manifest) -> Result<Sealed, Error> {
        let bytes = manifest.to_bytes()?;
        self.seal_as(store, manifest, &bytes)
    }

    /// Seals it under these bytes of the manifest: what another program wrote may say more than this one knows.
    pub(super) fn seal_as(
        self,
        store: &LockedStore,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<Sealed, Error> {
        let name = manifest.version.clone();
        let manifest_sha256 = Digest::of(bytes);
        let taken = || Error::NameTaken { name: name.clone() };
        if store
            .names()?
            .iter()
            .any(|known| known.name == name && known.manifest_sha256 != manifest_sha256)
        {
            return Err(taken());
        }
        let path = self.dir.join(MANIFEST);
        fs::write(&path, bytes).context(&path)?;
        let path = self.dir.join(MANIFEST_SHA256);
        fs::write(&path, manifest_sha256_line(&manifest_sha256)).context(&path)?;
        let shared = store.shared();
        durable::settle_tree(&self.dir, shared.sealed_file(), shared.sealed_dir())?;
        durable::create_empty(&store.lease_file(&name), shared.file())?;
        let dir = store.version_dir(&name);
        if !durable::rename_noreplace(&self.dir, &dir)? {
            return Err(taken());
        }
        durable::set_mode(&dir, shared.sealed_dir())?;
        durable::fsync_dir(&dir)?;
        let record = NameRecord {
            name: name.clone(),
            manifest_sha256,
            content_digest: manifest.content_digest,
        };
        log::append(&store.state(log::NAMES), &record, shared.file())?;
        Ok(Sealed {
            name,
            manifest_sha256,
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What cannot be removed now is reaped by the next writer.
        durable::remove_tree(&self.dir).ok();
        fs::remove_file(&self.lock_path).ok();
        if let Some(before) = self.umask {
            umask(before);
        }
    }
}

impl Store {
    /// Says whether somebody is building, ingesting or probing here just now.
    pub fn has_live_drafts(&self) -> Result<bool, Error> {
        let staging = self.root.join(STAGING);
        for entry in fs::read_dir(&staging).context(&staging)? {
            let path = entry.context(&staging)?.path();
            if is_lock(&path) && matches!(owner(&path)?, Owner::Alive) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_lock(path: &Path) -> bool {
    path.to_string_lossy().ends_with(LOCK_SUFFIX)
}

/// What a draft's lock file says about its owner.
enum Owner {
    /// There is no lock file, or nobody holds it; the file, where there is one, is locked by us now.
    Gone(Option<File>),
    /// It is held, or another user's and being made.
    Alive,
}

fn owner(lock_path: &Path) -> Result<Owner, PathError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(lock_path);
    Ok(match opened {
        // A shared lock, because some network filesystems give an exclusive one only to who may write.
        Ok(file) if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) => Owner::Alive,
        Ok(file) => Owner::Gone(Some(file)),
        // Nobody holds a lock through a link.
        Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(nix::libc::ELOOP) => {
            Owner::Gone(None)
        }
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Owner::Alive,
        Err(e) => return Err(e).context(lock_path),
    })
}

/// Says whether an entry of `staging/` has lost its owner. A lock file is part of what it locks.
pub(super) fn is_left(path: &Path) -> Result<bool, PathError> {
    let lock_path = PathBuf::from(format!("{}{LOCK_SUFFIX}", path.display()));
    Ok(!is_lock(path) && matches!(owner(&lock_path)?, Owner::Gone(_)))
}

/// Removes staging directories whose owner is gone.
pub(super) fn reap(store: &Store) -> Result<Vec<Recovered>, Error> {
    let staging = store.root.join(STAGING);
    let mut reaped = Vec::new();
    for entry in fs::read_dir(&staging).context(&staging)? {
        let path = entry.context(&staging)?.path();
        let lock_path = if is_lock(&path) {
            path.clone()
        } else {
            PathBuf::from(format!("{}{LOCK_SUFFIX}", path.display()))
        };
        let Owner::Gone(_lock) = owner(&lock_path)? else {
            continue;
        };
        if !is_lock(&path) {
            let entry = path.file_name().unwrap_or_default().to_string_lossy();
            match durable::remove_tree(&path) {
                Ok(()) => reaped.push(Recovered::Reaped(entry.into_owned())),
                // It takes space, and nothing else: no reason to stop whoever comes next.
                Err(e) => {
                    reaped.push(Recovered::Stuck(e.to_string()));
                    continue;
                }
            }
        }
        if lock_path.with_extension("").symlink_metadata().is_err() {
            fs::remove_file(&lock_path).ok();
        }
    }
    Ok(reaped)
}

fn collect(dir: &Path, prefix: &str, files: &mut Vec<FileRecord>) -> Result<(), Error> {
    for entry in fs::read_dir(dir).context(dir)? {
        let entry = entry.context(dir)?;
        let path = entry.path();
        let relative = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = fs::symlink_metadata(&path).context(&path)?;
        if metadata.is_dir() {
            collect(&path, &format!("{relative}/"), files)?;
        } else if metadata.is_file() {
            files.push(FileRecord {
                path: relative,
                size: metadata.len(),
                sha256: Digest::of_file(&path)?,
            });
        } else {
            return Err(Error::NotRegular(path));
        }
    }
    Ok(())
}
