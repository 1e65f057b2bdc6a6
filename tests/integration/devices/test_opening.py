"""Associations with registered devices: counters out of step, replays of earlier ones, keys of every suite."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.obis import Obis
from cas.devices.counters import HIGHEST, NEAR_TOP, Counters, counter_scope
from cas.devices.errors import CounterDoubtful, KeyChangeFailed
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.lines import Lines
from cas.devices.opening import Means, with_client
from cas.devices.registration import Row, register_devices
from cas.devices.registry import get_device
from cas.devices.sessions import Sessions
from cas.dlms.association import Notification
from cas.dlms.errors import ExceptionResponse, ReplayedCounter
from cas.dlms.notification import Kind, kind_of
from cas.dlms.security.wrapping import Scope
from cas.simulator import Simulator
from cas.simulator.meter import Meter
from cas.store.database import Pool
from tests.unit.dlms.device import AARE
from tests.unit.dlms.test_client import Device as FakeDevice
from transports.link import Link
from transports.wrapper import WrapperFraming

KEYRING = Keyring([Secret(b"m" * 32)])
TITLE = b"CAS\0\0\0\0\1"
ENERGY = cos.CosemAttributeDescriptor(class_id=3, instance_id=Obis.parse("1.0.1.8.0.255").octets, attribute_id=2)
GET = cos.GetRequest(
    get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=ENERGY)
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(model="three-phase", authentication="hls-gmac") as running:
        yield running


async def registered(pool: Pool, simulator: Simulator, **changes: Any) -> Sessions:
    await register_devices(pool, KEYRING, [Row({**simulator.device(0), **changes})])
    return Sessions(pool, KEYRING, Means(Counters(pool), TITLE))


async def read(sessions: Sessions, meter: Meter) -> bool:
    async with sessions.open(meter.device_id) as client:
        answer = await client.request(GET)
    return isinstance(answer, cos.GetResponse)


def used(meter: Meter, counter: int) -> None:
    """The meter has seen this counter of ours."""
    meter.counters[TITLE] = {Scope.GLOBAL: counter}


async def next_counter(pool: Pool, meter: Meter, title: bytes = TITLE) -> int:
    key = (await get_device(pool, meter.device_id)).unseal(KEYRING)[KeyKind.ENCRYPTION]
    scope = counter_scope(key, title)
    return (await Counters(pool).read([scope])).get(scope, 1)


@pytest.mark.clause("Green Book 8.3, 9.2.3.3")
class TestOurCounter:
    async def test_is_put_right_after_an_error_of_the_device(self, pool: Pool, simulator: Simulator) -> None:
        sessions, meter = await registered(pool, simulator), simulator.meter(0)
        used(meter, 5000)
        assert await read(sessions, meter)
        assert len(meter.violations) == 1
        assert simulator.counts.connections == 2
        assert await next_counter(pool, meter) > 5000
        assert await read(sessions, meter)
        assert len(meter.violations) == 1

    async def test_is_read_before_the_first_use_where_that_is_wanted(self, pool: Pool, simulator: Simulator) -> None:
        sessions, meter = await registered(pool, simulator, quirk={"read_counter": "first"}), simulator.meter(0)
        used(meter, 5000)
        assert await read(sessions, meter)
        assert not meter.violations
        connections = simulator.counts.connections
        assert await read(sessions, meter)
        assert simulator.counts.connections == connections + 1  # it is not read again

    async def test_the_association_is_tried_a_second_time_and_never_a_third(
        self, pool: Pool, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sessions, meter = await registered(pool, simulator), simulator.meter(0)
        monkeypatch.setattr(type(meter), "counters", _Ahead(), raising=False)
        with pytest.raises(ExceptionResponse):
            await read(sessions, meter)
        assert simulator.counts.connections == 2

    async def test_never_where_that_is_not_wanted(self, pool: Pool, simulator: Simulator) -> None:
        sessions, meter = await registered(pool, simulator, quirk={"read_counter": "never"}), simulator.meter(0)
        used(meter, 5000)
        with pytest.raises(ExceptionResponse, match="its counter is 5001"):
            await read(sessions, meter)
        assert simulator.counts.connections == 1

    async def test_a_leap_to_the_end_of_the_range_is_not_believed(self, pool: Pool, simulator: Simulator) -> None:
        sessions, meter = await registered(pool, simulator), simulator.meter(0)
        used(meter, NEAR_TOP + 1)
        with pytest.raises(CounterDoubtful, match="near the end"):
            await read(sessions, meter)
        assert await next_counter(pool, meter) < 1000

    async def test_is_never_lowered(self, pool: Pool, simulator: Simulator) -> None:
        sessions, meter = await registered(pool, simulator, quirk={"read_counter": "always"}), simulator.meter(0)
        used(meter, 5000)
        assert await read(sessions, meter)
        meter.counters.clear()
        before = await next_counter(pool, meter)
        assert await read(sessions, meter)
        assert await next_counter(pool, meter) > before

    async def test_on_a_line_as_well(self, pool: Pool, simulator: Simulator) -> None:
        await registered(pool, simulator)
        meter = simulator.meter(0)
        used(meter, 5000)
        async with Lines(pool, KEYRING, Means(Counters(pool), TITLE)).hold(meter.device_id) as line:
            assert (await line.open()).result is cos.AssociationResult.ACCEPTED
            assert isinstance(await line.request(GET), cos.GetResponse)


class _Ahead(dict[object, Any]):
    """Whatever counter comes, a greater one was used before; for every client the same."""

    def __init__(self) -> None:
        super().__init__()
        self.value = 1000

    def setdefault(self, key: object, default: Any = None) -> Any:
        return self

    def get(self, key: object, default: Any = None) -> Any:
        self.value += 5000
        return self.value


@pytest.mark.clause("Green Book 8.3, 9.2.3.3")
class TestTheDevicesCounter:
    async def test_a_replay_of_an_earlier_association_is_refused(
        self, pool: Pool, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sessions, meter = await registered(pool, simulator), simulator.meter(0)
        assert await read(sessions, meter)
        assert await next_counter(pool, meter, meter.system_title) > 1
        monkeypatch.setattr(Meter, "take_counter", lambda _: 1)  # it says again what it has said
        with pytest.raises(ReplayedCounter):
            await read(sessions, meter)

    async def test_unless_it_begins_anew_each_time(self, pool: Pool, simulator: Simulator) -> None:
        quirk = {"counter_restarts": "true"}
        sessions, meter = await registered(pool, simulator, quirk=quirk), simulator.meter(0)
        for _ in range(2):
            meter._counter = 0
            assert await read(sessions, meter)


async def test_a_device_that_a_later_release_knows_more_of_is_alone_with_it(pool: Pool) -> None:
    async with Simulator(3, authentication="hls-gmac") as simulator:
        await register_devices(pool, KEYRING, [Row(simulator.device(index)) for index in range(3)])
        sessions = Sessions(pool, KEYRING, Means(Counters(pool), TITLE))
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE device SET quirks = '{\"of_a_later_release\": 1}' WHERE device_id = %s",
                [simulator.meters[1].device_id],
            )
        done = await asyncio.gather(*(read(sessions, meter) for meter in simulator.meters), return_exceptions=True)
    assert done[::2] == [True, True]
    assert isinstance(done[1], TypeError)


class WaitingCounters(Counters):
    """Those of a process for which the database is away when it asks what was used."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.asked, self.back = asyncio.Event(), asyncio.Event()

    async def read(self, scopes: Iterable[bytes]) -> Mapping[bytes, int]:
        self.asked.set()
        await self.back.wait()
        return await super().read(scopes)


