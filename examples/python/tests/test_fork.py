"""Forks: a child drops what it inherited without touching its parent's lease, and takes a lease and a thread of its own."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import pytest

from conftest import EDITIONS, Sandbox, edition, eventually
from ragctl_reader import Forked, Reader

V1, V2, V3 = EDITIONS
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="holders of leases are counted on Linux only")


class Child:
    """A forked child that runs a function; `result` waits for what it gave."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self._out, into = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            signal.alarm(30)
            try:
                answer = json.dumps(run())
            except BaseException as error:
                answer = json.dumps(repr(error))
            os.write(into, answer.encode())
            os._exit(0)
        os.close(into)

    def result(self) -> Any:
        with open(self._out, "rb") as out:
            answer = out.read()
        assert os.waitpid(self.pid, 0)[1] == 0
        return json.loads(answer)


def fresh(parent: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a function in a process in which LanceDB was not used, as it was in the one that runs the tests."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply_async(parent, arguments).get(60)


def leases_open() -> list[str]:
    """Which lease files this process has open."""
    names = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if "/leases/" in path:
            names.append(os.path.basename(path))
    return names


def test_a_child_that_ends_leaves_its_parents_lease(sandbox: Sandbox) -> None:
    with Reader(sandbox.store, interval=60):
        assert Child(leases_open).result() == []
        assert leases_open() == [V1]
        assert sandbox.readers() == {V1: 1}
    assert sandbox.readers() == {}


def test_a_child_does_not_keep_what_its_parent_gave_up(sandbox: Sandbox) -> None:
    go_on, tell = os.pipe()
    with Reader(sandbox.store, interval=60):
        child = Child(lambda: os.read(go_on, 1).decode())
    assert sandbox.readers() == {}
    os.write(tell, b"x")
    assert child.result() == "x"


def started_then_forked(sandbox: Sandbox, question: list[float]) -> Any:
    reader = Reader(sandbox.store, interval=0.05).start()

    def child() -> Any:
        told: list[Any] = []
        with reader.current() as version:
            told.append([version.name, len(version.search(question)), leases_open(), sandbox.readers()])
        sandbox.publish(V2)
        eventually(lambda: reader._version.name == V2)
        with reader.current() as version:
            told.append([version.name, all(edition(V2) in hit.text for hit in version.search(question))])
        eventually(lambda: sandbox.readers() == {V2: 2})
        reader.stop()
        told.append([leases_open(), sandbox.readers()])
        return told

    told = Child(child).result()
    with reader.current() as version:
        told.append(all(edition(V2) in hit.text for hit in version.search(question)))
    told.append(sandbox.readers())
    return told


def test_a_child_answers_follows_and_stops_on_its_own(sandbox: Sandbox, question: list[float]) -> None:
    expected = [[V1, 5, [V1], {V1: 2}], [V2, True], [[], {V2: 1}], True, {V2: 1}]
    assert fresh(started_then_forked, sandbox, question) == expected
    assert sandbox.readers() == {}


def test_a_child_of_a_process_that_asked_is_told_so_instead_of_crashing(sandbox: Sandbox, question: list[float]) -> None:
    with Reader(sandbox.store, interval=60) as reader:
        with reader.current() as version:
            version.search(question)

            def child() -> str:
                try:
                    with reader.current():
                        return "it answered"
                except Forked as error:
                    return str(error)

            assert "LanceDB was used in this process's parent" in Child(child).result()
            assert len(version.search(question)) == 5
        assert sandbox.readers() == {V1: 1}


def test_a_block_around_a_fork_ends_twice_and_frees_its_parents_lease_once(sandbox: Sandbox) -> None:
    with Reader(sandbox.store, interval=60) as reader:
        with reader.current() as version:
            sandbox.publish(V2)
            reader.refresh()
            # In the child this ends the last pin of a version whose lease is the parent's.
            assert Child(version.unpin).result() is None
            assert sandbox.readers() == {V1: 1, V2: 1}
        assert sandbox.readers() == {V2: 1}


def forked_during_loads(sandbox: Sandbox, question: list[float]) -> Any:
    # Imported is not used; without it, each child would take a second to do so.
    import lancedb  # noqa: F401

    reader = Reader(sandbox.store, interval=0.001).start()
    stop = threading.Event()

    def flip() -> None:
        turn = 0
        while not stop.wait(0.003):
            turn += 1
            sandbox.point(EDITIONS[turn % 3])

    def child() -> Any:
        inherited = leases_open()
        with reader.current() as version:
            mixed = [hit.text for hit in version.search(question) if edition(version.name) not in hit.text]
        return [inherited, mixed]

    thread = threading.Thread(target=flip)
    thread.start()
    told = [Child(child).result() for _ in range(30)]
    stop.set()
    thread.join()
    return told


def test_children_that_are_forked_during_loads_share_no_lease_and_answer(sandbox: Sandbox, question: list[float]) -> None:
    assert fresh(forked_during_loads, sandbox, question) == [[[], []]] * 30


@pytest.mark.slow
def test_gunicorn_with_preload_follows_fifty_flips(sandbox: Sandbox, question: list[float], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "STORE": str(sandbox.store),
        "QUESTION": json.dumps(question),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    log = open(tmp_path / "gunicorn.log", "w")
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", f"127.0.0.1:{port}", "wsgi_app:app"]
    server = subprocess.Popen([*command, "--no-control-socket"], env=environment, stdout=log, stderr=log, cwd=tmp_path)

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
            return json.load(response)

    def is_up() -> bool:
        assert server.poll() is None, (tmp_path / "gunicorn.log").read_text()
        try:
            return bool(ask())
        except OSError:
            return False

    answers: list[dict[str, Any]] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            try:
                answers.append(ask())
            except BaseException as error:
                errors.append(error)

    try:
        eventually(is_up)
        clients = [threading.Thread(target=client) for _ in range(6)]
        for thread in clients:
            thread.start()
        # The first question of each worker takes its lease; the first process keeps the one it took before the fork.
        eventually(lambda: sandbox.readers() == {V1: 5})
        for flip in range(50):
            sandbox.publish(EDITIONS[(flip + 1) % 3])
            time.sleep(0.1)
        last = EDITIONS[50 % 3]
        eventually(lambda: sandbox.readers() == {last: 5})
        done.set()
        for thread in clients:
            thread.join()
        assert errors == []
        after = eventually(lambda: (found := [ask() for _ in range(20)]) and len({one["pid"] for one in found}) > 1 and found)
        assert {one["version"] for one in after} == {last}
    finally:
        done.set()
        server.terminate()
        server.wait(30)
        log.close()
    assert sandbox.readers() == {}
    for answer in answers:
        assert len(answer["texts"]) == 15
        assert all(edition(answer["version"]) in text for text in answer["texts"])
    assert len(Counter(answer["pid"] for answer in answers)) == 4
    assert set(EDITIONS) == {answer["version"] for answer in answers}
    assert server.pid not in {answer["pid"] for answer in answers}
