"""Remotes, and what may go wrong between a store and one of them. A push or pull that is broken off at every request (T30), writers
that race for a channel (T31), remotes that somebody else wrote (T32), signatures and old pointers (T33), followers that are
killed while versions come and go (T35).

What lies in a remote is judged here from its objects alone: a pointer names the hash of a manifest, a manifest the hashes of
everything else, and what has a manifest is whole.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time

import checker
import s3
from store import Outcome

BUCKET, PREFIX = "faults", "kb/"
POINTER = f"{PREFIX}current.json"
SILENCE = ["--timeout", "5s"]
PART = 8 << 20


def keys(server):
    """What the environment must give for a server of these tests."""
    return {"AWS_ACCESS_KEY_ID": "faults", "AWS_SECRET_ACCESS_KEY": "faults", "AWS_REGION": s3.REGION, "AWS_ENDPOINT_URL": server.url}


def address(bucket=BUCKET):
    return f"s3://{bucket}/{PREFIX}".rstrip("/")


class Child:
    """A running ragctl that another thread may kill."""

    def __init__(self, lab, args, place, env=None):
        self.process = subprocess.Popen(lab.command(args, place), env=lab.environment(env), cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def ends(self, timeout=90):
        try:
            out, err = self.process.communicate(timeout=timeout)
            return self.process.returncode, out, err
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return None, "", f"still running after {timeout} s"


def judge(bodies):
    """Says what is wrong with a remote's objects."""
    problems, names = [], {"current.json"} | {key for key in bodies if re.fullmatch(r"channels/[^/]+\.json", key)}
    for key, body in bodies.items():
        if key.startswith("blobs/") and hashlib.sha256(body).hexdigest() != key.removeprefix("blobs/"):
            problems.append(f"{key} has other bytes")
        named = re.fullmatch(r"versions/([^/]+)/manifest\.json", key)
        if named:
            manifest = json.loads(body)
            if manifest["version"] != named[1]:
                problems.append(f"{key} is of {manifest['version']}")
            for file in manifest["files"]:
                if len(bodies.get(f"blobs/{file['sha256']}", b"")) != file["size"]:
                    problems.append(f"{named[1]} lacks {file['path']}")
            for file, digest in manifest["model_files"].items():
                if f"blobs/{digest}" not in bodies:
                    problems.append(f"{named[1]} lacks {file} of its model")
    for key in sorted(names & set(bodies)):
        pointer = json.loads(bodies[key])
        manifest = bodies.get(f"versions/{pointer['version']}/manifest.json")
        if manifest is None or hashlib.sha256(manifest).hexdigest() != pointer["manifest_sha256"]:
            problems.append(f"{key} names {pointer['version']}, whose manifest is not there")
        last = pointer["releases"][-1]
        if (last["generation"], last["to"]) != (pointer["generation"], pointer["version"]):
            problems.append(f"{key} is at {pointer['generation']}, its last release is {last['generation']}")
    return problems


def doctored(bodies):
    """Remotes of which something is wrong, each with what."""
    blob = next(key for key in bodies if key.startswith("blobs/") and bodies[key])
    manifest = next(key for key in bodies if key.endswith("/manifest.json"))
    pointer = json.loads(bodies["current.json"])
    yield "an object that is missing", {key: body for key, body in bodies.items() if key != blob}
    yield "an object of other bytes", {**bodies, blob: b"x" * len(bodies[blob])}
    yield "a manifest that is missing", {key: body for key, body in bodies.items() if key != manifest}
    yield "a manifest that was changed", {**bodies, manifest: bodies[manifest] + b"\n"}
    yield "a pointer to nothing", {**bodies, "current.json": json.dumps({**pointer, "version": "v9.9.9"}).encode()}
    yield "a release that is not recorded", {**bodies, "current.json": json.dumps({**pointer, "generation": 7}).encode()}


def judged(bodies):
    """Says where the judge of remotes is wrong itself."""
    missed = [f"the judge does not see {name}" for name, altered in doctored(bodies) if not judge(altered)]
    return missed + [f"the judge of a true remote: {problem}" for problem in judge(bodies)]


# T30: how a request may be broken off, and what a command may end with then.
BREAKS = {
    "killed before": lambda child: s3.Fault(act=child.kill, drop=True),
    "killed after": lambda child: s3.Fault(applied=True, act=child.kill, drop=True),
    "asked to stop": lambda child: s3.Fault(applied=True, act=child.term),
    "dropped before": lambda child: s3.Fault(drop=True),
    "dropped after": lambda child: s3.Fault(applied=True, drop=True),
    "reset after": lambda child: s3.Fault(applied=True, reset=True),
    "failed after": lambda child: s3.Fault(applied=True, status=500),
    "turned away for ever": lambda child: s3.Fault(status=503),
}
KILLED, STOPPED = -signal.SIGKILL, 128 + signal.SIGTERM
ENDS = {None: {KILLED}, "killed before": {KILLED}, "killed after": {0, KILLED}, "killed in an answer": {0, KILLED},
        "asked to stop": {0, STOPPED}}
FOR_EVER = "turned away for ever"


def ended(kind, code, err):
    """Says what is wrong with how a broken command ended."""
    if code not in ENDS.get(kind, {0, 20}):
        return [f"exit code {code}: {err.strip()[-300:]}"]
    return checker.ended_well(code, err) if code >= 0 else []


class Push:
    """A version that is pushed into an empty bucket, again and again."""

    def __init__(self, lab, place, version):
        self.lab, self.place = lab, place
        self.args = ["push", version, "--channel", "current", "--remote", address(), "--json", *SILENCE]
        self.version = version
        with s3.S3() as server:
            self.lab.must(self.args, place, env=keys(server))
            self.requests, self.bytes = len(server.requests), server.received
            self.parts = sum("uploadId" in request.query for request in server.requests)
            self.bodies = server.bodies(BUCKET, PREFIX)

    def broken(self, kind, at):
        """One broken push and a second one; returns whether it was broken, and problems. `at` is a number of a request, or of
        a byte where `kind` is none."""
        with s3.S3() as server:
            hit, child, ready = [], None, threading.Event()

            def cut_off():
                hit.append(True)
                ready.wait()
                child.kill()

            def plan(request):
                if request.number == at or (kind == FOR_EVER and request.number > at):
                    hit.append(True)
                    ready.wait()
                    return BREAKS[kind](child)
                return None

            server.begin(*([plan] if kind else [None, at, cut_off]))
            child = Child(self.lab, self.args, self.place, keys(server))
            # Whoever kills must know whom, however early the moment is.
            ready.set()
            code, _, err = child.ends()
            problems = judge(server.bodies(BUCKET, PREFIX)) + ended(kind, code, err)
            if code == 0 and POINTER not in server.bodies(BUCKET):
                problems.append("it says that it was done, and there is no pointer")
            server.begin()
            again = self.lab.run(self.args, self.place, env=keys(server))
            bodies = server.bodies(BUCKET, PREFIX)
            problems += judge(bodies)
            pointer = json.loads(bodies.get("current.json", b"null")) or {}
            if again.code != 0:
                problems.append(f"the second push: exit code {again.code}: {again.err.strip()[-300:]}")
            if (pointer.get("version"), pointer.get("generation")) != (self.version, 1):
                problems.append(f"the second push: the pointer is {pointer}")
            return bool(hit), [f"{kind or 'killed at byte'} {at}: {problem}" for problem in problems]


