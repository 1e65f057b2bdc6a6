"""Sharing of links: turns at an endpoint, permits for connections, links kept for the next job of the same device.

What must not be used by two at a time (an ip:port with one meter, or several, behind it; a line) is named by a
transport's `endpoint`. Jobs queue for it, the devices taking turns, so that one with many jobs does not keep the
others waiting. A connection then needs a permit: of its segment (a base station, a concentrator), of all together,
and of the rate at which new ones are made. Waiting for any of these is no failure; `on_wait` is told how long it
took, for the metrics.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from transports.base import Transport
from transports.errors import TransportError

Reason: TypeAlias = Literal["endpoint", "segment", "connections", "rate"]
OnWait: TypeAlias = Callable[[Reason, str, float], None]
"""Called after each wait, of no time too: what for, its name (endpoint, segment or empty), seconds."""
GOODBYE = 5.0
"""Seconds that `Lease.goodbye` may take."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Open connections in all and per named segment, new ones a second, links at a time per endpoint."""

    connections: int = 1000
    per_second: float = 30.0
    segments: Mapping[str, int] = field(default_factory=dict)
    per_endpoint: int = 1


def _nobody(reason: Reason, name: str, seconds: float) -> None:
    """Take no notice of a wait."""


class Turnstile:
    """Lets `room` in at a time; those who wait take turns by name, in order of arrival within a name."""

    def __init__(self, room: int) -> None:
        self._room = self._most = room
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def full(self) -> bool:
        """Whether whoever comes now has to wait."""
        return self._room == 0 or bool(self._queues)

    @property
    def idle(self) -> bool:
        """Whether nobody is in, and nobody waits."""
        return self._room == self._most and not self._queues

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))

    def slip_in(self) -> bool:
        """Enter where nobody has to wait; False: `enter` waits."""
        if self._room == 0 or self._queues:
            return False
        self._room -= 1
        return True

    async def enter(self, name: str) -> None:
        """Wait for a turn."""
        if self.slip_in():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(name, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            queue = self._queues.get(name)
            if queue is not None and turn in queue:
                queue.remove(turn)
                if not queue:
                    del self._queues[name]
            elif turn.done() and not turn.cancelled():
                self.leave()  # the turn came in the instant of the cancellation
            raise

    def leave(self) -> None:
        """Give the turn on."""
        while self._queues:
            name, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[name] = queue  # the name goes behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1


@dataclass(slots=True, eq=False)
class Lease:
    """The use of a connected transport by one job."""

    transport: Transport
    url: str
    endpoint: str
    device: str
    segment: str
    reused: bool = False
    """Whether the link was kept from an earlier job of the device; then `attached` is what that job left."""
    attached: object = None
    """Anything that belongs to the link, such as its association."""
    goodbye: Callable[[], Awaitable[None]] | None = None
    """Called before the link is closed in order, to release what is attached; may take 5 s and must not need more."""
    keep: bool = True
    """Set to False to have the link closed after the job, as after one that failed."""
    timer: asyncio.TimerHandle | None = None
    """Closes a link that is kept, when nobody has come for it."""


class Sharing:
    """Lends connected transports.

    `keep_alive` is how long, in seconds, a link stays open for the next job of its device; 0 for not at all. The
    limits hold for this object, so for one process if each has one.
    """

    def __init__(
        self,
        open_transport: Callable[[str], Transport],
        limits: Limits = Limits(),
        *,
        keep_alive: float = 0.0,
        on_wait: OnWait = _nobody,
    ) -> None:
        self._open_transport = open_transport
        self._limits = limits
        self._keep_alive = keep_alive
        self._on_wait = on_wait
        self._endpoints: dict[str, Turnstile] = {}
        self._all = Turnstile(limits.connections)
        self._segments = {name: Turnstile(room) for name, room in limits.segments.items()}
        self._next_start = 0.0
        self._kept: OrderedDict[tuple[str, str], Lease] = OrderedDict()
        self._closing: dict[asyncio.Task[None], str] = {}
        self.connections = 0
        """Connections open or being opened, the kept ones included."""

    @property
    def kept(self) -> int:
        """Links kept open for the next job."""
        return len(self._kept)

    def waiting(self) -> dict[Reason, int]:
        """How many jobs wait now, by what for."""
        return {
            "endpoint": sum(turnstile.waiting for turnstile in self._endpoints.values()),
            "segment": sum(turnstile.waiting for turnstile in self._segments.values()),
            "connections": self._all.waiting,
        }

    async def borrow(self, url: str, *, device: str, segment: str = "") -> Lease:
        """Wait for a turn and a permit, connect, and lend the transport until it is given back.

        Raises what `open_transport` and `connect` raise.
        """
        transport = self._open_transport(url)
        endpoint = transport.endpoint
        turnstile = self._endpoints.setdefault(endpoint, Turnstile(self._limits.per_endpoint))
        try:
            await self._enter("endpoint", endpoint, turnstile, device)
            try:
                return await self._obtain(Lease(transport, url, endpoint, device, segment))
            except BaseException:
                turnstile.leave()
                raise
        except BaseException:
            self._forget(endpoint, turnstile)
            raise

    async def give_back(self, lease: Lease) -> None:
        """End the use of a transport: the link is kept for the next job of its device, or closed."""
        turnstile = self._endpoints[lease.endpoint]
        try:
            await self._put_back(lease, turnstile)
        finally:
            turnstile.leave()
            self._forget(lease.endpoint, turnstile)

    def _forget(self, endpoint: str, turnstile: Turnstile) -> None:
        # One who gives up waiting may come after the last one out, who has forgotten it already.
        if turnstile.idle and self._endpoints.get(endpoint) is turnstile:
            del self._endpoints[endpoint]

    async def close(self) -> None:
        """Close the links that are kept."""
        while self._kept:
            self._evict(next(iter(self._kept.values())))
        await asyncio.gather(*self._closing)

    # --- connections

    async def _obtain(self, lease: Lease) -> Lease:
        """The lease, or that of a link that was kept for its device."""
        kept = self._kept.pop((lease.url, lease.device), None)
        if kept is not None:
            if kept.timer is not None:
                kept.timer.cancel()
            if _is_open(kept.transport):
                kept.reused = True
                return kept
            await self._close(kept, in_order=False)
        if self._limits.per_endpoint == 1 and (self._kept or self._closing):
            await self._make_way(lease.endpoint)
        await self._permit(lease.device, lease.segment)
        try:
            await lease.transport.connect()
        except BaseException:
            await self._close(lease, in_order=False)
            raise
        return lease

    async def _make_way(self, endpoint: str) -> None:
        """Have the links closed that are kept at an endpoint, which takes no second one."""
        for other in [each for each in self._kept.values() if each.endpoint == endpoint]:
            self._evict(other)
        if closing := [task for task, closed in self._closing.items() if closed == endpoint]:
            await asyncio.wait(closing)

    async def _permit(self, device: str, segment: str) -> None:
        in_segment = self._segments.get(segment)
        if in_segment is not None:
            if in_segment.full:
                self._make_room(segment)
            await self._enter("segment", segment, in_segment, device)
        try:
            if self._all.full:
                self._make_room(None)
            await self._enter("connections", "", self._all, device)
        except BaseException:
            if in_segment is not None:
                in_segment.leave()
            raise
        self.connections += 1
        try:
            await self._pace()
        except BaseException:
            self._return_permit(segment)
            raise

    def _return_permit(self, segment: str) -> None:
        self.connections -= 1
        self._all.leave()
        in_segment = self._segments.get(segment)
        if in_segment is not None:
            in_segment.leave()

    async def _pace(self) -> None:
        """Wait until the next new connection may be made; those of one second may come together."""
        now = asyncio.get_running_loop().time()
        self._next_start = max(self._next_start + 1 / self._limits.per_second, now - 1.0)
        pause = max(self._next_start - now, 0.0)
        if pause:
            await asyncio.sleep(pause)
        self._on_wait("rate", "", pause)

    async def _enter(self, reason: Reason, name: str, turnstile: Turnstile, device: str) -> None:
        waited = 0.0
        if not turnstile.slip_in():
            clock = asyncio.get_running_loop().time
            start = clock()
            await turnstile.enter(device)
            waited = clock() - start
        self._on_wait(reason, name, waited)

    # --- links kept

    async def _put_back(self, lease: Lease, turnstile: Turnstile) -> None:
        usable = self._keep_alive and lease.keep and _is_open(lease.transport)
        if usable and not (turnstile.waiting or self._all.waiting or self._segment_waits(lease.segment)):
            key = (lease.url, lease.device)
            self._kept[key] = lease
            lease.timer = asyncio.get_running_loop().call_later(self._keep_alive, self._evict, lease)
        else:
            await self._close(lease, in_order=lease.keep)

    def _segment_waits(self, segment: str) -> bool:
        in_segment = self._segments.get(segment)
        return in_segment is not None and bool(in_segment.waiting)

    def _make_room(self, segment: str | None) -> None:
        """Close the link kept longest, of the segment if one is named."""
        for each in self._kept.values():
            if segment is None or each.segment == segment:
                self._evict(each)
                return

    def _evict(self, lease: Lease) -> None:
        if self._kept.pop((lease.url, lease.device), None) is not None:
            if lease.timer is not None:
                lease.timer.cancel()
            task = asyncio.get_running_loop().create_task(self._close(lease, in_order=True))
            self._closing[task] = lease.endpoint
            task.add_done_callback(self._closing.pop)

    async def _close(self, lease: Lease, *, in_order: bool) -> None:
        goodbye = lease.goodbye if in_order else None
        try:
            if goodbye is not None:
                async with asyncio.timeout(GOODBYE):
                    await goodbye()
        except (TransportError, TimeoutError):
            pass  # the link is closed all the same
        finally:
            try:
                await lease.transport.close()
            finally:
                self._return_permit(lease.segment)


def _is_open(transport: Transport) -> bool:
    """Whether the link stands, as far as its transport can tell."""
    return bool(getattr(transport, "is_open", True))
