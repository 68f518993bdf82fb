"""The same under asyncio."""

import asyncio
import threading

from conftest import EDITIONS, Sandbox, edition, eventually
from ragctl_reader import AsyncReader, Reader

V1, V2, V3 = EDITIONS


def test_flips_under_asyncio_fail_no_answer_and_mix_none(sandbox: Sandbox, question: list[float]) -> None:
    async def run() -> None:
        seen: set[str] = set()
        answers, done = 0, False

        async def ask(reader: AsyncReader) -> None:
            nonlocal answers
            while not done:
                async with reader.current() as version:
                    one = await version.search(question, 20)
                    two = await version.search(question, 5, "lang = 'en'")
                    assert len(one + two) == 25 and await version.table.count_rows() == 60
                    assert all(edition(version.name) in hit.text for hit in one + two), version.name
                    seen.add(version.name)
                    answers += 1

        async with AsyncReader(sandbox.store, interval=0.01) as reader:
            tasks = [asyncio.create_task(ask(reader)) for _ in range(8)]
            for flip in range(60):
                await asyncio.to_thread(sandbox.publish, EDITIONS[(flip + 1) % 3])
            await asyncio.to_thread(eventually, lambda: reader.reader._version.name == V1)
            done = True
            await asyncio.gather(*tasks)
            assert seen == set(EDITIONS) and answers > 50
            assert sandbox.readers() == {V1: 1}
        assert sandbox.readers() == {}

    asyncio.run(run())


def test_answers_are_those_of_the_reader(sandbox: Sandbox, question: list[float]) -> None:
    async def run() -> None:
        with Reader(sandbox.store) as reader, reader.current() as version:
            async with AsyncReader(reader).current() as same:
                assert same.sync is version
                for filter in (None, "year = 2003"):
                    assert await same.search(question, 6, filter) == version.search(question, 6, filter)
            assert sandbox.readers() == {V1: 1}

    asyncio.run(run())


def test_a_cancelled_first_question_leaves_no_pin(sandbox: Sandbox) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        loading.set()
        go_on.wait(10)

    async def run() -> None:
        reader = AsyncReader(sandbox.store, on_load=wait)

        async def ask() -> None:
            async with reader.current():
                pass

        task = asyncio.create_task(ask())
        await asyncio.to_thread(loading.wait, 10)
        task.cancel()
        await asyncio.wait([task])
        go_on.set()
        await reader.refresh()
        await reader.stop()
        assert sandbox.readers() == {}

    asyncio.run(run())


def test_loading_does_not_block_the_loop(sandbox: Sandbox) -> None:
    go_on = threading.Event()
    told: list[bool] = []

    async def run() -> None:
        reader = AsyncReader(sandbox.store, on_load=lambda _: told.append(go_on.wait(3)))
        start = asyncio.create_task(reader.start())
        await asyncio.sleep(0.1)
        # Only reached in time if the loop is free.
        go_on.set()
        await start
        assert told == [True]
        await reader.stop()

    asyncio.run(run())
