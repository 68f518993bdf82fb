"""T15: a sealed version is damaged by one bit, or in the shape of its tree; `verify` must find every damage, and exit 12.

Every file is hit, the manifest and its hash too. Where the flipped bit is the manifest's format number, exit 14 is as right.
"""

import os
import re
import shutil
import stat

import checker
from store import Outcome
from sweep import at_once

VERSION = "v0.4.0"


def unseal(top):
    for path, _, files in os.walk(top):
        os.chmod(path, 0o755)
        for file in files:
            os.chmod(os.path.join(path, file), 0o644)


class Patient:
    """A copy of the store whose version is damaged, looked at and healed, again and again."""

    def __init__(self, lab, look):
        self.lab, self.look = lab, look
        self.place = lab.copy(lab.template())
        self.top = f"{self.place}/store/versions/{VERSION}"
        unseal(self.top)
        self.good = lab.copy(self.top, os.path.join(lab.new_dir(), "good"))
        self.files = sorted(path for path, info in checker.walk(self.top) if stat.S_ISREG(info.st_mode))

    def heal(self):
        self.lab.remove(self.top)
        self.lab.copy(self.good, self.top)

    def flip(self, job):
        path, at, bit = job
        full = os.path.join(self.top, path)
        with open(full, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))
        run = self.look(self)
        shutil.copyfile(os.path.join(self.good, path), full)
        return self.judge(run, f"{path} byte {at} bit {bit}", self.is_format(path, at))

    def is_format(self, path, at):
        if path != "manifest.json":
            return False
        with open(os.path.join(self.good, path), "rb") as file:
            match = re.search(rb'"format": *(\d+)', file.read())
        return match and match.start(1) <= at < match.end(1)

    def edit(self, job):
        name, change, path, other = job
        done = change(os.path.join(self.top, path), os.path.join(self.top, other), self.lab.work)
        if done is False:
            return None
        run = self.look(self)
        self.heal()
        return self.judge(run, f"{name} {path}")

    def judge(self, run, what, may_be_14=False):
        if run.code == 12 or (may_be_14 and run.code == 14):
            return []
        return [f"{what}: exit code {run.code}: {(run.err or run.out).strip()[-200:]}"] + checker.ended_well(run.code, run.err)


def by_verify(patient):
    return patient.lab.run(["verify", VERSION, "--level", "bytes"], patient.place, timeout=20)


def swap(path, other, _):
    with open(path, "rb") as one, open(other, "rb") as two:
        if one.read() == two.read():
            return False
    os.rename(path, path + "~")
    os.rename(other, path)
    os.rename(path + "~", other)


def truncate(path, _, __):
    if os.path.getsize(path) == 0:
        return False
    os.truncate(path, os.path.getsize(path) - 1)


def empty(path, _, __):
    if os.path.getsize(path) == 0:
        return False
    os.truncate(path, 0)


def extend(path, _, __):
    with open(path, "ab") as file:
        file.write(b"\n")


def link_instead(path, _, work):
    """The bytes are right, but they lie outside of the version."""
    aside = os.path.join(work, f"aside-{abs(hash(path))}")
    shutil.copyfile(path, aside)
    os.unlink(path)
    os.symlink(aside, path)


def replace_by(make):
    def change(path, _, __):
        os.unlink(path)
        make(path)
    return change


def fold(path, _, __):
    name = os.path.basename(path)
    os.rename(path, os.path.join(os.path.dirname(path), name.upper() if name.upper() != name else name.lower()))


def linked_folder(path, _, work):
    folder = os.path.dirname(path)
    aside = os.path.join(work, f"aside-{abs(hash(folder))}")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.move(folder, aside)
    os.symlink(aside, folder)


EDITS = {
    "truncated": truncate,
    "extended": extend,
    "emptied": empty,
    "swapped": swap,
    "missing": lambda path, _, __: os.unlink(path),
    "extra beside": lambda path, _, __: shutil.copyfile(path, path + ".copy"),
    "empty extra beside": lambda path, _, __: open(path + ".lock", "w").close(),
    "hidden extra beside": lambda path, _, __: open(os.path.join(os.path.dirname(path), ".hidden"), "w").close(),
    "link instead of": link_instead,
    "dangling link instead of": replace_by(lambda path: os.symlink("nowhere", path)),
    "renamed": lambda path, _, __: os.rename(path, path + "x"),
    "case folded": fold,
    "directory instead of": replace_by(os.mkdir),
    "FIFO instead of": replace_by(os.mkfifo),
    "link instead of the folder of": linked_folder,
}


def jobs_for(lab, patient, flips, edits):
    rng = lab.rng("T15")
    sizes = {path: os.path.getsize(os.path.join(patient.top, path)) for path in patient.files}
    whole = [path for path in patient.files if sizes[path]]
    # Each file once; then files and places at random, the two that describe the others more often.
    chosen = (whole + rng.choices(whole + ["manifest.json", "manifest.sha256"] * 2, k=flips))[:max(flips, len(whole))]
    bits = [(path, rng.randrange(sizes[path]), rng.randrange(8)) for path in chosen]
    with open(f"{patient.top}/manifest.json") as file:
        bits.append(("manifest.json", file.read().index('"format": ') + len('"format": '), 1))
    own = ["manifest.json", "manifest.sha256"]
    others = max(1, edits // len(EDITS))
    shapes = [(name, change, path, rng.choice([other for other in patient.files if other != path]))
              for name, change in EDITS.items() for path in own + rng.choices(patient.files, k=others)]
    return bits, shapes


def t15(lab):
    """single-bit flips and structural edits of a sealed version"""
    outcome = Outcome()
    patients = [Patient(lab, by_verify) for _ in range(2)]
    healthy = by_verify(patients[0])
    if healthy.code != 0:
        outcome.add([f"undamaged: exit code {healthy.code}: {healthy.err}"])
    flips, shapes = jobs_for(lab, patients[0], lab.pick(240, 1000), lab.pick(60, 215))

    def work(number):
        patient = patients[number]
        found = [("flips", patient.flip(job)) for job in flips[number::2]]
        return found + [("edits", patient.edit(job)) for job in shapes[number::2]]

    counts = {"flips": 0, "edits": 0}
    for results in at_once(range(2), work):
        for kind, problems in results:
            outcome.visited += 1
            if problems is not None:
                counts[kind] += 1
                outcome.injected += 1
                outcome.add(problems)
    outcome.notes.append(f"{counts['flips']} flips, {counts['edits']} edits, and the version's directory as a link")
    outcome.add(whole_directory(lab))
    return outcome


def whole_directory(lab):
    """The version's directory itself may not be a link, whatever it leads to."""
    patient = Patient(lab, by_verify)
    aside = os.path.join(lab.new_dir(), "aside")
    os.rename(patient.top, aside)
    os.symlink(aside, patient.top)
    run = by_verify(patient)
    return [] if run.code in (10, 12) else [f"link instead of the version's directory: exit code {run.code}"]


def damaged_release(lab, env=None):
    """Publishes damaged versions; returns an Outcome in which each release of one is a violation."""
    def by_publish(patient):
        return lab.run(["publish", VERSION], patient.place, env=env and env(patient), timeout=20)
    outcome, patient = Outcome(), Patient(lab, by_publish)
    rng = lab.rng("damaged release")
    for path in [file for file in patient.files if file not in ("manifest.json", "manifest.sha256")][:6]:
        size = os.path.getsize(os.path.join(patient.top, path))
        if size:
            outcome.visited += 1
            outcome.injected += 1
            outcome.add(patient.flip((path, rng.randrange(size), rng.randrange(8))))
    return outcome
