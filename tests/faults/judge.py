"""T00: the judges themselves are judged. Every kind of violation is made by hand, once, and must be called by its name; an
untouched store and a true history must pass.
"""

import json
import os
import pathlib
import shutil

import checker
import damage
from concurrency import Call, linearizable
from store import Outcome


def link(target):
    def violate(store):
        os.unlink(f"{store}/current")
        os.symlink(target.replace("STORE", store), f"{store}/current")
    return violate


def edit(path, change):
    def violate(store):
        file = pathlib.Path(f"{store}/{path}")
        os.chmod(file, 0o644)
        file.write_bytes(change(file.read_bytes()))
    return violate


def add(path, text=""):
    return lambda store: pathlib.Path(f"{store}/{path}").write_text(text)


def again(line):
    return lambda data: data + data.splitlines(keepends=True)[line]


def other_meaning(data):
    record = json.loads(data.splitlines()[0])
    return data + json.dumps({**record, "manifest_sha256": "0" * 64}).encode() + b"\n"


def snapshot_of(store):
    return f"{store}/snapshots/" + checker.json_file(f"{store}/versions/v0.2.0/manifest.json")["snapshot"]


VIOLATIONS = {
    "an absolute link": ("I1", link("STORE/versions/v0.3.0")),
    "a dangling link": ("I1", link("versions/v0.9.9")),
    "a link of two hops": ("I1", link("current2")),
    "a directory for a link": ("I1", lambda store: (os.unlink(f"{store}/current"), os.mkdir(f"{store}/current"))),
    "a link that history does not know": ("I3", link("versions/v0.2.0")),
    "a channel that is gone": ("I3", lambda store: os.unlink(f"{store}/current")),
    "a changed byte": ("I2", edit("versions/v0.2.0/sources.jsonl", lambda data: b"[" + data[1:])),
    "another file": ("I2", add("versions/v0.2.0/extra")),
    "a missing file": ("I2", lambda store: os.unlink(f"{store}/versions/v0.2.0/probes.json")),
    "a changed manifest": ("I2", edit("versions/v0.2.0/manifest.json", lambda data: data + b"\n")),
    "a lost last release": ("I4", edit("state/history.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:-1]))),
    "a generation twice": ("I4", edit("state/history.jsonl", again(-1))),
    "a name with two meanings": ("I4", edit("state/names.jsonl", other_meaning)),
    "a needed version that is gone": ("I5", lambda store: shutil.rmtree(f"{store}/versions/v0.2.0")),
    "a needed snapshot that is gone": ("I5", lambda store: shutil.rmtree(snapshot_of(store))),
    "a needed model that is gone": ("I5", lambda store: shutil.rmtree(f"{store}/models")),
    "a staging directory": ("I7", lambda store: os.mkdir(f"{store}/staging/draft-x")),
    "a journal": ("I7", add("state/journal.json", "{}")),
    "a twin that is behind": ("I7", edit("current.json", lambda data: data.replace(b'"generation": 3', b'"generation": 2'))),
    "a name not written down": ("I7", edit("state/names.jsonl", lambda data: data.splitlines(keepends=True)[0])),
    "a temporary file": ("I7", add("reports/.tmp-abcdef")),
    "half an entry of the trash": ("I7", lambda store: os.mkdir(f"{store}/trash/v0.1.0.1")),
}


def publishing(to, expected, number, begun, code, answer=None):
    return Call("publish", ["publish", to, "--expect-current", expected], number, begun, begun + 5, code, json.dumps(answer))


def register():
    """A true history of four releases, with the calls that made it and what a reader saw."""
    names = ["a", "b", "c", "d"]
    history = [{"generation": number + 1, "operation": "publish", "from": names[number - 1] if number else "none", "to": name,
                "reason": str(number)} for number, name in enumerate(names)]
    calls = [publishing(record["to"], record["from"], record["reason"], number * 10, 0, {"changed": True, "release": record})
             for number, record in enumerate(history)]
    return history, calls, [("b", 12, 13), ("b", 18, 21)]


def untrue():
    """Histories that no register has, each with what is wrong in words."""
    history, calls, seen = register()
    yield "a lost release", history[:-1], calls, seen
    yield "a release of nobody", history, calls[:-1], seen
    turned = [history[0], {**history[2], "generation": 2}, {**history[1], "generation": 3}, history[3]]
    yield "another order than that of time", turned, calls, seen
    yield "a release that went elsewhere", [*history[:-1], {**history[-1], "to": "x"}], calls, seen
    yield "a reader of the past", history, calls, [("a", 31, 32)]
    yield "a reader of the future", history, calls, [("d", 1, 2)]
    yield "a refusal without cause", history, [*calls, publishing("x", "d", "9", 50, 13)], seen


def t00(lab):
    """the checker finds every kind of violation made by hand"""
    outcome = Outcome()
    before = checker.State(f"{lab.template()}/store")
    for name, (code, violate) in {"nothing": (None, lambda store: None), **VIOLATIONS}.items():
        place = lab.copy(lab.template())
        for part in ("versions", "snapshots", "models"):
            damage.unseal(f"{place}/store/{part}")
        violate(f"{place}/store")
        found = checker.judge(f"{place}/store", before, keep={"v0.2.0"}, settled=True)
        outcome.visited += 1
        outcome.injected += code is not None
        if (code is None and found) or (code and not any(problem.startswith(code) for problem in found)):
            outcome.add([f"{name}: the checker found {found}"])
        lab.remove(os.path.dirname(place))
    if linearizable(*register()):
        outcome.add([f"a true history: {linearizable(*register())}"])
    for name, *case in untrue():
        outcome.visited += 1
        outcome.injected += 1
        if not linearizable(*case):
            outcome.add([f"{name} passes for linearizable"])
    return outcome
