"""The pool of connections."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from cas.config import Settings
from cas.store.database import Pool, open_database, open_pool
from cas.store.errors import DatabaseUnavailable, SchemaOutOfDate


async def test_each_statement_commits_by_itself(pool: Pool) -> None:
    async with pool.connection() as one, pool.connection() as two:
        await one.execute("CREATE TABLE seen (n int)")
        assert await (await two.execute("SELECT count(*) FROM seen")).fetchone() == (0,)


async def test_an_embedded_database_is_ready_for_use(tmp_path: Path) -> None:
    async with open_database(Settings(data_dir=tmp_path)) as pool, pool.connection() as connection:
        assert await (await connection.execute("SELECT count(*) FROM device")).fetchone() == (0,)
        assert await (await connection.execute("SHOW fsync")).fetchone() == ("on",)


async def test_a_configured_database_must_have_been_migrated(empty_dsn: str) -> None:
    with pytest.raises(SchemaOutOfDate):
        async with open_database(Settings(dsn=SecretStr(empty_dsn))):
            pass


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/New_York"])
async def test_times_are_read_whatever_the_zone_of_the_database_is(dsn: str, zone: str) -> None:
    moments = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    async with open_pool(make_conninfo(dsn, options=f"-c timezone={zone}")) as pool, pool.connection() as connection:
        for binary in (False, True):
            read = await connection.execute("SELECT %s::timestamptz, %s::timestamptz", moments, binary=binary)
            assert await read.fetchone() == moments


async def test_a_pool_without_a_database_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.store.database.OPEN_TIMEOUT", 0.2)
    with pytest.raises(DatabaseUnavailable):
        async with open_pool("host=127.0.0.1 port=1 dbname=x"):
            pass
