"""TCP in: meters that dial the head-end. A connection is parked until a job wants its device, and again after it.

A meter says who it is by a heartbeat of its maker's own format, by what it pushes first, or by its address; a
`Recognise` tells. What else comes on a parked connection are pushes: they go to `on_arrival` like those of any
listener. A heartbeat that comes while a job uses the connection is answered and kept from the job.
"""

import asyncio
import re
import ssl
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, cast

from transports.base import Channel, Receiver
from transports.errors import FramingError, NotDialledIn, PortUnavailable, TransportError
from transports.listener import Arrival, OnArrival, OnFault, Pushes, ignore, name_of
from transports.wrapper import WrapperFrame, encode

_MAX_FIRST = 4096
"""Octets within which a meter must have said who it is."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Who a connection is from; `consumed` octets were the heartbeat, `reply` is to be sent back."""

    device: str
    consumed: int = 0
    reply: bytes = b""


Recognise: TypeAlias = Callable[[bytes, str], Recognition | None]
"""Given the octets at hand (none right after the connection was made) and the peer's IP address, says who it is."""


def by_pattern(pattern: bytes, reply: bytes = b"") -> Recognise:
    """Recognise a heartbeat by a regular expression with a group named `device`, matched at its start."""
    compiled = re.compile(pattern, re.DOTALL)
    if "device" not in compiled.groupindex:
        raise ValueError("the pattern of a heartbeat needs a group (?P<device>...)")

    def recognise(octets: bytes, peer: str) -> Recognition | None:
        found = compiled.match(octets)
        return found and Recognition(found["device"].decode("ascii", "replace").strip(), found.end(), reply)

    return recognise


def by_peer(devices: Mapping[str, str]) -> Recognise:
    """Recognise a meter by its IP address."""

    def recognise(octets: bytes, peer: str) -> Recognition | None:
        return Recognition(devices[peer]) if not octets and peer in devices else None

    return recognise


def first_of(*each: Recognise) -> Recognise:
    """Ask one after the other."""

    def recognise(octets: bytes, peer: str) -> Recognition | None:
        return next((found for one in each if (found := one(octets, peer)) is not None), None)

    return recognise


def _drop(arrival: Arrival) -> None:
    """Take no notice of a push."""


