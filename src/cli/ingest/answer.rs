//! How the outcome of `ingest` reads.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::corpus::Failure;
use crate::digest::Digest;
use crate::ingest::{Found, Ingested, Plan, Quarantined, Row, SameText};
use crate::store::{Counts, Installed};
use crate::ui::{Answer, escape_line, table};

/// What was ingested, or would be.
#[derive(Serialize)]
pub(in crate::cli) struct Answered {
    dry_run: bool,
    /// Unknown where nothing was compared.
    pub(in crate::cli) changed: Option<bool>,
    pub(in crate::cli) snapshot: Option<Digest>,
    #[serde(flatten)]
    pub(in crate::cli) counts: Option<Counts>,
    pub(in crate::cli) failures: Vec<Failure>,
    formats: BTreeMap<String, Row>,
    /// Documents that could not be had and whose last good copies stand.
    kept: Vec<String>,
    /// Documents of the last run that are gone.
    deleted: Vec<String>,
    unknown: Vec<PathBuf>,
    /// Documents left out because they were forgotten.
    withdrawn: u64,
    /// Chunks that something invisible was taken out of.
    flagged: u64,
    same_text: SameText,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
}

/// What embedding would cost.
#[derive(Serialize)]
pub(super) struct Estimate {
    /// Distinct texts whose vectors are in the cache.
    pub(super) cached: u64,
    /// Distinct texts to embed.
    pub(super) to_embed: u64,
    /// Their tokens.
    pub(super) tokens: u64,
    /// Seconds at the speed of a sample; `None` where that could not be told.
    pub(super) seconds: Option<f64>,
}

impl Answered {
    fn new(dry_run: bool, found: Option<Found>) -> Self {
        let answer = Self {
            dry_run,
            changed: None,
            snapshot: None,
            counts: None,
            failures: Vec::new(),
            formats: BTreeMap::new(),
            kept: Vec::new(),
            deleted: Vec::new(),
            unknown: Vec::new(),
            withdrawn: 0,
            flagged: 0,
            same_text: SameText::default(),
            estimate: None,
            plan: None,
        };
        match found {
            None => answer,
            Some(found) => Self {
                counts: Some(found.counts),
                failures: found.failures,
                formats: found.formats,
                kept: found.kept,
                deleted: found.deleted,
                unknown: found.unknown,
                withdrawn: found.withdrawn,
                flagged: found.flagged,
                same_text: found.same_text,
                ..answer
            },
        }
    }

    pub(super) fn of_snapshot(ingested: Ingested) -> Self {
        Self {
            changed: Some(ingested.installed == Installed::New),
            snapshot: Some(ingested.snapshot),
            ..Self::new(false, Some(ingested.found))
        }
    }

    pub(super) fn of_survey(found: Found, estimate: Estimate) -> Self {
        Self {
            estimate: Some(estimate),
            ..Self::new(true, Some(found))
        }
    }

    pub(super) fn of_plan(plan: Plan) -> Self {
        Self {
            plan: Some(plan),
            ..Self::new(true, None)
        }
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(plan) = &self.plan {
            return write_plan(plan, out);
        }
        let rows = self.formats.iter().map(|(format, row)| {
            let numbers = [
                row.read,
                row.unchanged,
                row.failed,
                row.empty,
                row.chunks,
                row.tokens,
            ];
            let mut cells = vec![format.clone()];
            cells.extend(numbers.map(|number| number.to_string()));
            cells.push(format!("{:.2}", row.seconds));
            cells
        });
        let headings = [
            "format",
            "read",
            "unchanged",
            "failed",
            "empty",
            "chunks",
            "tokens",
            "seconds",
        ];
        writeln!(out, "{}", table(&headings, rows))?;
        let Some(counts) = &self.counts else {
            return Ok(());
        };
        if let Some(snapshot) = &self.snapshot {
            let new = if self.changed == Some(true) {
                ""
            } else {
                ", as before"
            };
            writeln!(out, "snapshot {}{new}", snapshot.short())?;
        }
        write!(
            out,
            "{} documents, {} chunks, {} tokens",
            counts.documents, counts.chunks, counts.tokens
        )?;
        let mut also = |count: u64, what: &str| match count {
            0 => Ok(()),
            count => write!(out, "; {count} {what}"),
        };
        also(counts.failed, "failed")?;
        also(self.deleted.len() as u64, "gone since the last run")?;
        also(counts.truncated, "longer than the model's window")?;
        also(self.withdrawn, "left out because they were forgotten")?;
        writeln!(out)?;
        match &self.estimate {
            None => Ok(()),
            Some(estimate) => estimate.human(out),
        }
    }

    fn name(&self) -> Option<String> {
        self.snapshot.map(|snapshot| snapshot.to_string())
    }
}

impl Estimate {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let time = self.seconds.map_or(String::new(), |seconds| match seconds {
            ..1.0 => ", less than a second".to_owned(),
            seconds => format!(", about {:.0} seconds", seconds.ceil()),
        });
        writeln!(
            out,
            "to embed: {} texts of {} tokens{time}; {} in the cache already",
            self.to_embed, self.tokens, self.cached
        )
    }
}

fn write_plan(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    for source in &plan.sources {
        let (read, left) = (source.items.len(), source.left_out.len());
        writeln!(out, "{}: {read} to read, {left} left out", source.id)?;
        for item in &source.items {
            writeln!(out, "  {}", escape_line(item))?;
        }
        for left in &source.left_out {
            let path = left.path.display().to_string();
            writeln!(out, "  left out: {} {}", escape_line(&path), left.reason)?;
        }
        for failure in &source.unreadable {
            writeln!(
                out,
                "  failed: {}: {}",
                escape_line(&failure.uri),
                failure.reason
            )?;
        }
    }
    Ok(())
}

/// What could not be read at the last run of each source.
#[derive(Serialize)]
pub(super) struct Quarantine {
    pub(super) failures: Vec<Quarantined>,
}

impl Answer for Quarantine {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.failures.is_empty() {
            return writeln!(out, "nothing failed");
        }
        let rows = self.failures.iter().map(|known| {
            vec![
                escape_line(&known.failure.uri),
                known.since.strftime("%Y-%m-%d %H:%M").to_string(),
                known.tries.to_string(),
                escape_line(&known.failure.reason),
            ]
        });
        writeln!(
            out,
            "{}",
            table(&["document", "failed since", "tries", "reason"], rows)
        )
    }
}
