"""Sessions that show that they live, and the end of those that do not."""

import asyncio
from datetime import timedelta

import pytest
from psycopg import OperationalError

from cas.devices.exclusion import open_exclusion
from cas.store import standing
from cas.store.database import Pool
from cas.store.standing import beat, end_still, open_standing

BEAT = 0.2
LONGEST = standing.MISSED_BEATS * BEAT
_NAMED = b"SELECT set_config('application_name', %s, false)"
_LOCK = b"SELECT pg_advisory_lock(1)"
_LOCKS = (
    b"SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory'"
    b" AND datname = current_database()"
)
_TRY = b"SELECT pg_try_advisory_lock(1)"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cas.store.standing", "cas.devices.exclusion"):
        monkeypatch.setattr(f"{module}.BEAT", BEAT)


async def rescue(pool: Pool) -> None:
    await end_still(pool, timedelta(0))


async def test_of_a_process_that_lives_only_what_is_cut_off_is_ended(dsn: str, pool: Pool) -> None:
    async with open_exclusion(dsn) as living, await open_standing(dsn) as cut_off:
        await living.take("M1")
        await cut_off.execute(_LOCK)
        await asyncio.sleep(LONGEST + BEAT)
        await rescue(pool)
        with pytest.raises(OperationalError):
            await beat(cut_off)
        async with pool.connection() as connection:
            assert await (await connection.execute(_TRY)).fetchone() == (True,)
            assert await (await connection.execute(_LOCKS)).fetchone() == (2,), "the device is still held"


async def test_of_a_process_that_stands_still_all_is_ended(dsn: str, pool: Pool) -> None:
    async with await open_standing(dsn) as lives, await open_standing(dsn) as pooled:
        for connection, name in ((lives, "lives cas elsewhere:7"), (pooled, "cas elsewhere:7")):
            await connection.execute(_NAMED, [name])
        await asyncio.sleep(LONGEST + BEAT)
        await rescue(pool)
        for connection in (lives, pooled):
            with pytest.raises(OperationalError):
                await beat(connection)


async def test_who_goes_on_when_all_have_stood_still_keeps_its_locks(
    dsn: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = standing._still

    async with await open_standing(dsn) as connection:

        async def look_and_go_on(pool: Pool, after: timedelta) -> set[tuple[int, str, str]]:
            found = await look(pool, after)
            looks.append(len(found))
            await beat(connection)
            return found

        monkeypatch.setattr(standing, "_still", look_and_go_on)
        await asyncio.sleep(LONGEST + BEAT)
        await rescue(pool)
        assert looks[0]
        assert looks[1:] == [0]
        await beat(connection)
