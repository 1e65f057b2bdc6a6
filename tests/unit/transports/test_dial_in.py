"""Meters that dial in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import hdlc_server, wrapper_server
from transports import open_transport
from transports.base import Framing
from transports.dial_in import DialIn, Recognition, by_pattern, by_peer, first_of
from transports.errors import FramingError, LinkLost, NotDialledIn, TransportError
from transports.link import Session
from transports.listener import Arrival
from transports.wrapper import encode

HEARTBEAT = by_pattern(rb"HB:(?P<device>\w+);", b"OK;")


class Hub:
    """A listener, what it was pushed, and what went wrong."""

    def __init__(self, dial_in: DialIn) -> None:
        self.dial_in = dial_in
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.faults: asyncio.Queue[tuple[str, TransportError]] = asyncio.Queue()
        dial_in.on_arrival = self.arrivals.put_nowait
        dial_in.on_fault = lambda peer, fault: self.faults.put_nowait((peer, fault))
        self.name = ""

    async def noticed(self) -> None:
        """Wait until the listener knows that the meters it had parked have gone."""
        while self.dial_in.parked:  # noqa: ASYNC110 - only a test wants to know, no event is kept for it
            await asyncio.sleep(0.001)

    @property
    def port(self) -> int:
        return int(self.name.rpartition(":")[2])


@asynccontextmanager
async def hub(dial_in: DialIn) -> AsyncIterator[Hub]:
    made = Hub(dial_in)
    made.name = await dial_in.listen("127.0.0.1", 0)
    try:
        yield made
    finally:
        await dial_in.close()


class Meter:
    """Dials the listener and says who it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(cls, port: int, first: bytes = b"HB:M1;") -> "Meter":
        meter = cls(*await asyncio.open_connection("127.0.0.1", port))
        meter.writer.write(first)
        return meter

    async def request(self, server: int = 1) -> bytes:
        header = await self.reader.readexactly(8)
        assert header[:6] == bytes((0, 1, 0, 16, 0, server))
        return await self.reader.readexactly(int.from_bytes(header[6:], "big"))

    async def leave(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


class DialInContract(TransportContract):
    scheme = "tcp-in"

    def framing(self) -> Framing:
        return wrapper_server()

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        sessions: list[Session] = []
        async with hub(DialIn(HEARTBEAT)) as made:

            async def accepted() -> Session:
                session = Leaving(self.framing(), made)
                sessions.append(session)
                channel, _ = await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, "127.0.0.1", made.port
                )
                channel.write(b"HB:M1;")
                waiter = asyncio.get_running_loop().create_future()
                channel.set_protocol(AfterHeartbeat(session, waiter))
                await waiter
                session.attach(channel)
                await session.established()
                return session

            yield Bench(open_transport(f"{self.scheme}://{made.name}/M1?timeout=0.2"), accepted)
            for session in sessions:
                session.abort()


class Leaving(Session):
    """A meter's side that has left only when the listener knows."""

    def __init__(self, framing: Framing, made: Hub) -> None:
        super().__init__(framing, "meter")
        self.made = made

    async def close(self) -> None:
        await super().close()
        await self.made.noticed()


