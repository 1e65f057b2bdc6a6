"""A connection that stands as long as its process, and is opened anew when it breaks: for locks and notifications."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from psycopg import AsyncConnection, Notify, OperationalError

from cas.store.database import Connection
from cas.store.errors import DatabaseUnavailable
from cas.system_events import Kind, tell
from cas.tasks import end

# Seconds between attempts to open it again.
RECONNECT_AFTER = 0.5


@asynccontextmanager
async def standing_connection(
    conninfo: str,
    begin: Callable[[Connection], Awaitable[None]],
    *,
    take: Callable[[Notify], None] = lambda _notification: None,
    again: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Keep a connection. Raises DatabaseUnavailable when there is none at the beginning.

    `begin` is done on each new one, `take` is given what it is notified of, `again` is called after an interruption.
    """
    try:
        connection = await _open(conninfo, begin)
    except OperationalError as problem:
        raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from problem
    task = asyncio.create_task(_keep(connection, conninfo, begin, take, again), name="standing connection")
    try:
        yield
    finally:
        await end(task)


async def _open(conninfo: str, begin: Callable[[Connection], Awaitable[None]]) -> Connection:
    connection = await AsyncConnection.connect(conninfo, autocommit=True)
    await begin(connection)
    return connection


async def _keep(
    connection: Connection,
    conninfo: str,
    begin: Callable[[Connection], Awaitable[None]],
    take: Callable[[Notify], None],
    again: Callable[[], None],
) -> None:
    while True:
        try:
            async with connection:
                async for notification in connection.notifies():
                    take(notification)
        except OperationalError as problem:
            tell(Kind.DATABASE_AWAY, problem=str(problem).partition("\n")[0])
        while True:
            with suppress(OperationalError):
                connection = await _open(conninfo, begin)
                break
            await asyncio.sleep(RECONNECT_AFTER)
        tell(Kind.DATABASE_BACK)
        again()
