//! Sources → Snapshot: every document is read, cut into chunks and listed; what cannot be read is listed with its reason.
//!
//! An earlier snapshot has the last good copies: what has not changed is taken over from it, and what cannot be had this time
//! is kept. What disappears is decided after the whole run.

mod duplicates;
mod plan;
mod previous;
mod run;
mod state;
mod table;
mod tolerance;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;

pub use duplicates::{NearPair, SameText};
pub use plan::{Plan, SourcePlan, plan};
pub use state::{Quarantined, SourceState, quarantined};
pub use table::Row;
pub use tolerance::{ParseToleranceError, Tolerance};

use self::duplicates::Duplicates;
use self::plan::Prepared;
use self::previous::Previous;
use self::run::{Keys, Run};
use self::table::Table;
use crate::chunk::{self, CHUNKER, ChunkRecord, Chunker, Policy, Strategy};
use crate::corpus::{
    self, Columns, EXTRACTOR, Failure, Job, Metadata, Reader, SourceSpec, Stopped,
};
use crate::digest::Digest;
use crate::durable::{Context as _, PathError};
use crate::fault::{Fault, Kind};
use crate::model::{self, Model};
use crate::progress::{Interrupted, Progress};
use crate::snapshot::{self, Settings, SnapshotWriter};
use crate::store::{Counts, Installed, Store};

/// What happens to documents of earlier runs that this one does not see. It is decided after the whole run, and only by
/// evidence: a document that cannot be had, or that a listing which broke off does not name, stays in any mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The snapshot has what the sources of this run have, and nothing else.
    #[default]
    Full,
    /// As full for the sources of this run; documents of others stay.
    Scoped,
    /// Nothing disappears but what its source says is gone.
    Incremental,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Scoped => "scoped",
            Self::Incremental => "incremental",
        })
    }
}

/// A text that names no mode.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no mode: it is `full`, `scoped` or `incremental`")]
pub struct ParseModeError(String);

impl FromStr for Mode {
    type Err = ParseModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Full, Self::Scoped, Self::Incremental]
            .into_iter()
            .find(|mode| mode.to_string() == text)
            .ok_or_else(|| ParseModeError(text.to_owned()))
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
    /// What happens to documents that are not seen.
    pub mode: Mode,
    /// The program whose hidden command `__extract` reads documents.
    pub program: &'a Path,
}

/// What one run found in its sources.
#[derive(Debug)]
pub struct Found {
    /// How much it is.
    pub counts: Counts,
    /// What became of the documents, by format.
    pub formats: BTreeMap<String, Row>,
    /// Documents that say the same.
    pub same_text: SameText,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Documents whose last good copy stands because they could not be had.
    pub kept: Vec<String>,
    /// Documents of the last run that are gone.
    pub deleted: Vec<String>,
    /// Files of no known format.
    pub unknown: Vec<PathBuf>,
    /// Documents that were left out because they were forgotten.
    pub withdrawn: u64,
    /// Chunks that something invisible was taken out of.
    pub flagged: u64,
}

/// What one run read and kept.
#[derive(Debug)]
pub struct Ingested {
    /// The snapshot's name.
    pub snapshot: Digest,
    /// Whether the store had it already.
    pub installed: Installed,
    /// What is in it.
    pub found: Found,
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
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// There is nothing to read.
    #[error("the sources hold no documents")]
    Nothing,
    /// No source is named.
    #[error("no source is named")]
    NoSources,
    /// Documents were forgotten since this run began.
    #[error("documents were forgotten while this ran")]
    Forgotten,
    /// Documents would have to be kept, but their last good copies cannot be used.
    #[error("{} document(s) could not be had or are not part of this run, and their last good copies were cut with other settings", .0.len())]
    OtherCut(Vec<String>),
    /// Another run has made a snapshot since this one began.
    #[error("another ingest has ended since this one began")]
    Overtaken,
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
            Self::Io(e) => e.kind(),
            Self::Nothing | Self::NoSources => Kind::Usage,
            Self::Forgotten | Self::Overtaken => Kind::Conflict,
            Self::OtherCut(_) | Self::TooManyFailed { .. } => Kind::TooManyFailed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Corpus(e) => e.hint(),
            Self::Chunk(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Snapshot(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Nothing => Some(
                "Look at the paths and patterns; `ragctl ingest --list` shows what they match."
                    .into(),
            ),
            Self::Forgotten | Self::Overtaken => Some("Run the same command again.".into()),
            Self::OtherCut(documents) => Some(format!(
                "Run it when all sources can be had, all of them in one run; or take out the source, which lets them go. The first is {}.",
                documents.first().map_or("unknown", String::as_str)
            )),
            Self::NoSources => Some(
                "Add a [[source]] to ragctl.toml, or name paths: `ragctl ingest docs/`.".into(),
            ),
            Self::TooManyFailed { .. } => Some(
                "`ragctl ingest --failed` lists them. Mend or exclude them, or raise --max-failed."
                    .into(),
            ),
            Self::Interrupted(_) => None,
        }
    }
}

