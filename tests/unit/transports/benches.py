"""Benches for the contract suite: a meter's side that accepts links over TCP."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.contracts.transport_contract import FarEnd
from transports.base import Framing
from transports.hdlc.address import Address
from transports.hdlc.connection import Connection, Timing
from transports.hdlc.framing import HdlcFraming
from transports.hdlc.negotiation import Parameters
from transports.hdlc.states import Role
from transports.link import Session
from transports.listener import Arrival, Listener
from transports.wrapper import WrapperFraming

HDLC_TIMING = Timing(response=1.0, hold=0.3)


def wrapper_server() -> Framing:
    return WrapperFraming(local=1, remote=16)


def hdlc_server() -> Framing:
    offer = Parameters(2030, 2030, 7, 7)
    connection = Connection(Role.SERVER, Address(1), Address(16), offer=offer, timing=HDLC_TIMING)
    return HdlcFraming(connection, HDLC_TIMING)


def hdlc_client() -> Framing:
    offer = Parameters(512, 512, 3, 3)
    connection = Connection(Role.CLIENT, Address(16), Address(1), offer=offer, timing=HDLC_TIMING)
    return HdlcFraming(connection, HDLC_TIMING)


@asynccontextmanager
async def tcp_meter(
    framing: Callable[[], Framing], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, Callable[[], "asyncio.Future[FarEnd]"]]]:
    """Serve on a free port of 127.0.0.1; yields the port and what awaits the next link."""
    loop = asyncio.get_running_loop()
    arrivals: asyncio.Queue[Session] = asyncio.Queue()
    sessions: list[Session] = []

    def accept() -> Session:
        session = Session(framing(), "meter")
        sessions.append(session)
        arrivals.put_nowait(session)
        return session

    async def accepted() -> FarEnd:
        session = await arrivals.get()
        await session.established()
        return session

    server = await loop.create_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], lambda: asyncio.ensure_future(accepted())
    finally:
        server.close()
        for session in sessions:
            session.abort()
        await server.wait_closed()


class UdpMeter:
    """A meter's side over UDP: answers go to whoever sent last."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.listener = Listener(self.arrivals.put_nowait)
        self._last: Arrival | None = None

    async def send(self, apdu: bytes) -> None:
        assert self._last is not None
        self._last.reply(apdu)

    async def receive(self) -> bytes:
        self._last = await self.arrivals.get()
        return self._last.apdu

    async def close(self) -> None:
        pass
