"""What changes while somebody looks: one watcher for all pages of this process, sent on by server-sent events.

The watcher works only while there are viewers. It listens to what processes tell each other in the database, on one
connection, and looks at the activations under way, the less often the longer that takes. A page is told which topic
changed, and loads itself again; progress comes with its numbers.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog
from aiohttp import web
from psycopg import AsyncConnection, OperationalError

from cas.console import filters, glance, views
from cas.console.guard import HEADERS
from cas.engine.permits import Permits
from cas.store.database import Pool
from cas.store.errors import StoreError
from cas.tasks import end, endless, wait_within

CHANNELS = ("cas_due", "cas_stop", "cas_finished", "cas_event")
# Seconds between two looks at what is under way, and the share of the time that looking may take.
LOOK_AFTER = 1.0
_BUSY = 0.1
HEARTBEAT = 15.0
MOST_VIEWERS = 200
# Messages that a slow viewer may be behind; then it is told to load the page again.
_BEHIND = 100
_RELOAD = "event: changed\ndata: *\n\n"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an activation is, in devices."""

    activation: str
    done: int
    failed: int
    trying: int
    devices: int
    left: str
    """How long it still takes."""


class Hub:
    """Fans out what changes. `open_hub` makes one."""

    def __init__(
        self,
        pool: Pool,
        conninfo: str,
        permits: Permits,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_after: float = LOOK_AFTER,
    ) -> None:
        self._pool = pool
        self._permits = permits
        self._clock = clock
        self._conninfo = conninfo
        self._look_after = look_after
        self._viewers: set[asyncio.Queue[str | None]] = set()
        self._known: Mapping[str, Progress] = {}
        self._figures: Mapping[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._look = asyncio.Event()
        self._closed = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The stream of one viewer, until either side ends it."""
        if self._closed or len(self._viewers) >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text="too many pages are open: this one is not live\n")
        headers = {
            **HEADERS,
            "Cache-Control": "no-store",
            "Content-Type": "text/event-stream",
            "X-Accel-Buffering": "no",
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(b"retry: 2000\n\n")
            async with self._viewer() as queue:
                while (message := await _next(queue)) is not None:
                    await response.write(message.encode())
        return response

    def stop(self) -> None:
        """End every stream."""
        self._closed = True
        for queue in self._viewers:
            _put(queue, None)

    def changed(self, *topics: str) -> None:
        """Tell the viewers that these topics have changed."""
        for topic in topics:
            self._send(f"event: changed\ndata: {topic}\n\n")

    async def look(self) -> None:
        """Look at the numbers and the activations under way, and tell what is different."""
        figures = glance.figures(await glance.counts(self._pool), self._permits)
        if figures != self._figures:
            self._figures = figures
            self._send(f"event: figures\ndata: {json.dumps(figures)}\n\n")
        found, now = {}, self._clock()
        for each in await views.running(self._pool, limit=50):
            name = f"{each.access_id}/{each.number}"
            left = filters.left(each.left(now))
            found[name] = Progress(name, each.done, each.failed, each.trying, each.devices, left)
        before, self._known = self._known, found
        for name, progress in found.items():
            known = before.get(name, Progress(name, 0, 0, 0, 0, ""))
            if (known.failed, known.trying) != (progress.failed, progress.trying):
                self.changed("failures")
            if name not in before or replace(known, left=progress.left) != progress:
                self._send(f"event: progress\ndata: {json.dumps(asdict(progress))}\n\n")
                self.changed(f"access:{name.partition('/')[0]}")
        if found.keys() != before.keys():
            gone = before.keys() - found.keys()
            self.changed("activations", *(f"access:{name.partition('/')[0]}" for name in gone))

    @asynccontextmanager
    async def _viewer(self) -> AsyncIterator[asyncio.Queue[str | None]]:
        queue: asyncio.Queue[str | None] = asyncio.Queue(_BEHIND)
        self._viewers.add(queue)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(endless(self._watch, "console"), name="console watch"),
                asyncio.create_task(endless(self._listen, "console"), name="console listen"),
            ]
        try:
            yield queue
        finally:
            self._viewers.discard(queue)
            if not self._viewers:
                await self._rest()

    async def _rest(self) -> None:
        """Nobody looks any more."""
        tasks, self._tasks, self._known, self._figures = self._tasks, [], {}, {}
        await end(*tasks)

    def _send(self, message: str) -> None:
        for queue in self._viewers:
            _put(queue, message)

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except StoreError as problem:
                log.warning("the console cannot look at the database", problem=str(problem))
            pause = max(self._look_after, (time.monotonic() - began) / _BUSY)
            if await wait_within(self._look, pause):
                await asyncio.sleep(self._look_after / 10)  # what comes together is looked at once
            self._look.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    for channel in CHANNELS:
                        await connection.execute(f"LISTEN {channel}".encode())
                    self._send(_RELOAD)  # what happened before nobody heard
                    async for notification in connection.notifies():
                        self._take(notification.channel, notification.payload)
            except OperationalError as problem:
                log.warning("notifications of the database are interrupted", problem=str(problem))
            await asyncio.sleep(self._look_after)

    def _take(self, channel: str, payload: str) -> None:
        self._look.set()
        if channel == "cas_event":
            self.changed("events")
            return
        topics = ["activations"]
        with suppress(ValueError):
            topics.append(f"access:{UUID(payload)}")
        self.changed(*topics)


async def _next(queue: asyncio.Queue[str | None]) -> str | None:
    try:
        return await asyncio.wait_for(queue.get(), HEARTBEAT)
    except TimeoutError:
        return ": still here\n\n"


def _put(queue: asyncio.Queue[str | None], message: str | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(_RELOAD)
    queue.put_nowait(message)


@asynccontextmanager
async def open_hub(pool: Pool, conninfo: str, permits: Permits) -> AsyncIterator[Hub]:
    """A hub whose streams end with the block."""
    hub = Hub(pool, conninfo, permits)
    try:
        yield hub
    finally:
        hub.stop()
