"""Groups of devices against a real database."""

import asyncio

import pytest

from cas.access.errors import Refused
from cas.access.groups import (
    ALL_METERS,
    Group,
    Listed,
    add_members,
    change_groups,
    create_groups,
    delete_groups,
    get_group,
    group_noun,
    iterate_groups,
    iterate_members,
    members_after,
    read_groups,
    remove_members,
    require_groups,
)
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.devices.keys import Keyring, Secret
from cas.devices.registration import Row, register_devices
from cas.devices.registry import remove_devices
from cas.store.database import Pool

TITLES = [f"4D4D4D0000BC61{number:02X}" for number in range(4)]
PATH = "/Payload/DeviceGroups"


async def register(pool: Pool, *names: str) -> None:
    rows = [Row({"device_id": name, "url": "tcp://127.0.0.1:4059"}) for name in names]
    await register_devices(pool, Keyring([Secret(b"m" * 32)]), rows)


@pytest.fixture
async def devices(pool: Pool) -> Pool:
    await register(pool, *TITLES, "house-7", "house-8")
    return pool


async def members(pool: Pool, group_id: str, page: int = 2) -> list[str]:
    return [device_id async for device_id in iterate_members(pool, group_id, page=page)]


async def refused(work: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as problem:
        await work  # type: ignore[misc]  # a coroutine
    return [(each.code.value, each.element) for each in problem.value.problems]


@pytest.mark.clause("5.3")
async def test_a_group_lists_its_devices_each_once_by_whatever_name(devices: Pool) -> None:
    given = Group("street", devices=(TITLES[1].lower(), TITLES[0], TITLES[1], "house-7"))
    assert await create_groups(devices, [given, Group("empty")]) == ["street", "empty"]
    assert await members(devices, "street") == [TITLES[0], TITLES[1], "house-7"]
    assert await members(devices, "empty") == []
    assert [group async for group in iterate_groups(devices)] == [
        Listed(ALL_METERS, None, None),
        Listed("empty", None, 0),
        Listed("street", None, 3),
    ]


@pytest.mark.clause("5.3")
async def test_a_prefix_takes_in_what_is_registered_later(devices: Pool) -> None:
    await create_groups(devices, [Group("houses", "house-")])
    assert await members(devices, "houses") == ["house-7", "house-8"]
    await register(devices, "house-9", "hous", "house.9")
    assert await members(devices, "houses") == ["house-7", "house-8", "house-9"]
    assert await get_group(devices, "houses") == Group("houses", "house-")


@pytest.mark.clause("5.3")
async def test_all_meters_are_there_without_a_row_and_nobody_changes_that(devices: Pool) -> None:
    assert await members(devices, ALL_METERS) == [*TITLES, "house-7", "house-8"]
    assert await get_group(devices, ALL_METERS) == Group(ALL_METERS)
    for work in (create_groups, change_groups):
        assert await refused(work(devices, [Group(ALL_METERS, "4D")], PATH)) == [("2.29", f"{PATH}/DeviceGroup[1]")]
    assert await refused(delete_groups(devices, [ALL_METERS])) == [("2.29", "")]
    assert await refused(add_members(devices, ALL_METERS, ["house-7"])) == [("2.29", "")]


async def test_a_change_replaces_what_makes_up_the_group(devices: Pool) -> None:
    await create_groups(devices, [Group("g", devices=("house-7", "house-8"))])
    await change_groups(devices, [Group("g", devices=("house-8",))])
    assert await members(devices, "g") == ["house-8"]
    await change_groups(devices, [Group("g", "4D")])
    assert await members(devices, "g") == TITLES
    await change_groups(devices, [Group("g")])
    assert await members(devices, "g") == []


async def test_devices_come_and_go_one_by_one(devices: Pool) -> None:
    await create_groups(devices, [Group("g"), Group("p", "4D")])
    await add_members(devices, "g", ["house-7", TITLES[0]])
    await remove_members(devices, "g", ["house-7", "house-8"])
    assert await members(devices, "g") == [TITLES[0]]
    assert await refused(add_members(devices, "p", ["house-7"])) == [("2.29", "")]
    assert await refused(add_members(devices, "g", ["nothing"])) == [("2.4", "")]
    assert await refused(remove_members(devices, "none", ["house-7"])) == [("2.15", "")]


async def test_a_device_that_is_removed_leaves_its_groups(devices: Pool) -> None:
    await create_groups(devices, [Group("g", devices=("house-7", "house-8"))])
    await remove_devices(devices, ["house-7"])
    assert await members(devices, "g") == ["house-8"]


async def test_a_deleted_group_has_no_devices_and_its_devices_stay(devices: Pool) -> None:
    await create_groups(devices, [Group("g", devices=("house-7",)), Group("h")])
    assert await delete_groups(devices, ["g", "h", "g"]) == ["g", "h"]
    assert await members(devices, "g") == []
    assert "house-7" in await members(devices, ALL_METERS)
    assert await refused(get_group(devices, "g")) == [("2.15", "")]
    assert await refused(require_groups(devices, ["h", ALL_METERS], "x")) == [("2.15", "x")]


async def test_every_problem_is_told_at_once_and_nothing_is_stored(devices: Pool) -> None:
    await create_groups(devices, [Group("old")])
    groups = [
        Group("new", devices=("house-7", "nobody")),
        Group("old"),
        Group("both", "x", ("house-7",)),
        Group("a b"),
        Group("twice"),
        Group("twice"),
        Group("wide", "a b"),
    ]
    assert await refused(create_groups(devices, groups, PATH)) == [
        ("2.29", f"{PATH}/DeviceGroup[2]"),
        ("2.4", f"{PATH}/DeviceGroup[1]/DeviceReference[2]"),
        ("2.29", f"{PATH}/DeviceGroup[3]"),
        ("1.7", f"{PATH}/DeviceGroup[4]"),
        ("2.29", f"{PATH}/DeviceGroup[5]"),
        ("2.29", f"{PATH}/DeviceGroup[6]"),
        ("1.7", f"{PATH}/DeviceGroup[7]"),
    ]
    assert await refused(change_groups(devices, [Group("new")], PATH)) == [("2.15", f"{PATH}/DeviceGroup[1]")]
    assert [group.group_id async for group in iterate_groups(devices)] == [ALL_METERS, "old"]


async def test_of_two_that_make_the_same_group_one_is_told(devices: Pool) -> None:
    made = await asyncio.gather(
        *(create_groups(devices, [Group("g", devices=(name,))]) for name in TITLES), return_exceptions=True
    )
    assert sum(isinstance(each, Refused) for each in made) == 3
    assert len(await members(devices, "g")) == 1


async def test_the_engine_reads_members_page_by_page_in_its_own_transaction(devices: Pool) -> None:
    await create_groups(devices, [Group("houses", "house-")])
    async with devices.connection() as connection:
        assert await members_after(connection, "houses", page=1) == ["house-7"]
        assert await members_after(connection, "houses", "house-7", page=1) == ["house-8"]
        plan = await connection.execute(
            "EXPLAIN SELECT device_id FROM group_devices('DG_ALL_METERS') WHERE device_id > 'x' COLLATE \"C\""
        )
        text = "\n".join(row[0] for row in await plan.fetchall())
        assert "Function Scan" not in text  # inlined: the condition reaches the tables


@pytest.mark.clause("5.3")
def test_the_noun_is_read_and_written() -> None:
    reference = dev.DeviceReference(device_id="house-7")
    noun = mes.DeviceGroups(
        device_group=(
            mes.DeviceGroup(group_id="street", device_reference=(reference,)),
            mes.DeviceGroup(group_id="houses", prefix="house-", type_value="PREFIX"),
            mes.DeviceGroup(prefix=""),
        )
    )
    street, houses, unnamed = read_groups(noun, PATH)
    assert (street, houses) == (Group("street", devices=("house-7",)), Group("houses", "house-"))
    assert unnamed.group_id.startswith("DG_")
    assert group_noun("street", devices=["house-7"]) == noun.device_group[0]
    assert group_noun("houses", "house-") == noun.device_group[1]


@pytest.mark.parametrize("groups", [(), (mes.DeviceGroup(group_id="g", type_value="PREFIX"),)])
def test_a_payload_that_says_too_little_is_refused(groups: tuple[mes.DeviceGroup, ...]) -> None:
    with pytest.raises(Refused):
        read_groups(mes.DeviceGroups(device_group=groups), PATH)
