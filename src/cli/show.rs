//! `ragctl show`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::digest::Digest;
use crate::store::{Manifest, Release, VersionName};
use crate::ui::{Answer, table};
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
            manifest: held.manifest.clone(),
            version: held.name.clone(),
        };
        Ok(context.ui.answer(&shown)?)
    }
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
