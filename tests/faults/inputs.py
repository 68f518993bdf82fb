"""T47: what lies among documents and is none: files larger than any memory, pipes, devices, links in rings, directories of very
many files and very deep ones. None is waited for, followed or taken into memory, and the documents beside them are read.
"""

import os
import pathlib

import checker
import reading
from store import Outcome

SPARSE = 5 << 30
# Directories in directories that ragctl looks into.
DEPTH = 128


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(SPARSE)


def ring(path):
    os.symlink(os.path.basename(path) + "2", path)
    os.symlink(os.path.basename(path), path + "2")


def deep(path, depth=300):
    """A directory in a directory, with a document at the bottom."""
    at = os.open(os.path.dirname(path), os.O_RDONLY)
    for name in [os.path.basename(path)] + ["d"] * (depth - 1):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    with open(os.open("bottom.md", os.O_CREAT | os.O_WRONLY, dir_fd=at), "w") as file:
        file.write("# Bottom\n\nWords of the bottom.\n")
    os.close(at)


# What is planted, by name. None of it is a document.
PLANTS = {
    "sparse.md": sparse, "sparse.pdf": sparse, "sparse.txt.gz": sparse,
    "fifo.md": os.mkfifo,
    "zero.txt": lambda path: os.symlink("/dev/zero", path),
    "random.jsonl": lambda path: os.symlink("/dev/urandom", path),
    "self.md": lambda path: os.symlink(os.path.basename(path), path),
    "ring.md": ring,
    "up": lambda path: os.symlink("..", path),
    "dangling.md": lambda path: os.symlink("nowhere/x.md", path),
    "secret.txt": lambda path: os.symlink("/etc/passwd", path),
    "folder.md": os.mkdir,
}
# Records of one file are read one after the other, so that their file may be of any size.
STREAMED = ("sparse.jsonl", "sparse.csv")


def judge(cost, seconds=5, memory=150):
    problems = checker.ended_well(cost.code, cost.err)
    if cost.seconds > seconds + 10 or cost.processor > seconds:
        problems.append(f"took {cost.seconds:.1f} s, {cost.processor:.1f} s of them of processor time")
    if cost.memory > memory:
        problems.append(f"a process had {cost.memory} MiB")
    return problems


def extracted(lab, path, outcome, seconds=5, memory=150):
    """Names one of them: it is refused."""
    seen = reading.extract(lab, path)
    name = os.path.basename(path)
    outcome.visited += 1
    outcome.injected += 1
    outcome.add(judge(seen.cost, seconds, memory), name)
    if seen.documents:
        outcome.add([f"{name} was read: {seen.text()[:80]!r}"])
    return seen


def ingested(lab, place, outcome, what, wanted, refused, seconds=5):
    """Ingests a directory in which only some files can be read, and the others are told."""
    lab.must(["init"], place)
    cost = reading.measured(lab, ["ingest", "--max-failed", "100%", "--json"], place)
    problems = judge(cost, seconds)
    if cost.code != 0:
        problems.append(f"exit code {cost.code}: {cost.err.strip()[-300:]}")
    else:
        told = reading.snapshot(place)
        read = {name for name, (status, _) in told.items() if status == "ok"}
        failed = {name for name, (status, reason) in told.items() if status != "ok" and (reason or "").strip()}
        if read != wanted:
            problems.append(f"read {sorted(read ^ wanted)[:5]} wrongly or not at all")
        if failed != refused:
            problems.append(f"refused {sorted(failed ^ refused)[:5]} wrongly or not at all")
    outcome.visited += 1
    outcome.injected += 1
    outcome.add(problems, what)
    outcome.notes.append(f"{what}: {cost.seconds:.1f} s, {cost.memory} MiB")


def fresh(lab):
    place = lab.documents(os.path.join(lab.new_dir("inputs"), "p"))
    return place, f"{place}/docs"


def t47(lab):
    """sparse files, pipes, devices, links in rings, huge and deep directories"""
    outcome = Outcome()
    good = {"alpha.md", "beta.txt", "gamma.txt"}
    place, docs = fresh(lab)
    for name, plant in PLANTS.items():
        plant(f"{docs}/{name}")
    for name in sorted(set(PLANTS) - {"up", "secret.txt"}):
        extracted(lab, f"{docs}/{name}", outcome)
    large = {name for name in PLANTS if name.startswith("sparse")}
    ingested(lab, place, outcome, "special files", good, large)
    for name in STREAMED:
        sparse(f"{docs}/{name}")
        cost = extracted(lab, f"{docs}/{name}", outcome, 30, 300).cost
        outcome.notes.append(f"5 GiB of records in {name}: {cost.seconds:.1f} s, {cost.memory} MiB")
    place, docs = fresh(lab)
    count = lab.pick(1_000, 100_000)
    os.mkdir(f"{docs}/many")
    for number in range(count):
        # Most are no documents, and some hold nothing.
        ending = "md" if number % 100 == 0 else "bin"
        pathlib.Path(f"{docs}/many/{number}.{ending}").touch()
    empty = {f"many/{number}.md" for number in range(0, count, 100)}
    ingested(lab, place, outcome, f"{count} files", good, empty, lab.pick(5, 20))
    place, docs = fresh(lab)
    deep(f"{docs}/deep")
    # Where the way down ends is told by its path.
    end = f"{docs}/deep" + "/d" * (DEPTH - 1)
    ingested(lab, place, outcome, "300 directories deep", good, {end})
    return outcome
