"""The link: one hop, relative, into `versions/`, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from ragctl_reader import NoStore, NothingPublished
from ragctl_reader.store import Live, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "ragctl-store.json").write_text('{"format": 1, "store_id": "x", "created": "now", "shared": "world"}')
    (tmp_path / "channels").mkdir()
    (tmp_path / "leases").mkdir()
    return Store(tmp_path)


def test_channels_name_versions(store: Store) -> None:
    os.symlink("versions/v1.2.0-rc.1", store.root / "current")
    os.symlink("../versions/v2.0.0", store.root / "channels" / "canary")
    assert store.live() == Live("v1.2.0-rc.1", None)
    assert store.live("canary") == Live("v2.0.0", None)


@pytest.mark.parametrize(
    "target",
    [
        "/versions/v1.2.0",
        "versions/1.2.0",
        "versions/v1.2",
        "versions/v01.2.0",
        "versions/v1.2.0+build",
        "versions/v1.2.0-01",
        "versions/v1.2.0\n",
        "versions/v1.2.\u0663",
        "versions/../v1.2.0",
        "versions/v1.2.0/",
        "v1.2.0",
        "./versions/v1.2.0",
        "../versions/v1.2.0",
        "versions//v1.2.0",
    ],
)
def test_any_other_link_is_refused(store: Store, target: str) -> None:
    os.symlink(target, store.root / "current")
    with pytest.raises(NothingPublished):
        store.live()


def test_a_link_that_is_missing_or_no_link_names_nothing(store: Store) -> None:
    with pytest.raises(NothingPublished):
        store.live()
    (store.root / "current").mkdir()
    with pytest.raises(NothingPublished):
        store.live()


@pytest.mark.parametrize("channel", ["", "../current", "Canary", "-x", "a.json", "a" * 65])
def test_a_channel_name_reaches_nothing_else(store: Store, channel: str) -> None:
    with pytest.raises(ValueError):
        store.live(channel)


def test_the_twin_counts_only_while_it_names_the_links_target(store: Store) -> None:
    os.symlink("versions/v1.0.0", store.root / "current")
    twin = store.root / "current.json"
    twin.write_text(json.dumps({"generation": 7, "version": "v1.0.0"}))
    assert store.live() == Live("v1.0.0", 7)
    for other in ['{"generation": 8, "version": "v2.0.0"}', "[]", "{", "{}"]:
        twin.write_text(other)
        assert store.live() == Live("v1.0.0", None)
    assert Live("v1.0.0", None).is_same_release(Live("v1.0.0", 7))
    assert not Live("v1.0.0", 8).is_same_release(Live("v1.0.0", 7))


def test_only_a_store_of_a_known_format_is_one(tmp_path: Path, store: Store) -> None:
    for record in ['{"format": 2}', "[]", "{"]:
        (tmp_path / "ragctl-store.json").write_text(record)
        with pytest.raises(NoStore):
            Store(tmp_path)
    with pytest.raises(NoStore):
        Store(tmp_path / "nowhere")


def test_leases_are_as_the_store_says(tmp_path: Path, store: Store) -> None:
    assert store.lease_kind() in ("kernel", "none")
    for kind in ("kernel", "heartbeat", "none"):
        (tmp_path / "ragctl-store.json").write_text(json.dumps({"format": 1, "leases": kind}))
        assert Store(tmp_path).lease_kind() == kind
