//! Two versions to flip between, of the same size and with no chunk in common, so that an answer shows which it is of.
//!
//! Vectors are drawn around random centres and not embedded: what is measured is the server, and embedding as many chunks
//! would take minutes. They go through the embedding cache into an ordinary build.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use semver::Prerelease;

use super::Error;
use crate::build::{self, Naming};
use crate::chunk::ChunkRecord;
use crate::corpus::Metadata;
use crate::digest::Digest;
use crate::embed::{Cache, Device, NUMERICS, key};
use crate::index::{IndexPolicy, VectorIndex};
use crate::model::Model;
use crate::progress::Progress;
use crate::snapshot::{self, DocumentRecord, Snapshot, SnapshotWriter, Status};
use crate::store::{Counts, Shared, Store, VersionName};

/// What marks a version as one that was drawn.
const LABEL: &str = "bench-reload";
/// The letter that ids of each version begin with.
pub const LETTERS: [char; 2] = ['a', 'b'];
/// Centres that vectors lie around.
const CENTRES: usize = 500;
/// How far from its centre a vector lies, by each number's part of the centre's.
const SPREAD: f32 = 0.6;
/// Words of a chunk: about as many as fit MiniLM's window.
const WORDS: usize = 120;
/// Chunks of one document.
const CHUNKS: usize = 20;
/// Vectors that go into the cache at once.
const ROWS: usize = 16_384;

/// What the versions are made of.
pub struct Scratch<'a> {
    /// Where the store is made, or lies from an earlier run.
    pub dir: &'a Path,
    /// Chunks of each version.
    pub chunks: usize,
    /// Opens the model that the versions bring; asked for once a version.
    pub model: &'a dyn Fn() -> Result<Model, Error>,
    /// What computes.
    pub device: &'a Device,
    /// The seed of everything that is drawn.
    pub seed: u64,
}

impl Scratch<'_> {
    /// Makes both versions, or finds those of an earlier run.
    pub fn versions(&self, progress: &dyn Progress) -> Result<(Store, [VersionName; 2]), Error> {
        let store = Store::create(self.dir, Shared::Owner, None)?;
        let mut made = store.versions()?;
        for version in &made {
            let (manifest, _) = store.manifest(version)?;
            let is_ours = manifest.labels.contains_key(LABEL);
            if !is_ours
                || manifest.counts.chunks != self.chunks as u64
                || made.len() > LETTERS.len()
            {
                return Err(Error::NotScratch(self.chunks));
            }
        }
        // Those that an earlier run made, and what it did not come to.
        for letter in LETTERS.into_iter().skip(made.len()) {
            made.push(self.version(&store, letter, progress)?);
        }
        let made =
            <[VersionName; 2]>::try_from(made).map_err(|_| Error::NotScratch(self.chunks))?;
        Ok((store, made))
    }

    fn version(
        &self,
        store: &Store,
        letter: char,
        progress: &dyn Progress,
    ) -> Result<VersionName, Error> {
        let model = (self.model)()?;
        let space = model.space.clone();
        let seed = self.seed ^ u64::from(u32::from(letter));
        let mut random = fastrand::Rng::with_seed(seed);
        let mut cache = Cache::open(&store.cache_dir(), &space.fingerprint(), NUMERICS)?;
        let mut writer = SnapshotWriter::create(store)?;
        let centres: Vec<Vec<f32>> = (0..CENTRES)
            .map(|_| drawn(&mut random, space.dimension))
            .collect();
        let mut rows = Vec::new();
        let stage = progress.stage("draw", Some(self.chunks as u64), "chunks");
        for document in 0..self.chunks.div_ceil(CHUNKS) {
            progress.checkpoint()?;
            let first = document * CHUNKS;
            let count = CHUNKS.min(self.chunks - first);
            let chunks: Vec<_> = (first..first + count)
                .map(|number| chunk(letter, number, &mut random))
                .collect();
            for chunk in &chunks {
                let vector = centres.get(random.usize(..CENTRES)).map(|centre| {
                    let noise = drawn(&mut random, space.dimension);
                    to_unit(centre.iter().zip(noise).map(|(at, off)| at + SPREAD * off))
                });
                let name = key(&space.document_prefix, &chunk.embedded());
                rows.push((name, vector.unwrap_or_default()));
            }
            if rows.len() >= ROWS {
                cache.append(std::mem::take(&mut rows))?;
            }
            writer.push(&listed(letter, document, count), &chunks)?;
            stage.advance(count as u64);
        }
        cache.append(rows)?;
        drop(stage);
        let settings = snapshot::Settings {
            format: snapshot::FORMAT,
            fingerprint: space.fingerprint(),
            model: space.model.clone(),
            strategy: "structure".into(),
            max_tokens: space.max_tokens,
            overlap: 0,
            min_tokens: 0,
            heading_prefix: false,
            makers: BTreeMap::new(),
            columns: BTreeMap::new(),
            counts: Counts {
                documents: self.chunks.div_ceil(CHUNKS) as u64,
                chunks: self.chunks as u64,
                ..Counts::default()
            },
        };
        writer.finish(store, &settings)?;
        let request = build::Request {
            naming: Naming::Next {
                bump: None,
                pre: Prerelease::EMPTY,
            },
            labels: BTreeMap::from([(LABEL.to_owned(), letter.to_string())]),
            if_changed: false,
            replacing: None,
            index: IndexPolicy {
                vector: VectorIndex::Auto,
                exact_below: 5000,
                min_ann_recall: 0.95,
                text: None,
                filters: Some(Vec::new()),
            },
            golden: None,
            lock_timeout: Duration::from_secs(10),
        };
        let snapshot = Snapshot::open(store, None)?;
        let device = || Ok(self.device.clone());
        let built = build::build(store, &snapshot, model, device, &request, progress)?;
        Ok(built.sealed.name)
    }
}