class Pull:
    """A version that is pulled into an empty store, again and again."""

    def __init__(self, lab, push):
        self.lab, self.push = lab, push
        self.args = ["pull", "--init", "--publish", "--remote", address(), "--json", *SILENCE]
        self.empty = lab.documents(os.path.join(lab.new_dir("pull"), "p"))
        with s3.S3() as server:
            lab.must(push.args, push.place, env=keys(server))
            server.begin()
            place = lab.copy(self.empty)
            lab.must(self.args, place, env=keys(server))
            self.requests, self.objects = len(server.requests), server.buckets[BUCKET]
            self.sizes = [len(self.objects[request.key].body) if request.key in self.objects else 0 for request in server.requests]
        lab.remove(os.path.dirname(place))

    def broken(self, kind, at, cut=None):
        """One broken pull and a second one; as `Push.broken`. `cut` is how much of an answer still comes."""
        place = self.lab.copy(self.empty)
        hit, child, ready = [], None, threading.Event()

        def plan(request):
            if request.number == at or (kind == FOR_EVER and request.number > at):
                hit.append(True)
                ready.wait()
                return BREAKS[kind](child) if cut is None else s3.Fault(applied=True, cut=cut, act_after=child.kill)
            return None

        with s3.S3(plan) as server:
            server.buckets[BUCKET] = dict(self.objects)
            child = Child(self.lab, self.args, place, keys(server))
            ready.set()
            code, _, err = child.ends()
            problems = ended(kind, code, err)
            if os.path.isdir(f"{place}/store/versions"):
                problems += pulled(place, settled=kind not in ENDS)
            server.begin()
            again = self.lab.run(self.args, place, env=keys(server))
            if again.code != 0:
                problems.append(f"the second pull: exit code {again.code}: {again.err.strip()[-300:]}")
            problems += pulled(place, settled=True)
            live = checker.json_file(f"{place}/store/current.json") or {}
            if live.get("version") != self.push.version:
                problems.append(f"the second pull: {live} is live")
            if server.bodies(BUCKET) != {key: found.body for key, found in self.objects.items()}:
                problems.append("the remote changed")
        self.lab.remove(os.path.dirname(place))
        how = f"a pull, {kind} {at}" if cut is None else f"a pull, killed {cut} bytes into answer {at}"
        return bool(hit), [f"{how}: {problem}" for problem in problems]


def enlarge(place):
    """Gives the model a tensor that nobody uses, so that one of its files is sent in parts."""
    path = pathlib.Path(f"{place}/model/model.safetensors")
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    head, rest = json.loads(data[8:8 + length]), data[8 + length:]
    extra = random.Random(1).randbytes(PART + (1 << 20))
    head["unused.weight"] = {"dtype": "U8", "shape": [len(extra)], "data_offsets": [len(rest), len(rest) + len(extra)]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + rest + extra)


