//! `ragctl gc`

use std::io::{self, Write};
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions, duration};
use super::error::CliError;
use super::remote::{TuningOptions, collect_remote};
use crate::gc::{self, Collected, Plan, Policy};
use crate::remote::RemotePolicy;
use crate::store::{self, Store};
use crate::ui::Answer;

/// Remove versions that nobody needs, and what only they needed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, for cron:\n  ragctl gc --keep-last 5 --keep-within 14d\n\nWhat a channel names, what its rollbacks go back to, what is pinned and what a reader holds stays,\nwhatever the options say. The rest goes to trash/, and is deleted by a later gc when its grace is\nover; until then `mv` brings it back. When channels, pins, history or leases cannot be read,\nnothing is removed. gc never runs by itself.\nWith --remote it removes what a remote no longer needs: the same roots, and nothing that is young."
)]
pub(super) struct GcArgs {
    /// Releases of each channel that stay
    #[arg(long, value_name = "N", default_value_t = 5)]
    keep_last: usize,
    /// Versions stay that were built, released or superseded within this time
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = duration)]
    keep_within: Duration,
    /// How long a version lies in the trash before it is deleted
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    grace: Duration,
    /// Delete at once, without a grace
    #[arg(long, conflicts_with = "grace")]
    instant: bool,
    /// How long a version must be superseded where its readers cannot be seen
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    grace_unleased: Duration,
    /// Trim the embedding cache to this size, such as 10GiB; never what a snapshot needs
    #[arg(long, value_name = "SIZE")]
    cache_max: Option<ByteSize>,
    /// Remove from this remote instead: a name of ragctl.toml, a URL or a directory
    #[arg(long, value_name = "REMOTE", conflicts_with_all = ["keep_within", "grace", "instant", "grace_unleased"], help_heading = "At a remote")]
    remote: Option<String>,
    /// How old what is removed of a remote must be; less than 1d may take what is just being pushed
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = duration, requires = "remote", help_heading = "At a remote")]
    min_age: Duration,
    #[command(flatten, next_help_heading = "At a remote")]
    tuning: TuningOptions,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would be removed and what keeps the rest; takes no lock
    #[arg(long)]
    dry_run: bool,
}

/// What was removed, or would be.
#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    #[serde(flatten)]
    plan: Plan,
    removed: Collected,
}

impl GcArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        if let Some(remote) = &self.remote {
            // What was forgotten here is forgotten there, where there is a store to ask.
            let withdrawn = match Store::open(&context.store_path(&loaded)) {
                Ok(store) => store.withdrawn()?,
                Err(store::Error::NoStore(_)) => Default::default(),
                Err(e) => return Err(e.into()),
            };
            let policy = RemotePolicy {
                keep_last: self.keep_last,
                min_age: self.min_age,
                cache_max: self.cache_max.map(|size| size.as_u64()),
                withdrawn,
            };
            let (tuning, dry_run) = (&self.tuning, self.dry_run);
            return collect_remote(context, &loaded, remote, tuning, &policy, dry_run);
        }
        let store = context.store(&loaded)?;
        let policy = Policy {
            keep_last: self.keep_last,
            keep_within: self.keep_within,
            grace: if self.instant {
                Duration::ZERO
            } else {
                self.grace
            },
            grace_unleased: self.grace_unleased,
            cache_max: self.cache_max.map(|size| size.as_u64()),
        };
        if self.dry_run {
            let plan = gc::plan(&store, &policy)?;
            let removed = Collected::default();
            let goes = plan.versions.iter().any(|version| version.goes());
            let changed = goes
                || !plan.expired.is_empty()
                || !plan.snapshots.is_empty()
                || !plan.models.is_empty();
            return Ok(context.ui.answer(&Answered {
                dry_run: true,
                changed,
                plan,
                removed,
            })?);
        }
        let locked = store.lock(self.lock.lock_timeout, "gc", context.ui)?;
        context.tell_recovered(locked.recovered());
        let plan = gc::plan(&locked, &policy)?;
        let removed = gc::collect(&locked, &plan, &policy, context.ui)?;
        let changed = removed.changed();
        Ok(context.ui.answer(&Answered {
            dry_run: false,
            changed,
            plan,
            removed,
        })?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for version in &self.plan.versions {
            let kept: Vec<String> = version.kept.iter().map(ToString::to_string).collect();
            if !version.goes() {
                writeln!(out, "keeps   {}: {}", version.version, kept.join("; "))?;
            } else if self.dry_run {
                let size = indicatif::BinaryBytes(version.bytes);
                writeln!(out, "would move {} to the trash ({size})", version.version)?;
            }
        }
        let each = |out: &mut dyn Write, verb: &str, names: Vec<String>| match names.is_empty() {
            true => Ok(()),
            false => writeln!(out, "{verb} {}", names.join(", ")),
        };
        let short = |digests: &[crate::digest::Digest]| {
            digests
                .iter()
                .map(crate::digest::Digest::short)
                .collect::<Vec<_>>()
        };
        let names = |versions: &[crate::store::VersionName]| {
            versions.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        if self.dry_run {
            each(
                out,
                "would delete from the trash",
                names(&self.plan.expired),
            )?;
            each(out, "would remove snapshots", short(&self.plan.snapshots))?;
            each(out, "would remove models", short(&self.plan.models))?;
        } else {
            let Collected {
                trashed,
                deleted,
                held,
                snapshots,
                models,
                ..
            } = &self.removed;
            each(out, "moved to the trash", names(trashed))?;
            each(out, "deleted", names(deleted))?;
            each(out, "left to its readers", names(held))?;
            each(out, "removed snapshots", short(snapshots))?;
            each(out, "removed models", short(models))?;
        }
        if self.plan.busy {
            writeln!(
                out,
                "snapshots, models and cache were left alone: somebody is at work"
            )?;
        }
        if self.plan.unreadable {
            writeln!(
                out,
                "snapshots, models and cache were left alone: a manifest is damaged, and nobody knows what it needs"
            )?;
        }
        if self.dry_run {
            return writeln!(out, "leases  {}", self.plan.leases);
        }
        if !self.changed {
            return writeln!(out, "nothing to remove");
        }
        let freed = self.removed.freed_bytes + self.removed.cache_freed_bytes;
        writeln!(out, "freed   {}", indicatif::BinaryBytes(freed))
    }

    fn name(&self) -> Option<String> {
        let names = self.removed.deleted.iter().map(ToString::to_string);
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}
