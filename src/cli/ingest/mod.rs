//! `ragctl ingest`

mod answer;
mod sources;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;

pub(super) use self::answer::Answered;
use self::answer::{Estimate, Quarantine};
pub(super) use self::sources::PageArgs;
use self::sources::SourceArgs;
use super::context::{Context, ModelOptions};
use super::error::CliError;
use crate::chunk::{ChunkRecord, Policy, Strategy};
use crate::config::{ChunkConfig, Config, Loaded, Override};
use crate::corpus::Failure;
use crate::durable::Context as _;
use crate::embed::{Cache, Embedder, NUMERICS};
use crate::ingest::{self, Mode, Request, Tolerance};
use crate::model::Model;
use crate::store::Store;
use crate::ui::escape_line;

/// Read documents and cut them into chunks: gives a snapshot
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl ingest docs/ --include '**/*.md' --metadata lang=en\n  ragctl ingest 'docs/{product}/{lang}/**'\n  ragctl ingest tickets.jsonl --id-field _id --metadata-field product,created\n  ragctl ingest --sitemap https://docs.example.com/sitemap.xml\n\nWithout paths, the sources of ragctl.toml are read. What has not changed since the last run is taken over from it."
)]
pub(super) struct IngestArgs {
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    options: IngestOptions,
    /// List what would be read and why the rest would not, and read nothing
    #[arg(long, conflicts_with_all = ["failed", "dry_run"])]
    list: bool,
    /// List what could not be read at the last run, with the reasons
    #[arg(long, conflicts_with = "dry_run")]
    failed: bool,
    /// Read and cut everything, say what it would give, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What `ingest` and `run` share.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct IngestOptions {
    #[command(flatten)]
    pub(super) model: ModelOptions,
    /// `structure` cuts at headings; `document` makes one chunk of each document
    #[arg(long, value_name = "STRATEGY", value_parser = ["structure", "document"])]
    strategy: Option<String>,
    /// The cap of a chunk in tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Tokens that neighbours share
    #[arg(long, value_name = "N")]
    overlap: Option<usize>,
    /// Embed the headings above a chunk before its text
    #[arg(long)]
    heading_prefix: bool,
    /// What happens to documents of earlier runs that this one does not see
    #[arg(long, value_name = "MODE", value_parser = ["full", "scoped", "incremental"])]
    mode: Option<String>,
    /// How many documents may fail, as a number or a percentage
    #[arg(long, value_name = "N|N%")]
    max_failed: Option<Tolerance>,
    /// Let no document fail: same as --max-failed 0
    #[arg(long, conflicts_with = "max_failed")]
    strict: bool,
}

impl IngestOptions {
    /// The options as layers over the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.model.overrides();
        let mut push = |key, flag, value: Option<String>| {
            overrides.extend(value.map(|value| Override { key, flag, value }));
        };
        push("chunk.strategy", "strategy", self.strategy.clone());
        push(
            "chunk.max_tokens",
            "max-tokens",
            self.max_tokens.map(|number| number.to_string()),
        );
        push(
            "chunk.overlap",
            "overlap",
            self.overlap.map(|number| number.to_string()),
        );
        push(
            "chunk.heading_prefix",
            "heading-prefix",
            self.heading_prefix.then(|| "true".to_owned()),
        );
        push("ingest.mode", "mode", self.mode.clone());
        push(
            "gate.max_failed",
            "max-failed",
            self.max_failed.map(|tolerance| tolerance.to_string()),
        );
        push(
            "gate.max_failed",
            "strict",
            self.strict.then(|| "0".to_owned()),
        );
        overrides
    }
}

/// How documents are cut, as it is configured.
pub(super) fn policy(config: &Config) -> Result<Policy, CliError> {
    let ChunkConfig {
        strategy,
        max_tokens,
        overlap,
        min_tokens,
        heading_prefix,
    } = &config.chunk;
    let strategy = match strategy.as_str() {
        "structure" => Strategy::Structure,
        "document" => Strategy::Document,
        other => {
            let message = format!("chunk.strategy: `{other}` is unknown");
            return Err(CliError::usage(message, "It is `structure` or `document`."));
        }
    };
    Ok(Policy {
        strategy,
        max_tokens: *max_tokens,
        overlap: *overlap,
        min_tokens: *min_tokens,
        heading_prefix: *heading_prefix,
    })
}

