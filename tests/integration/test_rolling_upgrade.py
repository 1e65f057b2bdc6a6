"""A rolling upgrade: processes of this release go on, and start again, while the next one's migrations are there.

What a migration before an upgrade may do is done here to every table at once: columns and indexes more, a table more.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from cas.client import CasClient
from cas.client.descriptors import attribute, write_attribute
from cas.config import Settings
from cas.cosem.data import Data
from cas.simulator import Simulator
from cas.store.migrate import all_migrations
from tests.faults.crash_site import Victim
from tests.integration.soap.conftest import Service, settings
from tests.processes import cas
from tests.unit.transports.test_link import unused_port

METERS = 3
PATIENCE = 60.0
RELEASED = 62
"""The number of the last migration that no release was before: what follows must suit the one before it."""
_TAKES_AWAY = re.compile(
    r"\bDROP\s+(TABLE|COLUMN|VIEW|FUNCTION|INDEX|TYPE)|\bRENAME\b|\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b"
    r"|\bSET\s+NOT\s+NULL\b|\bTRUNCATE\b|\bADD\s+COLUMN\s+\w+\s+\w+\s+NOT\s+NULL(?!\s+DEFAULT)",
    re.IGNORECASE,
)


def test_a_migration_before_an_upgrade_takes_nothing_away() -> None:
    for migration in all_migrations():
        if migration.phase == "pre" and int(migration.name[:4]) > RELEASED:
            found = [each.group() for each in _TAKES_AWAY.finditer(migration.sql)]
            assert not found, f"{migration.name}: {found} belongs into a post file"


def next_release(dsn: str) -> None:
    """The migrations of a release to come, as far as they go before its processes start."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname !~ '^procrastinate'"
        ).fetchall()
        assert len(tables) > 15
        for (name,) in tables:
            added = sql.SQL("ALTER TABLE {} ADD COLUMN next_one text, ADD COLUMN next_two integer NOT NULL DEFAULT 7")
            connection.execute(added.format(sql.Identifier(name)))
        connection.execute("CREATE TABLE next_table (of_device text REFERENCES device ON DELETE CASCADE)")
        connection.execute("CREATE INDEX next_index ON result (next_two, device_id)")
        connection.execute("INSERT INTO schema_migration (name) VALUES ('9999_next.pre')")


@pytest.fixture
async def service(settings: Settings, dsn: str, tmp_path: Path) -> AsyncIterator[tuple[Service, Victim, Victim]]:
    """A front and a worker in processes of their own."""
    port = unused_port()
    environment = {
        "CAS_DSN": dsn,
        "CAS_MASTER_KEY": "5A" * 32,
        "CAS_PORT": str(port),
        "CAS_PUSH_PORT": "0",
        "CAS_ANYONE_SERVICES": "get,set,action",
        "CAS_WORKER_STALLED_AFTER": "2",
        "CAS_LOG_FORMAT": "json",
    }
    front = Victim("front", cas("serve", "--no-worker"), environment, tmp_path / "front.log")
    worker = Victim("worker", cas("worker"), environment, tmp_path / "worker.log")
    await front.start()
    await worker.start()
    yield Service(f"http://127.0.0.1:{port}/cas", settings), front, worker
    await worker.stop()
    await front.stop()


async def test_this_release_goes_on_and_starts_again_on_the_schema_of_the_next(
    service: tuple[Service, Victim, Victim], dsn: str
) -> None:
    door, front, worker = service
    async with Simulator(METERS, authentication="hls-gmac") as simulator, CasClient(door.url) as client:
        await door.register(*(simulator.device(index) for index in range(METERS)))
        names = [meter.device_id for meter in simulator.meters]
        read = attribute("1.0.1.8.0.255")
        change = write_attribute("0.0.96.13.0.255", Data.of("octet-string", b"before"), class_id=1)
        repeating = (await client.create(names, [read], repeating_interval="PT1S", duration="PT10S")).id

        async def more(than: int) -> int:
            """Wait until there are more good results."""
            async with asyncio.timeout(PATIENCE):
                while len(found := (await client.get(repeating))[0].readings) <= than:  # noqa: ASYNC110 - no event reaches us
                    await asyncio.sleep(0.1)
            assert all(reading.ok for reading in found), found
            return len(found)

        async def all_of_it() -> None:
            access = await client.create(names, [read, change])
            assert [reading.ok for reading in access.readings] == [True] * (2 * METERS)
            await client.get(access.id, last_valid=True)
            assert {each.id for each in await client.directory()} >= {access.id}
            await client.statistics()
            await client.delete(access.id)

        done = await more(2 * METERS)
        await all_of_it()
        await asyncio.to_thread(next_release, dsn)
        done = await more(done + METERS)
        await all_of_it()
        for process in (worker, front):
            await process.kill()
            await process.start()
        done = await more(done + METERS)
        await all_of_it()
        await client.cancel(repeating)
        assert not list(simulator.violations())
    assert [*front.faults, *worker.faults] == []


__all__ = ["settings"]  # the fixture
