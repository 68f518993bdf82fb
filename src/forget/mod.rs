//! Forgetting documents: finding every place that holds them, cutting them out of snapshots, purging what is left, and proving
//! that nothing of them remains. Publishing the successors is composed by the command from the other verbs.

mod proof;
mod purge;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use serde::Serialize;

pub use proof::{Proof, Remains, prove};
pub use purge::{purge_cache, purge_states, recover_vectors};

use crate::digest::Digest;
use crate::durable::{self, PathError};
use crate::embed;
use crate::fault::{Fault, Kind};
use crate::index;
use crate::snapshot::{self, DocumentRecord, Snapshot, SnapshotWriter, Status};
use crate::store::{self, Channel, Counts, SOURCES, Store, VersionName, Withdrawn};

/// Which documents are to be forgotten: one of a source, one of any source, or all of a source.
#[derive(Debug, Clone)]
pub enum Target {
    /// The document of this id, in this source or in any.
    Document {
        /// Its id.
        id: String,
        /// Its source, where it was named.
        source: Option<String>,
    },
    /// Every document of this source.
    Source(String),
}

impl Target {
    /// Whether a document is one of them.
    pub fn covers(&self, source: &str, id: &str) -> bool {
        match self {
            Self::Document {
                id: wanted,
                source: of,
            } => id == wanted && of.as_ref().is_none_or(|of| of == source),
            Self::Source(of) => source == of,
        }
    }
}

/// Where the documents are.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The documents, by source and id.
    pub documents: BTreeSet<DocumentId>,
    /// Versions that hold some of them.
    pub versions: Vec<Holding>,
    /// Versions in the trash that do.
    pub trash: Vec<VersionName>,
    /// Snapshots that do.
    pub snapshots: Vec<Digest>,
    /// The texts of their chunks, by the chunks' ids.
    #[serde(skip)]
    pub texts: BTreeMap<String, String>,
    /// The strings that were embedded for them.
    #[serde(skip)]
    pub embedded: HashSet<String>,
}

/// What names a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DocumentId {
    /// Its source's id.
    pub source: String,
    /// Its own id.
    pub id: String,
}

/// A version that holds some of the documents.
#[derive(Debug, Serialize)]
pub struct Holding {
    /// Its name.
    pub version: VersionName,
    /// How many.
    pub documents: usize,
    /// The channels that name it.
    pub channels: Vec<Channel>,
    /// The readers that hold it.
    pub readers: usize,
}

impl Found {
    /// Whether nothing holds any of them.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.trash.is_empty() && self.snapshots.is_empty()
    }

    /// What ingest leaves out from now on.
    pub fn withdrawals(&self, target: &Target) -> Vec<Withdrawn> {
        match target {
            Target::Source(source) => vec![Withdrawn::Source(source.clone())],
            Target::Document { .. } => {
                let documents = self.documents.iter();
                documents
                    .map(|document| Withdrawn::document(&document.source, &document.id))
                    .collect()
            }
        }
    }
}

/// A document that was not forgotten, or not everywhere.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A snapshot cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// A table cannot be read.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The cache cannot be rewritten.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// A version's list of documents cannot be read.
    #[error("the documents of {version} cannot be read: {source}")]
    Documents {
        /// The version.
        version: VersionName,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// Nothing in the store holds such a document.
    #[error("no version and no snapshot of this store holds such a document")]
    Unknown,
    /// A version that is live cannot be built again without the documents.
    #[error("the snapshot of {0} is gone, so {0} cannot be built again without the documents")]
    NoSnapshot(VersionName),
    /// Something is left.
    #[error("not everything is forgotten: {0}")]
    Remains(String),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Snapshot(e) => e.kind(),
            Self::Index(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Unknown => Kind::NotFound,
            Self::Documents { .. } | Self::NoSnapshot(_) | Self::Remains(_) => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Snapshot(e) => e.hint(),
            Self::Index(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Unknown => Some(
                "A document's id and source stand in `sources.jsonl` of a version, and in the answers of `ragctl query --json`."
                    .into(),
            ),
            Self::NoSnapshot(_) => {
                Some("Run `ragctl run` to publish a version with a snapshot, then forget again.".into())
            }
            Self::Remains(_) => Some("Wait for what is at work, then run the same command again.".into()),
            Self::Documents { .. } => Some("`ragctl verify` names what is damaged.".into()),
        }
    }
}

/// Whether the documents were forgotten already. One that is named without its source may be of any of `sources`.
pub fn is_withdrawn(
    store: &Store,
    target: &Target,
    mut sources: impl Iterator<Item = String>,
) -> Result<bool, Error> {
    let withdrawn = store.withdrawn()?;
    Ok(match target {
        Target::Source(source) => withdrawn.contains(&Withdrawn::Source(source.clone())),
        Target::Document {
            id,
            source: Some(source),
        } => Withdrawn::covers(&withdrawn, source, id),
        Target::Document { id, source: None } => {
            sources.any(|source| Withdrawn::covers(&withdrawn, &source, id))
        }
    })
}

