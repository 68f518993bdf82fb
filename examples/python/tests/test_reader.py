"""The reader: the answers of `ragctl query`, and none that fails or mixes versions while the link flips."""

import json
import logging
import shutil
import threading
import time

import pytest

from bert import Bert
from conftest import EDITIONS, MODEL, Sandbox, edition, eventually
from ragctl_reader import Closed, NoStore, NothingPublished, Reader, Refused, Version

V1, V2, V3 = EDITIONS
QUESTIONS = ["which reader finds the version", "topic 3", "the index of edition 1", "a"]


def same(sandbox: Sandbox, bert: Bert, *, filter: str | None = None) -> None:
    with Reader(sandbox.store, interval=60) as reader, reader.current() as version:
        for question in QUESTIONS:
            theirs = sandbox.json("query", question, "-k", "7", *(["--filter", filter] if filter else []))
            ours = version.search(bert.embed(question), 7, filter)
            assert theirs["version"] == version.name
            assert [hit.id for hit in ours] == [hit["id"] for hit in theirs["hits"]]
            for our, their in zip(ours, theirs["hits"], strict=True):
                assert our.score == pytest.approx(their["score"], abs=1e-5)
                for field in ("doc_id", "text", "source", "uri", "title", "heading", "page", "metadata"):
                    assert getattr(our, field) == their[field]


def test_answers_are_those_of_ragctl(sandbox: Sandbox, bert: Bert) -> None:
    same(sandbox, bert)
    same(sandbox, bert, filter="lang = 'de' and year >= 2004")


def test_answers_through_a_vector_index_are_those_of_ragctl(sandbox: Sandbox, bert: Bert) -> None:
    sandbox.configure(MODEL, '[index]\nvector = "IVF_RQ"\n')
    sandbox.write(4, topics=600)
    sandbox.ragctl("run")
    same(sandbox, bert)
    same(sandbox, bert, filter="lang = 'de' and year >= 2004")


def test_the_effort_of_the_index_reaches_lancedb() -> None:
    from ragctl_reader.search import Search

    class Query(dict):
        def __getattr__(self, name: str):
            return lambda value: self.__class__({**self, name: value})

    def tuned(params: dict, k: int) -> dict:
        return Search({"tables": [{"columns": [], "indexes": [{"kind": "vector", "params": params}]}]}).tune(Query(), k)

    asked = tuned({"nprobes": 3, "refine_factor": 4, "ef": 20}, 10)
    assert (asked["nprobes"], asked["refine_factor"], asked["ef"]) == (3, 4, 40)
    assert tuned({"nprobes": 3, "refine_factor": 4, "ef": 80}, 10)["ef"] == 80
    assert "ef" not in tuned({"nprobes": 3, "refine_factor": 4}, 10)
    assert "nprobes" not in tuned({}, 10)


