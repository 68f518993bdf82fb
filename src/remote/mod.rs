//! Versions elsewhere: a directory or a bucket from which servers pull what a build machine pushed.
//!
//! The order of every write is what a reader needs: bytes, which are named by their hash; then the manifest, which lists them;
//! then the channel's pointer, which names it, moved only if it is still what it was. A reader goes the other way and takes
//! nothing on trust: the pointer names the manifest's hash, the manifest the hash of every byte.

mod address;
mod bucket;
mod cache;
mod channel;
mod clouds;
mod collect;
mod conditions;
mod directory;
mod error;
mod incoming;
mod layout;
mod moving;
mod objects;
mod pull;
mod push;
mod show;

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use address::Address;
pub use cache::{CacheMoved, pull_cache, push_cache};
pub use channel::{Expected, Moved, Movement, Signer, live, move_channel, rollback_target};
pub use collect::{Kept, RemoteCollected, RemotePlan, RemotePolicy, collect};
pub use conditions::{must_keep_conditions, prove_conditions};
pub use error::{Error, NameTaken, NotWhereExpected};
pub use incoming::Incoming;
pub use layout::{Pointer, RemotePins, RemoteRelease};
pub use pull::{Offer, Pulled, Wanted, is_followed, keep_signature, offered, pull, take_note};
pub use push::{Object, PushPlan, Sending, push};
pub use show::{Overview, RemoteChannel, RemoteVersion, overview, pin};

use crate::progress::Progress;
use crate::store::{Channel, MOST_RECORD, Received, VersionName};
use layout::{FORMAT, Record};
use objects::{Objects, Put, Tag, When};

/// How a remote is spoken to.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// How long the other side may be silent.
    pub silence: Duration,
    /// Keys for S3 from a credentials file; those of the environment are read by the library.
    pub keys: Option<Keys>,
    /// The region of S3 from a configuration file.
    pub region: Option<String>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            keys: None,
            region: None,
        }
    }
}

/// A pair of keys for S3. Never shown.
#[derive(Clone)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token, where the keys are temporary.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// A remote, ready to be asked. Opening one asks nothing.
pub struct Remote {
    address: String,
    /// The address, and the server where it is not the cloud's own.
    place: String,
    objects: Box<dyn Objects>,
}

impl Remote {
    /// Opens the remote at an address.
    pub fn open(address: &Address, tuning: &Tuning) -> Result<Self, Error> {
        Ok(Self {
            address: address.to_string(),
            place: match &address.endpoint {
                Some(endpoint) => format!("{address} at {endpoint}"),
                None => address.to_string(),
            },
            objects: objects::open(address, tuning)?,
        })
    }

    /// Which place it is: its address, and the server where it is not the cloud's own.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its address without secrets.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Checks that it is a remote in a format that is known. Says `false` where nothing was ever pushed.
    fn is_made(&self, progress: &dyn Progress) -> Result<bool, Error> {
        let Some((record, _)) = self.record::<Record>(layout::RECORD, progress)? else {
            return Ok(false);
        };
        match record.format {
            FORMAT => Ok(true),
            found => Err(Error::UnknownFormat {
                remote: self.address.clone(),
                found,
                known: FORMAT,
            }),
        }
    }

    /// Fails where nothing was ever pushed.
    fn must_be_made(&self, progress: &dyn Progress) -> Result<(), Error> {
        match self.is_made(progress)? {
            true => Ok(()),
            false => Err(Error::Empty(self.address.clone())),
        }
    }

    /// Makes the place a remote, unless it is one.
    fn make(&self, progress: &dyn Progress) -> Result<(), Error> {
        if self.is_made(progress)? {
            return Ok(());
        }
        let record = Record {
            format: FORMAT,
            created: Timestamp::now(),
            proven: None,
        };
        let bytes = self.bytes(layout::RECORD, &record)?;
        match self.write_new(layout::RECORD, &bytes, progress)? {
            Put::Done => Ok(()),
            // Another one made it just now.
            Put::Refused => self.must_be_made(progress),
        }
    }

