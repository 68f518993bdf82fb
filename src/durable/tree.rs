//! Whole directories: settled durable with their modes, removed though sealed, swept and measured. No link is followed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Context as _, PathError, fsync_dir, is_temporary, loosen, remove, set_mode};

/// Sets the modes of everything below `top` and makes every file and directory durable, children first. `top` keeps a
/// writable mode: a directory of mode 0555 cannot be renamed by a user who is not root.
pub fn settle_tree(top: &Path, file_mode: u32, dir_mode: u32) -> Result<(), PathError> {
    settle(top, file_mode, dir_mode)?;
    fsync_dir(top)
}

fn settle(dir: &Path, file_mode: u32, dir_mode: u32) -> Result<(), PathError> {
    for entry in fs::read_dir(dir).context(dir)? {
        let path = entry.context(dir)?.path();
        let found = fs::symlink_metadata(&path).context(&path)?;
        if found.is_dir() {
            settle(&path, file_mode, dir_mode)?;
            set_mode(&path, dir_mode)?;
            fsync_dir(&path)?;
        } else {
            // A second name for another user's file has its mode already, and only that user may set it.
            if found.permissions().mode() & 0o7777 != file_mode {
                set_mode(&path, file_mode)?;
            }
            File::open(&path)
                .and_then(|file| file.sync_all())
                .context(&path)?;
        }
    }
    Ok(())
}

/// Removes a tree whose directories may be sealed against it; nothing there is fine. Links are removed, not followed.
pub fn remove_tree(dir: &Path) -> Result<(), PathError> {
    let removed = match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            unseal(dir)?;
            fs::remove_dir_all(dir)
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => fs::remove_file(dir),
        other => other,
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.context(dir),
    }
}

fn unseal(dir: &Path) -> Result<(), PathError> {
    loosen(dir, 0o700)?;
    for entry in fs::read_dir(dir).context(dir)? {
        let entry = entry.context(dir)?;
        if entry.file_type().context(dir)?.is_dir() {
            unseal(&entry.path())?;
        }
    }
    Ok(())
}

/// Adds up the bytes of files below a directory that have no other name: what removing it gives back.
pub fn tree_bytes(dir: &Path) -> Result<u64, PathError> {
    add_up(dir, &|found| found.nlink() == 1)
}

/// Adds up the bytes of every file below a directory, whatever other names it has.
pub fn tree_size(dir: &Path) -> Result<u64, PathError> {
    add_up(dir, &|_| true)
}

fn add_up(dir: &Path, counts: &dyn Fn(&fs::Metadata) -> bool) -> Result<u64, PathError> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).context(dir)? {
        let path = entry.context(dir)?.path();
        let found = fs::symlink_metadata(&path).context(&path)?;
        if found.is_dir() {
            bytes += add_up(&path, counts)?;
        } else if counts(&found) {
            bytes += found.len();
        }
    }
    Ok(bytes)
}

/// Removes what has a temporary name in a directory. Whoever was just writing under one writes again.
pub fn sweep(dir: &Path) -> Result<(), PathError> {
    let entries = match fs::read_dir(dir) {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(());
        }
        other => other.context(dir)?,
    };
    for entry in entries {
        let entry = entry.context(dir)?;
        let is_dir = entry.file_type().context(entry.path())?.is_dir();
        if !is_dir && is_temporary(&entry.path()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}
