"""Fixtures that every room may use: a PostgreSQL for the run, and a database of its own for each test."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo

from cas.store.database import Pool, open_pool
from cas.store.embedded import embedded_server
from cas.store.migrate import migrate

_numbers = itertools.count()

# the same examples in every run, and no judgement of how fast a shared machine is
settings.register_profile("cas", derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("cas")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """DSN of an empty database on the run's PostgreSQL, which all workers share. Not durable."""
    base = tmp_path_factory.getbasetemp()
    data_dir = (base if worker_id == "master" else base.parent) / "pg"
    with embedded_server(Path(data_dir), durable=False) as dsn:
        yield dsn


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
