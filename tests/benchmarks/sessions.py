"""Whole sessions: connect, AARQ, HLS-GMAC, a day's profile by range (96 rows), RLRQ, close; ciphered throughout.

Ours are all at once on one event loop, dlms-cosem's in as many threads and, which is kinder to it, one after the other,
as gurux-dlms's are; the cost is the CPU of the client's process. With a responder that knows its answers by heart and
ciphers them. The floor sends and takes the octets of such a session.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

import uvloop

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from tests.benchmarks.machine import allowed
from tests.benchmarks.measure import Case, Peer, Row, compare
from tests.benchmarks.round_trips import Counters, gmac, responder
from transports.base import Transport
from transports.registry import open_transport
from transports.wrapper import encode

SESSIONS = 200
DAY = datetime(2025, 1, 2, tzinfo=UTC)
"""The day of the responder's profile."""


def profile(day: datetime) -> cos.GetRequest:
    """The load profile of a day."""
    clock = Data.structure(
        Data.of("long-unsigned", 8), Data.of("octet-string", bytes((0, 0, 1, 0, 0, 255))),
        Data.of("integer", 2), Data.of("long-unsigned", 0),
    )  # fmt: skip
    ends = (Data.of("octet-string", CosemDateTime.from_datetime(t).encode()) for t in (day, day + timedelta(days=1)))
    selection = cos.SelectiveAccessDescriptor(
        access_selector=1, access_parameters=Data.structure(clock, *ends, Data.array([]))
    )
    attribute = cos.CosemAttributeDescriptor(class_id=7, instance_id=bytes((1, 0, 99, 1, 0, 255)), attribute_id=2)
    normal = cos.GetRequestNormal(
        invoke_id_and_priority=193, cosem_attribute_descriptor=attribute, access_selection=selection
    )
    return cos.GetRequest(get_request_normal=normal)


async def session(transport: Transport, settings: Settings, request: cos.GetRequest) -> None:
    """One session; the rows are taken apart as the peers do."""
    async with Client(transport, settings, Counters()) as client:
        answer = await client.request(request)
    assert isinstance(answer, cos.GetResponse)
    assert answer.get_response_normal
    assert answer.get_response_normal.result.data
    rows = answer.get_response_normal.result.data.value
    assert isinstance(rows, list)
    assert len(rows) in (96, 97)


def ours(url: str) -> Case:
    """All at once."""
    request, settings = profile(DAY), gmac()

    async def main() -> float:
        began = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(SESSIONS):
                group.create_task(session(open_transport(url), settings, request))
        return (time.process_time() - began) / SESSIONS

    return lambda: uvloop.run(main())


class Recorded:
    """A transport that keeps what is sent and what comes, frame by frame."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.endpoint, self.connect, self.close = transport.endpoint, transport.connect, transport.close
        self.sent: list[bytes] = []
        self.came: list[bytes] = []

    async def send(self, apdu: bytes) -> None:
        self.sent.append(encode(1, 1, apdu))
        await self._transport.send(apdu)

    async def receive(self) -> bytes:
        apdu = await self._transport.receive()
        self.came.append(encode(1, 1, apdu))
        return apdu


def recorded(url: str) -> tuple[list[bytes], list[bytes]]:
    """What is sent in a session, and what comes."""
    transport = Recorded(open_transport(url))
    uvloop.run(session(transport, gmac(), profile(DAY)))
    return transport.sent, transport.came


class Raw(asyncio.Protocol):
    """The floor: the same octets, each sent when the answer to those before is whole, nothing looked at."""

    def __init__(self, sent: list[bytes], came: list[bytes]) -> None:
        self.sent, self.sizes = iter(sent), iter(map(len, came))
        self.awaited = 0
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        self.awaited -= len(data)
        if self.awaited:
            return
        octets = next(self.sent, None)
        if octets is None:
            self.transport.close()
        else:
            self.awaited = next(self.sizes)
            self.transport.write(octets)

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost.set_result(None)


def raw(port: int, sent: list[bytes], came: list[bytes]) -> Case:
    """Raw octets on uvloop."""

    async def one() -> None:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: Raw(sent, came), "127.0.0.1", port)
        await protocol.lost

    async def main() -> float:
        began = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(SESSIONS):
                group.create_task(one())
        return (time.process_time() - began) / SESSIONS

    return lambda: uvloop.run(main())


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    with responder("gmac") as port, Peer("sessions.py", str(port)) as peer:
        url = f"tcp://127.0.0.1:{port}?client=1&server=1"
        sent, came = recorded(url)
        with responder(*map(bytes.hex, came)) as floor:
            yield compare(
                "whole session, GMAC, 96 rows by range, 200 at once (CPU)",
                {
                    "ours": ours(url),
                    "floor: raw octets, uvloop": raw(floor, sent, came),
                    "gurux-dlms, one after the other": peer.case("one gurux-dlms"),
                    "dlms-cosem, threads": peer.case("threads dlms-cosem"),
                    "dlms-cosem, one after the other": peer.case("one dlms-cosem"),
                    "allowed: 3.33 ms": allowed(1 / 300),
                },
                {"gurux-dlms, one after the other": 5.0, "dlms-cosem, threads": 5.0, "allowed: 3.33 ms": 1.0},
                rounds,
            )