/// Reads and cuts every document, and writes the snapshot.
pub fn ingest(
    store: &Store,
    model: &Model,
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<Ingested, Error> {
    let mut prepared = plan::prepare(request)?;
    let spool = store.draft().map_err(snapshot::Error::from)?;
    let writer = SnapshotWriter::create(store)?;
    let read = read(
        store,
        model,
        request,
        &mut prepared,
        Some(writer),
        spool.dir(),
        &mut |_| {},
        progress,
    );
    let (mut settings, writer, found) = match read {
        Err(Error::TooManyFailed {
            all,
            allowed,
            failures,
        }) => {
            prepared.quarantine(store, &failures)?;
            return Err(Error::TooManyFailed {
                all,
                allowed,
                failures,
            });
        }
        other => other?,
    };
    let Some(writer) = writer else {
        return Err(Error::Nothing);
    };
    settings.counts = found.counts;
    let (snapshot, installed) = writer.finish(store, &settings)?;
    prepared.keep(store, snapshot, &found.failures)?;
    if request.mode == Mode::Full {
        prepared.drop_other_states(store)?;
    }
    Ok(Ingested {
        snapshot,
        installed,
        found,
    })
}

/// Reads and cuts every document as [`ingest`] does, shows every chunk, and writes nothing into the store.
pub fn survey(
    store: &Store,
    model: &Model,
    request: &Request<'_>,
    each_chunk: &mut dyn FnMut(&ChunkRecord),
    progress: &dyn Progress,
) -> Result<Found, Error> {
    let mut prepared = plan::prepare(request)?;
    let spool = tempfile::tempdir().context("a temporary directory")?;
    let (.., found) = read(
        store,
        model,
        request,
        &mut prepared,
        None,
        spool.path(),
        each_chunk,
        progress,
    )?;
    Ok(found)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the two ways to read differ in these"
)]
fn read(
    store: &Store,
    model: &Model,
    request: &Request<'_>,
    prepared: &mut Prepared,
    writer: Option<SnapshotWriter>,
    spool: &Path,
    each_chunk: &mut dyn FnMut(&ChunkRecord),
    progress: &dyn Progress,
) -> Result<(Settings, Option<SnapshotWriter>, Found), Error> {
    let tokenizer = model.tokenizer()?;
    let chunker = Chunker::new(&tokenizer, request.policy)?;
    let mut settings = Settings {
        format: snapshot::FORMAT,
        fingerprint: model.space.fingerprint(),
        model: model.space.model.clone(),
        strategy: match request.policy.strategy {
            Strategy::Structure => "structure".into(),
            Strategy::Document => "document".into(),
        },
        max_tokens: chunker.max_tokens(),
        overlap: chunker.overlap(),
        min_tokens: chunker.min_tokens(),
        heading_prefix: request.policy.heading_prefix,
        makers: BTreeMap::from([
            ("chunker".into(), CHUNKER.into()),
            ("extractor".into(), EXTRACTOR.into()),
        ]),
        columns: BTreeMap::new(),
        counts: Counts::default(),
    };
    prepared.load_states(store);
    let previous = match Previous::open(store, &settings, &prepared.snapshots()) {
        // All is read afresh; only what cannot be had this time is lost.
        Err(e) if request.mode == Mode::Full => {
            progress.warn(&format!("{e}: nothing is taken over from it"));
            Previous::default()
        }
        opened => opened?,
    };
    let keys = prepared.list(request, &previous, spool, progress)?;
    let mut run = Run {
        chunker,
        writer,
        each_chunk,
        previous,
        mode: request.mode,
        forgotten: store.withdrawn().map_err(snapshot::Error::from)?,
        columns: Columns::default(),
        counts: Counts::default(),
        table: Table::default(),
        duplicates: Duplicates::default(),
        failures: Vec::new(),
        seen: HashSet::new(),
        seen_sources: HashSet::new(),
        lost: Vec::new(),
        torn: HashSet::new(),
        withdrawn: 0,
        flagged: 0,
        kept: Vec::new(),
        deleted: Vec::new(),
    };
    read_documents(&mut run, prepared, &keys, request, progress)?;
    let all = run.counts.documents + run.counts.failed - run.kept.len() as u64;
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
    if !run.lost.is_empty() {
        return Err(Error::OtherCut(run.lost));
    }
    if store.withdrawn().map_err(snapshot::Error::from)? != run.forgotten {
        return Err(Error::Forgotten);
    }
    if request.mode != Mode::Full && !run.previous.is_still_newest(store)? {
        return Err(Error::Overtaken);
    }
    settings.columns = run.columns.kinds();
    let found = Found {
        counts: run.counts,
        formats: run.table.rows(),
        same_text: run.duplicates.found(),
        failures: run.failures,
        kept: run.kept,
        deleted: run.deleted,
        unknown: prepared.unknown(),
        withdrawn: run.withdrawn,
        flagged: run.flagged,
    };
    Ok((settings, run.writer, found))
}

