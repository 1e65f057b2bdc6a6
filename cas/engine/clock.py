"""The database's clock, which all processes share: no host's clock says what is due and when a window ends."""

import time
from datetime import datetime, timedelta

from cas.store.database import Pool, connected
from cas.store.queries import query

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


async def _read(pool: Pool) -> datetime:
    async with connected(pool) as connection:
        row = await (await connection.execute(_CLOCK)).fetchone()
    assert row is not None  # noqa: S101 - the statement has one row
    now: datetime = row[0]
    return now
