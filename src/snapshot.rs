//! The outcome of one `ingest`: the exact list of documents and chunks, named by its digest. What `embed` and `build` work on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chunk::ChunkRecord;
use crate::corpus::{ColumnKind, Document, Failure, Format, Metadata};
use crate::digest::{Digest, FieldHasher};
use crate::durable::{self, Context as _, PathError};
use crate::fault::{Fault, Kind};
use crate::store::{self, Counts, Draft, Installed, SOURCES, Store};

/// The snapshot format that this program writes, and the only one that it reads.
pub const FORMAT: u32 = 1;
const DOCUMENTS: &str = "documents.jsonl";
const CHUNKS: &str = "chunks.jsonl";
const SETTINGS: &str = "settings.json";

/// A snapshot that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// A line is not what it should be.
    #[error("{} line {line}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The bytes do not have the digest that names the snapshot.
    #[error("snapshot {} is damaged: its files have the digest {}", expected.short(), found.short())]
    Damaged {
        /// Its name.
        expected: Digest,
        /// What its files give.
        found: Digest,
    },
    /// Written by a newer program.
    #[error("the snapshot has format {0}; this ragctl reads format {FORMAT}")]
    UnknownFormat(u32),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Malformed { .. } | Self::Damaged { .. } => Kind::Integrity,
            Self::UnknownFormat(_) => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Io(e) => e.hint(),
            _ => Some("Run `ragctl ingest` again.".into()),
        }
    }
}

/// What decided the chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The shape of the files.
    pub format: u32,
    /// The space whose tokenizer and window cut the chunks.
    pub fingerprint: Digest,
    /// That space's model, for people.
    pub model: String,
    /// `structure` or `document`.
    pub strategy: String,
    /// The cap of a chunk in tokens of content.
    pub max_tokens: usize,
    /// Tokens shared between neighbours.
    pub overlap: usize,
    /// Tokens below which a piece was joined to a neighbour.
    #[serde(default)]
    pub min_tokens: usize,
    /// Whether the headings above a chunk are embedded before it.
    #[serde(default)]
    pub heading_prefix: bool,
    /// Versions of extractor and chunker, by name.
    pub makers: BTreeMap<String, String>,
    /// The metadata columns and their types.
    pub columns: BTreeMap<String, ColumnKind>,
    /// How much it holds.
    pub counts: Counts,
}

/// One document of a snapshot, read or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// The source's id.
    pub source: String,
    /// Its id within the source.
    pub id: String,
    /// Where it lies.
    pub uri: String,
    /// `ok`, `failed` or `kept`.
    pub status: Status,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Size of its bytes.
    pub bytes: u64,
    /// The hash of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its chunks.
    pub chunks: u64,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The hash of everything that its chunks depend on beside the snapshot's settings: equal keys, equal chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
}

/// Whether a document was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was.
    Ok,
    /// It was not.
    Failed,
    /// It could not be had this time: what is listed is its last good copy.
    Kept,
}

impl DocumentRecord {
    /// Describes a document that was read.
    pub fn of(document: &Document, chunks: usize, key: Digest) -> Self {
        Self {
            source: document.source.clone(),
            id: document.id.clone(),
            uri: document.uri.clone(),
            status: Status::Ok,
            reason: None,
            title: document.title.clone(),
            format: Some(document.format),
            bytes: document.bytes,
            sha256: Some(document.sha256),
            chunks: chunks as u64,
            metadata: document.metadata.clone(),
            key: Some(key),
        }
    }

    /// Describes a document that was not.
    pub fn failed(failure: &Failure) -> Self {
        Self {
            source: failure.source.clone(),
            id: failure.id.clone(),
            uri: failure.uri.clone(),
            status: Status::Failed,
            reason: Some(failure.reason.clone()),
            title: None,
            format: None,
            bytes: 0,
            sha256: None,
            chunks: 0,
            metadata: Metadata::new(),
            key: None,
        }
    }
}

/// A snapshot being written.
pub struct SnapshotWriter {
    draft: Draft,
    documents: BufWriter<File>,
    chunks: BufWriter<File>,
}

impl SnapshotWriter {
    /// Starts a snapshot in the store's staging area.
    pub fn create(store: &Store) -> Result<Self, Error> {
        let draft = store.draft()?;
        let create = |name: &str| {
            let path = draft.dir().join(name);
            File::create(&path).context(&path).map(BufWriter::new)
        };
        let (documents, chunks) = (create(DOCUMENTS)?, create(CHUNKS)?);
        Ok(Self {
            draft,
            documents,
            chunks,
        })
    }

    /// Adds a document and its chunks.
    pub fn push(&mut self, document: &DocumentRecord, chunks: &[ChunkRecord]) -> Result<(), Error> {
        write_line(&mut self.documents, document).context(self.draft.dir())?;
        chunks
            .iter()
            .try_for_each(|chunk| write_line(&mut self.chunks, chunk))
            .context(self.draft.dir())?;
        Ok(())
    }

