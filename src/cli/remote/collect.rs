//! `ragctl gc --remote`

use std::io::{self, Write};

use serde::Serialize;

use super::super::context::Context;
use super::super::error::CliError;
use super::TuningOptions;
use crate::config::Loaded;
use crate::remote::{self, Kept, RemoteCollected, RemotePlan, RemotePolicy};
use crate::ui::Answer;

/// What was removed of a remote, or would be.
#[derive(Serialize)]
pub(in crate::cli) struct Collected {
    dry_run: bool,
    changed: bool,
    remote: String,
    #[serde(flatten)]
    plan: RemotePlan,
    removed: RemoteCollected,
}

/// Removes what nobody needs of a remote.
pub(in crate::cli) fn collect_remote(
    context: &Context<'_>,
    loaded: &Loaded,
    named: &str,
    tuning: &TuningOptions,
    policy: &RemotePolicy,
    dry_run: bool,
) -> Result<(), CliError> {
    let remote = tuning.open(context, loaded, Some(named))?;
    let (plan, removed) = remote::collect(&remote, policy, dry_run, context.ui)?;
    let goes = plan.versions.values().any(Vec::is_empty) || !plan.objects.is_empty();
    let done = !removed.versions.is_empty() || removed.objects > 0;
    Ok(context.ui.answer(&Collected {
        dry_run,
        changed: if dry_run { goes } else { done },
        remote: remote.address().to_owned(),
        plan,
        removed,
    })?)
}

impl Answer for Collected {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for (version, kept) in &self.plan.versions {
            let words = kept.iter().map(|kept| match kept {
                Kept::Live => "live",
                Kept::Release => "a release that a rollback may need",
                Kept::Pinned => "pinned",
                Kept::Young => "pushed not long ago",
            });
            match (kept.is_empty(), self.dry_run) {
                (false, _) => {
                    let words: Vec<_> = words.collect();
                    writeln!(out, "keeps   {version}: {}", words.join("; "))?;
                }
                (true, true) => writeln!(out, "would remove {version}")?,
                (true, false) => {}
            }
        }
        let size = indicatif::BinaryBytes;
        if self.dry_run {
            let objects = self.plan.objects.len();
            return writeln!(
                out,
                "would remove {objects} objects of {}",
                size(self.plan.bytes)
            );
        }
        for version in &self.removed.versions {
            writeln!(out, "removed {version}")?;
        }
        match self.changed {
            false => writeln!(out, "nothing to remove"),
            true => writeln!(
                out,
                "freed   {} in {} objects",
                size(self.removed.freed_bytes),
                self.removed.objects
            ),
        }
    }

    fn name(&self) -> Option<String> {
        let names = self.removed.versions.iter().map(ToString::to_string);
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}