/// What happens to documents that are not seen, as it is configured.
pub(super) fn mode(config: &Config) -> Result<Mode, CliError> {
    config
        .ingest
        .mode
        .parse()
        .map_err(|e: ingest::ParseModeError| {
            CliError::usage(
                format!("ingest.mode: {e}"),
                "Leave it out for `full`: the snapshot has what the sources have.",
            )
        })
}

/// How many documents may fail, as it is configured.
pub(super) fn tolerance(config: &Config) -> Result<Tolerance, CliError> {
    config
        .gate
        .max_failed
        .parse()
        .map_err(|e: ingest::ParseToleranceError| {
            CliError::usage(
                format!("gate.max_failed: {e}"),
                "Write a number, or a percentage such as 5%.",
            )
        })
}

/// Ingests what is configured.
pub(super) fn ingest_configured(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    model: &Model,
) -> Result<Answered, CliError> {
    let request = Configured::new(context, loaded)?;
    let ingested = ingest::ingest(store, model, &request.request(), context.ui)
        .inspect_err(|e| tell_too_many(context, e))?;
    tell_found(context, &ingested.found);
    Ok(Answered::of_snapshot(ingested))
}

/// Says what ingesting what is configured would give.
pub(super) fn survey_configured(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    model: Model,
) -> Result<Answered, CliError> {
    let request = Configured::new(context, loaded)?;
    let fingerprint = model.space.fingerprint();
    let cache = Cache::open(&store.cache_dir(), &fingerprint, NUMERICS)?;
    let mut wanted = Wanted::default();
    let each_chunk = &mut |chunk: &ChunkRecord| wanted.add(chunk, &cache, &model);
    let found = ingest::survey(store, &model, &request.request(), each_chunk, context.ui)
        .inspect_err(|e| tell_too_many(context, e))?;
    tell_found(context, &found);
    let estimate = wanted.estimate(context, loaded, model)?;
    Ok(Answered::of_survey(found, estimate))
}

/// A request as it is configured.
struct Configured<'a> {
    loaded: &'a Loaded,
    sources: Vec<crate::corpus::SourceSpec>,
    program: PathBuf,
    policy: Policy,
    tolerance: Tolerance,
    mode: Mode,
}

impl<'a> Configured<'a> {
    fn new(context: &Context<'_>, loaded: &'a Loaded) -> Result<Self, CliError> {
        let config = &loaded.config;
        if let Some(web) = config.sources.iter().find(|source| source.is_web())
            && context.is_offline()
        {
            return Err(CliError::usage(
                format!(
                    "source `{}` is fetched from the web, and this run is --offline",
                    web.id()
                ),
                "Leave --offline out, or name the sources that lie on this machine.",
            ));
        }
        let sources = config.sources.iter().map(sources::with_secrets);
        Ok(Self {
            loaded,
            sources: sources.collect::<Result<_, _>>()?,
            program: program()?,
            policy: policy(config)?,
            tolerance: tolerance(config)?,
            mode: mode(config)?,
        })
    }

    fn request(&self) -> Request<'_> {
        Request {
            sources: &self.sources,
            metadata: &self.loaded.config.metadata,
            policy: self.policy,
            tolerance: self.tolerance,
            mode: self.mode,
            program: &self.program,
        }
    }
}

/// This very program, for worker processes. The link stays good when its file is replaced while it runs.
pub(super) fn program() -> Result<PathBuf, CliError> {
    match cfg!(target_os = "linux") {
        true => Ok("/proc/self/exe".into()),
        false => Ok(std::env::current_exe().context("this program")?),
    }
}

/// The distinct texts that would have to be embedded.
#[derive(Default)]
struct Wanted {
    seen: HashSet<crate::digest::Digest>,
    cached: u64,
    texts: Vec<String>,
    missing: u64,
    tokens: u64,
    sampled_tokens: u64,
}

