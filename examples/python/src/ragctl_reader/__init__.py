"""Serve the live version of a ragctl store, and follow its flips without a restart.

In reading order: `store` reads the link, `lease` holds a version against removal, `manifest` proves its bytes, `version` opens
it, `search` asks it, `loader` finds and loads what is live now, `reader` keeps that open and replaces it after a flip, `aio` does
so under asyncio, and `langchain` for LangChain. `forking` is what all of them do in a forked child.
"""

from .aio import AsyncReader, AsyncVersion
from .errors import (
    Closed,
    Damaged,
    Forked,
    Incompatible,
    NothingPublished,
    NoStore,
    NoVersion,
    ReaderError,
    Refused,
)
from .reader import Reader
from .search import Hit
from .version import Version

__all__ = [
    "AsyncReader",
    "AsyncVersion",
    "Closed",
    "Damaged",
    "Forked",
    "Hit",
    "Incompatible",
    "NoStore",
    "NoVersion",
    "NothingPublished",
    "Reader",
    "ReaderError",
    "Refused",
    "Version",
]
