//! The only place that fsyncs and renames. What a function here returns `Ok` for survives a power cut.
//!
//! An fsync that failed is never retried: the kernel reports a lost write once and then forgets it, so the caller throws
//! the file or the staging directory away.

mod beneath;
mod tree;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub use beneath::{find_dir, make_dirs, open_beneath, read_beneath};
pub use tree::{remove_tree, settle_tree, sweep, tree_bytes, tree_size};

use crate::fault::{Fault, Kind};
use crate::progress::{Interrupted, Progress};

/// How the names begin that files and links have until they are renamed.
const TEMPORARY_FILE: &str = ".tmp-";
const TEMPORARY_LINK: &str = ".";

/// Says whether a file or link is one that has its name only until it is renamed. Others' hidden files are not ours.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A link's is `.name.random`.
    let is_link = name.starts_with(TEMPORARY_LINK) && name.matches(TEMPORARY_LINK).count() > 1;
    name.starts_with(TEMPORARY_FILE) || is_link && path.is_symlink()
}

/// An I/O error that knows its path.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct PathError {
    /// The file or directory that the system call was about.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl PathError {
    /// Says whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl Fault for PathError {
    fn kind(&self) -> Kind {
        io_kind(&self.source)
    }

    fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("Free some space, then run the same command again.".into())
            }
            io::ErrorKind::ReadOnlyFilesystem => Some(
                "The filesystem is mounted read-only; run this where the store can be written."
                    .into(),
            ),
            io::ErrorKind::PermissionDenied => {
                Some("Check who owns the store and with which user this runs.".into())
            }
            _ => None,
        }
    }
}

/// Returns the kind of failure that an I/O error stands for.
pub fn io_kind(error: &io::Error) -> Kind {
    use io::ErrorKind as E;
    match error.kind() {
        E::StorageFull
        | E::QuotaExceeded
        | E::ReadOnlyFilesystem
        | E::CrossesDevices
        | E::FileTooLarge
        | E::Unsupported => Kind::Filesystem,
        E::InvalidData => Kind::Integrity,
        _ => Kind::Failed,
    }
}

/// Gives an `io::Result` its path.
pub trait Context<T> {
    /// Attaches `path` to the error.
    fn context(self, path: impl AsRef<Path>) -> Result<T, PathError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, path: impl AsRef<Path>) -> Result<T, PathError> {
        self.map_err(|source| PathError {
            path: path.as_ref().to_owned(),
            source,
        })
    }
}

impl<T> Context<T> for nix::Result<T> {
    fn context(self, path: impl AsRef<Path>) -> Result<T, PathError> {
        self.map_err(io::Error::from).context(path)
    }
}

/// Makes the entries of a directory durable.
pub fn fsync_dir(dir: &Path) -> Result<(), PathError> {
    File::open(dir).and_then(|dir| dir.sync_all()).context(dir)
}

/// Makes a file's bytes durable, where there is one.
pub fn fsync_file(path: &Path) -> Result<(), PathError> {
    match OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
    {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => opened.and_then(|file| file.sync_all()).context(path),
    }
}

/// Makes the entry of `path` in its directory durable.
pub fn fsync_parent(path: &Path) -> Result<(), PathError> {
    fsync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Replaces `path` by a file of these bytes and this mode: a reader sees the old bytes or the new ones.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PathError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    // Asked first, because an error about the temporary name would tell nobody anything.
    fs::metadata(dir).context(dir)?;
    unless_swept(|| {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY_FILE)
            .tempfile_in(dir)
            .context(dir)?;
        file.write_all(bytes).context(path)?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(mode))
            .context(path)?;
        file.as_file().sync_all().context(path)?;
        file.persist(path).map_err(|e| e.error).context(path)
    })?;
    fsync_parent(path)
}

