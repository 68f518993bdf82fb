//! `ragctl verify`

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::annotations;
use super::context::{Context, ModelOptions, percentage};
use super::error::CliError;
use super::gates::{GateOptions, embedder_for, gates, hold_live};
use crate::config::Loaded;
use crate::durable::Context as _;
use crate::golden;
use crate::publish::Expectation;
use crate::store::{Channel, Held, Store, VersionName};
use crate::ui::{Answer, table};
use crate::verify::{self, Level, Report, Request, junit};

/// Check a version against its manifest, its model and what it must find
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl verify v1.4.0 --level bytes\n  ragctl verify v1.4.0 --junit report.xml --min-recall-at-5 0.8\n\nLevels, each with those before it: structure (names and sizes), bytes (every hash), lance (the\ntable opens, its index covers it), vectors (they are the model's), retrieval (the index finds what\nexact search finds, golden queries find what they expect, no worse than the live version).\nUnder GitHub Actions each finding is an annotation as well."
)]
pub(super) struct VerifyArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// How deep to look: structure, bytes, lance, vectors, retrieval
    #[arg(long, value_name = "LEVEL", default_value_t = Level::Retrieval)]
    level: Level,
    /// The part of the chunks that the costly checks look at, such as 5%; some tens by default
    #[arg(long, value_name = "N%", value_parser = sample)]
    sample: Option<f64>,
    /// Ask these golden queries in place of the version's own; such a report proves nothing to `publish`
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// The version that golden queries are compared with, or `none`; the live one by default
    #[arg(long, value_name = "VERSION|none")]
    against: Option<Expectation>,
    /// Write the findings as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    gates: GateOptions,
    #[command(flatten)]
    model: ModelOptions,
}

/// Reads the part of the chunks that are looked at, which is not none.
fn sample(text: &str) -> Result<f64, String> {
    match percentage(text)? {
        0.0 => Err("nothing would be looked at".into()),
        part => Ok(part),
    }
}

/// The level that a release must pass, as it is configured.
pub(super) fn required_level(loaded: &Loaded) -> Result<Level, CliError> {
    loaded
        .config
        .publish
        .require
        .parse()
        .map_err(|e: verify::ParseLevelError| {
            CliError::usage(
                format!("publish.require: {e}"),
                "`retrieval` is the default.",
            )
        })
}

impl VerifyArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let overrides = self
            .model
            .overrides()
            .into_iter()
            .chain(self.gates.overrides());
        let loaded = context.settings(overrides.collect())?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        let golden = self.golden.as_ref();
        let golden = golden
            .map(|path| golden::read(&context.working_dir.join(path)))
            .transpose()?;
        let against = self.against(context, &store, &held)?;
        let request = Request {
            level: self.level,
            gates: &gates(&loaded)?,
            against: against.as_ref(),
            golden: golden.as_deref(),
            sample: self.sample,
            waived: &BTreeSet::new(),
        };
        let embedder = embedder_for(context, &loaded, &store);
        let report = verify::verify(&store, &held, &request, &embedder, context.ui)?;
        if let Some(path) = &self.junit {
            let path = context.working_dir.join(path);
            std::fs::write(&path, junit(&report)).context(&path)?;
        }
        annotations::tell(context, &report);
        context.ui.answer(&report)?;
        report.into_result()?;
        Ok(())
    }

    fn against(
        &self,
        context: &Context<'_>,
        store: &Store,
        held: &Held,
    ) -> Result<Option<Held>, CliError> {
        match &self.against {
            None | Some(Expectation::Anything) => {
                hold_live(context, store, &Channel::default(), &held.name)
            }
            Some(Expectation::Nothing) => Ok(None),
            Some(Expectation::Version(name)) => Ok(Some(store.hold(Some(name))?)),
        }
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
        for check in &self.checks {
            for problem in &check.problems {
                writeln!(out, "{}: {problem}", check.name)?;
            }
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