class AfterHeartbeat(asyncio.Protocol):
    """Hands the connection over to the session once the heartbeat was answered."""

    def __init__(self, session: Session, answered: "asyncio.Future[None]") -> None:
        self.session = session
        self.answered = answered

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            assert data.startswith(b"OK;")
            data = data.removeprefix(b"OK;")
            self.answered.set_result(None)
        if data:
            asyncio.get_running_loop().call_soon(self.session.data_received, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.session.connection_lost(exc)


class TestTcpIn(DialInContract):
    pass


class TestHdlcTcpIn(DialInContract):
    scheme = "hdlc+tcp-in"

    def framing(self) -> Framing:
        return hdlc_server()


async def test_a_job_waits_for_its_meter_and_the_next_finds_it_parked() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        transport = open_transport(f"tcp-in://{made.name}/M1")
        connecting = asyncio.create_task(transport.connect())
        await asyncio.sleep(0)
        other = await Meter.dial(made.port, b"HB:M2;")
        meter = await Meter.dial(made.port)
        await connecting
        assert await meter.reader.readexactly(3) == b"OK;"
        for number in range(3):
            if number:
                await transport.connect()
            await transport.send(b"%d" % number)
            assert await meter.request() == b"%d" % number
            meter.writer.write(encode(1, 16, b"answer"))
            assert await transport.receive() == b"answer"
            await transport.close()
            assert "M1" in made.dial_in.parked
        await meter.leave()
        await other.leave()


async def test_a_heartbeat_in_the_middle_of_a_job_is_kept_from_it() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        meter = await Meter.dial(made.port)
        assert await meter.reader.readexactly(3) == b"OK;"
        transport = open_transport(f"tcp-in://{made.name}/M1")
        await transport.connect()
        meter.writer.write(b"HB:M1;" + encode(1, 16, b"answer"))
        assert await transport.receive() == b"answer"
        assert await meter.reader.readexactly(3) == b"OK;"
        await transport.close()
        await meter.leave()


async def test_pushes_reach_the_push_listener_parked_or_not() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        meter = await Meter.dial(made.port, b"HB:M1;" + encode(1, 103, b"\x0f parked"))
        parked = await made.arrivals.get()
        assert (parked.source, parked.destination, parked.apdu) == (1, 103, b"\x0f parked")
        transport = open_transport(f"tcp-in://{made.name}/M1")
        await transport.connect()
        meter.writer.write(encode(1, 103, b"\x0f in use") + encode(1, 16, b"answer"))
        assert await transport.receive() == b"answer"
        in_use = await made.arrivals.get()
        assert in_use.apdu == b"\x0f in use"
        in_use.reply(b"thanks")
        assert await meter.reader.readexactly(17) == b"OK;" + encode(103, 1, b"thanks")
        await transport.close()
        await meter.leave()


async def test_recognised_by_its_first_push() -> None:
    def by_title(octets: bytes, peer: str) -> Recognition | None:
        return Recognition(octets[10:18].hex()) if octets[8:10] == b"\xdb\x08" else None

    async with hub(DialIn(by_title)) as made:
        push = encode(1, 103, b"\xdb\x08ABC12345 ciphered")
        meter = await Meter.dial(made.port, push)
        assert (await made.arrivals.get()).apdu == push[8:]
        transport = open_transport(f"tcp-in://{made.name}/{b'ABC12345'.hex()}")
        await transport.connect()
        await transport.close()
        await meter.leave()


@pytest.mark.parametrize("in_url", [True, False])
async def test_recognised_by_its_address(in_url: bool) -> None:
    known = {} if in_url else {"127.0.0.1": "M1"}
    async with hub(DialIn(first_of(HEARTBEAT, by_peer(known)))) as made:
        meter = await Meter.dial(made.port, b"")
        transport = open_transport(f"tcp-in://{made.name}/M1{'?peer=127.0.0.1' if in_url else ''}")
        await transport.connect()
        await transport.send(b"request")
        assert await meter.request() == b"request"
        await transport.close()
        await meter.leave()


async def test_a_meter_that_does_not_come() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        with pytest.raises(NotDialledIn, match="M1: no connection within"):
            await open_transport(f"tcp-in://{made.name}/M1?connect-timeout=0.02").connect()
    with pytest.raises(NotDialledIn, match="nothing listens on"):
        await open_transport(f"tcp-in://{made.name}/M1").connect()


async def test_a_closing_listener_disappoints_at_once() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        connecting = asyncio.create_task(open_transport(f"tcp-in://{made.name}/M1").connect())
        await asyncio.sleep(0)
    with pytest.raises(NotDialledIn, match="closed"):
        await connecting


async def test_the_newest_connection_of_a_meter_counts() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        old, new = await Meter.dial(made.port), await Meter.dial(made.port)
        assert await new.reader.readexactly(3) == b"OK;"
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await old.reader.readexactly(100)
        transport = open_transport(f"tcp-in://{made.name}/M1")
        await transport.connect()
        await transport.send(b"request")
        assert await new.request() == b"request"
        await transport.close()
        await old.leave()
        await new.leave()


async def test_a_connection_with_an_answer_outstanding_is_not_used_again() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        meter = await Meter.dial(made.port)
        transport = open_transport(f"tcp-in://{made.name}/M1?timeout=0.05")
        await transport.connect()
        await transport.send(b"request")
        with pytest.raises(TransportError):
            await transport.receive()
        await transport.close()
        assert "M1" not in made.dial_in.parked
        await meter.leave()


async def test_a_meter_that_hangs_up() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        meter = await Meter.dial(made.port)
        transport = open_transport(f"tcp-in://{made.name}/M1")
        await transport.connect()
        await meter.leave()
        with pytest.raises(LinkLost):
            await transport.receive()
        await transport.close()
        meter = await Meter.dial(made.port)
        assert await meter.reader.readexactly(3) == b"OK;"
        await meter.leave()
        await made.noticed()
        with pytest.raises(NotDialledIn):
            await open_transport(f"tcp-in://{made.name}/M1?connect-timeout=0.02").connect()


async def test_strangers_are_reported_and_closed() -> None:
    async with hub(DialIn(HEARTBEAT, patience=0.05)) as made:
        silent, chatty = await Meter.dial(made.port, b"?"), await Meter.dial(made.port, b"x" * 5000)
        faults = [await made.faults.get() for _ in range(2)]
        assert {type(fault) for _, fault in faults} == {FramingError, NotDialledIn}
        for meter in (silent, chatty):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await meter.reader.readexactly(1)
            await meter.leave()
        assert not made.dial_in.connections


async def test_nonsense_while_parked_costs_the_connection() -> None:
    async with hub(DialIn(HEARTBEAT)) as made:
        meter = await Meter.dial(made.port)
        assert await meter.reader.readexactly(3) == b"OK;"
        meter.writer.write(b"garbage!")
        assert isinstance((await made.faults.get())[1], FramingError)
        await meter.leave()


def test_a_pattern_must_name_the_device() -> None:
    with pytest.raises(ValueError, match="device"):
        by_pattern(rb"HB:(\w+);")
