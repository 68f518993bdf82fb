"""T22: readers hold versions by leases while two collectors delete everything that nobody holds. Half of the readers see the
store through a read-only mount in a PID namespace of their own. No session may break; the same readers without leases must
break, or the test proves nothing; and `status` counts known numbers of holders.

Run as a program, this file is one reader: it follows the contract for readers and knows nothing of ragctl.
"""

import fcntl
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time

import checker
from store import NotRun, Outcome, forge

F_OFD_SETLK = 37
PATIENT = ["--lock-timeout", "60s"]


def take(path):
    """Takes a read lock on one random byte; returns the open file that holds it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, random.randrange(1 << 30), 1, 0)
    try:
        fcntl.fcntl(handle, F_OFD_SETLK, lock)
        same = os.fstat(handle).st_ino == os.stat(path).st_ino
    except OSError:
        same = False
    if not same:
        os.close(handle)
        return None
    return handle


def resolve(store, lease):
    """Readlink, lock, look again; starts over where the version went away in between."""
    for _ in range(50):
        since = time.monotonic()
        version = os.path.basename(os.readlink(f"{store}/current"))
        until = time.monotonic()
        handle = None
        if lease:
            try:
                handle = take(f"{store}/leases/{version}")
            except FileNotFoundError:
                continue
            if handle is None:
                continue
        if os.path.exists(f"{store}/versions/{version}/manifest.json"):
            return version, handle, since, until
        if handle is not None:
            os.close(handle)
    raise RuntimeError("no version could be resolved in 50 attempts")


def session(store, lease, hold):
    """Holds the live version for a while and reads it file by file; returns what broke."""
    version, handle, since, until = resolve(store, lease)
    top = f"{store}/versions/{version}"
    try:
        with open(f"{top}/manifest.json", "rb") as file:
            manifest = json.load(file)
        if manifest["version"] != version:
            return f"{version} holds {manifest['version']}", version, since, until
        files = random.sample(manifest["files"], min(4, len(manifest["files"])))
        for file in files:
            time.sleep(hold / len(files))
            with open(f"{top}/{file['path']}", "rb") as data:
                if hashlib.sha256(data.read()).hexdigest() != file["sha256"]:
                    return f"{version}/{file['path']} has other bytes", version, since, until
        return None, version, since, until
    except OSError as error:
        return f"{version}: {error}", version, since, until
    finally:
        if handle is not None:
            os.close(handle)


def read_until(store, seconds, lease, hold, pause, log):
    over, sessions, broken, seen = time.monotonic() + seconds, 0, [], []
    while time.monotonic() < over:
        # Most sessions are short, some outlive several releases.
        length = random.choices([0, hold / 10, hold], [85, 10, 5])[0]
        problem, version, since, until = session(store, lease, length)
        sessions += 1
        if problem:
            broken.append(problem)
        if log:
            seen.append((version, since, until))
        time.sleep(random.uniform(0, pause))
    return {"sessions": sessions, "broken": broken, "seen": seen}


def hold_many(store, version, count):
    """Holds a version `count` times until stdin closes."""
    held = [take(f"{store}/leases/{version}") for _ in range(count)]
    print("held", sum(handle is not None for handle in held), flush=True)
    sys.stdin.read()


def start(store, seconds, hold, pause, lease=True, log=False, elsewhere=False):
    """Starts a reader, or one in its own PID namespace that sees the store read-only."""
    return spawn(store, elsewhere, "read", str(seconds), str(int(lease)), str(hold), str(pause), str(int(log)))


def spawn(store, elsewhere, *words):
    program = [sys.executable, "-B", os.path.abspath(__file__)]
    if elsewhere:
        inside = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/probe" 2>/dev/null && exec "$@"'
        program = ["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", inside, store, *program]
    return subprocess.Popen([*program, store, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def namespaces(lab):
    """Whether readers can have a PID namespace and a read-only mount of their own."""
    probe = ["unshare", "-m", "-p", "-f", "mount", "--bind", lab.work, lab.work]
    return os.geteuid() == 0 and shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0


def finish(reader):
    out, _ = reader.communicate()
    if reader.returncode != 0:
        return {"sessions": 0, "broken": [f"the reader ended with {reader.returncode}"], "seen": []}
    return json.loads(out)


def churn(lab, place, over, lost):
    """Publishes one new version after another, and nothing but the collectors deletes them."""
    store, number = f"{place}/store", 0
    while not over.is_set():
        number += 1
        name = f"v2.0.{number}"
        # Until it is live, only a lease keeps it.
        lease = forge(place, "v0.4.0", name, lambda: take(f"{store}/leases/{name}"))
        run = lab.run(["publish", name, "--require", "structure", *PATIENT], place)
        os.close(lease)
        if run.code != 0:
            lost.append(f"publish {name}: exit code {run.code}: {run.err.strip()[-200:]}")
    lost.append(number)


def collect(lab, place, over, counts, env):
    while not over.is_set():
        run = lab.run(["gc", "--keep-last", "1", "--keep-within", "0s", "--instant", *PATIENT], place, env=env)
        counts.append(run.code)


def duel(lab, seconds, readers, lease, env=None, hold=1.5):
    """Readers against two collectors; returns sessions, what broke, releases, gc's exit codes and problems."""
    place = lab.copy(lab.template())
    store = f"{place}/store"
    lab.must(["pin", "v0.4.0", "--reason", "what others are made from"], place)
    over, lost, counts = threading.Event(), [], []
    apart = namespaces(lab)
    started = [start(store, seconds, hold, 0.004, lease, elsewhere=apart and number % 2 == 1) for number in range(readers)]
    threads = [threading.Thread(target=churn, args=(lab, place, over, lost))]
    threads += [threading.Thread(target=collect, args=(lab, place, over, counts, env)) for _ in range(2)]
    for thread in threads:
        thread.start()
    results = [finish(reader) for reader in started]
    over.set()
    for thread in threads:
        thread.join()
    problems = [problem for problem in lost[:-1]] + [f"gc: exit code {code}" for code in set(counts) - {0}]
    problems += checker.judge(store)
    lab.remove(place)
    broken = [problem for result in results for problem in result["broken"]]
    return sum(result["sessions"] for result in results), broken, lost[-1], len(counts), problems


