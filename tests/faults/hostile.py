"""Names that are no names (T50), links and FIFOs planted everywhere in a store (T51), and every umask with several users of
one group (T53). Nothing outside the store is written, deleted or re-moded, nothing hangs, and modes are the documented ones.
"""

import os
import shutil
import stat

import checker
from store import Outcome, around

VERSIONS = [
    "../x", "../../canary", "/etc/passwd", "v1.0.0/../../canary", "v1.0.0/", "./v1.0.0", ".", "..", "", " v1.0.0", "v1.0.0 ",
    "v1.0.0\n", "v1.0.0\nv2.0.0", "v1.0", "v01.0.0", "v1.0.0+build", "vv1.0.0", "V1.0.0", "v1.0.0-rc/1", "v1.0.0-\u202erc",
    "v\uff11.0.0", "v1.0.0-\u00e9", "v1.0.0-" + "a" * 300, "v" + "9" * 300 + ".0.0", "current", "-v1.0.0", "--", "v1.0.0;id",
    "$(id)", "v1.0.0-..", "v1.0.0-a..b", "*",
]
CHANNELS = [
    "../x", "/tmp/x", "a/b", ".", "..", "", ".hidden", "a\nb", "a b", "a" * 300, "\u00e9", "\u202e", "current.json", "x.json",
    "-x", "CON\\..", "current/../x", "$(id)", "*",
]
# `NAME` is where the hostile name goes.
VERSION_COMMANDS = [
    ["publish", "--", "NAME"], ["publish", "v0.4.0", "--expect-current=NAME"], ["rollback", "--to=NAME"],
    ["verify", "--", "NAME"], ["show", "--", "NAME"], ["build", "--", "NAME"], ["query", "words", "--version=NAME"], ["pin", "--reason=x", "--", "NAME"],
    ["promote", "v0.5.0-rc1", "--", "NAME"], ["promote", "--", "NAME"], ["resolve", "--", "NAME"],
]
CHANNEL_COMMANDS = [["publish", "v0.4.0", "--channel=NAME"], ["rollback", "--channel=NAME"], ["resolve", "--channel=NAME"],
                    ["watch", "--once", "--channel=NAME"]]
LOCK = "store/state/lock"
COLLECT = ["gc", "--keep-last", "1", "--keep-within", "0s", "--instant"]


def t50(lab):
    """hostile names of versions and channels"""
    outcome, place = Outcome(), lab.copy(lab.template())
    before = checker.tree(place, skip=(LOCK,))
    missing = {command[0] for command in VERSION_COMMANDS + CHANNEL_COMMANDS if not lab.has(command[0])}
    attempts = [[word.replace("NAME", name) for word in command] for names, commands in
                ((VERSIONS, VERSION_COMMANDS), (CHANNELS, CHANNEL_COMMANDS)) for name in names for command in commands]
    attempts = [args for args in attempts if args[0] not in missing]
    for args in lab.rng("T50").sample(attempts, 150) if lab.quick else attempts:
        run = lab.run(args, place, timeout=10)
        outcome.visited += 1
        outcome.injected += run.code != 0
        outcome.add(checker.ended_well(run.code, run.err), f"{args}")
        if run.code == 0:
            outcome.add([f"{args} was accepted: {run.out}"])
        after = checker.tree(place, skip=(LOCK,))
        if after != before:
            outcome.add([f"{args} changed something"])
            before = after
    outcome.missing += [f"ragctl has no {command}" for command in sorted(missing)]
    return outcome


def replace(path, make):
    """Puts something in the place of a file or directory, whose own content moves to the side."""
    def plant(place, canary):
        full = f"{place}/store/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        # Sealed directories let nobody but root take something out of them.
        for sealed in (os.path.dirname(full), full):
            if os.path.isdir(sealed) and not os.path.islink(sealed):
                os.chmod(sealed, 0o755)
        if os.path.lexists(full):
            os.rename(full, f"{place}/moved")
        make(full, canary, f"{place}/moved")
    return plant


def link_to(target):
    return lambda full, canary, moved: os.symlink(f"{canary}/{target}", full)


