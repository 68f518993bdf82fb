"""T60 to T67: servers that follow a channel while it flips, flaps, names bad versions, is flipped back, vanishes, does not fit
into memory or is seen from afar, and that reload again and again. All the while clients check every answer.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import damage
from leases import namespaces, readers_of
from serving import AMBER, BIRCH, CEDAR, JSON, RESIDENT, Crowd, Server, Stage, corpora, reseal, served, until, with_ballast
from store import Outcome
from sweep import at_once

VERSIONS = (AMBER, BIRCH, CEDAR)


def loads(server):
    """Says whether two loads that succeeded overlap, or began sooner after each other than they may."""
    spans = [(at - record["took_ms"] / 1000, at) for at, record in server.events("serving")]
    problems = []
    for (begun, ended), (next_begun, _) in zip(spans, spans[1:]):
        if next_begun < ended:
            problems.append("two loads at once")
        elif next_begun < begun + 0.95:
            problems.append(f"two loads began {next_begun - begun:.2f} s apart")
    return problems


def count_loads(server):
    metrics = server.metrics()
    return sum(int(metrics.reloads(outcome)) for outcome in ("served", "superseded", "failed"))


def t60(lab):
    """a flip every second under 16 clients: no request fails and no answer is mixed"""
    outcome, stage = Outcome(), Stage(lab)
    seconds = lab.pick(7, 60)
    with Server(lab, stage.place) as server, Crowd(server, stage.marks) as crowd:
        calm = time.time()
        time.sleep(lab.pick(1, 5))
        begun = time.time()
        for number in range(1, seconds + 1):
            wanted = VERSIONS[number % 3]
            stage.release(*(["rollback", "--to", wanted, "--fast"] if number % 2 else ["publish", wanted, "--require", "structure"]))
            outcome.injected += 1
            time.sleep(max(0, begun + number - time.time()))
        outcome.add(served(server, wanted))
        reloads = server.metrics().reloads("served")
        outcome.add(loads(server) + server.health())
    outcome.visited = len(crowd.seen)
    outcome.add(crowd.shown() + stage.problems_of(crowd))
    if crowd.versions(begun) != set(VERSIONS) or reloads < seconds / 2:
        outcome.add([f"only {crowd.versions(begun)} answered, in {reloads:.0f} reloads: the test proves nothing"])
    quiet, loud = crowd.slowest(calm, begun), crowd.slowest(begun)
    outcome.notes.append(f"{len(crowd.seen)} answers, {reloads:.0f} reloads; p99 {quiet:.1f} ms before, {loud:.1f} ms meanwhile")
    return outcome


def t61(lab):
    """10 flips a second: no error, one load at a time, and the last version wins within 2 s"""
    outcome, stage = Outcome(), Stage(lab)
    seconds, rng = lab.pick(6, 60), lab.rng("T61")
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 8) as crowd:
        single, _, _, _ = server.memory()
        begun, most = time.time(), 0
        while time.time() < begun + seconds:
            # Not the version that answers, so that each is a flip.
            live = stage.released[stage.generation]
            stage.flip(rng.choice([version for version in VERSIONS if version != live]))
            outcome.injected += 1
            most = max(most, server.metrics().of("versions"))
            time.sleep(max(0, begun + outcome.injected * 0.1 - time.time()))
        last = stage.released[stage.generation]
        late = until(lambda: server.version() == last, 2)
        if late is None:
            outcome.add([f"2 s after the last flip {server.version()} answers, not {last}"])
        time.sleep(0.3)
        outcome.add(served(server, last, 0))
        count, (_, peak, _, _) = count_loads(server), server.memory()
        outcome.add(loads(server) + server.health())
    outcome.visited = len(crowd.seen)
    outcome.add(crowd.shown() + stage.problems_of(crowd))
    if count > seconds + 3 or most > 3:
        outcome.add([f"{count} loads in {seconds} s, {most:.0f} versions at once"])
    if count < seconds / 3:
        outcome.add([f"only {count} loads in {seconds} s: the test proves nothing"])
    if peak > 2.2 * single + 64:
        outcome.add([f"memory reached {peak:.0f} MiB, and is {single:.0f} MiB with one version"])
    outcome.notes.append(f"{outcome.injected} flips, {count} loads, the last version after {late or 0:.2f} s, "
                         f"memory {single:.0f} to {peak:.0f} MiB")
    return outcome


# T62: each kind takes a version's directory that may be written, or the stage, and breaks it.

def a_file(top, *beginnings):
    """The largest file whose path begins so."""
    found = [path for path in pathlib.Path(top).rglob("*") if path.is_file() and not path.is_symlink()]
    chosen = [path for path in found if str(path.relative_to(top)).startswith(beginnings)]
    return max(chosen, key=lambda path: (path.stat().st_size, path))


LANCE = "lance/chunks.lance/"
PARTS = {
    "the rows": (f"{LANCE}data/",), "the words' index": (f"{LANCE}_indices/",), "Lance's manifest": (f"{LANCE}_versions/1",),
    "Lance's transaction": (f"{LANCE}_transactions/",), "Lance's hint": (f"{LANCE}_versions/latest",), "the probes": ("probes.json",),
    "the sources": ("sources.jsonl",), "the manifest": ("manifest.json",), "the manifest's hash": ("manifest.sha256",),
}


def flip_byte(path, rng):
    data = bytearray(path.read_bytes())
    # The end of the hash's line is not told apart from another end of a line.
    at = rng.randrange(64 if path.name == "manifest.sha256" else len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def halve(path, rng):
    os.truncate(path, path.stat().st_size // 2)


def empty(path, rng):
    os.truncate(path, 0)


def lengthen(path, rng):
    with open(path, "ab") as file:
        file.write(b"\n")


def drop(path, rng):
    path.unlink()


def by_link(path, rng):
    """The bytes are right, but lie elsewhere."""
    aside = pathlib.Path(f"{path}.aside")
    path.rename(aside)
    path.symlink_to(aside.name)


def by_pipe(path, rng):
    path.unlink()
    os.mkfifo(path)


def by_folder(path, rng):
    path.unlink()
    path.mkdir()


def in_manifest(**values):
    """A manifest that says something else, under a hash that fits it."""
    return lambda manifest: manifest.update(values)


def deeper(key, **values):
    return lambda manifest: manifest[key].update(values)


def of_files(**values):
    def change(manifest):
        largest = max(manifest["files"], key=lambda file: file["size"])
        largest.update(values)
    return change


def another_file(path):
    def change(manifest):
        manifest["files"] = sorted([*manifest["files"], {"path": path, "size": 0, "sha256": "0" * 64}], key=lambda file: file["path"])
    return change


MANIFESTS = {
    "an unknown format": in_manifest(format=999), "no format": lambda manifest: manifest.pop("format"),
    "another version's name": None, "another dimension": deeper("space", dimension=33), "no dimension": deeper("space", dimension=0),
    "a huge dimension": deeper("space", dimension=1 << 40), "more chunks": deeper("counts", chunks=5000), "fewer chunks": deeper("counts", chunks=1),
    "countless chunks": deeper("counts", chunks=(1 << 64) - 1), "another fingerprint": in_manifest(fingerprint="0" * 64),
    "the fingerprint of none": in_manifest(fingerprint="../../models"), "a wrong hash": of_files(sha256="0" * 64), "a wrong size": of_files(size=1),
    "no files": in_manifest(files=[]), "a file elsewhere": another_file("../../ragctl-store.json"), "a file at the root": another_file("/etc/hostname"),
    "a table elsewhere": lambda manifest: manifest["tables"][0].update(path="../v1.0.0/lance/chunks.lance"),
    "no tables": in_manifest(tables=[]), "more rows": lambda manifest: manifest["tables"][0].update(rows=5000),
    "nothing": lambda manifest: "", "a list": lambda manifest: "[]\n", "half of itself": lambda manifest: json.dumps(manifest)[:900],
    "nested too deep": lambda manifest: "[" * 200_000, "a key twice": lambda manifest: json.dumps(manifest)[:-1] + ', "version": "v1.0.0"}',
}


def changed_part(path, change):
    """Changes a file, and has the manifest list it as it is then."""
    def apply(top, rng):
        file = a_file(top, *path)
        change(file, rng)
        data = file.read_bytes()

        def listed(manifest):
            for entry in manifest["files"]:
                if entry["path"] == str(file.relative_to(top)):
                    entry.update(size=len(data), sha256=damage.checker.sha256(file))
        reseal(top, os.path.basename(top), listed)
    return apply


def write(text):
    return lambda path, rng: path.write_text(text)


def other_probes(path, rng):
    """Probes as another model would have made them."""
    probes = json.loads(path.read_text())
    for probe in probes:
        rng.shuffle(probe["vector"])
    path.write_text(json.dumps(probes))


def garbled_golden(top, rng):
    pathlib.Path(f"{top}/golden.jsonl").write_text('{"text": \n')
    own = damage.checker.sha256(f"{top}/golden.jsonl")

    def listed(manifest):
        entry = {"path": "golden.jsonl", "size": os.path.getsize(f"{top}/golden.jsonl"), "sha256": own}
        manifest["files"] = sorted([*manifest["files"], entry], key=lambda file: file["path"])
    reseal(top, os.path.basename(top), listed)


def bad_versions():
    """Kinds of bad version by name: what source, and what breaks a copy of it."""
    kinds = {}

    def add(name, apply, source=BIRCH):
        kinds[name] = source, apply

    def on(part, change):
        return lambda top, rng: change(a_file(top, *PARTS[part]), rng)

    for part in PARTS:
        add(f"a flipped bit in {part}", on(part, flip_byte))
    for part in ("the rows", "the words' index", "the manifest", "the probes", "the sources"):
        add(f"half of {part}", on(part, halve))
    for part in ("the rows", "the manifest", "the manifest's hash"):
        add(f"nothing in {part}", on(part, empty))
    for part in ("the rows", "the probes", "the manifest"):
        add(f"more of {part}", on(part, lengthen))
    for part in ("the rows", "the words' index", "Lance's manifest", "the manifest", "the manifest's hash", "the probes", "the sources"):
        add(f"without {part}", on(part, drop))
    for name, change in (("a link", by_link), ("a pipe", by_pipe), ("a folder", by_folder)):
        for part in ("the rows", "the manifest", "the probes"):
            add(f"{name} for {part}", on(part, change))
    add("without lance", lambda top, rng: shutil.rmtree(f"{top}/lance"))
    add("another file", lambda top, rng: pathlib.Path(f"{top}/extra").write_text("extra\n"))
    add("another file of Lance's", lambda top, rng: pathlib.Path(f"{top}/{LANCE}data/extra.lance").write_text("extra\n"))
    add("an empty folder", lambda top, rng: [shutil.rmtree(top), os.mkdir(top)])
    add("a file for the folder", lambda top, rng: [shutil.rmtree(top), pathlib.Path(top).write_text("a file\n")])
    add("a link for the folder", lambda top, rng: [os.rename(top, f"{top}-aside"), os.symlink(f"{os.path.basename(top)}-aside", top)])
    for name, change in MANIFESTS.items():
        apply = (lambda top, rng: reseal(top, "v1.1.0")) if change is None else (lambda top, rng, change=change: reseal(top, os.path.basename(top), change))
        add(f"a manifest with {name}", apply)
    # These are sealed with the hashes that fit them: what finds them is not the reading back.
    add("sealed: half of the rows", changed_part(PARTS["the rows"], halve))
    add("sealed: nothing in the rows", changed_part(PARTS["the rows"], empty))
    add("sealed: half of Lance's manifest", changed_part(PARTS["Lance's manifest"], halve))
    add("sealed: probes of another model", changed_part(PARTS["the probes"], other_probes), CEDAR)
    add("sealed: garbled probes", changed_part(PARTS["the probes"], write("[")), CEDAR)
    add("sealed: garbled golden queries", garbled_golden)
    for name, change in (("without a model", lambda model, rng: shutil.rmtree(model)),
                         ("a flipped bit in the model's weights", lambda model, rng: flip_byte(model / "model.safetensors", rng)),
                         ("a flipped bit in the model's words", lambda model, rng: flip_byte(model / "tokenizer.json", rng)),
                         ("half of the model's weights", lambda model, rng: halve(model / "model.safetensors", rng)),
                         ("without the model's settings", lambda model, rng: drop(model / "config.json", rng)),
                         ("an empty folder for the model", lambda model, rng: [shutil.rmtree(model), model.mkdir()]),
                         ("another model's weights", lambda model, rng: shutil.copy(sibling(model) / "model.safetensors", model / "model.safetensors")),
                         ("another model", lambda model, rng: [shutil.rmtree(model), shutil.copytree(sibling(model), model)])):
        add(name, in_model(change), CEDAR)
    other_hashes = lambda manifest: manifest.update(model_files=dict.fromkeys(manifest["model_files"], "0" * 64))
    add("a manifest with other hashes of the model", lambda top, rng: reseal(top, os.path.basename(top), other_hashes), CEDAR)
    if os.geteuid() != 0:
        add("a folder that may not be read", lambda top, rng: os.chmod(top, 0))
        add("rows that may not be read", lambda top, rng: os.chmod(a_file(top, *PARTS["the rows"]), 0))
    return kinds


def sibling(model):
    return next(path for path in model.parent.iterdir() if path.is_dir() and path != model)


def in_model(change):
    """Breaks the model of a version, in the store."""
    def apply(top, rng):
        with open(f"{top}/manifest.json") as file:
            model = pathlib.Path(top).parents[1] / "models" / json.load(file)["fingerprint"]
        damage.unseal(model)
        change(model, rng)
    return apply


def replaced(make):
    """Puts something else where the link is."""
    def apply(stage, good):
        os.unlink(f"{stage.store}/current")
        make(f"{stage.store}/current", good)
    return apply


def pointing(target):
    return lambda stage, good: stage.flip(good, target.format(version=good, top=stage.top(good), store=stage.store))


POINTERS = {
    "no link": replaced(lambda path, good: None),
    "a file for the link": replaced(lambda path, good: pathlib.Path(path).write_text(f"versions/{good}")),
    "a folder for the link": replaced(lambda path, good: os.mkdir(path)),
    "a pipe for the link": replaced(lambda path, good: os.mkfifo(path)),
    "a link to itself": replaced(lambda path, good: os.symlink("current", path)),
    "an absolute link": pointing("{top}"), "a link out of the store": pointing("../store/versions/{version}"),
    "a link with a detour": pointing("versions/../versions/{version}"), "a link to all versions": pointing("versions"),
    "a link to a name alone": pointing("{version}"), "a link to a file": pointing("versions/{version}/manifest.json"),
    "a link into another folder": pointing("staging/{version}"), "a link to no name": pointing("versions/newest"),
    "a link to a name in capitals": pointing("versions/V3.0.0"), "a link to the system": pointing("/etc"),
}
# These can be read as a name, so that the server knows of them.
ABSENT = {"a version that does not exist": "v9.9.9", "a version that was never one": "v0.0.0"}


def lane(lab, kinds, number):
    """One server that is shown some kinds of bad version, and a good one after each; returns answers, faults and problems."""
    stage, rng, problems = Stage(lab), lab.rng(f"T62 {number}"), []
    damage.unseal(f"{stage.store}/models")
    model = pathlib.Path(f"{stage.store}/models")
    good_models = lab.copy(str(model), os.path.join(lab.new_dir(), "models"))
    names = []
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 2, pause=0.01) as crowd:
        live = AMBER
        for name, (source, apply) in kinds:
            mark = len(crowd.problems)
            told = [f"{name}: {problem}" for problem in shown_a_bad_one(server, stage, live, source, apply, rng)]
            problems += told
            if os.path.lexists(f"{stage.store}/current") and not os.path.islink(f"{stage.store}/current"):
                lab.remove(f"{stage.store}/current")
            lab.remove(str(model))
            lab.copy(good_models, str(model))
            live = stage.forged((AMBER, BIRCH)[len(names) % 2])
            names.append(live)
            stage.flip(live)
            # A second more than it may take, because so many servers share this machine.
            problems += [f"{name}: afterwards {problem}" for problem in served(server, live, 3)]
            if until(lambda: server.metrics().of("degraded") == 0, 1) is None:
                problems.append(f"{name}: afterwards the server still says that it is degraded")
            problems += [f"{name}: {problem}" for problem in sorted(set(crowd.problems[mark:]))]
            problems += [f"{name}: {problem}" for problem in server.health()]
            if server.health():
                break
    lab.remove(stage.place)
    return len(crowd.seen), len(kinds), problems


def shown_a_bad_one(server, stage, live, source, apply, rng):
    """Flips to what is bad; the server must keep what answers, and say so where it can know of it."""
    before = server.metrics()
    if source is None:
        apply(stage, stage.forged(BIRCH))
        # Long enough for a look and a load.
        time.sleep(1.3)
        problems = []
    else:
        if apply is None:
            version = source
        else:
            version = f"v5.0.{next(stage.number)}"
            top = stage.top(version)
            shutil.copytree(stage.top(source), top)
            damage.unseal(top)
            reseal(top, version)
            open(f"{stage.store}/leases/{version}", "a").close()
            apply(top, rng)
        stage.flip(version)
        told = until(lambda: server.metrics().of("degraded") == 1, 2.5)
        problems = [] if told is not None else ["the server does not say that it is degraded"]
        now = server.metrics()
        if now.reloads("failed") <= before.reloads("failed") or now.of("reload_failures_total") <= before.of("reload_failures_total"):
            problems.append("no failure is counted")
    if server.version() != live:
        problems.append(f"{server.version()} answers, not {live}")
    return problems


def tries(lab, intervals):
    """How often a corrupt version is tried again: 5 s after the first failure, then 10 s, each a fifth more or less."""
    stage = Stage(lab)
    top = stage.top("v5.0.0")
    shutil.copytree(stage.top(BIRCH), top)
    damage.unseal(top)
    reseal(top, "v5.0.0")
    open(f"{stage.store}/leases/v5.0.0", "a").close()
    flip_byte(a_file(top, *PARTS["the rows"]), lab.rng("T62 tries"))
    failed = lambda server: server.metrics().of("reload_failures_total", 'reason="integrity"')
    with Server(lab, stage.place) as server:
        stage.flip("v5.0.0")
        times = []
        for number in range(intervals + 1):
            if until(lambda: failed(server) > number, 16) is None:
                return [f"try {number + 1} of a corrupt version does not come"]
            times.append(time.monotonic())
            if failed(server) != number + 1:
                return ["two tries of a corrupt version at once"]
    problems = []
    for number, (one, two) in enumerate(zip(times, times[1:])):
        wanted = 5 * 2 ** number
        if not 0.78 * wanted <= two - one <= 1.25 * wanted + 0.5:
            problems.append(f"a corrupt version is tried again after {two - one:.1f} s, not about {wanted} s")
    return problems


def t62(lab):
    """more than 80 kinds of bad version: the old one answers, the server says so, and a good one follows within 2 s"""
    outcome = Outcome()
    corpora(lab)
    kinds = list(bad_versions().items())
    kinds += [(name, (None, apply)) for name, apply in POINTERS.items()]
    kinds += [(name, (version, None)) for name, version in ABSENT.items()]
    rng = lab.rng("T62")
    for _ in range(lab.pick(1, 4)):
        rng.shuffle(kinds)
        lanes = lab.pick(16, 10)
        jobs = [lambda number=number: lane(lab, kinds[number::lanes], number) for number in range(lanes)]
        jobs.insert(0, lambda: (0, 1, tries(lab, lab.pick(1, 2))))
        for answers, injected, problems in at_once(jobs, lambda job: job(), len(jobs)):
            outcome.visited += answers
            outcome.injected += injected
            outcome.add(problems)
    outcome.notes.append(f"{len(kinds)} kinds of bad version, {outcome.visited} answers")
    return outcome


# T63

def overtaken(lab, number, rounds):
    """Flips to a version that takes long to load, and somewhere else while it loads; returns what happened."""
    stage, rng, problems = Stage(lab), lab.rng(f"T63 {number}"), []
    heavy = with_ballast(stage, BIRCH)
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 2, pause=0.01) as crowd:
        live = AMBER
        for turn in range(rounds):
            # No load has begun for a second, so that the next one begins with the flip.
            time.sleep(1.1)
            flipped = stage.flip(heavy)
            if until(lambda: any(record["version"] == heavy for _, record in server.events("flip seen", flipped - 0.01)), 2) is None:
                problems.append("a flip is not seen")
            time.sleep(rng.uniform(0, 0.35))
            # Back, or on.
            wanted = live if turn % 2 else stage.forged(rng.choice((AMBER, CEDAR)))
            if turn % 4 < 2:
                server.process.send_signal(signal.SIGSTOP)
                stage.flip(wanted)
                time.sleep(rng.uniform(0, 0.05))
                server.process.send_signal(signal.SIGCONT)
            else:
                stage.flip(wanted)
            after = time.time()
            problems += served(server, wanted, 3)
            settled = time.time()
            time.sleep(0.3)
            late = [record for at, record in server.events("serving", after + 0.2) if record["version"] == heavy]
            others = crowd.versions(settled) - {wanted}
            if late or others:
                problems.append(f"round {turn}: after a flip to {wanted} {'it still swapped to the one before' if late else others}")
            live = wanted
        superseded = int(server.metrics().reloads("superseded"))
        problems += server.health()
    problems += crowd.shown() + stage.problems_of(crowd)
    return len(crowd.seen), rounds, superseded, problems


def t63(lab):
    """flips back and on while a version loads: what the channel does not name any more never answers"""
    outcome, superseded = Outcome(), 0
    corpora(lab)
    lanes = 4
    for answers, rounds, count, problems in at_once(range(lanes), lambda number: overtaken(lab, number, lab.pick(2, 50)), lanes):
        outcome.visited += answers
        outcome.injected += rounds
        superseded += count
        outcome.add(problems)
    outcome.notes.append(f"{superseded} of {outcome.injected} loads were overtaken")
    if not superseded:
        outcome.add(["no load was overtaken: the test proves nothing"])
    return outcome


# T64

def t64(lab):
    """rm -rf of the live version, of the link and of the whole store: what is in memory answers on, and the next release comes"""
    outcome, stage = Outcome(), Stage(lab)
    store = stage.store
    whole = lab.copy(store, os.path.join(lab.new_dir(), "whole"))
    broken = collections.Counter()

    def back():
        subprocess.run(["cp", "-a", whole, f"{store}.new"], check=True)
        os.rename(f"{store}.new", store)

    def slowly_back():
        os.mkdir(store)
        for entry in sorted(os.listdir(whole)):
            subprocess.run(["cp", "-a", f"{whole}/{entry}", f"{store}/{entry}"], check=True)
            time.sleep(0.05)

    faults = {
        "its version": (lambda live: lab.remove(stage.top(live)), None),
        "the link": (lambda live: os.unlink(f"{store}/current"), None),
        "the link and its twin": (lambda live: [os.unlink(f"{store}/current"), os.unlink(f"{store}/current.json")], None),
        "the versions": (lambda live: lab.remove(f"{store}/versions"), lambda: lab.copy(f"{whole}/versions", f"{store}/versions")),
        "the models": (lambda live: lab.remove(f"{store}/models"), lambda: lab.copy(f"{whole}/models", f"{store}/models")),
        "the leases": (lambda live: lab.remove(f"{store}/leases"), lambda: lab.copy(f"{whole}/leases", f"{store}/leases")),
        "the store": (lambda live: lab.remove(store), back),
        "the store, which comes back bit by bit": (lambda live: lab.remove(store), slowly_back),
    }
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 12, RESIDENT, ordered=False) as crowd:
        live = AMBER
        for _ in range(lab.pick(1, 10)):
            for name, (remove, restore) in faults.items():
                mark = len(crowd.problems)
                remove(live)
                outcome.injected += 1
                time.sleep(0.3)
                if server.version() != live:
                    outcome.add([f"{name} is gone, and {server.version()} answers"])
                # What reads the version's files may fail.
                broken[server.ask("POST", "/v1/search", json.dumps({"text": "store", "mode": "text"}), JSON)[0]] += 1
                if restore:
                    restore()
                    time.sleep(0.1)
                elif not os.path.isdir(stage.top(AMBER)):
                    lab.copy(f"{whole}/versions/{AMBER}", stage.top(AMBER))
                live = stage.forged(BIRCH if stage.marks[live] == "amber" else AMBER)
                stage.flip(live)
                outcome.add(served(server, live), f"{name} was gone")
                outcome.add(sorted(set(crowd.problems[mark:])), f"{name} is gone")
                outcome.add(server.health())
        code, _ = server.ends()
        if code != 0:
            outcome.add([f"exit code {code}"])
    outcome.visited = len(crowd.seen)
    outcome.notes.append(f"{outcome.visited} answers; searches by words, which read files, were answered by {dict(broken)}")
    return outcome


# T65

def large(lab, stage):
    """Adds two versions of many rows."""
    place, rng = stage.place, random.Random(65)
    words = [f"{word}{number}" for word in ("store", "index", "chunk", "reader") for number in range(100)]
    for name in os.listdir(f"{place}/docs"):
        os.unlink(f"{place}/docs/{name}")
    for number in range(6):
        lines = (f"{number} {line} " + " ".join(f"dogwood {word}" for word in rng.choices(words, k=14)) for line in range(2500))
        pathlib.Path(f"{place}/docs/dogwood-{number}.txt").write_text("\n\n".join(lines))
    for command in (["ingest"], ["build", "v6.0.0", "--index", "exact", "--text-language", "none"]):
        lab.must(command, place)
    stage.marks["v6.0.0"] = "dogwood"
    return "v6.0.0", stage.forged("v6.0.0", "v6.0.1")


def claiming(stage, source, size):
    """Forges a version that says that it takes this much memory."""
    name = stage.forged(source)
    os.chmod(stage.top(name), 0o755)
    reseal(stage.top(name), name, lambda manifest: manifest["resources"].update(resident_bytes=size))
    return name


def bounded(lab, stage, first, second, mode, room, expected):
    """Starts on one version with so many MiB beside what that takes, or with as much as its rows take, and flips to another
    that needs more. `expected` says whether the old one goes on or is followed by the new one."""
    stage.flip(first)
    with Server(lab, stage.place, "--search", "resident") as server:
        limit = int((server.memory()[0] + (room or 0)) * (1 << 20) + (0 if room else server.metrics().of("resident_bytes")))
    problems = []
    with Server(lab, stage.place, "--search", "resident", "--reload", mode, "--max-memory", f"{limit}B") as server:
        if server.version() != first:
            return [f"{first} is not served within {limit} bytes: {server.said()[-300:]}"], 0
        refused = lambda: server.metrics().of("reload_failures_total", 'reason="memory"') > 0
        with Crowd(server, stage.marks, 4, RESIDENT) as crowd:
            time.sleep(0.2)
            stage.flip(second)
            if expected != "follows" and until(refused, 2.5) is None:
                problems.append("no failure for memory is counted")
            wanted = second if expected == "follows" else first
            problems += served(server, wanted, 4)
            # The next try comes after a second.
            time.sleep(1.5 if expected == "goes on" else 0.2)
            problems += served(server, wanted, 0)
            if expected != "follows" and server.metrics().of("degraded") != 1:
                problems.append("the server does not say that it is degraded")
            if expected == "follows" and "let go before the next one loads" not in server.said():
                problems.append("both fit beside each other: the test proves nothing")
        # Without a version nothing answers for a moment.
        problems += [problem for problem in crowd.shown() if expected == "goes on" or "status 503" not in problem]
        problems += server.health()
    return problems, len(crowd.seen)


def t65(lab):
    """no room for two versions: the new one is refused and counted, or comes after the old one was let go"""
    outcome, stage = Outcome(), Stage(lab)
    one, two = large(lab, stage)
    greedy, absurd = (claiming(stage, BIRCH, size) for size in (1 << 30, (1 << 64) - 1))
    cases = {
        "beside, and too much": (one, two, "beside", 4, "goes on"),
        "beside, and far too much": (AMBER, greedy, "beside", 200, "goes on"),
        "beside, and beyond measure": (AMBER, absurd, "beside", 200, "goes on"),
        "drain-first": (one, two, "drain-first", None, "follows"),
        "drain-first, and too much alone": (AMBER, greedy, "drain-first", 200, "goes on"),
        "drain-first, and beyond measure": (AMBER, absurd, "drain-first", 200, "goes on"),
    }
    for _ in range(lab.pick(1, 10)):
        run = lambda name: (name, *bounded(lab, Stage(lab, stage), *cases[name]))
        for name, problems, answers in at_once(cases, run, 3):
            outcome.visited += answers
            outcome.injected += 1
            outcome.add(problems, name)
    return outcome


# T66

def t66(lab):
    """flips are seen in time: with events and without, and from another mount namespace that sees the store read-only"""
    outcome, stage = Outcome(), Stage(lab)
    inside = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/probe" 2>/dev/null && exec "$@"'
    elsewhere = ("unshare", "-m", "sh", "-c", inside, stage.place)
    ways = {"events": ((), (), 0.3), "no events": (("--no-events",), (), 0.75)}
    if namespaces(lab):
        ways |= {"events, read-only": ((), elsewhere, 0.3), "no events, read-only": (("--no-events",), elsewhere, 0.75)}
    else:
        outcome.missing.append("read-only mounts in other namespaces need root")
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(lab, stage.place, "--interval", "500ms", *options, prefix=prefix))
                   for name, (options, prefix, _) in ways.items()}
        flips, rng = [], lab.rng("T66")
        for number in range(lab.pick(5, 100)):
            version = VERSIONS[(number + 1) % 3]
            flips.append((stage.flip(version), stage.generation, version))
            outcome.injected += 1
            time.sleep(rng.uniform(1.1, 1.6))
        for name, server in servers.items():
            seen = {record["generation"]: at for at, record in server.events("flip seen")}
            late = [seen.get(generation, float("inf")) - flipped for flipped, generation, _ in flips]
            outcome.visited += len(late)
            outcome.add([f"{name}: a flip was seen after {took * 1000:.0f} ms" for took in late if took > ways[name][2]])
            outcome.add(served(server, flips[-1][2]) + server.health(), name)
            outcome.notes.append(f"{name}: seen after {min(late) * 1000:.0f} to {max(late) * 1000:.0f} ms")
    return outcome


# T67

def t67(lab):
    """reload after reload: memory, descriptors and threads stay, and there is one lease, on what is served"""
    outcome, stage = Outcome(), Stage(lab)
    count, measured = lab.pick(12, 200), []
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 4, pause=0.01) as crowd:
        for number in range(1, count + 1):
            version = stage.forged(VERSIONS[number % 3])
            stage.flip(version)
            outcome.add(served(server, version, 3))
            outcome.injected += 1
            until(lambda: server.metrics().of("versions") == 1, 1)
            leases = {name: readers for name, readers in readers_of(lab, stage.place).items() if readers}
            if leases != {version: 1}:
                outcome.add([f"after {number} reloads the leases are {leases}, not one on {version}"])
            measured.append(server.memory())
        outcome.add(server.health())
    outcome.visited = len(crowd.seen)
    outcome.add(crowd.shown() + stage.problems_of(crowd))
    for what, column, allowed in (("memory in MiB", 0, lab.pick(8, 16)), ("descriptors", 2, 3), ("threads", 3, 2)):
        early, late = (max(row[column] for row in rows) for rows in (measured[2:6], measured[-4:]))
        if late > early + allowed:
            outcome.add([f"{what} rose from {early:.0f} to {late:.0f} in {count} reloads"])
        outcome.notes.append(f"{what}: {early:.0f} after 3 to 6 reloads, {late:.0f} at the end")
    return outcome
