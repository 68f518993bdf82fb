//! Sealed → Report → Verified: does a version hold what its manifest says, and do its vectors come from the model it names?

mod bytes;
mod checks;
mod junit;
mod report;
mod retrieval;

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::Timestamp;

pub use junit::junit;
pub use report::{Check, Level, ParseLevelError, Problem, Report};
pub use retrieval::{Gates, Retrieval, WAIVABLE};

use crate::digest::Digest;
use crate::durable::PathError;
use crate::embed::{self, Embedder};
use crate::fault::{Fault, Kind};
use crate::golden::{self, Query, Scores, TagScores};
use crate::index;
use crate::progress::{Interrupted, Progress};
use crate::snapshot;
use crate::store::{self, Held, LockedStore, Store, VersionName};
use retrieval::Side;

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
    /// The golden queries cannot be read.
    #[error(transparent)]
    Golden(#[from] golden::Error),
    /// The version's list of documents cannot be read.
    #[error(transparent)]
    Documents(#[from] snapshot::Error),
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
        /// Whether a person may let it through all the same.
        waivable: bool,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Index(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Golden(e) => e.kind(),
            Self::Documents(e) => e.kind(),
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
            Self::Golden(e) => e.hint(),
            Self::Documents(e) => e.hint(),
            Self::Failed {
                first,
                waivable: true,
                failed,
                ..
            } => Some(format!(
                "{first}. Build the next version, or let this one through with --waive {} and a --reason.",
                failed.join(",")
            )),
            Self::Failed { first, .. } => Some(format!(
                "{first}. A sealed version is not repaired: build the next one."
            )),
            Self::Interrupted(_) => None,
        }
    }
}

/// What is asked of a version.
pub struct Request<'a> {
    /// How deep to look.
    pub level: Level,
    /// What retrieval must reach.
    pub gates: &'a Gates,
    /// The live version, which golden queries are compared with.
    pub against: Option<&'a Held>,
    /// Golden queries in place of those that the version carries.
    pub golden: Option<&'a [Query]>,
    /// The part of the chunks, from 0 to 1, that the costly checks look at, and some tens at least.
    pub sample: Option<f64>,
    /// Checks that may fail.
    pub waived: &'a BTreeSet<String>,
}

impl Request<'_> {
    fn lets_pass(&self, check: &Check) -> bool {
        check.passed() || (check.level == Level::Retrieval && self.waived.contains(&check.name))
    }

    /// How many of a version's chunks the sample is.
    fn sampled(&self, held: &Held) -> Option<usize> {
        let chunks = held.manifest.counts.chunks as f64;
        self.sample
            .map(|part| ((chunks * part).ceil() as usize).max(1))
    }
}

/// A version that passed verification at some level. Only this module makes one.
#[derive(Debug)]
pub struct Passed {
    name: VersionName,
    manifest_sha256: Digest,
    waived: Vec<String>,
}

impl Passed {
    /// The checks that failed and were let through.
    pub fn waived(&self) -> &[String] {
        &self.waived
    }
}

/// A version whose bytes were read back and found whole while the store was locked. Only this module makes one.
#[derive(Debug)]
pub struct Verified {
    name: VersionName,
    manifest_sha256: Digest,
    waived: Vec<String>,
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

