"""One version, held by a lease, checked, opened by its real path, and searched as `ragctl query` searches it."""

import threading
import time
from pathlib import Path
from typing import Any, Sequence

from .errors import Closed, Damaged, NoVersion, ReaderError
from .forking import keep, register, use_lancedb
from .lease import Lease
from .manifest import check_files, check_lancedb, read_manifest
from .search import Hit, Search
from .store import Live, Store

_TABLE = "chunks"
# Whoever takes a version away holds its lease for a few fsyncs.
_ATTEMPTS = 200
_PAUSE_SECONDS = 0.005


class Version:
    """An open version. Nothing removes it while it is pinned; nothing of it may be used after that."""

    def __init__(self, store: Store, live: Live, manifest: dict[str, Any], manifest_sha256: str, lease: Lease) -> None:
        self.name = live.version
        self.generation = live.generation
        self.dir: Path = store.version_dir(live.version)
        self.manifest = manifest
        self.manifest_sha256 = manifest_sha256
        self.how = Search(manifest)
        self._lease = lease
        self._lock = threading.Lock()
        self._pins = 1
        self._options: dict[str, Any] = {}
        self._table: Any = None
        self._async_table: Any = None
        register(self)

    @property
    def table(self) -> Any:
        """The LanceDB table `chunks`. Do not keep it beyond the block that pins the version, and do not write to it."""
        if self._table is None:
            self.open()
        return self._table

    @property
    def is_open(self) -> bool:
        """Says whether the table is open. A version that was not asked yet need not have opened it."""
        return self._table is not None

    def search(self, vector: Sequence[float], k: int = 5, filter: str | None = None) -> list[Hit]:
        """Finds the `k` chunks nearest to a vector, best first.

        `filter` is an SQL condition over the table's columns and goes to LanceDB as it is: never put a user's words into it.
        """
        query = self.table.search(list(vector), vector_column_name="vector")
        if filter is not None:
            query = query.where(filter, prefilter=True)
        return self.how.hits(self.how.tune(query, k).to_list())

    def is_protected(self) -> bool:
        """Says whether the lease still is the one that gc would ask; not so after the store was deleted or put back."""
        return self._lease.is_named()

    def open(self) -> None:
        """Opens the table, unless that is done."""
        with self._lock:
            if self._pins <= 0:
                raise Closed(f"{self.name} was used after the block that pinned it")
            if self._table is not None:
                return
            use_lancedb()
            try:
                self._table = self._open_table()
            except ReaderError:
                raise
            except Exception as error:
                raise ReaderError(f"{self.name} cannot be opened: {error}") from error

    def _open_table(self) -> Any:
        # Imported here: the import starts a thread, which a server that is yet to fork should not have.
        import lancedb

        path = self.dir / "lance"
        # LanceDB would make a directory that it is asked to connect to.
        if not (path / f"{_TABLE}.lance").is_dir():
            raise Damaged(f"{self.name} has no table {_TABLE}")
        # A session of its own: it asks none of the caches of another version, and closing it frees them.
        if hasattr(lancedb, "Session"):
            self._options = {"session": lancedb.Session()}
        return lancedb.connect(str(path), **self._options).open_table(_TABLE)

    async def open_async(self) -> Any:
        """The same table for asyncio, in the same session."""
        self.open()
        if self._async_table is None:
            import lancedb

            connection = await lancedb.connect_async(str(self.dir / "lance"), **self._options)
            # Two tasks may both open it; either table will do.
            self._async_table = await connection.open_table(_TABLE)
        return self._async_table

    def pin(self) -> None:
        """Keeps the version open until the same number of calls of `unpin`."""
        with self._lock:
            self._pins += 1

    def unpin(self) -> None:
        """Gives a pin up. With the last one, the table is closed and then the lease given up."""
        with self._lock:
            self._pins -= 1
            if self._pins > 0:
                return
            self._table = self._async_table = None
            self._options = {}
        self._lease.release()

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        keep(self._table, self._async_table, self._options)


def hold(store: Store, channel: str) -> Version:
    """Takes a lease on the version that a channel names. The version comes pinned once, not yet checked or opened."""
    for _ in range(_ATTEMPTS):
        live = store.live(channel)
        try:
            lease = Lease.take(store, live.version)
        except FileNotFoundError as error:
            if not store.live(channel).is_same_release(live):
                continue
            raise store.no_version(live.version) from error
        if lease is None:
            time.sleep(_PAUSE_SECONDS)
            continue
        try:
            manifest, digest = read_manifest(store, live.version)
            return Version(store, live, manifest, digest, lease)
        except NoVersion:
            lease.release()
            # Superseded and taken away since the link was read.
            if not store.live(channel).is_same_release(live):
                continue
            raise
        except BaseException:
            lease.release()
            raise
    raise NoVersion(f"the version that {channel} of {store.root} names is being taken away")


def load(store: Store, channel: str, *, hashes: bool) -> Version:
    """Holds and checks the version that a channel names. It comes pinned once."""
    version = hold(store, channel)
    try:
        check_lancedb(version.manifest)
        check_files(version.dir, version.manifest, hashes=hashes)
    except BaseException:
        version.unpin()
        raise
    return version
