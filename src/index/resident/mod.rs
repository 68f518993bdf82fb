//! A version in memory: vectors to search, and what a hit shows, so that an answer costs no read of a disk.
//!
//! Candidates are found by vectors of bytes, several queries at once as one product of matrices, and ranked by the vectors
//! themselves. How many candidates that takes is measured when a version is loaded, against exact search.

mod arena;
mod codes;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use lance_linalg::distance::{Dot as _, Normalize as _};
use quick_cache::sync::Cache;

use super::hit::Columns;
use super::schema::VECTOR;
use super::table::flat_vectors;
use super::tune::{RECALL_K, TIE};
use super::{Chunk, Error, Filter, Hit, Table};
use crate::durable::Context as _;
use crate::progress::Progress;
use arena::{Numbers, Strings};
use codes::{Allowed, Best, Codes};

/// Recall against exact search that a resident version must reach.
pub const RESIDENT_RECALL: f64 = 0.999;
/// Stored vectors that it is measured with.
const MEASURED: usize = 32;
/// Candidates beyond those that are wanted, at least.
const SPARE: usize = 16;
/// The most candidates per wanted hit that are tried.
const MOST_CANDIDATES: usize = 32;
/// Filters whose rows are remembered.
const FILTERS: usize = 64;

/// A version's rows in memory.
pub struct Resident {
    rows: usize,
    dimension: usize,
    /// Of unit length, row after row.
    vectors: Numbers<f32>,
    codes: Codes,
    /// What a hit shows of each row, as the members of a JSON object behind its opening brace.
    chunks: Strings,
    /// Hashes of ids with their rows, sorted.
    by_id: Vec<(u64, u32)>,
    /// Lance's row ids, sorted: the first of each run, its row, and how many follow each other.
    runs: Vec<Run>,
    /// Candidates per wanted hit.
    candidates: usize,
    filters: Cache<String, Arc<Allowed>>,
}

/// Row ids that follow each other, as their rows do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    first: u64,
    row: usize,
    count: usize,
}

/// One question of several.
#[derive(Debug, Clone, Copy)]
pub struct Nearest<'a> {
    /// Its vector.
    pub vector: &'a [f32],
    /// How many rows are wanted.
    pub k: usize,
    /// Which rows count.
    pub filter: Option<&'a Filter>,
}

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Its number.
    pub row: usize,
    /// Its cosine similarity.
    pub score: f32,
}

impl Resident {
    /// Reads a table's rows into memory.
    pub(super) fn load(table: &Table, rows: u64, progress: &dyn Progress) -> Result<Self, Error> {
        let room =
            || Ok::<_, io::Error>(usize::try_from(rows).map_err(|_| io::ErrorKind::OutOfMemory)?);
        let rows = room().context("memory")?;
        let dimension = table.dimension()?;
        let mut resident = Self {
            rows,
            dimension,
            vectors: Numbers::zeroed(rows.saturating_mul(dimension)).context("memory")?,
            codes: Codes::with_room(rows, dimension).context("memory")?,
            chunks: Strings::default(),
            by_id: Vec::with_capacity(rows),
            runs: Vec::new(),
            candidates: 2,
            filters: Cache::new(FILTERS),
        };
        let stage = progress.stage("load", Some(rows as u64), "chunks");
        let mut first = 0;
        table.each_shown(&mut |batch| {
            progress.checkpoint()?;
            resident.take(first, batch)?;
            first += batch.num_rows();
            stage.advance(batch.num_rows() as u64);
            Ok(())
        })?;
        resident.by_id.sort_unstable();
        resident.runs.sort_unstable();
        match first == rows {
            true => Ok(resident),
            false => Err(Error::Rows {
                expected: rows as u64,
                found: first as u64,
            }),
        }
    }

    fn take(&mut self, first: usize, batch: &arrow_array::RecordBatch) -> Result<(), Error> {
        let columns = Columns::of(batch)?;
        let (vectors, dimension) = flat_vectors(batch)?;
        let to = self.vectors.chunks_exact_mut(dimension.max(1)).skip(first);
        for (row, (from, to)) in vectors.chunks_exact(dimension.max(1)).zip(to).enumerate() {
            if from.iter().any(|number| !number.is_finite()) {
                let what = format!("the vector of row {} is none", first + row);
                return Err(Error::Contradiction(what));
            }
            to.copy_from_slice(from);
            to_unit(to);
            self.codes.set(first + row, to);
        }
        let ids = batch
            .column_by_name(ROW_ID)
            .and_then(|column| column.as_primitive_opt::<UInt64Type>())
            .ok_or(Error::MissingColumn(ROW_ID))?;
        let mut json = Vec::new();
        for row in 0..batch.num_rows() {
            let (id, at) = (ids.value(row), first + row);
            match self.runs.last_mut() {
                Some(run) if id == run.first + run.count as u64 && at == run.row + run.count => {
                    run.count += 1;
                }
                _ => self.runs.push(Run {
                    first: id,
                    row: at,
                    count: 1,
                }),
            }
            let chunk = columns.chunk(row);
            json.clear();
            serde_json::to_writer(&mut json, &chunk)
                .map_err(io::Error::from)
                .and_then(|()| self.chunks.push(json.get(1..).unwrap_or_default()))
                .context("memory")?;
            self.by_id.push((hash(&chunk.id), (first + row) as u32));
        }
        Ok(())
    }

