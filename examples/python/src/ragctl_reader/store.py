"""A store's directory: its record, and which version a channel names."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import NoStore, NothingPublished, NoVersion
from .files import is_network, read_beneath

_FORMAT = 1
_NUMBER = "(?:0|[1-9][0-9]*)"
_WORD = f"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
# Semver without build metadata, with a leading v.
_VERSION = re.compile(rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_WORD}(?:\.{_WORD})*)?")
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Live:
    """What a channel names: a version, and the count of releases where the link's twin tells it."""

    version: str
    generation: int | None

    def is_same_release(self, other: "Live | None") -> bool:
        """The twin is written right after the link, so one of two looks at a release may lack its generation."""
        if other is None or self.version != other.version:
            return False
        return None in (self.generation, other.generation) or self.generation == other.generation


class Store:
    """A store that was opened; `root` is its real path, so that nothing is reached through a link."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self.root = Path(path).resolve(strict=True)
            record = json.loads(read_beneath(self.root, "ragctl-store.json"))
            if not isinstance(record, dict):
                raise ValueError("its record is no object")
        except (OSError, ValueError) as error:
            raise NoStore(f"{os.fspath(path)} is not a store: {error}") from error
        if record.get("format") != _FORMAT:
            raise NoStore(f"the store at {self.root} has format {record.get('format')}; this package knows {_FORMAT}")
        self._record: dict[str, Any] = record

    def lease_kind(self) -> str:
        """`kernel`, `heartbeat` or `none`: as the store was created, or by its filesystem."""
        kind = self._record.get("leases")
        if kind in ("kernel", "heartbeat", "none"):
            return kind
        return "none" if is_network(self.root / "leases") else "kernel"

    def version_dir(self, version: str) -> Path:
        """The real directory of a version."""
        return self.root / "versions" / version

    def live(self, channel: str = "current") -> Live:
        """Reads which version a channel names: one hop, relative, into `versions/`."""
        if not _CHANNEL.fullmatch(channel):
            raise ValueError(f"{channel!r} is not the name of a channel")
        link = "current" if channel == "current" else f"channels/{channel}"
        prefix = "versions/" if channel == "current" else "../versions/"
        try:
            target = os.readlink(self.root / link)
        except OSError as error:
            raise NothingPublished(f"the channel {channel} of {self.root} cannot be read: {error.strerror}") from error
        version = target.removeprefix(prefix)
        if target != prefix + version or not _VERSION.fullmatch(version):
            raise NothingPublished(f"the channel {channel} of {self.root} does not name a version: {target!r}")
        return Live(version, self._generation(link, version))

    def _generation(self, link: str, version: str) -> int | None:
        # The link is the truth: a twin that cannot be read counts as little as one that is behind.
        try:
            twin = json.loads(read_beneath(self.root, f"{link}.json"))
            return int(twin["generation"]) if twin["version"] == version else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def look_afresh(self, channel: str) -> None:
        """Lists the link's directory, which makes network mounts ask their server where the link points now."""
        try:
            os.listdir(self.root if channel == "current" else self.root / "channels")
        except OSError:
            pass

    def no_version(self, version: str) -> NoVersion:
        """The error of a version that cannot be held because something of it is missing."""
        if self.version_dir(version).is_dir():
            return NoVersion(f"the store at {self.root} has no lease file for {version}, so that it cannot be held")
        return NoVersion(f"the store at {self.root} has no version {version}")
