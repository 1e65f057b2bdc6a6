"""A worker: plans what is due, does chunks, ends what is over, and takes over from workers that died.

Any number of processes run one, on any host that reaches the database and the devices.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException

from cas.engine.clock import DatabaseClock
from cas.engine.jobs import BULK, ON_DEMAND, chunk_app, rescue_stalled
from cas.engine.model import ChunkId
from cas.engine.planner import Planner
from cas.engine.room import Room
from cas.engine.signals import Signals
from cas.store.database import Pool, connected
from cas.store.errors import StoreError
from cas.store.queries import query
from cas.store.standing import end_still
from cas.system_events import Kind, tell
from cas.tasks import end, wait_within

# Seconds after which a worker looks for work even if nobody told it that there is some.
LOOK_AFTER = 15.0
# Seconds after an error of the database.
PAUSE_AFTER_ERROR = 2.0
# Seconds, behind the grace time, in which what was broken off is given back.
LEAVE_WITHIN = 5.0

_NEXT_MOMENT = query("engine_next_moment")
_EXPIRE = query("resources_expire")

log = structlog.get_logger(__name__)


class Chunks(Protocol):
    """Who does the chunks."""

    @property
    def rooms(self) -> Mapping[str, Room]:
        """Room for further ones, by queue."""
        ...

    async def do(self, chunk_id: ChunkId) -> None:
        """Do a chunk, or go on with it."""
        ...

    async def clear(self) -> int:
        """End the chunks that wait though they are canceled or their window is over; return how many."""
        ...

    def hand_back(self) -> None:
        """Leave the devices at the next APDU boundary, and give the chunks back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works; times in seconds."""

    most_chunks: int = 1000
    """Chunks of a queue at the same time at the most, each of a single device; what counts is how many devices."""
    heartbeat: float = 10.0
    stalled_after: float = 30.0
    """A worker without a heartbeat for so long is taken for dead."""
    grace: float = 10.0
    """What a stopping worker leaves to its devices."""


class Worker:
    """One worker of a process."""

    def __init__(
        self,
        pool: Pool,
        planner: Planner,
        chunks: Chunks,
        signals: Signals,
        clock: DatabaseClock,
        settings: WorkerSettings,
        recover: Callable[[datetime], Awaitable[int]],
    ) -> None:
        """`recover` ends what processes left that did an on-demand access by themselves and died."""
        self._pool = pool
        self._planner = planner
        self._chunks = chunks
        self._signals = signals
        self._clock = clock
        self._settings = settings
        self._recover = recover

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then no new chunk is begun, and what runs is handed back within the grace time."""
        leaving = asyncio.Event()
        app = chunk_app(self._pool, self._chunks.do, self._chunks.rooms, leaving)
        async with app.open_async():
            minders = [
                asyncio.create_task(self._mind(self._look, LOOK_AFTER, self._signals.work), name="planner"),
                asyncio.create_task(self._mind(self._rescuer(app), self._settings.stalled_after / 3), name="rescuer"),
            ]
            servers = [
                asyncio.create_task(self._serve(app, ON_DEMAND), name=ON_DEMAND),
                asyncio.create_task(self._serve(app, BULK), name=BULK),
            ]
            try:
                await stop.wait()
            finally:
                leaving.set()
                self._chunks.hand_back()
                await end(*minders)
                for server in servers:
                    server.cancel()  # once: a second time would break off what may go on for the grace time
                await asyncio.wait(servers, timeout=self._settings.grace + LEAVE_WITHIN)
                await end(*servers)

    async def _serve(self, app: App, queue: str) -> None:
        while True:
            try:
                await app.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=self._settings.most_chunks,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=self._settings.grace,
                    update_heartbeat_interval=self._settings.heartbeat,
                    stalled_worker_timeout=self._settings.stalled_after,
                )
                log.warning("the job queue was interrupted, and is served again", queue=queue)
            except ConnectorException as problem:
                log.warning("the job queue waits for the database", queue=queue, problem=str(problem))
            except Exception:
                log.exception("the job queue failed, and is served again", queue=queue)
                tell(Kind.FAULT, "engine")
            await asyncio.sleep(PAUSE_AFTER_ERROR)

    async def _mind(
        self, look: Callable[[], Awaitable[float]], longest: float, wake: asyncio.Event | None = None
    ) -> None:
        while True:
            try:
                pause = min(await look(), longest)
            except (StoreError, ConnectorException) as problem:
                log.warning("the engine waits for the database", problem=str(problem))
                pause = PAUSE_AFTER_ERROR
            except Exception:
                log.exception("the engine failed, and goes on")
                tell(Kind.FAULT, "engine")
                pause = PAUSE_AFTER_ERROR
            if wake is None:
                await asyncio.sleep(pause)
                continue
            await wait_within(wake, pause)

    async def _look(self) -> float:
        self._signals.work.clear()
        await self._clock.synchronise(self._pool)
        return await look(self._pool, self._planner, self._chunks, self._clock())

    def _rescuer(self, app: App) -> Callable[[], Awaitable[float]]:
        async def rescue() -> float:
            await end_still(self._pool, timedelta(seconds=self._settings.stalled_after))
            await rescue_stalled(self._pool, app, self._settings.stalled_after)
            if left := await self._recover(self._clock()):
                tell(Kind.ACTIVATION_LEFT, activations=left)
            return self._settings.stalled_after

        return rescue


async def look(pool: Pool, planner: Planner, chunks: Chunks, now: datetime) -> float:
    """Plan what is due, end what is over; return the seconds until there is something to do again.

    Raises StoreError.
    """
    while await planner.plan_due(pool, now) is not None:
        pass
    await chunks.clear()
    async with connected(pool) as connection:
        await connection.execute(_EXPIRE, {"now": now})
        row = await (await connection.execute(_NEXT_MOMENT, {"now": now})).fetchone()
    moment: datetime | None = row[0] if row else None
    return float("inf") if moment is None else max((moment - now) / timedelta(seconds=1), 0.05)