    /// Measures how many candidates it takes to find what exact search finds, and says what part of that is found.
    pub(super) fn tune(&mut self) -> f64 {
        let others = RECALL_K.min(self.rows.saturating_sub(1));
        if others == 0 {
            return 1.0;
        }
        let step = (self.rows / MEASURED).max(1);
        let asked: Vec<usize> = (0..self.rows).step_by(step).take(MEASURED).collect();
        let truth = self.truth(&asked, others);
        loop {
            let recall = self.recall(&asked, &truth, others);
            if recall >= RESIDENT_RECALL || self.candidates >= MOST_CANDIDATES {
                return recall;
            }
            self.candidates *= 2;
        }
    }

    /// The scores of the `others + 1` rows that are nearest to each of some rows, by comparing all.
    fn truth(&self, asked: &[usize], others: usize) -> Vec<Vec<f32>> {
        let mut nearest = vec![Vec::<f32>::with_capacity(RECALL_K + 1); asked.len()];
        // A block of rows stays in the processor's cache while every query is compared with it.
        for block in self.vectors.chunks(64 * self.dimension.max(1)) {
            for (row, nearest) in asked.iter().zip(&mut nearest) {
                let query = self.vector(*row);
                for vector in block.chunks_exact(self.dimension.max(1)) {
                    let score = f32::dot(query, vector);
                    if nearest.len() <= others || nearest.last().is_some_and(|least| score > *least)
                    {
                        let at = nearest.partition_point(|known| *known >= score);
                        nearest.insert(at, score);
                        nearest.truncate(others + 1);
                    }
                }
            }
        }
        nearest
    }

    /// The part of the true neighbours of some rows that are found, from 0 to 1. Each row is its own nearest neighbour, which
    /// every search finds, and is left out.
    fn recall(&self, asked: &[usize], truth: &[Vec<f32>], others: usize) -> f64 {
        let queries: Vec<Nearest<'_>> = asked
            .iter()
            .map(|row| Nearest {
                vector: self.vector(*row),
                k: others + 1,
                filter: None,
            })
            .collect();
        let found = self.search(&queries, &vec![None; queries.len()]);
        let hits = |(found, nearest): (&Vec<Found>, &Vec<f32>)| {
            let kth = nearest.last().copied().unwrap_or(1.0);
            found
                .iter()
                .filter(|hit| hit.score >= kth - TIE)
                .count()
                .min(others + 1)
                .saturating_sub(1)
        };
        let total: usize = found.iter().zip(truth).map(hits).sum();
        total as f64 / (others * asked.len()) as f64
    }

    fn vector(&self, row: usize) -> &[f32] {
        let start = row * self.dimension;
        self.vectors
            .get(start..start + self.dimension)
            .unwrap_or_default()
    }

