"""How long results are kept, on a real database whose time the tests move."""

import re
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from cas.access.model import Selection, State, Tally
from cas.console import views
from cas.store.database import Pool
from cas.store.queries import query
from cas.store.retention import Tidied, missing_partitions, tidy
from tests.access_fakes import FakeDevices
from tests.engine_bench import NOON, VALUE, Bench

DAY = timedelta(days=1)
# NOON and 400 days is Sunday, 5 April 2026: kept until Monday
DEFAULT = "result_until_20260406"


def bench(pool: Pool) -> Bench:
    return Bench(pool, FakeDevices({f"M{number}": [VALUE] for number in range(6)}))


async def read(setting: Bench, **terms: object) -> UUID:
    access = await setting.create("M1", "M2", **terms)  # type: ignore[arg-type]  # fields of Terms
    await setting.work()
    return access


async def partitions(setting: Bench) -> list[str]:
    rows = await setting.rows(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid"
        " WHERE inhparent = 'result'::regclass ORDER BY relname"
    )
    return [row[0] for row in rows]


async def kept_in(setting: Bench, access: UUID) -> set[str]:
    rows = await setting.rows("SELECT DISTINCT tableoid::regclass::text FROM result WHERE access_id = %s", access)
    return {row[0] for row in rows}


async def exists(setting: Bench, access: UUID) -> bool:
    return bool(await setting.store.find([access]))


@pytest.mark.clause("7.2.6")
@pytest.mark.parametrize(
    ("not_older_than", "partition"),
    [
        (None, DEFAULT),
        (NOON - DAY, DEFAULT),
        (NOON + DAY, "result_until_20250303"),
        (NOON + 2 * DAY, "result_until_20250310"),
        (NOON + 1000 * DAY, "result_until_20280101"),
        (NOON + 20_000 * DAY, "result_until_infinity"),
        (datetime.max.replace(tzinfo=NOON.tzinfo), "result_until_infinity"),
    ],
)
async def test_results_are_kept_until_notolderthan_or_for_the_default(
    pool: Pool, not_older_than: datetime | None, partition: str
) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=not_older_than)
    assert await kept_in(setting, access) == {partition}
    assert partition in await partitions(setting)


async def test_a_window_that_outlasts_notolderthan_keeps_its_results_until_after_its_end(pool: Pool) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=NOON + DAY, duration="P20D")
    assert await kept_in(setting, access) == {"result_until_20250324"}


async def test_the_setting_holds_for_what_begins_from_then_on(pool: Pool) -> None:
    setting = bench(pool)
    before = await read(setting)
    await setting.run("UPDATE retention SET keep = '10 days'")
    assert await kept_in(setting, before) == {DEFAULT}
    assert await kept_in(setting, await read(setting)) == {"result_until_20250317"}


async def test_what_is_over_goes_as_a_whole_and_what_is_kept_stays(pool: Pool) -> None:
    setting = bench(pool)
    short = await read(setting, not_older_than=NOON + DAY)
    long = await read(setting)
    assert await tidy(pool, NOON + DAY) == Tidied()
    assert len(await setting.stored(short)) == 2
    assert await tidy(pool, datetime(2025, 3, 3, 0, 0, tzinfo=NOON.tzinfo)) == Tidied(1, 1)
    assert "result_until_20250303" not in await partitions(setting)
    assert not await exists(setting, short)
    assert len(await setting.stored(long)) == 2
    assert await setting.count("deleted_result") == 0


async def test_tidying_up_is_done_once_an_hour_by_one_process(pool: Pool) -> None:
    setting = bench(pool)
    await read(setting, not_older_than=NOON + DAY)
    assert await tidy(pool, NOON + 9 * DAY - timedelta(minutes=59)) == Tidied(1, 1)
    await read(setting, not_older_than=NOON + 2 * DAY)
    assert await tidy(pool, NOON + 9 * DAY) == Tidied()
    async with pool.connection() as other:
        await other.execute(b"SELECT pg_advisory_lock(x'0CA50006'::integer, 1)")
        assert await tidy(pool, NOON + 10 * DAY) is None
        await other.execute(b"SELECT pg_advisory_unlock(x'0CA50006'::integer, 1)")
    assert await tidy(pool, NOON + 10 * DAY) == Tidied(1, 1)


async def test_a_repeating_resource_goes_on_without_its_old_activations(pool: Pool) -> None:
    setting = bench(pool)
    await setting.run("UPDATE retention SET keep = '7 days'")
    access = await read(setting, repeating_interval="P10D")
    await setting.pass_time(10 * DAY)
    await setting.pass_time(10 * DAY)
    assert {result.activation for result in await setting.stored(access)} == {1, 2, 3}
    assert await tidy(pool, setting.now + 3 * DAY) == Tidied(2, 2)
    assert {result.activation for result in await setting.stored(access)} == {3}
    assert await setting.outcomes(access) == [(3, "ok")]
    await setting.pass_time(10 * DAY)
    assert {result.activation for result in await setting.stored(access)} == {3, 4}


