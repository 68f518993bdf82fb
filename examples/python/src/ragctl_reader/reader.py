"""A reader: keeps one version open, and replaces it after a flip without an answer failing or mixing versions."""

import os
import random
import threading
from contextlib import contextmanager
from typing import Iterator, Literal

from .errors import Closed
from .files import is_network
from .forking import register
from .loader import Check, Loader, log
from .version import Version

_LOCAL_SECONDS, _NETWORK_SECONDS = 1.0, 5.0


class Reader:
    """Follows a channel of a store. A context manager, or `start` and `stop`; a first question starts it as well.

    A reader that was not asked yet may be forked. The child begins anew: its first question takes a lease and starts a thread of
    its own, and leaves the parent's alone.
    """

    def __init__(
        self,
        store: str | os.PathLike[str],
        channel: str = "current",
        *,
        verify: Literal["bytes", "structure"] = "bytes",
        on_load: Check | None = None,
        interval: float | None = None,
    ) -> None:
        """Opens nothing yet. `on_load` is called with each version before it answers, and refuses it by raising.

        `verify` is how a version is checked: every byte, or names and sizes only. `interval` is how many seconds lie between
        two looks at the link; by default 1, or 5 on a network filesystem.
        """
        if verify not in ("bytes", "structure"):
            raise ValueError(f"verify is 'bytes' or 'structure', not {verify!r}")
        self.path, self.channel = os.fspath(store), channel
        self._hashes, self._interval = verify == "bytes", interval
        self._checks: list[Check] = [] if on_load is None else [on_load]
        self._stopped = False
        self._begin()
        register(self)

    def _begin(self) -> None:
        # `_lock` guards the version that answers, and is held for a few instructions; `_loading` is held for a whole load.
        self._lock, self._loading = threading.Lock(), threading.RLock()
        self._version: Version | None = None
        self._loader = Loader(self.path, self.channel, self._checks, hashes=self._hashes)
        self._following: tuple[threading.Thread, threading.Event] | None = None
        self._asked = False

    # What a child inherited is its parent's; `Lease` and `Version` see to the descriptors and the tables.
    _after_fork = _begin

    @contextmanager
    def current(self) -> Iterator[Version]:
        """Pins the live version for a block: all that the block asks comes from it, whatever is published meanwhile."""
        version = self.acquire()
        try:
            yield version
        finally:
            version.unpin()

    def acquire(self) -> Version:
        """Pins the live version until its `unpin` is called; `current` does both."""
        while (version := self.pinned()) is None:
            self.ready()
        return version

    def pinned(self) -> Version | None:
        """Pins the version that answers as `acquire` does, but loads and opens none."""
        with self._lock:
            if self._version is None or not self._version.is_open:
                return None
            self._version.pin()
            return self._version

    def start(self) -> "Reader":
        """Holds and checks the live version and follows the channel from then on. Raises, and follows nothing, if it cannot.

        No table is opened before the first question, so that the process may still fork.
        """
        self._stopped = False
        self._begin_to_follow()
        return self

    def stop(self) -> None:
        """Follows no longer, and lets the version go as soon as no block uses it."""
        self._stopped = True
        following = self._following
        if following is not None:
            thread, stop = following
            stop.set()
            thread.join()
        with self._loading:
            self._following = None
            self._swap(None)

    def __enter__(self) -> "Reader":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ready(self) -> None:
        """Makes the reader ready to answer: a version loaded, its table open, the channel followed."""
        with self._loading:
            self._asked = True
            self._begin_to_follow()
            if self._version is not None:
                self._version.open()

    def _begin_to_follow(self) -> None:
        with self._loading:
            if self._version is None:
                self.refresh()
            if self._following is None:
                stop = threading.Event()
                thread = threading.Thread(target=self._follow, args=(stop,), name="ragctl-reader", daemon=True)
                self._following = (thread, stop)
                thread.start()

    def refresh(self) -> bool:
        """Looks at the link now, without waiting for the next look. Says whether another version answers from now on.

        Raises what kept it from being loaded; what answered before then goes on answering.
        """
        with self._loading:
            if self._stopped:
                raise Closed("the reader was stopped")
            version = self._loader.newer(self._version, opened=self._asked)
            if version is None:
                return False
            log.info("%s answers now", version.name)
            self._swap(version)
            return True

    def add_check(self, check: Check) -> None:
        """Adds a check of each version before it answers. Raises, and adds nothing, if the version that answers fails it."""
        with self._loading:
            if self._version is not None:
                self._loader.ask(check, self._version)
            self._checks.append(check)

    def _swap(self, version: Version | None) -> None:
        with self._lock:
            old, self._version = self._version, version
        # Blocks that still use it hold pins of their own.
        if old is not None:
            old.unpin()

    def _follow(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds() * random.uniform(0.8, 1.2)):
            try:
                self.refresh()
            except Closed:
                return
            except Exception as error:
                self._loader.tell(error)

    def _seconds(self) -> float:
        if self._interval is not None:
            return self._interval
        return _NETWORK_SECONDS if is_network(os.fspath(self.path)) else _LOCAL_SECONDS
