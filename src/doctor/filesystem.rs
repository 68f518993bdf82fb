//! What the filesystem is, without writing to it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::mounts::Mounts;
use super::{Outcome, bytes, fstype, list};
use crate::durable::{self, Context as _, PathError};
use crate::store::Store;

/// Bytes that should be free whatever the versions' size: 256 MiB.
const LEAST_FREE: u64 = 256 << 20;
/// Inodes that should be free: a version has some dozens of files, its snapshot and caches a few more.
const LEAST_INODES: u64 = 1_000;

pub(super) fn look(store: &Store, mounts: &Mounts) -> Vec<(&'static str, Outcome)> {
    vec![
        ("type", fstype::look(store.root(), mounts)),
        ("one_filesystem", one_filesystem(store, mounts).into()),
        ("space", space(store).into()),
        ("inodes", inodes(store.root()).into()),
    ]
}

/// What is renamed from `staging/` must lie on the device of where it goes, and under the same mount.
fn one_filesystem(store: &Store, mounts: &Mounts) -> Result<Outcome, PathError> {
    const ADVICE: &str =
        "Mount or link the store's directory as a whole; only cache/ may lie elsewhere.";
    let device = fs::metadata(store.root()).context(store.root())?.dev();
    let mut apart = Vec::new();
    for dir in store.directories() {
        let name = relative(store, &dir);
        match fs::metadata(&dir).context(&dir) {
            Ok(found) if found.dev() != device && dir != store.cache_dir() => apart.push(name),
            Ok(_) => {}
            // Missing directories are told of elsewhere.
            Err(e) if e.is_not_found() => {}
            Err(e) => return Err(e),
        }
    }
    for point in mounts.below(store.root()) {
        let name = relative(store, point);
        if !point.starts_with(store.cache_dir()) && !apart.contains(&name) {
            apart.push(name);
        }
    }
    Ok(if apart.is_empty() {
        Outcome::ok("staging/ and versions/ lie on one device")
    } else {
        Outcome::unsuitable(
            format!(
                "mounted from elsewhere, so that no rename reaches it: {}",
                list(&apart)
            ),
            ADVICE,
        )
    })
}

fn relative(store: &Store, path: &Path) -> String {
    path.strip_prefix(store.root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The next build needs room for itself beside everything that is kept until gc.
fn space(store: &Store) -> Result<Outcome, PathError> {
    let free = durable::free_bytes(store.root())?;
    let largest = store
        .versions()
        .unwrap_or_default()
        .iter()
        .filter_map(|name| Some(store.manifest(name).ok()?.0.resources.disk_bytes))
        .max()
        .unwrap_or(0);
    let wanted = LEAST_FREE.max(largest.saturating_mul(2));
    let seen = format!("{} free", bytes(free));
    Ok(if free >= wanted {
        Outcome::ok(seen)
    } else {
        Outcome::warning(
            format!("{seen}; the next build may need {}", bytes(wanted)),
            "Free some space: `ragctl gc` removes versions that nobody needs, or enlarge the disk.",
        )
    })
}

fn inodes(root: &Path) -> Result<Outcome, PathError> {
    let found = statvfs(root).context(root)?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ by system")]
    let (all, free) = (found.files() as u64, found.files_available() as u64);
    Ok(match (all, free) {
        (0, _) => Outcome::ok("made as they are needed"),
        (_, LEAST_INODES..) => Outcome::ok(format!("{free} free")),
        _ => Outcome::warning(
            format!("only {free} free of {all}"),
            "Remove small files from this disk, or make its filesystem with more inodes.",
        ),
    })
}
