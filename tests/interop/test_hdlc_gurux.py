"""HDLC against gurux-dlms: its meter over TCP and a serial line, its client against our side of a line."""

import asyncio
import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.processes import PEERS_PYTHON, ROOT, gurux_meter, running
from tests.unit.transports.pty_bench import PtyLine, pty_line
from tests.unit.transports.test_link import unused_port
from transports import open_transport
from transports.errors import TransportError
from transports.hdlc.address import Address
from transports.hdlc.line import HdlcLine
from transports.hdlc.negotiation import Parameters

AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400007e1fffff")
GET_SERIAL = bytes.fromhex("c001c100010000600100ff0200")
GET_OBJECTS = bytes.fromhex("c001c1000f0000280000ff0200")


@pytest.fixture(scope="module")
def meter() -> Iterator[int]:
    """A foreign meter's port: ten meters, physical addresses 16 to 25."""
    port = unused_port()
    with running(gurux_meter("--framing", "hdlc", "--port", str(port), "--meters", "10", "--one-port")):
        yield port


async def read_everything(url: str) -> None:
    transport = open_transport(url)
    await transport.connect()
    try:
        await transport.send(AARQ)
        assert (await transport.receive()).startswith(b"\x61\x29\xa1\x09\x06\x07")
        for _ in range(20):  # the sequence numbers go round
            await transport.send(GET_SERIAL)
            assert (await transport.receive()).startswith(bytes.fromhex("c401c100090830303030"))
        await transport.send(GET_OBJECTS)
        objects = await transport.receive()
        assert objects[:5] == bytes.fromhex("c401c10001")
        assert len(objects) > 1000
    finally:
        await transport.close()


@pytest.mark.parametrize("query", ["info=128", "info=32", "info=128&window=7", "info=2030&window=3"])
@pytest.mark.parametrize("address", ["server=1", "server=1&physical=17", "server=1&physical=17&address-size=4"])
async def test_a_foreign_meter_over_tcp(meter: int, query: str, address: str) -> None:
    await read_everything(f"hdlc+tcp://127.0.0.1:{meter}?client=16&{address}&{query}")


async def test_a_foreign_meter_over_a_serial_line(meter: int) -> None:
    with pty_line() as line, pumped(line, meter):
        await read_everything(f"hdlc+serial://{line.path}?client=16&server=1&physical=18&address-size=4")


@contextmanager
def pumped(line: PtyLine, port: int) -> Iterator[None]:
    """Pass octets between a pseudo terminal and a TCP port, in a thread."""
    stop = threading.Event()

    def pump() -> None:
        with socket.create_connection(("127.0.0.1", port)) as wire:
            while not stop.is_set():
                ready, _, _ = select.select([wire.fileno(), line.master], [], [], 0.05)
                if wire.fileno() in ready:
                    os.write(line.master, wire.recv(4096))
                if line.master in ready:
                    wire.sendall(os.read(line.master, 4096))

    thread = threading.Thread(target=pump)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def test_an_absent_station_does_not_answer(meter: int) -> None:
    url = f"hdlc+tcp://127.0.0.1:{meter}?client=16&server=1&physical=99&frame-timeout=0.2&retries=1"
    with pytest.raises(TransportError, match="no answer to SNRM"):
        await open_transport(url).connect()


class Attribute(asyncio.Protocol):
    """Our side of a line with one attribute behind it: enough of a meter for SET and GET of it."""

    def __init__(self) -> None:
        self.line = HdlcLine([Address(1, 17)], offer=Parameters(2030, 2030, 7, 7))
        self.value = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        now = asyncio.get_running_loop().time()
        for connection, event in self.line.receive(data, now):
            if isinstance(event, bytes):
                connection.send(self.answer(event), now)
        self.transport.write(self.line.data_to_send())

    def answer(self, apdu: bytes) -> bytes:
        if apdu[0] == 0x60:
            return bytes.fromhex(
                "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501fffff0007"
            )
        if apdu[0] == 0xC1:  # set-request-normal: the value follows the descriptor
            self.value = apdu[13:]
            return bytes((0xC5, 1, apdu[2], 0))
        return bytes((0xC4, 1, apdu[2], 0)) + self.value


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize(("info", "window", "length"), [(128, 1, 10), (128, 1, 1500), (64, 3, 1500), (128, 7, 3000)])
async def test_a_foreign_client_on_our_line(size: int, info: int, window: int, length: int) -> None:
    server = await asyncio.get_running_loop().create_server(Attribute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await asyncio.create_subprocess_exec(
        PEERS_PYTHON,
        ROOT / "tests" / "interop" / "gurux_hdlc_client.py",
        *map(str, (port, size, info, window, length)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await client.communicate()
    server.close()
    await server.wait_closed()
    assert client.returncode == 0, output.decode()
    assert output.decode().strip() == bytes(n % 256 for n in range(length)).hex()