/// Replaces `path` by what `fill` writes, unless it fails: a reader sees the old bytes or the new ones.
pub fn write_atomic_with<T, E: From<PathError>>(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_FILE)
        .tempfile_in(dir)
        .context(dir)?;
    let filled = fill(file.as_file_mut())?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(mode))
        .context(path)?;
    file.as_file().sync_all().context(path)?;
    file.persist(path).map_err(|e| e.error).context(path)?;
    fsync_parent(path)?;
    Ok(filled)
}

/// Makes a file's bytes durable and gives it another name in place of what bears that. The directory is left to the caller to
/// fsync.
pub fn give_name(from: &Path, to: &Path) -> Result<(), PathError> {
    fsync_file(from)?;
    fs::rename(from, to).context(to)
}

/// Creates a file of these bytes and this mode, durable. A name that is taken is an error, and what bears it stays.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PathError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .context(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))
        .context(path)?;
    file.write_all(bytes).context(path)?;
    file.sync_all().context(path)?;
    fsync_parent(path)
}

/// Writes under a temporary name and renames, and does so again where the name was gone by then: some places are written
/// without a lock, and whoever sweeps up after crashes cannot tell the living from the dead.
fn unless_swept<T>(write: impl Fn() -> Result<T, PathError>) -> Result<T, PathError> {
    const SWEEPS: usize = 5;
    for _ in 0..SWEEPS {
        match write() {
            Err(e) if e.is_not_found() => {}
            other => return other,
        }
    }
    write()
}

/// Appends one line to a log and makes it durable. A last line that a crash tore is closed first, so that the new line
/// stands alone.
pub fn append_line(path: &Path, line: &str, mode: u32) -> Result<(), PathError> {
    let new = match fs::symlink_metadata(path) {
        Ok(_) => false,
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) => return Err(e).context(path),
    };
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
        .context(path)?;
    let size = file.metadata().context(path)?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1).context(path)?;
    }
    let line = format!("{}{line}\n", if last == *b"\n" { "" } else { "\n" });
    if !is_sole(&file).context(path)? {
        // Under its other name it is somebody else's: a backup, or a trap.
        let mut bytes = fs::read(path).context(path)?;
        bytes.extend_from_slice(line.as_bytes());
        return write_atomic(path, &bytes, mode);
    }
    if new {
        file.set_permissions(fs::Permissions::from_mode(mode))
            .context(path)?;
    }
    file.write_all(line.as_bytes()).context(path)?;
    file.sync_all().context(path)?;
    if new { fsync_parent(path) } else { Ok(()) }
}

/// Says whether a file has no second name, under which writing to it would be seen elsewhere.
pub fn is_sole(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 1)
}

/// Opens a file to be locked, making it where there is none, with this mode whatever the umask: whoever may write beside it may
/// take it.
pub fn open_lock(path: &Path, mode: u32) -> Result<File, PathError> {
    let made = fs::symlink_metadata(path).is_err();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
        .context(path)?;
    if made {
        set_mode(path, mode)?;
    }
    Ok(file)
}

/// Takes the lock of an open file, waiting at most `timeout`. Says `false` where somebody holds it still.
pub fn lock_within<E: From<PathError> + From<Interrupted>>(
    file: &File,
    path: &Path,
    timeout: Duration,
    progress: &dyn Progress,
) -> Result<bool, E> {
    const POLL: Duration = Duration::from_millis(50);
    let deadline = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(e)) => return Err(e).context(path)?,
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(false),
            Err(TryLockError::WouldBlock) => {
                progress.checkpoint()?;
                thread::sleep(POLL);
            }
        }
    }
}

/// Creates an empty file of this mode, durable; leaves one that exists as it is.
pub fn create_empty(path: &Path, mode: u32) -> Result<(), PathError> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
    {
        Ok(file) => {
            file.set_permissions(fs::Permissions::from_mode(mode))
                .context(path)?;
            file.sync_all().context(path)?;
            fsync_parent(path)
        }
        // Its maker may have died before its fsync.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fsync_parent(path),
        Err(e) => Err(e).context(path),
    }
}

