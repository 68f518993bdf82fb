//! A version as one file, for where no network leads: a tar archive under zstd, the same bytes each time.
//!
//! Its entries stand in one order that the manifest decides: what it is, the manifest, the model's files, the version's. Reading
//! one therefore takes nothing from the archive but bytes: every name, every size and every hash is known before.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, Entries, EntryType, Header};

use crate::digest::{Digest, Hasher};
use crate::durable::{self, Context as _, PathError};
use crate::fault::{Fault, Kind, takes_faults};
use crate::progress::{Interrupted, Progress, Stage};
use crate::signature::{self, About, Trust};
use crate::store::{
    self, Channel, Held, LockedStore, MOST_MODEL, MOST_RECORD, Received, Store, VersionName,
};

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;
const ABOUT: &str = "ragctl-export.json";
const MANIFEST: &str = "manifest.json";
const MODEL: &str = "model/";
const FILES: &str = "files/";
/// Text and vectors: more effort gains little, and costs much.
const LEVEL: i32 = 3;
const BUFFER: usize = 1 << 20;
const MODE: u32 = 0o644;

/// An archive that cannot be written or is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store, the filesystem, a signature or a person said no.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
    /// The archive is not what ragctl writes.
    #[error("{} is no export of ragctl: {problem}", path.display())]
    NotOurs {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Written by a newer program.
    #[error("{} has format {found}; this ragctl reads format {known}", path.display())]
    UnknownFormat {
        /// The archive.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// Bytes that are not what the manifest says.
    #[error("{what} should have sha256 {expected}, and has {found}")]
    WrongBytes {
        /// Which file.
        what: String,
        /// What the manifest says.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
}

takes_faults!(Error: store::Error, PathError, signature::Error, Interrupted);

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Fault(e) => e.kind(),
            Self::NotOurs { .. } | Self::WrongBytes { .. } => Kind::Integrity,
            Self::UnknownFormat { .. } => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Fault(e) => return e.hint(),
            Self::NotOurs { .. } => {
                "Nothing of it was kept. Export it again, or look at how it was copied.".into()
            }
            Self::UnknownFormat { .. } => "Use the ragctl that wrote it, or a newer one.".into(),
            Self::WrongBytes { .. } => {
                "`ragctl verify` tells whether the version is damaged; export it again otherwise."
                    .into()
            }
        })
    }
}

/// What an archive says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contents {
    format: u32,
    /// The version.
    pub version: VersionName,
    /// The channels that named it when it was exported. An import moves none.
    pub channels: Vec<Channel>,
    /// Its signature, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Writes a held version to a file that appears when it is whole. Returns the file's size in bytes.
pub fn export(
    store: &Store,
    held: &Held,
    to: &Path,
    progress: &dyn Progress,
) -> Result<u64, Error> {
    let channels = store.channels()?.into_iter();
    let naming = channels.filter(|(_, version)| *version == held.name);
    let contents = Contents {
        format: FORMAT,
        version: held.name.clone(),
        channels: naming.map(|(channel, _)| channel).collect(),
        signature: store.signature(&held.name)?,
    };
    let manifest = store.manifest_bytes(&held.name)?;
    if Digest::of(&manifest) != held.manifest_sha256 {
        return Err(Error::WrongBytes {
            what: MANIFEST.into(),
            expected: held.manifest_sha256,
            found: Digest::of(&manifest),
        });
    }
    let model_dir = store.model_dir(&held.manifest.fingerprint);
    let model = held.manifest.model_files.iter();
    let model = model.map(|(file, digest)| (MODEL, file, &model_dir, *digest));
    let mut files: Vec<_> = held.manifest.files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let files = files.into_iter();
    let files = files.map(|file| (FILES, &file.path, &held.dir, file.sha256));
    let stage = progress.stage("export", Some(total(held, &model_dir)), "bytes");
    durable::write_atomic_with(to, MODE, |file| {
        let mut encoder = zstd::Encoder::new(BufWriter::new(file), LEVEL).context(to)?;
        encoder.include_checksum(true).context(to)?;
        let mut archive = Builder::new(encoder);
        let about = serde_json::to_vec_pretty(&contents).unwrap_or_default();
        append(&mut archive, ABOUT, about.len() as u64, &*about).context(to)?;
        append(&mut archive, MANIFEST, manifest.len() as u64, &*manifest).context(to)?;
        for (below, name, dir, expected) in model.chain(files) {
            let source = durable::open_beneath(dir, Path::new(name))?;
            let size = source.metadata().context(dir.join(name))?.len();
            let mut hashing = Hashing::of(source.take(size), progress, stage.as_ref());
            append(&mut archive, &format!("{below}{name}"), size, &mut hashing).context(to)?;
            hashing.check(name, expected)?;
        }
        let encoder = archive.into_inner().context(to)?;
        encoder
            .finish()
            .and_then(|mut out| out.flush())
            .context(to)?;
        Ok::<_, Error>(())
    })?;
    Ok(fs::metadata(to).context(to)?.len())
}

