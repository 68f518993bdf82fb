//! `ragctl history`

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::store::{Channel, HookFailure, Operation, Release};
use crate::ui::{Answer, table};

/// Show who released what, when and why
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl history --limit 5")]
pub(super) struct HistoryArgs {
    /// Show only the newest releases
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Show only the releases of this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<Channel>,
}

#[derive(Serialize)]
struct History {
    releases: Vec<Release>,
    hook_failures: Vec<HookFailure>,
}

impl HistoryArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let is_asked =
            |channel: &Channel| self.channel.as_ref().is_none_or(|asked| asked == channel);
        let mut releases = store.history()?;
        releases.retain(|release| is_asked(&release.channel));
        releases.reverse();
        releases.truncate(self.limit.unwrap_or(usize::MAX));
        let mut hook_failures = store.hook_failures()?;
        hook_failures.retain(|failure| releases.iter().any(|release| failure.is_of(release)));
        Ok(context.ui.answer(&History {
            releases,
            hook_failures,
        })?)
    }
}

impl Answer for History {
    fn name(&self) -> Option<String> {
        Some(
            self.releases
                .iter()
                .map(|release| release.to.to_string())
                .collect::<Vec<_>>()
                .join("\n"),
        )
    }

    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.releases.is_empty() {
            return writeln!(out, "nothing was released yet");
        }
        let rows = self.releases.iter().map(|release| {
            vec![
                release.channel.to_string(),
                release.generation.to_string(),
                format!("{:.0}", release.at),
                match release.operation {
                    Operation::Publish => "publish".into(),
                    Operation::Rollback => "rollback".into(),
                },
                release
                    .from
                    .as_ref()
                    .map_or("-".into(), ToString::to_string),
                release.to.to_string(),
                format!("{}@{}", release.by.user, release.by.host),
                match release.waived.as_slice() {
                    [] => release.reason.clone().unwrap_or_default(),
                    waived => format!(
                        "{} (waived: {})",
                        release.reason.as_deref().unwrap_or_default(),
                        waived.join(", ")
                    ),
                },
            ]
        });
        write!(
            out,
            "{}",
            table(
                &[
                    "CHANNEL",
                    "GENERATION",
                    "AT",
                    "WHAT",
                    "FROM",
                    "TO",
                    "BY",
                    "WHY"
                ],
                rows
            )
        )?;
        for HookFailure {
            hook,
            channel,
            generation,
            problem,
            ..
        } in &self.hook_failures
        {
            writeln!(
                out,
                "the {hook}-hook of {channel}, generation {generation}, {problem}"
            )?;
        }
        Ok(())
    }
}
