#!/usr/bin/env python3
"""The fault suite: breaks ragctl's store on purpose and has an independent checker judge what is left.

    python3 tests/faults/run.py --ragctl target/release/ragctl [--quick|--full] [--only T01,T22] [--seed N]

A test that injected nothing fails. What the machine cannot run is reported with its reason and never counted as passed.
"""

import argparse
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback

# The checkout stays as it is.
sys.dont_write_bytecode = True

import bombs
import canaries
import concurrency
import crawls
import damage
import disks
import examples
import hostile
import inputs
import judge
import leases
import mutants
import pages
import pdfs
import peers
import reloading
import remotes
import serving
import ssrf
import sweep
import weather
from store import Lab, NotRun, Outcome

TESTS = {
    "T00": judge.t00, "T01": sweep.t01, "T02": sweep.t02, "T03": sweep.t03, "T04": sweep.t04, "T06": mutants.t06,
    "T10": sweep.t10, "T12": disks.t12, "T15": damage.t15, "T20": concurrency.t20, "T21": concurrency.t21, "T22": leases.t22, "T24": concurrency.t24,
    "T30": remotes.t30, "T31": remotes.t31, "T32": remotes.t32, "T33": remotes.t33, "T34": weather.t34, "T35": remotes.t35, "T36": peers.t36,
    "T40": pdfs.t40, "T41": bombs.t41, "T42": pages.t42, "T43": ssrf.t43, "T44": canaries.t44, "T47": inputs.t47, "T48": crawls.t48,
    "T50": hostile.t50, "T51": hostile.t51,
    "T53": hostile.t53,
    "T60": reloading.t60, "T61": reloading.t61, "T62": reloading.t62, "T63": reloading.t63, "T64": reloading.t64,
    "T65": reloading.t65, "T66": reloading.t66, "T67": reloading.t67, "T68": serving.t68, "T69": serving.t69, "T70": serving.t70,
    "T85": examples.t85, "T86": examples.t86, "T87": examples.t87, "T88": examples.t88,
}
SHOWN = 12
GATE_SEED = 20_261_124


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ragctl", required=True, help="the program to test")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="samples, a few minutes (the default)")
    size.add_argument("--full", action="store_true", help="every point, about an hour")
    parser.add_argument("--only", help="these tests, such as T01,T22")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    chosen = given.only.upper().split(",") if given.only else list(TESTS)
    unknown = set(chosen) - set(TESTS)
    if unknown or not os.access(given.ragctl, os.X_OK):
        parser.error(f"no such test: {', '.join(sorted(unknown))}" if unknown else f"{given.ragctl} is not a program")
    return given, chosen


def install_missing():
    """The full set brings what it needs, where it may."""
    packages = {"strace": "strace", "mkfs.ext4": "e2fsprogs", "ip": "iproute2"}
    missing = [package for tool, package in packages.items() if not shutil.which(tool)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", *missing], stdout=subprocess.DEVNULL)


def attempt(lab, test):
    """Runs one test; returns its outcome, its verdict and why it was not run."""
    try:
        if sys.platform != "linux":
            raise NotRun("needs Linux")
        outcome = test(lab)
    except NotRun as reason:
        return Outcome(), "not run", str(reason)
    except Exception:
        outcome = Outcome()
        outcome.add(["the test itself ended: " + traceback.format_exc(limit=4)])
    if not outcome.injected and not outcome.violations:
        outcome.add(["nothing was injected"])
    if outcome.violations:
        return outcome, "FAILED", ""
    if outcome.missing:
        return outcome, "not run", "in part: " + "; ".join(outcome.missing)
    return outcome, "passed", ""


def filesystem(path):
    found = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def main():
    given, chosen = arguments()
    if given.full:
        install_missing()
    # The quick set is a gate: it takes the same samples each time. Other seeds, and the full set, look further.
    drawn = random.SystemRandom().randrange(1 << 32) if given.full else GATE_SEED
    seed = given.seed if given.seed is not None else drawn
    lab = Lab(given.ragctl, not given.full, seed)
    print(f"seed {seed}, {'full' if given.full else 'quick'}, Linux {platform.release()}, {filesystem(lab.work)}", flush=True)

    def stop(number, _):
        # Threads that are in the middle of a sweep would go on for long.
        lab.close()
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    rows, counts = [], {"passed": 0, "FAILED": 0, "not run": 0}
    try:
        for name in chosen:
            begun = time.monotonic()
            outcome, verdict, why = attempt(lab, TESTS[name])
            seconds = time.monotonic() - begun
            counts[verdict] += 1
            what = TESTS[name].__doc__.strip()
            saw = outcome.visited, outcome.injected, len(outcome.violations)
            rows.append((name, what, *saw, f"{seconds:.0f}", f"{verdict} {why}".strip()))
            numbers = "%d visited, %d injected, %d violations" % saw
            print(f"{name} {verdict} in {seconds:.0f} s, {numbers}: {what} {why}".strip(), flush=True)
            for note in outcome.notes:
                print(f"     {note}", flush=True)
            for violation in outcome.violations[:SHOWN]:
                print(f"   ! {violation}", flush=True)
            if len(outcome.violations) > SHOWN:
                print(f"   ! and {len(outcome.violations) - SHOWN} more", flush=True)
    finally:
        lab.close()
    heads = ("id", "what", "visited", "injected", "violations", "seconds", "verdict")
    widths = [max(len(str(row[column])) for row in [heads, *rows]) for column in range(len(heads))]
    print()
    for row in [heads, *rows]:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(f"\nfaults: {counts['passed']} passed, {counts['FAILED']} failed, {counts['not run']} skipped", flush=True)
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
