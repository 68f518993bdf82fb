//! What is learnt about a source from run to run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::corpus::{Failure, WebMemory};
use crate::digest::Digest;
use crate::store::{self, Store};

/// The shape of the record. One of another shape is as good as none.
const FORMAT: u32 = 1;

/// A source's record in `state/sources/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceState {
    format: u32,
    /// The source's id.
    pub source: String,
    /// The snapshot that has its last good copies.
    pub snapshot: Option<Digest>,
    /// The hash of the settings that its documents were read with.
    #[serde(default)]
    pub settings: Option<Digest>,
    /// What servers said about its pages.
    #[serde(default)]
    pub memory: WebMemory,
    /// What could not be read at the last run, and is tried again at the next.
    #[serde(default)]
    pub failures: Vec<Quarantined>,
}

/// A document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// What and why.
    #[serde(flatten)]
    pub failure: Failure,
    /// When it failed for the first time since it was last read.
    pub since: Timestamp,
    /// How many runs have tried it since.
    pub tries: u64,
}

impl SourceState {
    /// Reads a source's record; an empty one where there is none, or none that can be read: it only saves work.
    pub(super) fn of(store: &Store, source: &str) -> Self {
        let found: Option<Self> = store.source_state(source).ok().flatten();
        found
            .filter(|state| state.format == FORMAT && state.source == source)
            .unwrap_or_else(|| Self::new(source))
    }

    /// The record of a source of which nothing is known.
    pub(super) fn new(source: &str) -> Self {
        Self {
            format: FORMAT,
            source: source.to_owned(),
            snapshot: None,
            settings: None,
            memory: WebMemory::default(),
            failures: Vec::new(),
        }
    }

    /// Takes the failures of a run in: what failed before keeps its first time.
    pub(super) fn failed(&mut self, failures: Vec<Failure>) {
        let mut known: BTreeMap<String, Quarantined> = std::mem::take(&mut self.failures)
            .into_iter()
            .map(|known| (known.failure.id.clone(), known))
            .collect();
        let now = Timestamp::now();
        self.failures = failures
            .into_iter()
            .map(|failure| {
                let known = known.remove(&failure.id);
                Quarantined {
                    since: known.as_ref().map_or(now, |known| known.since),
                    tries: known.map_or(0, |known| known.tries) + 1,
                    failure,
                }
            })
            .collect();
    }
}

/// Lists what could not be read when each source was last ingested.
pub fn quarantined(store: &Store) -> Result<Vec<Quarantined>, store::Error> {
    let states: Vec<SourceState> = store.source_states()?;
    let mut failures: Vec<Quarantined> = states
        .into_iter()
        .filter(|state| state.format == FORMAT)
        .flat_map(|state| state.failures)
        .collect();
    let order = |known: &Quarantined| (known.failure.source.clone(), known.failure.id.clone());
    failures.sort_by_key(order);
    Ok(failures)
}
