"""Fixtures that every room may use: a PostgreSQL for the run, and a database of its own for each test."""

import gc
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo

from cas.store.database import Pool, open_pool
from cas.store.embedded import embedded_server
from cas.store.migrate import migrate

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
ROOM = 4 * 2**30
"""Octets that the databases of a run never fill; a container may have less."""

_numbers = itertools.count()

# the same examples in every run, and no judgement of how fast a shared machine is
settings.register_profile("cas", derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("cas")


def pytest_collection_finish() -> None:
    """What was imported and collected stays for the run: no collection of garbage goes through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str, testrun_uid: str) -> Iterator[str]:
    """DSN of an empty database on the run's PostgreSQL, which all workers share: not durable, in memory if it can."""
    base = tmp_path_factory.getbasetemp()
    data_dir = (base if worker_id == "master" else base.parent) / "pg"
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        data_dir = MEMORY / f"cas-tests-{testrun_uid}"
    with embedded_server(data_dir, durable=False) as dsn:
        yield dsn
    if not (data_dir / "postgres" / "postmaster.pid").exists():  # the last worker leaves
        shutil.rmtree(data_dir, ignore_errors=True)  # two may leave at once


@pytest.fixture(scope="session")
def template_database(postgres: str, worker_id: str) -> str:
    """Name of a migrated database that `dsn` copies."""
    name = f"template_{worker_id}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    migrate(make_conninfo(postgres, dbname=name))
    return name


@pytest.fixture
def empty_dsn(postgres: str, worker_id: str) -> Iterator[str]:
    """DSN of a new database without a schema."""
    yield from _database(postgres, f"empty_{worker_id}_{next(_numbers)}", "template0")


@pytest.fixture
def dsn(postgres: str, template_database: str, worker_id: str) -> Iterator[str]:
    """DSN of a new, migrated database."""
    yield from _database(postgres, f"test_{worker_id}_{next(_numbers)}", template_database)


@pytest.fixture(scope="module")
def shared_dsn(postgres: str, template_database: str, worker_id: str) -> Iterator[str]:
    """DSN of a migrated database for the tests of a module that leave nothing in it."""
    yield from _database(postgres, f"shared_{worker_id}_{next(_numbers)}", template_database)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """A pool on a new, migrated database."""
    async with open_pool(dsn, max_size=4) as opened:
        yield opened


def _database(server: str, name: str, template: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