    /// The gates that it failed and was let through.
    pub fn waived(&self) -> &[String] {
        &self.waived
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

/// Verifies a held version and keeps the report where the store can be written. `embedder` loads the model of a version.
pub fn verify(
    store: &Store,
    held: &Held,
    request: &Request<'_>,
    embedder: &dyn Fn(&Held) -> Result<Embedder, embed::Error>,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let begun = Instant::now();
    let started = Timestamp::now();
    let level = request.level;
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
    let mut retrieval = None;
    if level >= Level::Vectors && whole(&checks) {
        let loaded = embedder(held)?;
        let sample = request.sampled(held);
        checks.extend(checks::vectors(held, &loaded, sample, progress)?);
        if level >= Level::Retrieval && whole(&checks) {
            let side = Side {
                held,
                embedder: &loaded,
            };
            let (found, more) = retrieve(&side, request, embedder, progress)?;
            checks.extend(more);
            retrieval = Some(found);
        }
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
        retrieval,
        checks,
    };
    // What other questions than the version's own say of it proves nothing.
    if request.golden.is_none()
        && let Err(e) = report.keep(store)
    {
        progress.warn(&format!("the report was not kept: {e}"));
    }
    Ok(report)
}

/// Asks for what a version must find.
fn retrieve(
    side: &Side<'_>,
    request: &Request<'_>,
    embedder: &dyn Fn(&Held) -> Result<Embedder, embed::Error>,
    progress: &dyn Progress,
) -> Result<(Retrieval, Vec<Check>), Error> {
    let (held, gates) = (side.held, request.gates);
    let sample = request.sampled(held);
    let (mut checks, ann_recall, query_ms) = retrieval::index(held, gates, sample, progress)?;
    let mut found = Retrieval {
        gates: gates.clone(),
        against: None,
        ann_recall,
        query_ms,
        golden: None,
        tags: Vec::new(),
        regressions: Vec::new(),
    };
    let carried = match request.golden {
        Some(_) => None,
        None => golden::of_version(&held.dir)?,
    };
    let Some(queries) = request.golden.or(carried.as_deref()) else {
        return Ok((found, checks));
    };
    let answers = retrieval::ask(side, queries, gates.golden_mode, progress)?;
    let mut check = retrieval::scores(queries, &answers, gates);
    let mut known = BTreeSet::new();
    for document in snapshot::documents_of_version(&held.dir)? {
        let document = document?;
        known.extend([document.id, document.uri]);
    }
    check.warnings = retrieval::dead_expectations(queries, &known);
    checks.push(check);
    found.golden = Some(Scores::of(&answers));
    found.tags = TagScores::of(queries, &answers);
    if let Some(live) = request.against.filter(|live| live.name != held.name) {
        let ask = || {
            let loaded = (live.manifest.fingerprint != held.manifest.fingerprint)
                .then(|| embedder(live))
                .transpose()?;
            let before = Side {
                held: live,
                embedder: loaded.as_ref().unwrap_or(side.embedder),
            };
            retrieval::ask(&before, queries, gates.golden_mode, progress)
        };
        let before = match ask() {
            Ok(before) => before,
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            // A live version that cannot be asked so, such as one without a text index, is no reason to stay with it.
            Err(e) => {
                let name = &live.name;
                progress.warn(&format!("{name} is live and was not compared with: {e}"));
                return Ok((found, checks));
            }
        };
        found.against = Some(live.name.clone());
        found.regressions = golden::regressions(&before, &answers);
        checks.push(retrieval::regression(&found.regressions, &live.name, gates));
    }
    Ok((found, checks))
}

/// Gives the proof that a version passed: from a kept report of this very manifest, or by verifying now.
pub fn gate(
    store: &Store,
    held: &Held,
    request: &Request<'_>,
    embedder: &dyn Fn(&Held) -> Result<Embedder, embed::Error>,
    progress: &dyn Progress,
) -> Result<Passed, Error> {
    let kept = Report::kept(store, &held.name)?;
    let proof = kept
        .into_iter()
        .rev()
        .find(|report| report.proves(&held.manifest_sha256, request));
    let report = match proof {
        Some(report) => report,
        None => verify(store, held, request, embedder, progress)?,
    };
    let (waived, judged): (Vec<&Check>, Vec<&Check>) = report
        .checks
        .iter()
        .partition(|check| !check.passed() && request.lets_pass(check));
    report::all_passed(&held.name, judged)?;
    Ok(Passed {
        name: held.name.clone(),
        manifest_sha256: held.manifest_sha256,
        waived: waived.iter().map(|check| check.name.clone()).collect(),
    })
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
    let verified = prove_for_rollback(store, held, Thoroughness::Bytes, progress)?;
    Ok(Verified {
        waived: passed.waived,
        ..verified
    })
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
        waived: Vec::new(),
    })
}

/// Reads every byte of a held version back, as a server does before it answers from one.
pub fn check_bytes(held: &Held, progress: &dyn Progress) -> Result<(), Error> {
    report::all_passed(&held.name, &[bytes::bytes(held, progress)?])
}

/// Checks names and sizes of a held version's files, as every reader does before it opens the table.
pub fn check_structure(held: &Held) -> Result<(), Error> {
    report::all_passed(&held.name, &[checks::structure(held)?])
}
