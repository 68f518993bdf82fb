//! Sources → Snapshot: every document is read, cut into chunks and listed; what cannot be read is listed with its reason.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use crate::chunk::{self, CHUNKER, ChunkRecord, Chunker, Policy, Strategy};
use crate::corpus::{self, Columns, Document, EXTRACTOR, Failure, Item, Metadata, SourceSpec};
use crate::digest::{Digest, FieldHasher};
use crate::fault::{Fault, Kind};
use crate::model::{self, Model};
use crate::progress::{Interrupted, Progress};
use crate::snapshot::{self, DocumentRecord, Settings, SnapshotWriter};
use crate::store::{Counts, Installed, Store, Withdrawn};

/// How many documents may fail before the run does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// This many.
    Count(u64),
    /// This part of all documents, in percent.
    Percent(f64),
}

/// A text that is no tolerance.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a number of documents nor a percentage such as 5%")]
pub struct ParseToleranceError(String);

impl FromStr for Tolerance {
    type Err = ParseToleranceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseToleranceError(text.to_owned());
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| error())?;
                (0.0..=100.0)
                    .contains(&percent)
                    .then_some(Self::Percent(percent))
                    .ok_or_else(error)
            }
            None => text.parse().map(Self::Count).map_err(|_| error()),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Tolerance {
    fn allows(self, failed: u64, all: u64) -> bool {
        match self {
            Self::Count(count) => failed <= count,
            Self::Percent(percent) => failed as f64 * 100.0 <= percent * all as f64,
        }
    }
}

/// What one run reads and how it cuts.
pub struct Request<'a> {
    /// Where documents come from.
    pub sources: &'a [SourceSpec],
    /// Metadata for every document; a source's own goes before it.
    pub metadata: &'a Metadata,
    /// How documents become chunks.
    pub policy: Policy,
    /// How many documents may fail.
    pub tolerance: Tolerance,
}

/// What one run would read.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// The sources in their order.
    pub sources: Vec<SourcePlan>,
}

/// What one source would give.
#[derive(Debug, Serialize)]
pub struct SourcePlan {
    /// The source's id.
    pub id: String,
    /// Files or streams that would be read.
    pub items: Vec<String>,
    /// Files of no known format, which would not.
    pub unknown: Vec<PathBuf>,
    /// What could not be looked into.
    pub unreadable: Vec<Failure>,
    #[serde(skip)]
    spec: SourceSpec,
    #[serde(skip)]
    found: Vec<Item>,
}

/// What one run read.
#[derive(Debug)]
pub struct Ingested {
    /// The snapshot's name.
    pub snapshot: Digest,
    /// Whether the store had it already.
    pub installed: Installed,
    /// How much it holds.
    pub counts: Counts,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Files of no known format.
    pub unknown: Vec<PathBuf>,
    /// Documents that were left out because they were forgotten.
    pub withdrawn: u64,
}

