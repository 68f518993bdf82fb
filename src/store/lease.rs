//! Leases: how a reader says that it may touch a version, and how whoever wants to delete it finds out.
//!
//! A kernel lease is an open-file-description read lock on one random byte of `leases/<version>`. The kernel frees it when
//! its reader dies; it works on read-only mounts and across PID namespaces; whoever wants to delete the version must get a
//! write lock on the whole file. Where locks do not reach every host, a reader also writes a heartbeat beside that file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize};

use super::{Actor, Error, LEASES, Store, VersionName};
use crate::durable::{self, Context as _, PathError};

/// How often a heartbeat is renewed.
const BEAT: Duration = Duration::from_secs(10);
/// A heartbeat older than this belongs to a reader that is gone; twelve beats, so that a slow network loses none.
const LIFE: Duration = Duration::from_secs(120);
/// What parts a version's name from its reader's in the name of a heartbeat. No version name holds it.
const MARK: char = '@';
/// Bytes of a lease file that readers choose from: so many that two rarely share one, and holders can be counted.
const BYTES: i64 = 1 << 30;

/// How far a store's leases reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseKind {
    /// The kernel's locks reach every reader.
    Kernel,
    /// Readers are on other hosts and write heartbeats into `leases/`.
    Heartbeat,
    /// Readers on other hosts cannot be seen: only time protects them.
    None,
}

impl fmt::Display for LeaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Heartbeat => "heartbeat",
            Self::None => "none",
        })
    }
}

/// A reader's hold on a version. Dropping it gives the hold up.
#[derive(Debug)]
pub struct Lease {
    file: Lock,
    heartbeat: Option<Heartbeat>,
}

/// The whole of a lease file, held by whoever is about to take the version away.
#[derive(Debug)]
pub struct Exclusive {
    _file: Lock,
}

/// An open file with a lock, which ends with this value: a program that another thread is just starting has the file open as
/// well, until it executes, and would keep a lock that is only closed.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where it fails, closing the file must do.
        unlock(&self.0).ok();
    }
}

impl Store {
    /// How far leases reach in this store: as it was created, or by the filesystem that it lies on.
    pub fn lease_kind(&self) -> LeaseKind {
        self.record.leases.unwrap_or_else(|| {
            if is_network(&self.root.join(LEASES)) {
                LeaseKind::None
            } else {
                LeaseKind::Kernel
            }
        })
    }

    /// Takes a lease on a version. `None` when somebody is just taking the version away.
    pub(super) fn lease(&self, name: &VersionName) -> Result<Option<Lease>, Error> {
        let relative = Path::new(LEASES).join(name.to_string());
        let path = self.root.join(&relative);
        let file = durable::open_beneath(&self.root, &relative)?;
        match lock(&file, libc::F_RDLCK, random_byte(), 1) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(None),
            // A filesystem without locks: its store has leases of another kind.
            Err(Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => {}
            Err(e) => return Err(e).context(&path)?,
        }
        let heartbeat = match self.lease_kind() {
            LeaseKind::Heartbeat => Some(Heartbeat::start(&path)?),
            LeaseKind::Kernel | LeaseKind::None => None,
        };
        // Whoever deleted and made the version anew between the opening and the lock did not see this lease.
        let (locked, named) = (
            file.metadata().context(&path)?,
            fs::symlink_metadata(&path).context(&path)?,
        );
        let same = (locked.dev(), locked.ino()) == (named.dev(), named.ino());
        let file = Lock(file);
        Ok(same.then_some(Lease { file, heartbeat }))
    }

    /// Takes a version's whole lease file, so that no reader can take a lease; `None` while one holds any.
    pub(crate) fn exclude_readers(&self, name: &VersionName) -> Result<Option<Exclusive>, Error> {
        let path = self.lease_file(name);
        // A copy of a store may lack it.
        durable::create_empty(&path, self.shared().file())?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&path)
            .context(&path)?;
        match lock(&file, libc::F_WRLCK, 0, 0) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(None),
            Err(e) if self.lease_kind() == LeaseKind::Kernel => return Err(e).context(&path)?,
            Err(_) => {}
        }
        let _file = Lock(file);
        let alive = self.heartbeats(name)? > 0;
        Ok((!alive).then_some(Exclusive { _file }))
    }

    /// Counts the readers that hold a version, on this host and, by their heartbeats, on others. A reader that holds by
    /// both is counted by its heartbeat.
    pub fn readers(&self, name: &VersionName) -> Result<usize, Error> {
        let relative = Path::new(LEASES).join(name.to_string());
        let locks = match durable::open_beneath(&self.root, &relative) {
            Err(e) if e.is_not_found() => 0,
            opened => count(&opened?).context(self.lease_file(name))?,
        };
        Ok(locks.max(self.heartbeats(name)?))
    }

    /// Counts heartbeats that are alive by the filesystem's own clock.
    pub(super) fn heartbeats(&self, name: &VersionName) -> Result<usize, Error> {
        let beats = self.beats(name)?;
        if beats.is_empty() {
            return Ok(0);
        }
        // Where nothing can be written, this host's clock must do.
        let now = durable::clock(&self.root.join(LEASES)).unwrap_or_else(|_| SystemTime::now());
        let is_alive = |(_, beaten): &&(PathBuf, SystemTime)| !is_over(now, *beaten);
        Ok(beats.iter().filter(is_alive).count())
    }

    /// Removes the heartbeats of readers that are gone.
    pub(crate) fn sweep_heartbeats(&self, name: &VersionName) -> Result<(), Error> {
        let beats = self.beats(name)?;
        if beats.is_empty() {
            return Ok(());
        }
        let now = durable::clock(&self.root.join(LEASES))?;
        for (path, beaten) in beats {
            if is_over(now, beaten) {
                durable::remove(&path)?;
            }
        }
        Ok(())
    }

    fn beats(&self, name: &VersionName) -> Result<Vec<(PathBuf, SystemTime)>, Error> {
        let dir = self.root.join(LEASES);
        let prefix = format!("{name}{MARK}");
        let mut beats = Vec::new();
        for entry in fs::read_dir(&dir).context(&dir)? {
            let entry = entry.context(&dir)?;
            if !entry.file_name().to_string_lossy().starts_with(&prefix) {
                continue;
            }
            match entry.metadata().and_then(|metadata| metadata.modified()) {
                Ok(beaten) => beats.push((entry.path(), beaten)),
                // Its reader has just ended.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(e).context(entry.path())?,
            }
        }
        Ok(beats)
    }
}

