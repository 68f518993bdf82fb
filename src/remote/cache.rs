//! The embedding cache elsewhere, so that a fresh machine embeds only what changed: its immutable segments, each named by the
//! hash of its bytes, as they lie in a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::incoming::Incoming;
use super::layout::CACHE;
use super::objects::{Download, Upload};
use super::{Error, Remote};
use crate::durable::{self, Context as _};
use crate::embed;
use crate::progress::Progress;
use crate::store::Store;

/// Bytes of the largest segment that is taken; ragctl writes none of a tenth of it.
const MOST: u64 = 4 << 30;

/// Segments that were moved, or would be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CacheMoved {
    /// How many.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Segments that were on both sides already.
    pub known: usize,
    /// Segments whose bytes are not those of their names, and that were left where they are.
    pub damaged: usize,
}

/// Sends the segments that the remote lacks, or has in another size.
pub fn push_cache(
    remote: &Remote,
    store: &Store,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<CacheMoved, Error> {
    let there: BTreeMap<String, u64> = remote
        .objects
        .list(CACHE, progress)?
        .into_iter()
        .map(|listed| (listed.key, listed.size))
        .collect();
    let mut uploads = Vec::new();
    let mut moved = CacheMoved::default();
    for segment in embed::segments(&store.cache_dir())? {
        let key = format!("{CACHE}{}", segment.name);
        let size = fs::metadata(&segment.path).context(&segment.path)?.len();
        if there.get(&key) == Some(&size) {
            moved.known += 1;
            continue;
        }
        moved.segments += 1;
        moved.bytes += size;
        uploads.push(Upload {
            key,
            path: segment.path,
            size,
            sha256: segment.sha256,
        });
    }
    if dry_run {
        return Ok(moved);
    }
    remote.make(progress)?;
    let stage = progress.stage("push cache", Some(moved.bytes), "bytes");
    let advance = |bytes: u64| stage.advance(bytes);
    for upload in uploads {
        let sent = remote
            .objects
            .send(std::slice::from_ref(&upload), &advance, progress);
        moved.leave(sent, &upload.key, upload.size, progress)?;
    }
    Ok(moved)
}

/// Fetches the segments that this store lacks. What is not a segment by its name is left alone, and what does not have the
/// bytes of its name is told and not taken. Whose vectors they are, nobody can tell by a hash: whoever may write the remote's
/// cache decides what is found.
pub fn pull_cache(
    remote: &Remote,
    store: &Store,
    incoming: Option<&Incoming>,
    progress: &dyn Progress,
) -> Result<CacheMoved, Error> {
    remote.must_be_made(progress)?;
    let root = store.cache_dir();
    let here: BTreeSet<String> = embed::segments(&root)?
        .into_iter()
        .map(|segment| segment.name)
        .collect();
    let mut moved = CacheMoved::default();
    let mut wanted = Vec::new();
    for listed in remote.objects.list(CACHE, progress)? {
        let name = listed.key.strip_prefix(CACHE).unwrap_or_default();
        let Some((path, sha256)) = embed::segment_path(&root, name) else {
            continue;
        };
        if here.contains(name) {
            moved.known += 1;
        } else if listed.size <= MOST {
            moved.segments += 1;
            moved.bytes += listed.size;
            wanted.push((path, sha256, listed));
        }
    }
    let Some(incoming) = incoming else {
        return Ok(moved);
    };
    incoming.check_space(moved.bytes)?;
    let stage = progress.stage("pull cache", Some(moved.bytes), "bytes");
    let advance = |bytes: u64| stage.advance(bytes);
    for (path, sha256, listed) in wanted {
        let file = Download {
            key: listed.key,
            to: incoming.file(&sha256),
            size: listed.size,
            sha256,
        };
        let fetched = remote
            .objects
            .fetch(std::slice::from_ref(&file), &advance, progress);
        if moved.leave(fetched, &file.key, file.size, progress)? {
            let within = path.parent().and_then(|dir| dir.strip_prefix(&root).ok());
            durable::make_dirs(&root, within.unwrap_or(Path::new("")))?;
            durable::set_mode(&file.to, store.shared().file())?;
            durable::give_name(&file.to, &path)?;
            durable::fsync_parent(&path)?;
        }
    }
    Ok(moved)
}

impl CacheMoved {
    /// Says whether a segment was moved. One that is damaged, here or there, stops none of the others.
    fn leave(
        &mut self,
        moved: Result<(), Error>,
        key: &str,
        size: u64,
        progress: &dyn Progress,
    ) -> Result<bool, Error> {
        match moved {
            Ok(()) => Ok(true),
            Err(Error::WrongBytes { .. } | Error::WrongHere { .. }) => {
                progress.warn(&format!("{key} is damaged and was left out"));
                self.damaged += 1;
                self.segments -= 1;
                self.bytes -= size;
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }
}

/// Whether a key is a segment's.
pub(super) fn is_segment(key: &str) -> bool {
    let name = key.strip_prefix(CACHE).unwrap_or_default();
    embed::segment_path(Path::new(""), name).is_some()
}