class DialIn:
    """Listens for meters and lends their connections. `on_arrival` must not block.

    A connection that nobody recognises within `patience` seconds, or that is silent for `idle` seconds, is closed.
    """

    def __init__(
        self,
        recognise: Recognise,
        *,
        on_arrival: OnArrival = _drop,
        on_fault: OnFault = ignore,
        patience: float = 120.0,
        idle: float = 3600.0,
        max_connections: int = 10000,
    ) -> None:
        self.recognise = recognise
        self.on_arrival = on_arrival
        self.on_fault = on_fault
        self.patience = patience
        self.idle = idle
        self.max_connections = max_connections
        self.connections: set[Dialled] = set()
        self.parked: dict[str, Dialled] = {}
        """The newest connection of each device that no job uses."""
        self._waiting: defaultdict[str, deque[asyncio.Future[Dialled]]] = defaultdict(deque)
        self._peers: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._name = ""

    async def listen(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> str:
        """Listen; return the `host:port` by which URLs call this listener. Raises PortUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Dialled(self), host, port, ssl=tls)
        except OSError as error:
            raise PortUnavailable(f"{host}:{port}: {error}") from error
        self._name = f"{host}:{self._server.sockets[0].getsockname()[1]}"
        LISTENERS[self._name] = self
        return self._name

    async def close(self) -> None:
        """Stop listening, close every connection, disappoint whoever waits."""
        LISTENERS.pop(self._name, None)
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()
        for queue in self._waiting.values():
            for future in queue:
                if not future.done():
                    future.set_exception(NotDialledIn(f"{self._name}: the listener was closed"))
        if self._server is not None:
            await self._server.wait_closed()

    async def take(self, device: str, peer: str | None = None) -> "Dialled":
        """Wait for a connection of the device; with `peer`, whoever comes from that IP address is the device."""
        if peer is not None and self._peers.get(peer) != device:
            self._peers[peer] = device
            for connection in self.connections:
                if connection.device is None and connection.peer == peer:
                    connection.recognised(Recognition(device))
        connection_or_none = self.parked.pop(device, None)
        if connection_or_none is not None:
            return connection_or_none
        future: asyncio.Future[Dialled] = asyncio.get_running_loop().create_future()
        self._waiting[device].append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.park(future.result())
            raise
        finally:
            queue = self._waiting[device]
            if future in queue:
                queue.remove(future)
            if not queue:
                del self._waiting[device]

    def park(self, connection: "Dialled") -> None:
        """Give the connection to whoever waits for its device, or keep it. The newest connection of a device counts."""
        device = connection.device
        if device is None or not connection.alive:
            return
        queue = self._waiting.get(device)
        while queue:
            future = queue.popleft()
            if not future.done():
                future.set_result(connection)
                return
        older = self.parked.get(device)
        if older is not None and older is not connection:
            if older.born > connection.born:
                older, connection = connection, older
            older.abort()
        self.parked[device] = connection

    def forget(self, connection: "Dialled") -> None:
        """Stop offering the connection."""
        if connection.device is not None and self.parked.get(connection.device) is connection:
            del self.parked[connection.device]

    def identify(self, octets: bytes, peer: str) -> Recognition | None:
        """Ask the recogniser, and the addresses that jobs have named."""
        if not octets and peer in self._peers:
            return Recognition(self._peers[peer])
        return self.recognise(octets, peer)


LISTENERS: dict[str, DialIn] = {}
"""The listeners of this process that are open, by `host:port`."""


class Dialled(asyncio.Protocol):
    """One connection that a meter made: a channel to whoever uses it."""

    def __init__(self, hub: DialIn) -> None:
        self._hub = hub
        self._channel: asyncio.WriteTransport | None = None
        self._receiver: Receiver | None = None
        self._first = b""
        self._pushes = Pushes()
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self.born = 0.0
        self.device: str | None = None
        self.peer = ""
        self.name = ""

    @property
    def alive(self) -> bool:
        """Whether the meter is still there."""
        return self._channel is not None and not self._channel.is_closing()

    def lend(self, receiver: Receiver) -> None:
        """Pass what comes to `receiver` from now on."""
        self._receiver = receiver

    def stray(self, frame: WrapperFrame) -> None:
        """Pass on what the meter pushed while a job had the connection."""
        reply = partial(self._answer, frame)
        self._hub.on_arrival(Arrival(self.name, frame.source, frame.destination, frame.apdu, reply))

    def _answer(self, frame: WrapperFrame, apdu: bytes) -> None:
        self.write(encode(frame.destination, frame.source, apdu))

    # --- the channel of a job

    def write(self, data: bytes) -> None:
        """Send octets to the meter."""
        if self._channel is not None:
            self._channel.write(data)

    def close(self) -> None:
        """End the use and park the connection for the next job."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            asyncio.get_running_loop().call_soon(receiver.connection_lost, None)
            self._pushes = Pushes()
            self._hub.park(self)

    def abort(self) -> None:
        """Cut the connection."""
        if self._channel is not None:
            self._channel.abort()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Welcome the meter."""
        self._channel = cast("asyncio.WriteTransport", transport)
        peername = transport.get_extra_info("peername")
        self.name, self.peer = name_of(peername), str(peername[0]) if peername else ""
        if len(self._hub.connections) >= self._hub.max_connections:
            self._channel.abort()
            return
        self._hub.connections.add(self)
        self.born = self._heard = asyncio.get_running_loop().time()
        self._watch()
        self._consider(b"")

    def data_received(self, data: bytes) -> None:
        """Tell heartbeats, pushes and answers apart."""
        self._heard = asyncio.get_running_loop().time()
        octets, self._first = self._first + data, b""
        rest = self._consider(octets)
        if self.device is None:
            self._first = rest
            if len(rest) > _MAX_FIRST:
                self._fault(FramingError(f"not recognised by its first {len(rest)} octets"))
            return
        if not rest:
            return
        if self._receiver is not None:
            self._receiver.data_received(rest)
            return
        try:
            for source, destination, apdu, reply in self._pushes.feed(rest, self.write):
                self._hub.on_arrival(Arrival(self.name, source, destination, apdu, reply))
        except FramingError as fault:
            self._fault(fault)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever uses the connection."""
        self._channel = None
        hub = self._hub
        hub.connections.discard(self)
        hub.forget(self)
        if self._timer is not None:
            self._timer.cancel()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._receiver is not None:
            self._receiver.resume_writing()

    # --- inside

    def recognised(self, recognition: Recognition) -> None:
        """Take note of who the meter is, and answer it."""
        if recognition.reply:
            self.write(recognition.reply)
        if self.device != recognition.device and self._receiver is None:
            self._hub.forget(self)
            self.device = recognition.device
            self._hub.park(self)

    def _consider(self, octets: bytes) -> bytes:
        """Take heartbeats away from the front of what came; return the rest."""
        while True:
            found = self._hub.identify(octets, self.peer)
            if found is None:
                return octets
            self.recognised(found)
            octets = octets[found.consumed :]
            if not found.consumed or not octets:
                return octets

    def _fault(self, fault: TransportError) -> None:
        self._hub.on_fault(self.name, fault)
        self.abort()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._heard + (self._hub.idle if self.device is not None else self._hub.patience)
        if due <= loop.time():
            self._fault(NotDialledIn(f"{self.name}: silent for too long, device {self.device or 'unknown'}"))
        else:
            self._timer = loop.call_at(min(due, loop.time() + self._hub.patience), self._watch)


class DialInMedium:
    """Connections of one device to the listener called `listener`, which must be open by the time of connecting."""

    def __init__(self, listener: str, device: str, *, peer: str | None = None) -> None:
        self._listener = listener
        self._device = device
        self._peer = peer
        self._connection: Dialled | None = None

    @property
    def endpoint(self) -> str:
        """The listener and the device."""
        return f"{self._listener}/{self._device}"

    async def open(self, receiver: Receiver) -> Channel:
        """Wait for the meter to dial in. Raises NotDialledIn when there is no such listener."""
        hub = LISTENERS.get(self._listener)
        if hub is None:
            raise NotDialledIn(f"{self.endpoint}: nothing listens on {self._listener} in this process")
        connection = await hub.take(self._device, self._peer)
        connection.lend(receiver)
        self._connection = connection
        return connection

    def stray(self, frame: WrapperFrame) -> None:
        """Take a frame that is not the link's own."""
        if self._connection is not None:
            self._connection.stray(frame)
