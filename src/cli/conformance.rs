//! `ragctl conformance`

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::context::{Context, LockOptions, ModelOptions, duration};
use super::diff::golden_queries;
use super::error::CliError;
use super::publish::{ReleaseOptions, publish_now};
use super::remote::TrustOptions;
use crate::config::Loaded;
use crate::conformance::{Expected, Mapping, Oracle, Outcome, Question, Request, Target, check};
use crate::durable::Context as _;
use crate::fault::Fault;
use crate::index::{Asked, Search};
use crate::query::{Reader, model_of};
use crate::store::{Channel, Store, VersionName};
use crate::ui::Answer;

/// Hold a running server's answers against the index of the version that gave them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl conformance --url http://127.0.0.1:8080 --rounds 20\n  ragctl conformance --url http://search:80 --mapping theirs.toml --flip v1.3.0,v1.4.0\n  ragctl conformance --mapping mine.toml -- python3 reader.py\n\nIt asks the golden queries again and again, by several clients. Every answer must have the right\nshape, types and scores, belong wholly to one version, and be what that version's index gives. A\ncommand reads requests and writes answers, one JSON a line. Past a finding it is exit 15."
)]
pub(super) struct ConformanceArgs {
    /// The server
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    url: Option<String>,
    /// How the server is asked and answers, as TOML or JSON; as ragctl's own by default
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The golden queries; by default those that the live version carries
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// How many hits each query asks for
    #[arg(short, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// How often every query is asked
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many ask at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    clients: u16,
    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// How long a server may take to start
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    grace: Duration,
    /// How long after a flip an answer may be the version's before
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    lag: Duration,
    /// The channel that the server follows
    #[arg(long, value_name = "NAME", default_value_t)]
    channel: Channel,
    /// The server compares every chunk: hold its answers against exact search
    #[arg(long)]
    exact: bool,
    /// Publish these versions in turn meanwhile, and in the end what was live before
    #[arg(long, value_name = "VERSION,…", value_delimiter = ',')]
    flip: Vec<VersionName>,
    /// How often to flip
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "flip")]
    every: Duration,
    #[command(flatten)]
    model: ModelOptions,
    /// A command that answers, and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Hits behind the last that are known as well, since they may tie with it.
const BEHIND: usize = 10;

/// A version's hits for one question.
type Known = Arc<Vec<Expected>>;

/// What the versions of a store answer.
struct Versions<'a> {
    context: &'a Context<'a>,
    loaded: &'a Loaded,
    store: &'a Store,
    args: &'a ConformanceArgs,
    questions: &'a [Question],
    /// When each version was last seen live.
    seen: Mutex<Vec<(VersionName, Instant)>>,
    readers: Mutex<HashMap<VersionName, Arc<Reader>>>,
    answers: Mutex<HashMap<(VersionName, usize), Known>>,
}

fn boxed(fault: impl Fault) -> Box<dyn Fault> {
    Box::new(fault)
}

impl Versions<'_> {
    fn reader(&self, version: &VersionName) -> Result<Arc<Reader>, Box<dyn Fault>> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = readers.get(version) {
            return Ok(reader.clone());
        }
        let held = self.store.hold(Some(version)).map_err(boxed)?;
        let model = model_of(self.store, &held).map_err(boxed)?;
        let device = self.context.device(self.loaded).map_err(boxed)?;
        let reader = Arc::new(Reader::open(held, model, device).map_err(boxed)?);
        readers.insert(version.clone(), reader.clone());
        Ok(reader)
    }

    fn ask(&self, reader: &Reader, text: &str) -> Result<Vec<Expected>, crate::query::Error> {
        let k = usize::from(self.args.k);
        let vector = reader.embed(text)?;
        let search = |k: usize| Search {
            exact: self.args.exact,
            ..Search::top(k)
        };
        let asked = Asked::Vector(&vector);
        let mut hits = reader.table().search(asked, &search(k))?;
        // An index that is asked for more looks deeper, so that what it adds may be better than what it gave.
        for hit in reader.table().search(asked, &search(k + BEHIND))? {
            if !hits.iter().any(|known| known.chunk.id == hit.chunk.id) {
                hits.push(hit);
            }
        }
        let expected = hits.into_iter().map(|hit| Expected {
            id: hit.chunk.id,
            score: hit.score,
            text: hit.chunk.text,
        });
        Ok(expected.collect())
    }
}

impl Oracle for Versions<'_> {
    fn versions(&self) -> Result<Vec<String>, Box<dyn Fault>> {
        let live = self.store.live_on(&self.args.channel).map_err(boxed)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(live) = live {
            seen.retain(|(name, _)| *name != live);
            seen.insert(0, (live, now));
        }
        seen.retain(|(_, at)| now.duration_since(*at) <= self.args.lag);
        Ok(seen.iter().map(|(name, _)| name.to_string()).collect())
    }

    fn expected(
        &self,
        version: &str,
        question: usize,
    ) -> Result<Option<Arc<Vec<Expected>>>, Box<dyn Fault>> {
        let Ok(name) = version.parse::<VersionName>() else {
            return Ok(None);
        };
        let key = (name.clone(), question);
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers().get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(asked) = self.questions.get(question) else {
            return Ok(None);
        };
        let reader = match self.reader(&name) {
            Ok(reader) => reader,
            Err(fault) if fault.kind() == crate::fault::Kind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let expected = Arc::new(self.ask(&reader, &asked.text).map_err(boxed)?);
        answers().insert(key, expected.clone());
        Ok(Some(expected))
    }
}

