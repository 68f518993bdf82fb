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
) -> Result<(), CliError> {
    let remote = tuning.open(context, loaded, Some(named))?;
    let pinned = pin.is_some();
    let changed = remote::pin(&remote, version, pin, context.ui)?;
    Ok(context.ui.answer(&Pinned {
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
