//! A directory as a remote, such as a network mount. Every write is durable, which the field's object stores over files are
//! not, and its conditions are kept under one lock.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::Error;
use super::objects::{Download, Listed, Objects, Put, Tag, Upload, When, make_room};
use crate::digest::{Digest, Hasher};
use crate::durable::{self, Context as _, PathError};
use crate::progress::{Progress, Silent};

const LOCK: &str = ".lock";
/// How long another writer's few file operations are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const BUFFER: usize = 1 << 20;
/// The bits that a file has of those of the directory that it lies in: whom the remote is for, its directory says.
const FILE_BITS: u32 = 0o666;

pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Makes the directories of a key, and the root as well.
    fn place(&self, key: &str) -> Result<PathBuf, Error> {
        fs::create_dir_all(&self.root).context(&self.root)?;
        let path = Path::new(key);
        durable::make_dirs(&self.root, path.parent().unwrap_or(Path::new("")))?;
        Ok(self.root.join(path))
    }

    fn file_mode(&self) -> Result<u32, PathError> {
        let root = fs::metadata(&self.root).context(&self.root)?;
        Ok(root.permissions().mode() & FILE_BITS)
    }

    fn lock(&self, progress: &dyn Progress) -> Result<File, Error> {
        let path = self.root.join(LOCK);
        let file = durable::open_lock(&path, self.file_mode()?)?;
        match durable::lock_within::<Error>(&file, &path, PATIENCE, progress)? {
            true => Ok(file),
            false => Err(Error::Transport {
                remote: self.root.display().to_string(),
                doing: "taking its lock".into(),
                problem: "another writer holds it".into(),
            }),
        }
    }

    fn too_large(&self, key: &str) -> Error {
        Error::Malformed {
            remote: self.root.display().to_string(),
            what: key.to_owned(),
            problem: "it is too large".into(),
        }
    }
}

impl Objects for Directory {
    fn read(
        &self,
        key: &str,
        most: u64,
        _: &dyn Progress,
    ) -> Result<Option<(Vec<u8>, Tag)>, Error> {
        let file = match durable::open_beneath(&self.root, Path::new(key)) {
            Err(e) if e.is_not_found() => return Ok(None),
            other => other?,
        };
        let path = self.root.join(key);
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).context(&path)?;
        if bytes.len() as u64 > most {
            return Err(self.too_large(key));
        }
        let tag = tag_of(&bytes);
        Ok(Some((bytes, tag)))
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<Put, Error> {
        let path = self.place(key)?;
        let _lock = match when {
            When::Always => None,
            _ => Some(self.lock(progress)?),
        };
        let found = match when {
            When::Always => None,
            _ => self.read(key, u64::MAX - 1, progress)?,
        };
        let holds = match when {
            When::Always => true,
            When::Absent => found.is_none(),
            When::Unchanged(tag) => found.is_some_and(|(_, found)| found == *tag),
        };
        if !holds {
            return Ok(Put::Refused);
        }
        durable::write_atomic(&path, bytes, self.file_mode()?)?;
        Ok(Put::Done)
    }

