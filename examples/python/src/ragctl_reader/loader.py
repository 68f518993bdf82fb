"""Finding out what a channel names now, and loading it: checked, opened, and refused if any check says so."""

import logging
import os
import time
from typing import Callable

from .errors import ReaderError, Refused
from .files import is_network
from .store import Live, Store
from .version import Version, load

Check = Callable[[Version], None]

log = logging.getLogger("ragctl_reader")
_LONGEST_PAUSE = 60.0
# So often in a row a version may be superseded while it is loaded before it is served all the same.
_OVERTAKEN = 5


class Loader:
    """Loads versions of one channel. Not for two threads at once."""

    def __init__(self, path: str | os.PathLike[str], channel: str, checks: list[Check], *, hashes: bool) -> None:
        self._path, self._channel, self._checks, self._hashes = path, channel, checks, hashes
        self._failed: tuple[Live, ReaderError] | None = None
        self._pause, self._retry_at = 1.0, 0.0
        self._told: set[tuple[str | None, str]] = set()

    def newer(self, serving: Version | None, *, opened: bool) -> Version | None:
        """Loads what the channel names, pinned once; `None` where it names the version that is served.

        It comes with its table open, if that is wanted, so that one that cannot be opened is refused.

        A release that failed is tried again after 1, 2, 4 .. 60 seconds, or at once when the channel names another; until
        then its error is raised again.
        """
        store = Store(self._path)
        if is_network(store.root):
            store.look_afresh(self._channel)
        for attempt in range(_OVERTAKEN + 1):
            live = store.live(self._channel)
            # Without its lease, a version that was deleted and put back must be held anew.
            if serving is not None and serving.name == live.version and serving.is_protected():
                self._failed = None
                return None
            self._check_pause(live)
            try:
                version = self._load(store, live, opened)
            except ReaderError as error:
                self._note(live, error)
                raise
            # A version that was superseded meanwhile must not come after its successor.
            if attempt == _OVERTAKEN or store.live(self._channel).version == version.name:
                self._failed = None
                return version
            version.unpin()
        return None

    def tell(self, error: Exception) -> None:
        """Warns of a failure, once for each version and reason."""
        version = self._failed[0].version if self._failed else None
        if (version, str(error)) in self._told:
            return
        if len(self._told) > 1000:
            self._told.clear()
        self._told.add((version, str(error)))
        log.warning("%s; what answers now goes on answering", error)

    def ask(self, check: Check, version: Version) -> None:
        """Runs a check. Whatever it raises refuses the version."""
        try:
            check(version)
        except ReaderError:
            raise
        except Exception as error:
            raise Refused(f"{version.name} was refused: {error}") from error

    def _load(self, store: Store, live: Live, opened: bool) -> Version:
        try:
            version = load(store, self._channel, hashes=self._hashes)
        except ReaderError:
            raise
        except Exception as error:
            raise ReaderError(f"{live.version} cannot be loaded: {error}") from error
        try:
            if opened:
                version.open()
            for check in self._checks:
                self.ask(check, version)
        except BaseException:
            version.unpin()
            raise
        return version

    def _check_pause(self, live: Live) -> None:
        if self._failed is not None and live.is_same_release(self._failed[0]):
            if time.monotonic() < self._retry_at:
                raise self._failed[1].with_traceback(None)

    def _note(self, live: Live, error: ReaderError) -> None:
        again = self._failed is not None and live.is_same_release(self._failed[0])
        self._pause = min(2 * self._pause, _LONGEST_PAUSE) if again else 1.0
        self._failed = (live, error)
        self._retry_at = time.monotonic() + self._pause
