//! Looks at a store, the filesystem that it lies on and this machine, and says of each thing what was seen and what to do.
//!
//! It takes no store lock and changes nothing: what can only be tried is tried in a private directory of `staging/`, which
//! disappears.

mod filesystem;
mod finding;
mod fstype;
mod locks;
mod machine;
mod mounts;
mod probes;
mod remains;
mod remote;
mod store;
mod versions;

use std::path::PathBuf;

use serde::Serialize;

pub use finding::{Finding, Group, Verdict};
pub use machine::{ModelPlace, Setup};

use crate::fault::{Fault, Kind};
use crate::progress::{Interrupted, Progress};
use crate::remote::Remote;
use crate::store::Store;
use finding::Outcome;
use mounts::Mounts;

/// Everything that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The store's directory.
    pub store: PathBuf,
    /// The store's id.
    pub store_id: String,
    /// Findings that are well.
    pub ok: usize,
    /// Findings that somebody should know.
    pub warnings: usize,
    /// Findings that failed.
    pub failed: usize,
    /// Findings that could not be looked at.
    pub not_run: usize,
    /// The findings, by group.
    pub findings: Vec<Finding>,
}

/// A store that is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Somebody gave the directory of one version for a store.
    #[error("{} is one version, not a store: whoever uses it stays at that version for ever", .0.display())]
    IsVersion(PathBuf),
    /// Findings failed.
    #[error("not as it must be: {}", names.join(", "))]
    Failed {
        /// The names of the findings.
        names: Vec<&'static str>,
        /// The gravest of their kinds.
        kind: Kind,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Interrupted(e) => e.kind(),
            Self::IsVersion(_) => Kind::NotFound,
            Self::Failed { kind, .. } => *kind,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Interrupted(_) => None,
            Self::IsVersion(_) => Some(
                "Name the store's own directory; mount that into containers, never `current` or a version."
                    .into(),
            ),
            Self::Failed { .. } => Some("The answer says what to do about each.".into()),
        }
    }
}

/// Looks at everything, and at a remote where one is given.
pub fn examine(
    store: &Store,
    setup: &Setup,
    remote: Option<&Remote>,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let mounts = Mounts::of_this_process();
    let mut findings = Vec::new();
    let mut add = |group, found: Vec<(&'static str, Outcome)>| -> Result<(), Interrupted> {
        findings.extend(
            found
                .into_iter()
                .map(|(name, outcome)| Finding::new(group, name, outcome)),
        );
        progress.checkpoint()
    };
    add(Group::Filesystem, filesystem::look(store, &mounts))?;
    add(Group::Filesystem, probes::run(store))?;
    add(Group::Store, store::look(store, &mounts))?;
    add(Group::Store, versions::look(store))?;
    add(Group::Store, remains::look(store))?;
    add(Group::Machine, machine::look(setup))?;
    if let Some(remote) = remote {
        add(Group::Remote, remote::look(remote, progress))?;
    }
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    Ok(Report {
        store: store.root().to_owned(),
        store_id: store.id().to_owned(),
        ok: count(Verdict::Ok),
        warnings: count(Verdict::Warning),
        failed: count(Verdict::Failed),
        not_run: count(Verdict::NotRun),
        findings,
    })
}

impl Report {
    /// Fails when a finding failed: with the kind of the gravest one, damage before all.
    pub fn into_result(self) -> Result<(), Error> {
        let failed: Vec<&Finding> = self
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Failed)
            .collect();
        let Some(first) = failed.first() else {
            return Ok(());
        };
        let gravest = [
            Kind::Integrity,
            Kind::Filesystem,
            Kind::Unavailable,
            Kind::Remote,
        ]
        .into_iter()
        .find(|kind| failed.iter().any(|finding| finding.kind == *kind));
        Err(Error::Failed {
            names: failed.iter().map(|finding| finding.name).collect(),
            kind: gravest.unwrap_or(first.kind),
        })
    }
}

/// Writes a number of bytes for people.
fn bytes(count: u64) -> String {
    let scaled = |unit: u32| count as f64 / f64::from(1_u32 << unit);
    match count {
        0..0x400 => format!("{count} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", scaled(10)),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", scaled(20)),
        _ => format!("{:.1} GiB", scaled(30)),
    }
}

/// Names a few things and counts the rest.
fn list(items: &[String]) -> String {
    const NAMED: usize = 3;
    let named: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    match items.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kinds: &[Kind]) -> Report {
        let finding = |kind: &Kind| {
            let outcome = Outcome::Failed {
                kind: *kind,
                seen: "seen".into(),
                advice: "advice".into(),
            };
            Finding::new(Group::Store, "thing", outcome)
        };
        Report {
            store: PathBuf::new(),
            store_id: String::new(),
            ok: 0,
            warnings: 0,
            failed: kinds.len(),
            not_run: 0,
            findings: kinds.iter().map(finding).collect(),
        }
    }

    #[test]
    fn damage_is_graver_than_a_filesystem_and_that_than_a_device() {
        let kind = |kinds: &[Kind]| report(kinds).into_result().unwrap_err().kind();
        assert!(report(&[]).into_result().is_ok());
        assert_eq!(kind(&[Kind::Filesystem, Kind::Integrity]), Kind::Integrity);
        assert_eq!(
            kind(&[Kind::Unavailable, Kind::Filesystem]),
            Kind::Filesystem
        );
        assert_eq!(kind(&[Kind::Usage]), Kind::Usage);
    }

    #[test]
    fn amounts_and_lists_are_written_for_people() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
        let items = ["a", "b", "c", "d", "e"].map(String::from);
        assert_eq!(list(&items), "a, b, c and 2 more");
        assert_eq!(list(&items[..2]), "a, b");
    }
}
