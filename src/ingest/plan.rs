//! What a run would read: the sources as they are meant, listed or fetched.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::previous::Previous;
use super::run::{self, Keys, Run};
use super::state::SourceState;
use super::{Error, Request};
use crate::corpus::{
    self, Failure, Job, LeftOut, Listing, Metadata, Options, Origin, SourceSpec, WebMemory, Worker,
};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::snapshot;
use crate::store::{Store, Withdrawn};

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
    /// Files, streams or addresses that would be read.
    pub items: Vec<String>,
    /// Files that would not, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// What could not be looked into.
    pub unreadable: Vec<Failure>,
}

/// Lists what the sources would read, and what not. Nothing is fetched: of a site only the addresses are told that are
/// configured.
pub fn plan(sources: &[SourceSpec], metadata: &Metadata) -> Result<Plan, Error> {
    let specs = specs(sources, metadata)?;
    let plan = |spec: SourceSpec| {
        if spec.is_web() {
            return Ok(SourcePlan {
                id: spec.id().to_owned(),
                items: spec.addresses().map(|url| corpus::redact(url)).collect(),
                left_out: Vec::new(),
                unreadable: Vec::new(),
            });
        }
        let listing = corpus::list(&spec)?;
        Ok(SourcePlan {
            id: spec.id().to_owned(),
            left_out: corpus::left_out(&spec, &listing),
            unreadable: unreadable(&spec, &listing),
            items: listing
                .items
                .into_iter()
                .filter(|item| !matches!(item.origin, Origin::Failed(_)))
                .map(|item| item.uri)
                .collect(),
        })
    };
    let sources: Result<Vec<SourcePlan>, Error> = specs.into_iter().map(plan).collect();
    Ok(Plan { sources: sources? })
}

/// What a listing names and cannot be had.
fn unreadable(spec: &SourceSpec, listing: &Listing) -> Vec<Failure> {
    let named = listing.items.iter().filter_map(|item| match &item.origin {
        Origin::Failed(reason) => Some(item.failure(spec, reason.clone())),
        _ => None,
    });
    named.chain(listing.unreadable.iter().cloned()).collect()
}

/// Checks the sources, and gives each the metadata that all have.
fn specs(sources: &[SourceSpec], metadata: &Metadata) -> Result<Vec<SourceSpec>, Error> {
    if sources.is_empty() {
        return Err(Error::NoSources);
    }
    let mut ids = HashSet::new();
    let mut specs = Vec::new();
    for source in sources {
        source.check()?;
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
        specs.push(spec);
    }
    Ok(specs)
}

/// The sources of a run, and what they list once that is known.
pub(super) struct Prepared {
    pub(super) sources: Vec<Source>,
}

pub(super) struct Source {
    pub(super) spec: SourceSpec,
    pub(super) listing: Listing,
    options: Options,
    state: SourceState,
    /// What servers said this time.
    memory: WebMemory,
}

pub(super) fn prepare(request: &Request<'_>) -> Result<Prepared, Error> {
    let sources = specs(request.sources, request.metadata)?
        .into_iter()
        .map(|spec| {
            Ok(Source {
                options: spec.options()?,
                state: SourceState::new(spec.id()),
                spec,
                listing: Listing::default(),
                memory: WebMemory::default(),
            })
        });
    Ok(Prepared {
        sources: sources.collect::<Result<_, Error>>()?,
    })
}

impl Prepared {
    pub(super) fn load_states(&mut self, store: &Store) {
        for source in &mut self.sources {
            source.state = SourceState::of(store, source.spec.id());
        }
    }

    /// Each source with the snapshot that has its last good copies.
    pub(super) fn snapshots(&self) -> Vec<(String, Option<Digest>)> {
        let snapshots = self.sources.iter();
        snapshots
            .map(|source| (source.spec.id().to_owned(), source.state.snapshot))
            .collect()
    }

