"""A connection that stands as long as its process, and is opened anew when it breaks: for locks and notifications.

Locks go with their session, but a session does not always go with its process: when that stands still, or the network
has cut it off, its sessions may hold locks for hours. So each such connection says something every `BEAT`, and whoever
finds one that does not ends it, and if none of its process does, all of its sessions (`end_still`); it finds that out
when it goes on.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from psycopg import AsyncConnection, Notify, OperationalError
from psycopg.conninfo import make_conninfo

from cas.store.database import PROCESS, Connection, Pool, connected
from cas.store.errors import DatabaseUnavailable
from cas.store.queries import query
from cas.system_events import Kind, tell
from cas.tasks import end, endless

# Seconds between attempts to open it again.
RECONNECT_AFTER = 0.5
BEAT = 1.0
"""Seconds in which each of these connections says something."""
MISSED_BEATS = 5
"""Beats that one may miss, however short the time is after which a worker is taken for dead."""

# Before the name of the process in that of such a session.
_LIVES = "lives "
_BEAT = b"SELECT 1"
_STILL = query("sessions_still")
_END = query("sessions_end")


async def open_standing(conninfo: str) -> Connection:
    """A connection that others end if it does not `beat`. Raises OperationalError."""
    name = f"{_LIVES}{PROCESS}"
    return await AsyncConnection.connect(make_conninfo(conninfo, application_name=name), autocommit=True)


async def beat(connection: Connection) -> None:
    """Show that the process goes on. Raises OperationalError when the connection is broken."""
    await connection.execute(_BEAT)


async def end_still(pool: Pool, after: timedelta) -> None:
    """End the sessions that have not beaten for so long. Raises DatabaseUnavailable."""
    longest = max(after, timedelta(seconds=MISSED_BEATS * BEAT))
    if not (suspected := await _still(pool, longest)):
        return
    # When the database or its whole machine stood still, whoever lives shows it again only now.
    await asyncio.sleep(2 * BEAT)
    if not (still := suspected & await _still(pool, longest)):
        return
    async with connected(pool) as connection:
        await connection.execute(_END, {"pids": [pid for pid, _, _ in still]})
    for (process, host), sessions in sorted(Counter((process, host) for _, process, host in still).items()):
        tell(Kind.SESSIONS_ENDED, process, host=host, sessions=sessions)


async def _still(pool: Pool, after: timedelta) -> set[tuple[int, str, str]]:
    async with connected(pool) as connection:
        rows = await (await connection.execute(_STILL, {"lives": _LIVES, "after": after})).fetchall()
    return {(row[0], row[1], row[2]) for row in rows}


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

    async def keep() -> None:
        nonlocal connection
        while True:
            try:
                async with connection:
                    while True:
                        async for notification in connection.notifies(timeout=BEAT):
                            take(notification)
                        await beat(connection)
            except OperationalError as problem:
                tell(Kind.DATABASE_AWAY, problem=str(problem).partition("\n")[0])
            connection = await _open_anew(conninfo, begin)
            tell(Kind.DATABASE_BACK)
            again()

    task = asyncio.create_task(endless(keep, "standing connection"), name="standing connection")
    try:
        yield
    finally:
        await end(task)


async def _open(conninfo: str, begin: Callable[[Connection], Awaitable[None]]) -> Connection:
    connection = await open_standing(conninfo)
    await begin(connection)
    return connection


async def _open_anew(conninfo: str, begin: Callable[[Connection], Awaitable[None]]) -> Connection:
    while True:
        with suppress(OperationalError):
            return await _open(conninfo, begin)
        await asyncio.sleep(RECONNECT_AFTER)
