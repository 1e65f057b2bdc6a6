"""A worker in a process of its own, for tests that kill it: `python -m tests.engine_worker DSN MODE GRACE`.

Every request that its devices get is a row of the table `asked`. MODE `stuck`: devices ...S never answer.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
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
from tests.access_fakes import KEYRING, FakeDevices
from tests.engine_bench import VALUE, WRITTEN


class RecordedDevices(FakeDevices):
    """Devices that record what they are asked, and that one process has at a time."""

    def __init__(self, pool: Pool, exclusion: Exclusion, *, stuck: bool) -> None:
        super().__init__({})
        self._pool = pool
        self._exclusion = exclusion
        self._stuck = stuck

    @asynccontextmanager
    async def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AsyncIterator[Dialogue]:
        await self._exclusion.take(device_id)
        try:
            yield _Recorded(self._pool, device_id, stuck=self._stuck and device_id.endswith("S"))
        finally:
            self._exclusion.give_back(device_id)


class _Recorded:
    def __init__(self, pool: Pool, device_id: str, *, stuck: bool) -> None:
        self._pool = pool
        self._device_id = device_id
        self._stuck = stuck

    async def prepare(self, step: Step, leader: cos.AarqApdu | None) -> None:
        pass

    async def request(self, step: Step) -> Answer:
        async with self._pool.connection() as connection:
            await connection.execute(
                "INSERT INTO asked (device_id, request) VALUES (%s, %s)", [self._device_id, type(step).__name__]
            )
        if self._stuck:
            await asyncio.Event().wait()
        return VALUE if isinstance(step, cos.GetRequest) else WRITTEN


async def main(dsn: str, mode: str, grace: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    planner = Planner(Calendar(UTC, timedelta(hours=1)), chunk_size=10)
    async with (
        open_pool(dsn) as pool,
        open_exclusion(dsn) as exclusion,
        open_signals(pool, dsn) as signals,
        open_store(pool, KEYRING, planner) as store,
    ):
        clock = await DatabaseClock.read(pool)
        devices = RecordedDevices(pool, exclusion, stuck=mode == "stuck")
        policy = RetryPolicy(first=timedelta(seconds=0.2))
        bulk = Bulk(Chunks(pool, KEYRING), ResultWriter(store), devices, Permits(50), clock=clock, policy=policy)
        signals.on_stop(bulk.cancel)
        settings = WorkerSettings(heartbeat=0.2, stalled_after=1.0, grace=grace)
        worker = Worker(pool, planner, bulk, signals, clock, settings, lambda now: store.recover(LOST, now))
        print("READY", flush=True)
        await worker.run(stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
