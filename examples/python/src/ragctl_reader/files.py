"""Opening files below a directory without following a link, and telling network filesystems."""

import ctypes
import os
import stat
import sys
from pathlib import Path

# Magic numbers of linux/magic.h: NFS, CIFS, SMB2, 9P, FUSE (sshfs, s3fs and virtiofs alike), Ceph, AFS, Lustre, OCFS2. The same
# list as in ragctl, so that both think of a store alike.
_NETWORK = {
    0x6969,
    0xFF534D42,
    0xFE534D42,
    0x01021997,
    0x65735546,
    0x00C36400,
    0x5346414F,
    0x0BD00BD3,
    0x7461636F,
}
# Once for all: a child that is forked while a library is being looked up may wait for ever when it loads one itself.
_libc = ctypes.CDLL(None)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO that somebody planted must not block its reader.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_beneath(root: Path, relative: str) -> int:
    """Opens the regular file `relative` below `root`. No link below `root` is followed."""
    *directories, name = relative.split("/")
    if any(part in ("", ".", "..") for part in (*directories, name)):
        raise OSError(f"{relative!r} is not a path below {root}")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for directory in directories:
            deeper = os.open(directory, _DIRECTORY, dir_fd=at)
            os.close(at)
            at = deeper
        fd = os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{root / relative} is not a regular file")
    return fd


def read_beneath(root: Path, relative: str) -> bytes:
    """Reads the regular file `relative` below `root`."""
    with open(open_beneath(root, relative), "rb") as file:
        return file.read()


def is_network(path: str | os.PathLike[str]) -> bool:
    """Says whether locks on this filesystem may not reach every host that reads it."""
    if sys.platform != "linux":
        return False
    # `struct statfs` begins with its type, a long; it is far shorter than this buffer.
    buffer = ctypes.create_string_buffer(512)
    if _libc.statfs(os.fsencode(path), buffer) != 0:
        return False
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF in _NETWORK
