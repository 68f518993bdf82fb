"""T20: readers of a channel that flips thousands of times. T21: publishers with compare-and-swap, rollbacks, collectors and
readers at once, any of them killed or stopped at any moment; the history of the channel must be linearizable.

A register with compare-and-swap whose order is known (history is one) is linearizable exactly when each release takes the
value that the one before left, each acknowledged one is there once, no release ended before one that history has earlier
began, and whoever saw a value or was refused could have at some moment between its call and its answer.
"""

import collections
import dataclasses
import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time

import checker
import leases
from store import NotRun, Outcome, REPOSITORY, forge

VERSIONS = [f"v1.0.{number}" for number in range(24)]
PATIENT = ["--lock-timeout", "20s"]


@dataclasses.dataclass
class Call:
    """One command: when it began and ended, and what it said."""

    kind: str
    args: list
    number: str
    begun: float
    ended: float
    code: int
    out: str = ""
    err: str = ""

    @property
    def expected(self):
        return self.args[3]


class Arena:
    """A store with many versions and the processes that fight over it."""

    def __init__(self, lab, name):
        self.lab, self.rng = lab, lab.rng(name)
        self.place = lab.copy(lab.template())
        self.store = f"{self.place}/store"
        for version in VERSIONS:
            forge(self.place, "v0.4.0", version)
        for version in ("v0.2.0", "v0.4.0") if lab.has("pin") else ():
            lab.must(["pin", version, "--reason", "the fight needs it"], self.place)
        lab.must(["publish", VERSIONS[0], "--require", "bytes"], self.place)
        self.log, self.children, self.lock, self.over = [], set(), threading.Lock(), threading.Event()
        self.killed, self.stopped, self.numbers = 0, 0, itertools.count(1)

    def call(self, kind, args):
        """Runs one command that may be killed, and logs when it began and ended and what it said."""
        # Process ids come again; the reason tells which call a release of the history is of.
        number = str(next(self.numbers))
        begun, reason = time.monotonic(), [] if kind == "gc" else ["--reason", number]
        child = self.lab.start([*args, *reason, "--json"], self.place, subprocess.PIPE)
        with self.lock:
            self.children.add(child)
        out, err = child.communicate()
        with self.lock:
            self.children.discard(child)
            self.log.append(Call(kind, args, number, begun, time.monotonic(), child.returncode, out, err))
        return self.log[-1]

    def publisher(self, seed):
        rng = self.lab.rng(seed)
        while not self.over.is_set():
            expected = os.path.basename(os.readlink(f"{self.store}/current"))
            there = sorted(set(os.listdir(f"{self.store}/versions")) & set(VERSIONS) - {expected})
            target = rng.choice(there or [expected])
            self.call("publish", ["publish", target, "--expect-current", expected, "--require", "bytes", *PATIENT])

    def roller(self):
        while not self.over.is_set():
            self.call("rollback", ["rollback", *PATIENT])
            self.over.wait(0.3)

    def collector(self):
        while not self.over.is_set():
            self.call("gc", ["gc", "--keep-last", "6", "--keep-within", "0s", "--grace", "1s", *PATIENT])
            self.over.wait(0.5)

    def gardener(self):
        """Brings collected versions back with their old manifests, so that there is always something to publish."""
        while not self.over.wait(0.2):
            for version in VERSIONS:
                if not os.path.exists(f"{self.store}/versions/{version}") and not self.over.is_set():
                    try:
                        forge(self.place, "v0.4.0", version)
                    except OSError:
                        self.lab.remove(f"{self.place}/forge-{version}")

    def chaos(self):
        while not self.over.wait(self.rng.uniform(0.02, 0.15)):
            with self.lock:
                child = self.rng.choice(list(self.children)) if self.children else None
                if child is None or child.poll() is not None:
                    continue
                if self.rng.random() < 0.5:
                    child.send_signal(signal.SIGKILL)
                    self.killed += 1
                    continue
                child.send_signal(signal.SIGSTOP)
                self.stopped += 1
            time.sleep(self.rng.uniform(0.05, 0.4))
            child.send_signal(signal.SIGCONT)

    def fight(self, seconds, publishers, readers):
        jobs = [lambda number=number: self.publisher(f"T21 {number}") for number in range(publishers)]
        jobs += [self.roller] * 2 + [self.collector] * (2 if self.lab.has("gc") else 0) + [self.chaos, self.gardener]
        threads = [threading.Thread(target=job) for job in jobs]
        watching = [leases.start(self.store, seconds, hold=0.02, pause=0.05, log=True) for _ in range(readers)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        return [leases.finish(reader) for reader in watching]


def linearizable(history, log, seen):
    """Says what is wrong with the history of one channel, as the calls and the readers saw it."""
    problems = []
    releasing = [call for call in log if call.kind in ("publish", "rollback")]
    by_number = {call.number: call for call in releasing}
    # When each generation may have begun and must have ended to be live; unknown for those nobody acknowledged.
    begun, ended = {}, {}
    for record in history:
        call, generation = by_number.get(record.get("reason")), record["generation"]
        if call is None:
            problems.append(f"generation {generation} is of no call")
            continue
        asked = (record["from"], record["to"])
        if call.kind == "publish":
            asked = (call.expected, call.args[1])
        if (record["operation"], record["from"], record["to"]) != (call.kind, *asked):
            problems.append(f"generation {generation} is not what {call.args} asked for: {record}")
        if generation in begun:
            problems.append(f"generation {generation} is there twice")
        begun[generation] = call.begun
        ended[generation] = call.ended if call.code == 0 else float("inf")
    order = sorted(begun)
    latest = 0
    for generation in order:
        latest = max(latest, begun[generation])
        if ended[generation] < latest:
            problems.append(f"generation {generation} was acknowledged before an earlier one began")
    released = {record.get("reason"): record for record in history}
    if len(released) != len(history):
        problems.append("one call has two releases")
    generations, never = {}, float("inf")
    for record in history:
        generations.setdefault(record["to"], []).append(record["generation"])

    def could_be_live(value, since, until):
        numbers = generations.get(value, [])
        return any(begun.get(number, 0) <= until and ended.get(number + 1, never) >= since for number in numbers)

    def surely_live(value, since, until):
        numbers = generations.get(value, [])
        return any(ended.get(number, never) < since and begun.get(number + 1, never) > until for number in numbers)

    for call in releasing:
        if call.code == 0:
            answer = json.loads(call.out)
            if answer["changed"]:
                record = released.get(call.number)
                if record is None or record["generation"] != answer["release"]["generation"]:
                    problems.append(f"I4 acknowledged and lost: {call.args} {answer}")
            elif not could_be_live(answer["version"], call.begun, call.ended):
                problems.append(f"said to be live and was not: {call.args}")
        elif call.code == 13 and surely_live(call.expected, call.begun, call.ended):
            problems.append(f"refused though {call.expected} was live: {call.args}")
    for value, since, until in seen:
        if not could_be_live(value, since, until):
            problems.append(f"a reader saw {value} when it was not live")
    return problems


def t21(lab):
    """8 publishers with compare-and-swap, 2 rollbacks, 2 gc, 16 readers, killed and stopped at random"""
    outcome = Outcome()
    arena = Arena(lab, "T21")
    first = checker.State(arena.store)
    known = len(first.history)
    readers = arena.fight(lab.pick(12, 120), 8, lab.pick(8, 16))
    # The next writer finishes what the last killed one left.
    live = os.path.basename(os.readlink(f"{arena.store}/current"))
    last = arena.call("publish", ["publish", "v0.2.0", "--expect-current", live, *PATIENT])
    if last.code not in (0, 13):
        outcome.add([f"afterwards: exit code {last.code}: {last.err}"])
    history = checker.State(arena.store).releases("current")[known:]
    seen = [(value, since, until) for reader in readers for value, since, until in reader["seen"]]
    # Before the first release of the fight, the last one of the preparation was live.
    base = {**first.releases("current")[-1], "operation": "publish", "reason": "0"}
    answer = json.dumps({"changed": True, "release": base})
    started = Call("publish", ["publish", base["to"], "--expect-current", base["from"]], "0", 0, 0, 0, answer)
    outcome.add(linearizable([base, *history], [started, *arena.log], seen))
    outcome.add(checker.judge(arena.store, first, settled=True))
    deleted, codes = 0, collections.Counter(call.code for call in arena.log)
    for call in arena.log:
        if call.code != -signal.SIGKILL:
            outcome.add(checker.ended_well(call.code, call.err), call.kind)
        if call.code not in (-signal.SIGKILL, 0, 10, 11, 13):
            outcome.add([f"{call.args}: exit code {call.code}: {call.err.strip()[-300:]}"])
        if call.kind == "gc" and call.code == 0:
            deleted += len(json.loads(call.out)["removed"]["deleted"])
    broken = [problem for reader in readers for problem in reader["broken"]]
    outcome.add(broken, "reader")
    outcome.visited, outcome.injected = len(arena.log), arena.killed + arena.stopped
    sessions = sum(reader["sessions"] for reader in readers)
    outcome.notes.append(f"{len(history)} releases, {arena.killed} killed, {arena.stopped} stopped, {sessions} reader sessions, "
                         f"{deleted} versions deleted, exit codes {dict(sorted(codes.items()))}")
    if len(history) < lab.pick(10, 100):
        outcome.add([f"only {len(history)} releases happened"])
    return outcome


LINE = re.compile(r"(\d+) flips, (\d+) readers, (\d+) reads, (\d+) missing, (\d+) mixed")


def flips(lab, kind, directory):
    environment = {**os.environ, "TMPDIR": directory, "RAGCTL_TEST_FLIPS": "10000", "RAGCTL_TEST_READERS": "64"}
    command = ["cargo", "test", "--release", "--test", "it", "flips", "--", "--nocapture"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    match = LINE.search(done.stdout + done.stderr)
    if not match:
        return 0, [f"{kind}: exit code {done.returncode}, no line of counts: {(done.stdout + done.stderr)[-400:]}"]
    flipped, readers, reads, missing, mixed = map(int, match.groups())
    wrong = done.returncode or missing or mixed or flipped < 10000 or readers < 64
    return flipped, [f"{kind}: {match.group(0)}, exit code {done.returncode}"] if wrong else []


def t24(lab):
    """1,000 random histories against a small model of the store"""
    if lab.quick:
        raise NotRun("in the full set only; the test `histories` runs fewer")
    lab.need("cargo")
    environment = {**os.environ, "RAGCTL_TEST_HISTORIES": "1000"}
    command = ["cargo", "test", "--release", "--test", "it", "histories", "--", "--nocapture"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    match = re.search(r"(\d+) histories, (\d+) events, 0 mismatches", done.stdout + done.stderr)
    outcome = Outcome()
    if match:
        outcome.visited, outcome.injected = map(int, match.groups())
    if done.returncode or not match:
        outcome.add([f"exit code {done.returncode}: {(done.stdout + done.stderr)[-800:]}"])
    return outcome


def t20(lab):
    """10,000 flips under 64 readers on ext4, tmpfs and overlay"""
    if lab.quick:
        raise NotRun("in the full set only; the test `flips` runs a small one")
    lab.need("cargo", "mkfs.ext4", "mount", root=True)
    outcome = Outcome()
    base = lab.new_dir("filesystems")
    os.makedirs(f"{base}/tmpfs")
    lab.mount(f"{base}/tmpfs", "-t", "tmpfs", "tmpfs")
    subprocess.run(["mkfs.ext4", "-q", "-F", f"{base}/image", "512M"], check=True)
    lab.mount(f"{base}/ext4", "-o", "loop", f"{base}/image")
    for part in ("lower", "upper", "work"):
        os.makedirs(f"{base}/ext4/{part}")
    layers = f"lowerdir={base}/ext4/lower,upperdir={base}/ext4/upper,workdir={base}/ext4/work"
    lab.mount(f"{base}/overlay", "-t", "overlay", "-o", layers, "overlay")
    for kind in ("ext4", "tmpfs", "overlay"):
        directory = f"{base}/{kind}/tmp"
        os.makedirs(directory)
        count, problems = flips(lab, kind, directory)
        outcome.visited += 1
        outcome.injected += count
        outcome.add(problems)
    for kind in ("overlay", "ext4", "tmpfs"):
        lab.unmount(f"{base}/{kind}")
    return outcome
