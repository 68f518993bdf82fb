//! How hard a search through the vector index must try: recall against exact search, measured with stored vectors, and the
//! cheapest setting that reaches a target.
//!
//! A stored vector is its own nearest neighbour, which every setting finds: it is left out of the count. A hit counts when it
//! is as near as the k-th neighbour that exact search finds, so that equal chunks do not look like misses.

use std::time::Instant;

use lance_linalg::distance::cosine_distance_batch;

use super::{Asked, Effort, Error, Search, Table};
use crate::progress::Progress;
use crate::store::CurvePoint;

/// Neighbours that recall is counted among.
pub const RECALL_K: usize = 10;
/// How much farther than the k-th neighbour a hit may be, by cosine: what two ways to sum single precision differ by.
pub(super) const TIE: f32 = 5e-6;

/// What recall must gain for more effort to be worth trying.
const PLATEAU: f64 = 0.002;

/// Stored vectors that recall is measured with, and the cosine of each one's k-th neighbour.
pub struct Sample {
    vectors: Vec<(String, Vec<f32>)>,
    kth: Vec<f32>,
    /// Neighbours that each has: 10, or as many other rows as there are.
    k: usize,
}

/// Recall and latency of one way to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The part of the true neighbours that were found, from 0 to 1.
    pub recall: f64,
    /// The standard error of it.
    pub error: f64,
    /// Median milliseconds of a search.
    pub p50_ms: f64,
    /// The 99th percentile of them.
    pub p99_ms: f64,
    /// Searches a second, one after the other.
    pub per_second: f64,
}

impl Sample {
    /// Takes `count` vectors spread over a table of `rows` rows, and finds their neighbours by comparing every row.
    pub fn take(
        table: &Table,
        count: usize,
        rows: u64,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let vectors = table.sample(count, rows)?;
        let mut nearest = vec![Vec::<f32>::new(); vectors.len()];
        let dimension = table.dimension()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = vectors.len().div_ceil(cores).max(1);
        let stage = progress.stage("find true neighbours", Some(rows), "chunks");
        table.each_block(|block| {
            progress.checkpoint()?;
            std::thread::scope(|scope| {
                for (nearest, asked) in nearest.chunks_mut(share).zip(vectors.chunks(share)) {
                    scope.spawn(move || {
                        for (nearest, (_, vector)) in nearest.iter_mut().zip(asked) {
                            keep_nearest(nearest, vector, block, dimension);
                        }
                    });
                }
            });
            stage.advance((block.len() / dimension.max(1)) as u64);
            Ok::<_, Error>(())
        })?;
        let kth = nearest
            .iter()
            .map(|scores| scores.last().copied().unwrap_or(1.0));
        let others = usize::try_from(rows)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        Ok(Self {
            kth: kth.collect(),
            k: RECALL_K.min(others),
            vectors,
        })
    }

    /// The first `count` of its vectors.
    pub(super) fn beginning(&self, count: usize) -> Self {
        Self {
            vectors: self.vectors.iter().take(count).cloned().collect(),
            kth: self.kth.iter().take(count).copied().collect(),
            k: self.k,
        }
    }