def counted(lab):
    """Known numbers of holders, half of them out of sight, as `status` counts them."""
    place = lab.copy(lab.template())
    problems, apart = [], namespaces(lab)
    wanted = {"v0.1.0": 0, "v0.2.0": 1, "v0.3.0": 7, "v0.4.0": 64}
    holders = []
    for version, count in wanted.items():
        for elsewhere in (False, True):
            share = count // 2 if elsewhere else count - count // 2
            if share:
                holder = spawn(f"{place}/store", elsewhere and apart, "hold", version, str(share))
                if holder.stdout.readline().split() != ["held", str(share)]:
                    problems.append(f"the holder of {version} could not hold it {share} times")
                holders.append(holder)
    found = readers_of(lab, place)
    problems += [f"status counts {found.get(version)} readers of {version}, not {count}"
                 for version, count in wanted.items() if found.get(version, 0) != count]
    for holder in holders:
        holder.kill() if holder.args[0] == sys.executable else holder.stdin.close()
        holder.wait()
    found = readers_of(lab, place)
    problems += [f"status counts {found[version]} dead readers of {version}" for version in wanted if found.get(version)]
    return problems


def readers_of(lab, place):
    return {entry["version"]: entry["readers"] for entry in lab.must(["status", "--json"], place).json()["readers"]}


def t22(lab):
    """lease sessions against 2 gc, half of them in other PID namespaces on a read-only mount"""
    if not lab.has("gc"):
        raise NotRun("this ragctl has no gc")
    outcome = Outcome()
    target, seconds, readers = lab.pick(1000, 20000), lab.pick(10, 60), lab.pick(12, 24)
    while outcome.visited < target:
        sessions, broken, releases, collections, problems = duel(lab, seconds, readers, lease=True)
        outcome.visited += sessions
        outcome.injected += releases
        outcome.add(broken, "a session broke")
        outcome.add(problems)
        outcome.notes.append(f"{sessions} sessions, {releases} releases, {collections} collections")
        if broken or problems or not sessions:
            break
    sessions, broken, releases, collections, problems = duel(lab, lab.pick(6, 20), readers, lease=False)
    outcome.notes.append(f"without leases {len(broken)} of {sessions} sessions broke")
    outcome.add(problems, "without leases")
    if not broken:
        outcome.add(["no session broke without leases: the test proves nothing"])
    outcome.add(counted(lab))
    if not namespaces(lab):
        outcome.missing.append("other PID namespaces and read-only mounts need root")
    return outcome


if __name__ == "__main__":
    if sys.argv[2] == "read":
        root, _, length, leased, hold_for, rest, logged = sys.argv[1:]
        print(json.dumps(read_until(root, float(length), leased == "1", float(hold_for), float(rest), logged == "1")))
    else:
        hold_many(sys.argv[1], sys.argv[3], int(sys.argv[4]))