def t30(lab):
    """a push or a pull that is broken off at every request"""
    outcome, rng = Outcome(), lab.rng("T30")
    small = Push(lab, lab.template(), "v0.3.0")
    place = lab.documents(os.path.join(lab.new_dir("large"), "p"))
    enlarge(place)
    lab.must(["init"], place)
    lab.must(["run"], place)
    large = Push(lab, place, "v0.1.0")
    outcome.add(judged(small.bodies))
    if large.parts < 2:
        outcome.add(["no file was sent in parts"])
    cases = []
    # For each: points of each kind, and bytes after which it is killed.
    plans = ((small, lab.pick(4, 1000), lab.pick(20, 200)), (large, lab.pick(1, 60), lab.pick(2, 40)),
             (Pull(lab, small), lab.pick(2, 1000), lab.pick(6, 60)), (Pull(lab, large), lab.pick(1, 40), lab.pick(6, 60)))
    for transfer, points, offsets in plans:
        # The last requests of a push are those that make a version known and live.
        early, late = range(1, transfer.requests - 11), range(transfer.requests - 11, transfer.requests + 1)
        for kind in BREAKS:
            # It takes long until one gives up.
            most = min(points, lab.pick(1, 40)) if kind == FOR_EVER else points
            chosen = rng.sample(early, min(len(early), most - most // 2)) + rng.sample(late, min(len(late), most // 2))
            cases += [(transfer, kind, number) for number in ([*early, *late] if most > transfer.requests else chosen)]
        if isinstance(transfer, Push):
            cases += [(transfer, None, rng.randrange(transfer.bytes)) for _ in range(offsets)]
        else:
            # What is large has more bytes to be killed at.
            numbers = rng.choices(range(1, transfer.requests + 1), [size ** 0.5 for size in transfer.sizes], k=offsets)
            cases += [(transfer, "killed in an answer", number, rng.randrange(transfer.sizes[number - 1])) for number in numbers]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for hit, problems in pool.map(lambda case: case[0].broken(*case[1:]), cases):
            outcome.visited += 1
            outcome.injected += hit
            outcome.add(problems)
    outcome.notes.append(f"a push of {small.requests} requests and {small.bytes} bytes, one of {large.requests} and {large.bytes}")
    return outcome


# T31
WRITERS = 16
VERSIONS = ("v0.1.0", "v0.2.0", "v0.3.0")


def flaky(seed):
    """Breaks some requests: what was done is not acknowledged, what was not done is."""
    rng, lock = random.Random(seed), threading.Lock()

    def plan(request):
        with lock:
            drawn = rng.random()
        if request.method == "PUT" and request.key == POINTER:
            kinds = ((0.15, s3.Fault(applied=True, drop=True)), (0.20, s3.Fault(applied=True, status=500)),
                     (0.25, s3.Fault(applied=True, reset=True)), (0.33, s3.Fault(status=409)), (0.41, s3.Fault(status=500)),
                     (0.46, s3.Fault(drop=True)))
        else:
            kinds = ((0.01, s3.Fault(status=503)), (0.02, s3.Fault(applied=True, cut=20)))
        return next((fault for most, fault in kinds if drawn < most), None)

    return plan


def records_of(written):
    """The releases of a channel, as they became visible, and problems."""
    problems, releases = [], []
    for number, body in enumerate(written, 1):
        pointer = json.loads(body)
        if pointer["generation"] != number:
            problems.append(f"write {number} of the pointer is generation {pointer['generation']}")
        if pointer["releases"][:-1] != releases[-len(pointer["releases"]) + 1:][:len(pointer["releases"]) - 1]:
            problems.append(f"generation {number} forgets releases")
        before = releases[-1]["to"] if releases else None
        if pointer["releases"][-1]["from"] != before:
            problems.append(f"generation {number} says it followed {pointer['releases'][-1]['from']}; {before} was live")
        releases.append(pointer["releases"][-1])
    return releases, problems


def race(lab, outcome, name, plan, moves):
    """Many writers on one channel of one server."""
    place = lab.template()
    with s3.S3() as server:
        for version in VERSIONS:
            lab.must(["push", version, "--remote", address()], place, env=keys(server))
        server.begin(plan)

        def write(writer):
            rng, done = lab.rng(f"T31 {name} {writer}"), []
            for number in range(moves):
                version, reason = rng.choice(VERSIONS), f"writer {writer}, move {number}"
                args = ["push", version, "--channel", "current", "--reason", reason, "--remote", address(), "--json", *SILENCE]
                done.append((version, reason, lab.run(args, place, env=keys(server))))
            return done

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            done = [move for moved in pool.map(write, range(WRITERS)) for move in moved]
        written = server.written.get((BUCKET, POINTER), [])
        releases, problems = records_of(written)
        # A release that another one overwrote, a lost one, and one twice are seen.
        for wrong in (written[:2] + written[3:], written[1:], written[:3] + written[2:]):
            if not records_of(wrong)[1]:
                problems.append("the judge of releases does not see that one is missing, or there twice")
        problems += judge(server.bodies(BUCKET, PREFIX))
    by_reason, codes = {}, {}
    for release in releases:
        by_reason.setdefault(release.get("reason"), []).append(release)
    for version, reason, run in done:
        outcome.visited += 1
        codes[run.code] = codes.get(run.code, 0) + 1
        problems += [f"{reason}: {problem}" for problem in checker.ended_well(run.code, run.err)]
        found = by_reason.pop(reason, [])
        said = run.json()["release"] if run.code == 0 else None
        if run.code not in (0, 13, 20) or (run.code == 20 and plan is None):
            problems.append(f"{reason}: exit code {run.code}: {run.err.strip()[-300:]}")
        if said and said["changed"]:
            told = [(said["generation"], said["from"], version)]
            if [(release["generation"], release["from"], release["to"]) for release in found] != told:
                problems.append(f"{reason}: said {told}, the record has {found}")
        elif len(found) > (run.code == 20):
            problems.append(f"{reason}: exit code {run.code}, and yet the record has {found}")
    problems += [f"a release of nobody: {reason}" for reason in by_reason]
    outcome.injected += len(releases)
    outcome.add(problems, name)
    outcome.notes.append(f"{name}: {len(done)} moves, {len(releases)} releases, exit codes {dict(sorted(codes.items()))}")
    if len(releases) < len(done) // 4:
        outcome.add([f"only {len(releases)} of {len(done)} moves were releases"], name)


def unsafe(lab, outcome, name, options):
    """A server that keeps no conditions moves no channel, unless it is told to."""
    place = lab.template()
    with s3.S3(**options) as server:
        push = lambda version, *more: lab.run(
            ["push", version, "--channel", "current", "--remote", address(), "--json", *SILENCE, *more], place, env=keys(server))
        for version, moved in (("v0.1.0", "v0.1.0"), ("v0.2.0", "v0.2.0")):
            before = server.bodies(BUCKET).get(POINTER)
            refused = push(version)
            outcome.visited += 1
            outcome.injected += refused.code == 20
            if refused.code != 20 or "conditions" not in refused.err:
                outcome.add([f"{version}: exit code {refused.code}: {refused.err.strip()[-300:]}"], name)
            if server.bodies(BUCKET).get(POINTER) != before:
                outcome.add([f"{version} was refused, and yet the pointer was written"], name)
            told = push(version, "--allow-unsafe-remote")
            pointer = json.loads(server.bodies(BUCKET).get(POINTER, b"null")) or {}
            if told.code != 0 or pointer.get("version") != moved or "conditions" not in told.err:
                outcome.add([f"{version}, told to: exit code {told.code}, {pointer.get('version')}: {told.err.strip()[-300:]}"], name)
        outcome.add(judge(server.bodies(BUCKET, PREFIX)), name)
        outcome.add([f"{key} is left" for key in server.bodies(BUCKET) if "probes/" in key], name)


def throttled(lab, outcome):
    """A condition that is only put off is never left out."""
    place = lab.template()
    with s3.S3() as server:
        lab.must(["push", "v0.1.0", "--channel", "current", "--remote", address()], place, env=keys(server))
        before = server.bodies(BUCKET)
        conditional = lambda request: "If-Match" in request.headers or "If-None-Match" in request.headers
        for status in (429, 403, 503):
            server.begin(lambda request: s3.Fault(status=status) if request.method == "PUT" and conditional(request) else None)
            run = lab.run(["push", "v0.2.0", "--channel", "current", "--remote", address(), "--timeout", "1s"], place, env=keys(server))
            outcome.visited += 1
            outcome.injected += any(conditional(request) for request in server.requests)
            after = server.bodies(BUCKET)
            if run.code != 20 or "conditions" in run.err:
                outcome.add([f"conditional writes are answered {status}: exit code {run.code}: {run.err.strip()[-300:]}"])
            if any(after.get(key) != before.get(key) for key in (POINTER, f"{PREFIX}versions/v0.2.0/manifest.json")):
                outcome.add([f"conditional writes are answered {status}, and what they were to write is there"])


def proofs(lab, outcome):
    """What was proven is remembered for its place alone."""
    place = lab.template()
    with s3.S3() as server:
        def probed(bucket, version):
            server.begin()
            lab.must(["push", version, "--channel", "current", "--remote", address(bucket)], place, env=keys(server))
            outcome.visited += 1
            # An unconditional one asks for the other side's clock.
            return any("probes/" in request.key and "If-Match" in request.headers for request in server.requests)

        seen = [probed("one", "v0.1.0"), probed("one", "v0.2.0"), probed("two", "v0.1.0")]
        with server.lock:
            server.buckets["three"] = dict(server.buckets["one"])
        seen.append(probed("three", "v0.3.0"))
        # The same names at another server.
        with s3.S3() as other:
            with server.lock:
                other.buckets["one"] = dict(server.buckets["one"])
            lab.must(["push", "v0.3.0", "--channel", "current", "--remote", address("one")], place, env=keys(other))
            seen.append(any("probes/" in request.key and "If-Match" in request.headers for request in other.requests))
        if seen != [True, False, True, True, True]:
            outcome.add([f"conditions were tried {seen}; a new place, a known one, another one and a copy were pushed to"])


def t31(lab):
    """16 writers and one channel; servers that keep no conditions"""
    outcome, moves = Outcome(), lab.pick(6, 100)
    race(lab, outcome, "strict", None, moves)
    race(lab, outcome, "flaky", flaky(lab.seed), moves)
    unsafe(lab, outcome, "ignores conditions", {"conditions": "ignored"})
    unsafe(lab, outcome, "looks first and writes later", {"conditions": "late"})
    unsafe(lab, outcome, "does not know conditions", {"conditions": "unknown"})
    for options in ({"refused": 409}, {"missing": 412}):
        with s3.S3(**options) as server:
            args = ["push", "v0.1.0", "--channel", "current", "--remote", address(), *SILENCE]
            run = lab.run(args, lab.template(), env=keys(server))
            outcome.visited += 1
            if run.code != 0:
                outcome.add([f"a server that answers {options}: exit code {run.code}: {run.err.strip()[-300:]}"])
    throttled(lab, outcome)
    proofs(lab, outcome)
    return outcome


# T32
OFFERED = "v0.6.0"
# What a refusal may end with: not found, integrity, conflict, incompatible, the remote.
REFUSALS = {10, 12, 13, 14, 20}
PATHS = [
    "", ".", "..", "/", "../x", "../../canary/file", "../../../canary/folder/x", "/etc/passwd", "//x", "a/../../x", "a/./b", "a//b", "a/",
    "./a", "lance/../../x", "a\\b", "..\\x", "C:\\x", "a\0b", "a\nb", "a\rb", "a\tb", "a\x7fb", "a\x1b[2Jb", "a\u0085b",
    "x" * 256, "é" * 128, "/".join(["x" * 200] * 6), "y/" * 600 + "y", "a" * 1_000_000, "manifest.json", "MANIFEST.json",
    "manifest.sha256", "Manifest.Sha256", "manifest.json/x",
]
# Two names that some filesystems know as one, or as a file and as a directory.
PAIRS = [("a/B", "a/b"), ("Ä", "ä"), ("é", "e\u0301"), ("É", "e\u0301"), ("\u212a", "k"), ("\u212b", "å"), ("q", "q/r"),
         ("Q/r", "q"), ("z", "z")]
NUMBERS = [-1, 1.5, "1", None, True, [], {}, 1 << 64, -(1 << 63), 1e300]
DIGESTS = ["", "0", "../../../canary/file", "0" * 63, "0" * 65, "g" * 64, "0" * 64, "/" * 64, None, 7, [], "é" * 32, "a" * 1_000_000]
NO_VERSIONS = ["", "..", "../x", "v1", "current", "/etc/passwd", "v0.6.0/../x", "v0.6.0\n", "v0.6.0\0", " v0.6.0",
               "v" + "9" * 400 + ".0.0", "v0.6.0-" + "a" * 1_000_000, None, 6, [], {"v0.6.0": 1}]
WRONG = [None, 17, "x", [], {}, [[]], True, -1, "\0", 1e308]


class Remade:
    """A remote of somebody who may write whatever they like into it."""

    def __init__(self, top):
        self.top = top
        self.pointer = json.loads(self.path("current.json").read_bytes())
        self.manifest = json.loads(self.path(self.manifest_key).read_bytes())

    manifest_key = f"versions/{OFFERED}/manifest.json"

    def path(self, key):
        return pathlib.Path(self.top, key)

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self.path(f"blobs/{digest}").write_bytes(data)
        return digest

    def point(self, **changed):
        self.pointer.update(changed)
        self.path("current.json").write_text(json.dumps(self.pointer))

    def offer(self, data=None):
        """Puts the manifest there, or these bytes, and has the channel name them."""
        data = json.dumps(self.manifest).encode() if data is None else data
        self.path(self.manifest_key).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        self.point(manifest_sha256=digest)
        return digest


def in_the_manifest():
    """Manifests that are refused whatever bytes there are: a name, and what is done to one."""
    def change(name, work):
        def make(remote, rng):
            done = work(remote.manifest, rng, remote)
            remote.offer(done if isinstance(done, bytes) else None)
        return f"manifest: {name}", make

    def at(path, value):
        def work(manifest, rng, remote):
            *way, last = path
            for step in way:
                manifest = manifest[step]
            manifest[last] = value
        return work

    def without(path):
        def work(manifest, rng, remote):
            *way, last = path
            for step in way:
                manifest = manifest[step]
            del manifest[last]
        return work

    def renamed(path):
        return lambda manifest, rng, remote: rng.choice(manifest["files"]).update(path=path)

    def paired(pair, where):
        def work(manifest, rng, remote):
            digest = remote.blob(b"twice")
            if where == "files":
                manifest["files"] += [{"path": path, "size": 5, "sha256": digest} for path in pair]
            else:
                manifest["model_files"].update({path: digest for path in pair})
        return work

    def of_model(path):
        return lambda manifest, rng, remote: manifest["model_files"].update({path: remote.blob(b"model")})

    for path in PATHS:
        yield change(f"the path {path[:40]!r}", renamed(path))
        # A model has no manifest in the way.
        if path != "manifest.json/x":
            yield change(f"the model's file {path[:40]!r}", of_model(path))
        if "manifest" not in path.lower():
            yield change(f"the table {path[:40]!r}", at(("tables", 0, "path"), path))
    for pair in PAIRS:
        yield change(f"the paths {pair}", paired(pair, "files"))
        if pair[0] != pair[1]:
            yield change(f"the model's files {pair}", paired(pair, "model"))
    for number in NUMBERS:
        yield change(f"the size {number!r}", lambda manifest, rng, remote, n=number: rng.choice(manifest["files"]).update(size=n))
        yield change(f"the format {number!r}", at(("format",), number))
    for by in (-1, 1, 1 << 20, 1 << 62, (1 << 64) - 1):
        yield change(f"a size that is wrong by {by}", lambda manifest, rng, remote, by=by: (
            lambda file: file.update(size=max(file["size"] + by, 0) if by < 1 << 60 else by))(rng.choice(manifest["files"])))
    yield change("sizes without a sum", lambda manifest, rng, remote: [file.update(size=(1 << 64) - 1) for file in manifest["files"][:2]])
    for digest in DIGESTS:
        yield change(f"the hash {str(digest)[:40]!r}",
                     lambda manifest, rng, remote, d=digest: rng.choice(manifest["files"]).update(sha256=d))
        yield change(f"the model's hash {str(digest)[:40]!r}", at(("model_files", "config.json"), digest))
        yield change(f"the fingerprint {str(digest)[:40]!r}", at(("fingerprint",), digest))
        if digest not in ("0" * 64,):
            yield change(f"the snapshot {str(digest)[:40]!r}", at(("snapshot",), digest))
            yield change(f"the content's digest {str(digest)[:40]!r}", at(("content_digest",), digest))
    for version in [*NO_VERSIONS, "v0.6.1", "v0.3.0"]:
        yield change(f"the version {str(version)[:40]!r}", at(("version",), version))
    for key in ("format", "version", "created", "tool", "content_digest", "build_digest", "snapshot", "counts", "space", "fingerprint",
                "numerics", "makers", "tables", "lance", "resources", "files"):
        yield change(f"no {key}", without((key,)))
        for wrong in WRONG:
            empty = (key in ("makers",) and wrong == {}) or (key in ("tables", "files") and wrong == [])
            if not empty and not (key == "tool" and isinstance(wrong, str)):
                yield change(f"the {key} {wrong!r}", at((key,), wrong))
    for path in (("space", "dimension"), ("space", "model"), ("space", "files"), ("counts", "chunks"), ("lance", "data_format"),
                 ("tables", 0, "name"), ("tables", 0, "columns"), ("files", 0, "path"), ("files", 0, "size"),
                 ("files", 0, "sha256"), ("model_files", "config.json"),
                 ("space", "files", "config.json")):
        yield change(f"no {path}", without(path))
    for path, value in ((("space", "dimension"), 33), (("space", "query_prefix"), "x"), (("space", "files", "config.json"), "1" * 64)):
        yield change(f"another space: {path}", at(path, value))
    yield change("no files at all", at(("files",), []))
    yield change("no tables at all", at(("tables",), []))
    yield change("a table without files", lambda manifest, rng, remote: manifest.update(
        files=[file for file in manifest["files"] if not file["path"].startswith("lance/")]))
    for number in (0, 2, 99, (1 << 32) - 1):
        yield change(f"format {number}", at(("format",), number))
    for name, data in (("nothing", b""), ("null", b"null"), ("a list", b"[]"), ("a word", b'"x"'), ("depth", b"[" * 100_000),
                       ("depth of objects", b'{"a":' * 100_000), ("no text", b"\xff\xfe\0\0"), ("zeros", b"\0" * 1000)):
        yield change(name, lambda manifest, rng, remote, data=data: data)
    yield change("what cannot be a string",
                 lambda manifest, rng, remote: json.dumps(manifest).replace('"lance/', '"\\ud800/', 1).encode())
    yield change("more after its end", lambda manifest, rng, remote: json.dumps(manifest).encode() + b"{}")
    yield change("a field twice", lambda manifest, rng, remote: json.dumps(manifest)[:-1].encode() + b', "files": []}')
    yield change("more bytes than any has", lambda manifest, rng, remote: json.dumps(manifest).encode() + b" " * (65 << 20))
    yield change("too many files", lambda manifest, rng, remote: manifest["files"].extend(
        {"path": f"f{number}", "size": 0, "sha256": "0" * 64} for number in range(100_001)))
    for number in range(40):
        yield change(f"cut off, {number}", cut_off)
        yield f"manifest: other bytes than the pointer's, {number}", other_bytes


def cut_off(manifest, rng, remote):
    data = json.dumps(manifest).encode()
    return data[:rng.randrange(len(data))]


def other_bytes(remote, rng):
    path = remote.path(remote.manifest_key)
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def in_the_blobs():
    """Objects in whose place something else lies."""
    def at_a_blob(name, work):
        def make(remote, rng):
            digests = [file["sha256"] for file in remote.manifest["files"] if file["size"]]
            digests += remote.manifest["model_files"].values()
            path = remote.path("blobs/" + rng.choice(sorted(set(digests))))
            work(path, path.read_bytes(), rng, remote)
        return f"blob: {name}", make

    def instead(make):
        def work(path, data, rng, remote):
            path.unlink()
            make(path, data, remote)
        return work

    def elsewhere(path, data, remote):
        true = remote.path(f"../true-{path.name[:8]}")
        true.write_bytes(data)
        path.symlink_to(true)

    def flipped(path, data, rng, remote):
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:])

    for number in range(30):
        yield at_a_blob(f"cut off, {number}", lambda path, data, rng, remote: path.write_bytes(data[:rng.randrange(len(data))]))
        yield at_a_blob(f"longer, {number}",
                        lambda path, data, rng, remote: path.write_bytes(data + rng.randbytes(rng.choice((1, 100, 1 << 20)))))
        yield at_a_blob(f"a flipped bit, {number}", flipped)
    for number in range(8):
        yield at_a_blob(f"missing, {number}", instead(lambda path, data, remote: None))
        yield at_a_blob(f"a link to a true one, {number}", instead(elsewhere))
        yield at_a_blob(f"a link to nothing, {number}", instead(lambda path, data, remote: path.symlink_to("nothing")))
        yield at_a_blob(f"a link to itself, {number}", instead(lambda path, data, remote: path.symlink_to(path.name)))
        yield at_a_blob(f"a link to a device, {number}", instead(lambda path, data, remote: path.symlink_to("/dev/zero")))
        yield at_a_blob(f"a FIFO, {number}", instead(lambda path, data, remote: os.mkfifo(path)))
        yield at_a_blob(f"a directory, {number}", instead(lambda path, data, remote: path.mkdir()))


