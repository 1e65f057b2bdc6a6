"""One operation at a time on a device: two processes are two connections here."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from cas.devices.exclusion import Exclusion, open_exclusion
from cas.devices.registration import Row, register_devices
from cas.store.database import Pool
from cas.store.errors import DatabaseUnavailable
from tests.access_fakes import KEYRING

TERMINATE = b"""
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND datname = current_database()
"""


class Counted:
    """How many hold a device at the same time."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.most = 0
        self.turns = 0

    async def use(self, exclusion: Exclusion, device_id: str) -> None:
        async with exclusion.hold(device_id):
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
        await stack.enter_async_context(gone.hold("M1"))
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
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other, one.hold("M1"):
        async with pool.connection() as connection:
            await connection.execute(TERMINATE)
        async with one.hold("M2"):
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
            async with one.hold("M1"):
                pass
        async with pool.connection() as connection:
            # as a migration does while processes run
            await connection.execute(b"ALTER TABLE device ALTER COLUMN max_pdu TYPE bigint")
        async with one.hold("M1") as found:
            assert found is not None
            assert found.device.device_id == "M1"
        async with asyncio.timeout(5), other.hold("M1"):
            pass


async def test_a_device_is_found_by_any_of_its_names(pool: Pool, dsn: str) -> None:
    await register_devices(
        pool, KEYRING, [Row({"device_id": "4D4D4D0000000001", "alias": "A1", "url": "tcp://127.0.0.1:1"})]
    )
    async with open_exclusion(dsn) as exclusion:
        for name in ("A1", "4D4D4D0000000001", "4d4d4d0000000001"):
            async with exclusion.hold(name) as found:
                assert found is not None
                assert found.device.alias == "A1"
        async with exclusion.hold("A2") as found:
            assert found is None
