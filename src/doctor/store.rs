//! What the store looks like: its directories, its links, who may write it, how its readers are seen.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::mounts::Mounts;
use super::{Outcome, list};
use crate::durable::{Context as _, PathError};
use crate::store::{Error, LeaseKind, Store};

/// Levels of the cache that are looked at; deeper down it may hold a great many directories.
const CACHE_DEPTH: usize = 2;
const WRITABLE_BY_ALL: u32 = 0o002;

pub(super) const NEXT_WRITER: &str =
    "The next command that writes puts it right, for example `ragctl gc`.";

pub(super) fn look(store: &Store, mounts: &Mounts) -> Vec<(&'static str, Outcome)> {
    vec![
        ("directories", directories(store)),
        ("channels", channels(store).into()),
        ("twins", twins(store).into()),
        ("pinned_mounts", pinned_mounts(store, mounts)),
        ("writers", writers(store).into()),
        ("leases", leases(store)),
    ]
}

fn directories(store: &Store) -> Outcome {
    let missing = store.missing_directories();
    if missing.is_empty() {
        return Outcome::ok("all there");
    }
    let is_other = |name: &String| {
        store
            .root()
            .join(name.trim_end_matches('/'))
            .symlink_metadata()
            .is_ok()
    };
    let (others, absent): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_other);
    if others.is_empty() {
        Outcome::warning(format!("missing: {}", list(&absent)), NEXT_WRITER)
    } else {
        Outcome::damaged(
            format!("no directories of the store's own: {}", list(&others)),
            "Move what is there to its place in the store: a link may lead anywhere, and no rename crosses it.",
        )
    }
}

/// Each link is relative, and its version is there.
fn channels(store: &Store) -> Result<Outcome, Error> {
    let versions = store.versions()?;
    let mut live = Vec::new();
    let mut bad = Vec::new();
    for channel in store.channel_names()? {
        match store.live_on(&channel) {
            Ok(None) => {}
            Ok(Some(version)) if versions.contains(&version) => {
                live.push(format!("{channel} is {version}"));
            }
            Ok(Some(version)) => {
                bad.push(format!("{channel} is {version}, which is not in versions/"));
            }
            Err(Error::BadLink { found, .. }) if Path::new(&found).is_absolute() => {
                bad.push(format!("{channel} is an absolute link, to {found}"));
            }
            Err(Error::BadLink { found, .. }) => bad.push(format!("{channel} leads to {found}")),
            Err(e) => return Err(e),
        }
    }
    Ok(match (bad.is_empty(), live.is_empty()) {
        (true, true) => Outcome::ok("nothing is published yet"),
        (true, false) => Outcome::ok(list(&live)),
        (false, _) => Outcome::damaged(
            list(&bad),
            "Remove the link and publish a version again: a link versions/<name> means the same under every mount.",
        ),
    })
}

/// Each twin names what its link names.
fn twins(store: &Store) -> Result<Outcome, Error> {
    let mut behind = Vec::new();
    for channel in store.channel_names()? {
        // What is wrong with the link is told of it, not of its twin.
        let Ok(Some(version)) = store.live_on(&channel) else {
            continue;
        };
        if store.twin_on(&channel)?.is_none() {
            behind.push(format!("{channel}.json does not say {version}"));
        }
    }
    Ok(if behind.is_empty() {
        Outcome::ok("each says what its link says")
    } else {
        Outcome::warning(
            list(&behind),
            "Who follows the twin sees another version. Any command that writes finishes a release that was cut off; else the next release writes it.",
        )
    })
}

/// A mount of a version, or through `current`, stays at that version for ever.
fn pinned_mounts(store: &Store, mounts: &Mounts) -> Outcome {
    let versions = store.versions_dir();
    let shown = mounts.showing(&versions);
    let pinned = shown
        .iter()
        .map(|(point, part)| format!("{} stays at {}", point.display(), part.display()));
    let over = mounts
        .below(&versions)
        .into_iter()
        .filter(|point| shown.iter().all(|(shown, _)| shown != point))
        .map(|point| format!("something is mounted over {}", point.display()));
    let told: Vec<String> = pinned.chain(over).collect();
    if told.is_empty() {
        return Outcome::ok("no mount of a version, or through a link, in sight");
    }
    Outcome::warning(
        list(&told),
        "Mount the store's own directory instead: a mount resolves `current` once, when it is made.",
    )
}

/// Whoever may write a directory may put anything in the place of what was verified.
fn writers(store: &Store) -> Result<Outcome, PathError> {
    let mut open = Vec::new();
    let root = store.root();
    collect_open(root, root, &store.cache_dir(), &mut open)?;
    Ok(if open.is_empty() {
        Outcome::ok("no directory that everybody may write")
    } else {
        Outcome::warning(
            format!("everybody may write {}", list(&open)),
            "Take the right away: `chmod -R o-w` on the store.",
        )
    })
}

fn collect_open(
    dir: &Path,
    root: &Path,
    cache: &Path,
    open: &mut Vec<String>,
) -> Result<(), PathError> {
    let mode = match fs::symlink_metadata(dir).context(dir) {
        // A draft may disappear meanwhile.
        Err(e) if e.is_not_found() => return Ok(()),
        other => other?.permissions().mode(),
    };
    if mode & WRITABLE_BY_ALL != 0 {
        open.push(match dir.strip_prefix(root) {
            Ok(below) if below.as_os_str().is_empty() => "the store itself".into(),
            below => format!("{}/", below.unwrap_or(dir).display()),
        });
    }
    let depth = dir
        .strip_prefix(cache)
        .map(|below| below.components().count());
    if depth.is_ok_and(|depth| depth >= CACHE_DEPTH) {
        return Ok(());
    }
    let entries = match fs::read_dir(dir).context(dir) {
        Err(e) if e.is_not_found() => return Ok(()),
        // Another user's draft is private.
        Err(e) if e.source.kind() == std::io::ErrorKind::PermissionDenied => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry.context(dir)?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_open(&entry.path(), root, cache, open)?;
        }
    }
    Ok(())
}

fn leases(store: &Store) -> Outcome {
    let kind = store.lease_kind();
    match kind {
        LeaseKind::Kernel => Outcome::ok(format!("{kind}: gc sees every reader on this host")),
        LeaseKind::Heartbeat => Outcome::ok(format!(
            "{kind}: readers on other hosts must be able to write leases/"
        )),
        LeaseKind::None => Outcome::warning(
            format!("{kind}: readers on other hosts cannot be seen"),
            "gc spares what was superseded lately (--grace-unleased). To see readers, create the store with `--leases heartbeat` and mount leases/ writable.",
        ),
    }
}
