"""The jobs of the engine: one Procrastinate task, two queues, and who goes first.

What a client waits for (on-demand) has a queue of its own, which every worker serves beside the other, so that it never
stands behind bulk work. Within a queue the priority of the resource counts, and retries go behind first attempts of the
same priority. In Procrastinate the greater number goes first.

A run of a job ends it only if it is still the job's last attempt: a run that is taken for dead must not end the job of
the one that has taken over, and an end can be told to a database that was away as often as it takes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from cas.engine.model import ChunkId
from cas.engine.room import Room
from cas.store.database import Pool, connected, conninfo_of
from cas.store.errors import StoreError
from cas.store.queries import query
from cas.system_events import Kind, tell
from cas.tasks import wait_within

TASK = "cas.chunk"
ON_DEMAND = "cas_on_demand"
BULK = "cas_bulk"
QUEUES = (ON_DEMAND, BULK)
# Until a job is done again that an error of this program or of the database broke off.
BROKEN_OFF = timedelta(seconds=10)
# Seconds until the database is told again what it was not there to hear.
TOLD_AGAIN_AFTER = 1.0

_END = query("job_end")
_AGAIN = query("job_again")

log = structlog.get_logger(__name__)

DoChunk = Callable[[ChunkId], Awaitable[None]]


class HandedBack(Exception):
    """A worker that stops gives a chunk back; another takes it at once."""


class _Again(BaseRetryStrategy):
    """A chunk is never given up: what ends it is its deadline."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """At once when the worker stops, else after a pause."""
        handed_back = not isinstance(exception, Exception) or isinstance(exception, HandedBack)
        return RetryDecision(retry_at=datetime.now(UTC) + (timedelta(0) if handed_back else BROKEN_OFF))


def queue_of(*, on_demand: bool) -> str:
    """The queue of an activation's chunks."""
    return ON_DEMAND if on_demand else BULK


def job_priority(priority: int, *, retry: bool = False) -> int:
    """The priority of a job for a resource of `priority` 0 (most urgent) to 255."""
    return -2 * priority - retry


@contextmanager
def _away(what: str) -> Iterator[None]:
    """Let a database that is away be no error of what is done again."""
    try:
        yield
    except ConnectorException as problem:
        log.warning("the job queue waits for the database", what=what, problem=str(problem.__cause__ or problem))


class _Jobs(JobManager):
    """Jobs that are taken when there is room, and whose ends are never lost to a database that is away.

    Procrastinate 3.10 does not notice when what it does beside the jobs has failed: a worker without a heartbeat would
    work on, and others would take its chunks from it again and again.
    """

    def __init__(self, pool: Pool, connector: BaseConnector, rooms: Mapping[str, Room], leaving: asyncio.Event) -> None:
        super().__init__(connector)
        self._pool = pool
        self._rooms = rooms
        self._leaving = leaving

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job of a queue, once there is room for it."""
        (queue,) = queues or ()
        await self._rooms[queue].free()
        return None if self._leaving.is_set() else await super().fetch_job([queue], worker_id)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Show that a worker lives, at the next time if not now: Procrastinate would not try again."""
        with _away("a heartbeat"):
            await super().update_heartbeat(worker_id)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of jobs, on a new connection when the one before is lost; nor would it listen again."""
        while True:
            with _away("listening for jobs"):
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            await asyncio.sleep(TOLD_AGAIN_AFTER)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Delete it, whatever came of it."""
        await self._tell(job, _END, {})

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Give it back, to be done again at `retry_at`; by the database's clock, as this host's may be wrong."""
        now = datetime.now(UTC)
        await self._tell(job, _AGAIN, {"after": (retry_at or now) - now})

    async def _tell(self, job: Job, statement: bytes, parameters: Mapping[str, object]) -> None:
        while True:
            try:
                await _change(self._pool, statement, job, parameters)
                return
            except StoreError as problem:
                if self._leaving.is_set():
                    # Another process finds it, as it finds those of the killed.
                    log.warning("the database did not take the end of a job, which is done again", problem=str(problem))
                    return
                log.warning("the end of a job waits for the database", problem=str(problem))
            await wait_within(self._leaving, TOLD_AGAIN_AFTER)


def chunk_app(pool: Pool, do_chunk: DoChunk, rooms: Mapping[str, Room], leaving: asyncio.Event) -> App:
    """The Procrastinate application whose one task does chunks with `do_chunk`, as long as their queue has room.

    Once `leaving` is set, it waits no more for a database that is away.
    """
    # A pool of its own: Procrastinate wants connections that are not in autocommit mode. It opens without any, so that
    # it does so while the database is away.
    app = App(connector=PsycopgConnector(conninfo=conninfo_of(pool), min_size=0, max_size=4, name="cas jobs"))
    app.job_manager = _Jobs(pool, app.connector, rooms, leaving)

    @app.task(name=TASK, retry=_Again())
    async def chunk(access_id: str, number: int, chunk: int) -> None:
        await do_chunk(ChunkId(UUID(access_id), number, chunk))

    return app


async def rescue_stalled(pool: Pool, app: App, stalled_after: float) -> int:
    """Give the jobs of workers without a heartbeat to others; return how many.

    Raises ConnectorException, StoreError.
    """
    rescued = 0
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after):
        if not await _change(pool, _AGAIN, job, {"after": timedelta(0)}):
            continue  # another worker was faster
        rescued += 1
        tell(
            Kind.WORKER_LOST, str(job.task_kwargs.get("access_id", "")), job=job.id, chunk=job.task_kwargs.get("chunk")
        )
    return rescued


async def _change(pool: Pool, statement: bytes, job: Job, parameters: Mapping[str, object]) -> bool:
    """Change a job in its last attempt; False: this attempt is no longer the last. Raises StoreError."""
    async with connected(pool) as connection:
        done = await connection.execute(statement, {"id": job.id, "attempts": job.attempts, **parameters})
    return done.rowcount > 0