    /// Lists every source, fetching those of the web into `spool`. Returns the keys of the last good copies.
    pub(super) fn list(
        &mut self,
        request: &Request<'_>,
        previous: &Previous,
        spool: &Path,
        progress: &dyn Progress,
    ) -> Result<Keys, Error> {
        let mut keys = Keys::new();
        for (index, source) in self.sources.iter_mut().enumerate() {
            if source.spec.is_web() {
                let mut worker = Worker::new(request.program.to_owned());
                let known = source.usable_memory(previous);
                let spool = spool.join(index.to_string());
                let (listing, memory) =
                    corpus::fetch(&source.spec, &known, &mut worker, &spool, progress)?;
                (source.listing, source.memory) = (listing, memory);
            } else {
                source.listing = corpus::list(&source.spec)?;
            }
            for item in &source.listing.items {
                let copy = previous.find(source.spec.id(), &item.id);
                if let Some(key) = copy.and_then(|copy| copy.record.key) {
                    keys.insert((source.spec.id().to_owned(), item.id.clone()), key);
                }
            }
        }
        Ok(keys)
    }

    /// Every item of every source.
    pub(super) fn jobs(&self) -> Vec<Job<'_>> {
        let jobs = self.sources.iter().flat_map(|source| {
            source.listing.items.iter().map(|item| Job {
                source: &source.spec,
                options: &source.options,
                item,
            })
        });
        jobs.collect()
    }

    pub(super) fn unknown(&self) -> Vec<PathBuf> {
        self.sources
            .iter()
            .flat_map(|source| source.listing.unknown.clone())
            .collect()
    }

    /// Keeps what was learnt, now that a snapshot has it.
    pub(super) fn keep(
        &mut self,
        store: &Store,
        snapshot: Digest,
        failures: &[Failure],
    ) -> Result<(), Error> {
        let forgotten = store.withdrawn().map_err(snapshot::Error::from)?;
        for source in &mut self.sources {
            source.state.snapshot = Some(snapshot);
            source.state.settings = Some(source.settings());
            source.state.memory = std::mem::take(&mut source.memory);
            // The address of a page may be what had to be forgotten, and others may link to it.
            let covers = |url: &String| Withdrawn::covers(&forgotten, source.spec.id(), url);
            if source.state.memory.pages.keys().any(covers) {
                source.state.memory = WebMemory::default();
            }
            // What failed is asked for afresh.
            let id = source.spec.id();
            let own = failures.iter().filter(|failure| failure.source == id);
            let failed: HashSet<&str> = own.map(|failure| failure.id.as_str()).collect();
            source
                .state
                .memory
                .refetch_unless(|url, _| !failed.contains(url));
        }
        self.quarantine(store, failures)
    }

    /// Forgets what was learnt about sources that are not part of this run, now that no snapshot has them.
    pub(super) fn drop_other_states(&self, store: &Store) -> Result<(), Error> {
        let ran: HashSet<&str> = self.sources.iter().map(|source| source.spec.id()).collect();
        let states: Vec<SourceState> = store.source_states().map_err(snapshot::Error::from)?;
        for state in states
            .iter()
            .filter(|state| !ran.contains(state.source.as_str()))
        {
            store
                .drop_source_state(&state.source)
                .map_err(snapshot::Error::from)?;
        }
        Ok(())
    }

    /// Keeps what failed.
    pub(super) fn quarantine(&mut self, store: &Store, failures: &[Failure]) -> Result<(), Error> {
        for source in &mut self.sources {
            let own = failures
                .iter()
                .filter(|failure| failure.source == source.spec.id());
            source.state.failed(own.cloned().collect());
            store
                .keep_source_state(source.spec.id(), &source.state)
                .map_err(snapshot::Error::from)?;
        }
        Ok(())
    }
}

impl Source {
    /// What servers said about pages, without what would keep those from being sent whose last good copies are not at hand.
    fn usable_memory(&self, previous: &Previous) -> WebMemory {
        let alike = self.state.settings == Some(self.settings());
        let mut memory = self.state.memory.clone();
        memory.refetch_unless(|url, visited| {
            let copy = previous.find(self.spec.id(), url);
            alike && copy.is_some_and(|copy| copy.record.sha256 == visited.sha256)
        });
        memory
    }

    fn settings(&self) -> Digest {
        run::settings(&self.options, &self.spec.metadata)
    }

    /// Decides about the documents that the run has not seen.
    pub(super) fn close(&self, run: &mut Run<'_>, progress: &dyn Progress) -> Result<(), Error> {
        let Listing { gone, complete, .. } = &self.listing;
        run.close(self.spec.id(), gone, *complete, progress)
    }
}
