"""Every system call of the thread that commits is a point where the process is killed (T01, T04 in the recovery as well), the
power is cut (T02) or the call fails (T10); and the process is killed at any moment (T03). After each the store is judged,
the same command is given again, and what it left must be gone.

strace counts `when=n` by system call and thread. Without -f it follows the main thread alone, which is the one that commits;
`other_threads` proves that no other one changes the store. A point is (system call, n) whose line names something in the
store; between two such points the store is the same. n may vary from run to run: a point is known by its rank among the
calls of its kind that touch the store, and `strike` aims again until that is hit. Writes vary too much where the main thread
also wakes others by them, and an error there would hang it: a preloaded library counts those by file.
"""

import collections
import concurrent.futures
import dataclasses
import errno
import os
import random
import re
import shutil
import signal
import stat
import time

import checker
from store import Disk, Outcome, around, disk_base

CHANGING = ("open,openat,openat2,creat,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,mkdir,mkdirat,rename,renameat,"
            "renameat2,symlink,symlinkat,link,linkat,unlink,unlinkat,rmdir,chmod,fchmod,fchmodat,utimensat,copy_file_range,sendfile")
ERRORS = ("EIO", "ENOSPC", "EROFS", "EACCES", "EMFILE", "EINTR")
# What `forget` forgets: a document that every version has, and words that only its own versions hold.
DOCUMENT, WORDS = "beta.txt", b"Plain words about"


@dataclasses.dataclass
class Op:
    """A command that changes the store, and what must hold around it."""

    name: str
    args: list
    done: callable
    before: list = dataclasses.field(default_factory=list)
    keep: tuple = ("v0.2.0", "v0.3.0", "v0.4.0", "v0.5.0-rc1")
    # What each channel may name; `forget` chooses its successor's name itself.
    allowed: dict = dataclasses.field(default_factory=lambda: {"current": {"v0.3.0"}})
    again: tuple = (0,)
    # Where the main thread begins to commit, for commands whose other threads write before.
    marker: str = None

def live(version, channel="current"):
    return lambda state: state.channels.get(channel) == version


def without(version):
    """The version is deleted, and nothing of it waits in the trash."""
    return lambda state: version not in state.versions and not os.listdir(state.path("trash"))


def forgotten(state):
    """No file of the store holds the document's words; Lance keeps short texts as they are."""
    files = (path for path, info in checker.walk(state.root) if stat.S_ISREG(info.st_mode))
    return not any(WORDS in checker.read_bytes(state.path(path)) for path in files)


GC = ["gc", "--keep-last", "1", "--keep-within", "0s"]
LIVE = ("v0.2.0", "v0.3.0")
OPS = [
    Op("publish", ["publish", "v0.4.0", "--reason", "sweep"], live("v0.4.0"), allowed={"current": {"v0.3.0", "v0.4.0"}}),
    Op("publish --channel", ["publish", "v0.4.0", "--channel", "canary"], live("v0.4.0", "canary"),
       allowed={"current": {"v0.3.0"}, "canary": {None, "v0.4.0"}}),
    Op("rollback", ["rollback", "--to", "v0.2.0"], live("v0.2.0"), allowed={"current": {"v0.3.0", "v0.2.0"}}),
    Op("gc --instant", GC + ["--instant"], without("v0.1.0"), keep=LIVE),
    Op("gc, first phase", GC + ["--grace", "1h"], lambda state: "v0.1.0" not in state.versions, keep=LIVE),
    Op("gc, second phase", GC + ["--grace", "0s"], without("v0.1.0"), before=[GC + ["--grace", "1h"]], keep=LIVE),
    Op("pin", ["pin", "v0.1.0", "--reason", "sweep"], lambda state: "v0.1.0" in state.pins),
    Op("pin --remove", ["pin", "v0.1.0", "--remove"], lambda state: "v0.1.0" not in state.pins, again=(0, 10),
       before=[["pin", "v0.1.0", "--reason", "sweep"]]),
    Op("promote", ["promote", "v0.5.0-rc1", "v0.5.0"], lambda state: "v0.5.0" in state.versions),
    Op("build", ["build", "v0.6.0"], lambda state: "v0.6.0" in state.versions, marker="manifest.json"),
    Op("forget", ["forget", "--doc", DOCUMENT, "--source", "docs", "--reason", "sweep"], forgotten, keep=(), again=(0, 10),
       allowed=None, marker="manifest.json"),
]


