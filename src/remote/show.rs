//! What a remote holds, and its pins.

use std::thread;

use serde::Serialize;

use super::conditions::pause;
use super::layout::{self, Pointer, RemotePins};
use super::objects::{Put, When};
use super::{Error, Remote};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::store::{Channel, VersionName};

/// Tries at changing the pins while others do.
const TRIES: u32 = 20;

/// What a remote holds.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Its address without secrets.
    pub remote: String,
    /// Its versions, oldest first.
    pub versions: Vec<RemoteVersion>,
    /// Its channels.
    pub channels: Vec<RemoteChannel>,
}

/// A channel of a remote.
#[derive(Debug, Serialize)]
pub struct RemoteChannel {
    /// Its name.
    pub channel: Channel,
    /// What it names.
    #[serde(flatten)]
    pub pointer: Pointer,
}

/// A version of a remote.
#[derive(Debug, Serialize)]
pub struct RemoteVersion {
    /// Its name.
    pub version: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// Its documents.
    pub documents: u64,
    /// Its chunks.
    pub chunks: u64,
    /// Bytes of its files, without the model.
    pub bytes: u64,
    /// Whether a signature lies beside it. What it is worth, a pull finds out.
    pub signed: bool,
    /// Why it is pinned, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
}

/// Lists what a remote holds.
pub fn overview(remote: &Remote, progress: &dyn Progress) -> Result<Overview, Error> {
    remote.must_be_made(progress)?;
    let listing = remote.objects.list(layout::VERSIONS, progress)?;
    let pins = remote
        .pins(progress)?
        .map(|(pins, _)| pins)
        .unwrap_or_default();
    let mut versions = Vec::new();
    for name in layout::versions_in(&listing) {
        // Removed since it was listed.
        let Some(received) = remote.manifest(&name, progress)? else {
            continue;
        };
        let signature = layout::signature(&name);
        let pinned = pins.pins.get(&name).cloned();
        versions.push(RemoteVersion {
            manifest_sha256: received.manifest_sha256,
            documents: received.manifest.counts.documents,
            chunks: received.manifest.counts.chunks,
            bytes: received.total(),
            signed: listing.iter().any(|listed| listed.key == signature),
            pinned: pinned.map(|reason| reason.unwrap_or_default()),
            version: name,
        });
    }
    Ok(Overview {
        remote: remote.address.clone(),
        versions,
        channels: remote
            .channels(progress)?
            .into_iter()
            .map(|(channel, pointer)| RemoteChannel { channel, pointer })
            .collect(),
    })
}

/// Pins a version of a remote, with a reason, or with `None` takes its pin away. Says whether that changed anything, or with
/// `dry_run` would.
pub fn pin(
    remote: &Remote,
    version: &VersionName,
    pinned: Option<Option<String>>,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    remote.must_be_made(progress)?;
    if pinned.is_some() && remote.manifest(version, progress)?.is_none() {
        return Err(Error::NoVersion {
            remote: remote.address.clone(),
            name: version.clone(),
        });
    }
    for attempt in 0..TRIES {
        progress.checkpoint()?;
        let found = remote.pins(progress)?;
        let (mut pins, tag) = found.map_or((RemotePins::default(), None), |(pins, tag)| {
            (pins, Some(tag))
        });
        if pins.pins.get(version) == pinned.as_ref() {
            return Ok(attempt > 0);
        }
        if dry_run {
            return Ok(true);
        }
        match &pinned {
            Some(reason) => drop(pins.pins.insert(version.clone(), reason.clone())),
            None => drop(pins.pins.remove(version)),
        }
        let when = tag.as_ref().map_or(When::Absent, When::Unchanged);
        let bytes = remote.bytes(layout::PINS, &pins)?;
        // Where others write at the same time, the next round looks again.
        match remote.objects.write(layout::PINS, &bytes, when, progress) {
            Ok(Put::Done) => return Ok(true),
            Ok(Put::Refused) => thread::sleep(pause(attempt)),
            Err(e) => return Err(e),
        }
    }
    Err(Error::Transport {
        remote: remote.address.clone(),
        doing: "writing the pins".into(),
        problem: "others wrote them each time".into(),
    })
}
