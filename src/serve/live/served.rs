//! A version that answers: held, checked, in memory or with its index open, and warm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Check, Error, Models, Options, Reload, SearchBy, memory};
use crate::embed::Embedder;
use crate::embed::probes::{PROBES, Probe, SAME, cosine};
use crate::golden;
use crate::index::{self, Asked, Resident, Search, Table};
use crate::progress::Progress;
use crate::store::{Held, MANIFEST, Manifest, Store};
use crate::verify;

/// Golden queries that a version is warmed with at most.
const WARM_QUERIES: usize = 8;
/// Hits that each asks for.
const WARM_K: usize = 10;

/// A version that answers, with its model. While this lives nothing deletes the version.
pub struct Served {
    held: Held,
    /// 0 where the channel's twin did not tell.
    generation: AtomicU64,
    /// The version's table.
    pub table: Table,
    /// Its model.
    pub embedder: Arc<Embedder>,
    /// How long it took to load.
    pub took: Duration,
}

/// What a version needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    /// Bytes of its rows in memory.
    pub(super) rows: u64,
    /// Bytes of its model, where it is not in memory yet.
    pub(super) model: u64,
}

impl Need {
    pub(super) fn of(store: &Store, held: &Held, models: &Models) -> Self {
        let manifest = &held.manifest;
        let (rows, dimension) = (manifest.counts.chunks, manifest.space.dimension);
        let vectors = rows.saturating_mul(dimension as u64 * 4);
        let texts = manifest.resources.resident_bytes.saturating_sub(vectors);
        let dir = store.model_dir(&manifest.fingerprint);
        let files = manifest.model_files.keys();
        let sizes = files.filter_map(|file| Some(dir.join(file).metadata().ok()?.len()));
        // Weights are there once as they were read and once as they are packed, while they load.
        let model = match models.has(held) {
            true => 0,
            false => 2 * sizes.sum::<u64>(),
        };
        Self {
            rows: Resident::estimate(rows, dimension, texts),
            model,
        }
    }
}

impl Served {
    /// Loads a held version: reads its bytes back, opens its model and table, takes its rows into memory where that is asked
    /// for, and asks it what it will be asked.
    pub(super) fn load(
        store: &Store,
        held: Held,
        generation: Option<u64>,
        models: &Models,
        options: &Options,
        resident: bool,
        progress: &(dyn Progress + Sync),
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        verify::check_structure(&held)?;
        let (embedder, table) = thread::scope(|scope| {
            // Read back while it loads: the same pages, in about the same time.
            let checking = match options.verify {
                Check::Structure => None,
                Check::Bytes => {
                    let held = &held;
                    Some(scope.spawn(move || verify::check_bytes(held, progress)))
                }
            };
            let opened = open(store, &held, models, options, resident, progress);
            if let Some(checking) = checking {
                checking.join().map_err(|_| Error::Panicked)??;
            }
            opened
        })?;
        let served = Self {
            held,
            generation: AtomicU64::new(generation.unwrap_or(0)),
            table,
            embedder,
            took: Duration::ZERO,
        };
        served.warm()?;
        Ok(Self {
            took: begun.elapsed(),
            ..served
        })
    }

    /// Asks what it will be asked: what is wrong shows now, and what is read once is read.
    fn warm(&self) -> Result<(), Error> {
        let queries = golden::of_version(&self.held.dir)?.unwrap_or_default();
        let texts = queries
            .iter()
            .take(WARM_QUERIES)
            .map(|query| query.text.as_str());
        let search = Search::top(WARM_K);
        for text in texts {
            let vector = self.embedder.embed_query(text)?;
            self.table.search(Asked::Vector(&vector), &search)?;
        }
        if self.held.manifest.counts.chunks > 0 && queries.is_empty() {
            let vector = self.embedder.embed_query("warm")?;
            self.table.search(Asked::Vector(&vector), &search)?;
        }
        Ok(())
    }

    /// The version's name.
    pub fn name(&self) -> String {
        self.held.name.to_string()
    }

    /// The version and its lease.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// What it is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.held.manifest
    }

    /// The channel's count of releases when it became live, where its twin tells.
    pub fn generation(&self) -> Option<u64> {
        Some(self.generation.load(Ordering::Relaxed)).filter(|generation| *generation > 0)
    }

    /// The same version was released again.
    pub(super) fn set_generation(&self, generation: Option<u64>) {
        self.generation
            .store(generation.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether its files are where they were.
    pub fn is_there(&self) -> bool {
        self.held.dir.join(MANIFEST).exists()
    }

    /// Bytes of memory that its rows take.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = self.table.resident().map_or(0, |rows| rows.bytes());
        bytes as u64
    }

    /// Whether its rows are in memory.
    pub fn is_resident(&self) -> bool {
        self.table.resident().is_some()
    }
}

fn open(
    store: &Store,
    held: &Held,
    models: &Models,
    options: &Options,
    resident: bool,
    progress: &dyn Progress,
) -> Result<(Arc<Embedder>, Table), Error> {
    let known = models.has(held);
    let embedder = models.of(store, held)?;
    if !known {
        prove(&embedder, held)?;
    }
    let mut table = Table::open_version(&held.dir, &held.manifest)?;
    if resident {
        match table.keep_resident(held.manifest.counts.chunks, progress) {
            // Large groups of equal chunks whose vectors lie close: the version's own index finds them.
            Err(e @ index::Error::ResidentRecall { .. }) if options.search == SearchBy::Auto => {
                progress.warn(&format!("{}: {e}; its index is searched", held.name));
            }
            kept => kept?,
        }
    }
    Ok((embedder, table))
}

/// Embeds the version's probes, which must give the vectors that the version was built with.
fn prove(embedder: &Embedder, held: &Held) -> Result<(), Error> {
    let bytes = crate::durable::read_beneath(&held.dir, PROBES.as_ref())?;
    let probes: Vec<Probe> = serde_json::from_slice(&bytes).map_err(Error::Probes)?;
    let texts: Vec<&str> = probes.iter().map(|probe| probe.text.as_str()).collect();
    let vectors = embedder.embed(&texts)?;
    let least = probes
        .iter()
        .zip(&vectors)
        .map(|(probe, vector)| cosine(&probe.vector, vector))
        .fold(1.0, f64::min);
    match least >= SAME {
        true => Ok(()),
        false => Err(Error::WrongModel {
            version: held.name.clone(),
            least,
        }),
    }
}

/// Whether a version's rows go into memory, and whether they may. `spared` is what is let go of before it loads.
pub(super) fn admit(
    store: &Store,
    held: &Held,
    models: &Models,
    options: &Options,
    spared: u64,
) -> Result<bool, Error> {
    let need = Need::of(store, held, models);
    let limit = options
        .max_memory
        .or_else(memory::limit)
        .unwrap_or(u64::MAX);
    let has = memory::resident().saturating_sub(spared);
    let resident = match options.search {
        SearchBy::Index => false,
        SearchBy::Resident => true,
        SearchBy::Auto => {
            // So much that the next one of its size fits as well.
            let versions = match options.reload {
                Reload::Beside => 2,
                Reload::DrainFirst => 1,
            };
            need.rows
                .saturating_mul(versions)
                .saturating_add(need.model)
                <= limit
        }
    };
    let needed = need.model + if resident { need.rows } else { 0 };
    match has.saturating_add(needed) <= limit {
        true => Ok(resident),
        false => Err(Error::NoMemory {
            version: held.name.clone(),
            needed,
            has,
            limit,
        }),
    }
}
