//! Removing what nobody needs: versions in two phases, then the snapshots, models, reports and cached vectors that only they
//! needed. Never runs by itself, and deletes nothing when it cannot read who needs what.

mod roots;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde::Serialize;

pub use roots::{Reason, VersionPlan, plan_versions};

use crate::digest::Digest;
use crate::durable::{self, PathError};
use crate::embed;
use crate::fault::{Fault, Kind};
use crate::progress::{Interrupted, Progress};
use crate::snapshot::{self, Snapshot};
use crate::store::{
    self, LeaseKind, LockedStore, Manifest, Store, Trashed, VersionName, Withdrawn,
};

/// What is kept, and for how long what is not kept lies in the trash.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Releases of each channel that stay.
    pub keep_last: usize,
    /// Versions stay that were built, released or superseded within this time.
    pub keep_within: Duration,
    /// How long a version lies in the trash before it is deleted.
    pub grace: Duration,
    /// Where readers cannot be seen, how long a version must be superseded.
    pub grace_unleased: Duration,
    /// Bytes that the embedding cache may have.
    pub cache_max: Option<u64>,
}

/// What a run would remove.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// How far leases reach here.
    pub leases: LeaseKind,
    /// Every version, with what keeps it.
    pub versions: Vec<VersionPlan>,
    /// Versions in the trash whose grace is over, or that are withdrawn.
    pub expired: Vec<VersionName>,
    /// Snapshots that no retained version names.
    pub snapshots: Vec<Digest>,
    /// Models that no retained version needs.
    pub models: Vec<Digest>,
    /// Whether snapshots, models and cache are left alone, because somebody is at work with them.
    pub busy: bool,
    /// Whether they are, because a manifest is damaged and nobody knows what its version needs.
    pub unreadable: bool,
    #[serde(skip)]
    retained: Vec<Manifest>,
}

/// What a run removed.
#[derive(Debug, Default, Serialize)]
pub struct Collected {
    /// Versions moved to the trash.
    pub trashed: Vec<VersionName>,
    /// Versions deleted for good.
    pub deleted: Vec<VersionName>,
    /// Versions that a reader took hold of since they were planned.
    pub held: Vec<VersionName>,
    /// Snapshots removed.
    pub snapshots: Vec<Digest>,
    /// Models removed.
    pub models: Vec<Digest>,
    /// Bytes that deleting gave back.
    pub freed_bytes: u64,
    /// Bytes that the cache gave back.
    pub cache_freed_bytes: u64,
}

impl Collected {
    /// Whether anything was removed.
    pub fn changed(&self) -> bool {
        let none = self.trashed.is_empty() && self.deleted.is_empty();
        !none || !self.snapshots.is_empty() || !self.models.is_empty() || self.cache_freed_bytes > 0
    }
}

/// A run that stopped before its end. What it had removed was not needed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The cache cannot be trimmed.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Snapshot(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Snapshot(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Interrupted(_) => None,
        }
    }
}

/// Works out what is needed. Whatever cannot be read is an error, and nothing is removed then.
pub fn plan(store: &Store, policy: &Policy) -> Result<Plan, Error> {
    let withdrawn = store.withdrawn()?;
    let (versions, mut retained) = plan_versions(store, policy)?;
    let mut unreadable = versions
        .iter()
        .any(|version| version.kept.contains(&Reason::Unreadable));
    let mut expired = Vec::new();
    for trashed in store.trashed()? {
        if is_over(&trashed, &withdrawn, policy) {
            expired.push(trashed.version);
        } else {
            // As long as it can be moved back, it needs what it needed.
            match trashed.manifest()? {
                Some(manifest) => retained.push(manifest),
                None => unreadable = true,
            }
        }
    }
    for version in versions.iter().filter(|version| version.goes()) {
        if version.withdrawn || policy.grace.is_zero() {
            expired.push(version.version.clone());
        }
    }
    let busy = store.has_live_drafts()?;
    let (mut snapshots, mut models) = (Vec::new(), Vec::new());
    if !busy && !unreadable {
        let newest = match store.snapshot(None) {
            Ok((id, _)) => Some(id),
            Err(store::Error::NothingIngested | store::Error::NoSnapshot(_)) => None,
            Err(e) => return Err(e.into()),
        };
        let kept: BTreeSet<Digest> = retained
            .iter()
            .map(|manifest| manifest.snapshot)
            .chain(newest)
            .collect();
        snapshots = unneeded(store.snapshots()?, &kept, policy);
        let mut needed: BTreeSet<Digest> = retained
            .iter()
            .map(|manifest| manifest.fingerprint)
            .collect();
        if let Some(id) = newest {
            // The newest snapshot is what the next build is made of.
            let snapshot = Snapshot::open(store, Some(&id.to_string()))?;
            needed.insert(snapshot.settings.fingerprint);
        }
        models = unneeded(store.models()?, &needed, policy);
    }
    Ok(Plan {
        leases: store.lease_kind(),
        versions,
        expired,
        snapshots,
        models,
        busy,
        unreadable,
        retained,
    })
}