async def test_a_partition_stays_while_an_activation_may_still_store_in_it(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M1", not_older_than=NOON + DAY)
    assert await tidy(pool, NOON + 30 * DAY) == Tidied()
    await setting.work()
    assert len(await setting.stored(access)) == 1
    assert await tidy(pool, NOON + 31 * DAY) == Tidied(1, 1)


@pytest.mark.clause("7.2.3")
async def test_a_later_notolderthan_keeps_what_was_read_before(pool: Pool) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=NOON + DAY, repeating_interval="P1Y")
    await setting.run("UPDATE device_access SET not_older_than = %s WHERE id = %s", NOON + 100 * DAY, access)
    assert await tidy(pool, NOON + 9 * DAY) == Tidied(1, 0)
    assert len(await setting.stored(access)) == 2
    assert await kept_in(setting, access) == {"result_until_20250616"}
    assert await setting.count("event") == 0


@pytest.mark.clause("7.2.3")
async def test_results_of_a_deleted_resource_go_in_the_background(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.store.retention.MOST", 3)
    setting = bench(pool)
    gone = await setting.create(*setting.devices.devices)
    await setting.work()
    stays = await read(setting)
    await setting.store.set_state([gone], State.CANCELED)
    await setting.store.delete([gone])
    assert not await setting.stored(gone)
    assert await setting.count("result") == 8
    assert await tidy(pool, NOON) == Tidied(rows=6)
    assert await setting.count("result") == 2
    assert await setting.count("deleted_result") == 0
    assert len(await setting.stored(stays)) == 2


async def test_what_was_broken_off_is_finished_the_next_time(pool: Pool) -> None:
    setting = bench(pool)
    await read(setting, not_older_than=NOON + DAY)
    await setting.run("ALTER TABLE result DETACH PARTITION result_until_20250303 CONCURRENTLY")
    assert (await tidy(pool, NOON + 9 * DAY)) == Tidied(0, 1)
    assert await setting.rows("SELECT to_regclass('result_until_20250303')") == [(None,)]


async def test_the_check_names_partitions_that_are_missing(pool: Pool, dsn: str) -> None:
    setting = bench(pool)
    assert missing_partitions(dsn, NOON) == []
    await read(setting)
    await tidy(pool, NOON)
    assert missing_partitions(dsn, NOON) == []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {DEFAULT}".encode())
    assert missing_partitions(dsn, NOON) == [DEFAULT]


async def test_partitions_are_there_before_they_are_needed(pool: Pool) -> None:
    setting = bench(pool)
    await tidy(pool, NOON)
    made = await partitions(setting)
    assert made == [DEFAULT, *(f"result_until_202604{day}" for day in (13, 20, 27)), "result_until_20260504"]


async def test_old_notifications_go_unless_their_resource_keeps_them(pool: Pool) -> None:
    setting = bench(pool)
    for not_older_than in (None, NOON + 1000 * DAY):
        access = await setting.create(not_older_than=not_older_than, accept_data_notification=True, requests=())
        await setting.run(
            "INSERT INTO notification (access_id, device_id, received_at, apdu) VALUES (%s, 'M1', %s, '')", access, NOON
        )
    assert await tidy(pool, NOON + 399 * DAY) == Tidied()
    assert (await tidy(pool, NOON + 400 * DAY + timedelta(minutes=1))) == Tidied(rows=1)
    assert await setting.count("notification") == 1


@pytest.mark.clause("7.2.3")
async def test_results_that_are_kept_for_ever_are_read_and_deleted_as_others(pool: Pool) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=NOON + 20_000 * DAY)
    assert len(await setting.stored(access)) == 2
    assert await setting.store.tally(Selection(ids=(access,))) == Tally(2, 0, 0)
    await setting.store.delete([access])
    assert await tidy(pool, NOON) == Tidied(rows=2)
    assert await setting.count("result") == 0


async def test_results_are_kept_for_ever_when_that_is_said_later(pool: Pool) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=NOON + DAY, repeating_interval="P1Y")
    await setting.run("UPDATE device_access SET not_older_than = %s WHERE id = %s", NOON + 20_000 * DAY, access)
    assert await tidy(pool, NOON + 9 * DAY) == Tidied(1, 0)
    assert await kept_in(setting, access) == {"result_until_infinity"}
    assert len(await setting.stored(access)) == 2


async def test_the_console_shows_results_that_are_kept_for_ever(pool: Pool) -> None:
    setting = bench(pool)
    access = await read(setting, not_older_than=NOON + 20_000 * DAY)
    kept = await views.kept(pool, access, 1)
    assert [each.device_id for each in await views.devices_done(pool, kept, limit=9)] == ["M1", "M2"]
    assert [each.answer is not None for each in await views.results(pool, kept, "M2")] == [True]
    assert [each.device_id for each in await views.series(pool, access, [0], ["M1", "M2"])] == ["M1", "M2"]


@pytest.mark.parametrize("name", ["devices_done", "devices_waiting", "reasons", "failed_devices", "results"])
async def test_a_page_on_one_activation_looks_into_one_partition(pool: Pool, name: str) -> None:
    setting = bench(pool)
    access = await read(setting)
    await tidy(pool, NOON)
    parameters = {"id": access, "number": 1, "kept_until": "2026-04-06", "device_id": "M1"}
    parameters |= {"failed": False, "why": None, "after": "", "limit": 9}
    async with pool.connection() as connection:
        rows = await (await connection.execute(b"EXPLAIN " + query(f"console_{name}"), parameters)).fetchall()
    assert set(re.findall(r"result_until_\d+(?=_|\b)", str(rows))) == {DEFAULT}
