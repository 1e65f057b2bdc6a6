"""Storing results: whatever comes in while one batch is being written goes into the next (group commit)."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

import structlog

from cas import metrics
from cas.access.errors import NotStored
from cas.access.model import Failure, Result
from cas.access.ports import Store
from cas.store.errors import StoreError

# Results in one statement.
BATCH = 1000
# Seconds between attempts while the database does not take results.
RETRY_AFTER = (0.1, 0.5, 2.0, 5.0)

log = structlog.get_logger(__name__)


class ResultWriter:
    """Writes results in batches; `add` returns when they are durable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Sequence[Result], asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, results: Sequence[Result]) -> None:
        """Store results. Raises NotStored if the database does not take them even after some time."""
        if not results:
            return
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((results, written))
        if self._task is None:
            self._task = asyncio.create_task(self._write_all(), name="results")
        await written

    async def close(self) -> None:
        """Write what is waiting."""
        if self._task is not None:
            await self._task

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch: list[Result] = []
                written: list[asyncio.Future[None]] = []
                while self._waiting and len(batch) < BATCH:
                    results, future = self._waiting.popleft()
                    batch += results
                    written.append(future)
                error = await self._write(batch)
                for future in written:
                    if future.done():
                        continue  # its device was broken off
                    if error is None:
                        future.set_result(None)
                    else:
                        future.set_exception(error)
        finally:
            self._task = None

    async def _write(self, batch: Sequence[Result]) -> NotStored | None:
        pauses = iter(RETRY_AFTER)
        while True:
            try:
                await self._store.add_results(batch)
            except Exception as error:
                pause = next(pauses, None)
                about = {"results": len(batch), "next_attempt_in": pause}
                if isinstance(error, StoreError):
                    log.warning("results wait for the database", problem=str(error), **about)
                else:
                    log.exception("results not stored", **about)
                if pause is None:
                    return NotStored(f"the database takes no results: {error}")
                await asyncio.sleep(pause)
            else:
                count(batch)
                return None


def count(results: Sequence[Result]) -> None:
    """Count results that are stored in the metrics."""
    outcomes = Counter(each.answer.reason if isinstance(each.answer, Failure) else "ok" for each in results)
    for outcome, times in outcomes.items():
        metrics.RESULTS.labels(outcome).inc(times)
