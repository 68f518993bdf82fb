//! `ragctl bench reload`

use std::cell::Cell;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::super::context::{Context, ModelOptions, duration};
use super::super::error::CliError;
use super::baseline::BaselineOptions;
use crate::bench::reload::scratch::{LETTERS, Scratch};
use crate::bench::reload::{
    Error, Expected, Load, Measured, Outcome, Pace, Request, Window, measure,
};
use crate::durable::Context as _;
use crate::index::Table;
use crate::progress::{Progress as _, Silent};
use crate::publish::{self, Why};
use crate::store::{Channel, Operation, Store, VersionName};
use crate::ui::{Answer, table};
use crate::verify::{self, Thoroughness};

/// Different questions that clients ask in turn.
const QUESTIONS: usize = 512;
/// Hits that each asks for.
const K: usize = 10;
/// The window that is not measured.
const WARM_UP: &str = "warm-up";
/// How long a flip waits for the store's lock.
const LOCK: Duration = Duration::from_secs(10);
/// How long the server may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// Chunks of each of the two versions that are flipped between
    #[arg(long, value_name = "N", default_value = "50000")]
    chunks: NonZeroUsize,
    /// Where the versions are made, and kept for the next run; a directory of this run alone by default
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Clients, a connection each
    #[arg(long, value_name = "N", default_value = "64")]
    connections: NonZeroUsize,
    /// How hard clients ask: steady (5 ms between questions), peak, or burst (every other second)
    #[arg(long, value_name = "PACE", default_value = "peak")]
    load: Pace,
    /// Ask in words of about 16 tokens, which the server embeds
    #[arg(long)]
    text: bool,
    /// How long each window takes: without reloads, with one, with three
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    window: Duration,
    /// A further window with so many reloads, a second or two apart
    #[arg(long, value_name = "N", default_value_t = 0)]
    cycles: u32,
    /// Ask this server, such as http://127.0.0.1:8080/v1/search, of which no answer is checked and nothing is flipped
    #[arg(long, value_name = "URL", conflicts_with = "cycles")]
    url: Option<url::Url>,
    /// The least that throughput with one reload may be, as a part of that without, before it is exit 15
    #[arg(long, value_name = "PART")]
    min_throughput: Option<f64>,
    /// The most that the 99th percentile with one reload may be, as a multiple of that without, before it is exit 15
    #[arg(long, value_name = "TIMES")]
    max_p99: Option<f64>,
    /// Write requests and flips over time there, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Further arguments of `ragctl serve`, after `--`
    #[arg(last = true, value_name = "SERVE ARGS")]
    serve: Vec<String>,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    baseline: BaselineOptions,
}