/// Whether a version has lain in the trash long enough, or must not lie there at all.
fn is_over(trashed: &Trashed, withdrawn: &HashSet<Withdrawn>, policy: &Policy) -> bool {
    trashed.age >= policy.grace || withdrawn.contains(&Withdrawn::Version(trashed.version.clone()))
}

/// Of the directories that content names, those that nothing needs and that are not young.
fn unneeded(
    found: Vec<(Digest, Duration)>,
    needed: &BTreeSet<Digest>,
    policy: &Policy,
) -> Vec<Digest> {
    let is_unneeded =
        |(id, age): &(Digest, Duration)| !needed.contains(id) && *age >= policy.keep_within;
    found
        .into_iter()
        .filter(is_unneeded)
        .map(|(id, _)| id)
        .collect()
}

/// Removes what nobody needs. `planned` was made under the same lock.
pub fn collect(
    store: &LockedStore,
    planned: &Plan,
    policy: &Policy,
    progress: &dyn Progress,
) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    for version in planned.versions.iter().filter(|version| version.goes()) {
        progress.checkpoint()?;
        match store.exclude_readers(&version.version)? {
            None => collected.held.push(version.version.clone()),
            Some(exclusive) => match store.trash(&version.version, &exclusive)? {
                None => collected.held.push(version.version.clone()),
                Some(_) => collected.trashed.push(version.version.clone()),
            },
        }
    }
    // What was moved just now may be over at once.
    let withdrawn = store.withdrawn()?;
    for trashed in store.trashed()? {
        progress.checkpoint()?;
        if is_over(&trashed, &withdrawn, policy) {
            collected.freed_bytes += durable::tree_bytes(&trashed.dir)?;
            store.discard(&trashed)?;
            if !store.version_dir(&trashed.version).exists() {
                durable::remove_tree(&store.reports_dir(&trashed.version))?;
            }
            collected.deleted.push(trashed.version);
        }
    }
    // Only what is really gone no longer needs its snapshot and its model.
    let planned = plan(store, policy)?;
    for id in planned.snapshots.iter().copied() {
        if let Some(bytes) = store.remove_installed(&store.snapshot_dir(&id))? {
            collected.freed_bytes += bytes;
            collected.snapshots.push(id);
        }
    }
    for fingerprint in planned.models.iter().copied() {
        if let Some(bytes) = store.remove_installed(&store.model_dir(&fingerprint))? {
            collected.freed_bytes += bytes;
            collected.models.push(fingerprint);
        }
    }
    for version in store.names()? {
        store.sweep_heartbeats(&version.name)?;
    }
    if let Some(most) = policy
        .cache_max
        .filter(|_| !planned.busy && !planned.unreadable)
    {
        collected.cache_freed_bytes = trim_cache(store, &planned, most)?;
    }
    Ok(collected)
}

/// Makes the embedding cache smaller, and never loses a vector of a snapshot that stays.
fn trim_cache(store: &Store, plan: &Plan, most: u64) -> Result<u64, Error> {
    let prefixes: BTreeMap<Digest, &str> = plan
        .retained
        .iter()
        .map(|manifest| {
            (
                manifest.fingerprint,
                manifest.space.document_prefix.as_str(),
            )
        })
        .collect();
    let mut needed: HashSet<(Digest, Digest)> = HashSet::new();
    let mut untouchable: BTreeSet<Digest> = BTreeSet::new();
    for (id, _) in store.snapshots()? {
        let snapshot = Snapshot::open(store, Some(&id.to_string()))?;
        let fingerprint = snapshot.settings.fingerprint;
        let Some(prefix) = prefixes.get(&fingerprint) else {
            // No version tells with which prefix its strings are embedded.
            untouchable.insert(fingerprint);
            continue;
        };
        for chunk in snapshot.chunks()? {
            let key = embed::key(prefix, &chunk?.embedded());
            needed.insert((fingerprint, key));
        }
    }
    let keep = |fingerprint: &Digest, key: &Digest| {
        untouchable.contains(fingerprint) || needed.contains(&(*fingerprint, *key))
    };
    Ok(embed::trim(&store.cache_dir(), most, &keep)?)
}
