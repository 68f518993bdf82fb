//! Sealed → Report → Verified: does a version hold what its manifest says, and do its vectors come from the model it names?

mod bytes;
mod checks;
mod report;

use std::time::Instant;

use jiff::Timestamp;

pub use report::{Check, Level, ParseLevelError, Problem, Report};

use crate::digest::Digest;
use crate::durable::PathError;
use crate::embed::{self, Embedder};
use crate::fault::{Fault, Kind};
use crate::index;
use crate::progress::{Interrupted, Progress};
use crate::store::{self, Held, LockedStore, Store, VersionName};

/// A verification that could not be carried out. What it finds wrong is in the [`Report`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The table cannot be read.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The model cannot be used.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The version does not pass.
    #[error("{name} failed {}", failed.join(", "))]
    Failed {
        /// The version.
        name: VersionName,
        /// The checks that failed.
        failed: Vec<String>,
        /// Whether its bytes are to blame, or what they say.
        kind: Kind,
        /// The first problem, in words.
        first: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Index(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Failed { kind, .. } => *kind,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Index(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Failed { first, .. } => Some(format!(
                "{first}. A sealed version is not repaired: build the next one."
            )),
            Self::Interrupted(_) => None,
        }
    }
}

/// A version that passed verification at some level. Only this module makes one.
#[derive(Debug)]
pub struct Passed {
    name: VersionName,
    manifest_sha256: Digest,
}

/// A version whose bytes were read back and found whole while the store was locked. Only this module makes one.
#[derive(Debug)]
pub struct Verified {
    name: VersionName,
    manifest_sha256: Digest,
}

impl Verified {
    /// The version's name.
    pub fn name(&self) -> &VersionName {
        &self.name
    }

    /// The hash of its manifest.
    pub fn manifest_sha256(&self) -> Digest {
        self.manifest_sha256
    }
}

/// How a version is proven before a flip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// Every byte.
    Bytes,
    /// Names and sizes only: for a rollback that cannot wait.
    Structure,
}

/// Verifies a held version up to a level and keeps the report where the store can be written.
pub fn verify(
    store: &Store,
    held: &Held,
    level: Level,
    embedder: impl FnOnce() -> Result<Embedder, embed::Error>,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let begun = Instant::now();
    let started = Timestamp::now();
    let mut checks = vec![
        checks::structure(held)?,
        checks::model_structure(store, held)?,
    ];
    let whole = |checks: &[Check]| checks.iter().all(Check::passed);
    if level >= Level::Bytes && whole(&checks) {
        checks.push(bytes::bytes(held, progress)?);
        checks.push(bytes::model_bytes(store, held));
    }
    if level >= Level::Lance && whole(&checks) {
        checks.extend(checks::lance(held)?);
    }
    if level >= Level::Vectors && whole(&checks) {
        checks.extend(checks::vectors(held, embedder()?, progress)?);
    }
    let report = Report {
        format: report::FORMAT,
        version: held.name.clone(),
        manifest_sha256: held.manifest_sha256,
        level,
        passed: whole(&checks),
        started,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        tool: format!("ragctl {}", env!("CARGO_PKG_VERSION")),
        carried_from: None,
        checks,
    };
    if let Err(e) = report.keep(store) {
        progress.warn(&format!("the report was not kept: {e}"));
    }
    Ok(report)
}

/// Gives the proof that a version passed a level: from a kept report of this very manifest, or by verifying now.
pub fn gate(
    store: &Store,
    held: &Held,
    level: Level,
    embedder: impl FnOnce() -> Result<Embedder, embed::Error>,
    progress: &dyn Progress,
) -> Result<Passed, Error> {
    let passed = || Passed {
        name: held.name.clone(),
        manifest_sha256: held.manifest_sha256,
    };
    if Report::kept(store, &held.name)?
        .iter()
        .any(|report| report.proves(&held.manifest_sha256, level))
    {
        return Ok(passed());
    }
    verify(store, held, level, embedder, progress)?
        .into_result()
        .map(|_| passed())
}

/// Proves a version's bytes under the store lock, in the same breath as the flip that follows. `passed` must be of the
/// manifest that is there now.
pub fn prove(
    store: &LockedStore,
    held: &Held,
    passed: Passed,
    progress: &dyn Progress,
) -> Result<Verified, Error> {
    if passed.name != held.name || passed.manifest_sha256 != held.manifest_sha256 {
        let (checked, found) = (passed.manifest_sha256, held.manifest_sha256);
        return Err(store::Error::ChangedAfterCheck {
            name: passed.name,
            checked,
            found,
        }
        .into());
    }
    let model = [
        checks::model_structure(store, held)?,
        bytes::model_bytes(store, held),
    ];
    report::all_passed(&held.name, &model)?;
    prove_for_rollback(store, held, Thoroughness::Bytes, progress)
}

/// Proves a version that was live before. Neither gate, table nor model is needed, so it works when nothing else does; a
/// model that is damaged is only told.
pub fn prove_for_rollback(
    store: &LockedStore,
    held: &Held,
    thoroughness: Thoroughness,
    progress: &dyn Progress,
) -> Result<Verified, Error> {
    let mut checks = vec![checks::structure(held)?];
    if thoroughness == Thoroughness::Bytes && checks.iter().all(Check::passed) {
        checks.push(bytes::bytes(held, progress)?);
    }
    report::all_passed(&held.name, &checks)?;
    let model = checks::model_structure(store, held)?;
    for problem in &model.problems {
        progress.warn(&format!(
            "the model that {} needs is incomplete: {problem}",
            held.name
        ));
    }
    Ok(Verified {
        name: held.name.clone(),
        manifest_sha256: held.manifest_sha256,
    })
}

/// Checks names and sizes of a held version's files, as every reader does before it opens the table.
pub fn check_structure(held: &Held) -> Result<(), Error> {
    report::all_passed(&held.name, &[checks::structure(held)?])
}
