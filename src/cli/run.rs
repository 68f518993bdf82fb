//! `ragctl run`

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::build::{self, BuildOptions, build_now};
use super::context::{Context, LockOptions};
use super::error::CliError;
use super::gates::WaiveOptions;
use super::ingest::{self, IngestOptions, ingest_configured, survey_configured};
use super::publish::{self, ReleaseOptions, publish_now};
use super::remote::TrustOptions;
use crate::durable;
use crate::publish::Shrink;
use crate::snapshot::Snapshot;
use crate::store::{Channel, Counts};
use crate::ui::Answer;

/// Ingest, embed, build, verify and publish what ragctl.toml names
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, for cron:\n  ragctl run --lock-timeout 10m --metrics-file /var/lib/node_exporter/ragctl.prom\n\nAn unchanged corpus builds and publishes nothing. A second run at the same time is exit 11."
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    ingest: IngestOptions,
    #[command(flatten)]
    build: BuildOptions,
    /// The channel that is released to
    #[arg(long, value_name = "NAME", default_value_t)]
    channel: Channel,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write figures for Prometheus' textfile collector here, after every run
    #[arg(long, value_name = "PATH")]
    metrics_file: Option<PathBuf>,
    /// How much smaller than the live version the new one may be, in documents or tokens
    #[arg(long, value_name = "N%")]
    max_shrink: Option<Shrink>,
    #[command(flatten)]
    waive: WaiveOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would be read, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Ran {
    dry_run: bool,
    /// Unknown before the documents are read.
    changed: Option<bool>,
    seconds: f64,
    ingest: Option<ingest::Answered>,
    build: Option<build::Answered>,
    publish: Option<publish::Answered>,
}

impl RunArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let begun = Instant::now();
        let outcome = self.chain(context, begun);
        if let Some(path) = self.metrics_file.as_ref().filter(|_| !self.dry_run) {
            let path = context.working_dir.join(path);
            let live = context
                .only_store()
                .ok()
                .and_then(|store| store.live().ok().flatten())
                .map(|name| name.to_string());
            let counts = outcome
                .as_ref()
                .ok()
                .and_then(|ran| Some(ran.build.as_ref()?.counts()))
                .or_else(|| live_counts(context));
            let metrics = Metrics {
                path: &path,
                succeeded: outcome.is_ok(),
                seconds: begun.elapsed().as_secs_f64(),
                counts,
                live,
            };
            match metrics.write() {
                Err(e) if outcome.is_err() => {
                    context.ui.warn(&format!("--metrics-file: {}", e.message()));
                }
                written => written?,
            }
        }
        Ok(context.ui.answer(&outcome?)?)
    }

    fn chain(&self, context: &Context<'_>, begun: Instant) -> Result<Ran, CliError> {
        let overrides = self
            .ingest
            .overrides()
            .into_iter()
            .chain(self.build.overrides())
            .chain(publish::shrink_override(self.max_shrink))
            .collect();
        let loaded = context.settings(overrides)?;
        let store = context.store(&loaded)?;
        let waived = self.waive.names(self.reason.as_ref())?;
        if self.dry_run {
            let surveyed = survey_configured(context, &loaded, &store, context.model(&loaded)?)?;
            return Ok(Ran {
                dry_run: true,
                changed: None,
                seconds: begun.elapsed().as_secs_f64(),
                ingest: Some(surveyed),
                build: None,
                publish: None,
            });
        }
        let _only_run = store.lock_run(self.lock.lock_timeout, context.ui)?;
        let model = context.model(&loaded)?;
        let ingested = ingest_configured(context, &loaded, &store, &model)?;
        let id = ingested.snapshot.map(|id| id.to_string());
        let snapshot = Snapshot::open(&store, id.as_deref())?;
        let request = self.build.request(None, true, &self.lock, &loaded)?;
        let built = build_now(context, &loaded, &store, &snapshot, model, &request)?;
        let channel = self.channel.clone();
        let options = ReleaseOptions::of(channel, self.reason.clone(), self.lock.clone());
        let options = options.waiving(waived);
        let trust = self.trust.trust(context, &loaded)?;
        let version = &built.version;
        let published = publish_now(context, &loaded, &store, version, &options, &trust)?;
        let changed = Some(built.changed || published.changed);
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Ran {
            dry_run: false,
            changed,
            seconds,
            ingest: Some(ingested),
            build: Some(built),
            publish: Some(published),
        })
    }
}

fn live_counts(context: &Context<'_>) -> Option<Counts> {
    let store = context.only_store().ok()?;
    let (manifest, _) = store.manifest(&store.live().ok()??).ok()?;
    Some(manifest.counts)
}

struct Metrics<'a> {
    path: &'a Path,
    succeeded: bool,
    seconds: f64,
    counts: Option<Counts>,
    live: Option<String>,
}

const LAST_SUCCESS: &str = "ragctl_run_last_success_timestamp_seconds";

impl Metrics<'_> {
    fn write(&self) -> Result<(), CliError> {
        let now = Timestamp::now().as_second() as f64;
        // A failed run keeps the time of the last success, which alerts are made of.
        let before = fs::read_to_string(self.path).unwrap_or_default();
        let before = before
            .lines()
            .find_map(|line| line.strip_prefix(LAST_SUCCESS)?.trim().parse().ok());
        let last_success = if self.succeeded { Some(now) } else { before };
        let mut text = String::new();
        let mut gauge = |name: &str, help: &str, labels: &str, value: Option<f64>| {
            if let Some(value) = value {
                // Writing to a string does not fail.
                write!(
                    text,
                    "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n"
                )
                .ok();
            }
        };
        let count = |get: fn(&Counts) -> u64| self.counts.as_ref().map(|counts| get(counts) as f64);
        gauge(
            "ragctl_run_success",
            "Whether the last run succeeded.",
            "",
            Some(f64::from(u8::from(self.succeeded))),
        );
        gauge(
            "ragctl_run_timestamp_seconds",
            "When the last run ended.",
            "",
            Some(now),
        );
        gauge(
            LAST_SUCCESS,
            "When the last successful run ended.",
            "",
            last_success,
        );
        gauge(
            "ragctl_run_duration_seconds",
            "How long the last run took.",
            "",
            Some(self.seconds),
        );
        gauge(
            "ragctl_documents",
            "Documents in the version of the last run.",
            "",
            count(|counts| counts.documents),
        );
        gauge(
            "ragctl_chunks",
            "Chunks in the version of the last run.",
            "",
            count(|counts| counts.chunks),
        );
        gauge(
            "ragctl_documents_failed",
            "Documents that could not be read.",
            "",
            count(|counts| counts.failed).filter(|_| self.succeeded),
        );
        if let Some(live) = &self.live {
            gauge(
                "ragctl_live_version_info",
                "The live version.",
                &format!("{{version=\"{live}\"}}"),
                Some(1.0),
            );
        }
        Ok(durable::write_atomic(self.path, text.as_bytes(), 0o644)?)
    }
}

impl Answer for Ran {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(ingest) = &self.ingest {
            ingest.human(out)?;
        }
        if let Some(build) = &self.build {
            build.human(out)?;
        }
        if let Some(publish) = &self.publish {
            publish.human(out)?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        self.publish.as_ref().and_then(Answer::name)
    }
}
