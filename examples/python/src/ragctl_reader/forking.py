"""What a forked child must put right: it has copies of its parent's objects, but none of its threads.

LanceDB's engine does not survive a fork once it was used: of such children a good third crash or hang, whatever they do. So a
process may fork as long as it opened no table, and a child that comes too late is told so instead.

An open-file-description lock belongs to parent and child alike. The child closes its copies of the descriptors, which leaves
the parent's locks in place, and never unlocks them.
"""

import os
import threading
import weakref
from typing import Any, Protocol

from .errors import Forked


class _Forkable(Protocol):
    """Something that a forked child has to put right."""

    def _after_fork(self) -> None: ...


_registered: "weakref.WeakSet[Any]" = weakref.WeakSet()
_gate = threading.Lock()
# Kept for ever: LanceDB's threads did not come along, and closing its tables would wait for them.
_inherited: list[Any] = []
_used = _used_by_parent = False


class _NoFork:
    """Keeps other threads from forking meanwhile."""

    def __enter__(self) -> None:
        _gate.acquire()

    def __exit__(self, *_: object) -> None:
        _gate.release()


#: Descriptors are opened, noted and closed in a block of it, so that no child gets one that it does not know of.
no_fork = _NoFork()


def register(thing: _Forkable) -> None:
    """Calls the thing's `_after_fork` in every child that is forked while it lives."""
    _registered.add(thing)


def keep(*things: object) -> None:
    """Never lets go of what only the parent may close."""
    _inherited.append(things)


def use_lancedb() -> None:
    """Notes that LanceDB is about to be used, or fails where it was before this process was forked."""
    global _used
    if _used_by_parent:
        raise Forked(
            "LanceDB was used in this process's parent before the fork, and would crash here. Make and start the reader before the "
            "fork if you like, but ask it, and anything else that uses LanceDB, only after"
        )
    _used = True


def _in_child() -> None:
    global _gate, _used_by_parent
    _gate = threading.Lock()
    _used_by_parent = _used
    for thing in list(_registered):
        thing._after_fork()


os.register_at_fork(before=lambda: _gate.acquire(), after_in_parent=lambda: _gate.release(), after_in_child=_in_child)
