"""Leases: how a reader keeps a version from being removed while it may touch it.

A lease is an open-file-description read lock on one random byte of `leases/<version>`. The kernel frees it when the last
process that has the description open ends. In a store whose leases are of the kind `heartbeat`, a file beside it is also touched.
"""

import errno
import fcntl
import os
import random
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any, Callable

from .files import open_beneath
from .forking import no_fork, register
from .store import Store

_F_OFD_SETLK = 37
_BYTES = 1 << 30
_BEAT_SECONDS = 10.0
# Filesystems without locks: their stores have leases of another kind.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}


class Lease:
    """A reader's hold on a version. It ends with `release`, or with the process."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd
        self._beat: Path | None = None
        self._beat_fd = -1
        self._stop = threading.Event()
        self._closing = threading.Lock()
        register(self)

    @classmethod
    def take(cls, store: Store, version: str) -> "Lease | None":
        """Takes a lease. `None` while somebody is taking the version away; then the link is to be read again."""
        with no_fork:
            lease = cls(store.root / "leases" / version, open_beneath(store.root, f"leases/{version}"))
        try:
            if _lock(lease._fd):
                if store.lease_kind() == "heartbeat":
                    lease._start_beating()
                # Whoever took the version away and made it anew between the opening and the lock did not see this lease.
                if lease.is_named():
                    return lease
        except BaseException:
            lease.release()
            raise
        lease.release()
        return None

    def is_named(self) -> bool:
        """Says whether the lease's path still names the file that is locked. Where it does not, the lease protects nothing."""
        try:
            held, named = os.fstat(self._fd), os.lstat(self._path)
        except OSError:
            return False
        return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)

    def release(self) -> None:
        """Gives the lease up. Doing it twice is doing it once."""
        self._stop.set()
        with self._closing, no_fork:
            fd, self._fd = self._fd, -1
            beat_fd, self._beat_fd = self._beat_fd, -1
            if fd < 0:
                return
            if self._beat is not None:
                # One that stays is swept by gc when its time is over.
                _quietly(os.unlink, self._beat)
            # Not only closed: a program that another thread is just starting has the description open until it executes.
            _quietly(_unlock, fd)
            os.close(fd)
            if beat_fd >= 0:
                os.close(beat_fd)

    def _start_beating(self) -> None:
        name = f"{self._path}@{socket.gethostname()}-{os.getpid()}-{random.SystemRandom().randrange(1 << 32):08x}"
        with no_fork:
            self._beat_fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            self._beat = Path(name)
        threading.Thread(target=self._keep_beating, name="ragctl-heartbeat", daemon=True).start()

    def _keep_beating(self) -> None:
        while not self._stop.wait(_BEAT_SECONDS):
            with self._closing:
                if self._beat_fd < 0:
                    return
                # Without times it is the filesystem's own clock, by which the beat is judged. Twelve must fail to matter.
                _quietly(os.utime, self._beat_fd)

    def _after_fork(self) -> None:
        # The description is the parent's too. Closing the child's descriptor leaves the parent's lock in
        # place; unlocking, or removing the heartbeat, would end the parent's lease.
        for fd in (self._fd, self._beat_fd):
            if fd >= 0:
                _quietly(os.close, fd)
        self._fd = self._beat_fd = -1
        self._beat = None
        self._closing = threading.Lock()


def _lock(fd: int) -> bool:
    """Locks a random byte for reading; `False` where somebody has the whole file."""
    try:
        if sys.platform == "linux":
            _set(fd, fcntl.F_RDLCK, random.SystemRandom().randrange(_BYTES), 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _unlock(fd: int) -> None:
    if sys.platform == "linux":
        _set(fd, fcntl.F_UNLCK, 0, 0)
    else:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _set(fd: int, kind: int, start: int, length: int) -> None:
    # struct flock: type, whence, start, length, and a pid that must be 0 for open-file-description locks.
    fcntl.fcntl(fd, _F_OFD_SETLK, struct.pack("@hhqqi4x", kind, os.SEEK_SET, start, length, 0))


def _quietly(call: Callable[[Any], object], argument: Any) -> None:
    try:
        call(argument)
    except OSError:
        pass
