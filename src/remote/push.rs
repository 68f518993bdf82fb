//! A version to a remote: what it lacks, then the manifest, then nothing. A channel is moved by whoever asked for that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::error::NameTaken;
use super::layout::{self, Meant};
use super::objects::{Listed, Upload, When, age};
use super::{Error, Remote};
use crate::digest::Digest;
use crate::durable::Context as _;
use crate::progress::Progress;
use crate::store::{Held, MANIFEST, MOST_RECORD, Manifest, Received, Store};

/// How old an object may be that is taken for granted although no live version names it. It is half of the least age at which
/// gc removes one, so that what a push found there is still there when its manifest is.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);

/// An object that is sent.
#[derive(Debug, Clone, Serialize)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// What a push sends, or would send.
#[derive(Debug, Clone, Serialize)]
pub struct PushPlan {
    /// Whether the remote gets anything new.
    pub changed: bool,
    /// Objects that the remote lacks.
    pub objects: Vec<Object>,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes of everything that the version and its model are made of.
    pub total_bytes: u64,
    /// Whether the manifest is there already.
    pub known: bool,
    #[serde(skip)]
    uploads: Vec<Upload>,
    #[serde(skip)]
    signature: Option<String>,
}

/// How a version is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    /// Send everything, whatever is there: what is damaged there is mended.
    pub resend: bool,
    /// Write nothing, not even to ask the remote what time it is.
    pub dry_run: bool,
}

impl PushPlan {
    /// Looks what of a held version the remote lacks.
    pub fn of(
        remote: &Remote,
        store: &Store,
        held: &Held,
        sending: Sending,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let made = remote.is_made(progress)?;
        let known = made && is_known(remote, held, sending.resend, progress)?;
        let model_dir = store.model_dir(&held.manifest.fingerprint);
        let version = held.manifest.files.iter();
        let version = version.map(|file| (file.sha256, held.dir.join(&file.path)));
        let model = held.manifest.model_files.iter();
        let model = model.map(|(file, digest)| (*digest, model_dir.join(file)));
        // What has the same bytes is sent once.
        let files: BTreeMap<Digest, PathBuf> = version.chain(model).collect();
        let keys: Vec<String> = files.keys().map(layout::blob).collect();
        let there = match sending.resend {
            true => BTreeMap::new(),
            false => remote.objects.look(&keys, progress)?,
        };
        let now = match sending.dry_run || there.is_empty() {
            true => SystemTime::now(),
            false => remote.clock(progress)?,
        };
        let kept = protected(remote, &there, made, now, progress)?;
        let (mut uploads, mut total_bytes) = (Vec::new(), 0);
        for (sha256, path) in files {
            let size = fs::metadata(&path).context(&path)?.len();
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
        let signature = match store.signature(&held.name)? {
            Some(signature) if made => {
                let there = remote.signature(&held.name, progress)?;
                (there.as_ref() != Some(&signature)).then_some(signature)
            }
            signature => signature,
        };
        let objects = uploads.iter().map(|upload| Object {
            key: upload.key.clone(),
            bytes: upload.size,
        });
        Ok(Self {
            changed: !known || !uploads.is_empty() || signature.is_some(),
            objects: objects.collect(),
            bytes: uploads.iter().map(|upload| upload.size).sum(),
            total_bytes,
            known,
            uploads,
            signature,
        })
    }
}

/// Sends a held version: bytes, signature, manifest. What an earlier push left is gone on with. Every object is looked for once more
/// before the manifest is written and again after it, and the manifest is read back.
pub fn push(
    remote: &Remote,
    store: &Store,
    held: &Held,
    sending: Sending,
    progress: &dyn Progress,
) -> Result<PushPlan, Error> {
    let plan = PushPlan::of(remote, store, held, sending, progress)?;
    remote.make(progress)?;
    {
        let stage = progress.stage("push", Some(plan.bytes), "bytes");
        let moved = |bytes: u64| stage.advance(bytes);
        remote.objects.send(&plan.uploads, &moved, progress)?;
    }
    read_back(remote, store, held, progress)?;
    if let Some(signature) = &plan.signature {
        let key = layout::signature(&held.name);
        remote
            .objects
            .write(&key, signature.as_bytes(), When::Always, progress)?;
    }
    let manifest = store.manifest_bytes(&held.name)?;
    let found = Digest::of(&manifest);
    if found != held.manifest_sha256 {
        return Err(Error::WrongHere {
            path: held.dir.join(MANIFEST),
            expected: held.manifest_sha256,
            found,
        });
    }
    let key = layout::manifest(&held.name);
    let put = match plan.known || sending.resend {
        // As it is, but young: no gc takes away what is just being pushed.
        true => remote
            .objects
            .write(&key, &manifest, When::Always, progress),
        false => remote.write_new(&key, &manifest, progress),
    };
    // Refused, or not known: what lies there decides, which may be an earlier try of this very write.
    if !is_known(remote, held, false, progress)? {
        put?;
        return Err(Error::Missing {
            remote: remote.address.clone(),
            key,
            named_by: "this push".into(),
        });
    }
    read_back(remote, store, held, progress)?;
    Ok(plan)
}

/// Says whether the remote has this very version. Its name with another manifest, now or in the past, is an error.
///
/// `mends` takes a manifest that is none, or whose bytes are nobody's, as one that is not there.
fn is_known(
    remote: &Remote,
    held: &Held,
    mends: bool,
    progress: &dyn Progress,
) -> Result<bool, Error> {
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
        .read(&layout::manifest(name), MOST_RECORD, progress)?;
    let Some((bytes, _)) = found else {
        return Ok(false);
    };
    match Digest::of(&bytes) {
        there if there == held.manifest_sha256 => Ok(true),
        _ if mends && Received::parse(name, bytes.clone()).is_err() => Ok(false),
        there => Err(taken(there)),
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
pub(super) fn blobs(manifest: &Manifest) -> impl Iterator<Item = Digest> {
    let files = manifest.files.iter().map(|file| file.sha256);
    files.chain(manifest.model_files.values().copied())
}

/// Looks for every object once more, as others see them: it is there, and as large as the file here.
fn read_back(
    remote: &Remote,
    store: &Store,
    held: &Held,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let mut sizes: BTreeMap<Digest, u64> = BTreeMap::new();
    let model_dir = store.model_dir(&held.manifest.fingerprint);
    for (file, digest) in &held.manifest.model_files {
        let path = model_dir.join(file);
        sizes.insert(*digest, fs::metadata(&path).context(&path)?.len());
    }
    let files = held.manifest.files.iter();
    sizes.extend(files.map(|file| (file.sha256, file.size)));
    let keys: Vec<String> = sizes.keys().map(layout::blob).collect();
    let there = remote.objects.look(&keys, progress)?;
    for ((digest, size), key) in sizes.into_iter().zip(keys) {
        match there.get(&key) {
            Some(listed) if listed.size == size => {}
            None => {
                return Err(Error::Missing {
                    remote: remote.address.clone(),
                    key,
                    named_by: held.name.to_string(),
                });
            }
            Some(listed) => {
                return Err(Error::WrongBytes {
                    what: key,
                    expected: digest,
                    found: format!("{} bytes instead of {size}", listed.size),
                });
            }
        }
    }
    Ok(())
}