/// Looks into every version, snapshot and entry of the trash.
pub fn find(store: &Store, target: &Target) -> Result<Found, Error> {
    let channels = store.channels()?;
    let mut found = Found {
        documents: BTreeSet::new(),
        versions: Vec::new(),
        trash: Vec::new(),
        snapshots: Vec::new(),
        texts: BTreeMap::new(),
        embedded: HashSet::new(),
    };
    for version in store.versions()? {
        let documents = covered_in(&version, &store.version_dir(&version), target)?;
        if documents.is_empty() {
            continue;
        }
        let live = channels.iter().filter(|(_, live)| *live == version);
        found.versions.push(Holding {
            documents: documents.len(),
            channels: live.map(|(channel, _)| channel.clone()).collect(),
            readers: store.readers(&version)?,
            version,
        });
        found.documents.extend(documents);
    }
    for trashed in store.trashed()? {
        let documents = covered_in(&trashed.version, &trashed.dir, target)?;
        if !documents.is_empty() {
            found.trash.push(trashed.version);
            found.documents.extend(documents);
        }
    }
    for (id, _) in store.snapshots()? {
        let snapshot = Snapshot::open(store, Some(&id.to_string()))?;
        let mut holds = false;
        for document in snapshot.documents()? {
            let document = document?;
            if target.covers(&document.source, &document.id) {
                let DocumentRecord { source, id, .. } = document;
                found.documents.insert(DocumentId { source, id });
                holds = true;
            }
        }
        if holds {
            for chunk in snapshot.chunks()? {
                let chunk = chunk?;
                if target.covers(&chunk.source, &chunk.doc_id) {
                    found.embedded.insert(chunk.embedded().into_owned());
                    found.texts.insert(chunk.id, chunk.text);
                }
            }
            found.snapshots.push(id);
        }
    }
    // A version may have outlived its snapshot; its table has the texts as well.
    for holding in &found.versions {
        let table = index::Table::open(&store.version_dir(&holding.version))?;
        table.each_chunk(|chunk| {
            if target.covers(chunk.source, chunk.doc_id) {
                found
                    .embedded
                    .insert(format!("{}{}", chunk.prefix, chunk.text));
                found
                    .texts
                    .insert(chunk.id.to_owned(), chunk.text.to_owned());
            }
            Ok::<_, Error>(())
        })?;
    }
    Ok(found)
}

fn covered_in(
    version: &VersionName,
    dir: &Path,
    target: &Target,
) -> Result<BTreeSet<DocumentId>, Error> {
    let text = durable::read_beneath(dir, Path::new(SOURCES))?;
    let mut covered = BTreeSet::new();
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let document: DocumentRecord =
            serde_json::from_slice(line).map_err(|source| Error::Documents {
                version: version.clone(),
                source,
            })?;
        if target.covers(&document.source, &document.id) {
            let DocumentRecord { source, id, .. } = document;
            covered.insert(DocumentId { source, id });
        }
    }
    Ok(covered)
}

/// Writes a snapshot afresh without the documents. It becomes the newest.
pub fn without(store: &Store, snapshot: &Snapshot, target: &Target) -> Result<Digest, Error> {
    let mut writer = SnapshotWriter::create(store)?;
    let mut counts = Counts::default();
    let mut chunks = snapshot.chunks()?.peekable();
    for document in snapshot.documents()? {
        let document = document?;
        let mut own = Vec::new();
        // Chunks stand in the order of their documents.
        while let Some(chunk) = chunks.next_if(|chunk| {
            chunk.as_ref().map_or(true, |chunk| {
                (&chunk.source, &chunk.doc_id) == (&document.source, &document.id)
            })
        }) {
            own.push(chunk?);
        }
        if target.covers(&document.source, &document.id) {
            continue;
        }
        match document.status {
            Status::Ok => counts.documents += 1,
            Status::Failed => counts.failed += 1,
            Status::Kept => {
                counts.documents += 1;
                counts.failed += 1;
            }
        }
        counts.chunks += own.len() as u64;
        counts.tokens += own.iter().map(|chunk| u64::from(chunk.tokens)).sum::<u64>();
        counts.truncated += own.iter().filter(|chunk| chunk.truncated).count() as u64;
        writer.push(&document, &own)?;
    }
    let settings = snapshot::Settings {
        counts,
        ..snapshot.settings.clone()
    };
    Ok(writer.finish(store, &settings)?.0)
}