fn total(held: &Held, model_dir: &Path) -> u64 {
    let model = held.manifest.model_files.keys();
    let model = model.filter_map(|file| Some(fs::metadata(model_dir.join(file)).ok()?.len()));
    let files = held.manifest.files.iter().map(|file| file.size);
    model.chain(files).sum()
}

/// Appends an entry that says nothing of the machine it comes from.
fn append(
    archive: &mut Builder<impl Write>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o444);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    archive.append(&header, bytes)
}

/// Bytes that are hashed and counted on their way.
struct Hashing<'a, R> {
    from: R,
    hasher: Hasher,
    progress: &'a dyn Progress,
    stage: &'a dyn Stage,
}

impl<'a, R: Read> Hashing<'a, R> {
    fn of(from: R, progress: &'a dyn Progress, stage: &'a dyn Stage) -> Self {
        Self {
            from,
            hasher: Hasher::default(),
            progress,
            stage,
        }
    }

    fn check(self, what: &str, expected: Digest) -> Result<(), Error> {
        let found = self.hasher.finish();
        match found == expected {
            true => Ok(()),
            // What was cut off by the person has another hash as well.
            false => Err(match self.progress.checkpoint() {
                Err(e) => e.into(),
                Ok(()) => Error::WrongBytes {
                    what: what.to_owned(),
                    expected,
                    found,
                },
            }),
        }
    }
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.interrupted() {
            return Err(io::Error::other(Interrupted));
        }
        let read = self.from.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.stage.advance(read as u64);
        Ok(read)
    }
}

/// What an import gave.
#[derive(Debug)]
pub struct Imported {
    /// The version.
    pub version: VersionName,
    /// Whether it is new here.
    pub changed: bool,
    /// The channels that named it where it was exported.
    pub channels: Vec<Channel>,
}

/// Brings the version of an archive into the store. Nothing of the archive is taken but the bytes that its manifest lists, in
/// their order; nothing is kept unless all of them are there.
pub fn import(
    store: &Store,
    from: &Path,
    trust: &Trust,
    dry_run: bool,
    lock: &dyn Fn() -> Result<LockedStore, store::Error>,
    progress: &dyn Progress,
) -> Result<Imported, Error> {
    let file = File::open(from).context(from)?;
    let decoder = zstd::Decoder::new(BufReader::new(file)).context(from)?;
    let mut archive = Archive::new(decoder);
    // Raw: an entry that would give another one its name is refused as what it is.
    let mut reading = Reading {
        path: from,
        entries: archive.entries().context(from)?.raw(true),
    };
    let about = reading.record(ABOUT)?;
    let not_ours = |e: serde_json::Error| reading_error(from, e.to_string());
    let contents: Contents = serde_json::from_slice(&about).map_err(not_ours)?;
    if contents.format != FORMAT {
        return Err(Error::UnknownFormat {
            path: from.to_owned(),
            found: contents.format,
            known: FORMAT,
        });
    }
    let received = Received::parse(&contents.version, reading.record(MANIFEST)?)?;
    if !trust.is_empty() {
        let about = About::Version(contents.version.clone());
        trust.check(received.bytes(), contents.signature.as_deref(), &about)?;
    }
    store.check_not_withdrawn(&contents.version)?;
    let here = received.is_in(store)?;
    let imported = |changed| Imported {
        version: contents.version.clone(),
        changed,
        channels: contents.channels.clone(),
    };
    let has_model = store.has_model(&received.manifest)?;
    let keep_signature = |locked: &LockedStore| {
        received.keep_signature(locked, contents.signature.as_deref(), !trust.is_empty())
    };
    if dry_run {
        return Ok(imported(!here));
    }
    if here && has_model {
        keep_signature(&lock()?)?;
        return Ok(imported(false));
    }
    durable::check_free(store.root(), received.total())?;
    let stage = progress.stage("import", Some(received.total()), "bytes");
    let draft = store.draft()?;
    for (file, digest) in &received.manifest.model_files {
        let name = format!("{MODEL}{file}");
        reading.file(
            &name,
            None,
            digest,
            &draft.dir().join(file),
            progress,
            &*stage,
        )?;
    }
    if !has_model {
        store.install(&draft, &store.model_dir(&received.manifest.fingerprint))?;
    }
    drop(draft);
    let draft = store.draft()?;
    let mut files: Vec<_> = received.manifest.files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    for file in files {
        let name = format!("{FILES}{}", file.path);
        let to = draft.dir().join(&file.path);
        reading.file(&name, Some(file.size), &file.sha256, &to, progress, &*stage)?;
    }
    reading.end()?;
    let locked = lock()?;
    let changed = !received.is_in(&locked)?;
    if changed {
        received.seal(draft, &locked)?;
    }
    keep_signature(&locked)?;
    Ok(imported(changed))
}

