//! Snapshot → Sealed: every chunk with its vector into a Lance table, described by a manifest, under a name that was free.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use semver::Prerelease;

use crate::corpus::Value;
use crate::digest::{Digest, FieldHasher};
use crate::durable::{Context as _, PathError};
use crate::embed::{self, Cache, Device, Embedder, NUMERICS, probes};
use crate::fault::{Fault, Kind};
use crate::golden::GOLDEN;
use crate::index::{self, IndexPolicy, IndexWriter, MINIMUM_READER};
use crate::model::Model;
use crate::progress::{Interrupted, Progress};
use crate::snapshot::{self, Snapshot};
use crate::space::Space;
use crate::store::{
    self, Bump, Lance, MANIFEST_FORMAT, Manifest, NameRecord, Numerics, Recovered, Resources,
    SOURCES, Sealed, Store, VersionName,
};

/// How the new version gets its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// This name.
    Exactly(VersionName),
    /// The next one of this kind, or of the kind that the change calls for.
    Next {
        /// The kind; `None` compares with the live version.
        bump: Option<Bump>,
        /// What follows the numbers.
        pre: Prerelease,
    },
}

/// What to build.
pub struct Request {
    /// How it gets its name.
    pub naming: Naming,
    /// The person's own words about it.
    pub labels: BTreeMap<String, String>,
    /// Whether nothing is built when the live version says the same.
    pub if_changed: bool,
    /// A version that this one takes the place of, so that it counts for no repetition.
    pub replacing: Option<VersionName>,
    /// Which indexes the table gets.
    pub index: IndexPolicy,
    /// The golden queries that the version carries: the bytes of their file, which were read as such.
    pub golden: Option<Vec<u8>>,
    /// How long to wait for the store lock.
    pub lock_timeout: Duration,
}

/// What a build would do, or did.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name, as far as it is known before the store is locked.
    pub name: VersionName,
    /// What the version says.
    pub content_digest: Digest,
    /// The content together with index settings and numerics.
    pub build_digest: Digest,
    /// A version that is already what would be built.
    pub same: Option<VersionName>,
}

/// What a build gave.
#[derive(Debug)]
pub struct Built {
    /// The version: the new one, or the one that was there already.
    pub sealed: Sealed,
    /// Whether it is new.
    pub changed: bool,
    /// Its manifest.
    pub manifest: Manifest,
    /// Chunks embedded for it just now.
    pub embedded: u64,
    /// What taking the lock put right.
    pub recovered: Vec<Recovered>,
}

