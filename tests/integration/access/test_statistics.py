"""Statistics of devices in a real database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest

from cas.access.failures import CANCELED, describe
from cas.access.model import DeviceAccess, Failure, Octets, Origin, Result, Target, Terms
from cas.access.postgres import open_store
from cas.access.results import insert_results
from cas.access.statistics import iterate_statistics
from cas.bindings.message import CosemDeviceStatistics, MeterState
from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.registration import Row, register_devices
from cas.devices.registry import remove_devices
from cas.store.database import Pool

KEYRING = Keyring([Secret(b"m" * 32)])
TITLE = b"CASTITLE"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
KEY = "00112233445566778899aabbccddeeff"


ACCESS = UUID(int=7)
REQUESTS = count()


def result(device_id: str, minute: int, answer: Octets | Failure = Octets(b"\xc4")) -> Result:  # noqa: B008 - a constant
    activated = NOON + timedelta(minutes=minute)
    return Result(
        access_id=ACCESS, activation=1, request=next(REQUESTS), device_id=device_id, activated=activated, answer=answer
    )


async def statistics(pool: Pool, page: int = 2) -> dict[str, CosemDeviceStatistics]:
    nouns = iterate_statistics(pool, KEYRING, TITLE, NOON, page=page)
    return {noun.meter_id: noun async for noun in nouns}


@pytest.fixture
async def devices(pool: Pool) -> Pool:
    url = "tcp://127.0.0.1:4059?client=1&server=1"
    rows = [{"device_id": name, "url": url} for name in ("a", "b", "c", "d")]
    rows[3] |= {"authentication": "hls-gmac", "encryption_key": KEY, "authentication_key": KEY}
    rows.append({"device_id": "e", "url": url, "authentication": "lls"})
    await register_devices(pool, KEYRING, [Row(row) for row in rows])
    targets = tuple(Target(name, name) for name in "abcd")
    access = DeviceAccess(
        id=ACCESS, created_at=NOON, origin=Origin(), terms=Terms(), targets=targets, requests=(Octets(b"\xc0"),)
    )
    async with open_store(pool, KEYRING) as store:
        await store.create(access, bytes(32), None)
    return pool


async def test_counts_add_up_over_batches_and_processes(devices: Pool) -> None:
    silent = describe(TimeoutError())
    assert silent is not None
    await asyncio.gather(
        *(insert_results(devices, [result("a", n), result("b", n), result("gone", n)]) for n in range(5)),
        *(insert_results(devices, [result("b", 10, silent), result("a", -10, silent)]) for _ in range(3)),
    )
    found = await statistics(devices)
    assert list(found) == ["a", "b", "c", "d", "e"]
    a, b = found["a"], found["b"]
    assert (a.successful_communications, a.unsuccessful_communications) == (5, 3)
    assert str(a.last_successful_communication) == "2026-07-01T12:04:00Z"
    assert str(a.last_unsuccessful_communication) == "2026-07-01T11:50:00Z"
    assert a.meter_state is MeterState.METER_ACTIVE  # what is older does not change the state
    assert b.meter_state is MeterState.METER_NOT_AVAILABLE
    assert a.mac_address == "tcp://127.0.0.1:4059?client=1&server=1"
    assert a.security_counter is None


async def test_a_batch_may_have_a_device_several_times_and_counts_each_result_once(devices: Pool) -> None:
    silent = describe(TimeoutError())
    assert silent is not None
    batch = [result("b", 1), result("a", 3, silent), result("a", 2), result("a", 1, silent), result("c", 1, CANCELED)]
    await insert_results(devices, batch)
    await insert_results(devices, [*batch, replace(result("b", 9), access_id=uuid4())])
    found = await statistics(devices)
    a, b, c = found["a"], found["b"], found["c"]
    assert (a.successful_communications, a.unsuccessful_communications) == (1, 2)
    assert str(a.last_successful_communication) == "2026-07-01T12:02:00Z"
    assert str(a.last_unsuccessful_communication) == "2026-07-01T12:03:00Z"
    assert a.meter_state is MeterState.METER_NOT_AVAILABLE
    assert (b.successful_communications, b.unsuccessful_communications) == (1, 0)
    assert (c.successful_communications, c.meter_state) == (0, MeterState.METER_NOT_ACTIVE)


async def test_a_device_without_keys_and_one_with(devices: Pool) -> None:
    found = await statistics(devices)
    assert (found["e"].meter_state, found["e"].commissioned) == (MeterState.METER_NO_KEYS, False)
    assert (found["d"].meter_state, found["d"].commissioned) == (MeterState.METER_NOT_ACTIVE, True)
    assert found["d"].security_counter == 0
    await Counters(devices, block=32).lease(Secret(bytes.fromhex(KEY)), TITLE, "d")
    assert (await statistics(devices))["d"].security_counter == 32


async def test_statistics_go_with_the_device(devices: Pool) -> None:
    await insert_results(devices, [result("a", 0)])
    await remove_devices(devices, ["a"])
    assert "a" not in await statistics(devices)
    await insert_results(devices, [result("a", 1)])
    assert "a" not in await statistics(devices)
