"""How documents are put before ragctl, and what reading them costs: seconds, processor time, memory of the largest process."""

import dataclasses
import json
import pathlib
import sys

import checker
from store import REPOSITORY, Run

# Documents that nobody on this project wrote; a checkout need not have them.
SHARED = REPOSITORY.parent / "shared/data"
MIB = 1 << 20


@dataclasses.dataclass
class Cost(Run):
    """A run of ragctl and what it took, its workers included."""

    seconds: float
    processor: float
    # MiB that its largest process had in memory at most.
    memory: int


def measured(lab, args, place=None, timeout=120):
    """Runs ragctl as `Lab.run` does, and measures it."""
    report = f"{lab.work}/cost"
    argv = [sys.executable, "-ES", str(pathlib.Path(__file__).with_name("measure.py")), report, str(timeout)]
    run = lab.run(args, place, prefix=argv, timeout=timeout + 30)
    if run.code != 0:
        raise RuntimeError(f"measure.py ended with {run.code}: {run.err}")
    cost = json.loads(pathlib.Path(report).read_text())
    code = cost.pop("code")
    return Cost(code, run.out, run.err if code != -1000 else f"still running after {timeout} s", **cost)


@dataclasses.dataclass
class Reading:
    """What one file gave."""

    cost: Cost
    documents: list
    failures: list

    def reason(self):
        return self.failures[0]["reason"] if self.failures else None

    def text(self):
        return "\n".join(document["text"] for document in self.documents)


def extract(lab, path, timeout=60):
    """Reads one file as `ragctl inspect extract` does."""
    cost = measured(lab, ["inspect", "extract", str(path), "--json"], timeout=timeout)
    try:
        found = json.loads(cost.out)
    except ValueError:
        found = {}
    return Reading(cost, found.get("documents", []), found.get("failures", []))


def judge(reading):
    """What must hold of any file: text, or a reason, and a clean end."""
    cost = reading.cost
    problems = checker.ended_well(cost.code, cost.err)
    if cost.code == 0 and not reading.documents:
        problems.append("exit code 0 without a document")
    if cost.code != 0 and not reading.failures:
        problems.append(f"exit code {cost.code} without a failure: {cost.err.strip()[-200:]}")
    problems += [f"no reason: {failure}" for failure in reading.failures if not failure["reason"].strip()]
    return problems


def snapshot(place):
    """What the newest snapshot says of every document: its id, whether it was read, and why not."""
    lines = pathlib.Path(f"{place}/store/snapshots/newest/documents.jsonl").read_text().splitlines()
    return {record["id"]: (record["status"], record.get("reason")) for record in map(json.loads, lines)}
