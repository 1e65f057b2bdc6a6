"""Hears what meters send unasked: wrapper PDUs over TCP and UDP, HDLC UI frames over TCP; and can answer each.

For push listeners and for simulated meters. Whoever sends nonsense is told to the callback and cut off, nobody else is
affected.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast

from transports.base import Channel
from transports.errors import FramingError, PortUnavailable, TransportError
from transports.hdlc.address import Address
from transports.hdlc.frame import FLAG, Frame, FrameDecoder, Kind
from transports.hdlc.unnumbered import COMMAND_LLC, UiAssembler
from transports.media.udp import enlarge
from transports.wrapper import WrapperDecoder, encode

_MAX_STATIONS = 1000


@dataclass(frozen=True, slots=True)
class Arrival:
    """An APDU that came: from whom (`host:port`), between which wPorts or HDLC logical addresses, and how to answer."""

    peer: str
    source: int
    destination: int
    apdu: bytes
    reply: Callable[[bytes], None]
    """Sends an APDU back the way this one came. Harmless when the peer has gone."""


OnArrival: TypeAlias = Callable[[Arrival], None]
OnFault: TypeAlias = Callable[[str, TransportError], None]
"""Called with the peer and what was wrong with what it sent."""


def ignore(peer: str, fault: TransportError) -> None:
    """Take no notice of a fault."""


class Listener:
    """Listens on any number of ports. `on_arrival` must not block: put the arrival into a queue.

    A TCP connection on which nothing comes for `idle` seconds is closed, and so is the newest above `max_connections`.
    """

    def __init__(
        self,
        on_arrival: OnArrival,
        *,
        on_fault: OnFault = ignore,
        idle: float = 900.0,
        max_connections: int = 10000,
    ) -> None:
        self.on_arrival = on_arrival
        self.on_fault = on_fault
        self.idle = idle
        self.max_connections = max_connections
        self.connections: set[_Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[asyncio.DatagramTransport] = []

    async def listen_tcp(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen for wrapper PDUs and HDLC UI frames; return the port, which the system chooses for 0.

        Raises PortUnavailable.
        """
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: _Connection(self), host, port, ssl=tls)
        except OSError as error:
            raise PortUnavailable(f"{host}:{port}: {error}") from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def listen_udp(self, host: str, port: int) -> int:
        """Listen for wrapper PDUs, each in one datagram; return the port. Raises PortUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(host, port))
        except OSError as error:
            raise PortUnavailable(f"{host}:{port}: {error}") from error
        self._datagrams.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    async def close(self) -> None:
        """Stop listening and close every connection."""
        for server in self._servers:
            server.close()
        for datagrams in self._datagrams:
            datagrams.abort()
        for connection in list(self.connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._datagrams.clear()


class Pushes:
    """Finds the APDUs in what a meter sends unasked, wrapper PDUs or HDLC UI frames: the first octet tells which."""

    def __init__(self) -> None:
        self._wrapped: WrapperDecoder | None = None
        self._framed: FrameDecoder | None = None
        self._parts: dict[tuple[Address, Address], UiAssembler] = {}

    def feed(
        self, octets: bytes, write: Callable[[bytes], None]
    ) -> Iterator[tuple[int, int, bytes, Callable[[bytes], None]]]:
        """Yield source, destination, APDU and what sends an answer by `write`. Raises FramingError."""
        if self._framed is None and self._wrapped is None and octets:
            if octets[0] == FLAG:
                self._framed = FrameDecoder()
            else:
                self._wrapped = WrapperDecoder()
        if self._wrapped is not None:
            for source, destination, apdu in self._wrapped.feed(octets):
                if apdu:
                    yield source, destination, apdu, _Reply(write, partial(encode, destination, source))
        elif self._framed is not None:
            for frame in self._framed.feed(octets):
                # Some meters push in I frames without ever having a data link.
                apdu = self._unnumbered(frame) if frame.kind in {Kind.UI, Kind.I} else b""
                if apdu:
                    reply = _Reply(write, partial(_answer, frame))
                    yield frame.source.logical, frame.destination.logical, apdu, reply

    def _unnumbered(self, frame: Frame) -> bytes:
        if len(self._parts) > _MAX_STATIONS:  # addresses made up by somebody
            self._parts.clear()
        return self._parts.setdefault((frame.source, frame.destination), UiAssembler()).take(frame)


@dataclass(frozen=True, slots=True)
class _Reply:
    write: Callable[[bytes], None]
    frame: Callable[[bytes], bytes]

    def __call__(self, apdu: bytes) -> None:
        self.write(self.frame(apdu))


def _answer(frame: Frame, apdu: bytes) -> bytes:
    return Frame(frame.source, frame.destination, Kind.UI, poll=False, information=COMMAND_LLC + apdu).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._pushes = Pushes()
        self._channel: Channel | None = None
        self._peer = "?"
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._channel = cast("asyncio.WriteTransport", transport)
        self._peer = name_of(transport.get_extra_info("peername"))
        if len(self._listener.connections) >= self._listener.max_connections:
            self._channel.abort()
            return
        self._listener.connections.add(self)
        self._heard = asyncio.get_running_loop().time()
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        try:
            for source, destination, apdu, reply in self._pushes.feed(data, self.write):
                self._listener.on_arrival(Arrival(self._peer, source, destination, apdu, reply))
        except FramingError as fault:
            self._listener.on_fault(self._peer, fault)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        self._listener.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def write(self, octets: bytes) -> None:
        if self._channel is not None:
            self._channel.write(octets)

    def abort(self) -> None:
        if self._channel is not None:
            self._channel.abort()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._heard + self._listener.idle
        if due <= loop.time():
            self.abort()
        else:
            self._timer = loop.call_at(due, self._watch)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # asyncio's own
        self._transport = transport
        enlarge(transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        peer = name_of(addr)
        decoder = WrapperDecoder()
        try:
            for source, destination, apdu in decoder.feed(data):
                if apdu:
                    self._listener.on_arrival(
                        Arrival(peer, source, destination, apdu, self._reply(addr, source, destination))
                    )
        except FramingError as fault:
            self._listener.on_fault(peer, fault)
        else:
            if decoder.pending:
                self._listener.on_fault(peer, FramingError("the datagram ends within a wrapper PDU"))

    def _reply(self, addr: tuple[str, int], source: int, destination: int) -> Callable[[bytes], None]:
        def reply(apdu: bytes) -> None:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(encode(destination, source, apdu), addr)

        return reply


def name_of(peername: tuple[object, ...] | None) -> str:
    """Return a socket's peer as `host:port`."""
    if not peername or len(peername) < 2:
        return "?"
    host, port = peername[0], peername[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