    /// How many vectors it has.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Its vectors.
    pub fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.vectors.iter().map(|(_, vector)| vector.as_slice())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Measures the table's search as it is set, or exact search.
    pub fn measure(
        &self,
        table: &Table,
        exact: bool,
        progress: &dyn Progress,
    ) -> Result<Measured, Error> {
        let search = Search {
            exact,
            ..Search::top(RECALL_K + 1)
        };
        let (mut recalls, mut latencies) = (Vec::new(), Vec::new());
        for ((id, vector), kth) in self.vectors.iter().zip(&self.kth) {
            progress.checkpoint()?;
            let begun = Instant::now();
            let hits = table.search(Asked::Vector(vector), &search)?;
            latencies.push(begun.elapsed().as_secs_f64() * 1e3);
            let others = hits.iter().filter(|hit| hit.chunk.id != *id);
            let near = others.filter(|hit| hit.score >= kth - TIE).count();
            recalls.push(match self.k {
                0 => 1.0,
                k => near.min(k) as f64 / k as f64,
            });
        }
        let most = self.kth.len().max(1) as f64;
        let recall = recalls.iter().sum::<f64>() / most;
        let spread = recalls.iter().map(|one| (one - recall).powi(2));
        let error = (spread.sum::<f64>() / most / most).sqrt();
        let seconds = latencies.iter().sum::<f64>() / 1e3;
        latencies.sort_by(f64::total_cmp);
        let at = |part: f64| latencies.get((latencies.len() as f64 * part) as usize);
        Ok(Measured {
            recall,
            error,
            p50_ms: at(0.5).copied().unwrap_or_default(),
            p99_ms: at(0.99).copied().unwrap_or_default(),
            per_second: latencies.len() as f64 / seconds.max(f64::MIN_POSITIVE),
        })
    }

    /// Tries settings from the cheapest on and leaves the table at the cheapest that surely reaches the target: recall less
    /// its standard error. Where none does, it is left at the one that finds most. Returns the choice and what was measured.
    pub fn tune(
        &self,
        table: &mut Table,
        ladders: &[Vec<Effort>],
        target: f64,
        progress: &dyn Progress,
    ) -> Result<Option<(CurvePoint, Vec<CurvePoint>)>, Error> {
        let stage = progress.stage("tune the index", None, "settings");
        let mut curve: Vec<CurvePoint> = Vec::new();
        let mut chosen: Option<(CurvePoint, bool)> = None;
        for ladder in ladders {
            let (mut before, mut stays) = (0.0, 0);
            for effort in ladder {
                table.set_effort(*effort);
                let found = self.measure(table, false, progress)?;
                stage.advance(1);
                let point = CurvePoint {
                    nprobes: effort.nprobes,
                    refine_factor: effort.refine_factor,
                    ef: effort.ef,
                    recall: round(found.recall, 1e4),
                    p50_ms: round(found.p50_ms, 1e2),
                    p99_ms: round(found.p99_ms, 1e2),
                };
                curve.push(point);
                let reaches = found.recall - found.error >= target;
                let is_better = match &chosen {
                    None => true,
                    Some((best, true)) => reaches && point.p50_ms < best.p50_ms,
                    Some((best, false)) => reaches || point.recall > best.recall,
                };
                if is_better {
                    chosen = Some((point, reaches));
                }
                stays = if found.recall > before + PLATEAU {
                    0
                } else {
                    stays + 1
                };
                before = found.recall;
                // More effort of the same kind only costs more, or finds no more.
                if reaches || stays == 2 {
                    break;
                }
            }
        }
        let Some((point, _)) = chosen else {
            return Ok(None);
        };
        table.set_effort(point.effort());
        Ok(Some((point, curve)))
    }
}

impl CurvePoint {
    pub(super) fn effort(&self) -> Effort {
        Effort {
            nprobes: self.nprobes,
            refine_factor: self.refine_factor,
            ef: self.ef,
        }
    }
}

/// Keeps the cosines of the nearest rows, best first: as many as neighbours count, and the vector itself.
fn keep_nearest(nearest: &mut Vec<f32>, vector: &[f32], block: &[f32], dimension: usize) {
    for distance in cosine_distance_batch(vector, block, dimension) {
        let score = 1.0 - distance;
        let is_full = nearest.len() > RECALL_K;
        if is_full && nearest.last().is_some_and(|least| score <= *least) {
            continue;
        }
        let place = nearest.partition_point(|other| *other >= score);
        nearest.insert(place, score);
        nearest.truncate(RECALL_K + 1);
    }
}

pub(super) fn round(value: f64, digits: f64) -> f64 {
    (value * digits).round() / digits
}