    /// Names the snapshot by its content and makes it the newest. Says whether the store had none of that content.
    pub fn finish(
        mut self,
        store: &Store,
        settings: &Settings,
    ) -> Result<(Digest, Installed), Error> {
        let dir = self.draft.dir().to_owned();
        self.documents
            .flush()
            .and_then(|()| self.chunks.flush())
            .context(&dir)?;
        let path = dir.join(SETTINGS);
        let malformed = |source| Error::Malformed {
            path: path.clone(),
            line: 1,
            source,
        };
        let bytes = serde_json::to_vec_pretty(settings).map_err(malformed)?;
        fs::write(&path, bytes).context(&path)?;
        let id = digest_of(&dir)?;
        // The draft lives until the snapshot is the newest, so that no gc takes it away in between.
        let installed = store.install(&self.draft, &store.snapshot_dir(&id))?;
        store.set_newest_snapshot(&id)?;
        Ok((id, installed))
    }
}

fn write_line<T: Serialize>(out: &mut BufWriter<File>, record: &T) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}

fn digest_of(dir: &Path) -> Result<Digest, Error> {
    let mut hasher = FieldHasher::default();
    hasher.field("ragctl snapshot 1");
    for name in [SETTINGS, DOCUMENTS, CHUNKS] {
        hasher.field(Digest::of_file_beneath(dir, Path::new(name))?.as_bytes());
    }
    Ok(hasher.finish())
}

/// A snapshot, open and proven to be what its name says.
#[derive(Debug)]
pub struct Snapshot {
    /// Its name.
    pub id: Digest,
    /// What decided its chunks.
    pub settings: Settings,
    dir: PathBuf,
}

impl Snapshot {
    /// Opens a snapshot by its id or the beginning of it, or the newest.
    pub fn open(store: &Store, id: Option<&str>) -> Result<Self, Error> {
        let (id, dir) = store.snapshot(id)?;
        let found = digest_of(&dir)?;
        if found != id {
            return Err(Error::Damaged {
                expected: id,
                found,
            });
        }
        let path = dir.join(SETTINGS);
        let bytes = durable::read_beneath(&dir, Path::new(SETTINGS))?;
        let settings: Settings =
            serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
                path,
                line: 1,
                source,
            })?;
        if settings.format != FORMAT {
            return Err(Error::UnknownFormat(settings.format));
        }
        Ok(Self { id, settings, dir })
    }

    /// Reads its chunks in their order.
    pub fn chunks(
        &self,
    ) -> Result<impl Iterator<Item = Result<ChunkRecord, Error>> + use<>, Error> {
        lines(&self.dir, CHUNKS)
    }

    /// Reads its documents in their order.
    pub fn documents(
        &self,
    ) -> Result<impl Iterator<Item = Result<DocumentRecord, Error>> + use<>, Error> {
        lines(&self.dir, DOCUMENTS)
    }

    /// Opens its chunks for reading by place.
    pub fn chunk_lines(&self) -> Result<ChunkLines, Error> {
        let path = self.dir.join(CHUNKS);
        let file = durable::open_beneath(&self.dir, Path::new(CHUNKS))?;
        let mut starts = vec![0];
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line).context(&path)? {
                0 => break,
                read => at += read as u64,
            }
            starts.push(at);
        }
        Ok(ChunkLines { path, file, starts })
    }

    /// The file of its documents, which a version carries along.
    pub fn documents_file(&self) -> PathBuf {
        self.dir.join(DOCUMENTS)
    }
}

/// Reads the documents that a version was built from, by its directory.
pub fn documents_of_version(
    dir: &Path,
) -> Result<impl Iterator<Item = Result<DocumentRecord, Error>> + use<>, Error> {
    lines(dir, SOURCES)
}

/// A snapshot's chunks by place.
#[derive(Debug)]
pub struct ChunkLines {
    path: PathBuf,
    file: File,
    /// Byte offset of each line, and of the end.
    starts: Vec<u64>,
}

impl ChunkLines {
    /// Reads `count` chunks from the one at place `first`, counted from 0.
    pub fn read(&self, first: usize, count: usize) -> Result<Vec<ChunkRecord>, Error> {
        let cut_off = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (Some(start), Some(end)) = (self.starts.get(first), self.starts.get(first + count))
        else {
            return Err(cut_off()).context(&self.path)?;
        };
        let mut bytes = vec![0; (end - start) as usize];
        self.file
            .read_exact_at(&mut bytes, *start)
            .context(&self.path)?;
        let lines = bytes.split(|byte| *byte == b'\n').take(count);
        lines
            .enumerate()
            .map(|(index, line)| {
                serde_json::from_slice(line).map_err(|source| Error::Malformed {
                    path: self.path.clone(),
                    line: first + index + 1,
                    source,
                })
            })
            .collect()
    }
}

fn lines<T: DeserializeOwned>(
    dir: &Path,
    name: &str,
) -> Result<impl Iterator<Item = Result<T, Error>> + use<T>, Error> {
    let path = dir.join(name);
    let reader = BufReader::new(durable::open_beneath(dir, Path::new(name))?);
    Ok(reader.lines().enumerate().map(move |(index, line)| {
        let line = line.context(&path)?;
        serde_json::from_str(&line).map_err(|source| Error::Malformed {
            path: path.clone(),
            line: index + 1,
            source,
        })
    }))
}
