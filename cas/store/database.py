"""The database of a process: where it is, and the pool of connections to it.

Connections are in autocommit mode: one statement is one transaction; more than one goes in `connection.transaction()`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from cas.config import Settings
from cas.store.embedded import embedded_server
from cas.store.errors import DatabaseUnavailable
from cas.store.migrate import migrate, require_schema

# Seconds until a first connection must stand.
OPEN_TIMEOUT = 10.0
# Seconds after which the pool begins anew to look for a database that went away: it doubles its pauses without end, and
# would come back as long after the database as that was away.
TRY_ANEW_AFTER = 2.0

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]


@contextmanager
def database_dsn(settings: Settings) -> Iterator[str]:
    """Yield the DSN that the settings mean; the embedded server runs at least as long. Raises `StoreError`."""
    if settings.dsn is not None:
        yield settings.dsn.get_secret_value()
        return
    with embedded_server(settings.data_dir) as dsn:
        yield dsn


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
        dsn,
        min_size=1,
        max_size=max_size,
        open=False,
        kwargs={"autocommit": True},
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
        raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from problem


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
