"""A bad network between the service and one meter: a TCP proxy that spoils an exchange at an octet of one's choice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit

_CHUNK = 4096


class Spoil(StrEnum):
    """What happens when so many octets have passed, those of both directions together."""

    CLOSE = "both sides are closed"
    RESET = "both sides are reset"
    SILENCE = "nothing passes any more, and nobody is told: a half-open connection"
    LATE = "the answer comes late, when nobody waits for it any more"
    DRIP = "what follows comes octet by octet"
    FLIP = "one octet is another"


@dataclass(slots=True)
class Wire:
    """The proxy."""

    host: str
    port: int
    spoil: Spoil = Spoil.CLOSE
    left: int | None = None
    """Octets that pass before it is spoilt; None: it is not."""
    late_by: float = 1.3
    passed: int = 0
    """Octets that passed."""
    dripping: bool = False
    listening: int = 0
    """The port of the proxy."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, url: str, **options: object) -> str:
        """The meter's URL, with the proxy in between."""
        parts = urlsplit(url)
        query = urlencode(dict(parse_qsl(parts.query)) | {name: str(value) for name, value in options.items()})
        return f"{parts.scheme}://{self.host}:{self.listening}?{query}"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection has come."""
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
            self._writers.add(far_writer)
            connection = _Connection(self)
            pumps = [
                asyncio.create_task(connection.pump(reader, far_writer, answers=False)),
                asyncio.create_task(connection.pump(far_reader, writer, answers=True)),
            ]
            self._tasks.update(pumps)
            _, open_ones = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if connection.silent:
                await asyncio.wait(pumps)
            for each in (writer, far_writer):
                if connection.reset:
                    each.transport.abort()
                each.close()
            await asyncio.wait(pumps, timeout=1)
            for pump in open_ones:
                pump.cancel()
        except OSError:
            writer.close()

    def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()


@dataclass(slots=True)
class _Connection:
    wire: Wire
    silent: bool = False
    reset: bool = False

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while octets := await reader.read(_CHUNK):
                if not await self._pass(octets, writer, answers=answers):
                    return

    async def _pass(self, octets: bytes, writer: asyncio.StreamWriter, *, answers: bool) -> bool:
        """Pass octets on; False: that was the end."""
        if self.silent:
            return True
        left = self.wire.left
        if left is None or len(octets) <= left:
            if left is not None:
                self.wire.left = left - len(octets)
            await self._write(octets, writer)
            return True
        now, rest, self.wire.left = octets[:left], octets[left:], None
        await self._write(now, writer)
        match self.wire.spoil:
            case Spoil.CLOSE:
                return False
            case Spoil.RESET:
                self.reset = True
                return False
            case Spoil.SILENCE:
                self.silent = True
                return True
            case Spoil.LATE if not answers:
                self.silent = True  # a request that never comes
                return True
            case Spoil.LATE:
                await asyncio.sleep(self.wire.late_by)
            case Spoil.DRIP:
                self.wire.dripping = True
            case Spoil.FLIP:
                rest = bytes([rest[0] ^ 0x10]) + rest[1:]
        await self._write(rest, writer)
        return True

    async def _write(self, octets: bytes, writer: asyncio.StreamWriter) -> None:
        self.wire.passed += len(octets)
        for piece in [octets[n : n + 1] for n in range(len(octets))] if self.wire.dripping else [octets]:
            writer.write(piece)
            await writer.drain()
            if self.wire.dripping:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A proxy in front of the meter at this URL."""
    target = urlsplit(url)
    made = Wire(target.hostname or "", target.port or 0)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.listening = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.close()
        await server.wait_closed()