fn is_over(now: SystemTime, beaten: SystemTime) -> bool {
    now.duration_since(beaten).is_ok_and(|age| age > LIFE)
}

impl Lease {
    /// Lets the lease live on in the program that this process becomes, until that program and its children end. Says
    /// `false` where the lease needs this process alive to renew it.
    pub(super) fn keep_on_exec(&self) -> Result<bool, PathError> {
        if self.heartbeat.is_some() {
            return Ok(false);
        }
        fcntl(self.file.0.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))
            .map(|_| true)
            .context("the lease")
    }
}

/// A file beside the lease file that is touched while its reader lives.
#[derive(Debug)]
struct Heartbeat {
    path: PathBuf,
    _stop: Sender<()>,
}

impl Heartbeat {
    fn start(lease_file: &Path) -> Result<Self, PathError> {
        let Actor { host, pid, .. } = Actor::current();
        let mut name = lease_file.as_os_str().to_owned();
        name.push(format!("{MARK}{host}-{pid}-{:08x}", random_byte()));
        let path = PathBuf::from(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)
            .context(&path)?;
        let (stop, stopped) = channel::<()>();
        let beat = move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // The time is the filesystem's, by whose clock it is judged. A beat that fails is made good by the next one; twelve of them must fail before anybody acts on it.
                futimens(&file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW).ok();
            }
        };
        std::thread::Builder::new().spawn(beat).context(&path)?;
        Ok(Self { path, _stop: stop })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        // One that stays is swept by gc when its time is over.
        fs::remove_file(&self.path).ok();
    }
}

fn random_byte() -> i64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = RandomState::new().build_hasher().finish();
    i64::try_from(random >> 1).unwrap_or_default() % BYTES
}

fn range(kind: i32, start: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

#[cfg(target_os = "linux")]
fn lock(file: &File, kind: i32, start: i64, length: i64) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&range(kind, start, length))).map(drop)
}

#[cfg(target_os = "linux")]
fn unlock(file: &File) -> nix::Result<()> {
    lock(file, libc::F_UNLCK, 0, 0)
}

/// Counts the locks on a file by asking the kernel for one conflict after the other, each time in what is left and right of
/// the last one.
#[cfg(target_os = "linux")]
fn count(file: &File) -> nix::Result<usize> {
    let mut holders = 0;
    let mut unseen = vec![(0, 0)];
    while let Some((start, length)) = unseen.pop() {
        let mut found = range(libc::F_WRLCK, start, length);
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut found))?;
        if i32::from(found.l_type) == libc::F_UNLCK {
            continue;
        }
        holders += 1;
        if found.l_start > start {
            unseen.push((start, found.l_start - start));
        }
        // A length of 0 reaches to the end of all bytes.
        let behind = found.l_start + found.l_len;
        if found.l_len > 0 && length == 0 {
            unseen.push((behind, 0));
        } else if found.l_len > 0 && behind < start + length {
            unseen.push((behind, start + length - behind));
        }
    }
    Ok(holders)
}

/// Elsewhere than on Linux a lease is a lock on the whole file, and holders are not counted.
#[cfg(not(target_os = "linux"))]
fn lock(file: &File, kind: i32, _: i64, _: i64) -> nix::Result<()> {
    let locked = if kind == i32::from(libc::F_RDLCK) {
        file.try_lock_shared()
    } else {
        file.try_lock()
    };
    locked.map_err(|_| Errno::EAGAIN)
}

#[cfg(not(target_os = "linux"))]
fn unlock(file: &File) -> std::io::Result<()> {
    file.unlock()
}

#[cfg(not(target_os = "linux"))]
fn count(_: &File) -> nix::Result<usize> {
    Ok(0)
}

/// Says whether locks on this filesystem may not reach every host that reads it.
#[cfg(target_os = "linux")]
pub(crate) fn is_network(path: &Path) -> bool {
    // linux/magic.h; FUSE stands for sshfs, s3fs and virtiofs alike. The type of a magic number differs between platforms.
    const NETWORK: [u32; 9] = [
        0x6969,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x00c3_6400,
        0x5346_414f,
        0x0bd0_0bd3,
        0x7461_636f,
    ];
    nix::sys::statfs::statfs(path)
        .is_ok_and(|found| NETWORK.contains(&(found.filesystem_type().0 as u32)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_network(_: &Path) -> bool {
    false
}