/// An ingest that gave no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source cannot be listed.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// The chunk settings do not fit the model.
    #[error(transparent)]
    Chunk(#[from] chunk::Error),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The snapshot cannot be written.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// There is nothing to read.
    #[error("the sources hold no documents")]
    Nothing,
    /// No source is named.
    #[error("no source is named")]
    NoSources,
    /// Documents were forgotten since this run began.
    #[error("documents were forgotten while this ran")]
    Forgotten,
    /// Too many documents failed.
    #[error("{} of {all} documents could not be read; {allowed} may", failures.len())]
    TooManyFailed {
        /// All documents.
        all: u64,
        /// How many may fail.
        allowed: Tolerance,
        /// Which failed.
        failures: Vec<Failure>,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Corpus(e) => e.kind(),
            Self::Chunk(e) => e.kind(),
            Self::Model(e) => e.kind(),
            Self::Snapshot(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Nothing | Self::NoSources => Kind::Usage,
            Self::Forgotten => Kind::Conflict,
            Self::TooManyFailed { .. } => Kind::TooManyFailed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Corpus(e) => e.hint(),
            Self::Chunk(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Snapshot(e) => e.hint(),
            Self::Nothing => Some(
                "Look at the paths and patterns; `ragctl ingest --dry-run` shows what they match."
                    .into(),
            ),
            Self::Forgotten => Some("Run the same command again.".into()),
            Self::NoSources => Some(
                "Add a [[source]] to ragctl.toml, or name paths: `ragctl ingest docs/`.".into(),
            ),
            Self::TooManyFailed { .. } => {
                Some("Mend or exclude them, or raise --max-failed.".into())
            }
            Self::Interrupted(_) => None,
        }
    }
}

/// Lists what the sources would read.
pub fn plan(sources: &[SourceSpec], metadata: &Metadata) -> Result<Plan, Error> {
    if sources.is_empty() {
        return Err(Error::NoSources);
    }
    let mut ids = HashSet::new();
    let mut plans = Vec::new();
    for source in sources {
        if !ids.insert(source.id()) {
            return Err(corpus::Error::DuplicateSource(source.id().to_owned()).into());
        }
        let mut spec = source.clone();
        let shared = metadata
            .iter()
            .filter(|(name, _)| !source.metadata.contains_key(*name));
        spec.metadata
            .extend(shared.map(|(name, value)| (name.clone(), value.clone())));
        for name in spec.metadata.keys().chain(&spec.metadata_fields) {
            corpus::check_name(name)?;
        }
        let listing = corpus::list(&spec)?;
        plans.push(SourcePlan {
            id: spec.id().to_owned(),
            items: listing.items.iter().map(|item| item.uri.clone()).collect(),
            unknown: listing.unknown,
            unreadable: listing.unreadable,
            spec,
            found: listing.items,
        });
    }
    Ok(Plan { sources: plans })
}

/// Reads and cuts every document, and writes the snapshot.
pub fn ingest(
    store: &Store,
    model: &Model,
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<Ingested, Error> {
    let plan = plan(request.sources, request.metadata)?;
    let tokenizer = model.tokenizer()?;
    let chunker = Chunker::new(&tokenizer, request.policy)?;
    let mut run = Run {
        chunker,
        writer: SnapshotWriter::create(store)?,
        columns: Columns::default(),
        counts: Counts::default(),
        failures: Vec::new(),
        seen: HashSet::new(),
        forgotten: store.withdrawn().map_err(snapshot::Error::from)?,
        withdrawn: 0,
    };
    let total = plan
        .sources
        .iter()
        .flat_map(|source| &source.found)
        .map(|item| item.bytes)
        .sum();
    let stage = progress.stage("ingest", Some(total), "bytes");
    for source in &plan.sources {
        source
            .unreadable
            .iter()
            .try_for_each(|failure| run.take(Err(failure.clone())))?;
        for item in &source.found {
            let mut told = 0;
            corpus::read(&source.spec, item, &mut |outcome| {
                progress.checkpoint()?;
                let bytes = outcome.as_ref().map_or(0, |document| document.bytes);
                told += bytes;
                stage.advance(bytes);
                run.take(outcome)
            })?;
            stage.advance(item.bytes.saturating_sub(told));
        }
    }
    drop(stage);
    let all = run.counts.documents + run.counts.failed;
    if all + run.withdrawn == 0 {
        return Err(Error::Nothing);
    }
    if run.counts.documents + run.withdrawn == 0
        || !request.tolerance.allows(run.counts.failed, all)
    {
        return Err(Error::TooManyFailed {
            all,
            allowed: request.tolerance,
            failures: run.failures,
        });
    }
    if store.withdrawn().map_err(snapshot::Error::from)? != run.forgotten {
        return Err(Error::Forgotten);
    }
    let settings = Settings {
        format: snapshot::FORMAT,
        fingerprint: model.space.fingerprint(),
        model: model.space.model.clone(),
        strategy: match request.policy.strategy {
            Strategy::Structure => "structure".into(),
            Strategy::Document => "document".into(),
        },
        max_tokens: run.chunker.max_tokens(),
        overlap: run.chunker.overlap(),
        makers: BTreeMap::from([
            ("chunker".into(), CHUNKER.into()),
            ("extractor".into(), EXTRACTOR.into()),
        ]),
        columns: run.columns.kinds(),
        counts: run.counts,
    };
    let (snapshot, installed) = run.writer.finish(store, &settings)?;
    let unknown = plan
        .sources
        .into_iter()
        .flat_map(|source| source.unknown)
        .collect();
    Ok(Ingested {
        snapshot,
        installed,
        counts: settings.counts,
        failures: run.failures,
        unknown,
        withdrawn: run.withdrawn,
    })
}

struct Run<'a> {
    chunker: Chunker<'a>,
    writer: SnapshotWriter,
    columns: Columns,
    counts: Counts,
    failures: Vec<Failure>,
    seen: HashSet<Digest>,
    forgotten: HashSet<Withdrawn>,
    withdrawn: u64,
}

impl Run<'_> {
    /// Checks a document against those before it, or says why it cannot stand beside them.
    fn accept(&mut self, document: &Document) -> Result<(), String> {
        // A chunk is named by its source, document and place: a second document of that name would hide the first.
        let name = FieldHasher::default()
            .field(&document.source)
            .field(&document.id)
            .finish();
        if self.seen.contains(&name) {
            return Err(format!("repeats the id `{}`", document.id));
        }
        self.columns
            .add(&document.uri, &document.metadata)
            .map_err(|e| e.to_string())?;
        self.seen.insert(name);
        Ok(())
    }

    fn take(&mut self, outcome: Result<Document, Failure>) -> Result<(), Error> {
        let (source, id) = match &outcome {
            Ok(Document { source, id, .. }) | Err(Failure { source, id, .. }) => (source, id),
        };
        if Withdrawn::covers(&self.forgotten, source, id) {
            self.withdrawn += 1;
            return Ok(());
        }
        let outcome = outcome.and_then(|document| match self.accept(&document) {
            Ok(()) => Ok(document),
            Err(reason) => Err(Failure {
                reason,
                source: document.source,
                id: document.id,
                uri: document.uri,
            }),
        });
        let document = match outcome {
            Ok(document) => document,
            Err(failure) => {
                self.counts.failed += 1;
                self.writer.push(&DocumentRecord::failed(&failure), &[])?;
                self.failures.push(failure);
                return Ok(());
            }
        };
        let chunks: Vec<ChunkRecord> = self
            .chunker
            .chunk(&document)
            .into_iter()
            .map(|chunk| ChunkRecord::new(&document, chunk))
            .collect();
        self.counts.documents += 1;
        self.counts.chunks += chunks.len() as u64;
        self.counts.tokens += chunks
            .iter()
            .map(|chunk| u64::from(chunk.tokens))
            .sum::<u64>();
        self.counts.truncated += chunks.iter().filter(|chunk| chunk.truncated).count() as u64;
        Ok(self
            .writer
            .push(&DocumentRecord::of(&document, chunks.len()), &chunks)?)
    }
}
