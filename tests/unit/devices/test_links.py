"""Links to devices: leased while they are connected, never kept while an answer is owed, recorded on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cas.devices.links import Links, Recording
from cas.devices.model import Device
from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import wrapper_server
from tests.unit.transports.test_link import wrapper_client
from transports.errors import NotConnected, ResponseTimeout
from transports.link import Link
from transports.media import memory
from transports.sharing import Limits
from transports.tap import read


class Wire:
    """A transport that answers with the octets backwards; `SILENT` is not answered."""

    SILENT = b"silence"
    opened = 0
    open_now = 0

    def __init__(self, url: str) -> None:
        self.endpoint = url.partition("?")[0]
        self.is_open = False
        self._last = b""

    async def connect(self) -> None:
        type(self).opened += 1
        type(self).open_now += 1
        self.is_open = True

    async def send(self, apdu: bytes) -> None:
        self._last = apdu

    async def receive(self) -> bytes:
        if self._last == self.SILENT:
            raise ResponseTimeout("no answer")
        return self._last[::-1]

    async def close(self) -> None:
        type(self).open_now -= self.is_open
        self.is_open = False


def device(name: str, url: str = "tcp://meter:4059", segment: str = "") -> Device:
    labels = {"segment": segment} if segment else {}
    return Device(device_id=name, system_title=None, alias=name, url=url, labels=labels)


@pytest.fixture(name="wire")
def fresh_wire() -> type[Wire]:
    return type("FreshWire", (Wire,), {})


@asynccontextmanager
async def linked(
    wire: type[Wire], limits: Limits, record: Callable[[str], None] = print, **more: float
) -> AsyncIterator[Links]:
    links = Links(limits, opener=wire, record=record, **more)
    yield links
    await links.close()
    assert wire.open_now == 0
    assert links.sharing.connections == 0


class TestLeased(TransportContract):
    """A leased transport is a transport, recorded or not."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        near, far = memory.pair()
        links = Links(Limits(), opener=lambda _url: Link(near, wrapper_client, response_timeout=0.2), record=print)
        links.tap.switch_on("M1")
        peer = Link(far, wrapper_server, response_timeout=None)

        async def accepted() -> Link:
            await peer.connect()
            return peer

        yield Bench(links.transport(device("M1")), accepted)
        await links.close()


async def test_a_link_is_kept_for_the_next_job_of_its_device(wire: type[Wire]) -> None:
    async with linked(wire, Limits(), keep_alive=60) as links:
        for _ in range(3):
            transport = links.transport(device("M1"))
            await transport.connect()
            await transport.send(b"ab")
            assert await transport.receive() == b"ba"
            await transport.close()
        assert wire.opened == 1


@pytest.mark.parametrize("receive", [True, False])
async def test_a_link_that_owes_an_answer_is_not_kept(wire: type[Wire], receive: bool) -> None:
    async with linked(wire, Limits(), keep_alive=60) as links:
        transport = links.transport(device("M1"))
        await transport.connect()
        await transport.send(Wire.SILENT)
        if receive:
            with pytest.raises(ResponseTimeout):
                await transport.receive()
        await transport.close()
        assert wire.open_now == 0


async def test_devices_behind_one_endpoint_take_turns(wire: type[Wire]) -> None:
    async with linked(wire, Limits()) as links:
        first, second = links.transport(device("M1")), links.transport(device("M2"))
        await first.connect()
        waiting = asyncio.create_task(second.connect())
        await asyncio.sleep(0)
        assert links.sharing.waiting()["endpoint"] == 1
        await first.close()
        await waiting
        assert wire.open_now == 1
        await second.close()


async def test_a_segment_bounds_its_devices_and_no_others(wire: type[Wire]) -> None:
    async with linked(wire, Limits(segments={"north": 1})) as links:
        urls = [f"tcp://meter{i}:4059" for i in range(3)]
        north, also_north = (links.transport(device(url, url, "north")) for url in urls[:2])
        await north.connect()
        waiting = asyncio.create_task(also_north.connect())
        elsewhere = links.transport(device(urls[2], urls[2]))
        await elsewhere.connect()
        for _ in range(10):  # turns of the event loop, as many as there are tasks and more
            await asyncio.sleep(0)
        assert links.sharing.waiting()["segment"] == 1
        for transport in (north, elsewhere):
            await transport.close()
        await waiting
        await also_north.close()


async def test_a_transport_that_is_not_connected_says_so(wire: type[Wire]) -> None:
    async with linked(wire, Limits()) as links:
        transport = links.transport(device("M1"))
        with pytest.raises(NotConnected):
            await transport.send(b"x")
        await transport.close()


def lines_in(directory: Path) -> list[str]:
    (file,) = directory.iterdir()
    return file.read_text().splitlines()


async def test_what_is_recorded_can_be_read_and_holds_no_password(wire: type[Wire], tmp_path: Path) -> None:
    aarq = bytes.fromhex(
        "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F0400007E1F04B0"
    )
    recording = Recording(tmp_path)
    async with linked(wire, Limits(), recording.write) as links:
        transport = links.transport(device("M1"))
        await transport.connect()
        await transport.send(b"\xc0 not recorded")
        links.tap.switch_on("M1")
        await transport.send(aarq)
        await transport.receive()
        await transport.close()
    lines = lines_in(tmp_path)
    text = "".join(lines)
    assert aarq.hex()[:40] in text
    assert b"12345678".hex() not in text.replace(aarq[::-1].hex(), "")
    assert [record.event for record in read(lines)] == ["sent", "received", "closed"]


async def test_what_fails_is_recorded_with_its_reason(wire: type[Wire]) -> None:
    lines: list[str] = []
    async with linked(wire, Limits(), lines.append) as links:
        links.tap.switch_on("M1")
        transport = links.transport(device("M1"))
        await transport.connect()
        await transport.send(Wire.SILENT)
        with pytest.raises(ResponseTimeout):
            await transport.receive()
        await transport.close()
        other = links.transport(device("M2"))
        await other.connect()
        await other.close()
    records = list(read(lines))
    assert [record.event for record in records] == ["connected", "sent", "failed", "closed"]
    assert records[2].note == "ResponseTimeout: no answer"
    assert {record.device for record in records} == {"M1"}
