//! A version from a remote: what is there is decided by the pointer's and the manifest's hashes alone, what is here already is
//! linked, and what arrives is hashed before it has a name.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::channel::live;
use super::incoming::Incoming;
use super::layout::{self, Pointer};
use super::objects::Download;
use super::{Error, Remote};
use crate::digest::Digest;
use crate::durable::{self, PathError};
use crate::progress::Progress;
use crate::signature::{About, Trust};
use crate::store::{self, Channel, LockedStore, MOST_MODEL, Received, Seen, Store, VersionName};

/// How far another machine's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(10 * 60);

/// What is wanted of a remote.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A version by its name.
    Version(VersionName),
    /// What a channel names.
    Channel(Channel),
}

/// A version that a remote offers, with its manifest, checked as far as it can be before its bytes are here.
#[derive(Debug)]
pub struct Offer {
    /// The manifest.
    pub received: Received,
    /// Its signature, if it has one.
    pub signature: Option<String>,
    /// The channel's pointer, where a channel was asked for.
    pub pointer: Option<(Channel, Pointer)>,
    signed_by: Option<String>,
}

/// What a pull did, or would do.
#[derive(Debug, Clone, Serialize)]
pub struct Pulled {
    /// The version.
    pub version: VersionName,
    /// Whether it is new here.
    #[serde(skip)]
    pub changed: bool,
    /// Bytes of the version and its model.
    pub total_bytes: u64,
    /// Bytes that came, or would come, over the network.
    pub fetched_bytes: u64,
    /// Bytes that this store had: its model, and what other versions share.
    pub here_bytes: u64,
    /// Bytes that an earlier pull had fetched.
    pub resumed_bytes: u64,
    /// The release that was followed, where a channel was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
}

impl Offer {
    /// The version's name.
    pub fn version(&self) -> &VersionName {
        &self.received.manifest.version
    }
}

/// Asks what a remote offers, and refuses what is not what it was or not signed as it must be. Nothing is changed. `anew` takes
/// the remote as one that was never seen.
pub fn offered(
    remote: &Remote,
    store: &Store,
    wanted: &Wanted,
    trust: &Trust,
    anew: bool,
    progress: &dyn Progress,
) -> Result<Offer, Error> {
    let (name, pointer) = match wanted {
        Wanted::Version(name) => {
            remote.must_be_made(progress)?;
            (name.clone(), None)
        }
        Wanted::Channel(channel) => {
            let pointer = live(remote, channel, progress)?;
            let seen = store.seen(remote.place(), channel)?;
            if !anew {
                check_order(remote, channel, &pointer, seen.as_ref())?;
            }
            (pointer.version.clone(), Some((channel.clone(), pointer)))
        }
    };
    let received = remote
        .manifest(&name, progress)?
        .ok_or_else(|| Error::NoVersion {
            remote: remote.address.clone(),
            name: name.clone(),
        })?;
    if let Some((_, pointer)) = &pointer
        && pointer.manifest_sha256 != received.manifest_sha256
    {
        return Err(Error::WrongBytes {
            what: format!("the manifest of {name}"),
            expected: pointer.manifest_sha256,
            found: received.manifest_sha256.to_string(),
        });
    }
    let signature = remote.signature(&name, progress)?;
    let mut signed_by = None;
    if !trust.is_empty() {
        let about = About::Version(name.clone());
        let statement = trust.check(received.bytes(), signature.as_deref(), &about)?;
        if let Some((channel, pointer)) = &pointer {
            let about = About::Release {
                channel: channel.clone(),
                generation: pointer.generation,
                version: name,
            };
            let release = trust.check(received.bytes(), pointer.signature.as_deref(), &about)?;
            let seen = store.seen(remote.place(), channel)?.filter(|_| !anew);
            let first = seen.and_then(|seen| seen.signed_by);
            let same = first.is_none_or(|first| first == statement.store);
            if release.store != statement.store || !same {
                return Err(crate::signature::Error::AboutAnother {
                    what: about.to_string(),
                    said: format!("store={}", release.store),
                }
                .into());
            }
        }
        signed_by = Some(statement.store);
    }
    Ok(Offer {
        received,
        signature,
        pointer,
        signed_by,
    })
}

/// Says whether a remote's channel still names the release that was released here last. What is live here does not matter: whoever
/// rolled back here by hand is left alone until the remote moves. Where signatures are required, the release's must still count.
pub fn is_followed(
    remote: &Remote,
    store: &Store,
    channel: &Channel,
    trust: &Trust,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    let Some(seen) = store.seen(remote.place(), channel)? else {
        return Ok(false);
    };
    let Some((found, _)) = remote.pointer(channel, progress)? else {
        return Ok(false);
    };
    let same = (found.generation, found.manifest_sha256) == (seen.generation, seen.manifest_sha256);
    if !same || !seen.released {
        return Ok(false);
    }
    if !trust.is_empty()
        && let Ok(manifest) = store.manifest_bytes(&seen.version)
    {
        let about = About::Release {
            channel: channel.clone(),
            generation: found.generation,
            version: seen.version,
        };
        trust.check(&manifest, found.signature.as_deref(), &about)?;
    }
    Ok(true)
}

