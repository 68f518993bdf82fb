//! What reloads cost a server under load: clients ask over sockets while versions are flipped under it.

mod load;
mod process;
pub mod scratch;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use load::{Expected, Load, Pace, ParsePaceError, Seen};
pub use process::Usage;

use super::figure::Figure;
use crate::fault::{Fault, Kind, takes_faults};
use crate::plot::{Axis, Lines, Series, lines};
use crate::progress::{Interrupted, Progress};
use crate::{build, embed, model, snapshot, store};

/// Seconds after a flip that count as during it.
const DURING: f32 = 1.5;
/// Seconds of one point of the timeline.
const BUCKET: f64 = 0.25;

/// A measurement that was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store, a snapshot, a build, the cache or the model said no.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
    /// The scratch store holds something else.
    #[error("the scratch store holds other versions than two of {0} chunks that a benchmark drew")]
    NotScratch(usize),
    /// Threads cannot be had.
    #[error("threads: {0}")]
    Threads(io::Error),
    /// A flip failed.
    #[error("a flip failed: {0}")]
    Flip(String),
}

takes_faults!(
    Error:
    store::Error,
    snapshot::Error,
    build::Error,
    embed::Error,
    model::Error,
    Interrupted
);

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Fault(e) => e.kind(),
            Self::NotScratch(_) => Kind::Usage,
            Self::Threads(_) | Self::Flip(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fault(e) => e.hint(),
            Self::NotScratch(_) => {
                Some("Name an empty directory, or one of an earlier run.".into())
            }
            _ => None,
        }
    }
}

/// One window of a measurement.
#[derive(Debug, Clone)]
pub struct Window {
    /// What it is called.
    pub name: String,
    /// How long it takes.
    pub length: Duration,
    /// Flips in it, evenly spread.
    pub flips: u32,
}

/// What is measured.
pub struct Request<'a> {
    /// What clients ask.
    pub load: &'a Load,
    /// The server's process, where it is known.
    pub pid: Option<u32>,
    /// Windows, one after the other.
    pub windows: &'a [Window],
    /// Flips the channel to the other version.
    pub flip: &'a dyn Fn() -> Result<(), Error>,
}

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// Chunks of each version.
    pub chunks: usize,
    /// Clients.
    pub connections: usize,
    /// Every window.
    pub windows: Vec<Measured>,
    /// Requests that failed, of all windows.
    pub errors: u64,
    /// Answers that mixed versions, of all windows.
    pub mixed: u64,
    /// What one of the failed requests said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Requests a second with one reload by those without; at least 1 is none lost.
    pub throughput_ratio: Option<f64>,
    /// The 99th percentile of the time with one reload by that without.
    pub p99_ratio: Option<f64>,
    /// What is compared between runs.
    pub figures: Vec<Figure>,
    #[serde(skip)]
    timeline: Vec<Point>,
    #[serde(skip)]
    flips: Vec<f64>,
}

/// One window, measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// What it is called.
    pub name: String,
    /// Requests that were answered.
    pub requests: usize,
    /// A second.
    pub per_second: f64,
    /// Milliseconds of an answer.
    pub mean_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The 99.9th percentile.
    pub p999_ms: f64,
    /// The 99th percentile within 1.5 s of a flip.
    pub p99_during_ms: Option<f64>,
    /// Requests that failed.
    pub errors: u64,
    /// Answers that mixed versions.
    pub mixed: u64,
    /// Milliseconds from the flip to the first answer of the new version, a flip each.
    pub served_after_ms: Vec<f64>,
    /// The 99th percentile of each stretch between two flips.
    pub p99_by_flip_ms: Vec<f64>,
    /// Requests of each second.
    #[serde(skip)]
    rates: Vec<f64>,
    /// The 99th percentile of each second.
    #[serde(skip)]
    p99s_ms: Vec<f64>,
    /// The server's processor time in seconds.
    pub cpu_seconds: Option<f64>,
    /// Its memory in bytes: at first, at most, at last.
    pub rss: Option<[u64; 3]>,
    /// Its open files at first, at most, at last.
    pub descriptors: Option<[u64; 3]>,
    /// Its threads at first, at most, at last.
    pub threads: Option<[u64; 3]>,
}

