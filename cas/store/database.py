"""The database of a process: where it is, and the pool of connections to it.

Connections are in autocommit mode: one statement is one transaction; more than one goes in `connection.transaction()`.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from psycopg import AsyncConnection, OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from cas.config import Settings
from cas.store.embedded import embedded_server
from cas.store.errors import DatabaseUnavailable
from cas.store.migrate import migrate, require_schema

# Seconds until a first connection must stand.
OPEN_TIMEOUT = 10.0
# So that a connection to a host that vanished breaks within half a minute, and not after hours (libpq; TCP alone).
_BREAK_SOON = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
PROCESS = f"cas {socket.gethostname()[:32]}:{os.getpid()}-{secrets.token_hex(3)}"
"""This process, in the name of each of its sessions; in containers all may have the same host and number."""
# Seconds after which the pool begins anew to look for a database that went away: it doubles its pauses without end, and
# would come back as long after the database as that was away.
TRY_ANEW_AFTER = 2.0

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]


@contextmanager
def database_dsn(settings: Settings) -> Iterator[str]:
    """Yield the DSN that the settings mean; the embedded server runs at least as long. Raises `StoreError`."""
    if settings.dsn is not None:
        yield _breaking_soon(settings.dsn.get_secret_value())
        return
    with embedded_server(settings.data_dir) as dsn:
        yield dsn


def _breaking_soon(dsn: str) -> str:
    try:
        return make_conninfo(dsn, **{**_BREAK_SOON, **conninfo_to_dict(dsn)})
    except ProgrammingError:  # its text repeats the DSN, which may hold a password
        raise DatabaseUnavailable("dsn: not a connection string of PostgreSQL") from None


@contextmanager
def ready_dsn(settings: Settings) -> Iterator[str]:
    """As `database_dsn`, with the schema in place: the embedded database is migrated, a configured one is checked.

    Raises `StoreError`.
    """
    with database_dsn(settings) as dsn:
        if settings.dsn is None:
            migrate(dsn)
        else:
            require_schema(dsn)
        yield dsn


@asynccontextmanager
async def open_pool(dsn: str, *, max_size: int = 10) -> AsyncIterator[Pool]:
    """Open a pool of connections, and close it in the end. Raises `DatabaseUnavailable`."""
    asking: set[asyncio.Task[None]] = set()

    def keep_trying(failed: Pool) -> None:
        task = asyncio.create_task(_ask(failed), name="reconnect")
        asking.add(task)
        task.add_done_callback(asking.discard)

    pool: Pool = AsyncConnectionPool(
        make_conninfo(dsn, application_name=PROCESS),
        min_size=1,
        max_size=max_size,
        open=False,
        # Every statement is one of a few that come again and again: prepared at once.
        kwargs={"autocommit": True, "prepare_threshold": 0},
        configure=_in_utc,
        timeout=30,
        reconnect_timeout=TRY_ANEW_AFTER,
        reconnect_failed=keep_trying,
        name="cas",
    )
    try:
        await pool.open(wait=True, timeout=OPEN_TIMEOUT)
    except (PoolTimeout, OperationalError) as problem:
        await pool.close()
        raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from None
    try:
        yield pool
    finally:
        await pool.close()


async def _in_utc(connection: Connection) -> None:
    # In another zone the first and last hours of the years 1 to 9999, which clients write for "ever", cannot be read.
    await connection.execute(b"SET TIME ZONE 'UTC'")


async def _ask(pool: Pool) -> None:
    with suppress(OperationalError):
        async with pool.connection(timeout=0.1):
            pass


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool. Raises DatabaseUnavailable when there is none, or when it breaks in use."""
    try:
        async with pool.connection() as connection:
            yield connection
    except OperationalError as problem:
        # What the server says further, such as numbers of processes and parts of statements, is not for clients.
        told = problem.diag.message_primary or problem
        raise DatabaseUnavailable(f"the database cannot be reached: {told}") from problem


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Pool]:
    """Everything at once, as a service process needs it: server, schema, pool. Raises `StoreError`."""
    ready = ready_dsn(settings)
    dsn = await asyncio.to_thread(ready.__enter__)
    try:
        async with open_pool(dsn, max_size=settings.pool_size) as pool:
            yield pool
    finally:
        await asyncio.to_thread(ready.__exit__, None, None, None)


def conninfo_of(pool: Pool) -> str:
    """The DSN of a pool, for what needs connections of its own."""
    assert isinstance(pool.conninfo, str)  # noqa: S101 - `open_pool` makes it from one
    return pool.conninfo
