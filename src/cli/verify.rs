//! `ragctl verify`

use std::io::{self, Write};

use clap::Args;

use super::context::Context;
use super::error::CliError;
use crate::config::{Loaded, Override};
use crate::embed::{self, DeviceRequest, Embedder};
use crate::query::model_of;
use crate::store::{Held, Store, VersionName};
use crate::ui::{Answer, table};
use crate::verify::{self, Level, Report};

/// Check a version against its manifest and its model
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl verify v1.4.0 --level bytes")]
pub(super) struct VerifyArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// How deep to look: structure, bytes, lance, vectors
    #[arg(long, value_name = "LEVEL", default_value = "vectors")]
    level: Level,
    /// What computes: auto, cpu, cuda, cuda:N, metal
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceRequest>,
}

/// The level that a release must pass, as it is configured.
pub(super) fn required_level(loaded: &Loaded) -> Result<Level, CliError> {
    loaded
        .config
        .publish
        .require
        .parse()
        .map_err(|e: verify::ParseLevelError| {
            CliError::usage(format!("publish.require: {e}"), "`vectors` is the default.")
        })
}

/// What loads a held version's own model onto the configured device, when a check asks for it.
pub(super) fn embedder_for<'a>(
    context: &'a Context<'_>,
    loaded: &'a Loaded,
    store: &'a Store,
    held: &'a Held,
) -> impl FnOnce() -> Result<Embedder, embed::Error> + use<'a> {
    move || Embedder::load(model_of(store, held)?, context.device(loaded)?)
}

impl VerifyArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let device = self.device.map(|device| Override {
            key: "model.device",
            flag: "device",
            value: device.to_string(),
        });
        let loaded = context.settings(device.into_iter().collect())?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        let embedder = embedder_for(context, &loaded, &store, &held);
        let report = verify::verify(&store, &held, self.level, embedder, context.ui)?;
        context.ui.answer(&report)?;
        report.into_result()?;
        Ok(())
    }
}

impl Answer for Report {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        writeln!(
            out,
            "{} {verdict} at level {} in {:.1} s",
            self.version,
            self.level,
            self.duration_ms as f64 / 1000.0
        )?;
        let rows = self.checks.iter().map(|check| {
            let verdict = if check.passed() { "ok" } else { "FAILED" };
            vec![
                check.level.to_string(),
                check.name.clone(),
                verdict.into(),
                check.summary.clone(),
            ]
        });
        write!(
            out,
            "{}",
            table(&["LEVEL", "CHECK", "RESULT", "SEEN"], rows)
        )?;
        for warning in self.checks.iter().flat_map(|check| &check.warnings) {
            writeln!(out, "odd: {warning}")?;
        }
        for problem in self.checks.iter().flat_map(|check| &check.problems) {
            writeln!(out, "{problem}")?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
