"""The jobs of the engine: one Procrastinate task, two queues, and who goes first.

What a client waits for (on-demand) has a queue of its own, which every worker serves beside the other, so that it never
stands behind bulk work. Within a queue the priority of the resource counts, and retries go behind first attempts of the
same priority. In Procrastinate the greater number goes first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from cas.engine.model import ChunkId

TASK = "cas.chunk"
ON_DEMAND = "cas_on_demand"
BULK = "cas_bulk"
QUEUES = (ON_DEMAND, BULK)
# Until a job is done again that an error of this program or of the database broke off.
BROKEN_OFF = timedelta(seconds=10)

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


def chunk_app(conninfo: str, do_chunk: DoChunk) -> App:
    """The Procrastinate application whose one task does chunks with `do_chunk`."""
    # A pool of its own: Procrastinate wants connections that are not in autocommit mode.
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4, name="cas jobs"))

    @app.task(name=TASK, retry=_Again())
    async def chunk(access_id: str, number: int, chunk: int) -> None:
        await do_chunk(ChunkId(UUID(access_id), number, chunk))

    return app


@contextmanager
def ends_may_be_lost() -> Iterator[None]:
    """Meanwhile it is no fault of the program when the database goes away before the end of a job is stored.

    Procrastinate leaves that to nobody, and the event loop would report it. Whoever finds the job goes on with it.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(problem := context.get("exception"), ConnectorException):
            log.warning("the database did not take the end of a job, which is done again", problem=str(problem))
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