/// Tokens whose embedding is timed for an estimate: about a tenth of a second's work.
const SAMPLE_TOKENS: u64 = 4096;

impl Wanted {
    fn add(&mut self, chunk: &ChunkRecord, cache: &Cache, model: &Model) {
        let text = format!("{}{}", model.space.document_prefix, chunk.embedded());
        let key = crate::digest::Digest::of(&text);
        if !self.seen.insert(key) {
            return;
        }
        if cache.contains(&key) {
            self.cached += 1;
            return;
        }
        self.missing += 1;
        self.tokens += u64::from(chunk.tokens);
        if self.sampled_tokens < SAMPLE_TOKENS {
            self.sampled_tokens += u64::from(chunk.tokens);
            self.texts.push(text);
        }
    }

    /// Times a sample, and takes the rest to go on alike.
    fn estimate(
        self,
        context: &Context<'_>,
        loaded: &Loaded,
        model: Model,
    ) -> Result<Estimate, CliError> {
        let mut seconds = Some(0.0);
        if self.missing > 0 {
            let embedder = Embedder::load(model, context.device(loaded)?)?;
            let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
            let started = std::time::Instant::now();
            embedder.embed(&texts)?;
            let rate = self.sampled_tokens as f64 / started.elapsed().as_secs_f64();
            seconds = (rate > 0.0).then(|| self.tokens as f64 / rate);
        }
        Ok(Estimate {
            cached: self.cached,
            to_embed: self.missing,
            tokens: self.tokens,
            seconds,
        })
    }
}

/// Failures that are told one by one; a long list is in the answer.
const TOLD: usize = 10;

fn tell_too_many(context: &Context<'_>, error: &ingest::Error) {
    if let ingest::Error::TooManyFailed { failures, .. } = error {
        tell_failures(context, failures);
    }
}

fn tell_failures(context: &Context<'_>, failures: &[Failure]) {
    for failure in failures.iter().take(TOLD) {
        context.ui.warn(&escape_line(&format!(
            "{}: {}",
            failure.uri, failure.reason
        )));
    }
    if failures.len() > TOLD {
        context.ui.warn(&format!(
            "{} more could not be read; `ragctl ingest --failed` lists them all",
            failures.len() - TOLD
        ));
    }
}

/// Tells what a person should know of what was found.
fn tell_found(context: &Context<'_>, found: &ingest::Found) {
    tell_failures(context, &found.failures);
    let warn = |count: usize, what: &str| {
        if count > 0 {
            context.ui.warn(&format!("{count} {what}"));
        }
    };
    warn(
        found.kept.len(),
        "document(s) could not be had; their last good copies are kept",
    );
    warn(
        found.unknown.len(),
        "file(s) of unknown format were left out; --list names them",
    );
    warn(
        found.flagged as usize,
        "chunk(s) had text that nobody sees taken out of them; their column `flags` says so",
    );
    let same = &found.same_text;
    let copies = same.exact.values().map(Vec::len).sum();
    warn(
        copies,
        "document(s) repeat the text of another; --json names them",
    );
    warn(
        same.near.len(),
        "pair(s) of documents say nearly the same; --json names them",
    );
}

impl IngestArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let mut loaded = context.settings(self.options.overrides())?;
        let named = self.sources.specs(context)?;
        if !named.is_empty() {
            loaded.config.sources = named;
        }
        if self.list {
            let plan = ingest::plan(&loaded.config.sources, &loaded.config.metadata)?;
            return Ok(context.ui.answer(&Answered::of_plan(plan))?);
        }
        let store = context.store(&loaded)?;
        if self.failed {
            let failures = ingest::quarantined(&store)?;
            return Ok(context.ui.answer(&Quarantine { failures })?);
        }
        let model = context.model(&loaded)?;
        let answer = if self.dry_run {
            survey_configured(context, &loaded, &store, model)?
        } else {
            ingest_configured(context, &loaded, &store, &model)?
        };
        Ok(context.ui.answer(&answer)?)
    }
}
