"""Mode E: signing on, changing the rate, HDLC after it."""

import asyncio
import re
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import hdlc_server
from tests.unit.transports.pty_bench import PtyChannel, PtyLine, Reader, pty_line
from transports import iec62056_21, open_transport, registry
from transports.errors import ConnectTimeout, LinkRefused
from transports.iec62056_21 import Identification, acknowledge, read_identification, request
from transports.link import Session
from transports.media.serial import Line


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pseudo terminal takes no time; a test need not wait as for 300 baud."""
    monkeypatch.setattr(iec62056_21, "REACTION", 0.1)
    monkeypatch.setattr(iec62056_21, "QUIET", 0.02)
    monkeypatch.setattr(registry, "SIGN_ON", Line(300))  # and knows neither 7 bits nor parity


class Meter:
    """Answers the sign-on at 300 baud 7E1, then speaks HDLC at the rate chosen."""

    def __init__(self, line: PtyLine, identification: bytes = b"/XYZ5\\2METER123\r\n", confirm: bytes = b"") -> None:
        self.line = line
        self.identification = identification
        self.confirm = confirm
        self.heard = b""
        self.speeds: list[int] = []
        self.session = Session(hdlc_server(), "meter")
        self.channel = PtyChannel(line, Reader(self.listen))

    def listen(self, data: bytes) -> None:
        self.heard += data
        if re.fullmatch(rb"/\?\w*!\r\n", self.heard):
            self.speeds.append(self.line.speed())
            self.heard = b""
            for octet in self.identification:
                self.channel.write(bytes((octet,)))
        elif re.fullmatch(rb"\x062.2\r\n", self.heard):
            self.heard = b""
            self.channel.write(self.confirm)
            self.channel.receiver = self.session
            self.session.attach(self.channel)


class TestModeE(TransportContract):
    max_apdu = 2000

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        with pty_line() as line:

            async def accepted() -> Session:
                meter = Meter(line, confirm=b"\x06252\r\n")
                await meter.session.established()
                return meter.session

            url = f"mode-e+serial://{line.path}?timeout=0.2&frame-timeout=1&sign-on-baud=19200"
            yield Bench(open_transport(url), accepted)


@pytest.mark.parametrize(
    ("identification", "query", "speed"),
    [
        (b"/XYZ5\\2METER123\r\n", "", termios.B9600),
        (b"/XYZ6\\2METER123\r\n", "", termios.B9600),
        (b"/XYZ6\\2METER123\r\n", "&baud=19200", termios.B19200),
        (b"/XYZ4\\W\\2METER123\r\n", "", termios.B4800),
        (b"\x00\xff/?!\r\n/xyz3\\2M 1\r\n", "", termios.B2400),
        (bytes(octet | 0x80 for octet in b"/XYZ5\\2METER\r\n"), "", termios.B9600),
    ],
)
async def test_the_rate_agreed_on_is_set(identification: bytes, query: str, speed: int) -> None:
    with pty_line() as line:
        meter = Meter(line, identification)
        transport = open_transport(f"mode-e+serial://{line.path}?device=12345678{query}")
        await transport.connect()
        assert meter.speeds == [termios.B300]
        assert line.speed() == speed
        await transport.close()
        meter.session.abort()


@pytest.mark.parametrize("confirm", [b"\x06252\r\n", b"\xf8\x00\xff\x7e\xa0", b""])
async def test_whatever_confirms_the_change_does_no_harm(confirm: bytes) -> None:
    with pty_line() as line:
        meter = Meter(line, confirm=confirm)
        transport = open_transport(f"mode-e+serial://{line.path}?sign-on-baud=9600")
        await transport.connect()
        await transport.send(b"abc")
        assert await meter.session.receive() == b"abc"
        await transport.close()
        meter.session.abort()


async def test_a_meter_without_hdlc_is_told() -> None:
    with pty_line() as line:
        meter = Meter(line, b"/XYZ5METER123\r\n")
        with pytest.raises(LinkRefused, match="XYZ METER123 does not offer HDLC"):
            await open_transport(f"mode-e+serial://{line.path}").connect()
        meter.session.abort()
        meter.channel.close()


async def test_a_meter_without_a_rate_is_told() -> None:
    with pty_line() as line:
        meter = Meter(line, b"/XYZA\\2METER123\r\n")
        with pytest.raises(LinkRefused, match="no rate of mode E"):
            await open_transport(f"mode-e+serial://{line.path}").connect()
        meter.session.abort()
        meter.channel.close()


async def test_nobody_answers_and_the_port_is_free_again() -> None:
    with pty_line() as line:
        transport = open_transport(f"mode-e+serial://{line.path}?sign-on-baud=19200")
        for _ in range(2):
            with pytest.raises(ConnectTimeout, match="asked 3 times"):
                await transport.connect()
        task = asyncio.create_task(transport.connect())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_messages() -> None:
    assert request() == b"/?!\r\n"
    assert request("12345678") == b"/?12345678!\r\n"
    assert acknowledge(9600) == bytes.fromhex("06 32 35 32 0d 0a")
    assert acknowledge(300) == bytes.fromhex("06 32 30 32 0d 0a")
    assert read_identification(b"/LGZ5\\2ZMD3104\r\n") == Identification("LGZ", 9600, True, "ZMD3104")
    assert read_identification(b"/LGZ5\\2ZMD3104\r") is None
    assert read_identification(b"/?!\r\n") is None
