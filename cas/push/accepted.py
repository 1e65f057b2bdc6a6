"""The invocation counters that were accepted of notifications, in PostgreSQL: a restart opens no door to a replay."""

from cas.store.database import Pool, connected
from cas.store.queries import query

_LAST = query("push_counter_last")
_ACCEPT = query("push_counter_accept")


class StoredCounters:
    """`cas.push.model.CounterMemory` on a pool, for all processes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last(self, scope: bytes) -> int | None:
        """The greatest one accepted; None if there was none. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            row = await (await connection.execute(_LAST, {"scope": scope})).fetchone()
        return None if row is None else int(row[0])

    async def accept(self, scope: bytes, counter: int) -> None:
        """This one was accepted; lowers nothing. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            await connection.execute(_ACCEPT, {"scope": scope, "counter": counter})
