//! `ragctl pin`

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use super::remote::{TuningOptions, pin_remote};
use crate::store::{Pin, VersionName};
use crate::ui::{Answer, table};

/// Keep a version from gc, or list what is kept
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl pin v1.4.0 --reason 'audit of May'\n  ragctl pin v1.4.0 --remove\n\nWithout a version, the pins are listed."
)]
pub(super) struct PinArgs {
    /// The version
    version: Option<VersionName>,
    /// Remove its pin
    #[arg(long, requires = "version", conflicts_with = "reason")]
    remove: bool,
    /// Why it is kept
    #[arg(long, value_name = "TEXT", requires = "version")]
    reason: Option<String>,
    /// Pin it at this remote instead: a name of ragctl.toml, a URL or a directory
    #[arg(long, value_name = "REMOTE", requires = "version")]
    remote: Option<String>,
    #[command(flatten)]
    tuning: TuningOptions,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Pinned {
    dry_run: bool,
    changed: bool,
    pins: Vec<Pin>,
    #[serde(skip)]
    said: Option<String>,
}

impl PinArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        if let (Some(remote), Some(version)) = (&self.remote, &self.version) {
            let pin = (!self.remove).then(|| self.reason.clone());
            let tuning = &self.tuning;
            return pin_remote(context, &loaded, remote, tuning, version, pin, self.dry_run);
        }
        let store = context.store(&loaded)?;
        let Some(version) = &self.version else {
            let pins = store.pins()?;
            let pinned = Pinned {
                dry_run: self.dry_run,
                changed: false,
                pins,
                said: None,
            };
            return Ok(context.ui.answer(&pinned)?);
        };
        if !self.remove {
            store.manifest(version)?;
            store.check_not_withdrawn(version)?;
        }
        let is_pinned = |pins: &[Pin]| {
            let pin = pins.iter().find(|pin| pin.version == *version);
            pin.map(|pin| pin.reason.clone())
        };
        let before = is_pinned(&store.pins()?);
        let changed = match self.remove {
            true => before.is_some(),
            false => before.as_ref() != Some(&self.reason),
        };
        let done = match (self.remove, changed) {
            (true, true) => "unpinned",
            (true, false) => "was not pinned:",
            (false, true) => "pinned",
            (false, false) => "was pinned already:",
        };
        let would = if self.dry_run && changed {
            "would have "
        } else {
            ""
        };
        let said = Some(format!("{would}{done} {version}"));
        if changed && !self.dry_run {
            let locked = store.lock(self.lock.lock_timeout, "pin", context.ui)?;
            context.tell_recovered(locked.recovered());
            if self.remove {
                locked.unpin(version)?;
            } else {
                // It may have gone to the trash while we waited.
                locked.manifest(version)?;
                locked.pin(version, self.reason.clone())?;
            }
        }
        let pins = store.pins()?;
        Ok(context.ui.answer(&Pinned {
            dry_run: self.dry_run,
            changed,
            pins,
            said,
        })?)
    }
}

impl Answer for Pinned {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(said) = &self.said {
            return writeln!(out, "{said}");
        }
        if self.pins.is_empty() {
            return writeln!(out, "nothing is pinned");
        }
        let rows = self.pins.iter().map(|pin| {
            vec![
                pin.version.to_string(),
                format!("{:.0}", pin.at),
                format!("{}@{}", pin.by.user, pin.by.host),
                pin.reason.clone().unwrap_or_default(),
            ]
        });
        write!(out, "{}", table(&["VERSION", "SINCE", "BY", "WHY"], rows))
    }

    fn name(&self) -> Option<String> {
        let names = self.pins.iter().map(|pin| pin.version.to_string());
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}
