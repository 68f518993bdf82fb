//! Removing what nobody needs of a remote: versions first, then bytes that no manifest names.
//!
//! Nothing here can see who is pushing or pulling. What is young is therefore left alone, by the remote's own clock, and
//! everything that keeps something is read twice: what became needed in between stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::layout::{self, Meant, VERSIONS};
use super::objects::{Listed, When, age};
use super::push::{Object, blobs};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    pub objects: Vec<Object>,
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
        // Whoever is about to move a channel to it has made it young.
        let manifest = layout::manifest(name);
        if is_old(remote, &manifest, policy, now, progress)? && !is_named(remote, name, progress)? {
            remote.objects.remove(&manifest, progress)?;
            remote.objects.remove(&layout::signature(name), progress)?;
            collected.versions.push((*name).clone());
        }
    }
    // Once more, now that the manifests are gone: what another push has named since stays.
    let last = Reading::of(remote, policy, now, progress)?.plan(policy);
    let going: BTreeSet<&String> = last.objects.iter().map(|object| &object.key).collect();
    let stage = progress.stage("remove", Some(plan.objects.len() as u64), "objects");
    for object in plan
        .objects
        .iter()
        .filter(|object| going.contains(&object.key))
    {
        progress.checkpoint()?;
        stage.advance(1);
        // Whoever needs it again has sent it again.
        if is_old(remote, &object.key, policy, now, progress)? {
            remote.objects.remove(&object.key, progress)?;
            collected.objects += 1;
            collected.freed_bytes += object.bytes;
        }
    }
    Ok((plan, collected))
}

/// Whether an object is still there and still old: asked in the moment before it is removed.
fn is_old(
    remote: &Remote,
    key: &str,
    policy: &RemotePolicy,
    now: SystemTime,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    let keys = [key.to_owned()];
    let there = remote.objects.look(&keys, progress)?;
    Ok(there
        .get(key)
        .is_some_and(|listed| age(listed, now) >= policy.min_age && listed.modified <= now))
}

/// Whether a channel names a version, or a pin keeps it.
fn is_named(remote: &Remote, name: &VersionName, progress: &dyn Progress) -> Result<bool, Error> {
    let pinned = remote.pins(progress)?;
    let pinned = pinned.is_some_and(|(pins, _)| pins.pins.contains_key(name));
    let channels = remote.channels(progress)?;
    Ok(pinned || channels.iter().any(|(_, pointer)| pointer.version == *name))
}

/// Everything that a remote holds and that keeps something, read once.
struct Reading {
    named: BTreeMap<VersionName, BTreeSet<Kept>>,
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
        let mut named: BTreeMap<VersionName, BTreeSet<Kept>> = BTreeMap::new();
        let mut name = |version: &VersionName, reason: Kept| {
            named.entry(version.clone()).or_default().insert(reason);
        };
        for (_, pointer) in remote.channels(progress)? {
            name(&pointer.version, Kept::Live);
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
                .for_each(|version| name(version, Kept::Release));
        }
        if let Some((pins, _)) = remote.pins(progress)? {
            pins.pins
                .keys()
                .for_each(|version| name(version, Kept::Pinned));
        }
        let (mut manifests, mut ages) = (BTreeMap::new(), BTreeMap::new());
        for listed in remote.objects.list(VERSIONS, progress)? {
            let Some(version) = layout::version_of(&listed.key) else {
                // A manifest under a name that nobody here knows needs its bytes all the same.
                if listed.key.ends_with(layout::MANIFEST_KEY) {
                    return Err(remote.malformed(&listed.key, &"it is no version's name"));
                }
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
            let withdrawn = policy.withdrawn.contains(&Withdrawn::Version(name.clone()));
            let young = self.ages.get(name).is_none_or(|age| *age < policy.min_age);
            let named = self.named.get(name).into_iter().flatten().copied();
            let kept = named.chain(young.then_some(Kept::Young));
            // What was forgotten is kept by nothing but a live channel.
            let kept: Vec<Kept> = kept
                .filter(|kept| !withdrawn || *kept == Kept::Live)
                .collect();
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
            objects: going
                .iter()
                .map(|listed| Object {
                    key: listed.key.clone(),
                    bytes: listed.size,
                })
                .collect(),
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::*;
    use crate::progress::Silent;
    use crate::remote::directory::Directory;
    use crate::remote::objects::{Download, Objects, Put, Tag, Upload};

    /// A directory in which somebody sends every object again in the moment in which the first one is removed.
    struct Busy {
        inner: Directory,
        root: PathBuf,
    }

    impl Objects for Busy {
        fn read(
            &self,
            key: &str,
            most: u64,
            progress: &dyn Progress,
        ) -> Result<Option<(Vec<u8>, Tag)>, Error> {
            self.inner.read(key, most, progress)
        }

        fn write(
            &self,
            key: &str,
            bytes: &[u8],
            when: When<'_>,
            progress: &dyn Progress,
        ) -> Result<Put, Error> {
            self.inner.write(key, bytes, when, progress)
        }

        fn list(&self, prefix: &str, progress: &dyn Progress) -> Result<Vec<Listed>, Error> {
            self.inner.list(prefix, progress)
        }

        fn look(
            &self,
            keys: &[String],
            progress: &dyn Progress,
        ) -> Result<BTreeMap<String, Listed>, Error> {
            self.inner.look(keys, progress)
        }

        fn remove(&self, key: &str, progress: &dyn Progress) -> Result<(), Error> {
            self.inner.remove(key, progress)?;
            if key.starts_with(layout::BLOBS) {
                for entry in fs::read_dir(self.root.join(layout::BLOBS)).unwrap() {
                    fs::write(entry.unwrap().path(), "again").unwrap();
                }
            }
            Ok(())
        }

        fn race(
            &self,
            key: &str,
            bodies: Vec<Vec<u8>>,
            when: When<'_>,
            progress: &dyn Progress,
        ) -> Result<usize, Error> {
            self.inner.race(key, bodies, when, progress)
        }

        fn send(&self, _: &[Upload], _: &dyn Fn(u64), _: &dyn Progress) -> Result<(), Error> {
            Ok(())
        }

        fn fetch(&self, _: &[Download], _: &dyn Fn(u64), _: &dyn Progress) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn what_is_sent_again_while_gc_runs_stays() {
        let root = tempfile::tempdir().unwrap();
        let remote = Remote {
            address: "test".into(),
            place: "test".into(),
            objects: Box::new(Busy {
                inner: Directory::new(root.path()),
                root: root.path().to_owned(),
            }),
        };
        remote.make(&Silent).unwrap();
        let days = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
        for number in 0..5 {
            let key = layout::blob(&Digest::of([number]));
            let written = remote.objects.write(&key, b"old", When::Always, &Silent);
            written.unwrap();
            let file = File::options().write(true).open(root.path().join(key));
            file.unwrap().set_modified(days).unwrap();
        }
        let policy = RemotePolicy {
            keep_last: 1,
            min_age: Duration::from_secs(60 * 60),
            cache_max: None,
            withdrawn: HashSet::new(),
        };
        let (plan, collected) = collect(&remote, &policy, false, &Silent).unwrap();
        assert_eq!((plan.objects.len(), collected.objects), (5, 1));
        let left = fs::read_dir(root.path().join(layout::BLOBS)).unwrap();
        assert_eq!(left.count(), 4);
    }
}