def same_elsewhere(full, canary, moved):
    """A link to a true copy outside: whoever follows it changes what is not the store's."""
    if os.path.isdir(moved):
        shutil.copytree(moved, f"{canary}/copy", symlinks=True)
    elif os.path.exists(moved):
        shutil.copyfile(moved, f"{canary}/copy")
    else:
        os.mkdir(f"{canary}/copy")
    os.symlink(f"{canary}/copy", full)


def hard_link(full, canary, moved):
    if os.path.exists(moved):
        shutil.copyfile(moved, f"{canary}/hard")
    else:
        open(f"{canary}/hard", "w").close()
    os.link(f"{canary}/hard", full)


def plants():
    found = {}
    # `cache` may live elsewhere, so a link in its place is the owner's own; one below it is not.
    folders = ["state", "staging", "trash", "leases", "versions", "reports", "channels", "snapshots", "models",
               "cache/embeddings"]
    for folder in folders:
        found[f"{folder} -> outside"] = replace(folder, same_elsewhere)
    files = ["state/lock", "state/history.jsonl", "state/names.jsonl", "state/journal.json", "state/pins.json",
             "state/withdrawn.jsonl", "current.json", "ragctl-store.json", "leases/v0.4.0", "leases/v0.6.0", "leases/v0.5.0"]
    for file in files:
        found[f"{file} -> outside"] = replace(file, link_to("file") if file.startswith("leases") else same_elsewhere)
        found[f"{file} dangling outside"] = replace(file, link_to("new"))
        found[f"{file} hard link"] = replace(file, hard_link)
        found[f"{file} FIFO"] = replace(file, lambda full, canary, moved: os.mkfifo(full))
    entries = {
        "staging/draft-x": "folder", "staging/draft-x.lock": "file", "staging/.tmp-x": "file", "trash/v0.0.1.1": "folder",
        "trash/v0.0.1.1.json": "file", "versions/v0.9.0": "folder", "reports/v0.4.0": "folder", "reports/v0.9.0": "folder",
        "snapshots/newest": "folder", "channels/canary": "folder", "current": "folder",
        ".tmp-x": "file", ".current.abcdef": "folder", "versions/v0.1.0": "folder", "versions/v0.1.0/manifest.json": "file",
        "versions/v0.1.0/lance": "folder", "reports/v0.1.0": "folder",
    }
    for entry, target in entries.items():
        found[f"{entry} -> outside"] = replace(entry, link_to(target))
    found["staging/draft-y holds a link"] = replace("staging/draft-y/in", link_to("folder"))
    found["trash/v0.0.2.1 holds a link"] = replace("trash/v0.0.2.1/in", link_to("folder"))
    found["versions/v0.1.0 holds a hard link"] = replace("versions/v0.1.0/sources.jsonl", hard_link)
    return found


def t51(lab):
    """links, hard links and FIFOs planted in every directory of the store"""
    outcome = Outcome()
    commands = [["pin", "v0.2.0", "--reason", "x"], ["publish", "v0.4.0"], ["rollback"],
                ["publish", "v0.4.0", "--channel", "canary"], ["promote", "v0.5.0-rc1", "v0.5.0"], ["build", "v0.6.0"], ["verify", "v0.4.0"], COLLECT, ["ingest"],
                ["forget", "--doc", "beta.txt", "--reason", "x"], ["status"], ["list"], ["doctor"], ["resolve"]]
    commands = [command for command in commands if lab.has(command[0])]
    chosen = plants()
    if lab.quick:
        chosen = {name: chosen[name] for name in lab.rng("T51").sample(sorted(chosen), 32)}
    for name, plant in chosen.items():
        place = lab.copy(lab.template())
        plant(place, f"{place}/canary")
        outside = checker.tree(f"{place}/canary")
        outcome.injected += 1
        for args in commands:
            run = lab.run(args, place, timeout=15)
            outcome.visited += 1
            outcome.add(checker.ended_well(run.code, run.err), f"{name}: {args[0]}")
            now = checker.tree(f"{place}/canary")
            if now != outside:
                changed = sorted(path for path in set(now) | set(outside) if now.get(path) != outside.get(path))
                outcome.add([f"I8 {name}: {args[0]} (exit code {run.code}) changed outside: {changed[:5]}"])
                outside = now
        lab.remove(os.path.dirname(place))
    return outcome


