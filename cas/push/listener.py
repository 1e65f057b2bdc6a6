"""Hears notifications: wrapper over TCP and UDP, HDLC UI frames over TCP; bounded in everything a peer can cause.

async with PushListener(directory, sink) as push:
    await push.listen_tcp("0.0.0.0")
    await push.listen_udp("0.0.0.0")

Arrivals wait in lanes, those of one host in one lane, so that they keep their order; each lane looks at one at a time.
A host that sends more than its share, or all hosts together more than can be kept, lose what is too much: it is counted
and not confirmed.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self
from zlib import crc32

from cas.dlms.notification import TAGS
from cas.dlms.xdlms.gbt import GENERAL_BLOCK_TRANSFER
from cas.push.counts import Counts
from cas.push.directory import plain_address
from cas.push.errors import Refusal
from cas.push.model import (
    CounterMemory,
    CountersInMemory,
    Directory,
    Heard,
    Notification,
    PushSettings,
    Sink,
    Wire,
)
from cas.push.reception import AARE, Reception
from cas.tasks import end
from transports.errors import TransportError
from transports.listener import Arrival, Listener
from transports.wrapper import PORT

_HEARD_TAGS = TAGS | {GENERAL_BLOCK_TRANSFER, AARE}


def now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def into(queue: asyncio.Queue[Notification]) -> Sink:
    """A sink that puts into a bounded queue, and refuses when it is full."""

    async def sink(notification: Notification) -> bool:
        try:
            queue.put_nowait(notification)
        except asyncio.QueueFull:
            return False
        return True

    return sink


class PushListener:
    """Listens, and gives the notifications of registered devices to `sink`."""

    def __init__(
        self,
        directory: Directory,
        sink: Sink,
        *,
        memory: CounterMemory | None = None,
        settings: PushSettings | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.counts = Counts()
        self._settings = settings or PushSettings()
        self._clock = clock
        self._reception = Reception(directory, sink, memory or CountersInMemory(), self._settings, self.counts)
        self._listeners = {wire: self._listener(wire) for wire in Wire}
        self._lanes: list[asyncio.Queue[Heard]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: Counter[str] = Counter()
        self._waiting_all = self._waiting_octets = 0

    async def __aenter__(self) -> Self:
        self._lanes = [asyncio.Queue() for _ in range(self._settings.lanes)]
        self._tasks = [asyncio.create_task(self._work(lane)) for lane in self._lanes]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners.values():
            await listener.close()
        await end(*self._tasks)

    async def listen_tcp(self, host: str, port: int = PORT, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen for wrapper PDUs and HDLC UI frames; return the port, chosen by the system for 0.

        Raises PortUnavailable.
        """
        return await self._listeners[Wire.TCP].listen_tcp(host, port, tls=tls)

    async def listen_udp(self, host: str, port: int = PORT) -> int:
        """Listen for wrapper PDUs in datagrams; return the port, chosen by the system for 0. Raises PortUnavailable."""
        return await self._listeners[Wire.UDP].listen_udp(host, port)

    def hear(self, wire: Wire, arrival: Arrival) -> None:
        """Take what somebody else heard, such as a connection that a device dialled in by. Does not block."""
        self.counts.count("heard", wire)
        if arrival.apdu[0] not in _HEARD_TAGS:
            self.counts.count("refused", Refusal.NO_NOTIFICATION)
            return
        host = _host(arrival.peer)
        size = len(arrival.apdu)
        if (
            self._waiting[host] >= self._settings.max_waiting_host
            or self._waiting_all >= self._settings.max_waiting
            or self._waiting_octets + size > self._settings.max_waiting_octets
        ):
            self.counts.count("refused", Refusal.CROWDED)
            return
        self._waiting[host] += 1
        self._waiting_all += 1
        self._waiting_octets += size
        lane = self._lanes[crc32(host.encode()) % len(self._lanes)]
        lane.put_nowait(
            Heard(
                wire,
                host,
                arrival.peer,
                arrival.source,
                arrival.destination,
                arrival.apdu,
                arrival.reply,
                self._clock(),
            )
        )

    def _listener(self, wire: Wire) -> Listener:
        return Listener(
            partial(self.hear, wire),
            on_fault=self._faulty,
            idle=self._settings.idle,
            max_connections=self._settings.max_connections,
        )

    def _faulty(self, peer: str, fault: TransportError) -> None:
        self.counts.count("refused", Refusal.FRAMING)

    async def _work(self, lane: asyncio.Queue[Heard]) -> None:
        while True:
            heard = await lane.get()
            try:
                await self._reception.take(heard)
            finally:
                self._waiting_octets -= len(heard.apdu)
                self._waiting_all -= 1
                self._waiting[heard.host] -= 1
                if not self._waiting[heard.host]:
                    del self._waiting[heard.host]
                lane.task_done()


def _host(peer: str) -> str:
    """The host of `host:port`, an IPv4 address also where the socket is of IPv6."""
    return plain_address(peer.rpartition(":")[0].strip("[]"))
