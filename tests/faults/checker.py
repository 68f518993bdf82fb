#!/usr/bin/env python3
"""Judges a store from outside, by reading its files alone; nothing of ragctl's own code is used.

    python3 checker.py STORE [--settled]

I1 every channel is a relative link of one hop to a whole version.  I2 every version is what its manifest says, byte by byte.
I3 a channel is where history, or the journal of an unfinished release, says.  I4 history and names only grow, generations
rise by one a channel, a name never means two manifests.  I5 what a channel, a pin or the caller needs is there, with its
snapshot and its model.  I6 (see
`ended_well`) only documented exit codes, with a message.  I7 a settled store has no leftovers.  I8 is `tree` of what lies
around the store, before and after.
"""

import hashlib
import json
import os
import re
import stat
import sys

CODES = {0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 130, 143}
NAME = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?\Z")
TEMPORARY = re.compile(r"\.tmp-|\.(current|newest|[A-Za-z0-9_-]+)\.[A-Za-z0-9]{4,}\Z")


def sha256(path):
    """Hashes a regular file; anything else gives None, and no FIFO is ever opened."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def walk(root):
    """Yields (relative path, lstat) of everything below `root`, without following links."""
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(os.path.join(root, folder)):
            path = os.path.join(folder, entry.name)
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)


def tree(root, skip=()):
    """Describes everything below `root`: kind, mode, owner, and bytes or link target."""
    found = {}
    for path, info in walk(root):
        if any(path == name or path.startswith(name + "/") for name in skip):
            continue
        full = os.path.join(root, path)
        what = os.readlink(full) if stat.S_ISLNK(info.st_mode) else sha256(full)
        found[path] = (oct(info.st_mode), info.st_uid, info.st_gid, what)
    return found


def records(data):
    """Parses the whole lines of a log; a line that a crash tore does not parse, and was never acknowledged."""
    found = []
    for line in data.split(b"\n")[:-1]:
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def json_file(path):
    try:
        with open(path, "rb") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class State:
    """What a store says at one moment, and what is wrong with it whatever happened before."""

    def __init__(self, root):
        self.root = root
        self.problems = []
        self.versions, self.manifests = {}, {}
        for name in sorted(os.listdir(os.path.join(root, "versions"))):
            if NAME.match(name):
                self.versions[name] = self._version(name)
            else:
                self.problems.append(f"I2 versions/{name} is nobody's")
        self.channels, self.twins = {}, {}
        self._channel("current", "", "versions/")
        side = os.path.join(root, "channels")
        if os.path.isdir(side):
            for name in sorted(os.listdir(side)):
                if not name.endswith(".json") and not TEMPORARY.match(name):
                    self._channel(name, "channels/", "../versions/")
        self.history_bytes = read_bytes(self.path("state/history.jsonl"))
        self.names_bytes = read_bytes(self.path("state/names.jsonl"))
        self.history = [record for record in records(self.history_bytes) if "generation" in record]
        self.names = [record for record in records(self.names_bytes) if "name" in record]
        self.journal = json_file(self.path("state/journal.json"))
        self.pins = self._pins()
        self._logs()

    def path(self, relative):
        return os.path.join(self.root, relative)

    def releases(self, channel):
        return [record for record in self.history if record["channel"] == channel]

    def _channel(self, name, folder, prefix):
        link = self.path(folder + name)
        if not os.path.lexists(link):
            return
        if not os.path.islink(link):
            self.problems.append(f"I1 {folder}{name} is no link")
            return
        target = os.readlink(link)
        version = target.removeprefix(prefix)
        if not target.startswith(prefix) or not NAME.match(version):
            self.problems.append(f"I1 {folder}{name} points at {target}")
        elif version not in self.versions:
            self.problems.append(f"I1 {folder}{name} dangles: {target}")
        self.channels[name] = version
        self.twins[name] = json_file(link + ".json")

    def _version(self, name):
        """Hashes a version; returns the hash of its manifest."""
        top = self.path("versions/" + name)
        complain = lambda what: self.problems.append(f"I2 {name}: {what}")
        if os.path.islink(top) or not os.path.isdir(top):
            return complain("is no directory")
        found = {}
        for path, info in walk(top):
            if stat.S_ISDIR(info.st_mode):
                continue
            found[path] = (info.st_size, sha256(os.path.join(top, path)))
        own = found.pop("manifest.json", (0, None))[1]
        found.pop("manifest.sha256", None)
        if read_bytes(os.path.join(top, "manifest.sha256")) != f"{own}  manifest.json\n".encode():
            return complain("manifest.sha256 does not hold the manifest's hash")
        manifest = json_file(os.path.join(top, "manifest.json"))
        if manifest is None or manifest.get("version") != name:
            return complain("the manifest is not its own")
        self.manifests[name] = manifest
        listed = {file["path"]: (file["size"], file["sha256"]) for file in manifest["files"]}
        for path in sorted(set(listed) | set(found)):
            if listed.get(path) != found.get(path):
                complain(f"{path} is {found.get(path)}, the manifest says {listed.get(path)}")
        return own

    def lacks(self, name):
        """I5: what a version that is needed must have outside of its directory."""
        manifest = self.manifests.get(name)
        if manifest is None:
            return []
        problems = []
        if not os.path.isdir(self.path(f"snapshots/{manifest['snapshot']}")):
            problems.append(f"I5 the snapshot of {name} is gone")
        for file, digest in manifest["model_files"].items():
            path = self.path(f"models/{manifest['fingerprint']}/{file}")
            if not os.path.lexists(path) or sha256(path) != digest:
                problems.append(f"I5 the model of {name} lacks {file}")
        return problems

    def _pins(self):
        pins = json_file(self.path("state/pins.json"))
        if isinstance(pins, dict):
            pins = pins.get("pins", pins)
        if isinstance(pins, dict):
            return set(pins)
        return {pin if isinstance(pin, str) else pin.get("version") or pin.get("name") for pin in pins or []}

    def _logs(self):
        meaning = {}
        for record in self.names:
            meaning.setdefault(record["name"], set()).add(record["manifest_sha256"])
        for record in self.history:
            meaning.setdefault(record["to"], set()).add(record["manifest_sha256"])
        for name, own in self.versions.items():
            if own:
                meaning.setdefault(name, set()).add(own)
        for name, hashes in meaning.items():
            if len(hashes) > 1:
                self.problems.append(f"I4 the name {name} means {len(hashes)} manifests")
        for channel in {record["channel"] for record in self.history}:
            releases = self.releases(channel)
            for number, record in enumerate(releases, 1):
                if record["generation"] != number:
                    self.problems.append(f"I4 {channel}: release {number} has generation {record['generation']}")
                before = releases[number - 2]["to"] if number > 1 else None
                if record["from"] != before:
                    self.problems.append(f"I4 {channel} {number}: from {record['from']}, but {before} was live")

    def where(self):
        """I3: the link is where history says, or where an unfinished release was taking it."""
        problems = []
        channels = set(self.channels) | {record["channel"] for record in self.history}
        for channel in channels:
            releases = self.releases(channel)
            allowed = {releases[-1]["to"] if releases else None}
            if self.journal and self.journal.get("channel") == channel:
                allowed.add(self.journal.get("to"))
            if self.channels.get(channel) not in allowed:
                problems.append(f"I3 {channel} is {self.channels.get(channel)}, history and journal say {allowed}")
        return problems

    def unsettled(self):
        """I7: what a crash left, and what a twin or log still lacks."""
        problems = []
        if os.path.exists(self.path("state/journal.json")):
            problems.append(f"I7 state/journal.json is left: {self.journal}")
        for channel, version in self.channels.items():
            last = (self.releases(channel) or [{"generation": None, "to": None}])[-1]
            expected = (last["generation"], last["to"], self.versions.get(version))
            twin = self.twins[channel] or {}
            found = (twin.get("generation"), twin.get("version"), twin.get("manifest_sha256"))
            if last["to"] != version or found != expected:
                problems.append(f"I7 {channel}: link {version}, twin {found}, history {expected}")
        known = {record["name"] for record in self.names}
        problems += [f"I7 {name} is not in names.jsonl" for name in self.versions if name not in known]
        staging = self.path("staging")
        if os.path.isdir(staging):
            problems += [f"I7 staging/{entry} is left" for entry in os.listdir(staging)]
        trash = set(os.listdir(self.path("trash"))) if os.path.isdir(self.path("trash")) else set()
        for entry in trash:
            if (entry[:-5] if entry.endswith(".json") else entry + ".json") not in trash:
                problems.append(f"I7 trash/{entry} is alone")
        for path, _ in walk(self.root):
            if TEMPORARY.match(os.path.basename(path)) and not path.startswith(("versions/", "trash/", "cache/")):
                problems.append(f"I7 {path} is left")
        return problems


def judge(root, before=None, keep=(), allowed=None, settled=False):
    """Says what is wrong with the store at `root`. `before` is its State before the disturbance, `keep` the versions that
    must be there, `allowed` what each channel may name, `settled` whether a writer has cleaned up since."""
    now = State(root)
    problems = now.problems + now.where()
    for channel, versions in (allowed or {}).items():
        if now.channels.get(channel) not in versions:
            problems.append(f"I3 {channel} is {now.channels.get(channel)}, not one of {sorted(map(str, versions))}")
    if before:
        for name in ("history_bytes", "names_bytes"):
            whole = getattr(before, name)
            if not getattr(now, name).startswith(whole[: whole.rfind(b"\n") + 1]):
                problems.append(f"I4 {name.split('_')[0]}.jsonl was rewritten")
        gone = set(before.channels) - set(now.channels)
        problems += [f"I3 channel {channel} is gone" for channel in gone]
    needed = set(keep) | now.pins
    problems += [f"I5 {name} is needed and gone" for name in sorted(needed - set(now.versions))]
    for name in sorted(needed | set(now.channels.values())):
        problems += now.lacks(name)
    if settled:
        problems += now.unsettled()
    return problems


def ended_well(code, message):
    """I6: says what is wrong with how a command ended."""
    if code not in CODES:
        return [f"I6 exit code {code}: {message.strip()[-300:]}"]
    if "panicked at" in message:
        return [f"I6 panic: {message.strip()[-300:]}"]
    if code != 0 and not message.strip():
        return [f"I6 exit code {code} without a word"]
    return []


if __name__ == "__main__":
    wrong = judge(sys.argv[1], settled="--settled" in sys.argv)
    print("\n".join(wrong) or "whole")
    sys.exit(1 if wrong else 0)
