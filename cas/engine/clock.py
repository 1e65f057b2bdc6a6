"""The database's clock, which all processes share: no host's clock says what is due and when a window ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from cas.store.database import Pool, connected
from cas.store.errors import DatabaseUnavailable
from cas.store.queries import query
from cas.tasks import end

# Seconds between two looks: a host that was suspended has missed some time.
LOOK_AGAIN = 15.0

_CLOCK = query("engine_clock")


class DatabaseClock:
    """Tells the database's time between two looks at it by this host's monotonic clock."""

    def __init__(self, now: datetime) -> None:
        self._set(now)

    @staticmethod
    async def read(pool: Pool) -> "DatabaseClock":
        """A clock that shows what the database's shows. Raises DatabaseUnavailable."""
        return DatabaseClock(await _read(pool))

    async def synchronise(self, pool: Pool) -> None:
        """Look again. Raises DatabaseUnavailable."""
        self._set(await _read(pool))

    def __call__(self) -> datetime:
        """The database's time."""
        return self._at + timedelta(seconds=time.monotonic() - self._looked)

    def _set(self, now: datetime) -> None:
        self._at, self._looked = now, time.monotonic()


@asynccontextmanager
async def database_clock(pool: Pool) -> AsyncIterator[DatabaseClock]:
    """A clock that looks again by itself. Raises DatabaseUnavailable."""
    clock = await DatabaseClock.read(pool)
    looking = asyncio.create_task(_look(clock, pool), name="the database's clock")
    try:
        yield clock
    finally:
        await end(looking)


async def _look(clock: DatabaseClock, pool: Pool) -> None:
    while True:
        await asyncio.sleep(LOOK_AGAIN)
        with suppress(DatabaseUnavailable):
            await clock.synchronise(pool)


async def _read(pool: Pool) -> datetime:
    async with connected(pool) as connection:
        row = await (await connection.execute(_CLOCK)).fetchone()
    assert row is not None  # noqa: S101 - the statement has one row
    now: datetime = row[0]
    return now
