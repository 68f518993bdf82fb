"""T06: the tests notice. Six broken ragctls, made by a preloaded library (`mutants.c`), are put before small runs of the
tests above; each must be caught, and ragctl itself must pass the same small run.
"""

import os
import threading

import checker
import damage
import leases
import sweep
from store import NotRun, Outcome


def cuts(lab, env):
    """T02 in small: a build, and acknowledged releases and pins, each followed by a power cut."""
    lab.need("mkfs.ext4", "mount", root=True)
    return sweep.acknowledged(lab, 6, env=env, seal=True).violations


def flips(lab, env):
    """T20 in small: readers spin on the link while it flips; the checker looks at it in the end."""
    place = lab.copy(lab.template())
    link, problems, over = f"{place}/store/current", [], threading.Event()

    def spin():
        while not over.is_set():
            try:
                os.readlink(link)
            except OSError as error:
                problems.append(f"a reader found no link: {error}")
                return

    reader = threading.Thread(target=spin)
    reader.start()
    for number in range(6):
        run = lab.run(["publish", ("v0.4.0", "v0.3.0")[number % 2]], place, env=env)
        problems += [f"publish: exit code {run.code}: {run.err.strip()[-200:]}"] if run.code else []
    over.set()
    reader.join()
    return problems + checker.judge(f"{place}/store", settled=True)


def leased(lab, env):
    """T22 in small."""
    if not lab.has("gc"):
        raise NotRun("this ragctl has no gc")
    _, broken, _, _, problems = leases.duel(lab, 5, 12, lease=True, env=env)
    return broken + problems


def released(lab, env):
    """T15 through `publish`."""
    def with_paths(patient):
        return env and {**env, "DAMAGED": patient.top, "PRISTINE": patient.good}
    return damage.damaged_release(lab, with_paths).violations


MUTANTS = {"no-file-fsync": cuts, "no-parent-fsync": cuts, "unlink-symlink": flips, "absolute-link": flips, "no-lease": leased,
           "verify-skipped": released}


def t06(lab):
    """six mutants, each caught by a small run of the tests above"""
    library, outcome, sound = lab.library(), Outcome(), {}
    for mutant, test in MUTANTS.items():
        try:
            if test not in sound:
                sound[test] = test(lab, None)
                outcome.add(sound[test], f"ragctl itself, {test.__name__}")
            caught = test(lab, {"LD_PRELOAD": library, "MUTANT": mutant})
        except NotRun as reason:
            outcome.missing.append(f"{mutant}: {reason}")
            continue
        outcome.visited += 1
        outcome.injected += bool(caught)
        outcome.notes.append(f"{mutant}: {caught[0][:110] if caught else 'survived'}")
        if not caught:
            outcome.add([f"{mutant} survived"])
    return outcome
