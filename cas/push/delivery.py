"""Delivery of events by any number of processes: who brings what to which target, and when they look.

A process that finds events for a target takes the target for itself, by an advisory lock, as long as there are any, so
that a target has one courier at a time; the locks of a process that dies are free at once. A notification of the
database says that there is something new.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from psycopg import OperationalError

from cas.push.courier import Courier
from cas.push.events import BROKER, DeliverySettings, Sender
from cas.push.outbox import PostgresOutbox
from cas.store.database import Connection
from cas.store.errors import StoreError
from cas.store.queries import query
from cas.store.standing import BEAT, beat, open_standing
from cas.tasks import end, endless, wait_within

EVENT = "cas_event"
# Seconds before the database is tried again.
RECONNECT_AFTER = 1.0
# Seconds in which notifications are gathered before the outbox is looked at.
_CALM = 0.02

_LOCK = query("event_target_lock")
_UNLOCK = query("event_target_unlock")

log = structlog.get_logger(__name__)


class Delivery:
    """Delivers events. `senders`: who brings them, by target; the one of "" brings those to any other target."""

    def __init__(
        self,
        conninfo: str,
        outbox: PostgresOutbox,
        senders: Mapping[str, Sender],
        settings: DeliverySettings,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._conninfo = conninfo
        self._outbox = outbox
        self._senders = senders
        self._settings = settings
        self._jitter = jitter
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Deliver until canceled."""
        while True:
            try:
                async with await open_standing(self._conninfo) as connection:
                    await self._serve(connection)
            except (OperationalError, StoreError) as problem:
                log.warning("the delivery of events waits for the database", problem=str(problem))
            finally:
                await self._stop_all()  # the locks went with the connection
            await asyncio.sleep(RECONNECT_AFTER)

    async def _serve(self, connection: Connection) -> None:
        clock = asyncio.get_running_loop().time
        await connection.execute(f"LISTEN {EVENT}".encode())
        while True:
            await self._outbox.close_finished()
            await self._look(connection)
            look_at = clock() + self._settings.look_after
            is_told = False
            while not is_told and (left := look_at - clock()) > 0:
                async for told in connection.notifies(timeout=min(left, BEAT), stop_after=1):
                    self._tell(told.payload)
                    is_told = True
                await beat(connection)
            async for told in connection.notifies(timeout=_CALM):
                self._tell(told.payload)

    def _tell(self, target: str) -> None:
        if target in self._news:
            self._news[target].set()

    async def _look(self, connection: Connection) -> None:
        """Send a courier to each target that has none, and give back the targets of those that are done."""
        waiting = set(await self._outbox.targets())
        done = [target for target, task in self._tasks.items() if task.done()]
        for target in done:
            task = self._tasks.pop(target)
            if (problem := task.exception()) is not None:
                log.warning("the delivery to a target was interrupted", target=target, problem=str(problem))
            if target in waiting:
                self._start(target)
            else:
                del self._news[target]
                await connection.execute(_UNLOCK, {"key": _key(target)})
        for target in waiting - self._tasks.keys():
            if self._sender(target) is None:
                continue  # another process has the broker
            row = await (await connection.execute(_LOCK, {"key": _key(target)})).fetchone()
            if row is not None and row[0]:
                self._start(target)

    def _start(self, target: str) -> None:
        sender = self._sender(target)
        assert sender is not None  # noqa: S101 - looked up before
        news = self._news[target] = asyncio.Event()

        async def rest(seconds: float) -> None:
            await wait_within(news, seconds)
            news.clear()

        clock = asyncio.get_running_loop().time
        courier = Courier(target, self._outbox, sender, self._settings, clock=clock, rest=rest, jitter=self._jitter)
        self._tasks[target] = asyncio.create_task(courier.run(), name=f"events to {target}")

    def _sender(self, target: str) -> Sender | None:
        return self._senders.get(target) if target == BROKER else self._senders.get(target, self._senders.get(""))

    async def _stop_all(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        self._news.clear()
        await end(*tasks)


@asynccontextmanager
async def delivering(delivery: Delivery) -> AsyncIterator[None]:
    """Deliver in the background. What is under way in the end is sent again by whoever is next."""
    task = asyncio.create_task(endless(delivery.run, "delivery of events"), name="delivery of events")
    try:
        yield
    finally:
        await end(task)


def _key(target: str) -> int:
    """64 bits; two targets that share them by chance only wait for each other."""
    return int.from_bytes(hashlib.sha256(b"cas events\0" + target.encode()).digest()[:8], "big", signed=True)
