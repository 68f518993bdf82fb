//! Opening what lies in a tree that others may write: no link is followed on the way, and only regular files are opened.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{Context as _, PathError, fsync_parent, set_mode};

/// Opens the regular file `relative` below `dir` for reading. `dir` itself is trusted; a link on the way from it, `..`, an
/// absolute path, a device or a FIFO is an error.
pub fn open_beneath(dir: &Path, relative: &Path) -> Result<File, PathError> {
    let path = dir.join(relative);
    let file = walk(dir, relative).context(&path)?;
    if file.metadata().context(&path)?.is_file() {
        return Ok(file);
    }
    Err(refused("it is not a regular file")).context(path)
}

/// Reads the regular file `relative` below `dir`, as [`open_beneath`] opens it.
pub fn read_beneath(dir: &Path, relative: &Path) -> Result<Vec<u8>, PathError> {
    let mut bytes = Vec::new();
    open_beneath(dir, relative)?
        .read_to_end(&mut bytes)
        .context(dir.join(relative))?;
    Ok(bytes)
}

/// Makes the directories of `relative` below `dir`, each with the mode of the directory that it lies in, whatever the umask.
/// A link among them is an error.
pub fn make_dirs(dir: &Path, relative: &Path) -> Result<(), PathError> {
    let mut path = dir.to_owned();
    for component in relative.components() {
        let mode = fs::metadata(&path).context(&path)?.permissions().mode() & 0o7777;
        path.push(component);
        match fs::create_dir(&path) {
            Ok(()) => {
                set_mode(&path, mode)?;
                fsync_parent(&path)?;
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&path).context(&path)?.is_dir() {
                    return Err(refused("it is not a directory")).context(path);
                }
            }
            Err(e) => return Err(e).context(path),
        }
    }
    Ok(())
}

/// Finds the directory `relative` below `dir`; `None` where there is none. A link on the way is an error.
pub fn find_dir(dir: &Path, relative: &Path) -> Result<Option<PathBuf>, PathError> {
    let mut path = dir.to_owned();
    for component in relative.components() {
        path.push(component);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(refused("it is not a directory")).context(path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).context(path),
        }
    }
    Ok(Some(path))
}

/// Opens one component after the other, so that no link is followed. `O_NONBLOCK` keeps a FIFO from blocking.
fn walk(dir: &Path, relative: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut opened: OwnedFd = File::open(dir)?.into();
    let mut components = relative.components().peekable();
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(refused("it leads out of its directory"));
        };
        let kind = match components.peek() {
            Some(_) => OFlag::O_DIRECTORY,
            None => OFlag::empty(),
        };
        opened = loop {
            match openat(&opened, name, flags | kind, Mode::empty()) {
                Err(Errno::EINTR) => {}
                Err(Errno::ELOOP) => return Err(refused("it is a link")),
                Err(Errno::ENOTDIR) if !kind.is_empty() => {
                    return Err(refused("it does not lie in a directory of its own"));
                }
                other => break other?,
            }
        };
    }
    Ok(opened.into())
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_regular_file_below_the_directory_is_opened() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/file"), "text").unwrap();
        symlink(outside.path(), at("linked")).unwrap();
        symlink(outside.path().join("secret"), at("sub/link")).unwrap();
        nix::unistd::mkfifo(&at("sub/fifo"), Mode::S_IRWXU).unwrap();
        let read = |relative: &str| read_beneath(dir.path(), Path::new(relative));
        assert_eq!(read("sub/file").unwrap(), b"text");
        let absolute = outside.path().join("secret");
        for bad in [
            "linked/secret",
            "sub/link",
            "sub/fifo",
            "sub",
            "sub/../sub/file",
            "../x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&absolute.to_string_lossy()).is_err());
        assert!(read("sub/none").unwrap_err().is_not_found());
    }

    #[test]
    fn a_new_directory_has_the_mode_of_the_one_it_lies_in_and_never_lies_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o750).unwrap();
        make_dirs(dir.path(), Path::new("a/b")).unwrap();
        let mode = fs::metadata(dir.path().join("a/b"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o750);
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join("link")).unwrap();
        assert!(make_dirs(dir.path(), Path::new("link/c")).is_err());
        assert!(find_dir(dir.path(), Path::new("link")).is_err());
        assert!(find_dir(dir.path(), Path::new("a/none")).unwrap().is_none());
        assert!(find_dir(dir.path(), Path::new("a/b")).unwrap().is_some());
        assert!(!outside.path().join("c").exists());
    }
}
