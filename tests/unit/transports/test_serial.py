"""Serial lines, over pseudo terminals."""

import asyncio
import errno
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import serial

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import hdlc_server
from tests.unit.transports.pty_bench import PtyChannel, PtyLine, Reader, pty_line
from transports import open_transport
from transports.errors import ConnectTimeout, LinkLost, PortBusy, PortUnavailable, URLError
from transports.link import Session
from transports.media.serial import Line


class TestHdlcOverSerial(TransportContract):
    max_apdu = 4000

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        with pty_line() as line:

            async def accepted() -> Session:
                return await meter_on(line)

            yield Bench(open_transport(f"hdlc+serial://{line.path}?timeout=0.2&window=3&frame-timeout=1"), accepted)


async def meter_on(line: PtyLine) -> Session:
    session = Session(hdlc_server(), "meter")
    session.attach(PtyChannel(line, session))
    await session.established()
    return session


async def test_the_speed_is_set() -> None:
    with pty_line() as line:
        transport = open_transport(f"hdlc+serial://{line.path}?baud=19200")
        connecting = asyncio.create_task(transport.connect())
        meter = await meter_on(line)
        await connecting
        assert line.speed() == termios.B19200
        await transport.close()
        await meter.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("hdlc+serial:///dev/ttyUSB0", (9600, 8, "N", 1)),
        ("hdlc+serial:///dev/ttyUSB0?baud=2400&bits=7&parity=O&stop=2", (2400, 7, "O", 2)),
        ("mode-e+serial:///dev/ttyUSB0", (300, 7, "E", 1)),
    ],
)
async def test_the_line_is_set_as_asked(
    url: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def refuse(path: str, *line: object, **more: object) -> None:
        asked.append(line)
        raise termios.error(errno.EINVAL, "cannot be set so")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(PortUnavailable, match=r"ttyUSB0.*cannot be set so"):
        await open_transport(url).connect()
    assert asked == [expected]


async def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortUnavailable, match="nowhere"):
        await open_transport("hdlc+serial:///dev/nowhere").connect()


async def test_a_port_in_use_is_worth_another_try() -> None:
    with pty_line() as line:
        first = open_transport(f"hdlc+serial://{line.path}")
        connecting = asyncio.create_task(first.connect())
        meter = await meter_on(line)
        await connecting
        with pytest.raises(PortBusy) as caught:
            await open_transport(f"hdlc+serial://{line.path}").connect()
        assert caught.value.retry
        await first.close()
        await meter.close()


async def test_a_line_that_is_pulled_out() -> None:
    with pty_line() as line:
        transport = open_transport(f"hdlc+serial://{line.path}")
        connecting = asyncio.create_task(transport.connect())
        meter = await meter_on(line)
        await connecting
        waiting = asyncio.create_task(transport.receive())
        await asyncio.sleep(0)
        meter.abort()
        with pytest.raises(LinkLost):
            await waiting
        await transport.close()


async def test_an_echo_is_taken_out() -> None:
    with pty_line() as line:
        session = Session(hdlc_server(), "meter")
        channel = PtyChannel(line, session)

        def echo_then_hear(data: bytes) -> None:
            channel.write(data)
            session.data_received(data)

        channel.receiver = Reader(echo_then_hear)
        session.attach(channel)
        transport = open_transport(f"hdlc+serial://{line.path}?echo=yes")
        await transport.connect()
        await transport.send(b"abc")
        assert await session.receive() == b"abc"
        await session.send(b"xyz")
        assert await transport.receive() == b"xyz"
        await transport.close()
        session.abort()


async def test_nobody_at_the_other_end() -> None:
    with pty_line() as line:
        transport = open_transport(f"hdlc+serial://{line.path}?frame-timeout=0.02&retries=1")
        with pytest.raises(ConnectTimeout, match="no answer to SNRM, sent 2 times"):
            await transport.connect()
        await transport.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("hdlc+serial://dev/ttyUSB0", "three slashes"),
        ("hdlc+serial:///", "path of the serial port is missing"),
        ("hdlc+serial:///dev/ttyUSB0?parity=X", "'parity' must be one of N, E, O, not 'X'"),
        ("hdlc+serial:///dev/ttyUSB0?baud=fast", "'baud' is not a whole number"),
        ("hdlc+serial:///dev/ttyUSB0?echo=1", "'echo' must be one of yes, no"),
        ("mode-e+serial:///dev/ttyUSB0?baud=1000", "no rate of 1000 baud"),
        ("mode-e+serial:///dev/ttyUSB0?device=%2F", "letters and digits"),
    ],
)
def test_what_is_wrong_is_named(url: str, message: str) -> None:
    with pytest.raises(URLError, match=message):
        open_transport(url)


def test_the_time_octets_take() -> None:
    assert Line(300, 7, "E", 1).seconds(30) == 1.0
    assert Line(9600).seconds(960) == 1.0
