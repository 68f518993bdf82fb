"""The reader for asyncio. Loading blocks, and is done in threads; questions go to LanceDB's asynchronous table."""

import asyncio
import os
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Literal, Sequence

from .loader import Check
from .reader import Reader
from .search import Hit
from .version import Version


class AsyncVersion:
    """A pinned version, as asyncio asks it."""

    def __init__(self, version: Version, table: Any) -> None:
        self.sync = version
        self.table = table
        self.name = version.name
        self.manifest = version.manifest

    async def search(self, vector: Sequence[float], k: int = 5, filter: str | None = None) -> list[Hit]:
        """As `Version.search`."""
        query = self.table.query().nearest_to(list(vector)).column("vector")
        if filter is not None:
            query = query.where(filter)
        return self.sync.how.hits(await self.sync.how.tune(query, k).to_list())


class AsyncReader:
    """Follows a channel of a store: `async with`, or `start` and `stop`; a first question starts it as well."""

    def __init__(
        self,
        store: str | os.PathLike[str] | Reader,
        channel: str = "current",
        *,
        verify: Literal["bytes", "structure"] = "bytes",
        on_load: Check | None = None,
        interval: float | None = None,
    ) -> None:
        """As `Reader`; `on_load` is called in a thread. Given a reader, both share its version, lease and thread."""
        if isinstance(store, Reader):
            self.reader = store
        else:
            self.reader = Reader(store, channel, verify=verify, on_load=on_load, interval=interval)

    @asynccontextmanager
    async def current(self) -> AsyncIterator[AsyncVersion]:
        """Pins the live version for a block: all that the block asks comes from it, whatever is published meanwhile."""
        # Pinned here and not in the thread, whose pin would be lost if this task were cancelled meanwhile.
        while (version := self.reader.pinned()) is None:
            await asyncio.to_thread(self.reader.ready)
        try:
            yield AsyncVersion(version, await version.open_async())
        finally:
            version.unpin()

    async def start(self) -> "AsyncReader":
        """As `Reader.start`."""
        await asyncio.to_thread(self.reader.start)
        return self

    async def stop(self) -> None:
        """As `Reader.stop`."""
        await asyncio.to_thread(self.reader.stop)

    async def refresh(self) -> bool:
        """As `Reader.refresh`."""
        return await asyncio.to_thread(self.reader.refresh)

    async def __aenter__(self) -> "AsyncReader":
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