impl ConformanceArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let store = context.store(&loaded)?;
        let target = self.target(context)?;
        let held = store.hold_channel(&self.channel)?;
        let queries = golden_queries(context, self.golden.as_ref(), [&held, &held])?;
        let queries = queries.ok_or_else(|| {
            CliError::usage(
                format!("{} carries no golden queries to ask", held.name),
                "Name a file with --golden; `ragctl golden suggest` proposes one.",
            )
        })?;
        let questions: Vec<Question> = queries
            .into_iter()
            .map(|query| Question {
                id: query.id,
                text: query.text,
            })
            .collect();
        let request = Request {
            rounds: usize::try_from(self.rounds).unwrap_or(usize::MAX),
            clients: usize::from(self.clients),
            timeout: self.timeout,
            grace: self.grace,
            ..Request::new(&questions, usize::from(self.k))
        };
        let oracle = Versions {
            context,
            loaded: &loaded,
            store: &store,
            args: self,
            questions: &questions,
            seen: Mutex::default(),
            readers: Mutex::default(),
            answers: Mutex::default(),
        };
        let done = AtomicBool::new(false);
        let before = held.name.clone();
        drop(held);
        let (outcome, flipped) = thread::scope(|scope| {
            let flips = scope.spawn(|| self.flips(context, &loaded, &store, &before, &done));
            let outcome = check(&target, &request, &oracle, context.ui);
            done.store(true, Ordering::Relaxed);
            (outcome, flips.join())
        });
        match flipped {
            Ok(flipped) => flipped?,
            Err(_) => context.ui.warn("flipping ended before its time"),
        }
        let outcome = outcome?;
        context.ui.answer(&outcome)?;
        if outcome.passed() {
            return Ok(());
        }
        let first = outcome.findings.first().map(ToString::to_string);
        Err(CliError::gate(
            format!(
                "{} of {} answers are wrong, or missing",
                outcome.found.max(outcome.planned - outcome.asked),
                outcome.planned
            ),
            first.unwrap_or_else(|| "The server stopped answering.".into()),
        ))
    }

    fn target(&self, context: &Context<'_>) -> Result<Target, CliError> {
        let variables = |name: &str| std::env::var(name).ok();
        let mapping = match &self.mapping {
            None => Mapping::ragctl()?,
            Some(file) => {
                let path = context.working_dir.join(file);
                let text = std::fs::read_to_string(&path).context(&path)?;
                match path.extension().is_some_and(|ending| ending == "json") {
                    true => Mapping::from_json(&text, &variables)?,
                    false => Mapping::from_toml(&text, &variables)?,
                }
            }
        };
        match (&self.url, self.command.split_first()) {
            (Some(url), _) => Ok(Target::url(url, mapping)?),
            (None, Some((program, args))) => {
                Ok(Target::command(program.clone(), args.to_vec(), mapping)?)
            }
            (None, None) => Err(CliError::usage(
                "nothing to ask",
                "Give --url URL, or a command after `--`.",
            )),
        }
    }

    /// Publishes versions in turn until everything was asked, and then what was live before.
    fn flips(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
        store: &Store,
        before: &VersionName,
        done: &AtomicBool,
    ) -> Result<(), CliError> {
        if self.flip.is_empty() {
            return Ok(());
        }
        let reason = Some("conformance: flips underneath a server".to_owned());
        let options = ReleaseOptions::of(self.channel.clone(), reason, LockOptions::default());
        let options = options.unconditional();
        let trust = TrustOptions::default().trust(context, loaded)?;
        let mut last = Instant::now();
        for version in self.flip.iter().cycle() {
            while last.elapsed() < self.every && !done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
            }
            if done.load(Ordering::Relaxed) {
                break;
            }
            publish_now(context, loaded, store, version, &options, &trust)?;
            last = Instant::now();
        }
        let restored = publish_now(context, loaded, store, before, &options, &trust);
        restored.map(drop).inspect_err(|_| {
            context.ui.warn(&format!(
                "{before} was live before the flips and is not again: publish it"
            ));
        })
    }
}

impl Answer for Outcome {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdict = if self.passed() { "conforms" } else { "FAILED" };
        writeln!(
            out,
            "{verdict}: {} of {} asked, {} answered, {} wrong or missing, {} switches of version",
            self.asked, self.planned, self.answered, self.found, self.switched
        )?;
        for (version, answers) in &self.versions {
            writeln!(out, "{version}: {answers} answers")?;
        }
        writeln!(
            out,
            "p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
            self.latency.p50_ms, self.latency.p99_ms, self.latency.max_ms
        )?;
        for finding in &self.findings {
            writeln!(out, "{finding}")?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        None
    }
}