/// Removes a file if it is there, and makes that durable.
pub fn remove(path: &Path) -> Result<(), PathError> {
    match fs::remove_file(path) {
        Ok(()) => fsync_parent(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).context(path),
    }
}

/// Sets the mode of a file or directory, whatever the umask. A link is refused: its target may lie anywhere.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), PathError> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
        .and_then(|file| file.set_permissions(fs::Permissions::from_mode(mode)))
        .context(path)
}

/// Opens a directory for renaming, as far as its owner lets us: whoever does not own it finds out at the rename.
pub fn loosen(dir: &Path, mode: u32) -> Result<(), PathError> {
    match set_mode(dir, mode) {
        Err(e) if e.source.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Gives a second name to a file's bytes: by a hard link, else by a copy where the filesystem or the file's owner forbids
/// links.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<(), PathError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => fs::copy(from, to).map(drop).context(to),
    }
}

/// Bytes that who runs this may still write to the filesystem of a path.
pub fn free_bytes(path: &Path) -> Result<u64, PathError> {
    let found = nix::sys::statvfs::statvfs(path).context(path)?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ by system")]
    Ok((found.blocks_available() as u64).saturating_mul(found.fragment_size() as u64))
}

/// Fails where the filesystem of a path has no room for so many bytes more.
pub fn check_free(path: &Path, needed: u64) -> Result<(), PathError> {
    let free = free_bytes(path)?;
    if free < needed {
        let what = format!("{needed} bytes are needed, and {free} are free");
        return Err(io::Error::new(io::ErrorKind::StorageFull, what)).context(path);
    }
    Ok(())
}

/// The filesystem's own clock: the time it gives a file that is made now. Ages of files are told by it, so that another
/// host's clock does not matter.
pub fn clock(dir: &Path) -> Result<SystemTime, PathError> {
    tempfile::tempfile_in(dir)
        .and_then(|file| file.metadata()?.modified())
        .context(dir)
}

/// Renames a directory to a name that must be free, and makes both parents durable.
///
/// Returns `false`, with nothing changed, when the name is taken.
pub fn rename_noreplace(from: &Path, to: &Path) -> Result<bool, PathError> {
    match rename_if_free(from, to) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(e) => return Err(e).context(to),
    }
    fsync_parent(to)?;
    fsync_parent(from)?;
    Ok(true)
}

#[cfg(target_os = "linux")]
fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        // Some network and FUSE filesystems do not know the flag; the caller's store lock stands in for it there.
        Err(nix::errno::Errno::EINVAL) => rename_unless_exists(from, to),
        other => Ok(other?),
    }
}

/// Says whether the filesystem itself can leave a taken name alone: it is asked to rename to a free one on that condition.
#[cfg(target_os = "linux")]
pub(crate) fn knows_noreplace(from: &Path, free: &Path) -> bool {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    renameat2(
        AT_FDCWD,
        from,
        AT_FDCWD,
        free,
        RenameFlags::RENAME_NOREPLACE,
    )
    .is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn knows_noreplace(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    rename_unless_exists(from, to)
}

fn rename_unless_exists(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Points the symbolic link `link` at `target` by one rename over it, and reads it back: a network filesystem may report
/// a rename as failed that happened, or the other way round. The directory is left to the caller to fsync.
pub fn replace_link(link: &Path, target: &Path) -> Result<(), PathError> {
    let dir = link.parent().unwrap_or(Path::new("."));
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let renamed = unless_swept(|| {
        let temporary = tempfile::Builder::new()
            .prefix(&format!("{TEMPORARY_LINK}{name}."))
            .make_in(dir, |path| symlink(target, path))
            .context(link)?;
        temporary.persist(link).map_err(|e| e.error).context(link)
    });
    match fs::read_link(link) {
        Ok(found) if found == target => Ok(()),
        _ => {
            renamed?;
            Err(io::Error::other(
                "the link does not read back as it was written",
            ))
            .context(link)
        }
    }
}
