"""Group commit: what comes in while one statement is under way goes together into the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from cas.store.errors import is_away

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

# Items in one statement.
MOST = 1000


class Batcher(Generic[_Item, _Answer]):
    """Gives items to `write` in batches; each caller gets the answer to its item, or the error of its batch.

    Of a batch that failed while the database was there, each item is written by itself.
    """

    def __init__(self, write: Callable[[Sequence[_Item]], Awaitable[Sequence[_Answer]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[_Item, asyncio.Future[_Answer]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, item: _Item) -> asyncio.Future[_Answer]:
        """Have an item written; what is waited for is its answer, or what `write` raises."""
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._write_all(), name="batch")
        return answer

    async def close(self) -> None:
        """Write what is waiting."""
        if self._task is not None:
            await self._task

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                await self._write_batch(batch)
        finally:
            self._task = None

    async def _write_batch(self, batch: Sequence[tuple[_Item, asyncio.Future[_Answer]]]) -> None:
        try:
            answers = await self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where the items came from
            if len(batch) > 1 and not is_away(error):
                # One of them caused it: it shall not be the error of the others.
                for each in batch:
                    await self._write_batch([each])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
