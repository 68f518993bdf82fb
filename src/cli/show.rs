//! `ragctl show`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::digest::Digest;
use crate::snapshot::{self, Status};
use crate::store::{Held, Manifest, Release, VersionName};
use crate::ui::{Answer, escape_line, table};
use crate::verify::{Level, Report};

/// Show what a version is made of
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl show v1.4.0 --json | jq .manifest.space")]
pub(super) struct ShowArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
}

#[derive(Serialize)]
struct Shown {
    version: VersionName,
    live: bool,
    path: PathBuf,
    manifest_sha256: Digest,
    manifest: Manifest,
    reports: Vec<ReportLine>,
    releases: Vec<Release>,
    /// Documents that could not be read, those among them whose last good copy it holds.
    failures: Vec<FailureLine>,
}

#[derive(Serialize)]
struct FailureLine {
    source: String,
    id: String,
    uri: String,
    status: Status,
    reason: String,
}

#[derive(Serialize)]
struct ReportLine {
    level: Level,
    passed: bool,
    started: jiff::Timestamp,
}

impl ShowArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let held = store.hold(self.version.as_ref())?;
        let reports = Report::kept(&store, &held.name)?
            .into_iter()
            .filter(|report| report.manifest_sha256 == held.manifest_sha256);
        let shown = Shown {
            live: store.live()?.as_ref() == Some(&held.name),
            path: held.dir.clone(),
            manifest_sha256: held.manifest_sha256,
            reports: reports
                .map(
                    |Report {
                         level,
                         passed,
                         started,
                         ..
                     }| ReportLine {
                        level,
                        passed,
                        started,
                    },
                )
                .collect(),
            releases: store
                .history()?
                .into_iter()
                .filter(|release| release.to == held.name)
                .collect(),
            failures: failures(&held)?,
            manifest: held.manifest.clone(),
            version: held.name.clone(),
        };
        Ok(context.ui.answer(&shown)?)
    }
}

fn failures(held: &Held) -> Result<Vec<FailureLine>, CliError> {
    let mut failures = Vec::new();
    for document in snapshot::documents_of_version(&held.dir)? {
        let document = document?;
        if document.status != Status::Ok {
            failures.push(FailureLine {
                source: document.source,
                id: document.id,
                uri: document.uri,
                status: document.status,
                reason: document.reason.unwrap_or_default(),
            });
        }
    }
    Ok(failures)
}

impl Answer for Shown {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Manifest {
            counts,
            space,
            numerics,
            resources,
            labels,
            tables,
            ..
        } = &self.manifest;
        let mut rows = vec![
            [
                "version".into(),
                format!("{}{}", self.version, if self.live { " (live)" } else { "" }),
            ],
            ["path".into(), self.path.display().to_string()],
            [
                "built".into(),
                format!("{:.0} by {}", self.manifest.created, self.manifest.tool),
            ],
            ["content".into(), self.manifest.content_digest.to_string()],
            ["manifest".into(), self.manifest_sha256.to_string()],
            ["snapshot".into(), self.manifest.snapshot.short()],
            [
                "holds".into(),
                format!(
                    "{} documents, {} chunks, {} tokens, {} failed",
                    counts.documents, counts.chunks, counts.tokens, counts.failed
                ),
            ],
            [
                "model".into(),
                format!(
                    "{}, {} numbers, {} tokens",
                    space.model, space.dimension, space.max_tokens
                ),
            ],
            ["space".into(), self.manifest.fingerprint.to_string()],
            [
                "numerics".into(),
                format!(
                    "{} ({}) on {}",
                    numerics.class, numerics.scheme, numerics.device
                ),
            ],
            [
                "size".into(),
                indicatif::BinaryBytes(resources.disk_bytes).to_string(),
            ],
        ];
        for table in tables {
            let columns: Vec<String> = table
                .columns
                .iter()
                .map(|column| format!("{} {}", column.name, column.kind))
                .collect();
            rows.push(["columns".into(), columns.join(", ")]);
            for index in &table.indexes {
                let recall = index
                    .recall
                    .map_or("unknown".into(), |recall| format!("{recall:.4}"));
                rows.push([
                    "index".into(),
                    format!("{} on {}, recall@10 {recall}", index.kind, index.column),
                ]);
            }
        }
        rows.extend(
            labels
                .iter()
                .map(|(key, value)| ["label".into(), format!("{key}={value}")]),
        );
        rows.extend(self.failures.iter().map(|failure| {
            let kept = match failure.status {
                Status::Kept => " (its last good copy is in it)",
                Status::Ok | Status::Failed => "",
            };
            let what = format!("{}: {}{kept}", failure.uri, failure.reason);
            ["not read".into(), escape_line(&what)]
        }));
        rows.extend(self.reports.iter().map(|report| {
            let verdict = if report.passed { "passed" } else { "FAILED" };
            [
                "verified".into(),
                format!("{} {verdict} {:.0}", report.level, report.started),
            ]
        }));
        rows.extend(self.releases.iter().map(|release| {
            [
                "released".into(),
                format!(
                    "{:.0} to {} by {}@{}",
                    release.at, release.channel, release.by.user, release.by.host
                ),
            ]
        }));
        write!(
            out,
            "{}",
            table(&["", ""], rows.into_iter().map(Vec::from)).trim_start()
        )
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
