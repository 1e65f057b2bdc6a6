"""Registration and look-up against a real database."""

from collections.abc import Iterable

import pytest

from cas.devices.errors import DeviceRefused, UnknownDevice
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.registration import Row, Summary, register_devices
from cas.devices.registry import find_devices, get_device, iterate_devices, remove_devices
from cas.store.database import Pool

TITLE = "4D4D4D0000BC614E"
URL = "tcp://127.0.0.1:4059"
KEYRING = Keyring([Secret(b"m" * 32)])


def row(device_id: str = TITLE, place: str = "", **fields: object) -> Row:
    return Row({"device_id": device_id, "url": URL, **fields}, place)


async def register(pool: Pool, *rows: Row) -> Summary:
    return await register_devices(pool, KEYRING, rows)


async def ids(pool: Pool, prefix: str = "", page: int = 1000) -> list[str]:
    return [registered.device.device_id async for registered in iterate_devices(pool, prefix, page=page)]


async def test_what_was_registered_comes_back_whole(pool: Pool) -> None:
    given = row(
        alias="house-7", authentication="hls-gmac", suite=1, protection="both", client_system_title="43" * 8,
        max_pdu=500, encryption_key="00" * 16, authentication_key="11" * 16, quirk={"release": False}, label={"a": "b"},
    )  # fmt: skip
    assert await register(pool, given) == Summary(added=1)
    registered = await get_device(pool, "house-7")
    device = registered.device
    assert (device.device_id, device.system_title, device.alias) == (TITLE, bytes.fromhex(TITLE), "house-7")
    assert (device.url, device.authentication, device.suite, device.protection) == (URL, "hls-gmac", 1, "both")
    assert (device.client_system_title, device.max_pdu, device.labels) == (b"CCCCCCCC", 500, {"a": "b"})
    assert device.quirks.release is False
    assert registered.unseal(KEYRING) == {
        KeyKind.ENCRYPTION: Secret(bytes(16)),
        KeyKind.AUTHENTICATION: Secret(b"\x11" * 16),
    }
    assert registered.missing_keys == []


async def test_devices_are_found_by_every_name_and_answered_under_the_name_asked(pool: Pool) -> None:
    await register(pool, row(alias="house-7"), row("house-8"), row("house-9", system_title="AA" * 8))
    asked = [TITLE.lower(), "house-7", "house-8", "aa" * 8, "HOUSE-7", "nothing", "00" * 8]
    found = await find_devices(pool, asked)
    assert {name: registered.device.device_id for name, registered in found.items()} == {
        TITLE.lower(): TITLE,
        "house-7": TITLE,
        "house-8": "house-8",
        "aa" * 8: "house-9",
    }


async def test_an_unknown_device_is_named(pool: Pool) -> None:
    with pytest.raises(UnknownDevice, match="not registered: nothing"):
        await get_device(pool, "nothing")


async def test_counts_what_was_added_changed_and_left(pool: Pool) -> None:
    await register(pool, row("a"), row("b"), row("c", authentication="lls", secret="x"))
    summary = await register(
        pool,
        row("a"),
        row("b", max_pdu=100),
        row("c", authentication="lls", secret="y"),
        row("d", authentication="lls"),
    )
    assert summary == Summary(added=1, changed=2, unchanged=1, without_keys=1)
    assert (await get_device(pool, "c")).unseal(KEYRING) == {KeyKind.SECRET: Secret(b"y")}
    assert (await get_device(pool, "d")).missing_keys == [KeyKind.SECRET]


async def test_a_key_that_is_not_given_stays(pool: Pool) -> None:
    await register(pool, row("a", authentication="lls", secret="x"))
    assert await register(pool, row("a", authentication="lls")) == Summary(unchanged=1)
    assert (await get_device(pool, "a")).unseal(KEYRING) == {KeyKind.SECRET: Secret(b"x")}