/// The server that is measured.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(context: &Context<'_>, store: &Path, more: &[String]) -> Result<Self, CliError> {
        let own = std::env::current_exe().context("this program")?;
        let mut child = Command::new(own)
            .args(["serve", "-o", "name", "--listen", "127.0.0.1:0", "--store"])
            .arg(store)
            .args((!context.global.verbose).then_some("-q"))
            .args(more)
            // Its clients bring no token, and it listens where it is told.
            .env_remove("RAGCTL_TOKEN")
            .env_remove("RAGCTL_LISTEN")
            .stdout(Stdio::piped())
            .stderr(context.ui.stderr_for_children())
            .spawn()
            .context("ragctl serve")?;
        let mut line = String::new();
        let mut read = || {
            BufReader::new(child.stdout.take()?)
                .read_line(&mut line)
                .ok()
        };
        read();
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok());
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                child.kill().ok();
                Err(CliError::step("ragctl serve", 1))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl ReloadArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let temporary;
        let dir = match &self.scratch {
            Some(dir) => context.working_dir.join(dir),
            None => {
                temporary = tempfile::tempdir().context("a scratch store")?;
                temporary.path().join("store")
            }
        };
        let device = context.device(&loaded)?;
        let (path, name) = context.model_dir(&loaded)?;
        let scratch = Scratch {
            dir: &dir,
            chunks: self.chunks.get(),
            model: &|| Ok(crate::model::Model::open(&path, &name, None)?),
            device: &device,
            seed: 7,
        };
        let (store, versions) = scratch.versions(context.ui)?;
        if store.live()?.is_none() {
            let [first, _] = &versions;
            flip(&store, first)?;
        }
        let mut load = Load {
            address: ([127, 0, 0, 1], 80).into(),
            path: "/v1/search".into(),
            token: None,
            connections: self.connections.get(),
            pace: self.load,
            bodies: self.bodies(&store, &versions)?,
            expected: Expected::default(),
        };
        let mut outcome = match &self.url {
            Some(url) => {
                let addresses = url.socket_addrs(|| None).context(url.as_str())?;
                load.address = *addresses.first().ok_or_else(|| {
                    CliError::usage(
                        "the URL names no address",
                        "Such as http://127.0.0.1:8080/v1/search.",
                    )
                })?;
                load.path = url.path().to_owned();
                let windows = [self.warm_up(), self.window("no reload", 0)];
                let request = Request {
                    load: &load,
                    pid: None,
                    windows: &windows,
                    flip: &|| Ok(()),
                };
                measure(&request, context.ui)?
            }
            None => self.against_own(context, &dir, &store, &versions, load)?,
        };
        outcome.chunks = self.chunks.get();
        outcome.settle(WARM_UP);
        if let Some(path) = &self.plot {
            let path = context.working_dir.join(path);
            fs::write(&path, outcome.timeline()).context(&path)?;
        }
        self.baseline.answer(context, &outcome, &outcome.figures)?;
        self.judge(&outcome)
    }

    fn against_own(
        &self,
        context: &Context<'_>,
        dir: &Path,
        store: &Store,
        versions: &[VersionName; 2],
        mut load: Load,
    ) -> Result<Outcome, CliError> {
        let server = Server::start(context, dir, &self.serve)?;
        load.address = server.address;
        let letters = versions.iter().map(ToString::to_string).zip(LETTERS);
        load.expected = Expected {
            letters: letters.collect(),
        };
        let live = store.live()?;
        let at = Cell::new(
            versions
                .iter()
                .position(|version| Some(version) == live.as_ref()),
        );
        let other = || {
            let next = (at.get().unwrap_or(1) + 1) % versions.len();
            at.set(Some(next));
            let version = versions
                .get(next)
                .ok_or(Error::NotScratch(self.chunks.get()))?;
            flip(store, version).map_err(|e| Error::Flip(e.message().to_owned()))
        };
        let mut windows = vec![self.warm_up()];
        windows.extend([
            self.window("no reload", 0),
            self.window("one reload", 1),
            self.window("three reloads", 3),
        ]);
        if self.cycles > 0 {
            windows.push(Window {
                name: format!("{} reloads", self.cycles),
                length: Duration::from_millis(1500) * (self.cycles + 1),
                flips: self.cycles,
            });
        }
        let request = Request {
            load: &load,
            pid: Some(server.child.id()),
            windows: &windows,
            flip: &other,
        };
        let outcome = measure(&request, context.ui)?;
        context.ui.checkpoint()?;
        Ok(outcome)
    }

    /// What is slow once is not what is measured.
    fn warm_up(&self) -> Window {
        Window {
            length: Duration::from_secs(2).min(self.window),
            ..self.window(WARM_UP, 0)
        }
    }

    fn window(&self, name: &str, flips: u32) -> Window {
        Window {
            name: name.to_owned(),
            length: self.window,
            flips,
        }
    }

    /// What clients ask: stored vectors with noise, or words.
    fn bodies(
        &self,
        store: &Store,
        versions: &[VersionName; 2],
    ) -> Result<Vec<hyper::body::Bytes>, CliError> {
        let mut random = fastrand::Rng::with_seed(11);
        let mut bodies = Vec::new();
        if self.text {
            let words = [
                "release", "index", "server", "answer", "memory", "channel", "version", "query",
                "load", "old", "new", "store", "link",
            ];
            for number in 0..QUESTIONS {
                let mut text = format!("question {number}");
                for _ in 0..12 {
                    text.push(' ');
                    text.push_str(words.get(random.usize(..words.len())).unwrap_or(&""));
                }
                bodies.push(json!({ "text": text, "k": K }));
            }
        } else {
            for version in versions {
                let (manifest, _) = store.manifest(version)?;
                let table = Table::open_version(&store.version_dir(version), &manifest)?;
                for (_, vector) in table.sample(QUESTIONS / 2, manifest.counts.chunks)? {
                    let noisy = vector
                        .iter()
                        .map(|number| number + (random.f32() - 0.5) * 0.05);
                    bodies.push(json!({ "vector": noisy.collect::<Vec<_>>(), "k": K }));
                }
            }
        }
        Ok(bodies.iter().map(|body| body.to_string().into()).collect())
    }

    fn judge(&self, outcome: &Outcome) -> Result<(), CliError> {
        let mut failed = Vec::new();
        if outcome.errors > 0 {
            failed.push(format!("{} requests failed", outcome.errors));
        }
        if outcome.mixed > 0 {
            failed.push(format!("{} answers mixed versions", outcome.mixed));
        }
        if let (Some(found), Some(least)) = (outcome.throughput_ratio, self.min_throughput)
            && found < least
        {
            failed.push(format!(
                "throughput with a reload is {found:.3} of that without"
            ));
        }
        if let (Some(found), Some(most)) = (outcome.p99_ratio, self.max_p99)
            && found > most
        {
            failed.push(format!(
                "p99 with a reload is {found:.2} times that without"
            ));
        }
        if failed.is_empty() {
            return Ok(());
        }
        let hint = outcome
            .error
            .clone()
            .map(|error| format!("One of them: {error}"));
        let hint = hint.unwrap_or_else(|| "--plot shows when it happened.".into());
        Err(CliError::gate(failed.join(", "), hint))
    }
}

