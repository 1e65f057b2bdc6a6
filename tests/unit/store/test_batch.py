"""Group commit: who waits gets the answer to his own item, and the error of nobody else."""

import asyncio
from collections.abc import Sequence

from cas.store.batch import Batcher
from cas.store.errors import DatabaseUnavailable


async def test_what_comes_meanwhile_goes_together_and_each_gets_his_answer() -> None:
    batches: list[list[int]] = []
    go = asyncio.Event()

    async def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        await go.wait()
        return [10 * item for item in items]

    batcher = Batcher(write)
    asked = [asyncio.ensure_future(batcher.add(1))]
    await asyncio.sleep(0)
    asked += [asyncio.ensure_future(batcher.add(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*asked) == [10, 20, 30]
    assert batches == [[1], [2, 3]]


async def test_one_bad_item_fails_alone() -> None:
    async def write(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise ValueError("no twos")
        return [10 * item for item in items]

    batcher = Batcher(write)
    answers = await asyncio.gather(*map(batcher.add, (1, 2, 3)), return_exceptions=True)
    assert answers[::2] == [10, 30]
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_is_away_is_asked_once_for_a_batch() -> None:
    asked: list[list[int]] = []

    async def write(items: Sequence[int]) -> list[int]:
        asked.append(list(items))
        raise DatabaseUnavailable("away")

    batcher = Batcher(write)
    answers = await asyncio.gather(*map(batcher.add, (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert asked == [[1, 2]]