@dataclasses.dataclass(frozen=True)
class Point:
    call: str
    n: int
    rank: int
    text: str

    def __str__(self):
        return f"{self.call} {self.n}"


def lines_of(path):
    with open(path, errors="replace") as file:
        return file.read().splitlines()


def touching(line, place):
    """Whether a call names something in the store, by a path or an open file; what it writes does not count."""
    return f"<{place}/store" in line or f'"{place}/store' in line


def points(lab, args, place, marker=None):
    """Lists the system calls of the main thread that touch the store, by a run that nothing disturbs."""
    log = lab.new_dir("trace") + "/log"
    run = lab.run(args, place, prefix=["strace", "-qq", "-y", "-o", log])
    counts, ranks, found, begun = collections.Counter(), collections.Counter(), [], marker is None
    for line in lines_of(log):
        match = re.match(r"(\w+)\(", line)
        if not match:
            continue
        call, touches = match.group(1), touching(line, place)
        counts[call] += 1
        ranks[call] += touches
        begun = begun or (call.startswith("open") and marker in line and "O_CREAT" in line)
        if begun and touches:
            found.append(Point(call, counts[call], ranks[call], line))
    return found, run


def other_threads(lab, op, place):
    """Names changes to the store by threads that the sweep does not visit."""
    log = lab.new_dir("trace") + "/log"
    lab.run(op.args, place, prefix=["strace", "-f", "-qq", "-y", "-o", log, "-e", f"trace={CHANGING}"])
    main, begun, found = None, op.marker is None, []
    for line in lines_of(log):
        thread, _, call = line.partition(" ")
        main = main or thread
        call = call.strip()
        writes = not call.startswith("open") or "O_CREAT" in call or "O_TRUNC" in call
        begun = begun or (thread == main and op.marker in call and "O_CREAT" in call)
        if begun and thread != main and writes and touching(call, place) and "resumed>" not in call:
            found.append(f"another thread than the first: {call[:160]}")
    return found


def prepare(lab, op):
    """Makes the place that every point of a command starts from."""
    place = lab.copy(lab.template())
    for args in op.before:
        lab.must(args, place)
    return place


def available(lab, outcome):
    """Gives the commands that this ragctl has, with their places and points."""
    for op in OPS:
        if not lab.has(op.args[0]):
            outcome.missing.append(f"ragctl has no {op.args[0]}")
            continue
        place = prepare(lab, op)
        trial = lab.copy(place)
        listed, run = points(lab, op.args, trial, op.marker)
        problems = checker.judge(f"{trial}/store", keep=op.keep)
        done = op.done(checker.State(f"{trial}/store")), op.done(checker.State(f"{place}/store"))
        if run.code != 0 or done != (True, False) or problems:
            outcome.add([f"undisturbed: exit code {run.code}, done after and before: {done}, {problems} {run.err}"], op.name)
            continue
        lab.remove(os.path.dirname(trial))
        trial = lab.copy(place)
        outcome.add(other_threads(lab, op, trial), op.name)
        lab.remove(os.path.dirname(trial))
        if op.marker and shutil.which("cc"):
            lab.library()
        elif op.marker:
            outcome.missing.append(f"the writes of {op.name}: cc is not installed")
            listed = [point for point in listed if point.call != "write"]
        yield op, place, listed


