"""A version's manifest, and the proof that the version's files are the ones it names."""

import hashlib
import json
import os
import re
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from .errors import Damaged, Incompatible
from .files import open_beneath, read_beneath
from .store import Store

MANIFEST = "manifest.json"
MANIFEST_SHA256 = "manifest.sha256"
_FORMAT = 1
_PIECE = 1 << 20


def read_manifest(store: Store, version: str) -> tuple[dict[str, Any], str]:
    """Reads a version's manifest and checks it against the hash beside it. Returns that hash as well."""
    directory = f"versions/{version}"
    try:
        content = read_beneath(store.root, f"{directory}/{MANIFEST}")
        beside = read_beneath(store.root, f"{directory}/{MANIFEST_SHA256}")
    except FileNotFoundError as error:
        if not store.version_dir(version).is_dir():
            raise store.no_version(version) from error
        raise Damaged(f"{version} has no {error.filename}") from error
    digest = hashlib.sha256(content).hexdigest()
    if beside != f"{digest}  {MANIFEST}\n".encode():
        raise Damaged(f"the manifest of {version} is not the one that was sealed")
    try:
        manifest = json.loads(content)
        # Looked at before anything else, so that an unknown format is refused as such.
        if manifest["format"] != _FORMAT:
            raise Incompatible(f"{version} has manifest format {manifest['format']}; this package knows {_FORMAT}")
        if manifest["version"] != version:
            raise Damaged(f"the manifest in {version} is that of {manifest['version']}")
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the manifest of {version} cannot be read: {error!r}") from error
    return manifest, digest


def check_lancedb(manifest: dict[str, Any]) -> None:
    """Refuses a version whose tables the installed LanceDB is too old for."""
    floor = str(manifest.get("lance", {}).get("minimum_reader", ""))
    needed = re.fullmatch(r"lancedb (\d+)\.(\d+)(?:\.\d+)?", floor)
    found = re.match(r"(\d+)\.(\d+)", installed("lancedb"))
    if needed and found and tuple(map(int, found.groups())) < tuple(map(int, needed.groups())):
        raise Incompatible(f"{manifest['version']} needs {floor}; lancedb {installed('lancedb')} is installed")


def check_files(directory: Path, manifest: dict[str, Any], *, hashes: bool) -> None:
    """Checks that a version holds exactly its manifest's files, each of its size and, with `hashes`, of its SHA-256."""
    version = manifest["version"]
    expected = {str(file["path"]): file for file in manifest["files"]}
    found = _files_in(directory) - {MANIFEST, MANIFEST_SHA256}
    if missing := sorted(expected.keys() - found):
        raise Damaged(f"{version} lacks {missing[0]} ({len(missing)} files in all)")
    if extra := sorted(found - expected.keys()):
        raise Damaged(f"{version} has {extra[0]}, which its manifest does not name ({len(extra)} files in all)")
    for path, file in expected.items():
        try:
            fd = open_beneath(directory, path)
        except OSError as error:
            raise Damaged(f"{version}: {path} cannot be read: {error}") from error
        with open(fd, "rb", buffering=0) as content:
            if os.fstat(fd).st_size != file["size"]:
                raise Damaged(f"{version}: {path} is not {file['size']} bytes long")
            if hashes and _sha256(content) != file["sha256"]:
                raise Damaged(f"{version}: {path} does not have the SHA-256 of the manifest")


def _files_in(directory: Path) -> set[str]:
    """Everything below a directory that is not a directory, links among it, relative to it."""

    def fail(error: OSError) -> None:
        raise Damaged(f"{error.filename} cannot be listed: {error.strerror}") from error

    found = set()
    for parent, directories, files in os.walk(directory, onerror=fail):
        for name in (*files, *(name for name in directories if os.path.islink(os.path.join(parent, name)))):
            found.add(os.path.relpath(os.path.join(parent, name), directory))
    return found


def _sha256(content: Any) -> str:
    digest = hashlib.sha256()
    while piece := content.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
