//! A run beside an earlier one: `--baseline old.json --max-regression 5%`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::context::{Context, percentage};
use super::super::error::CliError;
use crate::bench::{Compared, Figure, LEAST_SAMPLES, Verdict, compare};
use crate::ui::{Answer, table};

/// Options that make a benchmark a gate.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct BaselineOptions {
    /// The JSON of an earlier run, which this one is compared with
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How much worse a figure may be before it is exit 15, where it is no chance
    #[arg(long, value_name = "N%", default_value = "5%", value_parser = percentage, requires = "baseline")]
    max_regression: f64,
}

/// The part of an earlier answer that is compared.
#[derive(Deserialize)]
struct Earlier {
    figures: Vec<Figure>,
}

/// A benchmark's outcome, and how it compares.
#[derive(Serialize)]
struct Measured<'a, T> {
    #[serde(flatten)]
    outcome: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Vec<Compared>>,
}

impl BaselineOptions {
    /// Answers with an outcome, beside the earlier one where there is one, and fails where it is worse than allowed.
    pub(super) fn answer<T: Answer + Serialize>(
        &self,
        context: &Context<'_>,
        outcome: &T,
        figures: &[Figure],
    ) -> Result<(), CliError> {
        let compared = self
            .earlier(context)?
            .map(|earlier| compare(&earlier, figures, self.max_regression));
        let answer = Measured { outcome, compared };
        context.ui.answer(&answer)?;
        let Some(compared) = answer.compared else {
            return Ok(());
        };
        if compared.is_empty() {
            return Err(CliError::usage(
                "the baseline has none of this run's figures",
                "Give the --json of the same benchmark, with the same clients.",
            ));
        }
        let too_few = |one: &Compared| one.verdict == Verdict::TooFew;
        if compared.iter().any(too_few) {
            context.ui.warn(&format!(
                "fewer than {LEAST_SAMPLES} rounds tell no difference from chance: give --rounds {LEAST_SAMPLES} or more, in both runs"
            ));
        }
        let worse: Vec<String> = compared
            .iter()
            .filter(|one| one.verdict == Verdict::Worse)
            .map(|one| format!("{} by {:.1} %", one.name, -one.gain * 100.0))
            .collect();
        match worse.is_empty() {
            true => Ok(()),
            false => Err(CliError::gate(
                format!("worse than the baseline: {}", worse.join(", ")),
                "Run it again on a quiet machine; if it stays, find what changed, or allow more with --max-regression.",
            )),
        }
    }

    /// Reads the earlier run, before anything is measured.
    pub(super) fn earlier(&self, context: &Context<'_>) -> Result<Option<Vec<Figure>>, CliError> {
        let Some(path) = &self.baseline else {
            return Ok(None);
        };
        let path = context.working_dir.join(path);
        let wrong = |problem: String| {
            CliError::usage(
                format!("--baseline {}: {problem}", path.display()),
                "Give the --json of an earlier run of the same benchmark.",
            )
        };
        let bytes = fs::read(&path).map_err(|e| wrong(e.to_string()))?;
        let earlier: Earlier = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        Ok(Some(earlier.figures))
    }
}

impl<T: Answer + Serialize> Answer for Measured<'_, T> {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        self.outcome.human(out)?;
        let Some(compared) = &self.compared else {
            return Ok(());
        };
        let rows = compared.iter().map(|one| {
            let verdict = match one.verdict {
                Verdict::Better => "better",
                Verdict::Same => "same",
                Verdict::Worse => "WORSE",
                Verdict::TooFew => "too few rounds",
            };
            vec![
                one.name.clone(),
                format!("{:.4} {}", one.before, one.unit),
                format!("{:.4} {}", one.now, one.unit),
                format!("{:+.1} %", one.gain * 100.0),
                format!(
                    "{:+.1} to {:+.1} %",
                    one.interval.0 * 100.0,
                    one.interval.1 * 100.0
                ),
                format!("{:.3}", one.chance),
                format!("{}+{}", one.samples.0, one.samples.1),
                verdict.into(),
            ]
        });
        let headings = [
            "FIGURE", "BEFORE", "NOW", "GAIN", "95 %", "P", "ROUNDS", "VERDICT",
        ];
        write!(out, "{}", table(&headings, rows))
    }

    fn name(&self) -> Option<String> {
        self.outcome.name()
    }
}