    /// Finds the rows nearest to each question, best first. `table` is the one that was loaded: it knows which rows a filter
    /// lets through.
    pub(super) fn nearest(
        &self,
        table: &Table,
        asked: &[Nearest<'_>],
    ) -> Result<Vec<Vec<Found>>, Error> {
        let allowed = asked
            .iter()
            .map(|asked| {
                asked
                    .filter
                    .map(|filter| self.allowed(table, filter))
                    .transpose()
            })
            .collect::<Result<Vec<_>, _>>()?;
        let wrong = asked
            .iter()
            .find(|asked| asked.vector.len() != self.dimension);
        if let Some(asked) = wrong {
            return Err(Error::Dimension {
                expected: self.dimension,
                found: asked.vector.len(),
            });
        }
        Ok(self.search(asked, &allowed))
    }

    fn search(&self, asked: &[Nearest<'_>], allowed: &[Option<Arc<Allowed>>]) -> Vec<Vec<Found>> {
        let wanted: Vec<_> = asked
            .iter()
            .zip(allowed)
            .map(|(asked, allowed)| {
                let most = asked
                    .k
                    .saturating_mul(self.candidates)
                    .saturating_add(SPARE);
                let mut vector = asked.vector.to_vec();
                to_unit(&mut vector);
                (vector, asked.k, most, allowed.as_deref())
            })
            .collect();
        let few = |most: usize, allowed: Option<&Allowed>| {
            allowed.is_some_and(|allowed| allowed.count() <= most) || self.rows <= most
        };
        // Where candidates would be all rows that count, those are ranked at once.
        let (mut queries, mut bests) = (Vec::new(), Vec::new());
        for (vector, _, most, allowed) in &wanted {
            if !few(*most, *allowed) {
                queries.push(vector.as_slice());
                bests.push(Best::of(*most, *allowed));
            }
        }
        self.codes.nearest(&queries, &mut bests);
        let mut bests = bests.into_iter();
        wanted
            .iter()
            .map(
                |(vector, k, most, allowed)| match (few(*most, *allowed), allowed) {
                    (true, Some(allowed)) => self.rank(vector, *k, allowed.rows()),
                    (true, None) => self.rank(vector, *k, 0..self.rows),
                    (false, _) => match bests.next() {
                        Some(best) => self.rank(vector, *k, best.rows()),
                        None => Vec::new(),
                    },
                },
            )
            .collect()
    }

    /// Ranks rows by their vectors.
    fn rank(&self, query: &[f32], k: usize, rows: impl Iterator<Item = usize>) -> Vec<Found> {
        let mut found: Vec<Found> = rows
            .map(|row| Found {
                row,
                score: f32::dot(query, self.vector(row)),
            })
            .collect();
        found.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        found.truncate(k);
        found
    }

    /// Whether the rows that a filter lets through are known already.
    pub fn knows(&self, filter: &Filter) -> bool {
        self.filters.peek(&key_of(filter)).is_some()
    }

    /// The rows that a filter lets through.
    fn allowed(&self, table: &Table, filter: &Filter) -> Result<Arc<Allowed>, Error> {
        self.filters.get_or_insert_with(&key_of(filter), || {
            let ids = table.row_ids(filter)?;
            let rows = ids.into_iter().filter_map(|id| self.row_of(id));
            Ok(Arc::new(Allowed::of(self.rows, rows)))
        })
    }

    fn row_of(&self, id: u64) -> Option<usize> {
        let next = self.runs.partition_point(|run| run.first <= id);
        let run = self.runs.get(next.checked_sub(1)?)?;
        let place = usize::try_from(id - run.first).ok()?;
        (place < run.count).then_some(run.row + place)
    }

    /// Writes hits as JSON, as [`Hit`] would be.
    pub fn write_hits(&self, found: &[Found], to: &mut Vec<u8>) {
        to.push(b'[');
        for (place, found) in found.iter().enumerate() {
            if place > 0 {
                to.push(b',');
            }
            to.extend_from_slice(b"{\"rank\":");
            to.extend_from_slice(place.saturating_add(1).to_string().as_bytes());
            to.extend_from_slice(b",\"score\":");
            // Writing a number into memory does not fail.
            serde_json::to_writer(&mut *to, &found.score).ok();
            to.push(b',');
            to.extend_from_slice(self.chunks.get(found.row));
        }
        to.push(b']');
    }

    /// What a hit shows of a row, as JSON.
    pub fn json(&self, row: usize) -> Vec<u8> {
        [b"{", self.chunks.get(row)].concat()
    }

    /// What a hit shows of a row.
    pub fn chunk(&self, row: usize) -> Result<Chunk, Error> {
        serde_json::from_slice(&self.json(row)).map_err(|e| Error::Row(e.to_string()))
    }

    /// The row of a chunk's id.
    pub fn find(&self, id: &str) -> Option<usize> {
        let wanted = hash(id);
        let from = self.by_id.partition_point(|(hash, _)| *hash < wanted);
        let same = self
            .by_id
            .iter()
            .skip(from)
            .take_while(|(hash, _)| *hash == wanted);
        let begins = [
            b"\"id\":",
            serde_json::to_vec(id).unwrap_or_default().as_slice(),
            b",",
        ]
        .concat();
        same.map(|(_, row)| *row as usize)
            .find(|row| self.chunks.get(*row).starts_with(&begins))
    }

    /// As hits.
    pub(super) fn hits(&self, found: &[Found]) -> Result<Vec<Hit>, Error> {
        let hit = |(place, found): (usize, &Found)| {
            Ok(Hit {
                rank: place + 1,
                score: found.score,
                chunk: self.chunk(found.row)?,
            })
        };
        found.iter().enumerate().map(hit).collect()
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        self.vectors.len() * size_of::<f32>()
            + self.codes.bytes()
            + self.chunks.bytes()
            + self.by_id.len() * size_of::<(u64, u32)>()
    }

    /// Bytes of memory that so many rows of a dimension will take, with this many bytes of text: vectors, their bytes, and
    /// what is shown of a chunk, which is about its text again in names, places and metadata where chunks are short.
    pub fn estimate(rows: u64, dimension: usize, text_bytes: u64) -> u64 {
        let row = dimension as u64 * 5 + 4 + 16 + 12 + 400;
        rows.saturating_mul(row)
            .saturating_add(text_bytes + text_bytes / 8)
    }
}

/// Lance's name of a row.
pub(super) const ROW_ID: &str = "_rowid";

/// The columns that are read: what a hit shows, and the vector.
pub(super) fn wanted(shown: Vec<String>) -> Vec<String> {
    shown.into_iter().chain([VECTOR.to_owned()]).collect()
}

/// What tells a filter apart: what it reads like for a programmer.
fn key_of(filter: &Filter) -> String {
    format!("{filter:?}")
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// Scales a vector to length 1, so that the cosine is a sum of products. One without a length stays as it is.
fn to_unit(vector: &mut [f32]) {
    let length = f32::norm_l2(vector);
    if length > 0.0 && (length - 1.0).abs() > f32::EPSILON {
        vector.iter_mut().for_each(|number| *number /= length);
    }
}
