"""Invocation counters are never used twice: across leases, processes and kills."""

import asyncio
import subprocess
import sys

import psycopg
import pytest
from structlog.testing import capture_logs

from cas import metrics
from cas.devices.counters import HIGHEST, NEAR_TOP, Counters, counter_scope
from cas.devices.errors import CounterUsedUp
from cas.devices.keys import Secret
from cas.store.database import Pool

KEY, OTHER = Secret(bytes(16)), Secret(b"\x01" * 16)
TITLE = b"CASTITLE"

# Prints every value before it could be used, until it is killed.
HAND_OUT = """
import asyncio, sys
from cas.devices.counters import Counters
from cas.devices.keys import Secret
from cas.store.database import open_pool

async def main():
    async with open_pool(sys.argv[1], max_size=2) as pool:
        counters = Counters(pool, block=5)
        for session in range(int(sys.argv[2])):
            lease = await counters.lease(Secret(bytes(16)), b"CASTITLE", "METER")
            for use in range(7):
                await lease.ensure()
                print(lease.take(), flush=True)

asyncio.run(main())
"""


def hand_out(dsn: str, sessions: int) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", HAND_OUT, dsn, str(sessions)], stdout=subprocess.PIPE, text=True)


async def test_begins_at_one_and_rises(pool: Pool) -> None:
    lease = await Counters(pool, block=3).lease(KEY, TITLE, "M")
    values = []
    for _ in range(7):
        await lease.ensure()
        values.append(lease.take())
    assert values == [1, 2, 3, 4, 5, 6, 7]


async def test_each_association_begins_above_all_before_it(pool: Pool) -> None:
    counters = Counters(pool)
    one = await counters.lease(KEY, TITLE, "M")
    two = await counters.lease(KEY, TITLE, "M")
    assert one.take() < one.take() < two.take()
    assert one.take() < two.take()


async def test_a_value_must_have_been_reserved(pool: Pool) -> None:
    lease = await Counters(pool, block=1).lease(KEY, TITLE, "M")
    lease.take()
    with pytest.raises(IndexError):
        lease.take()


async def test_a_counter_belongs_to_key_and_client_title(pool: Pool) -> None:
    counters = Counters(pool)
    for key, title in [(KEY, TITLE), (OTHER, TITLE), (KEY, b"CASOTHER")]:
        assert (await counters.lease(key, title, "M")).take() == 1
    assert len({counter_scope(KEY, TITLE), counter_scope(OTHER, TITLE), counter_scope(KEY, b"CASOTHER")}) == 3
    assert KEY.reveal() not in counter_scope(KEY, TITLE)


async def test_raising_goes_up_and_never_down(pool: Pool) -> None:
    lease = await Counters(pool).lease(KEY, TITLE, "M")
    await lease.raise_to(1000)
    await lease.ensure()
    assert lease.take() == 1000
    await lease.raise_to(5)
    await lease.ensure()
    assert lease.take() > 1000


async def test_a_counter_may_be_raised_before_its_first_use(pool: Pool) -> None:
    counters = Counters(pool)
    scope = counter_scope(KEY, TITLE)
    await counters.raise_to(scope, 0)
    assert await counters.read([scope]) == {scope: 1}
    for wrong in (-1, HIGHEST + 1):
        with pytest.raises(ValueError, match="lies between"):
            await counters.raise_to(scope, wrong)


async def test_ends_at_the_top_with_an_error_and_never_wraps(pool: Pool) -> None:
    told: list[tuple[str, int]] = []
    counters = Counters(pool, block=10, near_top=lambda name, value: told.append((name, value)))
    lease = await counters.lease(KEY, TITLE, "M")
    assert told == []
    await lease.raise_to(HIGHEST - 2)
    values = []
    for _ in range(3):
        await lease.ensure()
        values.append(lease.take())
    assert values == [HIGHEST - 2, HIGHEST - 1, HIGHEST]
    with pytest.raises(CounterUsedUp, match=r"device M.*replace the encryption key"):
        await lease.ensure()
    assert told == [("M", HIGHEST - 2)]
    with pytest.raises(CounterUsedUp):
        await counters.lease(KEY, TITLE, "M")


