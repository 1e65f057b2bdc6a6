"""The jobs of the engine: one Procrastinate task, two queues, and who goes first.

What a client waits for (on-demand) has a queue of its own, which every worker serves beside the other, so that it never
stands behind bulk work. Within a queue the priority of the resource counts, and retries go behind first attempts of the
same priority. In Procrastinate the greater number goes first.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job

from cas.engine.model import ChunkId

TASK = "cas.chunk"
ON_DEMAND = "cas_on_demand"
BULK = "cas_bulk"
QUEUES = (ON_DEMAND, BULK)
# Until a job is done again that an error of this program or of the database broke off.
BROKEN_OFF = timedelta(seconds=10)

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
