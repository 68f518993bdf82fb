//! What a verification found, bound to one manifest and kept beside the version.

use std::fmt;
use std::fs;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Request, Retrieval};
use crate::digest::Digest;
use crate::durable::{self, Context as _, PathError};
use crate::fault::Kind;
use crate::store::{Store, VersionName};

pub(super) const FORMAT: u32 = 1;

/// How deep a verification looks. Each level contains the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Names, sizes and kinds of files.
    Structure,
    /// The hash of every byte.
    Bytes,
    /// The table opens, its counts and its index agree with the manifest.
    Lance,
    /// The vectors are of the model's space.
    Vectors,
    /// The index finds what exact search finds, and golden queries find what they expect.
    Retrieval,
}

/// A text that names no level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no level: structure, bytes, lance, vectors or retrieval")]
pub struct ParseLevelError(String);

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "structure" => Self::Structure,
            "bytes" => Self::Bytes,
            "lance" => Self::Lance,
            "vectors" => Self::Vectors,
            "retrieval" => Self::Retrieval,
            other => return Err(ParseLevelError(other.to_owned())),
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Structure => "structure",
            Self::Bytes => "bytes",
            Self::Lance => "lance",
            Self::Vectors => "vectors",
            Self::Retrieval => "retrieval",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The level it belongs to.
    pub level: Level,
    /// What was seen, in words.
    pub summary: String,
    /// What is wrong; empty when it passed.
    pub problems: Vec<Problem>,
    /// What is odd but in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: a path in the version, or a chunk's id.
    pub at: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}",
            self.at, self.expected, self.found
        )
    }
}

impl Check {
    /// Says whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// The outcome of one verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The shape of this record.
    pub format: u32,
    /// The version.
    pub version: VersionName,
    /// The hash of the manifest that was verified.
    pub manifest_sha256: Digest,
    /// How deep it looked.
    pub level: Level,
    /// Whether every check passed.
    pub passed: bool,
    /// When it began.
    pub started: Timestamp,
    /// How long it took in milliseconds.
    pub duration_ms: u64,
    /// The program that verified.
    pub tool: String,
    /// The version of the same files that was verified, and whose name this one has taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<VersionName>,
    /// What retrieval gave, where it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
    /// What was looked at. Deeper levels are left out once one has failed.
    pub checks: Vec<Check>,
}

impl Report {
    /// Says whether it proves that this manifest passed what is asked of it.
    pub(super) fn proves(&self, manifest_sha256: &Digest, request: &Request<'_>) -> bool {
        let retrieves = || {
            let against = request.against.map(|held| &held.name);
            let found = self.retrieval.as_ref();
            found.is_some_and(|found| found.answers(request.gates, against))
        };
        self.format == FORMAT
            && self.manifest_sha256 == *manifest_sha256
            && self.level >= request.level
            && (request.level < Level::Retrieval || retrieves())
            && self.checks.iter().all(|check| request.lets_pass(check))
    }

    /// Turns a report of failures into the error that says so.
    pub fn into_result(self) -> Result<Self, Error> {
        all_passed(&self.version, self.checks.iter())?;
        Ok(self)
    }

    /// Writes the report beside the version, in place of an earlier one of the same manifest and level.
    pub(super) fn keep(&self, store: &Store) -> Result<(), PathError> {
        let dir = store.reports_dir(&self.version);
        if let Ok(relative) = dir.strip_prefix(store.root()) {
            durable::make_dirs(store.root(), relative)?;
        }
        let path = dir.join(format!(
            "{}-{}.json",
            self.manifest_sha256.short(),
            self.level
        ));
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        durable::write_atomic(&path, &bytes, store.shared().file())
    }

    /// Carries the reports of a version over to another that has the same files under another name.
    pub fn carry(
        store: &Store,
        from: (&VersionName, Digest),
        to: (&VersionName, Digest),
    ) -> Result<usize, Error> {
        let mut carried = 0;
        for report in Self::kept(store, from.0)? {
            if report.manifest_sha256 == from.1 {
                let report = Self {
                    version: to.0.clone(),
                    manifest_sha256: to.1,
                    carried_from: Some(from.0.clone()),
                    ..report
                };
                report.keep(store)?;
                carried += 1;
            }
        }
        Ok(carried)
    }

    /// Reads the reports of a version. One that cannot be read proves nothing and is left out.
    pub fn kept(store: &Store, name: &VersionName) -> Result<Vec<Self>, Error> {
        let dir = store.reports_dir(name);
        let entries = match fs::read_dir(&dir).context(&dir) {
            Err(e) if e.is_not_found() => return Ok(Vec::new()),
            other => other?,
        };
        let read = |name: std::ffi::OsString| {
            serde_json::from_slice(&durable::read_beneath(&dir, name.as_ref()).ok()?).ok()
        };
        let mut reports: Vec<Self> = entries
            .filter_map(|entry| read(entry.ok()?.file_name()))
            .collect();
        reports.sort_by_key(|report| report.started);
        Ok(reports)
    }
}

/// Fails if a check did. Damaged bytes are an integrity failure; vectors that are not the model's, and what they do not find,
/// are a failed gate.
pub(super) fn all_passed<'a>(
    name: &VersionName,
    checks: impl IntoIterator<Item = &'a Check>,
) -> Result<(), Error> {
    let checks = checks.into_iter();
    let failed: Vec<&Check> = checks.filter(|check| !check.passed()).collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let kind = if first.level >= Level::Vectors {
        Kind::Gate
    } else {
        Kind::Integrity
    };
    let problem = first
        .problems
        .first()
        .map_or_else(String::new, ToString::to_string);
    Err(Error::Failed {
        name: name.clone(),
        failed: failed.iter().map(|check| check.name.clone()).collect(),
        kind,
        first: problem,
        waivable: failed.iter().all(|check| check.level == Level::Retrieval),
    })
}
