"""A worker in a process of its own, for tests that kill it: `python -m tests.engine_worker DSN MODE GRACE CHUNKS`.

Every request that its devices get is a row of the table `asked`. MODE `stuck`: devices ...S never answer; `slow`: they
answer long after the worker has been told to stop.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

from cas.access.bulk import Bulk
from cas.access.chunks import Chunks
from cas.access.failures import LOST
from cas.access.ports import Answer, Dialogue, Step
from cas.access.postgres import open_store
from cas.access.retry import RetryPolicy
from cas.access.schedule import Calendar
from cas.access.writer import ResultWriter
from cas.bindings import cosempdu as cos
from cas.devices.exclusion import Exclusion, open_exclusion
from cas.engine.clock import DatabaseClock
from cas.engine.permits import Permits
from cas.engine.planner import Planner
from cas.engine.signals import open_signals
from cas.engine.worker import Worker, WorkerSettings
from cas.store.database import Pool, open_pool
from cas.tasks import AGAIN_AFTER
from tests.access_fakes import KEYRING, FakeDevices
from tests.engine_bench import VALUE, WRITTEN

Think = Callable[[str], Awaitable[None]]
"""What a device does before it answers."""
# Seconds of a slow device: more than a task has that is canceled again and again.
LONG = 2 * AGAIN_AFTER + 1


class RecordedDevices(FakeDevices):
    """Devices that record what they are asked, and that one process has at a time."""

    def __init__(self, pool: Pool, exclusion: Exclusion, think: Think) -> None:
        super().__init__({})
        self._pool = pool
        self._exclusion = exclusion
        self._think = think

    @asynccontextmanager
    async def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AsyncIterator[Dialogue]:
        await self._exclusion.take(device_id)
        try:
            yield _Recorded(self._pool, device_id, self._think)
        finally:
            self._exclusion.give_back(device_id)


class _Recorded:
    def __init__(self, pool: Pool, device_id: str, think: Think) -> None:
        self._pool = pool
        self._device_id = device_id
        self._think = think

    async def prepare(self, step: Step, leader: cos.AarqApdu | None) -> None:
        pass

    async def request(self, step: Step) -> Answer:
        async with self._pool.connection() as connection:
            await connection.execute(
                "INSERT INTO asked (device_id, request) VALUES (%s, %s)", [self._device_id, type(step).__name__]
            )
        await self._think(self._device_id)
        return VALUE if isinstance(step, cos.GetRequest) else WRITTEN


async def main(dsn: str, mode: str, grace: float, chunks: int) -> None:
    stop = asyncio.Event()

    async def think(device_id: str) -> None:
        if mode == "stuck" and device_id.endswith("S"):
            await asyncio.Event().wait()
        elif mode == "slow":
            await stop.wait()
            await asyncio.sleep(LONG)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    planner = Planner(Calendar(UTC, timedelta(hours=1)), chunk_size=10)
    async with (
        open_pool(dsn) as pool,
        open_exclusion(dsn) as exclusion,
        open_signals(pool, dsn) as signals,
        open_store(pool, KEYRING, planner) as store,
    ):
        clock = await DatabaseClock.read(pool)
        devices = RecordedDevices(pool, exclusion, think)
        policy = RetryPolicy(first=timedelta(seconds=0.2))
        bulk = Bulk(Chunks(pool, KEYRING), ResultWriter(store), devices, Permits(50), clock=clock, policy=policy)
        signals.on_stop(bulk.cancel)
        settings = WorkerSettings(most_chunks=chunks, heartbeat=0.2, stalled_after=1.0, grace=grace)
        worker = Worker(pool, planner, bulk, signals, clock, settings, lambda now: store.recover(LOST, now))
        print("READY", flush=True)
        await worker.run(stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
