//! Reading a version: resolve the link once, take a lease, check that the version is still there.
//!
//! A lease is an open-file-description read lock on one random byte of `leases/<version>`. The kernel frees it when its
//! reader dies; it works on read-only mounts; and whoever wants to delete the version must get a write lock on the whole
//! file. Never open anything through `current/`: two opens can straddle a flip.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::{Error, Manifest, Store, VersionName};
use crate::digest::Digest;
use crate::durable::Context as _;

/// How often a reader starts over when the version it resolved is gone before its lease was taken.
const ATTEMPTS: usize = 20;

/// A reader's hold on a version. Dropping it gives the hold up.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

/// A version that is held: nothing deletes it while this value lives.
#[derive(Debug)]
pub struct Held {
    /// The version's name.
    pub name: VersionName,
    /// Its real directory, free of `current`.
    pub dir: PathBuf,
    /// What it is made of.
    pub manifest: Manifest,
    /// The hash of the manifest.
    pub manifest_sha256: Digest,
    _lease: Lease,
}

impl Store {
    /// Holds a version, or the one that is live.
    pub fn hold(&self, name: Option<&VersionName>) -> Result<Held, Error> {
        let mut attempt = 1;
        loop {
            let name = match name {
                Some(name) => name.clone(),
                None => self.live()?.ok_or(Error::NothingPublished)?,
            };
            match self.try_hold(&name) {
                Err(Error::NoVersion { .. }) if attempt < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    fn try_hold(&self, name: &VersionName) -> Result<Held, Error> {
        let path = self.lease_file(name);
        let file = match File::open(&path).context(&path) {
            // `manifest` gives the names that there are instead.
            Err(e) if e.is_not_found() => {
                return Err(self.manifest(name).err().unwrap_or(Error::Io(e)));
            }
            other => other?,
        };
        lock_one_byte(&file).context(&path)?;
        // Whoever deleted and made the version anew between the opening and the lock did not see this lease.
        let (locked, named) = (
            file.metadata().context(&path)?,
            std::fs::metadata(&path).context(&path)?,
        );
        if (locked.dev(), locked.ino()) != (named.dev(), named.ino()) {
            return Err(Error::NoVersion {
                name: name.clone(),
                known: Vec::new(),
            });
        }
        let dir = self.version_dir(name);
        let (manifest, manifest_sha256) = self.manifest(name)?;
        Ok(Held {
            name: name.clone(),
            dir,
            manifest,
            manifest_sha256,
            _lease: Lease { _file: file },
        })
    }
}

#[cfg(target_os = "linux")]
fn lock_one_byte(file: &File) -> nix::Result<()> {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};

    use nix::fcntl::{FcntlArg, fcntl};
    // Readers rarely share a byte, so that holders can be counted.
    let byte = RandomState::new().build_hasher().finish();
    let lock = nix::libc::flock {
        l_type: nix::libc::F_RDLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: (byte & 0x3fff_ffff) as i64,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn lock_one_byte(file: &File) -> std::io::Result<()> {
    file.lock_shared()
}
