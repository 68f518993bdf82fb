//! Who needs which version.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Error, Policy};
use crate::store::{
    self, Channel, LeaseKind, Manifest, Release, Store, VersionName, Withdrawn, standing_releases,
};

/// What keeps a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A channel names it.
    Live(Channel),
    /// It is among the last releases of a channel, or what a rollback goes back to.
    Release(Channel),
    /// Somebody pinned it.
    Pinned(Option<String>),
    /// It was built, released or superseded not long ago.
    Young,
    /// Readers hold it.
    Held(usize),
    /// Its readers cannot be seen, and it was superseded not long ago.
    Unleased,
    /// Its manifest cannot be read: nobody knows what it is.
    Unreadable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(channel) => write!(f, "live on {channel}"),
            Self::Release(channel) => write!(f, "among the last releases of {channel}"),
            Self::Pinned(None) => f.write_str("pinned"),
            Self::Pinned(Some(reason)) => write!(f, "pinned: {reason}"),
            Self::Young => f.write_str("built, released or superseded not long ago"),
            Self::Held(1) => f.write_str("1 reader"),
            Self::Held(readers) => write!(f, "{readers} readers"),
            Self::Unleased => f.write_str("superseded not long ago, and readers cannot be seen"),
            Self::Unreadable => f.write_str("its manifest cannot be read"),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A version, and what keeps it.
#[derive(Debug, Clone, Serialize)]
pub struct VersionPlan {
    /// Its name.
    pub version: VersionName,
    /// Its bytes on disk.
    pub bytes: u64,
    /// Whether it holds what was forgotten, so that nothing but a reader keeps it.
    pub withdrawn: bool,
    /// What keeps it; nothing when it goes.
    pub kept: Vec<Reason>,
}

impl VersionPlan {
    /// Whether nothing keeps it.
    pub fn goes(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Says what keeps each version, and gives the manifests of those that stay.
pub fn plan_versions(
    store: &Store,
    policy: &Policy,
) -> Result<(Vec<VersionPlan>, Vec<Manifest>), Error> {
    let roots = Roots::read(store, policy)?;
    let withdrawn = store.withdrawn()?;
    let (mut plans, mut retained) = (Vec::new(), Vec::new());
    for (version, age) in store.version_ages()? {
        let manifest = match store.manifest(&version) {
            Ok((manifest, _)) => Some(manifest),
            // What cannot be read just now may be anybody's root.
            Err(store::Error::Io(e)) => return Err(e.into()),
            Err(_) => None,
        };
        let withdrawn = withdrawn.contains(&Withdrawn::Version(version.clone()));
        let mut kept = roots.of(&version, age, manifest.as_ref(), policy);
        if withdrawn {
            kept.retain(|reason| matches!(reason, Reason::Live(_) | Reason::Unleased));
        }
        let readers = store.readers(&version)?;
        if readers > 0 {
            kept.push(Reason::Held(readers));
        }
        plans.push(VersionPlan {
            bytes: manifest
                .as_ref()
                .map_or(0, |manifest| manifest.resources.disk_bytes),
            version,
            withdrawn,
            kept,
        });
        // As long as it lies in the trash it can be moved back, and needs what it needed.
        let stays = plans
            .last()
            .is_some_and(|plan| !plan.goes() || !plan.withdrawn && !policy.grace.is_zero());
        retained.extend(manifest.filter(|_| stays));
    }
    Ok((plans, retained))
}

/// Everything that keeps versions, read once.
struct Roots {
    named: BTreeMap<VersionName, Vec<Reason>>,
    last_event: BTreeMap<VersionName, Timestamp>,
    superseded: BTreeMap<VersionName, Timestamp>,
    leases: LeaseKind,
    now: Timestamp,
}

impl Roots {
    fn read(store: &Store, policy: &Policy) -> Result<Self, Error> {
        let (history, withdrawn) = (store.history()?, store.withdrawn()?);
        let mut named: BTreeMap<VersionName, Vec<Reason>> = BTreeMap::new();
        let mut name = |version: VersionName, reason: Reason| {
            let reasons = named.entry(version).or_default();
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        };
        // A crash may have left it. Whoever holds the lock has finished or forgotten it by now.
        let unfinished = store.unfinished()?;
        for (channel, version) in store.channels()? {
            let is_of = |release: &Release| release.channel == channel;
            // Without its history nobody knows what a rollback needs.
            if !history.iter().chain(&unfinished).any(is_of) {
                return Err(store::Error::HistoryLost { channel, version }.into());
            }
            name(version, Reason::Live(channel.clone()));
            for kept in last_releases(&history, &channel, &withdrawn, policy.keep_last) {
                name(kept, Reason::Release(channel.clone()));
            }
        }
        for pin in store.pins()? {
            name(pin.version, Reason::Pinned(pin.reason));
        }
        if let Some(release) = unfinished {
            name(release.to, Reason::Live(release.channel));
        }
        let (mut last_event, mut superseded) = (BTreeMap::new(), BTreeMap::new());
        for release in history {
            last_event.insert(release.to, release.at);
            if let Some(from) = release.from {
                last_event.insert(from.clone(), release.at);
                superseded.insert(from, release.at);
            }
        }
        Ok(Self {
            named,
            last_event,
            superseded,
            leases: store.lease_kind(),
            now: Timestamp::now(),
        })
    }

    fn of(
        &self,
        version: &VersionName,
        age: Duration,
        manifest: Option<&Manifest>,
        policy: &Policy,
    ) -> Vec<Reason> {
        let mut kept = self.named.get(version).cloned().unwrap_or_default();
        let Some(manifest) = manifest else {
            kept.push(Reason::Unreadable);
            return kept;
        };
        let built = manifest.created;
        let last = self
            .last_event
            .get(version)
            .map_or(built, |event| built.max(*event));
        // A promoted version was built long before it got its name.
        if !self.is_past(last, policy.keep_within) || age < policy.keep_within {
            kept.push(Reason::Young);
        }
        let superseded = *self.superseded.get(version).unwrap_or(&built);
        let unseen = policy.grace_unleased;
        if self.leases == LeaseKind::None && (!self.is_past(superseded, unseen) || age < unseen) {
            kept.push(Reason::Unleased);
        }
        kept
    }

    /// Whether a time lies so far back. A time that is yet to come does not: a clock is wrong, and nothing is removed by it.
    fn is_past(&self, time: Timestamp, by: Duration) -> bool {
        Duration::try_from(self.now.duration_since(time)).is_ok_and(|ago| ago >= by)
    }
}

/// The versions of a channel's last releases: the newest by time, and as many that rollbacks go back through.
fn last_releases(
    history: &[Release],
    channel: &Channel,
    withdrawn: &HashSet<Withdrawn>,
    keep_last: usize,
) -> BTreeSet<VersionName> {
    let mut newest: Vec<&VersionName> = Vec::new();
    for release in history
        .iter()
        .rev()
        .filter(|release| release.channel == *channel)
    {
        let is_withdrawn = withdrawn.contains(&Withdrawn::Version(release.to.clone()));
        if !is_withdrawn && !newest.contains(&&release.to) {
            newest.push(&release.to);
        }
    }
    let standing = standing_releases(history, channel, withdrawn);
    // The version that is live counts as one, and what it would be rolled back to must stay whatever the number.
    let standing = standing.into_iter().rev().take(keep_last.max(2));
    newest
        .into_iter()
        .take(keep_last)
        .cloned()
        .chain(standing)
        .collect()
}
