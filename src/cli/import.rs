//! `ragctl import`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use super::remote::TrustOptions;
use crate::bundle::{self, Imported};
use crate::store::{Channel, VersionName};
use crate::ui::Answer;

/// Bring a version from a file that `ragctl export` wrote
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl publish \"$(ragctl import handbook-v1.4.0.tar.zst -o name)\"\n\nOnly what the manifest in it lists is taken, and nothing is kept unless all of it is there."
)]
pub(super) struct ImportArgs {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what is in it, and bring nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    version: VersionName,
    channels: Vec<Channel>,
}

impl ImportArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        let store = context.store(&loaded)?;
        let trust = self.trust.trust(context, &loaded)?;
        let file = context.working_dir.join(&self.file);
        let lock = || store.lock(self.lock.lock_timeout, "import", context.ui);
        let imported = bundle::import(&store, &file, &trust, self.dry_run, &lock, context.ui)?;
        let Imported {
            version,
            changed,
            channels,
        } = imported;
        Ok(context.ui.answer(&Answered {
            dry_run: self.dry_run,
            changed,
            version,
            channels,
        })?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let version = &self.version;
        match (self.changed, self.dry_run) {
            (false, _) => writeln!(out, "{version} is here already")?,
            (true, true) => writeln!(out, "would import {version}")?,
            (true, false) => writeln!(out, "imported {version}")?,
        }
        if !self.channels.is_empty() {
            let channels: Vec<_> = self.channels.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "it was live on {} where it was exported; `ragctl publish {version}` releases it here",
                channels.join(", ")
            )?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
