//! Removing what nobody needs of a remote: versions first, then bytes that no manifest names.
//!
//! Nothing here can see who is pushing or pulling. What is young is therefore left alone, by the remote's own clock, and
//! everything that keeps something is read twice: what became needed in between stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::layout::{self, Meant, VERSIONS};
use super::objects::{Listed, When, age};
use super::push::blobs;
use super::{Error, Remote, cache};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::store::{VersionName, Withdrawn, standing};

/// What is kept.
#[derive(Debug, Clone)]
pub struct RemotePolicy {
    /// Releases of each channel that stay.
    pub keep_last: usize,
    /// How old what is removed must be.
    pub min_age: Duration,
    /// Bytes of the embedding cache that stay, the newest first.
    pub cache_max: Option<u64>,
    /// What was forgotten, which only a live channel keeps.
    pub withdrawn: HashSet<Withdrawn>,
}

/// Why a version stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// A channel names it.
    Live,
    /// A rollback goes back to it, or it is among the last releases.
    Release,
    /// It is pinned.
    Pinned,
    /// It was pushed not long ago.
    Young,
}

/// What would be removed.
#[derive(Debug, Clone, Serialize)]
pub struct RemotePlan {
    /// Every version, and why it stays; those without a reason go.
    pub versions: BTreeMap<VersionName, Vec<Kept>>,
    /// Objects that go, manifests and signatures not counted.
    pub objects: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
}

/// What was removed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RemoteCollected {
    /// Versions.
    pub versions: Vec<VersionName>,
    /// Objects, manifests and signatures not counted.
    pub objects: usize,
    /// Their bytes.
    pub freed_bytes: u64,
}

impl RemotePlan {
    fn goes(&self) -> BTreeSet<&VersionName> {
        let goes = self.versions.iter().filter(|(_, kept)| kept.is_empty());
        goes.map(|(name, _)| name).collect()
    }
}