def test_flips_under_threads_fail_no_answer_and_mix_none(sandbox: Sandbox, question: list[float]) -> None:
    seen: set[str] = set()
    errors: list[BaseException] = []
    answers = [0]
    done = threading.Event()

    def ask(reader: Reader) -> None:
        try:
            while not done.is_set():
                with reader.current() as version:
                    hits = version.search(question, 20) + version.search(question, 5, "lang = 'en'")
                    assert len(hits) == 25 and version.table.count_rows() == 60
                    assert all(edition(version.name) in hit.text for hit in hits), version.name
                    seen.add(version.name)
                    answers[0] += 1
        except BaseException as error:
            errors.append(error)

    loads: list[str] = []
    with Reader(sandbox.store, interval=0.01, on_load=lambda version: loads.append(version.name)) as reader:
        threads = [threading.Thread(target=ask, args=(reader,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for flip in range(60):
            sandbox.publish(EDITIONS[(flip + 1) % 3])
        eventually(lambda: reader._version.name == V1)
        done.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert seen == set(EDITIONS) and len(loads) > 20 and answers[0] > 50
        assert sandbox.readers() == {V1: 1}
    assert sandbox.readers() == {}


def test_a_block_stays_with_its_version_even_if_it_first_asks_after_the_flip(sandbox: Sandbox, question: list[float]) -> None:
    with Reader(sandbox.store, interval=60) as reader:
        with reader.current() as old:
            sandbox.publish(V2)
            assert reader.refresh() and not reader.refresh()
            with reader.current() as new:
                assert (old.name, new.name) == (V1, V2)
                assert sandbox.readers() == {V1: 1, V2: 1}
                for version in (old, new):
                    assert all(edition(version.name) in hit.text for hit in version.search(question))
        assert sandbox.readers() == {V2: 1}
        with pytest.raises(Closed):
            old.search(question)


def test_a_flip_is_followed_without_being_told(sandbox: Sandbox) -> None:
    with Reader(sandbox.store) as reader:
        sandbox.publish(V2)
        start = time.monotonic()
        eventually(lambda: reader._version.name == V2)
        assert time.monotonic() - start < 5


def test_another_channel_is_followed_as_well(sandbox: Sandbox) -> None:
    sandbox.ragctl("publish", V2, "--channel", "canary")
    with Reader(sandbox.store, "canary", interval=60) as reader:
        with reader.current() as version:
            assert version.name == V2
        sandbox.publish(V3)
        assert not reader.refresh()
        sandbox.ragctl("publish", V3, "--channel", "canary")
        assert reader.refresh()


def test_a_refused_version_is_told_of_once_tried_ever_less_and_again_after_a_flip(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[float] = []

    def refuse(version: Version) -> None:
        if version.name == V2:
            tried.append(time.monotonic())
            raise RuntimeError("not this one")

    with caplog.at_level(logging.WARNING, "ragctl_reader"), Reader(sandbox.store, interval=0.02, on_load=refuse) as reader:
        sandbox.publish(V2)
        eventually(lambda: len(tried) == 3)
        assert 0.9 < tried[1] - tried[0] < 1.9 < tried[2] - tried[1] < 3.5
        with reader.current() as version:
            assert version.name == V1
        assert sandbox.readers() == {V1: 1}
        # The same version, released anew: its pause of 4 seconds does not count.
        sandbox.publish(V1)
        sandbox.publish(V2)
        eventually(lambda: len(tried) == 4, seconds=2)
        sandbox.publish(V3)
        eventually(lambda: reader._version.name == V3, seconds=2)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1 and "v0.2.0 was refused: not this one" in warnings[0]


def test_while_nothing_can_be_loaded_questions_fail_and_do_not_load_each(sandbox: Sandbox) -> None:
    tried = []

    def refuse(version: Version) -> None:
        tried.append(version.name)
        raise RuntimeError("no")

    reader = Reader(sandbox.store, on_load=refuse)
    for _ in range(5):
        with pytest.raises(Refused), reader.current():
            pass
    assert len(tried) == 1


def test_a_version_that_is_superseded_while_it_loads_never_answers(sandbox: Sandbox) -> None:
    loads = []

    def flip(version: Version) -> None:
        loads.append(version.name)
        if version.name == V2:
            sandbox.publish(V3)

    with Reader(sandbox.store, interval=60, on_load=flip) as reader:
        sandbox.publish(V2)
        reader.refresh()
        assert reader._version.name == V3 and loads == [V1, V2, V3]
        assert sandbox.readers() == {V3: 1}


def test_a_store_that_is_removed_and_put_back_is_held_anew(
    sandbox: Sandbox, question: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    backup = sandbox.directory.with_name("backup")
    shutil.copytree(sandbox.directory, backup, symlinks=True)
    with Reader(sandbox.store, interval=0.02) as reader:
        with reader.current():
            pass
        sandbox.delete()
        eventually(lambda: caplog.records)
        with pytest.raises(NoStore):
            reader.refresh()
        with reader.current() as version:
            assert version.name == V1
        backup.rename(sandbox.directory)
        eventually(lambda: sandbox.readers() == {V1: 1})
        eventually(lambda: reader._version is not version)
        with reader.current() as version:
            assert all(edition(V1) in hit.text for hit in version.search(question))
        assert len(caplog.records) == 1


def test_nothing_published_and_stopped_are_told_apart(sandbox: Sandbox) -> None:
    (sandbox.store / "current").unlink()
    reader = Reader(sandbox.store)
    with pytest.raises(NothingPublished):
        reader.start()
    sandbox.point(V1)
    with reader.start().current() as version:
        assert version.name == V1
        reader.stop()
        assert version.table.count_rows() == 60
    for ask in (reader.refresh, reader.acquire):
        with pytest.raises(Closed):
            ask()
    with reader.start().current():
        pass
    reader.stop()
    assert sandbox.readers() == {}


def test_the_first_question_starts_the_reader(sandbox: Sandbox) -> None:
    reader = Reader(sandbox.store, interval=0.02)
    assert sandbox.readers() == {}
    with reader.current():
        assert sandbox.readers() == {V1: 1}
    sandbox.publish(V2)
    eventually(lambda: sandbox.readers() == {V2: 1})
    reader.stop()


def test_lancedb_gets_the_real_path(sandbox: Sandbox) -> None:
    (sandbox.directory / "link").symlink_to(sandbox.store)
    with Reader(sandbox.directory / "link") as reader, reader.current() as version:
        assert str(version.dir) == str(sandbox.store.resolve() / "versions" / V1)
        assert str(version.dir) in json.dumps(version.table.uri)
