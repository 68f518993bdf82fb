//! `ragctl list`

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::digest::Digest;
use crate::store::{Channel, VersionName, Withdrawn};
use crate::ui::{Answer, table};

/// List the versions
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl list --json | jq -r '.versions[].version'")]
pub(super) struct ListArgs {}

#[derive(Serialize)]
struct Listed {
    versions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    version: VersionName,
    live: bool,
    /// Every channel that names it.
    channels: Vec<Channel>,
    readers: usize,
    pinned: bool,
    withdrawn: bool,
    content_digest: Option<Digest>,
    built: Option<Timestamp>,
    documents: Option<u64>,
    chunks: Option<u64>,
    recall: Option<f64>,
    published: Option<Timestamp>,
    problem: Option<String>,
}

impl ListArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let (live, history) = (store.live()?, store.history()?);
        let (channels, pins, withdrawn) = (store.channels()?, store.pins()?, store.withdrawn()?);
        let mut rows = Vec::new();
        for version in store.versions()?.into_iter().rev() {
            let published = history
                .iter()
                .rev()
                .find(|release| release.to == version)
                .map(|release| release.at);
            let (manifest, problem) = match store.manifest(&version) {
                Ok((manifest, _)) => (Some(manifest), None),
                Err(e) => (None, Some(e.to_string())),
            };
            let manifest = manifest.as_ref();
            let on = channels.iter().filter(|(_, live)| *live == version);
            rows.push(Row {
                channels: on.map(|(channel, _)| channel.clone()).collect(),
                readers: store.readers(&version)?,
                pinned: pins.iter().any(|pin| pin.version == version),
                withdrawn: withdrawn.contains(&Withdrawn::Version(version.clone())),
                live: live.as_ref() == Some(&version),
                version,
                content_digest: manifest.map(|manifest| manifest.content_digest),
                built: manifest.map(|manifest| manifest.created),
                documents: manifest.map(|manifest| manifest.counts.documents),
                chunks: manifest.map(|manifest| manifest.counts.chunks),
                recall: manifest.and_then(|manifest| {
                    manifest
                        .tables
                        .first()?
                        .indexes
                        .iter()
                        .find_map(|index| index.recall)
                }),
                published,
                problem,
            });
        }
        Ok(context.ui.answer(&Listed { versions: rows })?)
    }
}

impl Row {
    /// Where it is live, who holds it, and what else keeps or ends it.
    fn state(&self) -> String {
        let mut words: Vec<String> = self.channels.iter().map(ToString::to_string).collect();
        if self.readers > 0 {
            words.push(format!("{} readers", self.readers));
        }
        words.extend(self.pinned.then(|| "pinned".to_owned()));
        words.extend(self.withdrawn.then(|| "withdrawn".to_owned()));
        if words.is_empty() {
            "-".to_owned()
        } else {
            words.join(", ")
        }
    }
}

impl Answer for Listed {
    fn name(&self) -> Option<String> {
        Some(
            self.versions
                .iter()
                .map(|row| row.version.to_string())
                .collect::<Vec<_>>()
                .join("\n"),
        )
    }

    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.versions.is_empty() {
            return writeln!(out, "no versions yet; build one with `ragctl build`");
        }
        let time = |time: Option<Timestamp>| time.map_or("-".into(), |time| format!("{time:.0}"));
        let count = |count: Option<u64>| count.map_or("?".into(), |count| count.to_string());
        let rows = self.versions.iter().map(|row| {
            vec![
                format!("{}{}", row.version, if row.live { " *" } else { "" }),
                row.state(),
                row.content_digest.map_or_else(
                    || row.problem.clone().unwrap_or_default(),
                    |digest| digest.short(),
                ),
                time(row.built),
                count(row.documents),
                count(row.chunks),
                row.recall
                    .map_or("exact".into(), |recall| format!("{recall:.4}")),
                time(row.published),
            ]
        });
        write!(
            out,
            "{}",
            table(
                &[
                    "VERSION",
                    "STATE",
                    "CONTENT",
                    "BUILT",
                    "DOCUMENTS",
                    "CHUNKS",
                    "RECALL",
                    "PUBLISHED"
                ],
                rows
            )
        )?;
        if self.versions.iter().any(|row| row.live) {
            writeln!(out, "* is live")
        } else {
            Ok(())
        }
    }
}
