"""The laboratory: where tests run, how ragctl is called, and the store that every test starts from a copy of.

A place is a directory with `store/`, `ragctl.toml`, `docs/` and `canary/`. The template's store has v0.1.0 to v0.3.0
published, v0.4.0 and v0.5.0-rc1 built and verified, and a newer snapshot that `build v0.6.0` turns into a version without
embedding anything.
"""

import dataclasses
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import checker

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = {
    "alpha.md": "# Alpha\n\nThe store publishes a version.\n\n## Rollback\n\nA reader sees the old version.\n",
    "beta.txt": "Plain words about an index and a chunk.\n",
    "gamma.txt": "The model embeds the chunk and the index keeps it.\n",
}


class NotRun(Exception):
    """A test that this machine cannot run, and why."""


@dataclasses.dataclass
class Outcome:
    """What a test saw: points it visited, faults it really injected, and what was violated."""

    visited: int = 0
    injected: int = 0
    violations: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    # Parts that could not be run; a test that lacks some is not passed.
    missing: list = dataclasses.field(default_factory=list)

    def add(self, problems, where=""):
        self.violations += [f"{where}: {problem}" if where else problem for problem in problems]


@dataclasses.dataclass
class Run:
    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


class Lab:
    def __init__(self, ragctl, quick, seed):
        self.quick, self.seed = quick, seed
        in_memory = os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 2 << 30
        if not in_memory or not self._settle(ragctl, "/dev/shm"):
            self._settle(ragctl, None)
        self.mounts, self.counter = [], itertools.count(1)
        self._template = None

    def _settle(self, ragctl, base):
        """Makes the working directory; says whether programs run there."""
        self.work = tempfile.mkdtemp(prefix="ragctl-faults-", dir=base)
        os.chmod(self.work, 0o755)
        # Copied, because a build may replace it meanwhile and other users must be able to run it.
        self.ragctl = shutil.copy(ragctl, f"{self.work}/ragctl")
        try:
            return self.run(["--version"]).code == 0
        except PermissionError:
            shutil.rmtree(self.work)
            return False

    def rng(self, name):
        return random.Random(f"{self.seed} {name}")

    def pick(self, quick, full):
        return quick if self.quick else full

    def need(self, *tools, root=False):
        """Stops the test where the machine lacks a tool."""
        for tool in tools:
            if not shutil.which(tool):
                raise NotRun(f"{tool} is not installed")
        if root and os.geteuid() != 0:
            raise NotRun("needs root")
        if "strace" in tools and subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
            raise NotRun("strace may not trace here")

    def has(self, *words):
        """Whether this ragctl knows a command or option."""
        return self.run([*words, "--help"]).code == 0

    def environment(self, extra=None):
        # The corpora here are so small that each document is more than a release may lose.
        own = {"HOME": self.work, "NO_COLOR": "1", "RAGCTL_GATE_MAX_SHRINK": "100%"}
        return {"PATH": os.environ["PATH"], **own, **(extra or {})}

    def command(self, args, place=None):
        at = ["--config", f"{place}/ragctl.toml"] if place else []
        return [self.ragctl, *args[:1], *at, *args[1:]]

    def run(self, args, place=None, prefix=(), env=None, timeout=120):
        """Runs ragctl at a place, from `/`, so that the store's path appears in a trace only where the store is touched."""
        argv = [*prefix, *self.command(args, place)]
        child = subprocess.Popen(argv, env=self.environment(env), cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, errors="replace", start_new_session=True)
        try:
            out, err = child.communicate(timeout=timeout)
            return Run(child.returncode, out, err)
        except subprocess.TimeoutExpired:
            # What a tracer traces would outlive it.
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return Run(-1000, "", f"still running after {timeout} s")

    def start(self, args, place, output=subprocess.DEVNULL):
        """Starts ragctl and returns at once."""
        return subprocess.Popen(self.command(args, place), env=self.environment(), cwd="/", stdin=subprocess.DEVNULL,
                                stdout=output, stderr=output, text=True)

    def must(self, args, place, **options):
        run = self.run(args, place, **options)
        if run.code != 0:
            raise RuntimeError(f"{' '.join(args)} ended with {run.code}: {run.err}")
        return run

    def new_dir(self, kind="d"):
        path = os.path.join(self.work, f"{kind}{next(self.counter)}")
        os.mkdir(path)
        return path

    def copy(self, source, target=None):
        """Copies a place: links as links, modes and owners kept."""
        target = target or os.path.join(self.new_dir(), "p")
        subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
        return target

    def remove(self, path):
        if os.geteuid() != 0:
            # Whoever is not root cannot remove what is sealed. chmod -R follows no links.
            subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", path], check=True)

    def documents(self, place):
        """Makes a place without a store."""
        os.makedirs(f"{place}/docs", exist_ok=True)
        os.makedirs(f"{place}/canary/folder", exist_ok=True)
        for name in ("file", "folder/file", "history.jsonl", "lock"):
            pathlib.Path(f"{place}/canary/{name}").write_text(f"not ragctl's: {name}\n")
        for name, text in DOCUMENTS.items():
            pathlib.Path(f"{place}/docs/{name}").write_text(text)
        model = f"{place}/model"
        shutil.copytree(REPOSITORY / "fixtures/model/tiny-bert", model, dirs_exist_ok=True)
        pathlib.Path(f"{place}/ragctl.toml").write_text(
            'store = "store"\n[model]\npath = "model"\n[[source]]\nid = "docs"\npath = "docs"\n')
        return place

    def change(self, place, text):
        pathlib.Path(f"{place}/docs/beta.txt").write_text(f"Plain words about {text}.\n")

    def template(self):
        """The place that tests copy."""
        if self._template:
            return self._template
        place = self.documents(os.path.join(self.work, "template"))
        self.must(["init"], place)
        for text in ("one", "two", "three"):
            self.change(place, text)
            self.must(["run"], place)
        self.change(place, "four")
        self.must(["ingest"], place)
        for name in ("v0.4.0", "v0.5.0-rc1"):
            self.must(["build", name], place)
            self.must(["verify", name], place)
        self.change(place, "six")
        self.must(["ingest"], place)
        self.must(["embed"], place)
        self._template = place
        return place

    def library(self):
        """Builds `mutants.c`, which is preloaded into ragctl."""
        self.need("cc")
        library = f"{self.work}/mutants.so"
        if not os.path.exists(library):
            command = ["cc", "-shared", "-fPIC", "-O1", "-o", library, str(pathlib.Path(__file__).with_name("mutants.c")), "-ldl"]
            made = subprocess.run(command, capture_output=True, text=True)
            if made.returncode != 0:
                raise NotRun(f"cc: {made.stderr.strip()[-300:]}")
        return library

    def mount(self, point, *options):
        os.makedirs(point, exist_ok=True)
        done = subprocess.run(["mount", *options, point], capture_output=True, text=True)
        if done.returncode != 0:
            raise NotRun(f"mount: {done.stderr.strip()}")
        self.mounts.append(point)

    def unmount(self, point):
        for _ in range(50):
            if subprocess.run(["umount", point], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", point], capture_output=True)
        self.mounts.remove(point)

    def close(self):
        for point in reversed(self.mounts[:]):
            self.unmount(point)
        self.remove(self.work)


class Disk:
    """An ext4 image that can lose its power."""

    SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2

    def __init__(self, lab, options="defaults"):
        self.lab, self.options = lab, options
        folder = lab.new_dir("disk")
        self.image, self.point, self.place = f"{folder}/image", f"{folder}/mount", f"{folder}/mount/p"

    def fill(self, base):
        """Starts from a copy of an image, and returns the place on it."""
        self.detach()
        subprocess.run(["cp", "--sparse=always", base, self.image], check=True)
        self.attach()
        return self.place

    def attach(self):
        self.lab.mount(self.point, "-o", f"loop,{self.options}", self.image)

    def detach(self):
        if self.point in self.lab.mounts:
            self.lab.unmount(self.point)

    def cut_power(self):
        """Drops everything that was not yet durable, then replays the journal as a boot does."""
        handle = os.open(self.point, os.O_RDONLY)
        fcntl.ioctl(handle, self.SHUTDOWN, struct.pack("I", self.NO_LOG_FLUSH))
        os.close(handle)
        self.detach()
        self.attach()


def disk_base(lab, place):
    """Makes an ext4 image that holds a place as `p/`."""
    folder = lab.new_dir("base")
    os.mkdir(f"{folder}/root")
    lab.copy(place, f"{folder}/root/p")
    command = ["mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-d", f"{folder}/root", f"{folder}/image", "32M"]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        raise NotRun(f"mkfs.ext4: {made.stderr.strip()}")
    lab.remove(f"{folder}/root")
    return f"{folder}/image"


def forge(place, source, name, before_rename=lambda: None):
    """Adds a version with the bytes of another under a new name, by hard links: what a fast publisher would seal. Returns
    what `before_rename` does, such as taking a lease."""
    store, staged = f"{place}/store", f"{place}/forge-{name}"
    shutil.copytree(f"{store}/versions/{source}", staged, copy_function=os.link)
    os.chmod(staged, 0o755)
    with open(f"{staged}/manifest.json") as file:
        manifest = json.load(file)
    manifest["version"] = name
    text = json.dumps(manifest, indent=2) + "\n"
    own = f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n"
    for path, content in (("manifest.json", text), ("manifest.sha256", own)):
        os.unlink(f"{staged}/{path}")
        pathlib.Path(f"{staged}/{path}").write_text(content)
        os.chmod(f"{staged}/{path}", 0o444)
    open(f"{store}/leases/{name}", "a").close()
    early = before_rename()
    os.rename(staged, f"{store}/versions/{name}")
    os.chmod(f"{store}/versions/{name}", 0o555)
    return early


def around(place):
    """I8: what lies beside the store."""
    return checker.tree(place, skip=("store",))
