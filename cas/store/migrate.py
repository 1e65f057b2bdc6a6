"""Migrations: the schema is the sum of the files `migrations/NNNN_name.{pre,post}.sql`, applied in order, each once.

`pre` files suit the running release as well as the next one and are applied before a rolling upgrade; `post` files
drop what only the old release used and are applied when the last old process has gone. So a process may start, or start
again, on a database that has `pre` files of a later release, and may not on one that has its `post` files. Each file
runs in its own transaction; an advisory lock lets one process migrate at a time.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import psycopg

from cas.store.errors import DatabaseUnavailable, SchemaOutOfDate

Phase = Literal["pre", "post"]

_FILE = re.compile(r"(\d{4}_[a-z0-9_]+)\.(pre|post)\.sql")
_LOCK = 0x0CA5_0001
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of SQL; `name` is the file's name without `.sql`."""

    name: str
    phase: Phase
    sql: str


@cache
def all_migrations() -> tuple[Migration, ...]:
    """The migrations of this release, in order. Raises ValueError for a file whose name does not fit."""
    found = []
    for file in (files("cas.store") / "migrations").iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"migrations/{file.name}: the name must read NNNN_name.pre.sql or NNNN_name.post.sql")
        phase: Phase = "pre" if match[2] == "pre" else "post"
        found.append(Migration(f"{match[1]}.{phase}", phase, file.read_text("utf-8")))
    return tuple(sorted(found, key=lambda migration: (migration.name[:4], migration.phase == "post", migration.name)))


def migrate(dsn: str, phase: Phase | None = None) -> list[str]:
    """Apply what is missing, or only the `pre` or `post` files of it; return the names applied.

    Raises `DatabaseUnavailable`, and `SchemaOutOfDate` if the database is only for later programs than this one.
    """
    with _connect(dsn) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(_LEDGER)
        applied = _applied(connection)
        _refuse_newer(applied)
        done = []
        for migration in all_migrations():
            if migration.name in applied or phase not in (None, migration.phase):
                continue
            with connection.transaction():
                connection.execute(migration.sql.encode())
                connection.execute("INSERT INTO schema_migration (name) VALUES (%s)", [migration.name])
            done.append(migration.name)
        return done


def missing_migrations(dsn: str) -> list[str]:
    """Names of the migrations that the database lacks. Raises as `migrate` does."""
    with _connect(dsn) as connection:
        applied = _applied(connection)
        _refuse_newer(applied)
        return [migration.name for migration in all_migrations() if migration.name not in applied]


def require_schema(dsn: str) -> None:
    """Raise `SchemaOutOfDate` unless the database has every migration that goes before a start (the `pre` files)."""
    missing = [name for name in missing_migrations(dsn) if name.endswith(".pre")]
    if missing:
        raise SchemaOutOfDate(f"the database lacks {', '.join(missing)}: run `cas database migrate`")


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return psycopg.connect(dsn, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as problem:
        raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from None


def _applied(connection: psycopg.Connection) -> set[str]:
    exists = connection.execute("SELECT to_regclass('schema_migration') IS NOT NULL").fetchone()
    if exists != (True,):
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM schema_migration")}


def _refuse_newer(applied: set[str]) -> None:
    # What is before a later release suits this one; what is after it may have dropped what this one reads.
    known = {migration.name for migration in all_migrations()}
    if unknown := sorted(name for name in applied - known if not name.endswith(".pre")):
        raise SchemaOutOfDate(f"the database was migrated by a later release ({', '.join(unknown)}): upgrade cas")