/// A build that gave no version.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// Embedding failed.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The table cannot be written.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The snapshot was cut for another space.
    #[error("the snapshot was cut for {snapshot}, but the model is {model}")]
    OtherSpace {
        /// The snapshot's model and fingerprint.
        snapshot: String,
        /// The model's name and fingerprint.
        model: String,
    },
    /// A vector disappeared from the cache while the table was written.
    #[error("the embedding cache lost the vector of chunk {0}")]
    LostVector(String),
    /// The snapshot lists documents that were forgotten since.
    #[error("snapshot {0} lists documents that were forgotten since")]
    Forgotten(String),
    /// The probes cannot be written as JSON.
    #[error("probes.json: {0}")]
    Probes(serde_json::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Snapshot(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Index(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::OtherSpace { .. } => Kind::Incompatible,
            Self::Forgotten(_) => Kind::Conflict,
            Self::LostVector(_) | Self::Probes(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Snapshot(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Index(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::OtherSpace { .. } => Some("Run `ragctl ingest` with this model, or name the model that the snapshot was cut for.".into()),
            Self::LostVector(_) => Some("Run the same command again.".into()),
            Self::Forgotten(_) => Some("Run `ragctl ingest`, which leaves them out.".into()),
            Self::Interrupted(_) | Self::Probes(_) => None,
        }
    }
}

/// Checks that a snapshot was cut for this space: its chunks must fit the window that embeds them.
pub fn check_space(snapshot: &Snapshot, space: &Space) -> Result<(), Error> {
    let fingerprint = space.fingerprint();
    if snapshot.settings.fingerprint == fingerprint {
        return Ok(());
    }
    let named = |model: &str, fingerprint: &Digest| format!("{model} ({})", fingerprint.short());
    Err(Error::OtherSpace {
        snapshot: named(&snapshot.settings.model, &snapshot.settings.fingerprint),
        model: named(&space.model, &fingerprint),
    })
}

/// Refuses a snapshot that lists documents which were forgotten since.
fn check_not_forgotten(store: &Store, snapshot: &Snapshot) -> Result<(), Error> {
    let withdrawn = store.withdrawn()?;
    if withdrawn.is_empty() {
        return Ok(());
    }
    for document in snapshot.documents()? {
        let document = document?;
        if store::Withdrawn::covers(&withdrawn, &document.source, &document.id) {
            return Err(Error::Forgotten(snapshot.id.short()));
        }
    }
    Ok(())
}

/// Reads a snapshot's chunks as the strings that are embedded.
pub fn embedded_texts(
    snapshot: &Snapshot,
    space: &Space,
) -> Result<impl Iterator<Item = Result<String, Error>> + Send + use<>, Error> {
    let prefix = space.document_prefix.clone();
    Ok(snapshot
        .chunks()?
        .map(move |chunk| Ok(format!("{prefix}{}", chunk?.embedded()))))
}

/// What tells two builds apart.
#[derive(Clone, Copy)]
struct Digests {
    content: Digest,
    build: Digest,
}

impl Digests {
    fn of(snapshot: &Snapshot, space: &Space, request: &Request) -> Result<Self, Error> {
        let content = content_digest(snapshot, space)?;
        let build = FieldHasher::default()
            .field("ragctl build 2")
            .field(content.as_bytes())
            .field(NUMERICS)
            .field(request.index.describe())
            .field(request.golden.as_deref().unwrap_or_default())
            .finish();
        Ok(Self { content, build })
    }

    fn are_of(&self, manifest: &Manifest) -> bool {
        manifest.content_digest == self.content && manifest.build_digest == self.build
    }
}

/// Works out what a build would give, from the snapshot and the store alone.
pub fn plan(
    store: &Store,
    snapshot: &Snapshot,
    space: &Space,
    request: &Request,
) -> Result<Plan, Error> {
    check_space(snapshot, space)?;
    place(
        store,
        Digests::of(snapshot, space, request)?,
        space,
        request,
    )
}

/// Finds the name of what would be built, or the version that it would repeat.
fn place(store: &Store, digests: Digests, space: &Space, request: &Request) -> Result<Plan, Error> {
    let live = store
        .live()?
        .map(|name| store.manifest(&name))
        .transpose()?
        .map(|(manifest, _)| manifest);
    let mut same = match request.if_changed {
        true => repeated(store, &digests, live.as_ref(), request)?,
        false => None,
    };
    let name = match &request.naming {
        Naming::Exactly(name) if store.version_dir(name).exists() => {
            if !digests.are_of(&store.manifest(name)?.0) {
                return Err(store::Error::NameTaken { name: name.clone() }.into());
            }
            same = Some(name.clone());
            name.clone()
        }
        Naming::Exactly(name) if store.names()?.iter().any(|known| known.name == *name) => {
            return Err(store::Error::NameTaken { name: name.clone() }.into());
        }
        Naming::Exactly(name) => name.clone(),
        Naming::Next { bump, pre } => {
            let called_for = match &live {
                Some(live) if live.fingerprint != space.fingerprint() => Bump::Major,
                Some(live) if live.content_digest == digests.content => Bump::Patch,
                _ => Bump::Minor,
            };
            let names = store
                .names()?
                .into_iter()
                .map(|NameRecord { name, .. }| name);
            let highest = names.chain(store.versions()?).max();
            let next = |highest: VersionName| highest.next(bump.unwrap_or(called_for), pre.clone());
            highest.map_or(VersionName::first(pre.clone()), next)
        }
    };
    Ok(Plan {
        name,
        content_digest: digests.content,
        build_digest: digests.build,
        same,
    })
}

/// Finds the version that a build would repeat: the live one, or the newest above it. One that was built but failed its gates
/// is thus not built again every night.
fn repeated(
    store: &Store,
    digests: &Digests,
    live: Option<&Manifest>,
    request: &Request,
) -> Result<Option<VersionName>, Error> {
    let withdrawn = store.withdrawn()?;
    let counts = |name: &VersionName| {
        request.replacing.as_ref() != Some(name)
            && !withdrawn.contains(&store::Withdrawn::Version(name.clone()))
    };
    if let Some(live) = live.filter(|live| digests.are_of(live) && counts(&live.version)) {
        return Ok(Some(live.version.clone()));
    }
    // A release candidate that somebody tries out is not what a nightly run releases, nor the other way round.
    let is_candidate = match &request.naming {
        Naming::Exactly(name) => !name.pre().is_empty(),
        Naming::Next { pre, .. } => !pre.is_empty(),
    };
    let above = |name: &VersionName| {
        live.is_none_or(|live| *name > live.version) && name.pre().is_empty() != is_candidate
    };
    // A version whose manifest is damaged is nobody's repetition.
    let is_same = |name: &VersionName| {
        store
            .manifest(name)
            .is_ok_and(|(manifest, _)| digests.are_of(&manifest))
    };
    Ok(store
        .versions()?
        .into_iter()
        .rev()
        .filter(|name| above(name) && counts(name))
        .find(is_same))
}

/// Builds and seals a version. `device` is asked for only when something must be built.
pub fn build(
    store: &Store,
    snapshot: &Snapshot,
    model: Model,
    device: impl FnOnce() -> Result<Device, embed::Error>,
    request: &Request,
    progress: &dyn Progress,
) -> Result<Built, Error> {
    let (space, model_files) = (model.space.clone(), model.digests().clone());
    check_space(snapshot, &space)?;
    check_not_forgotten(store, snapshot)?;
    let digests = Digests::of(snapshot, &space, request)?;
    if let Some(built) = already_built(store, &place(store, digests, &space, request)?)? {
        return Ok(built);
    }
    let fingerprint = space.fingerprint();
    // From here on gc knows that a build is in progress, and leaves snapshots, models and the cache alone.
    let draft = store.draft()?;
    install_model(store, &model, &fingerprint)?;
    let embedder = Embedder::load(model, device()?)?;
    let mut cache = Cache::open(&store.cache_dir(), &fingerprint, NUMERICS)?;
    let texts = || embedded_texts(snapshot, &space);
    let mut clock = Clock::start();
    let filled = embed::fill(&embedder, &mut cache, texts, progress)?;
    clock.stage("embed");

    let counts = snapshot.settings.counts;
    let mut writer = IndexWriter::create(draft.dir(), space.dimension, &snapshot.settings.columns)?;
    let stage = progress.stage("write", Some(counts.chunks), "chunks");
    let mut text_bytes = 0;
    for chunk in snapshot.chunks()? {
        progress.checkpoint()?;
        let chunk = chunk?;
        let key = embed::key(&space.document_prefix, &chunk.embedded());
        let vector = cache
            .get(&key)?
            .ok_or_else(|| Error::LostVector(chunk.id.clone()))?;
        text_bytes += chunk.text.len() as u64;
        writer.push(chunk, vector)?;
        stage.advance(1);
    }
    drop(stage);
    clock.stage("write");
    let written = writer.finish(draft.dir(), &request.index, progress)?;
    clock.stage("index");
    let stage = progress.stage("hash", None, "steps");
    let path = draft.dir().join(probes::PROBES);
    let probes = serde_json::to_vec(&probes::make(&embedder)?).map_err(Error::Probes)?;
    fs::write(&path, probes).context(&path)?;
    let path = draft.dir().join(SOURCES);
    fs::copy(snapshot.documents_file(), &path).context(&path)?;
    if let Some(golden) = &request.golden {
        let path = draft.dir().join(GOLDEN);
        fs::write(&path, golden).context(&path)?;
    }
    let files = draft.files()?;
    drop(stage);
    clock.stage("probe and hash");
    progress.checkpoint()?;

    // From here on the name and the parent are decided, so nobody else may write.
    let locked = store.lock(request.lock_timeout, "build", progress)?;
    check_not_forgotten(&locked, snapshot)?;
    let plan = place(&locked, digests, &space, request)?;
    if let Some(built) = already_built(&locked, &plan)? {
        return Ok(built);
    }
    let disk_bytes = files.iter().map(|file| file.size).sum();
    let resident_bytes = counts.chunks * space.dimension as u64 * 4 + text_bytes;
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        version: plan.name.clone(),
        created: Timestamp::now(),
        tool: format!("ragctl {}", env!("CARGO_PKG_VERSION")),
        content_digest: plan.content_digest,
        build_digest: plan.build_digest,
        snapshot: snapshot.id,
        parent: locked.live()?,
        promoted_from: None,
        labels: request.labels.clone(),
        counts,
        space,
        fingerprint,
        model_files,
        numerics: Numerics {
            class: NUMERICS.into(),
            scheme: embedder.scheme().into(),
            device: embedder.device().name.clone(),
        },
        makers: snapshot.settings.makers.clone(),
        tables: vec![written.table],
        lance: Lance {
            data_format: written.data_format,
            minimum_reader: MINIMUM_READER.into(),
        },
        resources: Resources {
            disk_bytes,
            resident_bytes,
        },
        timings: clock.stages,
        files,
    };
    let sealed = draft.seal(&locked, &manifest)?;
    Ok(Built {
        sealed,
        changed: true,
        manifest,
        embedded: filled.embedded,
        recovered: locked.recovered().to_vec(),
    })
}

/// How long each stage of a build took.
struct Clock {
    begun: Instant,
    stages: Vec<(String, f64)>,
}

impl Clock {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
            stages: Vec::new(),
        }
    }

    /// Ends a stage, and begins the next.
    fn stage(&mut self, name: &str) {
        let seconds = (self.begun.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        self.stages.push((name.to_owned(), seconds));
        self.begun = Instant::now();
    }
}

fn already_built(store: &Store, plan: &Plan) -> Result<Option<Built>, Error> {
    let Some(name) = &plan.same else {
        return Ok(None);
    };
    let (manifest, manifest_sha256) = store.manifest(name)?;
    let sealed = Sealed {
        name: name.clone(),
        manifest_sha256,
    };
    Ok(Some(Built {
        sealed,
        changed: false,
        manifest,
        embedded: 0,
        recovered: Vec::new(),
    }))
}

/// Puts the model into the store, so that a reader without a network can embed its queries.
fn install_model(store: &Store, model: &Model, fingerprint: &Digest) -> Result<(), Error> {
    let dir = store.model_dir(fingerprint);
    let is_there = |(file, digest): (&String, &Digest)| {
        Digest::of_file_beneath(&dir, Path::new(file)).is_ok_and(|found| found == *digest)
    };
    if model.digests().iter().all(is_there) {
        return Ok(());
    }
    let draft = store.draft()?;
    model.write(draft.dir())?;
    store.install(&draft, &dir)?;
    Ok(())
}

/// Hashes what a version says: every stored column but the vector, the exact string that is embedded, and the space, in
/// row order.
fn content_digest(snapshot: &Snapshot, space: &Space) -> Result<Digest, Error> {
    let mut hasher = FieldHasher::default();
    hasher
        .field("ragctl content 2")
        .field(space.fingerprint().as_bytes());
    for (name, kind) in &snapshot.settings.columns {
        hasher.field(name).field(kind.to_string());
    }
    for chunk in snapshot.chunks()? {
        let chunk = chunk?;
        hasher
            .field(&chunk.id)
            .field(&chunk.source)
            .field(&chunk.doc_id)
            .field(&chunk.uri);
        hasher.field(
            chunk
                .title
                .as_deref()
                .map_or(String::new(), |title| format!("={title}")),
        );
        hasher.field(chunk.heading_path().unwrap_or_default());
        for number in [
            u64::from(chunk.page.unwrap_or(0)),
            chunk.byte_start,
            chunk.byte_end,
            u64::from(chunk.ordinal),
            u64::from(chunk.tokens),
        ] {
            hasher.field(number.to_le_bytes());
        }
        hasher.field(format!("{}{}", space.document_prefix, chunk.embedded()));
        hasher
            .field(chunk.prefix.as_deref().unwrap_or_default())
            .field(chunk.flags_text().unwrap_or_default());
        hasher.field(chunk.metadata.len().to_le_bytes());
        for (name, value) in &chunk.metadata {
            hasher.field(name);
            match value {
                Value::Boolean(value) => hasher.field([u8::from(*value)]),
                Value::Integer(value) => hasher.field(value.to_le_bytes()),
                Value::Float(value) => hasher.field(value.to_bits().to_le_bytes()),
                Value::Text(value) => hasher.field(value),
            };
        }
    }
    Ok(hasher.finish())
}
