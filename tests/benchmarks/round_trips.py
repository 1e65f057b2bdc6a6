"""GET round trips over the wrapper: one association, a hundred on one event loop, the same with HLS-GMAC.

Against a responder in its own process that knows its answers by heart. For one association the cost is time; for a
hundred it is the CPU of the client's process, which is what bounds a service that reads many meters.

With one association most of the time is that in which each process waits to be woken: measure it on a quiet machine.
"""

import asyncio
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import cast

import uvloop

from cas.bindings import cosempdu as cos
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from tests.benchmarks.measure import Case, Peer, Row, compare
from tests.processes import running
from transports.registry import open_transport

HERE = Path(__file__).parent
REGISTER = cos.CosemAttributeDescriptor(class_id=3, instance_id=bytes((1, 0, 1, 8, 0, 255)), attribute_id=2)
GET = cos.GetRequest(
    get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=REGISTER)
)
GETS, MANY, GETS_OF_MANY = 3000, 100, 60
AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400007e1fffff")
RAW_GET = bytes.fromhex("c001c100030100010800ff0200")


class Counters:
    """Invocation counters for a meter that accepts any."""

    def __init__(self) -> None:
        self._values = count(1)

    def take(self) -> int:
        return next(self._values)

    async def ensure(self, count: int = 1) -> None:
        """There are always enough."""


def gmac() -> Settings:
    """The foreign meter's management association: everything authenticated and encrypted."""
    ciphering = Ciphering(SUITES[0], bytes(range(16)), bytes(range(0xD0, 0xE0)))
    return Settings(
        mechanism=Mechanism.HIGH_GMAC,
        credentials=Credentials(ciphering=ciphering),
        client_title=b"CAS\0\0\0\0\1",
        ciphering=ciphering,
        control=SecurityControl(),
        required=Protection(authentication=True, encryption=True),
    )


async def read(url: str, settings: Settings, gets: int, ready: asyncio.Barrier) -> None:
    async with Client(open_transport(url), settings, Counters()) as client:
        await ready.wait()
        for _ in range(gets):
            await client.request(GET)
        await ready.wait()


def ours(url: str, settings: Settings, associations: int, gets: int, clock: Callable[[], float]) -> Case:
    """Our client; what it costs to open the associations does not count."""

    async def main() -> float:
        ready = asyncio.Barrier(associations + 1)
        async with asyncio.TaskGroup() as group:
            for _ in range(associations):
                group.create_task(read(url, settings, gets, ready))
            await ready.wait()
            began = clock()
            await ready.wait()
            return (clock() - began) / (associations * gets)

    return lambda: uvloop.run(main())


def many(url: str, settings: Settings) -> Case:
    """A hundred associations at once."""
    return ours(url, settings, MANY, GETS_OF_MANY, time.process_time)


class Raw(asyncio.Protocol):
    """The floor: the same octets, nothing looked at."""

    def __init__(self, gets: int, done: "asyncio.Future[None]") -> None:
        self.left, self.done = gets + 1, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(struct.pack(">HHHH", 1, 16, 1, len(AARQ)) + AARQ)

    def data_received(self, _data: bytes) -> None:
        self.left -= 1
        if self.left >= 0:
            self.transport.write(struct.pack(">HHHH", 1, 16, 1, len(RAW_GET)) + RAW_GET)
        else:
            self.transport.close()
            self.done.set_result(None)


def raw(port: int, connections: int, gets: int, clock: Callable[[], float]) -> Case:
    """Raw octets on uvloop."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
        began = clock()
        for future in done:
            await loop.create_connection(lambda future=future: Raw(gets, future), "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*done)
        return (clock() - began) / (connections * gets)

    return lambda: uvloop.run(main())


@contextmanager
def responder(*told: str) -> Iterator[int]:
    """The port of the canned responder; `told` is what it takes besides."""
    with running([sys.executable, HERE / "canned_responder.py", "0", *told]) as ready:
        yield int(ready.split()[1])


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    with responder() as port, Peer("round_trips.py", str(port)) as peer:
        url = f"tcp://127.0.0.1:{port}?client=16&server=1"
        yield compare(
            "GET, 1 association (time)",
            {
                "ours": ours(url, Settings(), 1, GETS, time.perf_counter),
                "floor: raw octets, uvloop": raw(port, 1, GETS, time.perf_counter),
                "gurux-dlms": peer.case("one gurux-dlms"),
                "dlms-cosem": peer.case("one dlms-cosem"),
                "pydlms-client": peer.case("one pydlms-client"),
            },
            {"floor: raw octets, uvloop": 0.75, "gurux-dlms": 1.0, "dlms-cosem": 1.0, "pydlms-client": 1.0},
            rounds,
        )
        # Hoped for: 25 us, where raw octets take 7 us.
        yield compare(
            "GET, 100 associations (CPU)",
            {
                "ours": many(url, Settings()),
                "floor: raw octets, uvloop": raw(port, MANY, GETS_OF_MANY, time.process_time),
                "gurux-dlms, threads": peer.case("many gurux-dlms"),
                "dlms-cosem, threads": peer.case("many dlms-cosem"),
                "pydlms-client, threads": peer.case("many pydlms-client"),
            },
            {
                "floor: raw octets, uvloop": 7 / 25,
                "gurux-dlms, threads": 4.0,
                "dlms-cosem, threads": 4.0,
                "pydlms-client, threads": 4.0,
            },
            rounds,
        )
    with responder() as plain, responder("gmac") as port, Peer("round_trips.py", str(port)) as peer:
        url = f"tcp://127.0.0.1:{port}?client=1&server=1"
        yield compare(
            "GET, HLS-GMAC, ciphered, 1 association (CPU)",
            {
                "ours": ours(url, gmac(), 1, GETS, time.process_time),
                "gurux-dlms": peer.case("gmac gurux-dlms"),
                "dlms-cosem": peer.case("gmac dlms-cosem"),
                "pydlms-client": peer.case("gmac pydlms-client"),
            },
            {"gurux-dlms": 1.0, "dlms-cosem": 1.0, "pydlms-client": 1.0},
            rounds,
        )
        # Hoped for: 40 us, where raw octets take 7 us, and the best of the others with one association 105 us.
        yield compare(
            "the same, 100 associations (CPU)",
            {
                "ours": many(url, gmac()),
                "floor: raw octets, uvloop": raw(plain, MANY, GETS_OF_MANY, time.process_time),
                "gurux-dlms, threads": peer.case("many-gmac gurux-dlms"),
                "dlms-cosem, threads": peer.case("many-gmac dlms-cosem"),
                "dlms-cosem, 1 association": peer.case("gmac dlms-cosem"),
                "pydlms-client, threads": peer.case("many-gmac pydlms-client"),
            },
            {
                "floor: raw octets, uvloop": 7 / 40,
                "gurux-dlms, threads": 105 / 40,
                "dlms-cosem, threads": 105 / 40,
                "dlms-cosem, 1 association": 105 / 40,
                "pydlms-client, threads": 105 / 40,
            },
            rounds,
        )
