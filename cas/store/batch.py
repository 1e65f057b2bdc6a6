"""Group commit: what comes in while one statement is under way goes together into the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

# Items in one statement.
MOST = 1000


class Batcher(Generic[_Item, _Answer]):
    """Gives items to `write` in batches; each caller gets the answer to its item, or the error of its batch."""

    def __init__(self, write: Callable[[Sequence[_Item]], Awaitable[Sequence[_Answer]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[_Item, asyncio.Future[_Answer]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: _Item) -> _Answer:
        """Have an item written. Raises what `write` raises."""
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._write_all(), name="batch")
        return await answer

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                try:
                    answers = await self._write([item for item, _ in batch])
                except Exception as error:  # noqa: BLE001 - it is raised where the items came from
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for (_, future), answer in zip(batch, answers, strict=True):
                        if not future.done():
                            future.set_result(answer)
        finally:
            self._task = None