/// Refuses a release that is older than one that was followed, another one of the same number, and one of the future.
fn check_order(
    remote: &Remote,
    channel: &Channel,
    pointer: &Pointer,
    seen: Option<&Seen>,
) -> Result<(), Error> {
    let generation = pointer.generation;
    let ahead = pointer.published_at.duration_since(Timestamp::now());
    if Duration::try_from(ahead).is_ok_and(|ahead| ahead > AHEAD) {
        return Err(Error::FromFuture {
            channel: channel.clone(),
            generation,
            at: pointer.published_at,
        });
    }
    let Some(seen) = seen else {
        return Ok(());
    };
    if generation < seen.generation {
        return Err(Error::Replayed {
            remote: remote.address.clone(),
            channel: channel.clone(),
            found: generation,
            seen: seen.generation,
        });
    }
    let same = (&pointer.version, pointer.manifest_sha256) == (&seen.version, seen.manifest_sha256);
    if generation == seen.generation && !same {
        return Err(Error::Rewritten {
            remote: remote.address.clone(),
            channel: channel.clone(),
            generation,
        });
    }
    Ok(())
}

/// Brings an offered version into the store: its model, then itself, sealed as a build is. Without a place for what arrives it
/// only says what it would take.
pub fn pull(
    remote: &Remote,
    store: &Store,
    offer: &Offer,
    incoming: Option<&Incoming>,
    lock: &dyn Fn() -> Result<LockedStore, store::Error>,
    progress: &dyn Progress,
) -> Result<Pulled, Error> {
    let received = &offer.received;
    let mut pulled = Pulled {
        version: offer.version().clone(),
        changed: false,
        total_bytes: received.total(),
        fetched_bytes: 0,
        here_bytes: 0,
        resumed_bytes: 0,
        generation: offer
            .pointer
            .as_ref()
            .map(|(_, pointer)| pointer.generation),
    };
    store.check_not_withdrawn(offer.version())?;
    let here = received.is_in(store)?;
    let has_model = store.has_model(&received.manifest)?;
    if has_model {
        let dir = store.model_dir(&received.manifest.fingerprint);
        pulled.total_bytes += durable::tree_size(&dir)?;
    }
    if here && has_model {
        pulled.here_bytes = pulled.total_bytes;
        return Ok(pulled);
    }
    pulled.changed = true;
    // As long as there is a draft, no gc takes a model or a snapshot away.
    let draft = incoming.map(|_| store.draft()).transpose()?;
    let version = received.manifest.files.iter().filter(|_| !here);
    let mut needed: BTreeMap<Digest, Option<u64>> =
        version.map(|file| (file.sha256, Some(file.size))).collect();
    let model = received
        .manifest
        .model_files
        .values()
        .filter(|_| !has_model);
    let model: BTreeSet<Digest> = model.copied().collect();
    for digest in &model {
        needed.entry(*digest).or_insert(None);
    }
    let local = local_files(store, &needed)?;
    let missing = needed
        .iter()
        .filter(|(digest, _)| !local.contains_key(digest));
    let mut downloads = downloads(remote, offer, missing, incoming, progress)?;
    let model_bytes = |digest: &Digest| {
        let here = local.get(digest).and_then(|path| fs::metadata(path).ok());
        let mut there = downloads.iter().filter(|file| file.sha256 == *digest);
        here.map(|here| here.len())
            .or(there.next().map(|there| there.size))
    };
    pulled.total_bytes += model.iter().filter_map(model_bytes).sum::<u64>();
    let all: u64 = downloads.iter().map(|download| download.size).sum();
    pulled.here_bytes = pulled.total_bytes.saturating_sub(all);
    let (Some(incoming), Some(draft)) = (incoming, draft) else {
        pulled.fetched_bytes = all;
        return Ok(pulled);
    };
    downloads.retain(|download| !is_whole(download));
    let left = |download: &Download| {
        let part = fs::metadata(download.part()).map_or(0, |part| part.len());
        match remote.objects.resumes() {
            true => download.size - part.min(download.size),
            false => download.size,
        }
    };
    let left = downloads.iter().map(left).sum();
    incoming.check_space(left)?;
    let fetched = Cell::new(0);
    {
        let stage = progress.stage("pull", Some(left), "bytes");
        let moved = |bytes: u64| {
            fetched.set(fetched.get() + bytes);
            stage.advance(bytes);
        };
        remote.objects.fetch(&downloads, &moved, progress)?;
    }
    pulled.fetched_bytes = fetched.get();
    pulled.resumed_bytes = all.saturating_sub(fetched.get());
    let place = |digest: &Digest, draft: &Path, file: &str| -> Result<(), PathError> {
        let relative = Path::new(file);
        durable::make_dirs(draft, relative.parent().unwrap_or(Path::new("")))?;
        // By a second name, so that no byte needs its space twice.
        let arrived = incoming.file(digest);
        let from = local.get(digest).unwrap_or(&arrived);
        durable::link_or_copy(from, &draft.join(relative))
    };
    if !has_model {
        let draft = store.draft()?;
        for (file, digest) in &received.manifest.model_files {
            place(digest, draft.dir(), file)?;
        }
        store.install(&draft, &store.model_dir(&received.manifest.fingerprint))?;
    }
    if !here {
        for file in &received.manifest.files {
            progress.checkpoint()?;
            place(&file.sha256, draft.dir(), &file.path)?;
        }
        let locked = lock()?;
        if !received.is_in(&locked)? {
            received.seal(draft, &locked)?;
        }
    }
    incoming.clear(needed.keys())?;
    Ok(pulled)
}

