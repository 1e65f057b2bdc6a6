"""How long results are kept, and the end of what is not: partitions of `result` are dropped, no rows are deleted.

A result is kept until NotOlderThan of its resource where that was in the future when its activation began, else for
the setting `keep_results`; then until the end of the week, and beyond two years until the end of the year, so that
there are few partitions (D). What is kept until the same day shares a partition, whichever resource it belongs to and
whenever it was read: nothing that is kept long holds back what is not. The row of the activation says the day; whoever
begins one has the partition made (migration 0062), and there is no default partition that could take what has none.

A change of NotOlderThan to a later time takes effect when the partition is to go: its results then move to another. A
resource that is over goes with the last of its results. What a client deletes is out of sight at once; its results are
removed in the background, by rows.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import structlog
from psycopg import sql

from cas.store.database import Connection, Pool, connected
from cas.store.errors import DatabaseUnavailable
from cas.store.queries import query
from cas.system_events import Kind, tell
from cas.tasks import end

# How often to tidy up, in whatever process; and how often each looks what was deleted.
TIDY_EVERY = timedelta(hours=1)
LOOK_EVERY = 60.0
# Rows that one statement deletes.
MOST = 10_000
# What waits for a lock on a partition that goes: a backup may hold it for hours.
LOCK_TIMEOUT = sql.SQL("SET lock_timeout = '10s'")

_SET = query("retention_set")
_LOCK = query("retention_lock")
_UNLOCK = query("retention_unlock")
_DUE = query("retention_due")
_MAKE_AHEAD = query("retention_make_ahead")
_MISSING = query("retention_missing")
_OVER = query("retention_over")
_LEFT = query("retention_left")
_LONGER = query("retention_longer")
_KEEP_ACTIVATION = query("retention_keep_activation")
_KEEP_RESULTS = query("retention_keep_results")
_FORGET = (
    *(query(f"retention_forget_{what}") for what in ("resources", "activations", "notifications", "messages")),
    query("system_events_forget"),
)
_DELETED_NEXT = query("deleted_next")
_DELETED_RESULTS = query("deleted_results")
_DELETED_DONE = query("deleted_done")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What went."""

    partitions: int = 0
    rows: int = 0
    """Resources, activations, notifications, names of messages, system events, and results of deleted resources."""


@asynccontextmanager
async def keeping(pool: Pool, keep: timedelta) -> AsyncIterator[None]:
    """Tidy up as long as the process works, one process at a time. `keep`: where no NotOlderThan says it.

    Raises DatabaseUnavailable if that cannot be told to the database.
    """
    async with connected(pool) as connection:
        await connection.execute(_SET, {"keep": keep})
    task = asyncio.create_task(_keep(pool), name="retention")
    try:
        yield
    finally:
        await end(task)


async def tidy(pool: Pool, now: datetime) -> Tidied | None:
    """Remove what was deleted, and if an hour has passed since the last time, what is no longer kept.

    None: another process is doing it. Raises DatabaseUnavailable.
    """
    async with connected(pool) as connection:
        if await (await connection.execute(_LOCK)).fetchone() != (True,):
            return None
        try:
            rows = await _remove_deleted(connection)
            if await (await connection.execute(_DUE, {"now": now, "every": TIDY_EVERY})).fetchone() is None:
                return Tidied(rows=rows)
            await connection.execute(_MAKE_AHEAD, {"now": now})
            partitions = await _drop(connection, now)
            return Tidied(partitions, rows + await _forget(connection, now))
        finally:
            if not connection.closed:
                await connection.execute(sql.SQL("RESET lock_timeout"))
                await connection.execute(_UNLOCK)


def missing_partitions(dsn: str, now: datetime) -> list[str]:
    """Partitions that a database lacks though results are to come into them. Raises DatabaseUnavailable."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
            return [row[0] for row in connection.execute(_MISSING, {"now": now})]
    except psycopg.OperationalError as problem:
        raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from None


async def _keep(pool: Pool) -> None:
    while True:
        try:
            tidied = await tidy(pool, datetime.now(UTC))
            if tidied is not None and tidied != Tidied():
                log.info("tidied up", partitions=tidied.partitions, rows=tidied.rows)
        except DatabaseUnavailable as problem:
            log.warning("tidying up waits for the database", problem=str(problem))
        except Exception:
            log.exception("tidying up failed, and is tried again")
            tell(Kind.TIDYING_FAILED)
        await asyncio.sleep(LOOK_EVERY)


async def _drop(connection: Connection, now: datetime) -> int:
    await connection.execute(LOCK_TIMEOUT)
    partitions = await (await connection.execute(_OVER, {"now": now})).fetchall()
    for name, until, is_pending in partitions:
        if not is_pending:
            await _keep_longer(connection, until, now)
        how = sql.SQL("FINALIZE" if is_pending else "CONCURRENTLY")
        detach = sql.SQL("ALTER TABLE result DETACH PARTITION {} {}")
        await connection.execute(detach.format(sql.Identifier(name), how))
        tell(Kind.RESULTS_DROPPED, name)
    for (name,) in await (await connection.execute(_LEFT)).fetchall():
        await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return len(partitions)


async def _keep_longer(connection: Connection, until: object, now: datetime) -> None:
    """Move the results of resources that are kept longer than was said when they were read."""
    while longer := await (await connection.execute(_LONGER, {"until": until, "now": now})).fetchall():
        for access_id, number in longer:
            about: dict[str, UUID | int] = {"access_id": access_id, "number": number}
            async with connection.transaction():
                kept = await (await connection.execute(_KEEP_ACTIVATION, {**about, "now": now})).fetchone()
                if kept is not None:
                    await connection.execute(_KEEP_RESULTS, {**about, "until": until, "kept_until": kept[0]})


async def _forget(connection: Connection, now: datetime) -> int:
    gone, before = 0, now.astimezone(UTC).date()
    for statement in _FORGET:
        while True:
            cursor = await connection.execute(statement, {"now": now, "before": before, "most": MOST})
            gone += cursor.rowcount
            if cursor.rowcount < MOST:
                break
    return gone


async def _remove_deleted(connection: Connection) -> int:
    gone = 0
    while (found := await (await connection.execute(_DELETED_NEXT)).fetchone()) is not None:
        about = {"access_id": found[0], "kept_until": found[1]}
        while removed := (await connection.execute(_DELETED_RESULTS, {**about, "most": MOST})).rowcount:
            gone += removed
        await connection.execute(_DELETED_DONE, about)
    return gone