/// One point of the timeline.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    per_second: f64,
    p99_ms: f64,
}

/// Measures every window.
pub fn measure(request: &Request<'_>, progress: &dyn Progress) -> Result<Outcome, Error> {
    let mut outcome = Outcome {
        connections: request.load.connections,
        ..Outcome::default()
    };
    let mut before = 0.0;
    for window in request.windows {
        let (seen, usages, flips) = run(request, window, progress)?;
        outcome
            .timeline
            .extend(points(&seen, before, window.length));
        outcome
            .flips
            .extend(flips.iter().map(|at| before + f64::from(*at)));
        before += window.length.as_secs_f64();
        outcome.errors += seen.errors;
        outcome.mixed += seen.mixed;
        outcome.error = outcome.error.or(seen.error.clone());
        outcome
            .windows
            .push(measured(window, &seen, &usages, &flips));
    }
    let [none, one] = ["no reload", "one reload"]
        .map(|name| outcome.windows.iter().find(|window| window.name == name));
    if let (Some(none), Some(one)) = (none, one) {
        outcome.throughput_ratio = Some(one.per_second / none.per_second);
        outcome.p99_ratio = Some(one.p99_ms / none.p99_ms);
    }
    Ok(outcome)
}

fn run(
    request: &Request<'_>,
    window: &Window,
    progress: &dyn Progress,
) -> Result<(Seen, Vec<Usage>, Vec<f32>), Error> {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let stage = progress.stage(&window.name, Some(window.length.as_secs()), "seconds");
    thread::scope(|scope| {
        let asking = scope.spawn(|| request.load.run(begun, &stop));
        let watching = request.pid.map(|pid| {
            scope.spawn({
                let stop = &stop;
                move || Usage::follow(pid, begun, stop)
            })
        });
        let drive = || {
            let mut flips = Vec::new();
            let mut told = 0;
            while begun.elapsed() < window.length {
                progress.checkpoint()?;
                let next = window.length * (flips.len() as u32 + 1) / (window.flips + 1);
                if flips.len() < window.flips as usize && begun.elapsed() >= next {
                    flips.push(begun.elapsed().as_secs_f32());
                    (request.flip)()?;
                }
                let seconds = begun.elapsed().as_secs();
                stage.advance(seconds - told);
                told = seconds;
                thread::sleep(Duration::from_millis(1));
            }
            Ok::<_, Error>(flips)
        };
        let flips = drive();
        stop.store(true, Ordering::Relaxed);
        let gone = || Error::Threads(io::Error::other("a client panicked"));
        let seen = asking.join().map_err(|_| gone())??;
        let usages = match watching {
            Some(watching) => watching.join().map_err(|_| gone())?,
            None => Vec::new(),
        };
        Ok((seen, usages, flips?))
    })
}

fn measured(window: &Window, seen: &Seen, usages: &[Usage], flips: &[f32]) -> Measured {
    let took: Vec<f32> = seen.answers.iter().map(|answer| answer.took).collect();
    let during: Vec<f32> = seen
        .answers
        .iter()
        .filter(|answer| {
            flips
                .iter()
                .any(|flip| (*flip..flip + DURING).contains(&answer.at))
        })
        .map(|answer| answer.took)
        .collect();
    let ends = flips.iter().skip(1).copied().chain([f32::INFINITY]);
    let stretches = flips.iter().copied().zip(ends);
    let served_after = |(from, to): (f32, f32)| {
        let before = seen
            .answers
            .iter()
            .rfind(|answer| answer.at < from)?
            .version;
        let mut after = seen
            .answers
            .iter()
            .filter(|answer| (from..to).contains(&answer.at));
        let first = after.find(|answer| answer.version != before)?;
        Some(f64::from(first.at - from) * 1e3)
    };
    let three = |of: fn(&Usage) -> u64| {
        let most = usages.iter().map(of).max()?;
        Some([usages.first().map(of)?, most, usages.last().map(of)?])
    };
    let cpu = || Some(usages.last()?.cpu_seconds - usages.first()?.cpu_seconds);
    let seconds: Vec<Vec<f32>> = seen
        .answers
        .chunk_by(|a, b| a.at as u64 == b.at as u64)
        .map(|answers| answers.iter().map(|answer| answer.took).collect())
        .collect();
    let sum: f64 = took.iter().copied().map(f64::from).sum();
    Measured {
        name: window.name.clone(),
        requests: took.len(),
        per_second: took.len() as f64 / window.length.as_secs_f64(),
        mean_ms: sum / took.len().max(1) as f64,
        p50_ms: percentile(took.clone(), 0.5),
        p99_ms: percentile(took.clone(), 0.99),
        p999_ms: percentile(took.clone(), 0.999),
        p99_during_ms: (!during.is_empty()).then(|| percentile(during, 0.99)),
        errors: seen.errors,
        mixed: seen.mixed,
        served_after_ms: stretches.clone().filter_map(served_after).collect(),
        p99_by_flip_ms: stretches
            .map(|(from, to)| {
                let answers = seen.answers.iter();
                let within = answers.filter(|answer| (from..to).contains(&answer.at));
                percentile(within.map(|answer| answer.took).collect(), 0.99)
            })
            .collect(),
        rates: seconds.iter().map(|took| took.len() as f64).collect(),
        p99s_ms: seconds
            .into_iter()
            .map(|took| percentile(took, 0.99))
            .collect(),
        cpu_seconds: cpu(),
        rss: three(|usage| usage.rss),
        descriptors: three(|usage| usage.descriptors),
        threads: three(|usage| usage.threads),
    }
}

