//! `ragctl ingest`

use std::collections::HashSet;
use std::io::{self, Read as _, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use crate::chunk::{Policy, Strategy};
use crate::config::{ChunkConfig, Config, Loaded, Override};
use crate::corpus::{Failure, SourceSpec, Value};
use crate::digest::Digest;
use crate::durable::{Context as _, PathError};
use crate::ingest::{self, Plan, Request, Tolerance};
use crate::model::Model;
use crate::store::{Counts, Installed, Store};
use crate::ui::{Answer, escape_line};

/// Read documents and cut them into chunks: gives a snapshot
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl ingest docs/ --include '**/*.md' --metadata lang=en\n  ragctl ingest tickets.jsonl --id-field _id --metadata-field product,created\n\nWithout paths, the sources of ragctl.toml are read."
)]
pub(super) struct IngestArgs {
    /// Directories, files or globs; `-` is standard input
    paths: Vec<String>,
    #[command(flatten)]
    options: IngestOptions,
    /// Read paths from this file, one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Read only files that match, in directories
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    include: Vec<String>,
    /// Leave out files that match, in directories
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    exclude: Vec<String>,
    /// A metadata value for every document
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    metadata: Vec<(String, Value)>,
    /// JSON Lines: the field that holds the id
    #[arg(long, value_name = "FIELD")]
    id_field: Option<String>,
    /// JSON Lines: the field that holds the title
    #[arg(long, value_name = "FIELD")]
    title_field: Option<String>,
    /// JSON Lines: the field that holds the text
    #[arg(long, value_name = "FIELD")]
    text_field: Option<String>,
    /// JSON Lines: the field that holds the address to cite
    #[arg(long, value_name = "FIELD")]
    uri_field: Option<String>,
    /// JSON Lines: fields that become metadata columns
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    metadata_field: Vec<String>,
    /// List what would be read, and read nothing
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

/// What was ingested, or would be.
#[derive(Serialize)]
pub(super) struct Answered {
    dry_run: bool,
    /// Unknown before the documents are read.
    pub(super) changed: Option<bool>,
    pub(super) snapshot: Option<Digest>,
    #[serde(flatten)]
    pub(super) counts: Option<Counts>,
    pub(super) failures: Vec<Failure>,
    unknown: Vec<PathBuf>,
    /// Documents left out because they were forgotten.
    withdrawn: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
}

/// Ingests what is configured.
pub(super) fn ingest_configured(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    model: &Model,
) -> Result<Answered, CliError> {
    let config = &loaded.config;
    let request = Request {
        sources: &config.sources,
        metadata: &config.metadata,
        policy: policy(config)?,
        tolerance: tolerance(config)?,
    };
    let ingested = ingest::ingest(store, model, &request, context.ui).inspect_err(|e| {
        if let ingest::Error::TooManyFailed { failures, .. } = e {
            tell_failures(context, failures);
        }
    })?;
    tell_failures(context, &ingested.failures);
    if !ingested.unknown.is_empty() {
        context.ui.warn(&format!(
            "{} file(s) of unknown format were left out; --dry-run lists them",
            ingested.unknown.len()
        ));
    }
    Ok(Answered {
        dry_run: false,
        changed: Some(ingested.installed == Installed::New),
        snapshot: Some(ingested.snapshot),
        counts: Some(ingested.counts),
        failures: ingested.failures,
        unknown: ingested.unknown,
        withdrawn: ingested.withdrawn,
        plan: None,
    })
}

/// Failures that are told one by one; a long list is in the answer.
const TOLD: usize = 10;

fn tell_failures(context: &Context<'_>, failures: &[Failure]) {
    for failure in failures.iter().take(TOLD) {
        context.ui.warn(&escape_line(&format!(
            "{}: {}",
            failure.uri, failure.reason
        )));
    }
    if failures.len() > TOLD {
        context.ui.warn(&format!(
            "{} more could not be read; --json lists them all",
            failures.len() - TOLD
        ));
    }
}

impl IngestArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let mut loaded = context.settings(self.options.overrides())?;
        let named = self.sources(context)?;
        if !named.is_empty() {
            loaded.config.sources = named;
        }
        let answer = if self.dry_run {
            let plan = ingest::plan(&loaded.config.sources, &loaded.config.metadata)?;
            let unknown = plan
                .sources
                .iter()
                .flat_map(|source| source.unknown.clone())
                .collect();
            Answered {
                dry_run: true,
                changed: None,
                snapshot: None,
                counts: None,
                failures: Vec::new(),
                unknown,
                withdrawn: 0,
                plan: Some(plan),
            }
        } else {
            let store = context.store(&loaded)?;
            ingest_configured(context, &loaded, &store, &context.model(&loaded)?)?
        };
        Ok(context.ui.answer(&answer)?)
    }

    /// The sources that the command line names: one a path, and one for a list of files.
    fn sources(&self, context: &Context<'_>) -> Result<Vec<SourceSpec>, CliError> {
        let mut sources: Vec<SourceSpec> = Vec::new();
        let mut ids = HashSet::new();
        let named = self.paths.iter().map(SourceSpec::of_path);
        for mut source in named.chain(self.listed(context)?) {
            source.base = context.working_dir.clone();
            source.include = self.include.clone();
            source.exclude = self.exclude.clone();
            source.metadata = self.metadata.iter().cloned().collect();
            source.id_field = self.id_field.clone();
            source.title_field = self.title_field.clone();
            source.text_field = self.text_field.clone();
            source.uri_field = self.uri_field.clone();
            source.metadata_fields = self.metadata_field.clone();
            // Ids must differ; a number tells apart what the last part of the path does not.
            let first = source.id().to_owned();
            source.id = first.clone();
            let mut number = 1;
            while !ids.insert(source.id.clone()) {
                number += 1;
                source.id = format!("{first}-{number}");
            }
            sources.push(source);
        }
        Ok(sources)
    }

    /// The source of --files-from.
    fn listed(&self, context: &Context<'_>) -> Result<Option<SourceSpec>, CliError> {
        let Some(list) = &self.files_from else {
            return Ok(None);
        };
        let text = if list.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("standard input")?;
            text
        } else {
            let list = context.working_dir.join(list);
            let unusable = |e: PathError| {
                CliError::usage(
                    e.to_string(),
                    "--files-from takes a file of paths, one a line.",
                )
            };
            std::fs::read_to_string(&list)
                .context(&list)
                .map_err(unusable)?
        };
        let files = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let mut source = SourceSpec::of_path("files");
        source.files = Some(files);
        Ok(Some(source))
    }
}

