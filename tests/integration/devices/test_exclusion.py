"""One operation at a time on a device: two processes are two connections here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from cas.devices.exclusion import TOGETHER_WITHIN, Exclusion, open_exclusion
from cas.devices.registration import Row, register_devices
from cas.devices.registry import Registered
from cas.store.database import Pool
from cas.store.errors import DatabaseUnavailable
from tests.access_fakes import KEYRING

TERMINATE = b"""
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND datname = current_database()
"""


@asynccontextmanager
async def hold(exclusion: Exclusion, device_id: str) -> AsyncIterator[Registered | None]:
    found = await exclusion.take(device_id)
    try:
        yield found
    finally:
        exclusion.give_back(device_id)


class Counted:
    """How many hold a device at the same time."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.most = 0
        self.turns = 0

    async def use(self, exclusion: Exclusion, device_id: str) -> None:
        async with hold(exclusion, device_id):
            self.now[device_id] = self.now.get(device_id, 0) + 1
            self.most = max(self.most, self.now[device_id])
            for _ in range(3):
                await asyncio.sleep(0)
            self.now[device_id] -= 1
            self.turns += 1


async def test_nobody_else_has_the_device(dsn: str) -> None:
    counted = Counted()
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other, asyncio.TaskGroup() as group:
        for number in range(12):
            for exclusion in (one, other):
                group.create_task(counted.use(exclusion, f"M{number % 4}"))
    assert (counted.most, counted.turns) == (1, 24)


async def test_a_device_is_free_when_its_process_has_gone(dsn: str) -> None:
    async with AsyncExitStack() as stack, open_exclusion(dsn) as other:
        gone = await stack.enter_async_context(open_exclusion(dsn))
        await stack.enter_async_context(hold(gone, "M1"))
        waiting = asyncio.create_task(Counted().use(other, "M1"))
        await asyncio.sleep(0)
        await gone.close()
        async with asyncio.timeout(10):
            await waiting


async def test_who_gives_up_waiting_leaves_no_lock(dsn: str) -> None:
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        for _ in range(20):
            waiting = asyncio.create_task(Counted().use(one, "M1"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with asyncio.timeout(10):
            await Counted().use(other, "M1")


async def test_locks_are_taken_anew_when_the_connection_breaks(dsn: str, pool: Pool) -> None:
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other, hold(one, "M1"):
        async with pool.connection() as connection:
            await connection.execute(TERMINATE)
        async with hold(one, "M2"):
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await Counted().use(other, "M1")


async def test_without_a_database_no_device_is_held() -> None:
    async with open_exclusion("host=/nowhere") as exclusion:
        with pytest.raises(DatabaseUnavailable):
            await Counted().use(exclusion, "M1")


async def test_a_lock_is_not_left_behind_when_the_registry_cannot_be_read(pool: Pool, dsn: str) -> None:
    await register_devices(pool, KEYRING, [Row({"device_id": "M1", "url": "tcp://127.0.0.1:1"})])
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        for _ in range(8):  # until its statement is prepared
            async with hold(one, "M1"):
                pass
        async with pool.connection() as connection:
            # as a migration does while processes run
            await connection.execute(b"ALTER TABLE device ALTER COLUMN max_pdu TYPE bigint")
        async with hold(one, "M1") as found:
            assert found is not None
            assert found.device.device_id == "M1"
        async with asyncio.timeout(5), hold(other, "M1"):
            pass


async def test_a_device_is_found_by_any_of_its_names(pool: Pool, dsn: str) -> None:
    await register_devices(
        pool, KEYRING, [Row({"device_id": "4D4D4D0000000001", "alias": "A1", "url": "tcp://127.0.0.1:1"})]
    )
    async with open_exclusion(dsn) as exclusion:
        for name in ("A1", "4D4D4D0000000001", "4d4d4d0000000001"):
            async with hold(exclusion, name) as found:
                assert found is not None
                assert found.device.alias == "A1"
        async with hold(exclusion, "A2") as found:
            assert found is None


async def test_a_device_given_back_is_had_again_at_once_and_by_others_though_nobody_asks_here(dsn: str) -> None:
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        await one.take("M2")  # connected
        for _ in range(3):
            async with asyncio.timeout(TOGETHER_WITHIN):  # before they go by themselves
                await one.take("M1")
            one.give_back("M1")
        async with asyncio.timeout(5):
            await other.take("M1")