    /// Writes what is not there, as was looked. A server that knows no conditions is no reason not to: what they are needed for
    /// is proven where it matters.
    fn write_new(&self, key: &str, bytes: &[u8], progress: &dyn Progress) -> Result<Put, Error> {
        match self.objects.write(key, bytes, When::Absent, progress) {
            // Only then: a write that broke off may be under way yet, and another's as well.
            Err(Error::Unsafe { .. }) => self.objects.write(key, bytes, When::Always, progress),
            other => other,
        }
    }

    /// Reads a JSON record; `None` where there is none.
    fn record<T: DeserializeOwned>(
        &self,
        key: &str,
        progress: &dyn Progress,
    ) -> Result<Option<(T, Tag)>, Error> {
        let Some((bytes, tag)) = self.objects.read(key, MOST_RECORD, progress)? else {
            return Ok(None);
        };
        let malformed = |e: serde_json::Error| self.malformed(key, &e);
        Ok(Some((
            serde_json::from_slice(&bytes).map_err(malformed)?,
            tag,
        )))
    }

    fn bytes<T: Serialize>(&self, key: &str, record: &T) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec_pretty(record).map_err(|e| self.malformed(key, &e))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn malformed(&self, what: &str, problem: &dyn std::fmt::Display) -> Error {
        Error::Malformed {
            remote: self.address.clone(),
            what: what.to_owned(),
            problem: problem.to_string(),
        }
    }

    /// Reads what a channel names.
    fn pointer(
        &self,
        channel: &Channel,
        progress: &dyn Progress,
    ) -> Result<Option<(Pointer, Tag)>, Error> {
        self.record(&layout::pointer(channel), progress)
    }

    /// Reads a version's manifest; `None` where there is none.
    pub fn manifest(
        &self,
        name: &VersionName,
        progress: &dyn Progress,
    ) -> Result<Option<Received>, Error> {
        let key = layout::manifest(name);
        match self.objects.read(&key, MOST_RECORD, progress)? {
            None => Ok(None),
            Some((bytes, _)) => Ok(Some(Received::parse(name, bytes)?)),
        }
    }

    /// Reads a version's signature; `None` where there is none.
    pub fn signature(
        &self,
        name: &VersionName,
        progress: &dyn Progress,
    ) -> Result<Option<String>, Error> {
        let key = layout::signature(name);
        let found = self.objects.read(&key, MOST_RECORD, progress)?;
        Ok(found.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Names the versions whose manifests are there, oldest first.
    fn versions(&self, progress: &dyn Progress) -> Result<Vec<VersionName>, Error> {
        let listing = self.objects.list(layout::VERSIONS, progress)?;
        Ok(layout::versions_in(&listing))
    }

    /// Reads what every channel names, `current` first. One that cannot be read is an error.
    fn channels(&self, progress: &dyn Progress) -> Result<Vec<(Channel, Pointer)>, Error> {
        let listing = self.objects.list(layout::CHANNELS, progress)?;
        let mut others: Vec<Channel> = Vec::new();
        for listed in &listing {
            let name = listed.key.strip_prefix(layout::CHANNELS);
            let name = name.and_then(|name| name.strip_suffix(".json"));
            let channel = name.and_then(|name| name.parse().ok());
            others.push(channel.ok_or_else(|| self.malformed(&listed.key, &"it is no channel"))?);
        }
        others.sort();
        let mut live = Vec::new();
        for channel in std::iter::once(Channel::default()).chain(others) {
            if let Some((pointer, _)) = self.pointer(&channel, progress)? {
                live.push((channel, pointer));
            }
        }
        Ok(live)
    }

    /// The remote's own clock: the time that it gives an object that is written now. Ages of objects are told by it.
    fn clock(&self, progress: &dyn Progress) -> Result<SystemTime, Error> {
        let key = format!("{}{:016x}", layout::PROBES, fastrand::u64(..));
        self.objects.write(&key, b"", When::Always, progress)?;
        let there = self.objects.look(std::slice::from_ref(&key), progress)?;
        self.objects.remove(&key, progress)?;
        let modified = there.get(&key).map(|listed| listed.modified);
        Ok(modified.unwrap_or_else(SystemTime::now))
    }

    /// Reads the pins.
    fn pins(&self, progress: &dyn Progress) -> Result<Option<(RemotePins, Tag)>, Error> {
        self.record(layout::PINS, progress)
    }
}