def in_the_records():
    """Pointers and the remote's own record that are none, and what is no file where one should be."""
    def point(name, **changed):
        return f"pointer: {name}", lambda remote, rng: remote.point(**changed)

    def text(key, name, data):
        return f"{key}: {name}", lambda remote, rng: remote.path(key).write_bytes(data)

    def instead(key, name, make):
        def work(remote, rng):
            path = remote.path(key)
            moved = remote.path(f"../moved-{path.name}")
            path.rename(moved)
            make(path, moved)
        return f"{key}: {name}", work

    for version in [*NO_VERSIONS, "v0.6.1", "v9.9.9"]:
        yield point(f"the version {str(version)[:40]!r}", version=version)
    for digest in DIGESTS:
        yield point(f"the hash {str(digest)[:40]!r}", manifest_sha256=digest)
    for number in NUMBERS:
        yield point(f"generation {number!r}", generation=number)
    for when in ("", "tomorrow", 5, None, "9999-12-31T00:00:00Z", "2026-13-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        yield point(f"published at {when!r}", published_at=when)
    for releases in (None, {}, 7, "x", [7], [{}], [[]], [{"generation": -1}]):
        yield point(f"releases {releases!r}", releases=releases)
    for signature in (7, [], {}, True):
        yield point(f"signature {signature!r}", signature=signature)
    bodies = {"nothing": b"", "null": b"null", "a list": b"[]", "half": b'{"generation": 1', "depth": b"[" * 100_000,
              "no text": b"\xff\xfe",
              "more bytes than any has": b" " * (65 << 20)}
    for name, data in bodies.items():
        yield text("current.json", name, data)
        yield text("ragctl-remote.json", name, data)
    for format_ in (0, 2, 1 << 31, 1 << 40, -1, "1", None):
        record = json.dumps({"format": format_, "created": "2026-01-01T00:00:00Z"})
        yield text("ragctl-remote.json", f"format {format_!r}", record.encode())
    kinds = {"a FIFO": lambda path, moved: os.mkfifo(path), "a directory": lambda path, moved: path.mkdir(),
             "a link to a true one": lambda path, moved: path.symlink_to(moved),
             "a link to a device": lambda path, moved: path.symlink_to("/dev/zero"),
             "nothing": lambda path, moved: None, "a link to itself": lambda path, moved: path.symlink_to(path.name)}
    for key in ("current.json", "ragctl-remote.json", Remade.manifest_key):
        for name, make in kinds.items():
            yield instead(key, name, make)
    for key in ("blobs", "versions", f"versions/{OFFERED}"):
        for name in ("a FIFO", "a link to a true one", "a link to itself", "nothing"):
            yield instead(key, name, kinds[name])
    yield instead(f"versions/{OFFERED}/manifest.json.minisig", "a FIFO", lambda path, moved: os.mkfifo(path))


UNTOUCHED = ("state/lock", "cache/incoming")


def receivers(lab):
    """A store that has nothing, and one that has the model and other versions."""
    empty = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
    lab.must(["init"], empty)
    return [empty, lab.copy(lab.template())]


def offering(lab):
    """A directory remote whose channel names a version that no receiver has."""
    place = lab.copy(lab.template())
    lab.must(["build", OFFERED], place)
    lab.must(["verify", OFFERED], place)
    remote = f"{lab.new_dir('remote')}/r"
    lab.must(["push", OFFERED, "--channel", "current", "--remote", remote], place)
    pathlib.Path(f"{remote}/versions/{OFFERED}/manifest.json.minisig").write_text("not looked at without a key\n")
    return place, remote


class Receiver:
    """A store that must stay what it is, whatever it is offered."""

    def __init__(self, lab, place):
        self.lab, self.place = lab, place
        self.spare = lab.copy(place)
        self.whole = self.look()

    def look(self):
        return checker.tree(self.place, skip=tuple(f"store/{name}" for name in UNTOUCHED))

    def refuses(self, args, env=None, codes=REFUSALS, timeout=20):
        """Runs a pull that must be refused; returns problems."""
        # What arrived whole before is not asked for again.
        incoming = f"{self.place}/store/cache/incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        run = self.lab.run(args, self.place, env=env, timeout=timeout)
        problems = checker.ended_well(run.code, run.err) if run.code != -1000 else [run.err]
        if not problems and run.code not in codes:
            problems.append(f"exit code {run.code}: {(run.err or run.out).strip()[-300:]}")
        now = self.look()
        if now != self.whole:
            changed = sorted(path for path in {*now, *self.whole} if now.get(path) != self.whole.get(path))
            problems.append(f"exit code {run.code}, and changed: {changed[:6]}")
            self.lab.remove(self.place)
            self.lab.copy(self.spare, self.place)
        for name in os.listdir(incoming) if os.path.isdir(incoming) else ():
            if not name.endswith(".part") and name != ".lock" and checker.sha256(f"{incoming}/{name}") != name:
                problems.append(f"{name} arrived, and is something else")
        return problems


def t32(lab):
    """remotes that somebody else wrote"""
    outcome, rng = Outcome(), lab.rng("T32")
    _, remote = offering(lab)
    canary = f"{os.path.dirname(remote)}/canary"
    shutil.copytree(f"{lab.template()}/canary", canary)
    stores = [Receiver(lab, place) for place in receivers(lab)]
    by_kind = [list(in_the_manifest()), list(in_the_blobs()), list(in_the_records())]
    every = sum(by_kind, [])
    if lab.quick:
        cases = sum((rng.sample(kind, some) for kind, some in zip(by_kind, (75, 30, 40))), [])
    else:
        cases = every + [rng.choice(every) for _ in range(max(0, 1000 - len(every)))]
    outside = checker.tree(os.path.dirname(remote), skip=("r",))
    for number, (name, make) in enumerate(cases):
        made = lab.copy(remote)
        make(Remade(made), rng)
        # What a store has already is linked and not fetched: only an empty one looks at every blob.
        receiver = stores[0 if name.startswith("blob") or "blobs" in name else number % 2]
        named = [OFFERED] if name.startswith(("manifest", "blob")) and "pointer's" not in name and number % 3 == 0 else []
        publish = ["--publish"] if number % 2 else []
        outcome.visited += 1
        outcome.injected += 1
        outcome.add(receiver.refuses(["pull", *named, *publish, "--remote", made, "--json"]), f"{name}{' by name' if named else ''}")
        lab.remove(os.path.dirname(made))
    if checker.tree(os.path.dirname(remote), skip=("r",)) != outside:
        outcome.add(["I8 something outside changed"])
    through_a_server(lab, outcome, remote, stores)
    foreign_model(lab, outcome, remote, stores[1])
    for receiver in stores:
        run = lab.run(["pull", "--publish", "--remote", remote, "--json"], receiver.place)
        problems = pulled(receiver.place)
        if run.code != 0 or problems:
            outcome.add([f"the true one, afterwards: exit code {run.code}: {run.err.strip()[-300:]} {problems}"])
    outcome.notes.append(f"{len(every)} kinds of manifests, objects and records, {len(cases)} tried")
    return outcome


def foreign_model(lab, outcome, remote, receiver):
    """A version whose model has other files under the fingerprint of one that is here: what is here stays."""
    made = lab.copy(remote)
    remade = Remade(made)
    remade.manifest["model_files"]["modules.json"] = remade.blob(b"[]")
    remade.offer()
    models = checker.tree(f"{receiver.place}/store/models")
    place = lab.copy(receiver.place)
    run = lab.run(["pull", "--publish", "--remote", made, "--json"], place)
    outcome.visited += 1
    outcome.injected += 1
    problems = checker.ended_well(run.code, run.err)
    if checker.tree(f"{place}/store/models") != models:
        problems.append(f"exit code {run.code}, and the model that other versions have is another one")
    outcome.add(problems, "another model under the same fingerprint")


def through_a_server(lab, outcome, remote, stores):
    """Answers that are cut off or lie, and listings with names that are no keys."""
    bodies = {str(path.relative_to(remote)): path.read_bytes() for path in sorted(pathlib.Path(remote).rglob("*"))
              if path.is_file() and path.name != ".lock"}
    blobs = [key for key in bodies if key.startswith("blobs/") and bodies[key]]
    rng = lab.rng("T32 server")

    def when(target, make, method="GET"):
        return lambda request: make(request) if (request.key, request.method) == (PREFIX + target, method) else None

    def once(target, **fault):
        return when(target, lambda request: s3.Fault(applied=True, **fault))

    def broken_off(target, at, further):
        """Each answer ends too early; whoever goes on from there gets further, or not."""
        return when(target, lambda request: s3.Fault(applied=True, cut=further if "Range" in request.headers else at))

    def head(target, length):
        return when(target, lambda request: s3.Fault(applied=True, length=length), "HEAD")

    some = lambda count: [rng.choice(blobs) for _ in range(count)]
    half = lambda key: len(bodies[key]) // 2
    cut_short = some(lab.pick(2, 12)) + ["current.json"]
    cases = [(f"{key} is cut off", broken_off(key, rng.randrange(len(bodies[key])), 0)) for key in cut_short]
    cases += [(f"{key} says it is shorter", once(key, length=half(key), cut=half(key))) for key in some(lab.pick(2, 12))]
    cases += [(f"{key} says it is longer", once(key, length=len(bodies[key]) + 10)) for key in some(lab.pick(1, 6))]
    cases += [(f"{key} says it has {length}", head(key, length)) for key in some(1) for length in (0, 1, 1 << 40)]
    cases += [(f"{key} is answered with {status}", once(key, status=status)) for key in some(1) for status in (403, 416, 200, 302)]
    def filled(server):
        with server.lock:
            for key, body in bodies.items():
                server.put(BUCKET, PREFIX + key, body)

    # Most of the time is spent waiting until the client gives up.
    def refuse(case):
        name, plan = case
        receiver = Receiver(lab, lab.copy(stores[0].spare))
        with s3.S3(plan) as server:
            filled(server)
            args = ["pull", "--publish", "--remote", address(), "--timeout", "1s", "--json"]
            return name, receiver.refuses(args, keys(server), timeout=60)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for name, problems in pool.map(refuse, cases):
            outcome.visited += 1
            outcome.injected += 1
            outcome.add(problems, name)
    receiver = stores[0]
    with s3.S3() as server:
        filled(server)
        for key in some(lab.pick(1, 10)):
            server.begin(broken_off(key, len(bodies[key]) // 2, len(bodies[key])))
            place = lab.copy(receiver.spare)
            run = lab.run(["pull", "--publish", "--remote", address(), "--timeout", "1s"], place, env=keys(server))
            outcome.visited += 1
            outcome.injected += 1
            if run.code != 0:
                outcome.add([f"exit code {run.code}: {run.err.strip()[-300:]}"], f"{key} breaks off once")
        # Names in a listing are no paths: what is not a key of ragctl's own is left alone.
        for below in ("cache/embeddings/", "versions/", "channels/", "blobs/", "probes/"):
            for name in ("../../../canary/file", "..", "/etc/passwd", "x/../../y", "a\\b", "%2e%2e/%2e%2e/canary/file", "é/\u202e",
                         "x" * 1500):
                server.listed.append(PREFIX + below + name)
        kept = server.bodies(BUCKET, PREFIX)
        for listed in [[name] for name in (server.listed if not lab.quick else rng.sample(server.listed, 6))] + [server.listed]:
            server.listed = listed
            for args in (["cache", "pull"], ["remote", "show"], ["gc", "--min-age", "0s"]):
                server.begin()
                words = [*args, address()] if args == ["remote", "show"] else [*args, "--remote", address()]
                run = lab.run([*words, "--timeout", "2s"], receiver.place, env=keys(server), timeout=30)
                outcome.visited += 1
                outcome.injected += 1
                problems = checker.ended_well(run.code, run.err)
                if run.code not in {0} | REFUSALS:
                    problems.append(f"exit code {run.code}: {run.err.strip()[-300:]}")
                if receiver.look() != receiver.whole:
                    problems.append("the store changed")
                    receiver.whole = receiver.look()
                if server.bodies(BUCKET, PREFIX) != kept:
                    problems.append("the remote changed")
                outcome.add(problems, f"{' '.join(args)} with {str(listed[0])[:60]!r} listed")


# T33
TIMES = 20


class Signed:
    """A remote whose every word is signed, what it was after each release, and a store that trusts its key."""

    def __init__(self, lab):
        self.lab, self.place = lab, lab.copy(lab.template())
        folder = lab.new_dir("keys")
        self.key, self.other = f"{folder}/ours", f"{folder}/other"
        for key in (self.key, self.other):
            lab.must(["sign", "--new-key", key], self.place)
        self.remote = f"{lab.new_dir('remote')}/r"
        self.states = []
        for number in range(lab.pick(6, TIMES + 2)):
            self.release(VERSIONS[number % 3])
            self.states.append(self.path("current.json").read_bytes())
        receiver = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
        lab.must(["pull", "--init", "--publish", *self.trusting(), "--remote", self.remote], receiver)
        # The state that every attack is made on is one release further than what the receiver followed.
        self.release("v0.3.0" if len(self.states) % 3 else "v0.2.0")
        self.receiver = Receiver(lab, receiver)

    def trusting(self, key=None):
        return ["--require-signature", f"{key or self.key}.pub"]

    def pulling(self, *options, key=None):
        return ["pull", *options, *self.trusting(key), "--remote", self.remote]

    def path(self, name):
        return pathlib.Path(self.remote, name)

    def release(self, version, *more, remote=None, key=None, place=None):
        args = ["push", version, "--channel", "current", "--sign", "--key", key or self.key, "--remote", remote or self.remote, *more]
        return self.lab.must(args, place or self.place)


def signature_of(version):
    return f"versions/{version}/manifest.json.minisig"


def edit_pointer(path, **changed):
    pointer = json.loads(path.read_bytes())
    pointer.update(changed)
    path.write_text(json.dumps(pointer))


def attacks(signed, times, rng):
    """What somebody without the key may do: a kind, and what is done to a copy of the remote."""
    now = json.loads(signed.path("current.json").read_bytes())
    live = now["version"]
    others = [version for version in VERSIONS if version != live]

    for number in range(times):
        # Any release before the one that was followed.
        body = signed.states[:-1][number % (len(signed.states) - 1)]
        again = lambda top, body=body: (top / "current.json").write_bytes(body)
        yield "replayed", f"release {json.loads(body)['generation']} again", again

    def unsigned(number):
        kinds = [
            ("no signature of the version", lambda top: (top / signature_of(live)).unlink()),
            ("none of the release", lambda top: edit_pointer(top / "current.json", signature=None)),
            ("an empty one of the version", lambda top: (top / signature_of(live)).write_text("")),
            ("an empty one of the release", lambda top: edit_pointer(top / "current.json", signature="")),
            ("half a one of the version", lambda top: (lambda file: file.write_text(
                file.read_text()[:rng.randrange(300)]))(top / signature_of(live))),
            ("half a one of the release",
             lambda top: edit_pointer(top / "current.json", signature=now["signature"][:rng.randrange(300)])),
            ("a later generation, unsigned", lambda top: edit_pointer(top / "current.json", generation=10 ** 9, signature=None)),
            ("a later generation with the signature of another", lambda top: edit_pointer(top / "current.json", generation=10 ** 9)),
        ]
        return kinds[number % len(kinds)]

    for number in range(times):
        yield ("unsigned", *unsigned(number))

    def broken(text):
        """One changed letter of what counts: the bytes, or the trusted comment."""
        lines = text.split("\n")
        line = rng.choice([1, 2, 3])
        at = rng.randrange(17 if line == 2 else 0, len(lines[line]) - 2)
        new = rng.choice([letter for letter in "ABCDEFabcdef0123456789" if letter != lines[line][at]])
        lines[line] = lines[line][:at] + new + lines[line][at + 1:]
        return "\n".join(lines)

    def foreign(number):
        if number % 3 == 0:
            file = signature_of(live)
            return "a changed letter in the version's", lambda top: (top / file).write_text(broken((top / file).read_text()))
        if number % 3 == 1:
            return "a changed letter in the release's", lambda top: edit_pointer(top / "current.json", signature=broken(now["signature"]))

        def resigned(top):
            place = signed.lab.copy(signed.place)
            shutil.rmtree(f"{place}/store/reports", ignore_errors=True)
            signed.lab.must(["sign", live, "--key", signed.other], place)
            signed.release(rng.choice(others), remote=str(top), key=signed.other, place=place)
        return "another one's key", resigned

    for number in range(times):
        yield ("wrong key", *foreign(number))

    def crossed(number):
        other = others[number % 2]
        old = json.loads(signed.states[-1 - number % len(signed.states)])
        kinds = [
            ("the signature of another version", lambda top: shutil.copy(top / signature_of(other), top / signature_of(live))),
            ("the version's for the release's",
             lambda top: edit_pointer(top / "current.json", signature=(top / signature_of(live)).read_text())),
            ("the release's for the version's", lambda top: (top / signature_of(live)).write_text(now["signature"])),
            ("another release's signature", lambda top: edit_pointer(top / "current.json", signature=old["signature"])),
            ("a new generation with an old release", lambda top: edit_pointer(
                top / "current.json", **{**old, "generation": now["generation"] + 1})),
            ("the manifest of another version",
             lambda top: shutil.copy(top / f"versions/{other}/manifest.json", top / f"versions/{live}/manifest.json")),
            ("another version's name", lambda top: edit_pointer(top / "current.json", version=other)),
            ("another version's name and manifest", lambda top: edit_pointer(
                top / "current.json", version=other,
                manifest_sha256=hashlib.sha256((top / f"versions/{other}/manifest.json").read_bytes()).hexdigest())),
            ("objects of another version", lambda top: swap_objects(top, live, other)),
            ("a manifest that was changed", lambda top: (lambda remade: (
                remade["labels"].update(evil="1"), (top / f"versions/{live}/manifest.json").write_text(json.dumps(remade)),
                edit_pointer(top / "current.json", manifest_sha256=checker.sha256(top / f"versions/{live}/manifest.json"))))(
                    json.loads((top / f"versions/{live}/manifest.json").read_bytes()))),
        ]
        return kinds[number % len(kinds)]

    for number in range(times * 2 if times < 10 else times):
        yield ("mixed", *crossed(number))


def swap_objects(top, live, other):
    """Puts an object of one version in the place of another's."""
    files = {version: {file["path"]: file["sha256"] for file in json.loads(
        (top / f"versions/{version}/manifest.json").read_bytes())["files"]} for version in (live, other)}
    for path in files[live]:
        if path in files[other] and files[live][path] != files[other][path]:
            shutil.copy(top / f"blobs/{files[other][path]}", top / f"blobs/{files[live][path]}")


def expired(lab, signed, outcome, times):
    """Releases and versions whose time is over, on channels of their own."""
    channels = [f"short-{number}" for number in range(times)]
    # Before the version has a signature that does not end, which would be kept.
    place, remote = lab.copy(lab.template()), f"{lab.new_dir('remote')}/r"
    for number, channel in enumerate(channels):
        version = VERSIONS[number % 2]
        args = ["push", version, "--channel", channel, "--sign", "--key", signed.key, "--expires", "1s", "--remote", remote]
        lab.must(args, place)
        if number % 2:
            # Its version is signed for ever, and the release is not.
            lab.must(["sign", version, "--key", signed.key], place)
            lab.must(["push", version, "--sign", "--key", signed.key, "--remote", remote], place)
    time.sleep(2.1)
    empty = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
    lab.must(["init"], empty)
    receiver = Receiver(lab, empty)
    for channel in channels:
        outcome.visited += 1
        outcome.injected += 1
        args = ["pull", "--channel", channel, "--publish", *signed.trusting(), "--remote", remote]
        outcome.add(receiver.refuses(args, codes={12}), f"expired: {channel}")


def other_names(lab, signed, outcome, times):
    """What the same key signed for another store's name, or for another channel."""
    place = lab.copy(signed.place)
    shutil.rmtree(f"{place}/store/reports", ignore_errors=True)
    settings = pathlib.Path(f"{place}/ragctl.toml")
    settings.write_text(settings.read_text() + '[signing]\nname = "another"\n')
    made = lab.copy(signed.remote)
    # A push under another name than the live release's is refused where it can be seen.
    edit_pointer(pathlib.Path(made) / "current.json", signature=None)
    for version in VERSIONS:
        lab.must(["sign", version, "--key", signed.key], place)
    for _ in range(times // 2):
        for version in VERSIONS[:2]:
            lab.must(["push", version, "--channel", "current", "--sign", "--key", signed.key, "--remote", made], place)
            outcome.visited += 1
            outcome.injected += 1
            args = signed.pulling("--publish")
            # The receiver knows a remote by where it is.
            os.rename(signed.remote, f"{signed.remote}.true")
            os.rename(made, signed.remote)
            outcome.add(signed.receiver.refuses(args, codes={12}), "of another store's name")
            os.rename(signed.remote, made)
            os.rename(f"{signed.remote}.true", signed.remote)
    lab.must(["push", "v0.1.0", "--channel", "canary", "--sign", "--key", signed.key, "--remote", signed.remote], signed.place)
    with swapped(lab, signed) as top:
        canary = json.loads((top / "channels/canary.json").read_bytes())
        edit_pointer(top / "current.json", **{**canary, "generation": 10 ** 6})
        outcome.visited += 1
        outcome.injected += 1
        outcome.add(signed.receiver.refuses(signed.pulling("--publish"), codes={12}), "of another channel")


def without_a_key(lab, signed, outcome):
    """The order of releases is kept where nothing is signed, too, until a person says that a remote is another one."""
    place = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
    lab.must(["pull", "--init", "--publish", "--remote", signed.remote], place)
    receiver = Receiver(lab, place)
    now = json.loads(signed.path("current.json").read_bytes())
    older = json.loads(signed.states[0])
    for name, changed in (("an older release", older), ("another one of the same number", {**older, "generation": now["generation"]}),
                          ("one of the future", {"generation": 10 ** 9, "published_at": "2999-01-01T00:00:00Z"})):
        with swapped(lab, signed) as top:
            edit_pointer(top / "current.json", **changed)
            outcome.visited += 1
            outcome.injected += 1
            outcome.add(receiver.refuses(["pull", "--publish", "--remote", signed.remote], codes={12}), f"without a key: {name}")
            if changed is older:
                run = lab.run(["pull", "--publish", "--reset-remote", "--remote", signed.remote], lab.copy(place))
                outcome.add([] if run.code == 0 else [f"--reset-remote: exit code {run.code}: {run.err.strip()[-300:]}"])


@contextlib.contextmanager
def swapped(lab, signed):
    """Has a copy of the remote in its place for a while."""
    true = f"{signed.remote}.true"
    os.rename(signed.remote, true)
    try:
        lab.copy(true, signed.remote)
        yield pathlib.Path(signed.remote)
    finally:
        lab.remove(signed.remote)
        os.rename(true, signed.remote)


def t33(lab):
    """old pointers, and signatures that are none"""
    outcome, rng, times = Outcome(), lab.rng("T33"), lab.pick(5, TIMES)
    signed = Signed(lab)
    receiver, kinds = signed.receiver, {}
    remembered = pathlib.Path(f"{receiver.place}/store/state/remotes.json")
    before = remembered.read_bytes()
    for number, (kind, name, make) in enumerate(attacks(signed, times, rng)):
        kinds[kind] = kinds.get(kind, 0) + 1
        with swapped(lab, signed) as top:
            make(top)
            publish = ["--publish"] if number % 2 else []
            outcome.visited += 1
            outcome.injected += 1
            outcome.add(receiver.refuses(signed.pulling(*publish), codes={12}), f"{kind}: {name}")
            if remembered.read_bytes() != before:
                outcome.add([f"{kind}: {name}: what was followed is another release now"])
    outcome.visited += 1
    outcome.injected += 1
    outcome.add(receiver.refuses(signed.pulling("--publish", key=signed.other), codes={12}), "trusting another key")
    expired(lab, signed, outcome, times)
    other_names(lab, signed, outcome, times)
    without_a_key(lab, signed, outcome)
    run = lab.run(signed.pulling("--publish", "--json"), receiver.place)
    live = json.loads(signed.path("current.json").read_bytes())
    followed = json.loads(remembered.read_bytes())
    if run.code != 0 or run.json()["generation"] != live["generation"]:
        outcome.add([f"the true one, afterwards: exit code {run.code}: {run.err.strip()[-300:]}; followed: {followed}"])
    outcome.notes.append(f"kinds: {kinds}, expired: {times}, other names: {times // 2 * 2 + 1}")
    return outcome


# T35
class Follower:
    """A process that keeps a store at a remote's channel, and is killed now and then."""

    def __init__(self, lab, remote):
        self.lab, self.remote = lab, remote
        self.place = lab.documents(os.path.join(lab.new_dir("follower"), "p"))
        self.child = None

    def start(self):
        words = ["pull", "--init", "--publish", "--follow", "--interval", "100ms", "--keep", "2", "--lock-timeout", "5s"]
        self.child = Child(self.lab, [*words, "--remote", self.remote], self.place)

    def listens(self):
        """Waits until a signal would find it prepared."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.child.process.poll() is None:
            status = pathlib.Path(f"/proc/{self.child.process.pid}/status").read_text()
            caught = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.M)[1], 16)
            if caught >> signal.SIGTERM - 1 & 1:
                return
            time.sleep(0.01)

    def stop(self, number):
        self.child.process.send_signal(number)
        return self.child.ends(20)

    def live(self):
        twin = checker.json_file(f"{self.place}/store/current.json") or {}
        seen = checker.json_file(f"{self.place}/store/state/remotes.json")
        return twin.get("version"), twin.get("manifest_sha256"), json.dumps(seen)

    def converges(self, within):
        """Waits until the store is at what the remote names; returns problems."""
        pointer = json.loads(pathlib.Path(self.remote, "current.json").read_bytes())
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            version, manifest, seen = self.live()
            followed = f'"generation": {pointer["generation"]},' in seen
            if (version, manifest) == (pointer["version"], pointer["manifest_sha256"]) and followed:
                return []
            if self.child.process.poll() is not None:
                code, _, err = self.child.ends()
                return [f"the follower ended with {code}: {err.strip()[-300:]}"]
            time.sleep(0.02)
        return [f"after {within} s the store is at {self.live()}, the remote at {pointer['generation']}, {pointer['version']}"]


def t35(lab):
    """a follower that is killed while versions are pushed, rolled back and removed"""
    outcome, rng = Outcome(), lab.rng("T35")
    builder = lab.copy(lab.template())
    remote = f"{lab.new_dir('remote')}/r"
    lab.must(["push", "v0.1.0", "--channel", "current", "--remote", remote], builder)
    follower, resting, ended, codes = Follower(lab, remote), threading.Event(), threading.Event(), {}
    idle = threading.Event()

    def build_side():
        drawn = random.Random(f"{lab.seed} T35 pushes")
        while not ended.is_set():
            if resting.is_set():
                idle.set()
                time.sleep(0.01)
                continue
            idle.clear()
            what = drawn.choice(("push", "push", "push", "rollback", "gc"))
            args = {"push": ["push", drawn.choice(VERSIONS), "--channel", "current", "--remote", remote],
                    "rollback": ["rollback", "--remote", remote],
                    "gc": ["gc", "--remote", remote, "--keep-last", "1", "--min-age", "0s"]}[what]
            run = lab.run(args, builder)
            codes[what, run.code] = codes.get((what, run.code), 0) + 1
            # There may be nothing to go back to.
            if run.code not in (0, 10) or (run.code == 10 and what != "rollback"):
                outcome.add(checker.ended_well(run.code, run.err) or [f"exit code {run.code}: {run.err.strip()[-300:]}"], what)
            time.sleep(drawn.uniform(0, 0.05))

    pushes = threading.Thread(target=build_side, daemon=True)
    pushes.start()
    try:
        for number in range(lab.pick(16, 200)):
            follower.start()
            # Early enough to hit the pulls, late enough to have some.
            time.sleep(rng.uniform(0, 0.5))
            code, _, err = follower.stop(signal.SIGKILL)
            outcome.visited += 1
            outcome.injected += code == -signal.SIGKILL
            if code != -signal.SIGKILL:
                outcome.add([f"the follower ended with {code}: {err.strip()[-300:]}"])
            # While it is dead, what its store shows must be whole.
            if os.path.isdir(f"{follower.place}/store/versions"):
                outcome.add(pulled(follower.place), f"killed, {number}")
            if number % 4 == 3:
                resting.set()
                idle.wait(30)
                follower.start()
                follower.listens()
                outcome.add(follower.converges(15), f"after kill {number}")
                code, _, err = follower.stop(signal.SIGTERM)
                outcome.add([] if code == 0 else [f"SIGTERM: exit code {code}: {err.strip()[-300:]}"], f"after kill {number}")
                outcome.add(pulled(follower.place, settled=True), f"at rest, {number}")
                live = follower.live()[0]
                if live:
                    run = lab.run(["verify", live, "--level", "bytes"], follower.place)
                    outcome.add([] if run.code == 0 else [f"verify {live}: exit code {run.code}: {(run.out + run.err).strip()[-300:]}"])
                resting.clear()
    finally:
        ended.set()
        pushes.join(60)
        if follower.child and follower.child.process.poll() is None:
            follower.stop(signal.SIGKILL)
    bodies = {str(path.relative_to(remote)): path.read_bytes() for path in pathlib.Path(remote).rglob("*") if path.is_file()}
    outcome.add(judge(bodies), "the remote")
    releases = json.loads(bodies["current.json"])["generation"]
    outcome.notes.append(f"{releases} releases of the remote; what was done there: {dict(sorted(codes.items()))}")
    return outcome


def pulled(place, settled=False):
    """Judges a store that was pulled into: what is pulled has no snapshot."""
    found = checker.judge(f"{place}/store", settled=settled)
    return [problem for problem in found if not problem.startswith("I5 the snapshot")]
