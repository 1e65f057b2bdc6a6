"""Meters in a network of their own, behind a real stack and a bad cable: what `test_network` shows with a proxy.

Where namespaces cannot be made these tests are skipped, and the proxy stands for them.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from cas.access.conversation import Workshop
from cas.access.registered import RegisteredDevices
from cas.access.service import now
from cas.access.transfers import PostgresTransfers
from cas.access.visit import Visit
from cas.devices.counters import Counters
from cas.devices.lines import Lines
from cas.devices.links import Links
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.simulator import Simulator
from cas.store.database import Pool
from tests.faults.network_namespace import Namespace, NoNamespaces, Weather, namespace
from tests.faults.network_proxy import Wire
from tests.faults.test_network import DEADLINE, KEYRING, NOW, Place
from transports.sharing import Limits

METERS = 12
TIMEOUT = 1.5
"""Seconds in which a meter must answer."""


@pytest.fixture
async def far() -> AsyncIterator[Namespace]:
    """A namespace with a cable to it."""
    async with AsyncExitStack() as stack:
        try:
            made = await stack.enter_async_context(namespace())
        except NoNamespaces as why:
            pytest.skip(str(why))
        yield made


@pytest.fixture
async def simulator(far: Namespace) -> AsyncIterator[Simulator]:
    """Meters that are in it."""
    opened = Simulator(METERS, host=far.host, authentication="hls-gmac", clock=lambda: NOW, exclusive=False)
    with far.inside():
        await opened.__aenter__()
    yield opened
    await opened.__aexit__(None, None, None)


@pytest.fixture
async def places(pool: Pool, simulator: Simulator) -> AsyncIterator[Sequence[Place]]:
    """Who visits them; links are kept for the next job."""
    entries = [simulator.device(index) for index in range(METERS)]
    options = f"&timeout={TIMEOUT}&connect-timeout=2"
    await register_devices(pool, KEYRING, [Row({**entry, "url": f"{entry['url']}{options}"}) for entry in entries])
    async with AsyncExitStack() as stack:
        links = Links(Limits(per_second=100_000), keep_alive=5.0)
        stack.push_async_callback(links.close)
        lines = Lines(pool, KEYRING, Means(Counters(pool), b"CAS\0\0\0\0\1", links.transport))
        devices = RegisteredDevices(pool, lines, Workshop(now, asyncio.sleep, PostgresTransfers(pool)))
        yield [Place(devices, meter, Wire("", 0)) for meter in simulator.meters]
    assert not list(simulator.violations())


async def jobs(places: Sequence[Place]) -> list[Visit]:
    """A job on every meter at the same time; each checks what it is answered, and how long it takes."""
    return list(await asyncio.gather(*(place.job() for place in places)))


def is_whole(made: Visit) -> bool:
    return (made.broken, made.causes, made.unsent) == (None, {}, ())


async def test_loss_delay_and_disorder_do_no_harm(far: Namespace, places: Sequence[Place]) -> None:
    far.weather = Weather(loss=0.03, repeat=0.03, delay=0.01, jitter=0.03)
    made = [visit for _ in range(3) for visit in await jobs(places)]
    assert far.dropped
    whole = sum(map(is_whole, made))
    assert whole > len(made) * 0.8, f"{whole} of {len(made)}"
    far.mend()
    assert all(map(is_whole, await jobs(places)))


async def test_a_partition_in_the_midst_of_everything(far: Namespace, places: Sequence[Place]) -> None:
    spoilt = 0
    for after in (0.02, 0.1, 0.2, 0.35):
        far.weather = Weather(delay=0.03)
        running = asyncio.create_task(jobs(places))
        await asyncio.sleep(after)
        far.pull()
        spoilt += sum(not is_whole(made) for made in await running)
    assert spoilt > METERS
    far.mend()
    assert all(map(is_whole, await jobs(places)))


async def test_answers_that_come_too_late_are_nobodys(far: Namespace, places: Sequence[Place]) -> None:
    assert all(map(is_whole, await jobs(places)))
    far.weather = Weather(answers_late_by=TIMEOUT + 0.3)
    assert not any(map(is_whole, await jobs(places)))
    far.mend()  # what is on its way still comes
    assert all(map(is_whole, await jobs(places)))


async def test_meters_that_forgot_their_connections(
    far: Namespace, simulator: Simulator, places: Sequence[Place]
) -> None:
    assert all(map(is_whole, await jobs(places)))  # the links are kept
    far.pull()
    forget(simulator)
    await asyncio.sleep(0)
    far.mend()
    made = await jobs(places)  # on links that the other side does not know
    assert all(visit.broken is None or visit.broken_at in (None, 0) for visit in made), "found out in the midst"
    assert all(map(is_whole, await jobs(places)))


def forget(simulator: Simulator) -> None:
    """The meters lose their power: they say nothing to the other side."""
    for connection in list(simulator._connections):
        transport = connection._transport
        assert transport is not None
        at_once = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        transport.abort()


assert TIMEOUT * 4 + 2 <= DEADLINE, "a visit that waits for every answer ends in time"