/// An archive that is read entry by entry.
struct Reading<'a, 'r, R: Read> {
    path: &'a Path,
    entries: Entries<'r, R>,
}

fn reading_error(path: &Path, problem: String) -> Error {
    Error::NotOurs {
        path: path.to_owned(),
        problem,
    }
}

impl<'r, R: Read> Reading<'_, 'r, R> {
    fn wrong(&self, problem: impl Into<String>) -> Error {
        reading_error(self.path, problem.into())
    }

    /// Takes the next entry, which must be a regular file of this name and of at most this size.
    fn next(&mut self, name: &str, most: u64) -> Result<tar::Entry<'r, R>, Error> {
        let entry = match self.entries.next() {
            None => return Err(self.wrong(format!("it ends before {name}"))),
            Some(Err(e)) => return Err(self.wrong(format!("{e} before {name}"))),
            Some(Ok(entry)) => entry,
        };
        if entry.header().entry_type() != EntryType::Regular
            || *entry.path_bytes() != *name.as_bytes()
        {
            return Err(self.wrong(format!("another entry stands in the place of {name}")));
        }
        match entry.size() <= most {
            true => Ok(entry),
            false => Err(self.wrong(format!("{name} is too large"))),
        }
    }

    fn record(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let mut entry = self.next(name, MOST_RECORD)?;
        let mut bytes = Vec::new();
        match entry.read_to_end(&mut bytes) {
            Ok(read) if read as u64 == entry.size() => Ok(bytes),
            Ok(_) => Err(self.wrong(format!("it is cut off in {name}"))),
            Err(e) => Err(self.wrong(format!("{e} in {name}"))),
        }
    }

    fn file(
        &mut self,
        name: &str,
        size: Option<u64>,
        expected: &Digest,
        to: &Path,
        progress: &dyn Progress,
        stage: &dyn Stage,
    ) -> Result<(), Error> {
        let entry = self.next(name, size.unwrap_or(MOST_MODEL))?;
        if size.is_some_and(|size| size != entry.size()) {
            return Err(self.wrong(format!("{name} has another size than its manifest says")));
        }
        // The draft is ours alone: what lies between it and the file was made just now.
        let dir = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir).context(dir)?;
        let mut out = File::create(to).context(to)?;
        let mut hashing = Hashing::of(entry, progress, stage);
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match hashing.read(&mut buffer) {
                Ok(read) => read,
                Err(e) => {
                    progress.checkpoint()?;
                    return Err(self.wrong(format!("{e} in {name}")));
                }
            };
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            out.write_all(bytes).context(to)?;
        }
        hashing.check(name, *expected)
    }

    fn end(mut self) -> Result<(), Error> {
        match self.entries.next() {
            None => Ok(()),
            Some(_) => Err(self.wrong("it holds more than its manifest lists")),
        }
    }
}
