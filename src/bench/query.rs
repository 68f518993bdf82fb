//! How fast a version's own index answers, against how much of what exact search finds it finds; by one client and by many.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde::Serialize;

use super::figure::{Figure, median};
use crate::index::{Asked, Effort, Error, Measured, RECALL_K, Sample, Search, Table};
use crate::plot::{Axis, Lines, Mark, Series, lines};
use crate::progress::{Interrupted, Progress};
use crate::store::Held;

/// What to measure.
pub struct Request<'a> {
    /// The version.
    pub held: &'a Held,
    /// Stored vectors that are asked.
    pub queries: NonZeroUsize,
    /// How many clients ask at once, one measurement each.
    pub clients: &'a [NonZeroUsize],
    /// How often each client asks everything.
    pub rounds: NonZeroUsize,
    /// Whether exact search is measured as well.
    pub exact: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The version.
    pub version: String,
    /// Its rows.
    pub rows: u64,
    /// The kind of its vector index; `exact` where there is none.
    pub index: String,
    /// Hits that are asked for.
    pub k: usize,
    /// Recall and latency of settings of the index, one client.
    pub curve: Vec<Point>,
    /// The same of exact search.
    pub exact: Option<Point>,
    /// The version's own setting, by so many clients.
    pub clients: Vec<Load>,
    /// What a later run is compared with.
    pub figures: Vec<Figure>,
}

/// Recall and latency of one way to search.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// How the index is searched; `exact` for none.
    pub setting: String,
    /// Whether it is the version's own setting.
    pub chosen: bool,
    /// Recall@10 against exact search, from 0 to 1.
    pub recall: f64,
    /// Median milliseconds of a search.
    pub p50_ms: f64,
    /// The 99th percentile of them.
    pub p99_ms: f64,
    /// Searches a second.
    pub per_second: f64,
}

/// What so many clients get.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Clients that ask, each as soon as it is answered.
    pub clients: usize,
    /// Searches a second of all clients: the median round.
    pub per_second: f64,
    /// Median milliseconds of a search.
    pub p50_ms: f64,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
}

/// Measures a version.
pub fn measure(request: &Request<'_>, progress: &dyn Progress) -> Result<Outcome, Error> {
    let held = request.held;
    let rows = held.manifest.counts.chunks;
    let mut table = Table::open_version(&held.dir, &held.manifest)?;
    let indexes = held.manifest.tables.iter().flat_map(|table| &table.indexes);
    let index = indexes.into_iter().find(|index| index.kind == "vector");
    let sample = Sample::take(&table, request.queries.get(), rows, progress)?;
    // The first round reads what later ones have in memory.
    sample.measure(&table, false, progress)?;
    let exact = match request.exact || index.is_none() {
        true => Some(point(
            "exact",
            index.is_none(),
            sample.measure(&table, true, progress)?,
        )),
        false => None,
    };
    let own = index.and_then(|index| Effort::of_params(&index.params));
    let mut curve = Vec::new();
    if let Some(own) = own {
        let stage = progress.stage("measure settings", None, "settings");
        for effort in around(own) {
            table.set_effort(effort);
            let found = sample.measure(&table, false, progress)?;
            curve.push(point(&described(effort), effort == own, found));
            stage.advance(1);
        }
        table.set_effort(own);
    }
    let (mut clients, mut figures) = (Vec::new(), Vec::new());
    for count in request.clients {
        let (load, more) = load(&table, &sample, count.get(), request.rounds.get(), progress)?;
        clients.push(load);
        figures.extend(more);
    }
    let kind = index.and_then(|index| index.params.get("type")?.as_str());
    Ok(Outcome {
        version: held.name.to_string(),
        rows,
        index: kind.unwrap_or("exact").to_owned(),
        k: RECALL_K,
        curve,
        exact,
        clients,
        figures,
    })
}

fn described(effort: Effort) -> String {
    match effort.ef {
        Some(ef) => format!("ef {ef}, refine {}", effort.refine_factor),
        None => format!("{} probes, refine {}", effort.nprobes, effort.refine_factor),
    }
}

