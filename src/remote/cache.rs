//! The embedding cache elsewhere, so that a fresh machine embeds only what changed: its immutable segments, each named by the
//! hash of its bytes, as they lie in a store.

use std::fs;

use serde::Serialize;

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
}

/// Sends the segments that the remote lacks.
pub fn push_cache(
    remote: &Remote,
    store: &Store,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<CacheMoved, Error> {
    let there = remote.objects.list(CACHE, progress)?;
    let mut uploads = Vec::new();
    let mut known = 0;
    for segment in embed::segments(&store.cache_dir())? {
        let key = format!("{CACHE}{}", segment.name);
        if there.iter().any(|listed| listed.key == key) {
            known += 1;
            continue;
        }
        let size = fs::metadata(&segment.path).context(&segment.path)?.len();
        uploads.push(Upload {
            key,
            path: segment.path,
            size,
            sha256: segment.sha256,
        });
    }
    let moved = CacheMoved {
        segments: uploads.len(),
        bytes: uploads.iter().map(|upload| upload.size).sum(),
        known,
    };
    if !dry_run {
        remote.make(progress)?;
        let stage = progress.stage("push cache", Some(moved.bytes), "bytes");
        let advance = |bytes: u64| stage.advance(bytes);
        remote.objects.send(&uploads, &advance, progress)?;
    }
    Ok(moved)
}

/// Fetches the segments that this store lacks. What is not a segment by its name is left alone, and what does not have the
/// bytes of its name is refused.
pub fn pull_cache(
    remote: &Remote,
    store: &Store,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<CacheMoved, Error> {
    remote.must_be_made(progress)?;
    let root = store.cache_dir();
    let here: Vec<String> = embed::segments(&root)?
        .into_iter()
        .map(|segment| segment.name)
        .collect();
    let mut moved = CacheMoved::default();
    let mut downloads = Vec::new();
    for listed in remote.objects.list(CACHE, progress)? {
        let name = listed.key.strip_prefix(CACHE).unwrap_or_default();
        let Some((path, sha256)) = embed::segment_path(&root, name) else {
            continue;
        };
        if here.iter().any(|known| known == name) {
            moved.known += 1;
            continue;
        }
        if listed.size > MOST {
            continue;
        }
        moved.segments += 1;
        moved.bytes += listed.size;
        downloads.push((path, sha256, listed));
    }
    if dry_run {
        return Ok(moved);
    }
    let stage = progress.stage("pull cache", Some(moved.bytes), "bytes");
    let advance = |bytes: u64| stage.advance(bytes);
    let incoming = root.join("incoming-cache");
    let files: Vec<Download> = downloads
        .iter()
        .map(|(_, sha256, listed)| Download {
            key: listed.key.clone(),
            to: incoming.join(sha256.to_string()),
            size: listed.size,
            sha256: *sha256,
        })
        .collect();
    remote.objects.fetch(&files, &advance, progress)?;
    for ((path, ..), file) in downloads.iter().zip(&files) {
        let within = path.parent().and_then(|dir| dir.strip_prefix(&root).ok());
        durable::make_dirs(&root, within.unwrap_or(std::path::Path::new("")))?;
        durable::set_mode(&file.to, store.shared().file())?;
        fs::rename(&file.to, path).context(path)?;
    }
    durable::remove_tree(&incoming)?;
    Ok(moved)
}

/// Whether a key is a segment's.
pub(super) fn is_segment(key: &str) -> bool {
    let name = key.strip_prefix(CACHE).unwrap_or_default();
    embed::segment_path(std::path::Path::new(""), name).is_some()
}
