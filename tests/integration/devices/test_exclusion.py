"""One operation at a time on a device: two processes are two connections here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cas.devices.exclusion import Exclusion, open_exclusion
from cas.devices.registration import Row, register_devices
from cas.devices.registry import Registered
from cas.store.database import Pool
from cas.store.errors import DatabaseUnavailable
from cas.system_events import Kind
from tests.access_fakes import KEYRING

TERMINATE = b"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database ON pg_database.oid = database
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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that are given back wait for those asked for next."""
    monkeypatch.setattr("cas.devices.exclusion.TOGETHER_WITHIN", 60.0)


@pytest.mark.usefixtures("patient")
async def test_a_device_given_back_is_had_again_at_once(dsn: str) -> None:
    async with asyncio.timeout(5), open_exclusion(dsn) as one:
        for _ in range(3):
            await one.take("M1")
            one.give_back("M1")


@pytest.mark.usefixtures("patient")
async def test_a_device_given_back_goes_with_the_next_one_that_is_asked_for(dsn: str) -> None:
    async with asyncio.timeout(5), open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        await one.take("M1")
        one.give_back("M1")
        await one.take("M2")
        await other.take("M1")


async def test_others_have_a_device_though_its_process_asks_for_it_again_and_again(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.devices.exclusion.LONGEST_PAUSE", 0.02)

    async def again_and_again(exclusion: Exclusion) -> None:
        while True:
            await exclusion.take("M1")
            exclusion.give_back("M1")
            await asyncio.sleep(0.002)  # sooner than it would be given back by itself

    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        asking = asyncio.create_task(again_and_again(one))
        async with asyncio.timeout(10):
            for _ in range(3):
                await Counted().use(other, "M1")
        asking.cancel()


@asynccontextmanager
async def queue_of_users(exclusion: Exclusion) -> AsyncIterator[asyncio.Semaphore]:
    """Some in one process who always want M1, which is free for a round trip between two; each counts."""
    turn, uses = asyncio.Lock(), asyncio.Semaphore(0)

    async def use() -> None:
        while True:
            async with turn, hold(exclusion, "M1"):
                uses.release()
                await asyncio.sleep(0.02)

    users = [asyncio.create_task(use()) for _ in range(3)]
    try:
        await uses.acquire()
        yield uses
    finally:
        for each in users:
            each.cancel()
        await asyncio.wait(users)


async def test_who_waits_for_long_goes_before_those_who_ask_later(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.devices.exclusion.RESERVED_AFTER", 0.1)
    async with (
        asyncio.timeout(10),
        open_exclusion(dsn) as one,
        open_exclusion(dsn) as other,
        queue_of_users(one) as uses,
    ):
        for _ in range(5):
            async with hold(other, "M1"):
                while not uses.locked():
                    await uses.acquire()
            await uses.acquire()  # nor are the others kept away


async def test_who_gives_up_waiting_leaves_no_device_reserved(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.devices.exclusion.RESERVED_AFTER", 0.0)
    async with open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        for pause in range(10):
            async with hold(one, "M1"):
                waiting = asyncio.create_task(Counted().use(other, "M1"))
                await asyncio.sleep(0.02 + pause / 500)  # also while the reservation is on its way
                waiting.cancel()
                await asyncio.wait([waiting])
            async with asyncio.timeout(5), hold(one, "M1"):
                pass


@pytest.mark.usefixtures("patient")
async def test_devices_that_wait_to_be_given_back_are_free_when_their_process_ends_and_keep_it_not(dsn: str) -> None:
    async with asyncio.timeout(5), open_exclusion(dsn) as other:
        async with open_exclusion(dsn) as one:
            await one.take("M1")
            one.give_back("M1")
        await other.take("M1")


@pytest.mark.usefixtures("patient")
async def test_devices_that_wait_to_be_given_back_are_free_when_the_connection_breaks(
    dsn: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.devices.exclusion.BEAT", 0.01)
    with capture_logs() as logs:
        async with asyncio.timeout(5), open_exclusion(dsn) as one, open_exclusion(dsn) as other:
            await one.take("M1")
            await one.take("M2")
            one.give_back("M1")
            async with pool.connection() as connection:
                await connection.execute(TERMINATE)
            while not logs:  # noqa: ASYNC110 - of locks that were taken anew
                await asyncio.sleep(0.01)
            await other.take("M1")
    assert [(line["number"], line["devices"], line["lost"]) for line in logs] == [(Kind.LOCKS_LOST.value.number, 1, 0)]


async def test_a_device_is_not_kept_when_it_cannot_be_given_back(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.timeout(5), open_exclusion(dsn) as one, open_exclusion(dsn) as other:
        await one.take("M1")
        with monkeypatch.context() as patched:
            patched.setattr("cas.devices.exclusion._UNLOCK", b"SELECT 1 / 0 FROM unnest(%(keys)s::bigint[])")
            one.give_back("M1")
            await other.take("M1")


async def test_a_process_that_ends_has_no_device_that_somebody_asked_for_meanwhile(dsn: str) -> None:
    async with asyncio.timeout(5), open_exclusion(dsn) as other:
        async with open_exclusion(dsn) as one:
            asking = []
            for device_id in ("M1", "M2"):  # in two statements
                asking.append(asyncio.create_task(one.take(device_id)))
                for _ in range(3):
                    await asyncio.sleep(0)
            for each in asking:
                each.cancel()
        await asyncio.wait(asking)
        await asyncio.sleep(0.05)  # so that it could
        for device_id in ("M1", "M2"):
            await other.take(device_id)
