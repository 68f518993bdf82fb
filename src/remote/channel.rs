//! Moving a channel of a remote: one conditional write, whose outcome is looked at where it is not known.

use std::thread;

use jiff::Timestamp;

use super::conditions::pause;
use super::error::{NameTaken, NotWhereExpected};
use super::layout::{self, Pointer, REMEMBERED, RemoteRelease};
use super::objects::{Put, When};
use super::{Error, Remote};
use crate::digest::Digest;
use crate::fault::{Fault as _, Kind};
use crate::progress::Progress;
use crate::signature::{About, claimed_name};
use crate::store::{Actor, Channel, Operation, Received, VersionName, standing};

/// Tries at one move while others move the channel too.
const TRIES: u32 = 60;
/// Tries whose outcome is not known.
const FAILURES: u32 = 4;

/// Where a channel must be for a move to go ahead; `None` is anywhere.
pub type Expected = Option<Option<VersionName>>;

/// What signs releases.
pub trait Signer {
    /// Gives the signature of a release, over its version's manifest.
    fn sign(&self, release: &About) -> Result<String, Error>;

    /// The name that it signs under.
    fn name(&self) -> &str;

    /// Says whether this signature of a release need not be made anew.
    fn holds(&self, release: &About, signature: &str) -> bool;
}

/// A move of a channel.
pub struct Movement<'a> {
    /// The channel.
    pub channel: &'a Channel,
    /// Forward or back.
    pub operation: Operation,
    /// The version that shall be live.
    pub to: &'a VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// Where the channel must be; `None` is anywhere.
    pub expected: Expected,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The gates that it failed and was let through.
    pub waived: Vec<String>,
    /// What signs it, where it is signed.
    pub sign: Option<&'a dyn Signer>,
    /// Whether a channel whose release is signed may be moved without.
    pub unsigned: bool,
    /// Whether it goes ahead where conditions are not kept.
    pub unconditional: bool,
}

/// A channel that was moved, or was there already.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Whether it was moved.
    pub changed: bool,
    /// What it named before.
    pub from: Option<VersionName>,
    /// The release.
    pub generation: u64,
}

/// Points a channel at a version that is there. Its pointer is written only if it is still what it was; a write whose
/// outcome is not known is looked for, by an id that no other release has.
pub fn move_channel(
    remote: &Remote,
    movement: &Movement<'_>,
    progress: &dyn Progress,
) -> Result<Moved, Error> {
    let Movement { channel, to, .. } = movement;
    let manifest = must_have(remote, movement, progress)?;
    let key = layout::pointer(channel);
    let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let ours = |pointer: &Pointer| {
        let release = pointer.releases.iter().find(|release| release.id == id)?;
        Some(Moved {
            changed: true,
            from: release.from.clone(),
            generation: release.generation,
        })
    };
    let mut unknown: Option<String> = None;
    let mut failures = 0;
    // The release that the last write was to make, whatever was said of it.
    let mut tried: Option<u64> = None;
    for attempt in 0..TRIES {
        progress.checkpoint()?;
        let found = match remote.pointer(channel, progress) {
            // It was not known whether the last try was written, and it still is not.
            Err(e) if unknown.is_some() && e.is_passing() => {
                unknown = Some(e.to_string());
                break;
            }
            other => other?,
        };
        let live = found.as_ref().map(|(pointer, _)| pointer);
        if let Some(moved) = live.and_then(&ours) {
            // Whoever collects what nobody needs may have been a moment earlier. It must not stay unsaid.
            must_have(remote, movement, progress)?;
            return Ok(moved);
        }
        let oldest = live.and_then(|pointer| pointer.releases.first());
        if let (Some(tried), Some(oldest)) = (tried, oldest)
            && oldest.generation > tried
        {
            // So many came since that the pointer remembers it no more: another try could be a second release.
            unknown = Some("too many releases came after it to tell".into());
            break;
        }
        if failures >= FAILURES {
            break;
        }
        let from = live.map(|pointer| pointer.version.clone());
        if let Some(expected) = &movement.expected
            && *expected != from
        {
            return Err(Error::NotWhereExpected(Box::new(NotWhereExpected {
                remote: remote.address.clone(),
                channel: (*channel).clone(),
                expected: expected.clone(),
                found: from,
            })));
        }
        if let Some(pointer) = live
            && pointer.version == **to
            && pointer.manifest_sha256 == movement.manifest_sha256
            && is_signed(pointer, movement)
        {
            return Ok(Moved {
                changed: false,
                from,
                generation: pointer.generation,
            });
        }
        check_signed(remote, live, movement)?;
        if attempt == 0 {
            // Written again as it is, it is young: no gc takes it away while its channel is moved.
            let key = layout::manifest(to);
            remote
                .objects
                .write(&key, manifest.bytes(), When::Always, progress)?;
        }
        let next = next(remote, live, movement, &id)?;
        // All earlier ones were looked for, and are not ours.
        tried = Some(next.generation);
        let bytes = remote.bytes(&key, &next)?;
        let when = match (&found, movement.unconditional) {
            (_, true) => When::Always,
            (None, false) => When::Absent,
            (Some((_, tag)), false) => When::Unchanged(tag),
        };
        match remote.objects.write(&key, &bytes, when, progress) {
            // Read back in the next round, as what others see.
            Ok(Put::Done) => unknown = Some("it does not read back".into()),
            Ok(Put::Refused) => {
                unknown = None;
                thread::sleep(pause(attempt));
            }
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => {
                unknown = Some(e.to_string());
                failures += 1;
                thread::sleep(pause(attempt));
            }
        }
    }
    let (remote, channel) = (remote.address.clone(), (*channel).clone());
    Err(match unknown {
        Some(problem) => Error::Unknown {
            remote,
            channel,
            problem,
        },
        None => Error::Contended { remote, channel },
    })
}