    fn list(&self, prefix: &str, _: &dyn Progress) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        let dir = prefix.trim_end_matches('/');
        if let Some(path) = find(&self.root, Path::new(dir))? {
            walk(&path, prefix, &mut found)?;
        }
        Ok(found)
    }

    fn look(&self, keys: &[String], _: &dyn Progress) -> Result<BTreeMap<String, Listed>, Error> {
        let mut found = BTreeMap::new();
        for key in keys {
            let file = match durable::open_beneath(&self.root, Path::new(key)) {
                Err(e) if e.is_not_found() => continue,
                other => other?,
            };
            let metadata = file.metadata().context(self.root.join(key))?;
            let listed = listed(key.clone(), &metadata);
            found.insert(key.clone(), listed);
        }
        Ok(found)
    }

    fn remove(&self, key: &str, _: &dyn Progress) -> Result<(), Error> {
        let path = Path::new(key);
        let Some(dir) = find(&self.root, path.parent().unwrap_or(Path::new("")))? else {
            return Ok(());
        };
        durable::remove(&dir.join(path.file_name().unwrap_or_default()))?;
        Ok(())
    }

    fn send(
        &self,
        uploads: &[Upload],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        for upload in uploads {
            let path = self.place(&upload.key)?;
            let source = File::open(&upload.path).context(&upload.path)?;
            durable::write_atomic_with(&path, self.file_mode()?, |to| {
                let copied = copy(source, to, moved, progress);
                upload.check(copied.map_err(|e| e.at(&upload.path))?)
            })?;
        }
        Ok(())
    }

    fn fetch(
        &self,
        downloads: &[Download],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        for download in downloads {
            let source = match durable::open_beneath(&self.root, Path::new(&download.key)) {
                Err(e) if e.is_not_found() => {
                    return Err(Error::Missing {
                        remote: self.root.display().to_string(),
                        key: download.key.clone(),
                        named_by: "what is pulled".into(),
                    });
                }
                other => other?,
            };
            let part = download.part();
            make_room(&part).context(&part)?;
            let mut to = File::create(&part).context(&part)?;
            let source = source.take(download.size + 1);
            let copied = copy(source, &mut to, moved, progress);
            let digest = copied.map_err(|e| e.at(&part))?;
            if digest != download.sha256 {
                fs::remove_file(&part).context(&part)?;
                return Err(download.wrong(digest.to_string()));
            }
            durable::give_name(&part, &download.to)?;
        }
        Ok(())
    }

    fn race(
        &self,
        key: &str,
        bodies: Vec<Vec<u8>>,
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<usize, Error> {
        let _ = progress;
        thread::scope(|scope| {
            let put = |body: Vec<u8>| scope.spawn(move || self.write(key, &body, when, &Silent));
            let puts: Vec<_> = bodies.into_iter().map(put).collect();
            let mut taken = 0;
            for put in puts.into_iter().filter_map(|put| put.join().ok()) {
                taken += usize::from(put? == Put::Done);
            }
            Ok(taken)
        })
    }
}

fn tag_of(bytes: &[u8]) -> Tag {
    Tag {
        e_tag: Some(Digest::of(bytes).to_string()),
        version: None,
    }
}

fn find(root: &Path, relative: &Path) -> Result<Option<PathBuf>, PathError> {
    match root.is_dir() {
        true => durable::find_dir(root, relative),
        false => Ok(None),
    }
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<Listed>) -> Result<(), PathError> {
    for entry in fs::read_dir(dir).context(dir)? {
        let entry = entry.context(dir)?;
        let path = entry.path();
        let metadata = match fs::symlink_metadata(&path) {
            // Removed, or renamed from its temporary name, since it was listed.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other.context(&path)?,
        };
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if metadata.is_dir() {
            walk(&path, &format!("{key}/"), found)?;
        } else if metadata.is_file() && !durable::is_temporary(&path) {
            found.push(listed(key, &metadata));
        }
    }
    Ok(())
}

fn listed(key: String, metadata: &fs::Metadata) -> Listed {
    Listed {
        key,
        size: metadata.len(),
        modified: metadata.modified().unwrap_or_else(|_| SystemTime::now()),
    }
}

/// Why a copy stopped.
enum Stopped {
    Io(io::Error),
    Asked(Error),
}

impl Stopped {
    fn at(self, path: &Path) -> Error {
        match self {
            Self::Io(source) => Error::from(PathError {
                path: path.to_owned(),
                source,
            }),
            Self::Asked(e) => e,
        }
    }
}

fn copy(
    mut from: impl Read,
    to: &mut File,
    moved: &dyn Fn(u64),
    progress: &dyn Progress,
) -> Result<Digest, Stopped> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        progress
            .checkpoint()
            .map_err(|e| Stopped::Asked(e.into()))?;
        let read = from.read(&mut buffer).map_err(Stopped::Io)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hasher.finish());
        };
        hasher.update(bytes);
        to.write_all(bytes).map_err(Stopped::Io)?;
        moved(read as u64);
    }
}