/// Reads all items of all sources, each source closed before the next.
fn read_documents(
    run: &mut Run<'_>,
    prepared: &Prepared,
    keys: &Keys,
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let jobs = prepared.jobs();
    let total = jobs.iter().map(|job| job.item.bytes).sum();
    let stage = progress.stage("ingest", Some(total), "bytes");
    let is_known = |job: &Job<'_>, sha256: &Digest| {
        let name = (job.source.id().to_owned(), job.item.id.clone());
        keys.get(&name) == Some(&run::key(&job.task(), sha256))
    };
    let reader = Reader {
        program: request.program,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        is_known: &is_known,
    };
    let mut open = Opened::default();
    reader
        .read(&jobs, progress, &mut |place, outcome, took| {
            let Some(job) = jobs.get(place) else {
                return Ok(());
            };
            open.until(Some(job.source.id()), run, prepared, progress)?;
            stage.advance(open.advance(place, job.item.bytes));
            stage.at(&format!("{} of {} items", place + 1, jobs.len()));
            run.take(job, outcome, took)
        })
        .map_err(|stopped| match stopped {
            Stopped::Visitor(e) => e,
            Stopped::Worker(e) => corpus::Error::from(e).into(),
        })?;
    open.until(None, run, prepared, progress)?;
    let ran = prepared
        .sources
        .iter()
        .map(|source| source.spec.id().to_owned())
        .collect();
    run.close_others(&ran, progress)
}

/// How far the sources are.
#[derive(Default)]
struct Opened {
    source: usize,
    begun: bool,
    place: Option<usize>,
}

impl Opened {
    /// Begins and ends sources until the one with this id has begun, or all of them have ended.
    fn until(
        &mut self,
        source: Option<&str>,
        run: &mut Run<'_>,
        prepared: &Prepared,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        while let Some(open) = prepared.sources.get(self.source) {
            if !self.begun {
                self.begun = true;
                let unreadable = &open.listing.unreadable;
                unreadable
                    .iter()
                    .try_for_each(|failure| run.take_failure(failure))?;
            }
            if source == Some(open.spec.id()) {
                break;
            }
            open.close(run, progress)?;
            self.source += 1;
            self.begun = false;
        }
        Ok(())
    }

    /// Returns the bytes to tell of, once for each item.
    fn advance(&mut self, place: usize, bytes: u64) -> u64 {
        let first = self.place != Some(place);
        self.place = Some(place);
        if first { bytes } else { 0 }
    }
}
