//! `ragctl promote`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use crate::digest::Digest;
use crate::promote;
use crate::store::VersionName;
use crate::ui::Answer;

/// Seal a pre-release again under its final name, without a rebuild
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl publish v1.4.0-rc1 --channel canary\n  ragctl publish \"$(ragctl promote v1.4.0-rc1 -o name)\"\n\nThe files are shared by hard links, the content digest is the same, and its reports are carried\nover, so that what proved itself is what is released."
)]
pub(super) struct PromoteArgs {
    /// The pre-release
    version: VersionName,
    /// The final name; by default the same without what follows the numbers
    name: Option<VersionName>,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    from: VersionName,
    version: VersionName,
    path: PathBuf,
    content_digest: Digest,
    reports: usize,
}

impl PromoteArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let to = self
            .name
            .clone()
            .unwrap_or_else(|| self.version.without_pre());
        if to == self.version {
            return Err(CliError::usage(
                format!("{to} is no pre-release, so its final name must be given"),
                "Write `ragctl promote VERSION NAME`.",
            ));
        }
        let store = context.only_store()?;
        let held = store.hold(Some(&self.version))?;
        let mut answer = Answered {
            dry_run: self.dry_run,
            changed: promote::plan(&store, &held, &to)?,
            from: self.version.clone(),
            path: store.version_dir(&to),
            version: to,
            content_digest: held.manifest.content_digest,
            reports: 0,
        };
        if !self.dry_run {
            let locked = store.lock(self.lock.lock_timeout, "promote", context.ui)?;
            context.tell_recovered(locked.recovered());
            let promoted = promote::promote(&locked, &held, &answer.version)?;
            answer.changed = promoted.changed;
            answer.reports = promoted.reports;
        }
        Ok(context.ui.answer(&answer)?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            from,
            version,
            reports,
            ..
        } = self;
        match (self.changed, self.dry_run) {
            (false, _) => writeln!(out, "{version} is {from} already; nothing was done"),
            (true, true) => writeln!(out, "would seal {from} as {version}"),
            (true, false) => writeln!(out, "sealed {from} as {version}, with {reports} reports"),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