/// A version's own setting, and those that try less and more.
fn around(own: Effort) -> Vec<Effort> {
    let knob = own.ef.unwrap_or(own.nprobes).max(1);
    let mut efforts: Vec<Effort> = [1, 2, 4, 8, 16, 32, 64]
        .map(|part| (knob * part).div_ceil(8))
        .map(|knob| match own.ef {
            Some(_) => Effort {
                ef: Some(knob),
                ..own
            },
            None => Effort {
                nprobes: knob,
                ..own
            },
        })
        .to_vec();
    efforts.dedup();
    efforts
}

fn point(setting: &str, chosen: bool, found: Measured) -> Point {
    Point {
        setting: setting.to_owned(),
        chosen,
        recall: found.recall,
        p50_ms: found.p50_ms,
        p99_ms: found.p99_ms,
        per_second: found.per_second,
    }
}

/// Lets clients ask everything, each from another place on, round after round.
fn load(
    table: &Table,
    sample: &Sample,
    clients: usize,
    rounds: usize,
    progress: &dyn Progress,
) -> Result<(Load, Vec<Figure>), Error> {
    let name = |count: usize| match count {
        1 => "1 client".to_owned(),
        count => format!("{count} clients"),
    };
    let stage = progress.stage(&name(clients), Some(rounds as u64), "rounds");
    let stop = AtomicBool::new(false);
    let (mut rates, mut medians, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        let answered = thread::scope(|scope| -> Result<Vec<f64>, Error> {
            let asking: Vec<_> = (0..clients)
                .map(|client| {
                    let stop = &stop;
                    let first = client * sample.len() / clients.max(1);
                    scope.spawn(move || ask(table, sample, first, stop, progress))
                })
                .collect();
            let mut latencies = Vec::new();
            for client in asking {
                let found = client.join().unwrap_or(Err(Interrupted.into()));
                latencies.extend(found.inspect_err(|_| stop.store(true, Ordering::Relaxed))?);
            }
            Ok(latencies)
        })?;
        rates.push(answered.len() as f64 / begun.elapsed().as_secs_f64());
        medians.push(median(&answered));
        all.extend(answered);
        stage.advance(1);
    }
    all.sort_by(f64::total_cmp);
    let at = |part: f64| all.get((all.len() as f64 * part) as usize).copied();
    let load = Load {
        clients,
        per_second: median(&rates),
        p50_ms: at(0.5).unwrap_or_default(),
        p95_ms: at(0.95).unwrap_or_default(),
        p99_ms: at(0.99).unwrap_or_default(),
    };
    let who = name(clients);
    let figures = vec![
        Figure::higher(format!("searches, {who}"), "1/s", rates),
        Figure::lower(format!("median search, {who}"), "ms", medians),
    ];
    Ok((load, figures))
}

/// One client's milliseconds for everything there is to ask.
fn ask(
    table: &Table,
    sample: &Sample,
    first: usize,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Vec<f64>, Error> {
    let search = Search::top(RECALL_K);
    let vectors: Vec<&[f32]> = sample.vectors().collect();
    let mut latencies = Vec::with_capacity(vectors.len());
    for vector in vectors.iter().cycle().skip(first).take(vectors.len()) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        progress.checkpoint()?;
        let begun = Instant::now();
        table.search(Asked::Vector(vector), &search)?;
        latencies.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

impl Outcome {
    /// Draws recall against latency as an SVG document.
    pub fn plot(&self) -> String {
        let series = |name: &str, points: &[Point], joined| Series {
            name: name.to_owned(),
            points: points.iter().map(|one| (one.p50_ms, one.recall)).collect(),
            joined,
        };
        let mut all = vec![series(&self.index, &self.curve, true)];
        let exact = self.exact.as_ref().map(std::slice::from_ref);
        all.extend(exact.map(|exact| series("exact", exact, false)));
        let own = self.curve.iter().find(|point| point.chosen);
        let chart = Lines {
            name: format!(
                "{}: recall against latency, {} chunks",
                self.version, self.rows
            ),
            x: Axis {
                label: "median ms of a search, one client".into(),
                log: true,
            },
            y: Axis {
                label: format!("recall@{}", self.k),
                log: false,
            },
            series: all,
            chosen: own.map(|point| Mark {
                x: point.p50_ms,
                y: point.recall,
                label: point.setting.clone(),
            }),
            upright: Vec::new(),
        };
        lines(&chart).standalone("Recall against exact search by the median latency of a search")
    }
}