/// Finds what is to be fetched, each with its size as it lies there. One that the manifest gives another size is refused.
fn downloads<'a>(
    remote: &Remote,
    offer: &Offer,
    missing: impl Iterator<Item = (&'a Digest, &'a Option<u64>)>,
    incoming: Option<&Incoming>,
    progress: &dyn Progress,
) -> Result<Vec<Download>, Error> {
    let missing: Vec<(Digest, Option<u64>)> =
        missing.map(|(digest, size)| (*digest, *size)).collect();
    let keys: Vec<String> = missing
        .iter()
        .map(|(digest, _)| layout::blob(digest))
        .collect();
    let there = remote.objects.look(&keys, progress)?;
    let mut downloads = Vec::new();
    for ((sha256, expected), key) in missing.into_iter().zip(keys) {
        let listed = there.get(&key).ok_or_else(|| Error::Missing {
            remote: remote.address.clone(),
            key: key.clone(),
            named_by: offer.version().to_string(),
        })?;
        let download = Download {
            key,
            to: incoming.map_or_else(PathBuf::new, |incoming| incoming.file(&sha256)),
            size: listed.size,
            sha256,
        };
        let wrong = expected.is_some_and(|expected| expected != listed.size);
        if wrong || listed.size > MOST_MODEL {
            return Err(download.wrong(format!("{} bytes", listed.size)));
        }
        downloads.push(download);
    }
    Ok(downloads)
}

/// Keeps the signature of a pulled version.
pub fn keep_signature(store: &LockedStore, offer: &Offer) -> Result<(), Error> {
    let (signature, checked) = (offer.signature.as_deref(), offer.signed_by.is_some());
    Ok(offer.received.keep_signature(store, signature, checked)?)
}

/// Remembers the release that was followed: once the version is whole and here, and not before. `released` is whether it was
/// released here, too; `anew` takes the remote as one that was never seen.
pub fn take_note(
    remote: &Remote,
    store: &LockedStore,
    offer: &Offer,
    released: bool,
    anew: bool,
) -> Result<(), Error> {
    if let Some((channel, pointer)) = &offer.pointer {
        let seen = Seen {
            generation: pointer.generation,
            version: pointer.version.clone(),
            manifest_sha256: pointer.manifest_sha256,
            released,
            signed_by: offer.signed_by.clone(),
        };
        store.keep_seen(remote.place(), channel, seen, anew)?;
    }
    Ok(())
}

/// Whether a file has arrived before, and is what it was.
fn is_whole(download: &Download) -> bool {
    Digest::of_file(&download.to).is_ok_and(|found| found == download.sha256) || {
        fs::remove_file(&download.to).ok();
        false
    }
}

/// Finds files of this store's versions and models that have these bytes. They are read back: a damaged one is none.
fn local_files(
    store: &Store,
    needed: &BTreeMap<Digest, Option<u64>>,
) -> Result<BTreeMap<Digest, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    let mut offer = |digest: &Digest, dir: &Path, file: &str| {
        let size = || fs::metadata(dir.join(file)).map(|found| found.len()).ok();
        // A hash with another size is nobody's: what the remote has of it will tell.
        if let Some(expected) = needed.get(digest)
            && !found.contains_key(digest)
            && expected.is_none_or(|expected| size() == Some(expected))
            && Digest::of_file_beneath(dir, Path::new(file)).is_ok_and(|is| is == *digest)
        {
            found.insert(*digest, dir.join(file));
        }
    };
    for name in store.versions()?.iter().rev() {
        // What cannot be read gives nothing.
        let Ok((manifest, _)) = store.manifest(name) else {
            continue;
        };
        let dir = store.version_dir(name);
        for file in &manifest.files {
            offer(&file.sha256, &dir, &file.path);
        }
        let model = store.model_dir(&manifest.fingerprint);
        for (file, digest) in &manifest.model_files {
            offer(digest, &model, file);
        }
    }
    Ok(found)
}
