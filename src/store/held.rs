//! Reading a version: resolve the link once, take a lease, check that the version is still there. Never open anything through
//! `current/`: two opens can straddle a flip.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Channel, Error, Lease, Manifest, Store, VersionName};
use crate::digest::Digest;

/// How often a reader starts over when the version it resolved is gone, or going, before its lease was taken.
const ATTEMPTS: usize = 200;
/// How long it waits in between: whoever takes a version away holds its lease for a few fsyncs.
const PAUSE: Duration = Duration::from_millis(5);

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
    lease: Lease,
}

impl Held {
    /// Lets the lease live on in the program that this process becomes, until that program and its children end. Says
    /// `false` where the lease needs this process alive to renew it.
    pub fn keep_on_exec(&self) -> Result<bool, Error> {
        Ok(self.lease.keep_on_exec()?)
    }
}

impl Store {
    /// Holds a version, or the one that `current` names.
    pub fn hold(&self, name: Option<&VersionName>) -> Result<Held, Error> {
        match name {
            Some(name) => self.try_again(|| self.try_hold(name)),
            None => self.hold_channel(&Channel::default()),
        }
    }

    /// Holds the version that a channel names.
    pub fn hold_channel(&self, channel: &Channel) -> Result<Held, Error> {
        self.try_again(|| {
            let live = self.live_on(channel)?;
            let live = live.ok_or_else(|| Error::NothingPublished(channel.clone()))?;
            match self.try_hold(&live) {
                // Superseded and taken away since the link was read.
                Err(Error::NoVersion { .. }) if self.live_on(channel)?.as_ref() != Some(&live) => {
                    Ok(None)
                }
                other => other,
            }
        })
    }

    fn try_again(&self, attempt: impl Fn() -> Result<Option<Held>, Error>) -> Result<Held, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(held) = attempt()? {
                return Ok(held);
            }
            thread::sleep(PAUSE);
        }
        Err(Error::Going)
    }

    fn try_hold(&self, name: &VersionName) -> Result<Option<Held>, Error> {
        let lease = match self.lease(name) {
            // `manifest` gives the names that there are instead.
            Err(Error::Io(e)) if e.is_not_found() => {
                let missing = Error::NoLeaseFile { name: name.clone() };
                return Err(self.manifest(name).err().unwrap_or(missing));
            }
            other => other?,
        };
        let Some(lease) = lease else {
            return Ok(None);
        };
        let (manifest, manifest_sha256) = self.manifest(name)?;
        Ok(Some(Held {
            name: name.clone(),
            dir: self.version_dir(name),
            manifest,
            manifest_sha256,
            lease,
        }))
    }
}
