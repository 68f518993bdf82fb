//! The embedding cache: vectors by the hash of the exact string that was embedded.
//!
//! It is a directory of immutable segments, each a safetensors file named by the hash of its bytes and written by rename.
//! Reading is taking the union, so other processes and machines may add segments without a lock. It may be deleted at any
//! time: it costs only time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Error;
use crate::digest::Digest;
use crate::durable::{self, Context as _};

const EMBEDDINGS: &str = "embeddings";
const EXTENSION: &str = "safetensors";
const KEYS: &str = "keys";
const VECTORS: &str = "vectors";
/// Segments smaller than this are merged with others.
const SMALL_BYTES: u64 = 32 << 20;
/// How many small segments may stand before they are merged.
const MANY: usize = 64;

/// The cached vectors of one embedding space and numerics class.
pub struct Cache {
    root: PathBuf,
    /// Below the root, as a relative path.
    dir: PathBuf,
    segments: Vec<Segment>,
    rows: HashMap<Digest, (u32, u32)>,
    discarded: usize,
    /// The segment read last: one file is open, however many segments there are.
    open: RefCell<Option<(u32, File)>>,
}

struct Segment {
    path: PathBuf,
    bytes: u64,
    keys: Vec<Digest>,
    /// Byte offset of the first vector.
    vectors_at: u64,
    /// Bytes of one vector.
    row_bytes: usize,
}

impl Cache {
    /// Opens the cache for a space and class below `root`. Segments whose bytes do not have their name's hash are removed.
    pub fn open(root: &Path, fingerprint: &Digest, class: &str) -> Result<Self, Error> {
        let dir = Path::new(EMBEDDINGS)
            .join(fingerprint.to_string())
            .join(class);
        let mut cache = Self::empty(root, dir);
        let Some(path) = durable::find_dir(root, &cache.dir)? else {
            return Ok(cache);
        };
        let entries = fs::read_dir(&path).context(&path)?;
        for entry in entries {
            let path = entry.context(&path)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                cache.load(&path)?;
            }
        }
        Ok(cache)
    }

    fn empty(root: &Path, dir: PathBuf) -> Self {
        Self {
            root: root.to_owned(),
            dir,
            segments: Vec::new(),
            rows: HashMap::new(),
            discarded: 0,
            open: RefCell::new(None),
        }
    }

    /// How many damaged segments were removed when the cache was opened.
    pub fn discarded(&self) -> usize {
        self.discarded
    }

    /// Says whether a string's vector is there.
    pub fn contains(&self, key: &Digest) -> bool {
        self.rows.contains_key(key)
    }

    /// Reads a string's vector.
    pub fn get(&self, key: &Digest) -> Result<Option<Vec<f32>>, Error> {
        let Some((segment, row)) = self.rows.get(key) else {
            return Ok(None);
        };
        self.vector(*segment, *row)
    }

    fn vector(&self, segment: u32, row: u32) -> Result<Option<Vec<f32>>, Error> {
        let Some(Segment {
            path,
            vectors_at,
            row_bytes,
            ..
        }) = self.segments.get(segment as usize)
        else {
            return Ok(None);
        };
        let mut open = self.open.borrow_mut();
        let file = match open.take() {
            Some((opened, file)) if opened == segment => file,
            _ => match File::open(path).context(path) {
                // Another process merged the segment away, or somebody deleted the cache.
                Err(e) if e.is_not_found() => return Ok(None),
                other => other?,
            },
        };
        let mut bytes = vec![0; *row_bytes];
        let read = file.read_exact_at(&mut bytes, vectors_at + u64::from(row) * *row_bytes as u64);
        *open = Some((segment, file));
        read.context(path)?;
        let numbers = bytes
            .chunks_exact(4)
            .filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?)));
        Ok(Some(numbers.collect()))
    }

    /// Adds vectors, durable, as one segment; many small segments become one.
    pub fn append(&mut self, rows: Vec<(Digest, Vec<f32>)>) -> Result<(), Error> {
        self.write(rows)?;
        self.merge()
    }

    fn write(&mut self, rows: Vec<(Digest, Vec<f32>)>) -> Result<(), Error> {
        let keys: Vec<u8> = rows.iter().flat_map(|(key, _)| *key.as_bytes()).collect();
        let vectors: Vec<u8> = rows
            .iter()
            .flat_map(|(_, vector)| vector.iter().flat_map(|number| number.to_le_bytes()))
            .collect();
        let dimension = rows.first().map_or(0, |(_, vector)| vector.len());
        let tensors = [
            (
                KEYS,
                TensorView::new(Dtype::U8, vec![rows.len(), 32], &keys)?,
            ),
            (
                VECTORS,
                TensorView::new(Dtype::F32, vec![rows.len(), dimension], &vectors)?,
            ),
        ];
        let bytes = safetensors::serialize(tensors, None)?;
        fs::create_dir_all(&self.root).context(&self.root)?;
        durable::make_dirs(&self.root, &self.dir)?;
        let dir = self.root.join(&self.dir);
        let path = dir.join(format!("{}.{EXTENSION}", Digest::of(&bytes)));
        // A segment is for those whom its directory is for.
        let mode = fs::metadata(&dir).context(&dir)?.permissions().mode() & 0o666;
        durable::write_atomic(&path, &bytes, mode)?;
        self.load(&path)
    }

    /// Writes many small segments as few large ones.
    fn merge(&mut self) -> Result<(), Error> {
        let is_small = |segment: &&Segment| segment.bytes < SMALL_BYTES;
        if self.segments.iter().filter(is_small).count() <= MANY {
            return Ok(());
        }
        let mut rows = Vec::new();
        let mut old = Vec::new();
        let mut bytes = 0;
        for index in 0..self.segments.len() {
            let Some(segment) = self.segments.get(index).filter(is_small) else {
                continue;
            };
            // What is merged at once is held in memory.
            if bytes >= 2 * SMALL_BYTES {
                break;
            }
            bytes += segment.bytes;
            let keys = segment.keys.clone();
            old.push(index);
            for (row, key) in keys.into_iter().enumerate() {
                if let Some(vector) = self.vector(index as u32, row as u32)? {
                    rows.push((key, vector));
                }
            }
        }
        // More than MANY segments of different bytes: the new one has a name that none of them has.
        self.write(rows)?;
        for index in old {
            let Some(segment) = self.segments.get_mut(index) else {
                continue;
            };
            // Its rows are found in the new segment from here on. Another process that is about to read it embeds its
            // strings again: only time is lost.
            segment.keys = Vec::new();
            segment.bytes = u64::MAX;
            durable::remove(&segment.path)?;
        }
        Ok(())
    }

    fn load(&mut self, path: &Path) -> Result<(), Error> {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let bytes = match durable::read_beneath(&self.root, relative) {
            Err(e) if e.is_not_found() => return Ok(()),
            other => other?,
        };
        let named = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<Digest>().ok());
        let layout = (named == Some(Digest::of(&bytes)))
            .then(|| layout(&bytes))
            .flatten();
        let Some((keys, vectors_at, row_bytes)) = layout else {
            self.discarded += 1;
            return Ok(durable::remove(path)?);
        };
        let segment = self.segments.len() as u32;
        for (row, key) in keys.iter().enumerate() {
            self.rows.insert(*key, (segment, row as u32));
        }
        self.segments.push(Segment {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            keys,
            vectors_at,
            row_bytes,
        });
        Ok(())
    }
}

