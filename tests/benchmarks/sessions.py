"""Whole sessions: connect, AARQ, HLS-GMAC, a day's profile by range (96 rows), RLRQ, close; ciphered throughout.

200 simulated meters in a process of their own; ours are all read at once on one event loop, the peers one after the
other, which is the kindest to them: the cost is the CPU of the client's process. dlms-cosem uses invocation counters
twice, which the simulated meters refuse: its sessions, and ours beside them, are with a meter that does not look. The
floor sends and takes the octets of such a session, with a responder that knows the answers by heart.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import uvloop

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.devices.sessions import settings_of
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from tests.benchmarks.measure import Case, Peer, Row, compare
from tests.benchmarks.round_trips import Counters, foreign_meter, gmac, responder
from tests.benchmarks.site import entries_in
from tests.processes import cas, running
from transports.base import Transport
from transports.registry import open_transport
from transports.tap import Tap
from transports.wrapper import encode

METERS, FOREIGN = 200, 20
DAY = datetime(2025, 1, 2, tzinfo=UTC)
"""A day of the foreign meter's profile."""
TITLE = b"CAS\0\0\0\0\1"


@contextmanager
def meters() -> Iterator[Path]:
    """The registry file of simulated meters, which refuse neither a second association nor an old counter."""
    with TemporaryDirectory() as directory:
        devices = Path(directory) / "devices.toml"
        command = cas("simulate", "--meters", str(METERS), "--port", "0", "--model", "three-phase", "--export", devices)
        with running([*command, "--no-exclusive"]):
            yield devices


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


Meter = tuple[str, Settings]
"""Where it is, and how to associate with it."""


def simulated(devices: Path) -> list[Meter]:
    """The meters of a registry file."""
    return [(each.device.url, settings_of(each.device, each.keys, TITLE)) for each in entries_in(devices)]


async def session(transport: Transport, settings: Settings, counters: Counters, request: cos.GetRequest) -> None:
    """One session; the rows are taken apart as the peers do."""
    async with Client(transport, settings, counters) as client:
        answer = await client.request(request)
    assert isinstance(answer, cos.GetResponse)
    assert answer.get_response_normal
    assert answer.get_response_normal.result.data
    rows = answer.get_response_normal.result.data.value
    assert isinstance(rows, list)
    assert len(rows) in (96, 97)


def ours(meters: Sequence[Meter], day: datetime) -> Case:
    """All meters at once."""
    request, counters = profile(day), Counters()

    async def main() -> float:
        began = time.process_time()
        async with asyncio.TaskGroup() as group:
            for url, settings in meters:
                group.create_task(session(open_transport(url), settings, counters, request))
        return (time.process_time() - began) / len(meters)

    return lambda: uvloop.run(main())


def recorded(meter: Meter, day: datetime) -> tuple[list[bytes], list[bytes]]:
    """What is sent in a session, and what comes, frame by frame."""
    lines: list[str] = []
    tap = Tap(lines.append, lambda _direction, apdu: apdu)
    tap.switch_on("meter")
    url, settings = meter

    async def main() -> None:
        await session(tap.attach(open_transport(url), "meter"), settings, Counters(), profile(day))

    uvloop.run(main())
    records = [json.loads(line) for line in lines]
    sent, came = (
        [encode(1, 1, bytes.fromhex(record["apdu"])) for record in records if record["event"] == event]
        for event in ("sent", "received")
    )
    return sent, came


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
            for _ in range(FOREIGN):
                group.create_task(one())
        return (time.process_time() - began) / FOREIGN

    return lambda: uvloop.run(main())


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with meters() as devices, foreign_meter() as port, Peer("sessions.py", str(devices), str(port)) as peer:
        yield compare(
            "whole session, GMAC, 96 rows by range (CPU)",
            {"ours": ours(simulated(devices), today - timedelta(days=2)), "gurux-dlms": peer.case("gurux-dlms")},
            {"gurux-dlms": 5.0},
            rounds,
            most=1 / 300,
        )
        foreign = [(f"tcp://127.0.0.1:{port}?client=1&server=1", gmac())] * FOREIGN
        sent, came = recorded(foreign[0], DAY)
        with responder(*came) as floor:
            yield compare(
                "the same with a gurux-dlms meter (CPU)",
                {
                    "ours": ours(foreign, DAY),
                    "floor: raw octets, uvloop": raw(floor, sent, came),
                    "dlms-cosem": peer.case("dlms-cosem"),
                },
                {"dlms-cosem": 5.0},
                rounds,
            )
