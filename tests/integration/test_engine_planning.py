"""Planning on a real database: what becomes an activation when, in which chunks, and what was missed."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from cas.engine.model import Planned
from cas.store.database import Pool
from tests.access_fakes import FakeDevices
from tests.engine_bench import HOUR, MINUTE, NOON, VALUE, Bench

DAY = timedelta(days=1)


def names(count: int) -> list[str]:
    return [f"M{number:04}" for number in range(count)]


def bench(pool: Pool, count: int = 4, **options: int | bool | timedelta) -> Bench:
    return Bench(pool, FakeDevices({name: [VALUE] for name in names(count)}), **options)  # type: ignore[arg-type]


async def activations(setting: Bench, access_id: UUID) -> list[tuple[object, ...]]:
    return await setting.rows(
        "SELECT number, scheduled_at, deadline, outcome FROM activation WHERE access_id = %s ORDER BY number", access_id
    )


@pytest.mark.clause("5.2.3")
async def test_devices_are_fanned_out_in_chunks_with_the_priority_of_the_resource(pool: Pool) -> None:
    setting = bench(pool, 8)
    less = await setting.create(*names(7), priority=200, repeating_interval="P1D")
    more = await setting.create("M0000", priority=3, repeating_interval="P1D")
    on_demand = await setting.create("M0000")
    chunks = await setting.rows(
        "SELECT chunk, device_ids, state FROM activation_chunk WHERE access_id = %s ORDER BY chunk", less
    )
    assert chunks == [
        (0, ["M0000", "M0001", "M0002"], "waiting"),
        (1, ["M0003", "M0004", "M0005"], "waiting"),
        (2, ["M0006"], "waiting"),
    ]
    assert [(chunk.access_id, chunk.chunk) for _, _, chunk in await setting.jobs()] == [
        (on_demand, 0),
        (more, 0),
        (less, 0),
        (less, 1),
        (less, 2),
    ]


@pytest.mark.clause("5.2.3")
async def test_a_resource_is_activated_at_its_times_and_finished_when_it_expires(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create(
        "M0000", activates=NOON + HOUR, repeating_interval="PT15M", expires=NOON + HOUR + 30 * MINUTE
    )
    assert await setting.look() == 3600
    assert await activations(setting, access) == []
    for _ in range(12):
        await setting.pass_time(10 * MINUTE)
    assert await activations(setting, access) == [
        (1, NOON + HOUR, NOON + HOUR + 15 * MINUTE, "ok"),
        (2, NOON + HOUR + 15 * MINUTE, NOON + HOUR + 30 * MINUTE, "ok"),
    ]
    assert len(await setting.results(access)) == 2
    assert await setting.state(access) == "finished"


@pytest.mark.clause("5.2.3")
async def test_what_was_missed_is_made_up_once_and_recorded(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M0000", activates=NOON + HOUR, repeating_interval="PT1H", duration="PT30M")
    await setting.pass_time(4 * HOUR + 20 * MINUTE)
    assert await setting.outcomes(access) == [(1, "missed"), (2, "missed"), (3, "missed"), (4, "ok")]
    await setting.pass_time(1 * HOUR + 20 * MINUTE)
    assert await setting.outcomes(access) == [(1, "missed"), (2, "missed"), (3, "missed"), (4, "ok"), (5, "missed")]
    assert [(device, number) for device, number, _ in await setting.results(access)] == [("M0000", 4)]


async def test_making_up_can_be_switched_off(pool: Pool) -> None:
    setting = bench(pool, make_up=False)
    access = await setting.create("M0000", activates=NOON + HOUR, repeating_interval="PT1H")
    await setting.pass_time(HOUR + 20 * MINUTE)
    assert await setting.outcomes(access) == [(1, "missed")]
    await setting.pass_time(41 * MINUTE)
    assert await setting.outcomes(access) == [(1, "missed"), (2, "ok")]


@pytest.mark.clause("5.2.3")
async def test_a_single_activation_missed_for_good_finishes_the_resource(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M0000", activates=NOON + HOUR, duration="PT30M")
    await setting.pass_time(2 * HOUR)
    assert await setting.outcomes(access) == [(1, "missed")]
    assert await setting.state(access) == "finished"


@pytest.mark.clause("5.2.3")
async def test_an_activation_waits_for_the_one_before(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M0000", repeating_interval="PT10M", duration="PT1H")
    for _ in range(3):
        setting.now += 10 * MINUTE
        await setting.look()
    assert await setting.outcomes(access) == [(1, "executing")]
    await setting.work()
    assert await setting.outcomes(access) == [(1, "ok")]
    await setting.look()
    assert await setting.outcomes(access) == [(1, "ok"), (2, "missed"), (3, "missed"), (4, "executing")]


@pytest.mark.clause("5.3")
async def test_members_of_groups_count_as_of_the_activation(pool: Pool) -> None:
    setting = bench(pool)

    async def register(*devices: str) -> None:
        for device in devices:
            await setting.run(
                "INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu) "
                "VALUES (%s, %s, 'tcp://meter:4059', 'none', 0, 'none', 65535)",
                device,
                device,
            )

    await register("M0000", "M0001", "X1")
    await setting.run("INSERT INTO device_group (group_id, prefix) VALUES ('DG_M', 'M')")
    await setting.run("INSERT INTO device_group (group_id) VALUES ('DG_X')")
    await setting.run("INSERT INTO device_group_member VALUES ('DG_X', 'X1'), ('DG_X', 'M0001')")
    setting.devices.devices["X1"] = [VALUE]
    access = await setting.create("M0000", groups=["DG_M", "DG_X"], repeating_interval="P1D")
    all_meters = await setting.create(groups=["DG_ALL_METERS"], repeating_interval="P1D")
    await setting.work()
    await register("M0002")
    await setting.run("DELETE FROM device_group_member WHERE device_id = 'X1'")
    await setting.pass_time(DAY)
    found = await setting.results(access)
    assert [device for device, number, _ in found if number == 1] == ["M0000", "M0001", "X1"]
    assert [device for device, number, _ in found if number == 2] == ["M0000", "M0001", "M0002"]
    found = await setting.results(all_meters)
    assert [device for device, number, _ in found if number == 2] == ["M0000", "M0001", "M0002", "X1"]
    assert (await setting.store.find([access]))[access].groups == ("DG_M", "DG_X")


@pytest.mark.clause("5.2.3")
async def test_an_activation_without_devices_is_empty(pool: Pool) -> None:
    setting = bench(pool)
    once = await setting.create(groups=["DG_ALL_METERS"])
    daily = await setting.create(groups=["DG_ALL_METERS"], repeating_interval="P1D")
    assert await setting.outcomes(once) == [(1, "empty")]
    assert await setting.outcomes(daily) == [(1, "empty")]
    assert (await setting.state(once), await setting.state(daily)) == ("finished", "active")


async def test_two_planners_never_plan_the_same_twice(pool: Pool) -> None:
    setting = bench(pool)
    made = [await setting.create("M0000", activates=NOON + HOUR, repeating_interval="PT1H") for _ in range(20)]

    async def plan_all() -> list[Planned]:
        planned = []
        while (one := await setting.planner.plan_due(pool, NOON + HOUR)) is not None:
            planned.append(one)
        return planned

    parts = await asyncio.gather(*(plan_all() for _ in range(3)))
    assert sorted(one.access_id for part in parts for one in part) == sorted(made)
    for access in made:
        assert await setting.outcomes(access) == [(1, "executing")]


@pytest.mark.clause("5.2.3")
async def test_a_large_activation_is_planned_inside_the_database(pool: Pool) -> None:
    setting = bench(pool, chunk_size=500)
    await setting.run(
        "INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu) "
        "SELECT name, name, 'tcp://meter:4059', 'none', 0, 'none', 65535 "
        "FROM (SELECT 'M' || lpad(n::text, 9, '0') AS name FROM generate_series(1, 100000) AS n) AS new"
    )
    access = await setting.create(groups=["DG_ALL_METERS"], activates=NOON + HOUR)
    planned = await setting.planner.plan_due(pool, NOON + HOUR)
    assert planned == Planned(access, 1, 200, 100_000, 0)
    assert len(await setting.jobs()) == 200