@pytest.mark.clause("Green Book 8.3, 9.2.3.3")
async def test_counters_rise_though_a_process_waits_for_the_database_while_another_has_its_device(
    pool: Pool, simulator: Simulator
) -> None:
    other, meter = await registered(pool, simulator), simulator.meter(0)
    counters = WaitingCounters(pool)
    reading = asyncio.create_task(read(Sessions(pool, KEYRING, Means(counters, TITLE)), meter))
    await counters.asked.wait()
    assert await read(other, meter)  # locks go with the connection
    counters.back.set()
    assert await reading
    assert not meter.violations


async def test_devices_that_need_rest_get_it(pool: Pool, simulator: Simulator) -> None:
    sessions, meter = await registered(pool, simulator, quirk={"pause": "0.2"}), simulator.meter(0)
    began = time.monotonic()
    await asyncio.gather(read(sessions, meter), read(sessions, meter))
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("tcp://host:4059", "tcp://host:4059?client=16"),
        ("tcp://host:4059?client=1&server=2", "tcp://host:4059?server=2&client=16"),
        ("hdlc+tcp://host:4059?client=1&info=64", "hdlc+tcp://host:4059?info=64&client=16"),
        ("mqtt://u:p@host/a?client=9&topic=a%2Fb", "mqtt://u:p@host/a?topic=a%2Fb&client=16"),
    ],
)
def test_the_same_device_for_another_client(url: str, expected: str) -> None:
    assert with_client(url, 16) == expected


def test_the_range_of_counters() -> None:
    assert NEAR_TOP < HIGHEST


@pytest.mark.clause("Green Book 8.3, 9.3.10")
async def test_what_a_device_sends_unasked_is_taken_and_then_confirmed(pool: Pool) -> None:
    """A data-notification that wants to be confirmed, and an event-notification, in front of an answer."""
    heard: list[tuple[str, Kind]] = []

    async def take(device_id: str, body: Notification) -> bool:
        heard.append((device_id, kind_of(body)))
        return True

    entry = {"device_id": "M1", "url": "tcp://192.0.2.1:4059?client=16&server=1", "quirk": {"release": "no"}}
    await register_devices(pool, KEYRING, [Row(entry)])
    data, event = "0F40000007000200", "C200" + "00080000010000FF02" + "1105"
    async with FakeDevice(AARE, [data, event, "C401C1000600003039"], None) as device:
        link = Link(device.near, lambda: WrapperFraming(local=16, remote=1))
        sessions = Sessions(pool, KEYRING, Means(Counters(pool), TITLE, lambda _: link, heard=take))
        async with sessions.open("M1") as client:
            await client.request(GET)
        await device.gone.wait()
    assert heard == [("M1", Kind.DATA), ("M1", Kind.EVENT)]
    assert device.received[2:] == ["104000000700"]


async def test_what_a_device_sends_while_its_keys_change_is_taken(pool: Pool) -> None:
    heard: list[Kind] = []

    async def take(_: str, body: Notification) -> bool:
        heard.append(kind_of(body))
        return True

    entry = {"device_id": "M1", "url": "tcp://192.0.2.1:4059?client=16&server=1", "quirk": {"release": "no"}}
    await register_devices(pool, KEYRING, [Row(entry)])
    async with FakeDevice(AARE, ["C200" + "00080000010000FF02" + "1105", "C701C10300"], None) as device:
        link = Link(device.near, lambda: WrapperFraming(local=16, remote=1))
        sessions = Sessions(pool, KEYRING, Means(Counters(pool), TITLE, lambda _: link, heard=take))
        with pytest.raises(KeyChangeFailed, match="refuses"):
            await sessions.give_certificate("M1", KeyKind.DEVICE_SIGNING, b"DER")
    assert heard == [Kind.EVENT]