/// The name of a string's vector in the cache.
pub fn key(prefix: &str, text: &str) -> Digest {
    Digest::of(format!("{prefix}{text}"))
}

/// A segment as it lies below a cache's root.
#[derive(Debug, Clone)]
pub struct SegmentFile {
    /// Space, class and file: what it is called in any cache.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The hash of its bytes, by its name.
    pub sha256: Digest,
}

/// Lists the segments below a cache's root, of all spaces and classes.
pub fn segments(root: &Path) -> Result<Vec<SegmentFile>, Error> {
    let mut found = Vec::new();
    if fs::metadata(root).is_err() {
        return Ok(found);
    }
    let Some(embeddings) = durable::find_dir(root, Path::new(EMBEDDINGS))? else {
        return Ok(found);
    };
    for space in listed(&embeddings, fs::FileType::is_dir)? {
        for class in listed(&space, fs::FileType::is_dir)? {
            for path in listed(&class, fs::FileType::is_file)? {
                let name = path.strip_prefix(&embeddings).unwrap_or(&path);
                let name = name.to_string_lossy().into_owned();
                if let Some((path, sha256)) = segment_path(root, &name) {
                    found.push(SegmentFile { name, path, sha256 });
                }
            }
        }
    }
    Ok(found)
}

/// Finds where the segment of a name lies below a cache's root, and its hash. `None` for what no segment is called.
pub fn segment_path(root: &Path, name: &str) -> Option<(PathBuf, Digest)> {
    let mut parts = name.split('/');
    let (space, class, file) = (parts.next()?, parts.next()?, parts.next()?);
    let fingerprint: Digest = space.parse().ok()?;
    let sha256: Digest = file.strip_suffix(&format!(".{EXTENSION}"))?.parse().ok()?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_class = !class.is_empty() && class.len() <= 32 && class.chars().all(plain);
    let path = Path::new(EMBEDDINGS)
        .join(fingerprint.to_string())
        .join(class)
        .join(format!("{sha256}.{EXTENSION}"));
    (parts.next().is_none() && is_class && path.ends_with(name)).then(|| (root.join(path), sha256))
}

