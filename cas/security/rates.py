"""Rate limits: a token bucket for each client, and one for each address that tries passwords.

Buckets stand in the database and are timed by its clock, so that a client has one rate, however many fronts there are.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from cas.store.database import Pool, connected
from cas.store.queries import query

# Tokens that this process takes until it looks for buckets that are full again, and forgets them.
_FORGET_AFTER = 1000

_TAKE = query("rate_take")
_WAIT = query("rate_wait")
_FORGET = query("rate_forget")


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be done: `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: int


Take: TypeAlias = Callable[[str, Rate], Awaitable[float]]
"""Takes a token of the bucket of this name; gives 0, or the seconds until there is one, and then none is taken."""


class Buckets:
    """Token buckets by name, on a database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._taken = 0

    async def take(self, name: str, limit: Rate) -> float:
        """`Take`. Raises StoreError."""
        self._taken += 1
        bucket = {"name": name, "each": 1 / limit.rate, "whole": limit.burst / limit.rate}
        async with connected(self._pool) as connection:
            if self._taken % _FORGET_AFTER == 0:
                await connection.execute(_FORGET)
            if await (await connection.execute(_TAKE, bucket)).fetchone() is not None:
                return 0.0
            row = await (await connection.execute(_WAIT, bucket)).fetchone()
        return 0.001 if row is None else max(0.001, row[0])
