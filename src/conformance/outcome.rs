//! What a check found, all rounds together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::finding::{Finding, Flaw};
use super::latency::Latency;

/// How many findings are kept.
pub const KEPT: usize = 20;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// How many questions were to be asked, all rounds together.
    pub planned: u64,
    /// How many were asked. It is less than planned when the server stopped answering.
    pub asked: u64,
    /// How many got an answer, right or wrong.
    pub answered: u64,
    /// How many answers were wholly a version's, by version.
    pub versions: BTreeMap<String, u64>,
    /// How often a client's answer was of another version than its last one.
    pub switched: u64,
    /// How many questions got no answer, or a wrong one.
    pub found: u64,
    /// The same by what was wrong.
    pub flaws: BTreeMap<Flaw, u64>,
    /// The first [`KEPT`] of them.
    pub findings: Vec<Finding>,
    /// How long answers took.
    pub latency: Latency,
    /// How long all of it took, in milliseconds.
    pub took_ms: u64,
}

impl Outcome {
    /// Says whether every question was asked and answered rightly.
    pub fn passed(&self) -> bool {
        self.found == 0 && self.asked == self.planned
    }
}

/// What one question came to.
#[derive(Debug)]
pub(super) struct Asked {
    /// `None` where no answer came.
    pub(super) took: Option<Duration>,
    pub(super) judged: Result<String, Finding>,
    /// Whether the version is another than the client's last one.
    pub(super) switched: bool,
}

/// Counts while a check runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    asked: u64,
    versions: BTreeMap<String, u64>,
    switched: u64,
    found: u64,
    flaws: BTreeMap<Flaw, u64>,
    findings: Vec<Finding>,
    took: Vec<Duration>,
    unanswered_in_a_row: usize,
}

impl Tally {
    pub(super) fn add(&mut self, asked: Asked) {
        self.asked += 1;
        match asked.took {
            Some(took) => {
                self.took.push(took);
                self.unanswered_in_a_row = 0;
            }
            None => self.unanswered_in_a_row += 1,
        }
        self.switched += u64::from(asked.switched);
        match asked.judged {
            Ok(version) => *self.versions.entry(version).or_default() += 1,
            Err(finding) => {
                self.found += 1;
                *self.flaws.entry(finding.flaw).or_default() += 1;
                if self.findings.len() < KEPT {
                    self.findings.push(finding);
                }
            }
        }
    }

    /// Says whether a server has stopped answering, so that more questions would only take time.
    pub(super) fn is_hopeless(&self) -> bool {
        self.unanswered_in_a_row >= KEPT
    }

    /// Says whether nothing was asked yet.
    pub(super) fn is_empty(&self) -> bool {
        self.asked == 0
    }

    pub(super) fn found(&self) -> u64 {
        self.found
    }

    pub(super) fn outcome(self, planned: usize, took: Duration) -> Outcome {
        Outcome {
            planned: planned as u64,
            asked: self.asked,
            answered: self.took.len() as u64,
            versions: self.versions,
            switched: self.switched,
            found: self.found,
            flaws: self.flaws,
            findings: self.findings,
            latency: Latency::of(self.took),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
