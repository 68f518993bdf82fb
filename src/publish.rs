//! Verified → Release: points the channel at a version, forward or back. The only caller of the flip.

use crate::fault::{Fault, Kind};
use crate::store::{self, Intent, LockedStore, Operation, Release, Store, VersionName};
use crate::verify::Verified;

/// Where the channel must be for a release to go ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// Anywhere.
    Anything,
    /// Nothing is published yet.
    Nothing,
    /// At this version.
    Version(VersionName),
}

impl std::str::FromStr for Expectation {
    type Err = store::ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::Nothing),
            name => name.parse().map(Self::Version),
        }
    }
}

/// A release that was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] store::Error);

impl Fault for Error {
    fn kind(&self) -> Kind {
        self.0.kind()
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

/// Checks that the channel is where it is expected. Called under the lock, before anything costly.
pub fn check_expectation(store: &Store, expectation: &Expectation) -> Result<(), Error> {
    let expected = match expectation {
        Expectation::Anything => return Ok(()),
        Expectation::Nothing => None,
        Expectation::Version(name) => Some(name.clone()),
    };
    let found = store.live()?;
    if found == expected {
        return Ok(());
    }
    Err(store::Error::NotWhereExpected { expected, found }.into())
}

/// Points the channel at a proven version. Once this returns, the release survives a power cut.
pub fn publish(
    store: &LockedStore,
    verified: Verified,
    operation: Operation,
    reason: Option<String>,
) -> Result<Release, Error> {
    let intent = Intent {
        operation,
        to: verified.name().clone(),
        manifest_sha256: verified.manifest_sha256(),
        reason,
    };
    Ok(store.flip(intent)?)
}

/// Finds the version that a rollback of `steps` releases goes to. A rollback takes back the releases above its target, so
/// the next one goes further back, not forth again.
pub fn rollback_target(store: &Store, steps: usize) -> Result<VersionName, Error> {
    let mut releases: Vec<VersionName> = Vec::new();
    for release in store.history()? {
        if release.operation == Operation::Rollback
            && let Some(at) = releases.iter().rposition(|name| *name == release.to)
        {
            releases.truncate(at);
        }
        if releases.last() != Some(&release.to) {
            releases.push(release.to);
        }
    }
    let live = store.live()?.ok_or(store::Error::NothingPublished)?;
    // History is written after the flip: a crash in between loses its last line, never the link.
    if releases.last() != Some(&live) {
        releases.push(live);
    }
    let target = releases
        .len()
        .checked_sub(steps + 1)
        .and_then(|at| releases.get(at));
    Ok(target.cloned().ok_or(store::Error::NoEarlierRelease)?)
}
