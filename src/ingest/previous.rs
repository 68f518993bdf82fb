//! The last good copies: the documents of an earlier snapshot with their chunks, taken over where nothing has changed, and
//! kept where a document cannot be had.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::chunk::ChunkRecord;
use crate::corpus::Format;
use crate::digest::Digest;
use crate::snapshot::{self, ChunkLines, DocumentRecord, Settings, Snapshot, Status};
use crate::store::{self, Store};

/// One snapshot's documents by source and id.
struct Copies {
    /// Whether its chunks are what the same documents would give now.
    cut_alike: bool,
    lines: ChunkLines,
    documents: HashMap<(String, String), Copy>,
    /// The ids of each source's documents, in their order.
    order: BTreeMap<String, Vec<String>>,
    /// Sources that had records.
    with_records: HashSet<String>,
}

/// A document's last good copy.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) record: DocumentRecord,
    /// The place of its first chunk in the snapshot.
    first: usize,
}

impl Copies {
    fn open(snapshot: &Snapshot, settings: &Settings) -> Result<Self, snapshot::Error> {
        let lines = snapshot.chunk_lines()?;
        let mut copies = HashMap::new();
        let mut with_records = HashSet::new();
        let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut next = 0;
        for record in snapshot.documents()? {
            let record = record?;
            let first = next;
            next += record.chunks as usize;
            if record.status == Status::Failed {
                continue;
            }
            let (source, id) = (record.source.clone(), record.id.clone());
            if record.format == Some(Format::Record) {
                with_records.insert(source.clone());
            }
            order.entry(source.clone()).or_default().push(id.clone());
            copies.insert((source, id), Copy { record, first });
        }
        Ok(Self {
            cut_alike: cut(&snapshot.settings) == cut(settings),
            lines,
            documents: copies,
            order,
            with_records,
        })
    }
}

/// What of a snapshot's settings decides how documents are cut.
fn cut(settings: &Settings) -> Settings {
    Settings {
        model: String::new(),
        columns: BTreeMap::new(),
        counts: Default::default(),
        ..settings.clone()
    }
}

/// The last good copies of each source.
#[derive(Default)]
pub(super) struct Previous {
    sources: HashMap<String, Arc<Copies>>,
    /// Those of the newest snapshot, for sources that this run does not know.
    newest: Option<Arc<Copies>>,
    newest_id: Option<Digest>,
}

impl Previous {
    /// Opens what is there: the newest snapshot, or a source's own where the newest does not know the source. One that is
    /// gone is none; one that is damaged is an error.
    pub(super) fn open(
        store: &Store,
        settings: &Settings,
        sources: &[(String, Option<Digest>)],
    ) -> Result<Self, snapshot::Error> {
        let open = |id: Digest| -> Result<Arc<Copies>, snapshot::Error> {
            let snapshot = Snapshot::open(store, Some(&id.to_string()))?;
            Ok(Arc::new(Copies::open(&snapshot, settings)?))
        };
        let newest_id = newest(store)?;
        let newest = newest_id.map(open).transpose()?;
        let mut opened: HashMap<Digest, Arc<Copies>> = HashMap::new();
        let mut by_source = HashMap::new();
        for (source, own) in sources {
            let known = newest
                .as_ref()
                .filter(|copies| copies.order.contains_key(source));
            let copies = match (known, own) {
                (Some(copies), _) => Some(copies.clone()),
                (None, Some(id)) if store.snapshot_dir(id).is_dir() => Some(match opened.get(id) {
                    Some(copies) => copies.clone(),
                    None => opened.entry(*id).or_insert(open(*id)?).clone(),
                }),
                (None, _) => None,
            };
            by_source.extend(copies.map(|copies| (source.clone(), copies)));
        }
        Ok(Self {
            sources: by_source,
            newest,
            newest_id,
        })
    }

    /// Whether no other run has made a snapshot since.
    pub(super) fn is_still_newest(&self, store: &Store) -> Result<bool, snapshot::Error> {
        Ok(newest(store)? == self.newest_id)
    }

    fn of(&self, source: &str) -> Option<&Arc<Copies>> {
        self.sources.get(source).or(self.newest.as_ref())
    }

    /// Finds a document's copy, if it was cut as this run cuts.
    pub(super) fn find(&self, source: &str, id: &str) -> Option<&Copy> {
        let copies = self.of(source).filter(|copies| copies.cut_alike)?;
        copies.documents.get(&(source.to_owned(), id.to_owned()))
    }

    /// Whether there is a document of this name that was cut in another way.
    pub(super) fn is_unusable(&self, source: &str, id: &str) -> bool {
        let name = (source.to_owned(), id.to_owned());
        self.of(source)
            .is_some_and(|copies| !copies.cut_alike && copies.documents.contains_key(&name))
    }

    /// Returns the ids of a source's documents in their order.
    pub(super) fn ids(&self, source: &str) -> Vec<String> {
        let ids = self.of(source).and_then(|copies| copies.order.get(source));
        ids.cloned().unwrap_or_default()
    }

    /// Whether a source had records, whose ids nobody knows before their file is read.
    pub(super) fn has_records(&self, source: &str) -> bool {
        self.of(source)
            .is_some_and(|copies| copies.with_records.contains(source))
    }

    /// Returns the sources of the newest snapshot that are not among those of this run.
    pub(super) fn others(&self, known: &dyn Fn(&str) -> bool) -> Vec<String> {
        let newest = self.newest.iter().flat_map(|copies| copies.order.keys());
        newest.filter(|source| !known(source)).cloned().collect()
    }

    /// Takes a document over: its record and chunks.
    pub(super) fn take(
        &self,
        source: &str,
        id: &str,
    ) -> Result<Option<(DocumentRecord, Vec<ChunkRecord>)>, snapshot::Error> {
        let (Some(copies), Some(copy)) = (self.of(source), self.find(source, id)) else {
            return Ok(None);
        };
        let chunks = copies.lines.read(copy.first, copy.record.chunks as usize)?;
        Ok(Some((copy.record.clone(), chunks)))
    }
}

/// The newest snapshot's name, if there is any.
fn newest(store: &Store) -> Result<Option<Digest>, snapshot::Error> {
    match store.snapshot(None) {
        Ok((id, _)) => Ok(Some(id)),
        Err(store::Error::NothingIngested | store::Error::NoSnapshot(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}