def converge(lab, op, place, before, outside, where):
    """Gives the command again and another one that writes; then nothing may be left."""
    again = lab.run(op.args, place)
    problems = checker.ended_well(again.code, again.err)
    if again.code not in op.again:
        problems.append(f"I7 given again: exit code {again.code}: {again.err.strip()[-300:]}")
    writer = lab.run(["pin", os.path.basename(os.readlink(f"{place}/store/current")), "--reason", "after"], place)
    if writer.code != 0:
        problems.append(f"I7 the next writer: exit code {writer.code}: {writer.err.strip()[-300:]}")
    store = f"{place}/store"
    problems += checker.judge(store, before, op.keep, op.allowed, settled=True)
    if not op.done(checker.State(store)):
        problems.append(f"I7 given again, it exits {again.code} and is not done")
    if around(place) != outside:
        problems.append("I8 something outside the store changed")
    return [f"{where}: {problem}" for problem in problems]


def strike(lab, op, fresh, point, what, log, also=""):
    """Runs a command and disturbs it at a point; returns the place that `fresh` gave, the run, and whether it was hit."""
    n = point.n
    if op.marker and point.call == "write":
        return strike_write(lab, op, fresh(), point, what, log)
    for _ in range(30):
        place = fresh()
        expressions = ["-e", f"trace={point.call}{also}", "-e", f"inject={point.call}:{what}:when={n}"]
        run = lab.run(op.args, place, prefix=["strace", "-qq", "-y", "-o", log, *expressions])
        calls = [line for line in lines_of(log) if line.startswith(point.call + "(")]
        in_store = [number for number, line in enumerate(calls, 1) if touching(line, place)]
        if len(in_store) >= point.rank and in_store[point.rank - 1] == n:
            return place, run, True
        n = in_store[point.rank - 1] if len(in_store) >= point.rank else n + point.rank - len(in_store)
    return place, run, False


def strike_write(lab, op, place, point, what, log):
    """The same for a write to a file of the store."""
    hit = f"{lab.new_dir('strike')}/hit"
    environment = {"LD_PRELOAD": lab.library(), "STRIKE_WRITE": str(point.rank), "STRIKE_STORE": f"{place}/store/",
                   "STRIKE_HIT": hit}
    if what.startswith("error="):
        environment["STRIKE_ERROR"] = str(getattr(errno, what.removeprefix("error=")))
    prefix = ["strace", "-qq", "-y", "-o", log, "-e", "trace=fsync,fdatasync"]
    run = lab.run(op.args, place, prefix=prefix, env=environment)
    return place, run, os.path.exists(hit)


