"""What processes tell each other through the database (LISTEN/NOTIFY): a resource is due, canceled, or done for now.

A notification only says where to look. What is missed while the connection is down is made good when it stands again:
then whoever listens looks for himself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from psycopg import Notify

from cas.store.database import Connection, Pool, connected
from cas.store.queries import query
from cas.store.standing import standing_connection

DUE, STOP, FINISHED = CHANNELS = ("cas_due", "cas_stop", "cas_finished")
_IS_OVER = query("activation_is_over")

log = structlog.get_logger(__name__)


class Signals:
    """What came in. `open_signals` makes one that listens."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._stop_listeners: list[Callable[[UUID], None]] = []
        self._waiting: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.work = asyncio.Event()
        """There may be something to plan or to end; who looks clears it."""

    def on_stop(self, listener: Callable[[UUID], None]) -> None:
        """Have a function told of resources that are canceled or deleted."""
        self._stop_listeners.append(listener)

    async def finished(self, access_id: UUID) -> None:
        """Wait until no activation of a resource is under way. Raises DatabaseUnavailable."""
        told = asyncio.Event()
        self._waiting[access_id].add(told)
        try:
            while not await self._is_over(access_id):
                await told.wait()
                told.clear()
        finally:
            self._waiting[access_id].discard(told)
            if not self._waiting[access_id]:
                del self._waiting[access_id]

    def take(self, channel: str, payload: str) -> None:
        """A notification has come."""
        if channel == FINISHED:
            for told in self._waiting.get(UUID(payload), ()):
                told.set()
            return  # if there is more to do with the resource, that is told as well
        if channel == STOP:
            for listener in self._stop_listeners:
                listener(UUID(payload))
            # Whoever waits for what was deleted.
            for told in self._waiting.get(UUID(payload), ()):
                told.set()
        self.work.set()

    def listen_again(self) -> None:
        """Notifications may have been missed: everybody looks for himself."""
        for told in [told for waiting in self._waiting.values() for told in waiting]:
            told.set()
        self.work.set()

    async def _is_over(self, access_id: UUID) -> bool:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(_IS_OVER, {"access_id": access_id})).fetchone()
        return row is not None and bool(row[0])


@asynccontextmanager
async def open_signals(pool: Pool, conninfo: str) -> AsyncIterator[Signals]:
    """Listen on a connection of its own. Raises DatabaseUnavailable."""
    signals = Signals(pool)
    async with standing_connection(
        conninfo, _listen, take=lambda told: _take(signals, told), again=signals.listen_again
    ):
        yield signals


async def _listen(connection: Connection) -> None:
    for channel in CHANNELS:
        await connection.execute(f"LISTEN {channel}".encode())


def _take(signals: Signals, notification: Notify) -> None:
    try:
        signals.take(notification.channel, notification.payload)
    except ValueError:
        # Anybody with access to the database can notify.
        log.warning("notification that is none of ours", channel=notification.channel)
