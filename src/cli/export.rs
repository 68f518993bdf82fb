//! `ragctl export`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::bundle;
use crate::store::VersionName;
use crate::ui::Answer;

/// Write a version and its model to one file, for where no network leads
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl export v1.4.0 handbook-v1.4.0.tar.zst\n\nThe file has the same bytes each time, as long as the version's channels and signature are the same,\nand appears when it is whole. It names the channels; `ragctl import` moves none."
)]
pub(super) struct ExportArgs {
    /// The version
    version: VersionName,
    /// The file; VERSION.tar.zst here by default
    file: Option<PathBuf>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Exported {
    dry_run: bool,
    changed: bool,
    version: VersionName,
    file: PathBuf,
    bytes: Option<u64>,
}

impl ExportArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let held = store.hold(Some(&self.version))?;
        store.check_not_withdrawn(&self.version)?;
        let named = || PathBuf::from(format!("{}.tar.zst", self.version));
        let file = context
            .working_dir
            .join(self.file.clone().unwrap_or_else(named));
        let bytes = match self.dry_run {
            true => None,
            false => Some(bundle::export(&store, &held, &file, context.ui)?),
        };
        Ok(context.ui.answer(&Exported {
            dry_run: self.dry_run,
            changed: true,
            version: self.version.clone(),
            file,
            bytes,
        })?)
    }
}

impl Answer for Exported {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let (version, file) = (&self.version, self.file.display());
        match self.bytes {
            None => writeln!(out, "would export {version} to {file}"),
            Some(bytes) => {
                let size = indicatif::BinaryBytes(bytes);
                writeln!(out, "exported {version} to {file} ({size})")
            }
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.file.display().to_string())
    }
}