async def test_a_key_under_a_lost_master_key_can_be_given_again(pool: Pool) -> None:
    await register_devices(pool, Keyring([Secret(b"l" * 32)]), [row("a", secret="x")])
    assert await register(pool, row("a", secret="x")) == Summary(changed=1)
    assert (await get_device(pool, "a")).unseal(KEYRING) == {KeyKind.SECRET: Secret(b"x")}


async def test_an_alias_learns_its_system_title_and_keeps_its_id(pool: Pool) -> None:
    await register(pool, row("a"))
    await register(pool, row("a", system_title=TITLE))
    assert (await get_device(pool, TITLE)).device.device_id == "a"


async def test_all_problems_are_told_and_nothing_is_stored(pool: Pool) -> None:
    await register(pool, row("other", alias=None))
    rows = [
        row("good", "m.csv:2"),
        row("bad", "m.csv:3", url="gopher://x", suite=9),
        row("good", "m.csv:4"),
        row("", "m.csv:5"),
    ]
    with pytest.raises(DeviceRefused) as caught:
        await register(pool, *rows)
    assert [line.partition("; known")[0] for line in caught.value.problems] == [
        "m.csv:3: device bad: url: gopher://x: unknown transport 'gopher'",
        "m.csv:3: device bad: suite: Input should be less than or equal to 2",
        "m.csv:4: device good: good is given twice, first in m.csv:2",
        "m.csv:5: device_id: must be 16 hex digits (a system title), or 1 to 64 visible ASCII characters",
    ]
    assert await ids(pool) == ["other"]


async def test_a_problem_in_a_late_chunk_undoes_the_early_ones(pool: Pool) -> None:
    def rows() -> Iterable[Row]:
        yield from (row(f"m{number}") for number in range(5000))
        yield row("bad", suite=9)

    with pytest.raises(DeviceRefused):
        await register_devices(pool, KEYRING, rows())
    assert await ids(pool) == []


async def test_a_name_of_another_device_is_refused(pool: Pool) -> None:
    await register(pool, row(alias="house-7"))
    with pytest.raises(DeviceRefused, match=f"device house-7: house-7 is a name of device {TITLE}"):
        await register(pool, row("house-7"))
    with pytest.raises(DeviceRefused, match=f"device b: {TITLE} is a name of device {TITLE}"):
        await register(pool, row("b", system_title=TITLE))


async def test_pages_through_the_devices_of_a_prefix(pool: Pool) -> None:
    await register(pool, *(row(name) for name in ["ABC", "ABC1", "ABC~", "ABD", "AB", "abc", "ABC_", "ABC%", "B"]))
    assert await ids(pool, "ABC", page=2) == ["ABC", "ABC%", "ABC1", "ABC_", "ABC~"]
    assert len(await ids(pool, page=3)) == 9
    assert await ids(pool, "X") == []


async def test_removes_all_or_nothing(pool: Pool) -> None:
    await register(pool, row(alias="house-7", secret="x"), row("b"))
    with pytest.raises(UnknownDevice, match="nothing"):
        await remove_devices(pool, ["b", "nothing"])
    assert await remove_devices(pool, ["house-7", TITLE]) == [TITLE]
    assert await ids(pool) == ["b"]
    await register(pool, row())
    assert (await get_device(pool, TITLE)).sealed_keys == {}


async def test_ten_thousand_devices_with_keys_are_looked_up_in_one_query(pool: Pool) -> None:
    rows = (
        row(f"{number:016X}", encryption_key=f"{number:032x}", authentication_key="11" * 16) for number in range(10_000)
    )
    done: list[int] = []
    assert (await register_devices(pool, KEYRING, rows, done.append)).added == 10_000
    assert done[-1] == 10_000
    found = await find_devices(pool, [f"{number:016x}" for number in range(10_000)])
    assert len(found) == 10_000
    assert found[f"{77:016x}"].unseal(KEYRING)[KeyKind.ENCRYPTION] == Secret((77).to_bytes(16, "big"))