/// Removes what nobody needs; with `dry_run` it only says what. Whatever cannot be read is an error, and nothing is removed
/// then.
pub fn collect(
    remote: &Remote,
    policy: &RemotePolicy,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<(RemotePlan, RemoteCollected), Error> {
    remote.must_be_made(progress)?;
    // Whoever only looks writes nothing, and must do with this machine's clock.
    let now = match dry_run {
        true => SystemTime::now(),
        false => remote.clock(progress)?,
    };
    let first = Reading::of(remote, policy, now, progress)?;
    let plan = first.plan(policy);
    let mut collected = RemoteCollected::default();
    if dry_run {
        return Ok((plan, collected));
    }
    let again = Reading::of(remote, policy, now, progress)?.plan(policy);
    let (before, still) = (plan.goes(), again.goes());
    for name in before.intersection(&still) {
        progress.checkpoint()?;
        let Some(manifest_sha256) = first.manifests.get(*name).map(|(digest, _)| *digest) else {
            continue;
        };
        // A name means one content for ever, also when the content is gone.
        let meant = Meant {
            name: (*name).clone(),
            manifest_sha256,
        };
        let key = layout::meant(name);
        let bytes = remote.bytes(&key, &meant)?;
        remote.objects.write(&key, &bytes, When::Always, progress)?;
        remote.objects.remove(&layout::manifest(name), progress)?;
        remote.objects.remove(&layout::signature(name), progress)?;
        collected.versions.push((*name).clone());
    }
    // Once more, now that the manifests are gone: what another push has named since stays.
    let last = Reading::of(remote, policy, now, progress)?.plan(policy);
    let still: BTreeSet<&String> = last.objects.iter().collect();
    let sizes: BTreeMap<&String, u64> = first
        .objects
        .iter()
        .map(|listed| (&listed.key, listed.size))
        .collect();
    let stage = progress.stage("remove", Some(plan.objects.len() as u64), "objects");
    for key in plan.objects.iter().filter(|key| still.contains(key)) {
        progress.checkpoint()?;
        remote.objects.remove(key, progress)?;
        collected.objects += 1;
        collected.freed_bytes += sizes.get(key).copied().unwrap_or(0);
        stage.advance(1);
    }
    Ok((plan, collected))
}

/// Everything that a remote holds and that keeps something, read once.
struct Reading {
    named: BTreeMap<VersionName, BTreeSet<&'static str>>,
    manifests: BTreeMap<VersionName, (Digest, Vec<Digest>)>,
    ages: BTreeMap<VersionName, Duration>,
    objects: Vec<Listed>,
    now: SystemTime,
}

impl Reading {
    fn of(
        remote: &Remote,
        policy: &RemotePolicy,
        now: SystemTime,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        // Bytes before manifests: what is pushed meanwhile has its bytes before its manifest, and is not in this listing.
        let mut objects = remote.objects.list(layout::BLOBS, progress)?;
        objects.extend(remote.objects.list(layout::PROBES, progress)?);
        objects.extend(remote.objects.list(layout::CACHE, progress)?);
        let mut named: BTreeMap<VersionName, BTreeSet<&'static str>> = BTreeMap::new();
        let mut name = |version: &VersionName, reason: &'static str| {
            named.entry(version.clone()).or_default().insert(reason);
        };
        for (_, pointer) in remote.channels(progress)? {
            name(&pointer.version, "live");
            let releases = &pointer.releases;
            let newest = releases.iter().rev().map(|release| &release.to);
            let mut last: Vec<&VersionName> = Vec::new();
            for version in newest {
                if !last.contains(&version) && last.len() < policy.keep_last {
                    last.push(version);
                }
            }
            let releases = releases
                .iter()
                .map(|release| (release.operation, &release.to));
            // What is live counts as one, and what it would be rolled back to stays whatever the number.
            let standing = standing(releases);
            let standing = standing.iter().rev().take(policy.keep_last.max(2));
            last.into_iter()
                .chain(standing)
                .for_each(|version| name(version, "release"));
        }
        if let Some((pins, _)) = remote.pins(progress)? {
            pins.pins.keys().for_each(|version| name(version, "pinned"));
        }
        let (mut manifests, mut ages) = (BTreeMap::new(), BTreeMap::new());
        for listed in remote.objects.list(VERSIONS, progress)? {
            let Some(version) = layout::version_of(&listed.key) else {
                continue;
            };
            if let Some(received) = remote.manifest(&version, progress)? {
                let blobs = blobs(&received.manifest).collect();
                ages.insert(version.clone(), age(&listed, now));
                manifests.insert(version, (received.manifest_sha256, blobs));
            }
        }
        Ok(Self {
            named,
            manifests,
            ages,
            objects,
            now,
        })
    }

    fn plan(&self, policy: &RemotePolicy) -> RemotePlan {
        let mut versions = BTreeMap::new();
        for name in self.manifests.keys() {
            let by = |reason| {
                let named = self.named.get(name);
                named.is_some_and(|named| named.contains(reason))
            };
            let withdrawn = policy.withdrawn.contains(&Withdrawn::Version(name.clone()));
            let young = self.ages.get(name).is_none_or(|age| *age < policy.min_age);
            let mut kept = Vec::new();
            kept.extend(by("live").then_some(Kept::Live));
            if !withdrawn {
                kept.extend(by("release").then_some(Kept::Release));
                kept.extend(by("pinned").then_some(Kept::Pinned));
                kept.extend(young.then_some(Kept::Young));
            }
            versions.insert(name.clone(), kept);
        }
        let needed: BTreeSet<Digest> = self
            .manifests
            .iter()
            .filter(|(name, _)| versions.get(*name).is_some_and(|kept| !kept.is_empty()))
            .flat_map(|(_, (_, blobs))| blobs.iter().copied())
            .collect();
        let old = |listed: &&Listed| age(listed, self.now) >= policy.min_age;
        let mut going: Vec<&Listed> = self
            .objects
            .iter()
            .filter(old)
            .filter(|listed| match layout::digest_of(&listed.key) {
                Some(digest) => !needed.contains(&digest),
                None => listed.key.starts_with(layout::PROBES),
            })
            .collect();
        going.extend(
            self.cache_overflow(policy)
                .into_iter()
                .filter(|listed| old(listed)),
        );
        RemotePlan {
            bytes: going.iter().map(|listed| listed.size).sum(),
            objects: going.iter().map(|listed| listed.key.clone()).collect(),
            versions,
        }
    }

    /// The oldest segments of the cache beyond what it may have.
    fn cache_overflow(&self, policy: &RemotePolicy) -> Vec<&Listed> {
        let Some(most) = policy.cache_max else {
            return Vec::new();
        };
        let is_segment = |listed: &&Listed| cache::is_segment(&listed.key);
        let mut segments: Vec<&Listed> = self.objects.iter().filter(is_segment).collect();
        segments.sort_by_key(|listed| std::cmp::Reverse(listed.modified));
        let mut total = 0;
        segments.retain(|listed| {
            total += listed.size;
            total > most
        });
        segments
    }
}