# Of directories and files that the store goes on writing, and of sealed ones.
MODES = {"owner": (0o700, 0o600, 0o500, 0o400), "world": (0o755, 0o644, 0o555, 0o444), "group": (0o2770, 0o660, 0o2770, 0o440)}
SEALED = ("versions/", "models/", "snapshots/")
GROUP, OUTSIDE = 41000, 42000


def modes(store, shared):
    """Compares every mode with the documented ones."""
    written, sealed = MODES[shared][:2], MODES[shared][2:]
    problems = []
    for path, info in checker.walk(store):
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISLNK(info.st_mode):
            continue
        folder_mode, file_mode = sealed if path.startswith(SEALED) else written
        if mode & 0o002:
            problems.append(f"{path} is writable by the world: {mode:o}")
        wanted = folder_mode if stat.S_ISDIR(info.st_mode) else file_mode
        if mode != wanted:
            problems.append(f"{path} has mode {mode:o}, not {wanted:o}")
    return problems


class User:
    """Runs ragctl as a user without root's powers."""

    def __init__(self, lab, uid, gid, umask):
        self.lab = lab
        self.prefix = ["setpriv", f"--reuid={uid}", f"--regid={gid}", f"--groups={gid}"]
        self.prefix += ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]

    def run(self, args, place):
        return self.lab.run(args, place, prefix=self.prefix)

    def ok(self, args, place):
        run = self.run(args, place)
        return [] if run.code == 0 else [f"{' '.join(args)}: exit code {run.code}: {run.err.strip()[-300:]}"]


def users(lab, shared, umask):
    """One combination: one user makes and releases, another of the group takes over, a third reads."""
    place = lab.documents(os.path.join(lab.new_dir("users"), "p"))
    maker, mate, reader = (User(lab, uid, GROUP, umask) for uid in (41001, 41002, 41003))
    stranger = User(lab, 42001, OUTSIDE, umask)
    for path in [os.path.dirname(place), place, *(f"{place}/{path}" for path, _ in checker.walk(place))]:
        os.chown(path, 41001, GROUP)
        os.chmod(path, 0o2775 if os.path.isdir(path) else 0o664)
    problems = maker.ok(["init", "--shared", shared], place)
    for text in ("one", "two", "three"):
        lab.change(place, text)
        problems += maker.ok(["run"], place)
    lab.change(place, "four")
    for args in (["ingest"], ["build", "v0.4.0"], ["verify", "v0.4.0"]):
        problems += maker.ok(args, place)
    store = f"{place}/store"
    if problems:
        return problems
    problems += modes(store, shared)
    before, outside = checker.State(store), around(place)
    takes_over = [["publish", "v0.4.0"], ["rollback"], COLLECT, ["run"]]
    if shared == "group":
        for args in takes_over:
            problems += mate.ok(args, place)
        problems += modes(store, shared)
        problems += checker.judge(store, before, settled=True)
    else:
        for args in takes_over[:-1]:
            run = mate.run(args, place)
            problems += checker.ended_well(run.code, run.err)
            if run.code == 0 and args[0] != "gc":
                problems.append(f"{args[0]} by another user succeeded")
        problems += checker.judge(store, before, keep=before.versions, allowed={"current": {"v0.3.0"}})
    for who, may in ((reader, shared != "owner"), (stranger, shared == "world")):
        for args in (["status"], ["query", "words"], ["resolve"]):
            run = who.run(args, place)
            problems += checker.ended_well(run.code, run.err)
            if (run.code == 0) != may:
                whom = "a reader" if who is reader else "a stranger"
                problems.append(f"{args[0]} by {whom}: exit code {run.code}: {run.err.strip()[-200:]}")
    if shared != "group":
        for args in takes_over:
            problems += maker.ok(args, place)
    if around(place) != outside:
        problems.append("I8 something outside the store changed")
    return problems


def t53(lab):
    """umasks, users and groups"""
    lab.need("setpriv", root=True)
    outcome = Outcome()
    combinations = [(shared, umask) for shared in MODES for umask in ("000", "022", "027", "077")]
    if lab.quick:
        combinations = [("owner", "000"), ("group", "077"), ("group", "000"), ("world", "077")]
    for shared, umask in combinations:
        outcome.visited += 1
        outcome.injected += 1
        outcome.add(users(lab, shared, umask), f"shared {shared}, umask {umask}")
    return outcome