/// Drops vectors that `keep`, asked with a space's fingerprint and a key, does not want, the oldest segments first, until
/// the cache below `root` has at most `most` bytes. Returns the bytes that this gave back.
pub fn trim(root: &Path, most: u64, keep: &dyn Fn(&Digest, &Digest) -> bool) -> Result<u64, Error> {
    let mut segments = Vec::new();
    let Some(embeddings) = durable::find_dir(root, Path::new(EMBEDDINGS))? else {
        return Ok(0);
    };
    for space in listed(&embeddings, fs::FileType::is_dir)? {
        let name = space
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Ok(fingerprint) = name.parse::<Digest>() else {
            continue;
        };
        for class in listed(&space, fs::FileType::is_dir)? {
            let dir = class.strip_prefix(root).unwrap_or(&class).to_owned();
            durable::sweep(&class)?;
            for path in listed(&class, fs::FileType::is_file)? {
                let metadata = fs::symlink_metadata(&path).context(&path)?;
                let modified = metadata.modified().context(&path)?;
                segments.push((modified, path, metadata.len(), fingerprint, dir.clone()));
            }
        }
    }
    segments.sort();
    let before: u64 = segments.iter().map(|(_, _, bytes, ..)| bytes).sum();
    let mut total = before;
    for (_, path, bytes, fingerprint, dir) in segments {
        if total <= most {
            break;
        }
        let mut cache = Cache::empty(root, dir);
        cache.load(&path)?;
        let mut kept = Vec::new();
        let mut dropped = false;
        for (key, (segment, row)) in cache.rows.clone() {
            if !keep(&fingerprint, &key) {
                dropped = true;
            } else if let Some(vector) = cache.vector(segment, row)? {
                kept.push((key, vector));
            }
        }
        if cache.discarded > 0 {
            total -= bytes;
        } else if dropped {
            let left = kept.len();
            if left > 0 {
                kept.sort_by_key(|(key, _)| *key);
                cache.write(kept)?;
            }
            durable::remove(&path)?;
            let rewritten = cache.segments.last().filter(|_| left > 0);
            total = total - bytes + rewritten.map_or(0, |segment| segment.bytes);
        }
    }
    Ok(before.saturating_sub(total))
}

/// Lists what is of one kind in a directory, so that no link is followed.
fn listed(dir: &Path, is_wanted: fn(&fs::FileType) -> bool) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).context(dir)? {
        let entry = entry.context(dir)?;
        if is_wanted(&entry.file_type().context(entry.path())?) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Finds the keys, the offset of the first vector and the bytes of one in a segment.
fn layout(bytes: &[u8]) -> Option<(Vec<Digest>, u64, usize)> {
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let keys: Vec<Digest> = tensors
        .tensor(KEYS)
        .ok()?
        .data()
        .chunks(32)
        .filter_map(Digest::from_bytes)
        .collect();
    let vectors = tensors.tensor(VECTORS).ok()?;
    let dimension = *vectors.shape().get(1)?;
    if vectors.dtype() != Dtype::F32 || vectors.shape().first() != Some(&keys.len()) {
        return None;
    }
    let vectors_at = vectors.data().as_ptr() as usize - bytes.as_ptr() as usize;
    Some((keys, vectors_at as u64, dimension * 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u8) -> (Digest, Vec<f32>) {
        (Digest::of([number]), vec![f32::from(number), 0.5])
    }

    #[test]
    fn vectors_come_back_after_many_appends_and_a_merge() {
        let root = tempfile::tempdir().unwrap();
        let open = || Cache::open(root.path(), &Digest::of("space"), "f32").unwrap();
        let mut cache = open();
        (0..200).for_each(|number| cache.append(vec![row(number)]).unwrap());
        let cache = open();
        assert!(cache.segments.len() <= MANY, "{}", cache.segments.len());
        for number in 0..200 {
            assert_eq!(cache.get(&row(number).0).unwrap(), Some(row(number).1));
        }
        assert_eq!(cache.get(&Digest::of("unknown")).unwrap(), None);
    }

    #[test]
    fn a_damaged_segment_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let open = || Cache::open(root.path(), &Digest::of("space"), "f32").unwrap();
        open().append(vec![row(1)]).unwrap();
        let path = open().segments[0].path.clone();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        let cache = open();
        assert_eq!(
            (cache.discarded(), cache.contains(&row(1).0), path.exists()),
            (1, false, false)
        );
    }
}