def at_once(jobs, work, count=2):
    """Runs `work` over `jobs`, a few at a time."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for result in pool.map(work, jobs):
            yield result


def sample(lab, name, listed, quick):
    """All points in full; in quick a few, those that change the store first."""
    if not lab.quick or len(listed) <= quick:
        return listed
    changes = [point for point in listed if changing(point)]
    rng = lab.rng(name)
    some = rng.sample(changes, min(len(changes), quick * 3 // 4))
    rest = [point for point in listed if point not in some]
    return some + rng.sample(rest, quick - len(some))


def changing(point):
    if point.call.startswith("open"):
        return "O_CREAT" in point.text or "O_TRUNC" in point.text
    return point.call in CHANGING.split(",") or point.call in ("fsync", "fdatasync")


def killed(lab, op, base, point, twice=None):
    """T01, T04: kills at a point; `twice` chooses a second point, in the command that recovers."""
    before, outside, log = checker.State(f"{base}/store"), around(base), lab.new_dir("trace") + "/log"
    place, run, hit = strike(lab, op, lambda: lab.copy(base), point, "signal=KILL", log)
    problems = [] if hit else [f"not reached: exit code {run.code} {run.err.strip()[-200:]}"]
    problems += checker.judge(f"{place}/store", before, op.keep, op.allowed)
    if hit and twice is not None:
        trial = lab.copy(place)
        recovery, _ = points(lab, op.args, trial)
        lab.remove(os.path.dirname(trial))
        if recovery:
            second = random.Random(twice).choice([point for point in recovery if changing(point)] or recovery)
            strike(lab, op, lambda: place, second, "signal=KILL", log)
            found = checker.judge(f"{place}/store", before, op.keep, op.allowed)
            problems += [f"and then at {second}: {problem}" for problem in found]
    problems = [f"{op.name} at {point} {point.text[:90]}: {problem}" for problem in problems]
    problems += converge(lab, op, place, before, outside, f"{op.name} at {point} {point.text[:90]}")
    lab.remove(os.path.dirname(place))
    return hit, problems


def t01(lab):
    """killed at every system call that touches the store"""
    lab.need("strace")
    outcome = Outcome()
    for op, base, listed in available(lab, outcome):
        chosen = sample(lab, f"T01 {op.name}", listed, 24)
        for hit, problems in at_once(chosen, lambda point: killed(lab, op, base, point)):
            outcome.visited += 1
            outcome.injected += hit
            outcome.add(problems)
        outcome.notes.append(f"{op.name} {len(chosen)} of {len(listed)}")
    return outcome


def t04(lab):
    """killed again while recovering"""
    lab.need("strace")
    outcome = Outcome()
    for op, base, listed in available(lab, outcome):
        rng = lab.rng(f"T04 {op.name}")
        changes = [point for point in listed if changing(point)]
        chosen = rng.sample(changes, min(len(changes), lab.pick(2, 20)))
        for hit, problems in at_once(chosen, lambda point: killed(lab, op, base, point, twice=f"{lab.seed} {point}")):
            outcome.visited += 1
            outcome.injected += hit
            outcome.add(problems)
    return outcome


def cut(lab, op, disk, image, base, point):
    """T02: kills at a point and cuts the power at once."""
    before, outside, log = checker.State(f"{base}/store"), around(base), lab.new_dir("trace") + "/log"
    try:
        _, run, hit = strike(lab, op, lambda: disk.fill(image), point, "signal=KILL", log)
        disk.cut_power()
        where = f"{op.name} at {point} {point.text[:90]}"
        problems = [] if hit else [f"{where}: not reached: exit code {run.code}"]
        problems += [f"{where}: {problem}" for problem in checker.judge(f"{disk.place}/store", before, op.keep, op.allowed)]
        return hit, problems + converge(lab, op, disk.place, before, outside, where)
    finally:
        disk.detach()


def acknowledged(lab, count, options="defaults", env=None, seal=False):
    """Publishes, pins and unpins, and cuts the power as soon as each says that it is done; returns an Outcome."""
    outcome = Outcome()
    disk = Disk(lab, options)
    disk.fill(disk_base(lab, lab.template()))
    try:
        store, pins = f"{disk.place}/store", lab.has("pin")
        before = checker.State(store)
        if seal:
            lab.must(["build", "v0.6.0"], disk.place, env=env)
            disk.cut_power()
            outcome.injected += 1
            outcome.add(checker.judge(store, before, keep={"v0.6.0"}), "build, cut")
        for number in range(count):
            state = checker.State(store)
            if pins and number % 5 == 4:
                pinned = "v0.1.0" in state.pins
                args = ["pin", "v0.1.0", *(["--remove"] if pinned else ["--reason", "cut"])]
                done = lambda now: ("v0.1.0" in now.pins) != pinned
            else:
                target = "v0.4.0" if state.channels.get("current") == "v0.3.0" else "v0.3.0"
                args = ["publish", target]
                done = lambda now: now.channels.get("current") == now.releases("current")[-1]["to"] == target
            run = lab.run(args, disk.place, env=env)
            disk.cut_power()
            outcome.visited += 1
            where = f"{options}: {' '.join(args)}, number {number}"
            if run.code != 0:
                outcome.add([f"exit code {run.code}: {run.err.strip()[-200:]}"], where)
                break
            outcome.injected += 1
            problems = checker.judge(store, state, keep=state.versions)
            if not problems and not done(checker.State(store)):
                problems = ["I4 acknowledged and lost"]
            outcome.add(problems, where)
            if problems:
                break
    finally:
        disk.detach()
    return outcome


def t02(lab):
    """power cut at the same points, and after every acknowledged release"""
    lab.need("strace", "mkfs.ext4", "mount", root=True)
    outcome = Outcome()
    disks = [Disk(lab), Disk(lab)]
    for op, base, listed in available(lab, outcome):
        image = disk_base(lab, base)
        # A call that changes nothing leaves the disk as the next one that does finds it.
        distinct = [point for point in listed if changing(point)]
        chosen = sample(lab, f"T02 {op.name}", distinct, 8)
        halves = [(disk, chosen[number::2]) for number, disk in enumerate(disks)]
        work = lambda half: [cut(lab, op, half[0], image, base, point) for point in half[1]]
        for results in at_once(halves, work):
            for hit, problems in results:
                outcome.visited += 1
                outcome.injected += hit
                outcome.add(problems)
        os.unlink(image)
        outcome.notes.append(f"{op.name} {len(chosen)} of {len(distinct)} that change the disk, of {len(listed)}")
    shares = lab.pick([("defaults", 30)], [("defaults", 225), ("data=writeback", 200), ("noauto_da_alloc", 200)])
    for options, count in shares:
        part = acknowledged(lab, count, options)
        outcome.visited, outcome.injected = outcome.visited + part.visited, outcome.injected + part.injected
        outcome.violations += part.violations
        outcome.notes.append(f"{part.injected} acknowledged on ext4 {options}")
    return outcome


def stats(place):
    """What a failed call would have changed, cheaply. The lock file names its last holder, and means nothing."""
    return {path: (info.st_mode, info.st_size, info.st_mtime_ns, info.st_ino) for path, info in checker.walk(place)
            if path != "store/state/lock"}


class Erring:
    """One worker of T10: it keeps its copy as long as the failed calls leave it untouched."""

    def __init__(self, lab, op, base):
        self.lab, self.op, self.base = lab, op, base
        self.before, self.outside = checker.State(f"{base}/store"), around(base)
        self.place, self.fresh = None, None
        self.log = lab.new_dir("trace") + "/log"

    def untouched(self):
        if self.place is None or stats(self.place) != self.fresh:
            if self.place:
                self.lab.remove(os.path.dirname(self.place))
            self.place = self.lab.copy(self.base)
            self.fresh = stats(self.place)
        return self.place

    def visit(self, job):
        point, error = job
        # A failed fsync says that pages are lost, and the next one on the same file that they are safe.
        _, run, hit = strike(self.lab, self.op, self.untouched, point, f"error={error}", self.log, ",fsync,fdatasync")
        lines = lines_of(self.log)
        where = f"{self.op.name} at {point} {error} {point.text[:90]}"
        problems = checker.ended_well(run.code, run.err) if hit else [f"not reached: exit code {run.code}"]
        # Where EINTR is the answer nothing was lost, and std tries again.
        if hit and point.call in ("fsync", "fdatasync") and error != "EINTR":
            failed = next(number for number, line in enumerate(lines) if "(INJECTED)" in line)
            name = re.search(r"<([^>]*)>", lines[failed]).group(1)
            again = any(f"<{name}>" in line and "sync(" in line for line in lines[failed + 1:])
            # A directory is synced for each of its entries.
            if again and not os.path.isdir(name):
                problems.append(f"fsync of {name} was tried again")
            # A report that could not be kept is told of, and made again when it is needed.
            told = "/store/reports" in name and "the report was not kept" in run.err
            if run.code == 0 and not told:
                problems.append("I4 exit code 0 though an fsync failed")
        # gc may keep what it cannot read.
        may_do_less = self.op.args[0] == "gc"
        if stats(self.place) == self.fresh:
            if run.code == 0 and not may_do_less and not self.op.done(self.before):
                problems.append("exit code 0, and nothing was done")
            return hit, run.code, [f"{where}: {problem}" for problem in problems]
        state_problems = checker.judge(f"{self.place}/store", self.before, self.op.keep, self.op.allowed)
        if run.code == 0 and not may_do_less and not self.op.done(checker.State(f"{self.place}/store")):
            problems.append("exit code 0, and it is not done")
        problems = [f"{where}: {problem}" for problem in problems + state_problems]
        problems += converge(self.lab, self.op, self.place, self.before, self.outside, where)
        self.lab.remove(os.path.dirname(self.place))
        self.place = None
        return hit, run.code, problems


def t10(lab):
    """every such system call fails with EIO, ENOSPC, EROFS, EACCES, EMFILE, EINTR"""
    lab.need("strace")
    outcome, codes = Outcome(), collections.Counter()
    for op, base, listed in available(lab, outcome):
        # std asserts that closing a directory it reads succeeds, and Linux never fails that.
        listed = [point for point in listed if point.call != "close"]
        chosen = sample(lab, f"T10 {op.name}", listed, 10)
        rng = lab.rng(f"T10 errors {op.name}")
        # What `forget` only reads it reads three thousand times: one error each, at random.
        few = 2 if lab.quick else len(ERRORS)
        jobs = [(point, error) for point in chosen
                for error in rng.sample(ERRORS, 1 if op.name == "forget" and not changing(point) else few)]
        halves = [(Erring(lab, op, base), jobs[number::2]) for number in range(2)]
        for results in at_once(halves, lambda half: [half[0].visit(job) for job in half[1]]):
            for hit, code, problems in results:
                outcome.visited += 1
                outcome.injected += hit
                codes[code] += 1
                outcome.add(problems)
        outcome.notes.append(f"{op.name} {len(chosen)} of {len(listed)}, {len(jobs)} answers")
    outcome.notes.append("exit codes " + ", ".join(f"{code}: {count}" for code, count in sorted(codes.items())))
    return outcome


def duration(lab, op, base):
    place = lab.copy(base)
    begun = time.monotonic()
    lab.must(op.args, place)
    ended = time.monotonic()
    lab.remove(os.path.dirname(place))
    return ended - begun


def t03(lab):
    """SIGKILL at any moment of build, publish and gc"""
    outcome = Outcome()
    shares = lab.pick({"build": 20, "publish": 25, "gc --instant": 15}, {"build": 200, "publish": 200, "gc --instant": 100})
    moments, late = [0] * 11, 0
    for op in (op for op in OPS if op.name in shares):
        if not lab.has(op.args[0]):
            outcome.missing.append(f"ragctl has no {op.args[0]}")
            continue
        base, rng = prepare(lab, op), lab.rng(f"T03 {op.name}")
        before, outside = checker.State(f"{base}/store"), around(base)
        length = min(duration(lab, op, base) for _ in range(5))
        for _ in range(shares[op.name]):
            place, fraction = lab.copy(base), rng.uniform(0, 1.1)
            child = lab.start(op.args, place)
            time.sleep(fraction * length)
            child.send_signal(signal.SIGKILL)
            interrupted = child.wait() == -9
            outcome.visited += 1
            outcome.injected += interrupted
            moments[int(fraction * 10)] += interrupted
            late += not interrupted
            where = f"{op.name} after {fraction:.3f} of its time"
            problems = checker.judge(f"{place}/store", before, op.keep, op.allowed)
            if not interrupted and not op.done(checker.State(f"{place}/store")):
                problems.append("I4 ended with 0 and is not done")
            outcome.add(problems, where)
            outcome.add(converge(lab, op, place, before, outside, where))
            lab.remove(os.path.dirname(place))
    outcome.notes.append(f"killed by tenths of the run's time {moments}, ended before {late}")
    if outcome.injected < 0.6 * outcome.visited:
        outcome.add([f"only {outcome.injected} of {outcome.visited} were interrupted"])
    return outcome
