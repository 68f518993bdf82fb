"""What can go wrong. Everything this package raises itself is a `ReaderError`."""


class ReaderError(Exception):
    """A store or version that cannot be read."""


class NoStore(ReaderError):
    """The directory is no store, or one of a format that this package does not know."""


class NothingPublished(ReaderError):
    """The channel names no version, or its link cannot be read."""


class NoVersion(ReaderError):
    """The version that the channel names is not there, or is just being taken away."""


class Damaged(ReaderError):
    """The version's bytes are not those of its manifest."""


class Incompatible(ReaderError):
    """The version needs another reader: its format, or the LanceDB that is installed."""


class Refused(ReaderError):
    """A check that the caller gave refused the version."""


class Closed(ReaderError):
    """The reader was stopped, or a version was used after the block that pinned it."""


class Forked(ReaderError):
    """LanceDB was in use before this process was forked, and cannot be used in it."""
