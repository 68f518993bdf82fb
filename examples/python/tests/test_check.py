"""A version is served only when it is exactly what its manifest says; until then the old one answers."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Callable

import pytest

from conftest import EDITIONS, Sandbox, edition
from ragctl_reader import Damaged, Incompatible, Reader, ReaderError

OLD, NEW = EDITIONS[:2]


def writable(path: Path) -> Path:
    for part in (path.parent, path):
        os.chmod(part, 0o755)
    return path


def flip_a_byte(sandbox: Sandbox) -> None:
    path = writable(sandbox.files(NEW, ".lance")[-1])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(sandbox: Sandbox) -> None:
    path = writable(sandbox.files(NEW, ".lance")[-1])
    path.write_bytes(path.read_bytes()[:-1])


def remove(sandbox: Sandbox) -> None:
    writable(sandbox.files(NEW, "sources.jsonl")[0]).unlink()


def add(sandbox: Sandbox) -> None:
    writable(sandbox.files(NEW, "sources.jsonl")[0]).with_name("extra").write_text("")


def link(sandbox: Sandbox) -> None:
    path = writable(sandbox.files(NEW, "sources.jsonl")[0])
    moved = sandbox.directory / "elsewhere"
    shutil.move(path, moved)
    path.symlink_to(moved)


def link_a_directory(sandbox: Sandbox) -> None:
    path = writable(sandbox.files(NEW, "sources.jsonl")[0])
    path.with_name("extra").symlink_to(sandbox.directory)


def edit_the_manifest(sandbox: Sandbox) -> None:
    path = writable(sandbox.files(NEW, "manifest.json")[0])
    path.write_bytes(path.read_bytes().replace(b'"labels"', b'"Labels"'))


def seal(sandbox: Sandbox, change: Callable[[dict], object]) -> None:
    path = writable(sandbox.files(NEW, "manifest.json")[0])
    manifest = json.loads(path.read_text())
    change(manifest)
    content = json.dumps(manifest).encode()
    path.write_bytes(content)
    writable(path.with_name("manifest.sha256")).write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")


def put_another_version_there(sandbox: Sandbox) -> None:
    path = sandbox.store / "versions"
    os.chmod(path / NEW, 0o755)
    shutil.move(path / NEW, path / "gone")
    shutil.copytree(path / EDITIONS[2], path / NEW)


def name_a_file_outside(sandbox: Sandbox) -> None:
    seal(sandbox, lambda manifest: manifest["files"].append({"path": "../x", "size": 0, "sha256": ""}))


def remove_the_hash(sandbox: Sandbox) -> None:
    writable(sandbox.files(NEW, "manifest.sha256")[0]).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        cut,
        remove,
        add,
        link,
        link_a_directory,
        edit_the_manifest,
        put_another_version_there,
        name_a_file_outside,
        remove_the_hash,
    ],
)
def test_a_damaged_version_is_refused_and_the_old_one_answers(
    sandbox: Sandbox, question: list[float], damage: Callable[[Sandbox], None]
) -> None:
    damage(sandbox)
    with Reader(sandbox.store, interval=60) as reader:
        sandbox.point(NEW)
        with pytest.raises(Damaged, match=NEW):
            reader.refresh()
        with reader.current() as version:
            assert version.name == OLD
            assert all(edition(OLD) in hit.text for hit in version.search(question))
        assert sandbox.readers() == {OLD: 1}
    with pytest.raises(Damaged, match=NEW):
        Reader(sandbox.store).start()
    assert sandbox.readers() == {}


def test_the_structure_alone_does_not_find_a_flipped_byte_but_a_cut_file(sandbox: Sandbox) -> None:
    flip_a_byte(sandbox)
    sandbox.point(NEW)
    with Reader(sandbox.store, verify="structure") as reader, reader.current() as version:
        assert version.name == NEW
    cut(sandbox)
    with pytest.raises(Damaged):
        Reader(sandbox.store, verify="structure").start()
    with pytest.raises(ValueError):
        Reader(sandbox.store, verify="none")  # type: ignore[arg-type]


def test_a_version_of_another_format_or_for_a_newer_lancedb_is_refused_as_such(sandbox: Sandbox) -> None:
    sandbox.point(NEW)
    seal(sandbox, lambda manifest: manifest["lance"].update(minimum_reader="lancedb 999.0"))
    with pytest.raises(Incompatible, match="lancedb 999.0"):
        Reader(sandbox.store).start()
    seal(sandbox, lambda manifest: manifest.update(format=2))
    with pytest.raises(Incompatible, match="format 2"):
        Reader(sandbox.store).start()


def test_a_version_that_is_not_there_is_an_error_that_names_it(sandbox: Sandbox) -> None:
    sandbox.point("v9.0.0")
    with pytest.raises(ReaderError, match="v9.0.0"):
        Reader(sandbox.store).start()