fn percentile(mut numbers: Vec<f32>, part: f64) -> f64 {
    numbers.sort_by(f32::total_cmp);
    let at = (numbers.len() as f64 * part) as usize;
    let last = numbers.len().saturating_sub(1);
    numbers.get(at.min(last)).copied().map_or(0.0, f64::from)
}

/// The points of a window. What answers come after its end are no whole one.
fn points(seen: &Seen, before: f64, length: Duration) -> Vec<Point> {
    let bucket = |at: f32| (f64::from(at) / BUCKET) as usize;
    let whole = (length.as_secs_f64() / BUCKET) as usize;
    let end = seen
        .answers
        .partition_point(|answer| bucket(answer.at) < whole);
    let within = seen.answers.get(..end).unwrap_or_default();
    within
        .chunk_by(|a, b| bucket(a.at) == bucket(b.at))
        .filter_map(|answers| {
            let first = answers.first()?;
            Some(Point {
                at: before + bucket(first.at) as f64 * BUCKET,
                per_second: answers.len() as f64 / BUCKET,
                p99_ms: percentile(answers.iter().map(|answer| answer.took).collect(), 0.99),
            })
        })
        .collect()
}

impl Outcome {
    /// Takes a window out, and says what is compared of the others.
    pub fn settle(&mut self, without: &str) {
        self.windows.retain(|window| window.name != without);
        self.figures = self.figures_of_windows();
    }

    fn figures_of_windows(&self) -> Vec<Figure> {
        let each = |window: &Measured| {
            [
                Figure::higher(
                    format!("requests, {}", window.name),
                    "1/s",
                    window.rates.clone(),
                ),
                Figure::lower(
                    format!("p99, {}", window.name),
                    "ms",
                    window.p99s_ms.clone(),
                ),
            ]
        };
        self.windows.iter().flat_map(each).collect()
    }

    /// Draws requests a second and their time over the whole run, with the flips as an SVG document.
    pub fn timeline(&self) -> String {
        let series = |name: &str, of: fn(&Point) -> f64| Series {
            name: name.to_owned(),
            points: self
                .timeline
                .iter()
                .map(|point| (point.at, of(point)))
                .collect(),
            joined: true,
        };
        let chart = Lines {
            name: format!(
                "{} clients, {} chunks, and flips",
                self.connections, self.chunks
            ),
            x: Axis {
                label: "seconds".into(),
                log: false,
            },
            y: Axis {
                label: "requests a second, and p99 in microseconds".into(),
                log: true,
            },
            series: vec![
                series("requests a second", |point| point.per_second),
                series("p99, microseconds", |point| point.p99_ms * 1e3),
            ],
            chosen: None,
            upright: self
                .flips
                .iter()
                .map(|at| (*at, "flip".to_owned()))
                .collect(),
        };
        lines(&chart).standalone(
            "Requests a second and their 99th percentile over time; upright lines are flips",
        )
    }
}
