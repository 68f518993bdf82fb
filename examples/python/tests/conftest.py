"""A store of three editions, made by ragctl with the tiny model, and a copy of it for each test."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from bert import Bert

MODEL = Path(__file__).resolve().parents[3] / "fixtures" / "model" / "tiny-bert"
#: The version of each edition. Every chunk's text names its edition.
EDITIONS = ["v0.1.0", "v0.2.0", "v0.3.0"]


def edition(version: str) -> str:
    return f"Edition {EDITIONS.index(version) + 1} "


class Sandbox:
    """A directory with a store, its configuration and its documents."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = directory / "store"

    def ragctl(self, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "RAGCTL_GATE_MAX_SHRINK": "100%"}
        command = [os.environ["RAGCTL_BIN"], "-q", *arguments]
        run = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, (arguments, run.stdout, run.stderr)
        return run.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ragctl(*arguments, "--json"))

    def configure(self, model: Path, extra: str = "") -> None:
        source = '[[source]]\nid = "topics"\npath = "docs.jsonl"\nid_field = "id"\nmetadata_fields = ["lang", "year"]\n'
        (self.directory / "ragctl.toml").write_text(f'[model]\npath = "{model}"\n{extra}{source}')

    def write(self, number: int, topics: int = 60) -> None:
        """Writes the documents of an edition."""
        with open(self.directory / "docs.jsonl", "w") as file:
            for i in range(topics):
                text = f"Edition {number} of topic {i} says that reader {i % 7} finds version {i % 5} of the index."
                row = {"id": f"d{i}", "title": f"Topic {i}", "text": text, "lang": ("en", "de")[i % 2], "year": 2000 + i % 10}
                file.write(json.dumps(row) + "\n")

    def publish(self, version: str) -> None:
        self.ragctl("publish", version)

    def point(self, version: str) -> None:
        """Flips the link as ragctl does, but asks nothing: it points at damaged versions as well."""
        link = self.store / ".flip"
        link.symlink_to(f"versions/{version}")
        os.replace(link, self.store / "current")

    def readers(self) -> dict[str, int]:
        """Which versions ragctl sees readers of, and how many."""
        return {row["version"]: row["readers"] for row in self.json("list")["versions"] if row["readers"]}

    def files(self, version: str, suffix: str) -> list[Path]:
        return sorted(path for path in (self.store / "versions" / version).rglob(f"*{suffix}") if path.is_file())

    def delete(self) -> None:
        for directory, _, _ in os.walk(self.directory):
            os.chmod(directory, 0o755)
        shutil.rmtree(self.directory)


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Waits until something holds, and returns it."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    if not os.environ.get("RAGCTL_BIN"):
        pytest.skip("RAGCTL_BIN names no ragctl binary to make a store with")
    sandbox = Sandbox(tmp_path_factory.mktemp("original"))
    sandbox.configure(MODEL)
    sandbox.ragctl("init")
    for number, version in enumerate(EDITIONS, start=1):
        sandbox.write(number)
        assert sandbox.ragctl("run", "-o", "name").strip() == version
    sandbox.publish(EDITIONS[0])
    return sandbox


@pytest.fixture
def sandbox(original: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    """A copy in which v0.1.0 is live, and v0.2.0 and v0.3.0 lie ready."""
    copy = Sandbox(tmp_path / "sandbox")
    shutil.copytree(original.directory, copy.directory, symlinks=True)
    yield copy
    if copy.directory.exists():
        copy.delete()


@pytest.fixture(scope="session")
def bert() -> Bert:
    return Bert(MODEL)


@pytest.fixture(scope="session")
def question(bert: Bert) -> list[float]:
    return bert.embed("which reader finds the version")
