//! `ragctl pin --remote`

use std::io::{self, Write};

use serde::Serialize;

use super::super::context::Context;
use super::super::error::CliError;
use super::TuningOptions;
use crate::config::Loaded;
use crate::remote;
use crate::store::VersionName;
use crate::ui::Answer;

#[derive(Serialize)]
struct Pinned {
    dry_run: bool,
    changed: bool,
    remote: String,
    version: VersionName,
    pinned: bool,
}

/// Pins a version of a remote, or takes its pin away.
pub(in crate::cli) fn pin_remote(
    context: &Context<'_>,
    loaded: &Loaded,
    named: &str,
    tuning: &TuningOptions,
    version: &VersionName,
    pin: Option<Option<String>>,
    dry_run: bool,
) -> Result<(), CliError> {
    let remote = tuning.open(context, loaded, Some(named))?;
    let pinned = pin.is_some();
    let changed = remote::pin(&remote, version, pin, dry_run, context.ui)?;
    Ok(context.ui.answer(&Pinned {
        dry_run,
        changed,
        remote: remote.address().to_owned(),
        version: version.clone(),
        pinned,
    })?)
}

impl Answer for Pinned {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            version, remote, ..
        } = self;
        match (self.pinned, self.changed) {
            (_, true) if self.dry_run => {
                let what = if self.pinned { "pin" } else { "unpin" };
                writeln!(out, "would {what} {version} at {remote}")
            }
            (true, true) => writeln!(out, "pinned {version} at {remote}"),
            (true, false) => writeln!(out, "was pinned already: {version} at {remote}"),
            (false, true) => writeln!(out, "unpinned {version} at {remote}"),
            (false, false) => writeln!(out, "was not pinned: {version} at {remote}"),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