fn key_value(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let value = match (
        value.parse::<i64>(),
        value.parse::<f64>(),
        value.parse::<bool>(),
    ) {
        (Ok(number), ..) => Value::Integer(number),
        (_, Ok(number), _) if number.is_finite() => Value::Float(number),
        (.., Ok(boolean)) => Value::Boolean(boolean),
        _ => Value::Text(value.to_owned()),
    };
    Ok((key.to_owned(), value))
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for source in self.plan.iter().flat_map(|plan| &plan.sources) {
            writeln!(
                out,
                "{}: {} to read, {} of unknown format",
                source.id,
                source.items.len(),
                source.unknown.len()
            )?;
            for item in &source.items {
                writeln!(out, "  {item}")?;
            }
            for path in &source.unknown {
                writeln!(out, "  left out, unknown format: {}", path.display())?;
            }
        }
        let (Some(snapshot), Some(counts)) = (&self.snapshot, &self.counts) else {
            return Ok(());
        };
        let new = if self.changed == Some(true) {
            ""
        } else {
            ", as before"
        };
        writeln!(out, "snapshot {}{new}", snapshot.short())?;
        write!(
            out,
            "{} documents, {} chunks, {} tokens",
            counts.documents, counts.chunks, counts.tokens
        )?;
        if counts.failed > 0 {
            write!(out, "; {} failed", counts.failed)?;
        }
        if counts.truncated > 0 {
            write!(out, "; {} longer than the model's window", counts.truncated)?;
        }
        if self.withdrawn > 0 {
            write!(
                out,
                "; {} left out because they were forgotten",
                self.withdrawn
            )?;
        }
        writeln!(out)
    }

    fn name(&self) -> Option<String> {
        self.snapshot.map(|snapshot| snapshot.to_string())
    }
}
