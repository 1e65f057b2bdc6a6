"""Token buckets in the database, against the sum that they stand for; several fronts share them."""

import asyncio
from collections.abc import Sequence

import pytest

from cas.security import rates
from cas.security.rates import Buckets, Rate
from cas.store.database import Pool


async def pass_by(pool: Pool, seconds: float) -> None:
    """Let time pass for the buckets."""
    async with pool.connection() as connection:
        await connection.execute("UPDATE rate_bucket SET full_at = full_at - %s", (seconds,))


async def taken(buckets: Sequence[Buckets], limit: Rate, attempts: int) -> int:
    waits = await asyncio.gather(*(buckets[at % len(buckets)].take("a", limit) for at in range(attempts)))
    return sum(wait == 0 for wait in waits)


async def test_a_burst_goes_through_and_then_the_rate_holds(pool: Pool) -> None:
    buckets, limit = Buckets(pool), Rate(0.1, 3)
    assert [await buckets.take("a", limit) for _ in range(3)] == [0, 0, 0]
    assert await buckets.take("a", limit) == pytest.approx(10, abs=2)
    await pass_by(pool, 5)
    assert await buckets.take("a", limit) == pytest.approx(5, abs=2)
    await pass_by(pool, 5)
    assert await buckets.take("a", limit) == 0
    assert await buckets.take("b", limit) == 0
    await pass_by(pool, 1000)
    assert await taken([buckets], limit, 5) == 3


async def test_all_fronts_together_allow_what_one_does(pool: Pool) -> None:
    fronts, limit = [Buckets(pool) for _ in range(3)], Rate(0.01, 20)
    assert await taken(fronts, limit, 60) == 20
    await pass_by(pool, 500)
    assert await taken(fronts, limit, 60) == 5


async def test_rates_of_any_size_are_counted(pool: Pool) -> None:
    buckets = Buckets(pool)
    for limit in (Rate(1e-12, 1), Rate(100_000, 100_000), Rate(1e-12, 100_000)):
        assert await buckets.take(str(limit), limit) == 0
    assert await buckets.take(str(Rate(1e-12, 1)), Rate(1e-12, 1)) > 1e9


async def test_what_is_full_again_is_forgotten(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_FORGET_AFTER", 5)
    buckets = Buckets(pool)
    for name in "abcd":
        await buckets.take(name, Rate(1, 1))
    await buckets.take("slow", Rate(0.001, 2))
    await pass_by(pool, 10)
    for _ in range(5):
        await buckets.take("slow", Rate(0.001, 2))
    async with pool.connection() as connection:
        rows = await (await connection.execute("SELECT name FROM rate_bucket")).fetchall()
    assert rows == [("slow",)]
