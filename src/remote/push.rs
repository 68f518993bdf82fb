//! A version to a remote: what it lacks, then the manifest, then nothing. A channel is moved by whoever asked for that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::error::NameTaken;
use super::layout::{self, Meant};
use super::objects::{Listed, Put, Upload, When, age};
use super::{Error, Remote};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::store::{Held, Store};

/// How old an object may be that is taken for granted although no live version names it. It is half of the least age at which
/// gc removes one, so that what a push found there is still there when its manifest is.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);

/// What a push would send.
#[derive(Debug, Clone, Serialize)]
pub struct PushPlan {
    /// Objects that the remote lacks, with their sizes.
    pub objects: Vec<(String, u64)>,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes of everything that the version and its model are made of.
    pub total_bytes: u64,
    /// Whether the manifest is there already.
    pub known: bool,
    #[serde(skip)]
    uploads: Vec<Upload>,
}

/// What a push did.
#[derive(Debug, Clone, Serialize)]
pub struct Pushed {
    /// Whether the remote got something new.
    pub changed: bool,
    /// Objects that were sent.
    pub objects: usize,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Bytes of everything that the version and its model are made of.
    pub total_bytes: u64,
}

impl PushPlan {
    /// Looks what of a held version the remote lacks. Where nothing may be written there, the age of what it has is told by this
    /// machine's clock.
    pub fn of(
        remote: &Remote,
        store: &Store,
        held: &Held,
        dry_run: bool,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let made = remote.is_made(progress)?;
        let known = made && is_known(remote, held, progress)?;
        let model_dir = store.model_dir(&held.manifest.fingerprint);
        let version = held.manifest.files.iter();
        let version = version.map(|file| (file.sha256, held.dir.join(&file.path)));
        let model = held.manifest.model_files.iter();
        let model = model.map(|(file, digest)| (*digest, model_dir.join(file)));
        // What has the same bytes is sent once.
        let files: BTreeMap<Digest, std::path::PathBuf> = version.chain(model).collect();
        let keys: Vec<String> = files.keys().map(layout::blob).collect();
        let there = remote.objects.look(&keys, progress)?;
        let now = match dry_run || there.is_empty() {
            true => SystemTime::now(),
            false => remote.clock(progress)?,
        };
        let kept = protected(remote, &there, made, now, progress)?;
        let (mut uploads, mut total_bytes) = (Vec::new(), 0);
        for (sha256, path) in files {
            use crate::durable::Context as _;
            let size = std::fs::metadata(&path).context(&path)?.len();
            total_bytes += size;
            let key = layout::blob(&sha256);
            let has = there.get(&key).is_some_and(|listed| {
                listed.size == size && (kept.contains(&sha256) || age(listed, now) < FRESH)
            });
            if !has {
                uploads.push(Upload {
                    key,
                    path,
                    size,
                    sha256,
                });
            }
        }
        let objects = uploads
            .iter()
            .map(|upload| (upload.key.clone(), upload.size));
        Ok(Self {
            objects: objects.collect(),
            bytes: uploads.iter().map(|upload| upload.size).sum(),
            total_bytes,
            known,
            uploads,
        })
    }
}

/// Sends a held version: bytes, signature, manifest. What an earlier push left is gone on with. Afterwards every object is
/// looked for once more, and the manifest is read back.
pub fn push(
    remote: &Remote,
    store: &Store,
    held: &Held,
    progress: &dyn Progress,
) -> Result<Pushed, Error> {
    let plan = PushPlan::of(remote, store, held, false, progress)?;
    remote.make(progress)?;
    {
        let stage = progress.stage("push", Some(plan.bytes), "bytes");
        let moved = |bytes: u64| stage.advance(bytes);
        remote.objects.send(&plan.uploads, &moved, progress)?;
    }
    read_back(remote, held, progress)?;
    let signed = push_signature(remote, store, held, progress)?;
    let manifest = store.manifest_bytes(&held.name)?;
    let found = Digest::of(&manifest);
    if found != held.manifest_sha256 {
        return Err(Error::WrongBytes {
            what: format!("the manifest of {}", held.name),
            expected: held.manifest_sha256,
            found: found.to_string(),
        });
    }
    let key = layout::manifest(&held.name);
    let put = match plan.known {
        true => Ok(Put::Done),
        false => remote.write_new(&key, &manifest, progress),
    };
    // Refused, or not known: what lies there decides, which may be an earlier try of this very write.
    let known = is_known(remote, held, progress)?;
    match put {
        Err(e) if !known => return Err(e),
        Ok(_) if !known => {
            return Err(Error::Missing {
                remote: remote.address.clone(),
                key,
                named_by: "this push".into(),
            });
        }
        Ok(Put::Done | Put::Refused) | Err(_) => {}
    }
    Ok(Pushed {
        changed: !plan.known || !plan.uploads.is_empty() || signed,
        objects: plan.uploads.len(),
        bytes: plan.bytes,
        total_bytes: plan.total_bytes,
    })
}

