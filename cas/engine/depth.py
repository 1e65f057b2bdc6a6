"""How much waits and is under way in all processes, for the metrics of any of them."""

from cas import metrics
from cas.engine.jobs import QUEUES
from cas.store.database import Pool, connected
from cas.store.queries import query

_DEPTH = query("engine_depth")
_STATUSES = ("todo", "doing")


async def measure_depth(pool: Pool) -> None:
    """Set the gauges to what the database says now. Raises DatabaseUnavailable."""
    async with connected(pool) as connection:
        rows = await (await connection.execute(_DEPTH)).fetchall()
    counted = {(queue, what): number for queue, what, number in rows}
    for queue in QUEUES:
        for status in _STATUSES:
            metrics.JOBS.labels(queue, status).set(counted.get((queue, status), 0))
    metrics.ACTIVATIONS.set(counted["", "activations"])
    metrics.EVENTS_WAITING.set(counted["", "events"])
