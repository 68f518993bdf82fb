//! Whether locks hold: that of the one writer, and those of the readers.

use std::error::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::Outcome;
use super::probes::{Tried, reason};

pub(super) fn second_lock_is_refused(dir: &Path) -> Tried {
    let path = dir.join("lock");
    let holder = File::create(&path)?;
    holder.try_lock().map_err(cause)?;
    let other = OpenOptions::new().read(true).write(true).open(&path)?;
    match other.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        Err(e) => return Err(cause(e)),
        Ok(()) => return Err("a lock that is held was given a second time".into()),
    }
    drop(holder);
    other
        .try_lock()
        .map_err(|e| format!("a lock was not freed when its file was closed: {e}"))?;
    Ok(Outcome::ok(
        "a second lock is refused until the first is closed",
    ))
}

/// What the system said, where it said anything but that somebody holds the lock.
fn cause(error: TryLockError) -> Box<dyn Error> {
    match error {
        TryLockError::Error(e) => e.into(),
        held @ TryLockError::WouldBlock => held.into(),
    }
}

/// Leases that do not hold are no failure: there are two other kinds.
pub(super) fn lease_is_seen(dir: &Path) -> Tried {
    Ok(match try_lease(dir) {
        Ok(()) => Outcome::ok("a reader's lease keeps a writer out until it is closed"),
        Err(e) => Outcome::warning(
            reason(e.as_ref()),
            "gc cannot see who reads here. Create the store with `ragctl init --leases heartbeat`, or let gc spare what was superseded lately.",
        ),
    })
}

#[cfg(target_os = "linux")]
fn try_lease(dir: &Path) -> Result<(), Box<dyn Error>> {
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    const BYTE: i64 = 4_711;
    let range = |kind: i32, start: i64, length: i64| libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: start,
        l_len: length,
        l_pid: 0,
    };
    let path = dir.join("lease");
    let writer = File::create(&path)?;
    let reader = File::open(&path)?;
    let one = range(libc::F_RDLCK, BYTE, 1);
    fcntl(&reader, FcntlArg::F_OFD_SETLK(&one))?;
    let all = range(libc::F_WRLCK, 0, 0);
    match fcntl(&writer, FcntlArg::F_OFD_SETLK(&all)) {
        Err(Errno::EAGAIN | Errno::EACCES) => {}
        Err(e) => return Err(e.into()),
        Ok(_) => return Err("a reader's lease does not keep a writer out".into()),
    }
    let mut found = all;
    fcntl(&writer, FcntlArg::F_OFD_GETLK(&mut found))?;
    if found.l_start != BYTE {
        return Err("the kernel does not say which byte a reader holds".into());
    }
    drop(reader);
    match fcntl(&writer, FcntlArg::F_OFD_SETLK(&all)) {
        Ok(_) => Ok(()),
        Err(_) => Err("a lease was not freed when its reader closed it".into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn try_lease(_: &Path) -> Result<(), Box<dyn Error>> {
    Err("this system has no locks on parts of an open file".into())
}