/// Says whether the remote has this very version. Its name with another manifest, now or in the past, is an error.
fn is_known(remote: &Remote, held: &Held, progress: &dyn Progress) -> Result<bool, Error> {
    let name = &held.name;
    let taken = |there: Digest| {
        Error::NameTaken(Box::new(NameTaken {
            remote: remote.address.clone(),
            name: name.clone(),
            there,
            here: held.manifest_sha256,
        }))
    };
    if let Some((meant, _)) = remote.record::<Meant>(&layout::meant(name), progress)?
        && meant.manifest_sha256 != held.manifest_sha256
    {
        return Err(taken(meant.manifest_sha256));
    }
    let found = remote
        .objects
        .read(&layout::manifest(name), layout::MOST_RECORD, progress)?;
    match found.map(|(bytes, _)| Digest::of(bytes)) {
        Some(there) if there != held.manifest_sha256 => Err(taken(there)),
        found => Ok(found.is_some()),
    }
}

/// What the live versions are made of: no gc removes that, however old it is.
fn protected(
    remote: &Remote,
    there: &BTreeMap<String, Listed>,
    made: bool,
    now: SystemTime,
    progress: &dyn Progress,
) -> Result<BTreeSet<Digest>, Error> {
    let mut kept = BTreeSet::new();
    if !made || there.values().all(|listed| age(listed, now) < FRESH) {
        return Ok(kept);
    }
    for (_, pointer) in remote.channels(progress)? {
        // A channel whose version is damaged protects nothing, and stops no push that mends it.
        if let Ok(Some(received)) = remote.manifest(&pointer.version, progress) {
            kept.extend(blobs(&received.manifest));
        }
    }
    Ok(kept)
}

/// Every object that a manifest names.
pub(super) fn blobs(manifest: &crate::store::Manifest) -> impl Iterator<Item = Digest> {
    let files = manifest.files.iter().map(|file| file.sha256);
    files.chain(manifest.model_files.values().copied())
}

/// Looks for every object once more, as others see them.
fn read_back(remote: &Remote, held: &Held, progress: &dyn Progress) -> Result<(), Error> {
    let digests: BTreeSet<Digest> = blobs(&held.manifest).collect();
    let keys: Vec<String> = digests.iter().map(layout::blob).collect();
    let there = remote.objects.look(&keys, progress)?;
    match keys.into_iter().find(|key| !there.contains_key(key)) {
        None => Ok(()),
        Some(key) => Err(Error::Missing {
            remote: remote.address.clone(),
            key,
            named_by: held.name.to_string(),
        }),
    }
}

/// Sends the signature where there is one and the remote has another one or none. Says whether it did.
fn push_signature(
    remote: &Remote,
    store: &Store,
    held: &Held,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    let Some(signature) = store.signature(&held.name)? else {
        return Ok(false);
    };
    let key = layout::signature(&held.name);
    let found = remote.objects.read(&key, layout::MOST_RECORD, progress)?;
    if found.is_some_and(|(bytes, _)| bytes == signature.as_bytes()) {
        return Ok(false);
    }
    remote
        .objects
        .write(&key, signature.as_bytes(), When::Always, progress)?;
    Ok(true)
}
