"""T12: a build and its release on disks that are too small, in bytes or in inodes. The live version stays what it was, the
command says so with exit 17, and once there is room the same commands succeed and nothing is left behind.
"""

import stat
import subprocess

import checker
from store import Outcome, around


def used(place):
    """Bytes and inodes that a tree takes on tmpfs."""
    entries = [info for _, info in checker.walk(place)]
    pages = sum((info.st_size + 4095) // 4096 for info in entries if stat.S_ISREG(info.st_mode))
    return pages * 4096, len(entries) + 1


def attempt(lab, base, limit, enlarge):
    """One disk; returns whether it was too small, and problems."""
    point = lab.new_dir("tmpfs")
    lab.mount(point, "-t", "tmpfs", "-o", limit, "tmpfs")
    try:
        filled = subprocess.run(["cp", "-a", base, f"{point}/p"], capture_output=True, text=True)
        if filled.returncode != 0:
            raise RuntimeError(f"the template does not fit {limit}: {filled.stderr}")
        place, store = f"{point}/p", f"{point}/p/store"
        before, outside = checker.State(store), around(place)
        codes, problems = [], []
        for args in (["ingest"], ["build", "v0.6.0"], ["publish", "v0.6.0"]):
            run = lab.run(args, place)
            codes.append(run.code)
            problems += checker.ended_well(run.code, run.err)
            if run.code == 17 and "space" not in run.err.lower():
                problems.append(f"exit 17 names no cause: {run.err.strip()}")
            if run.code not in (0, 17):
                problems.append(f"{args[0]}: exit code {run.code}: {run.err.strip()[-300:]}")
            if run.code != 0:
                break
        small = codes[-1] != 0
        live = "v0.3.0" if small else "v0.6.0"
        problems += checker.judge(store, before, keep=before.versions, allowed={"current": {live}})
        if lab.has("gc"):
            run = lab.run(["gc", "--instant"], place)
            if run.code not in (0, 17):
                problems.append(f"gc on the full disk: exit code {run.code}: {run.err.strip()[-300:]}")
            problems += checker.judge(store, before, keep={"v0.2.0", "v0.3.0"})
        subprocess.run(["mount", "-o", f"remount,{enlarge}", point], check=True)
        for args in (["ingest"], ["build", "v0.6.0"], ["publish", "v0.6.0"]):
            run = lab.run(args, place)
            if run.code != 0:
                problems.append(f"with room, {args[0]}: exit code {run.code}: {run.err.strip()[-300:]}")
        problems += checker.judge(store, before, allowed={"current": {"v0.6.0"}}, settled=True)
        if around(place) != outside:
            problems.append("I8 something outside the store changed")
        return small, [f"{limit}: codes {codes}: {problem}" for problem in problems]
    finally:
        lab.unmount(point)


def t12(lab):
    """disks too small, inodes too few"""
    lab.need("mount", root=True)
    outcome = Outcome()
    base = lab.copy(lab.template())
    lab.change(base, "seven, which was not ingested")
    grown = lab.copy(base)
    for args in (["ingest"], ["build", "v0.6.0"], ["publish", "v0.6.0"]):
        lab.must(args, grown)
    (small, few), (large, many) = used(base), used(grown)
    sizes, inodes = lab.pick(5, 30), lab.pick(3, 12)
    # The first leaves no room at all. tmpfs counts the pages of files; directories and short links cost none.
    limits = [(f"size={small + (large - small) * number // sizes}", "size=64M") for number in range(sizes)]
    limits += [(f"nr_inodes={few + 1 + (many - few) * number // inodes}", "nr_inodes=100000") for number in range(inodes)]
    for limit, enlarge in limits:
        outcome.visited += 1
        small_disk, problems = attempt(lab, base, limit, enlarge)
        outcome.injected += small_disk
        outcome.add(problems)
    if outcome.injected < len(limits) // 2:
        outcome.add([f"only {outcome.injected} of {len(limits)} disks were too small"])
    outcome.notes.append(f"{small} to {large} bytes, {few} to {many} inodes")
    return outcome