/// Reads the manifest of the version that is moved to, which must be the one that is meant.
fn must_have(
    remote: &Remote,
    movement: &Movement<'_>,
    progress: &dyn Progress,
) -> Result<Received, Error> {
    let name = movement.to.clone();
    let address = remote.address.clone();
    match remote.manifest(movement.to, progress)? {
        Some(there) if there.manifest_sha256 == movement.manifest_sha256 => Ok(there),
        None => Err(Error::NoVersion {
            remote: address,
            name,
        }),
        Some(there) => Err(Error::NameTaken(Box::new(NameTaken {
            remote: address,
            name,
            there: there.manifest_sha256,
            here: movement.manifest_sha256,
        }))),
    }
}

/// Fails where those who follow a signed channel could not follow it any longer.
fn check_signed(
    remote: &Remote,
    live: Option<&Pointer>,
    movement: &Movement<'_>,
) -> Result<(), Error> {
    let Some(signature) = live.and_then(|pointer| pointer.signature.as_deref()) else {
        return Ok(());
    };
    let (address, channel) = (remote.address.clone(), movement.channel.clone());
    match (movement.sign, claimed_name(signature)) {
        (None, _) if !movement.unsigned => Err(Error::Unsigned {
            remote: address,
            channel,
        }),
        (Some(signer), Some(there)) if there != signer.name() => Err(Error::OtherName {
            remote: address,
            channel,
            there,
            here: signer.name().to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether a pointer that names the version already is signed as it shall be.
fn is_signed(pointer: &Pointer, movement: &Movement<'_>) -> bool {
    let Some(signer) = movement.sign else {
        return true;
    };
    let about = about(movement, pointer.generation);
    let signature = pointer.signature.as_deref();
    signature.is_some_and(|signature| signer.holds(&about, signature))
}

fn about(movement: &Movement<'_>, generation: u64) -> About {
    About::Release {
        channel: movement.channel.clone(),
        generation,
        version: movement.to.clone(),
    }
}

/// The pointer that follows.
fn next(
    remote: &Remote,
    live: Option<&Pointer>,
    movement: &Movement<'_>,
    id: &str,
) -> Result<Pointer, Error> {
    let last = live.map_or(0, |pointer| pointer.generation);
    let generation = last
        .checked_add(1)
        .ok_or_else(|| remote.malformed("the pointer", &"it counts no further"))?;
    let at = Timestamp::now();
    let release = RemoteRelease {
        generation,
        operation: movement.operation,
        from: live.map(|pointer| pointer.version.clone()),
        to: movement.to.clone(),
        manifest_sha256: movement.manifest_sha256,
        at,
        by: Actor::current(),
        id: id.to_owned(),
        reason: movement.reason.clone(),
        waived: movement.waived.clone(),
    };
    let mut releases = live.map_or_else(Vec::new, |pointer| pointer.releases.clone());
    releases.push(release);
    let skipped = releases.len().saturating_sub(REMEMBERED);
    let about = about(movement, generation);
    Ok(Pointer {
        generation,
        version: movement.to.clone(),
        manifest_sha256: movement.manifest_sha256,
        published_at: at,
        signature: movement.sign.map(|sign| sign.sign(&about)).transpose()?,
        releases: releases.split_off(skipped),
    })
}

/// Finds the version that a rollback of `steps` releases from where a channel is goes to: as in a store, a rollback takes back the releases above its
/// target. Versions that are no longer there are passed over.
pub fn rollback_target(
    remote: &Remote,
    channel: &Channel,
    pointer: &Pointer,
    steps: usize,
    progress: &dyn Progress,
) -> Result<VersionName, Error> {
    let there = remote.versions(progress)?;
    let releases = pointer
        .releases
        .iter()
        .map(|release| (release.operation, &release.to));
    let mut standing = standing(releases);
    standing.retain(|name| there.contains(name) || *name == pointer.version);
    standing.dedup();
    let target = standing.len().checked_sub(steps + 1);
    let target = target.and_then(|at| standing.get(at)).cloned();
    target.ok_or_else(|| Error::NoEarlierRelease {
        remote: remote.address.clone(),
        channel: channel.clone(),
    })
}

/// Reads what a channel names, or fails where there is none.
pub fn live(remote: &Remote, channel: &Channel, progress: &dyn Progress) -> Result<Pointer, Error> {
    remote.must_be_made(progress)?;
    let found = remote.pointer(channel, progress)?;
    let found = found.map(|(pointer, _)| pointer);
    found.ok_or_else(|| Error::NoChannel {
        remote: remote.address.clone(),
        channel: channel.clone(),
    })
}