async def test_says_when_too_few_are_left_for_what_is_to_be_sent(pool: Pool) -> None:
    lease = await Counters(pool).lease(KEY, TITLE, "M")
    await lease.raise_to(HIGHEST - 2)
    with pytest.raises(CounterUsedUp, match="fewer than 4"):
        await lease.ensure(4)


async def test_warns_when_the_top_is_near(pool: Pool) -> None:
    told: list[int] = []
    counters = Counters(pool, near_top=lambda _, value: told.append(value))
    lease = await counters.lease(KEY, TITLE, "M")
    await lease.raise_to(NEAR_TOP)
    await lease.ensure()
    assert told == [NEAR_TOP]


async def test_whoever_keeps_counters_warns(pool: Pool) -> None:
    before = metrics.COUNTERS_NEAR_TOP._value.get()
    with capture_logs() as logs:
        lease = await Counters(pool).lease(KEY, TITLE, "M")
        await lease.raise_to(NEAR_TOP)
        await lease.ensure()
    assert metrics.COUNTERS_NEAR_TOP._value.get() == before + 1
    assert [(one["subject"], one["value"]) for one in logs if one["log_level"] == "warning"] == [("M", NEAR_TOP)]


async def test_is_durable_whatever_the_default_of_the_server(pool: Pool) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        await connection.execute(
            "INSERT INTO invocation_counter (scope, next) VALUES (%s, 1) "
            "RETURNING set_config('synchronous_commit', 'on', true)",
            [bytes(16)],
        )
        assert await (await connection.execute("SHOW synchronous_commit")).fetchone() == ("on",)


async def test_tasks_of_one_process_never_share_a_value(pool: Pool) -> None:
    counters = Counters(pool, block=4)

    async def use() -> list[int]:
        lease = await counters.lease(KEY, TITLE, "M")
        await lease.ensure(3)
        return [lease.take() for _ in range(3)]

    values = [value for part in await asyncio.gather(*(use() for _ in range(100))) for value in part]
    assert len(set(values)) == 300


async def test_what_is_reserved_together_is_shared_out_to_the_top(pool: Pool) -> None:
    counters = Counters(pool)
    shared, own = bytes(16), bytes(range(16))
    await asyncio.gather(
        counters.raise_to(shared, HIGHEST - 4), counters.raise_to(shared, 7), counters.raise_to(own, 3)
    )
    values = await asyncio.gather(
        counters.reserve(own, 2, "M1"),
        counters.reserve(shared, 3, "M2"),
        counters.reserve(own, 4, "M1"),
        counters.reserve(shared, 3, "M3"),
        counters.reserve(shared, 3, "M4"),
        return_exceptions=True,
    )
    assert values[0] == range(3, 5)
    assert list(values[1:4]) == [range(HIGHEST - 4, HIGHEST - 1), range(5, 9), range(HIGHEST - 1, HIGHEST + 1)]
    assert isinstance(values[4], CounterUsedUp)
    assert await asyncio.gather(*(counters.next_of(scope) for scope in (own, shared, b"none"))) == [
        9,
        HIGHEST + 5,
        None,
    ]


def test_processes_never_share_a_value(dsn: str) -> None:
    running = [hand_out(dsn, 40) for _ in range(3)]
    values = [[int(line) for line in process.communicate()[0].split()] for process in running]
    assert all(part == sorted(part) for part in values)
    assert len({value for part in values for value in part}) == 3 * 40 * 7


def test_no_value_comes_twice_after_a_kill(dsn: str) -> None:
    seen: list[int] = []
    for kill_after in (1, 4, 5, 6, 13):
        with hand_out(dsn, 1_000_000) as process:
            assert process.stdout is not None
            seen += [int(process.stdout.readline()) for _ in range(kill_after)]
            process.kill()
            # What it handed out until the kill took effect is in the pipe, in whole lines.
            seen += [int(line) for line in process.stdout]
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT next FROM invocation_counter").fetchone()
        assert row is not None
        with hand_out(dsn, 1) as after:
            assert after.stdout is not None
            values = [int(line) for line in after.stdout]
        assert values[0] >= row[0]
        seen += values
    assert seen == sorted(set(seen))
