"""Leases: ragctl sees readers, removes nothing that one holds, and everything that none holds any more."""

import json
import os
import time
from pathlib import Path

import pytest

from conftest import EDITIONS, Sandbox, edition, eventually
from ragctl_reader import NoVersion, Reader, lease
from ragctl_reader.store import Store

V1, V2, V3 = EDITIONS
GC = ("gc", "--keep-last", "1", "--keep-within", "0s", "--instant")


def test_ragctl_counts_the_readers_of_each_version(sandbox: Sandbox) -> None:
    assert sandbox.readers() == {}
    with Reader(sandbox.store, interval=60) as one, Reader(sandbox.store, interval=60):
        assert sandbox.readers() == {V1: 2}
        sandbox.publish(V2)
        assert one.refresh()
        assert sandbox.readers() == {V1: 1, V2: 1}
    assert sandbox.readers() == {}


def test_gc_takes_a_version_only_after_the_last_block_that_uses_it(sandbox: Sandbox, question: list[float]) -> None:
    with Reader(sandbox.store, interval=60) as reader:
        with reader.current() as old:
            for version in (V2, V3):
                sandbox.publish(version)
                reader.refresh()
            sandbox.ragctl(*GC)
            assert (sandbox.store / "versions" / V1).is_dir()
            assert all(edition(V1) in hit.text for hit in old.search(question))
            with reader.current() as new:
                assert new.name == V3
        sandbox.ragctl(*GC)
        assert not (sandbox.store / "versions" / V1).exists()
        with reader.current() as new:
            assert all(edition(V3) in hit.text for hit in new.search(question))


def test_a_lease_on_a_file_that_was_replaced_is_none(sandbox: Sandbox) -> None:
    store = Store(sandbox.store)
    held = lease.Lease.take(store, V1)
    assert held is not None and held.is_named()
    path = sandbox.store / "leases" / V1
    path.unlink()
    assert not held.is_named()
    path.touch()
    assert not held.is_named()
    held.release()
    held.release()


def test_while_a_version_is_being_taken_away_there_is_no_lease(sandbox: Sandbox) -> None:
    fd = os.open(sandbox.store / "leases" / V1, os.O_RDWR)
    lease._set(fd, lease.fcntl.F_WRLCK, 0, 0)
    assert lease.Lease.take(Store(sandbox.store), V1) is None
    os.close(fd)
    held = lease.Lease.take(Store(sandbox.store), V1)
    assert held is not None
    held.release()


def test_a_lease_file_that_was_replaced_before_the_lock_is_not_taken(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sandbox.store / "leases" / V1
    take = lease._lock

    def replace(fd: int) -> bool:
        path.unlink()
        path.touch()
        return take(fd)

    monkeypatch.setattr(lease, "_lock", replace)
    assert lease.Lease.take(Store(sandbox.store), V1) is None


def test_a_version_without_a_lease_file_is_not_read(sandbox: Sandbox) -> None:
    (sandbox.store / "leases" / V1).unlink()
    with pytest.raises(NoVersion, match="no lease file"):
        Reader(sandbox.store).start()


def beats(sandbox: Sandbox) -> list[Path]:
    return [path for path in (sandbox.store / "leases").iterdir() if "@" in path.name]


@pytest.fixture
def heartbeats(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    record = sandbox.store / "ragctl-store.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "leases": "heartbeat"}))
    monkeypatch.setattr(lease, "_BEAT_SECONDS", 0.05)
    return sandbox


def test_a_heartbeat_is_renewed_and_ends_with_its_lease(heartbeats: Sandbox) -> None:
    with Reader(heartbeats.store):
        (beat,) = beats(heartbeats)
        assert beat.name.startswith(f"{V1}@") and f"-{os.getpid()}-" in beat.name
        first = beat.stat().st_mtime_ns
        eventually(lambda: beat.stat().st_mtime_ns > first + 10**8)
        assert heartbeats.readers() == {V1: 1}
    assert beats(heartbeats) == []


def test_a_forked_child_leaves_its_parents_heartbeat(heartbeats: Sandbox) -> None:
    with Reader(heartbeats.store):
        (beat,) = beats(heartbeats)
        pid = os.fork()
        if pid == 0:
            time.sleep(0.2)
            os._exit(0)
        os.waitpid(pid, 0)
        assert beats(heartbeats) == [beat]
        first = beat.stat().st_mtime_ns
        eventually(lambda: beat.stat().st_mtime_ns > first)
    assert beats(heartbeats) == []