fn drawn(random: &mut fastrand::Rng, dimension: usize) -> Vec<f32> {
    // The sum of four has about the shape of a normal distribution.
    let mut number = || (0..4).map(|_| random.f32()).sum::<f32>() - 2.0;
    to_unit((0..dimension).map(|_| number()).collect::<Vec<_>>())
}

fn to_unit(numbers: impl IntoIterator<Item = f32>) -> Vec<f32> {
    let mut vector: Vec<f32> = numbers.into_iter().collect();
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    vector
        .iter_mut()
        .for_each(|number| *number /= length.max(f32::MIN_POSITIVE));
    vector
}

fn chunk(letter: char, number: usize, random: &mut fastrand::Rng) -> ChunkRecord {
    const SYLLABLES: [&str; 16] = [
        "re", "lease", "in", "dex", "ver", "sion", "an", "swer", "que", "ry", "ser", "ve", "lo",
        "ad", "chan", "nel",
    ];
    let mut text = format!("{letter} {number}");
    for _ in 0..WORDS {
        text.push(' ');
        for _ in 0..random.usize(1..4) {
            text.push_str(
                SYLLABLES
                    .get(random.usize(..SYLLABLES.len()))
                    .unwrap_or(&""),
            );
        }
    }
    ChunkRecord {
        id: format!("{letter}{number:031x}"),
        source: "scratch".into(),
        doc_id: format!("{letter}-{}", number / CHUNKS),
        uri: format!("scratch/{letter}/{}", number / CHUNKS),
        title: None,
        heading: Vec::new(),
        page: None,
        byte_start: 0,
        byte_end: text.len() as u64,
        ordinal: (number % CHUNKS) as u32,
        tokens: WORDS as u32,
        truncated: false,
        text_sha256: Digest::of(&text),
        flags: Vec::new(),
        metadata: Metadata::new(),
        prefix: None,
        text,
    }
}

fn listed(letter: char, document: usize, chunks: usize) -> DocumentRecord {
    DocumentRecord {
        source: "scratch".into(),
        id: format!("{letter}-{document}"),
        uri: format!("scratch/{letter}/{document}"),
        status: Status::Ok,
        reason: None,
        title: None,
        format: None,
        bytes: 0,
        sha256: None,
        chunks: chunks as u64,
        metadata: Metadata::new(),
        key: None,
    }
}