/// Points the channel at a version of the scratch store, whose bytes this run has just written.
fn flip(store: &Store, version: &VersionName) -> Result<(), CliError> {
    let held = store.hold(Some(version))?;
    let locked = store.lock(LOCK, "bench reload", &Silent)?;
    let thoroughness = Thoroughness::Structure;
    let verified = verify::prove_for_rollback(&locked, &held, thoroughness, &Silent)?;
    let channel = Channel::default();
    publish::publish(
        &locked,
        verified,
        &channel,
        Operation::Publish,
        Why::default(),
    )?;
    Ok(())
}

/// The article that ragctl grew from measured its own Python service.
const ARTICLE: [(&str, [&str; 3]); 3] = [
    ("no reload", ["12400", "8.3", "0.01 %"]),
    ("one reload", ["12380", "8.5", "0.02 %"]),
    ("three reloads", ["-", "9.1 to 10.7", "0.03 to 0.12 %"]),
];

impl Answer for Outcome {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} clients, {} chunks, {K} hits a request",
            self.connections, self.chunks
        )?;
        let row = |window: &Measured| {
            let known = ARTICLE.iter().find(|(name, _)| *name == window.name);
            let [rate, took, errors] = known.map_or(["-"; 3], |(_, figures)| *figures);
            let all = window.requests as f64 + (window.errors + window.mixed) as f64;
            let wrong = (window.errors + window.mixed) as f64 / all.max(1.0) * 100.0;
            vec![
                window.name.clone(),
                format!("{:.0}", window.per_second),
                rate.into(),
                format!("{:.2}", window.mean_ms),
                took.into(),
                format!("{wrong:.2} %"),
                errors.into(),
            ]
        };
        let headings = [
            "WINDOW",
            "REQUESTS/S",
            "(ARTICLE)",
            "MEAN MS",
            "(ARTICLE)",
            "WRONG",
            "(ARTICLE)",
        ];
        write!(out, "{}", table(&headings, self.windows.iter().map(row)))?;
        let mib = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
        let row = |window: &Measured| {
            let [rss, descriptors, threads] = [window.rss, window.descriptors, window.threads];
            let counts = |counts: Option<[u64; 3]>| {
                counts.map_or("-".into(), |[first, most, last]| {
                    format!("{first}, {most}, {last}")
                })
            };
            let slowest = window.served_after_ms.iter().copied().fold(0.0, f64::max);
            vec![
                window.name.clone(),
                format!("{:.2}", window.p50_ms),
                format!("{:.2}", window.p99_ms),
                format!("{:.2}", window.p999_ms),
                window
                    .p99_during_ms
                    .map_or("-".into(), |ms| format!("{ms:.2}")),
                match window.served_after_ms.is_empty() {
                    true => "-".into(),
                    false => format!("{slowest:.0}"),
                },
                window
                    .cpu_seconds
                    .map_or("-".into(), |seconds| format!("{seconds:.1}")),
                rss.map_or("-".into(), |[first, most, last]| {
                    format!("{}, {}, {}", mib(first), mib(most), mib(last))
                }),
                counts(descriptors),
                counts(threads),
            ]
        };
        let headings = [
            "WINDOW",
            "P50",
            "P99",
            "P99.9",
            "P99 AT FLIPS",
            "FLIP TO SERVED",
            "CPU S",
            "MIB (FIRST, MOST, LAST)",
            "FILES",
            "THREADS",
        ];
        write!(out, "{}", table(&headings, self.windows.iter().map(row)))?;
        if let (Some(throughput), Some(p99)) = (self.throughput_ratio, self.p99_ratio) {
            writeln!(
                out,
                "one reload against none: throughput {throughput:.3}, p99 {p99:.2}"
            )?;
        }
        writeln!(out, "{} failed, {} mixed", self.errors, self.mixed)
    }
}
