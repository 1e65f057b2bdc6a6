"""Devices behind a bad network: every request ends in time with the right value or an error that says what was wrong,
no late answer is taken for another's, no change is repeated by itself, and the next job works."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from cas.access.conversation import Workshop
from cas.access.failures import describe
from cas.access.judgement import judge
from cas.access.model import Octets
from cas.access.ports import Step
from cas.access.registered import RegisteredDevices
from cas.access.retry import is_change
from cas.access.service import now
from cas.access.transfers import PostgresTransfers
from cas.access.visit import Hooks, Visit, visit
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.lines import Lines
from cas.devices.links import Links
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.dlms.apdu import decode_apdu
from cas.simulator import Simulator
from cas.simulator.meter import Meter
from cas.store.database import Pool
from tests.faults.network_proxy import Spoil, Wire, wire
from transports.sharing import Limits

NOW = 1_782_907_200
KEYRING = Keyring([Secret(b"m" * 32)])
TIMEOUT = 1.0
"""Seconds in which a meter must answer."""
DEADLINE = 8.0
"""Seconds in which a visit must have ended, whatever happens: connecting, four answers, the release."""
ENERGY, POWER, MESSAGE = "1.0.1.8.0.255", "1.0.1.7.0.255", "0.0.96.13.0.255"
SET = 1


def get(name: str, class_id: int) -> cos.GetRequest:
    descriptor = cos.CosemAttributeDescriptor(class_id=class_id, instance_id=Obis.parse(name).octets, attribute_id=2)
    normal = cos.GetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=descriptor)
    return cos.GetRequest(get_request_normal=normal)


def put(value: bytes) -> cos.SetRequest:
    descriptor = cos.CosemAttributeDescriptor(class_id=1, instance_id=Obis.parse(MESSAGE).octets, attribute_id=2)
    normal = cos.SetRequestNormal(
        invoke_id_and_priority=0xC1, cosem_attribute_descriptor=descriptor, value=Data.of("octet-string", value)
    )
    return cos.SetRequest(set_request_normal=normal)


@dataclass(slots=True)
class Place:
    """One meter behind a wire of its own, and who visits it."""

    devices: RegisteredDevices
    meter: Meter
    wire: Wire
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def job(self) -> Visit:
        """Read, write, read what was written, and read on; whatever is answered is right."""
        value = f"{self.meter.device_id} {next(self.numbers)}".encode()
        steps: dict[int, Step] = dict(enumerate([get(ENERGY, 3), put(value), get(MESSAGE, 1), get(POWER, 3)]))
        answers: dict[int, Octets] = {}

        async def answered(number: int, octets: Octets) -> None:
            answers[number] = octets

        began = time.monotonic()
        made = await visit(self.devices, self.meter.device_id, steps, range(len(steps)), Hooks(answered, lambda: False))
        assert time.monotonic() - began < DEADLINE
        written = self.meter.data(MESSAGE).value == value
        expected = [
            self.meter.data(ENERGY),
            None,
            Data.of("octet-string", value),
            self.meter.data(POWER),
        ]
        for number, octets in answers.items():
            self._is_right(decode_apdu(octets), expected[number])
        assert written or SET not in answers, "told to be written, and is not"
        errors = [*made.errors.values(), *([] if made.broken is None else [made.broken])]
        assert all(describe(error) for error in errors), errors
        assert set(answers) | set(made.causes) | set(made.unsent) == set(range(len(steps)))
        verdict = judge(made, changes=lambda n: is_change(steps[n]), last=None, leave=None, may_retry=True)
        assert not (written and SET in verdict.kept), "carried out, and would be sent again"
        return made

    @staticmethod
    def _is_right(answer: object, expected: Data | None) -> None:
        if expected is None:
            assert isinstance(answer, cos.SetResponse)
            assert answer.set_response_normal is not None
            assert answer.set_response_normal.result is cos.DataAccessResult.SUCCESS
        else:
            assert isinstance(answer, cos.GetResponse)
            assert answer.get_response_normal is not None
            assert answer.get_response_normal.result.data == expected

    async def clean(self) -> int:
        """A job on a good network, which must do everything; the octets that it takes."""
        self.wire.passed, self.wire.left, self.wire.dripping = 0, None, False
        made = await self.job()
        assert (made.broken, made.causes, made.unsent) == (None, {}, ())
        return self.wire.passed

    async def spoilt(self, spoil: Spoil, at: int) -> Visit:
        """A job that is spoilt at an octet, then one that is not."""
        self.wire.spoil, self.wire.left = spoil, at
        made = await self.job()
        await self.clean()
        return made


@pytest.fixture(params=["lls", "hls-gmac"])
async def places(pool: Pool, request: pytest.FixtureRequest) -> AsyncIterator[Sequence[Place]]:
    """Twelve meters, each behind a wire of its own; links are kept for the next job."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(
            Simulator(12, authentication=request.param, clock=lambda: NOW, exclusive=False)
        )
        wires = [await stack.enter_async_context(wire(simulator.url(index))) for index in range(12)]
        options = {"timeout": TIMEOUT, "connect-timeout": 1}
        await register_devices(
            pool,
            KEYRING,
            [
                Row({**simulator.device(index), "url": made.url(simulator.url(index), **options)})
                for index, made in enumerate(wires)
            ],
        )
        links = Links(Limits(per_second=100_000), keep_alive=5.0)
        stack.push_async_callback(links.close)
        lines = Lines(pool, KEYRING, Means(Counters(pool), b"CAS\0\0\0\0\1", links.transport))
        devices = RegisteredDevices(pool, lines, Workshop(now, asyncio.sleep, PostgresTransfers(pool)))
        yield [Place(devices, simulator.meter(index), made) for index, made in enumerate(wires)]
        assert not list(simulator.violations())


async def each(places: Sequence[Place], spoil: Spoil, octets: Iterable[int]) -> list[Visit]:
    """Spoil a job at each of these octets, the meters sharing the work."""
    remaining = iter(octets)
    visits: list[Visit] = []

    async def work(place: Place) -> None:
        for at in remaining:
            visits.append(await place.spoilt(spoil, at))  # noqa: PERF401 - the iterator is shared

    async with asyncio.TaskGroup() as group:
        for place in places:
            group.create_task(work(place))
    return visits


async def test_a_meter_that_closes_at_any_octet(places: Sequence[Place]) -> None:
    whole = await places[0].clean()
    visits = await each(places, Spoil.CLOSE, range(0, whole, 1 if whole < 700 else 3))
    assert sum(made.broken is not None for made in visits) > len(visits) / 2


async def test_a_connection_that_is_reset(places: Sequence[Place]) -> None:
    await each(places, Spoil.RESET, range(0, await places[0].clean(), 11))


async def test_a_connection_that_is_half_open(places: Sequence[Place]) -> None:
    await each(places, Spoil.SILENCE, range(0, await places[0].clean(), 13))


async def test_an_answer_that_comes_when_nobody_waits_for_it(places: Sequence[Place]) -> None:
    await each(places, Spoil.LATE, range(0, await places[0].clean(), 13))


async def test_octets_one_by_one(places: Sequence[Place]) -> None:
    visits = await each(places, Spoil.DRIP, range(0, await places[0].clean(), 60))
    assert [made.broken for made in visits] == [None] * len(visits)


async def test_a_partition_that_ends(places: Sequence[Place]) -> None:
    place = places[0]
    port, place.wire.port = place.wire.port, 1  # nobody listens there
    made = await place.job()
    assert made.broken is not None
    place.wire.port = port
    await place.clean()
