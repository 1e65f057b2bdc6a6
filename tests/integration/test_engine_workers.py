"""Workers in processes of their own: killed, stopped and told, on one database."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from procrastinate.jobs import Status
from psycopg import AsyncConnection

from cas.access.model import State
from cas.engine.clock import DatabaseClock
from cas.engine.jobs import BULK, chunk_app, rescue_stalled
from cas.engine.signals import Signals, open_signals
from cas.store.database import Pool
from tests.access_fakes import FakeDevices
from tests.engine_bench import GET, SET, Bench
from tests.processes import ROOT

PATIENCE = 60


class Site:
    """A database, and the workers that the test starts on it."""

    def __init__(self, pool: Pool, dsn: str, signals: Signals, now: datetime, stack: AsyncExitStack) -> None:
        self.bench = Bench(pool, FakeDevices({}), chunk_size=10)
        self.bench.now = now
        self.signals = signals
        self._dsn = dsn
        self._stack = stack

    async def worker(self, mode: str = "well", grace: float = 5, chunks: int = 1000) -> asyncio.subprocess.Process:
        command = (sys.executable, "-m", "tests.engine_worker", self._dsn, mode, str(grace), str(chunks))
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        self._stack.push_async_callback(_end, process)
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"READY\n"
        return process

    async def finished(self, access_id: UUID) -> None:
        await asyncio.wait_for(self.signals.finished(access_id), PATIENCE)

    async def until(self, statement: str, is_there: Callable[[int], bool]) -> None:
        """Wait for a count that no notification tells of."""
        async with asyncio.timeout(PATIENCE):
            while not is_there(int((await self.bench.rows(statement))[0][0])):  # noqa: ASYNC110 - no event reaches us
                await asyncio.sleep(0.02)

    async def asked(self) -> dict[tuple[str, str], int]:
        rows = await self.bench.rows("SELECT device_id, request, count(*) FROM asked GROUP BY 1, 2")
        return {(row[0], row[1]): row[2] for row in rows}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    # to the end of its output, so that the transport is closed with it
    await process.communicate()


@pytest.fixture
async def site(pool: Pool, dsn: str) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack, _signals(pool, dsn) as signals:
        made = Site(pool, dsn, signals, (await DatabaseClock.read(pool))(), stack)
        await made.bench.run("CREATE TABLE asked (device_id text, request text)")
        yield made


@asynccontextmanager
async def _signals(pool: Pool, dsn: str) -> AsyncIterator[Signals]:
    async with open_signals(pool, dsn) as signals:
        yield signals


def devices(count: int) -> list[str]:
    """Every fifth of them is stuck in a worker of that mode."""
    return [f"{number:03}{'S' if number % 5 == 0 else 'M'}" for number in range(count)]


@pytest.mark.clause("5.2.3")
async def test_what_a_killed_worker_left_is_done_by_another(site: Site) -> None:
    names = devices(40)
    reads = await site.bench.create(*names, requests=[GET, GET])
    changes = await site.bench.create(*names, requests=[SET, GET], repeating_interval="P1D")
    killed = await site.worker("stuck")
    await site.until("SELECT count(*) FROM result", lambda count: count >= 40)
    await site.until("SELECT count(*) FROM asked WHERE right(device_id, 1) = 'S'", lambda count: count == 8)
    os.kill(killed.pid, signal.SIGKILL)
    await killed.wait()
    await site.worker()
    await site.finished(reads)
    await site.finished(changes)
    found = await site.bench.results(reads)
    assert set(found) == {(name, 1, number) for name in names for number in (0, 1)}
    assert not [value for value in found.values() if isinstance(value, str)]
    found = await site.bench.results(changes)
    assert set(found) == {(name, 1, number) for name in names for number in (0, 1)}
    assert {value for value in found.values() if isinstance(value, str)} <= {"outcome unknown", "not attempted"}
    asked = await site.asked()
    assert all(asked.get((name, "SetRequest"), 0) <= 1 for name in names), "a change was sent twice"


async def test_a_stopped_worker_hands_back_within_the_grace_time(site: Site) -> None:
    names = devices(10)
    access = await site.bench.create(*names, requests=[GET])
    stopped = await site.worker("stuck", grace=0.5)
    await site.until("SELECT count(*) FROM asked", lambda count: count >= 10)
    stopped.terminate()
    assert await asyncio.wait_for(stopped.wait(), PATIENCE) == 0
    assert await site.bench.rows("SELECT status::text FROM procrastinate_jobs") == [("todo",)]
    await site.worker()
    await site.finished(access)
    assert set(await site.bench.results(access)) == {(name, 1, 0) for name in names}
    assert {count for (name, _), count in (await site.asked()).items() if name.endswith("M")} == {1}


async def test_a_stopped_worker_breaks_nothing_off_before_the_grace_time_is_over(site: Site) -> None:
    names = devices(10)
    access = await site.bench.create(*names, requests=[GET, GET])
    stopped = await site.worker("slow")
    await site.until("SELECT count(*) FROM asked", lambda count: count >= 10)
    stopped.terminate()
    assert await asyncio.wait_for(stopped.wait(), PATIENCE) == 0
    assert set(await site.bench.results(access)) == {(name, 1, 0) for name in names}
    assert await site.bench.rows("SELECT status::text FROM procrastinate_jobs") == [("todo",)]


@pytest.mark.clause("7.2.3")
async def test_a_cancel_reaches_a_worker_in_another_process(site: Site) -> None:
    names = devices(60)
    access = await site.bench.create(*names, requests=[GET, GET], repeating_interval="P1D")
    await site.worker("stuck", chunks=4)
    # Four chunks at a time, each kept by its stuck devices; the last two wait.
    await site.until("SELECT count(*) FROM result", lambda count: count == 64)
    await site.bench.store.set_state([access], State.CANCELED)
    await site.until("SELECT count(*) FROM result", lambda count: count == 104)
    found = await site.bench.results(access)
    assert {value for (name, _, _), value in found.items() if name in names[40:]} == {"canceled by the client"}
    assert {name for name, _ in await site.asked()} <= set(names[:40])


@pytest.mark.clause("5.2.3")
async def test_as_many_resources_of_one_device_are_done_at_the_same_time_as_there_are_permits(site: Site) -> None:
    for number in range(50):
        await site.bench.create(f"{number:03}S", repeating_interval="P1D")
    await site.worker("stuck")
    # a tenth of the fifty permits is kept for on-demand accesses
    await site.until("SELECT count(*) FROM asked", lambda count: count == 45)


async def test_a_worker_takes_no_more_than_it_can_begin(site: Site) -> None:
    await site.bench.create(*(f"{number:03}S" for number in range(300)), repeating_interval="P1D")
    await site.worker("stuck")
    await site.until("SELECT count(*) FROM asked", lambda count: count == 45)
    # Ten chunks: 45 devices are begun, and with the tenth 50 or more wait. The others are left to another.
    await site.until("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'", lambda count: count == 10)
    await site.worker()
    await site.until("SELECT count(*) FROM result", lambda count: count == 200)


async def test_two_workers_share_an_activation(site: Site) -> None:
    names = devices(200)
    await site.worker()
    await site.worker()
    access = await site.bench.create(*names, requests=[GET, SET])
    await site.finished(access)
    assert await site.bench.outcomes(access) == [(1, "ok")]
    asked = await site.asked()
    assert asked == {(name, kind): 1 for name in names for kind in ("GetRequest", "SetRequest")}


async def test_a_worker_outlives_its_connections(site: Site, dsn: str) -> None:
    await site.worker()
    first = await site.bench.create(*devices(20))
    await site.finished(first)
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await site.bench.pool.check()
    second = await site.bench.create(*devices(20), requests=[GET, GET])
    await site.finished(second)
    assert {str(v)[:80] for v in (await site.bench.results(second)).values() if isinstance(v, str)} == set()
    assert await site.bench.outcomes(second) == [(1, "ok")]


async def test_a_worker_ends_its_jobs_though_their_connection_breaks(site: Site) -> None:
    await site.bench.run("CREATE SEQUENCE tried")
    await site.bench.run(
        """
        CREATE FUNCTION break_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('tried') = 1 THEN
                PERFORM pg_terminate_backend(pg_backend_pid());
            END IF;
            RETURN old;
        END $$
        """
    )
    await site.bench.run(
        "CREATE TRIGGER break_once BEFORE DELETE ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION break_once()"
    )
    await site.worker()
    access = await site.bench.create(*devices(10))
    await site.finished(access)
    await site.until("SELECT count(*) FROM procrastinate_jobs", lambda count: count == 0)
    assert await site.bench.rows("SELECT last_value FROM tried") == [(2,)]


async def test_a_worker_shows_that_it_lives_though_the_database_did_not_take_it_once(site: Site) -> None:
    ((heartbeat,),) = await site.bench.rows(
        "SELECT pg_get_functiondef('procrastinate_update_heartbeat_v1'::regproc::oid)"
    )
    begin, end = heartbeat.index("BEGIN"), heartbeat.index("END")
    failing = "BEGIN PERFORM nextval('failed'); RAISE 'the database takes no heartbeat'; "
    await site.bench.run("CREATE SEQUENCE failed")
    await site.bench.run(heartbeat[:begin] + failing + heartbeat[end:])
    await site.worker()
    await site.until("SELECT last_value FROM failed", lambda count: count >= 4)
    await site.bench.run(heartbeat)
    living = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 s'"
    await site.bench.run("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 min'")
    await site.until(living, lambda count: count == 2)


@pytest.mark.clause("5.2.3")
async def test_a_run_that_was_taken_for_dead_does_not_end_the_job_of_the_next(site: Site) -> None:
    pool = site.bench.pool
    app = chunk_app(pool, site.bench.bulk.do, site.bench.bulk.rooms, asyncio.Event())
    jobs = app.job_manager
    async with app.open_async():
        await site.bench.create(*devices(10), repeating_interval="P1D")
        first, second = await jobs.register_worker(), await jobs.register_worker()
        dead = await jobs.fetch_job(queues=[BULK], worker_id=first)
        assert dead is not None
        await site.bench.run("UPDATE procrastinate_workers SET last_heartbeat = '2000-01-01' WHERE id = %s", first)
        assert await rescue_stalled(pool, app, 30) == 1
        assert await rescue_stalled(pool, app, 30) == 0
        taken = await jobs.fetch_job(queues=[BULK], worker_id=second)
        assert taken is not None
        assert taken.id == dead.id
        await jobs.finish_job(dead, Status.SUCCEEDED, delete_job=True)
        await jobs.retry_job(dead)
        assert await site.bench.rows("SELECT status::text, worker_id FROM procrastinate_jobs") == [("doing", second)]
        await jobs.retry_job(taken, datetime.now(UTC) + timedelta(seconds=10))
        again = "SELECT status::text, scheduled_at - now() BETWEEN '8 s' AND '10 s' FROM procrastinate_jobs"
        assert await site.bench.rows(again) == [("todo", True)]
        await jobs.retry_job(taken)
        assert await site.bench.rows(again) == [("todo", True)], "an attempt ends once"
        await site.bench.run("UPDATE procrastinate_jobs SET scheduled_at = now()")
        last = await jobs.fetch_job(queues=[BULK], worker_id=second)
        assert last is not None
        await jobs.finish_job(last, Status.SUCCEEDED, delete_job=True)
        assert await site.bench.count("procrastinate_jobs") == 0


@pytest.mark.clause("5.2.3")
async def test_a_resource_that_becomes_due_is_done_without_a_word_from_outside(site: Site) -> None:
    await site.worker()
    access = await site.bench.create("M1", repeating_interval="PT1S")
    await site.until("SELECT count(*) FROM activation WHERE outcome = 'ok'", lambda count: count >= 3)
    times = await site.bench.rows(
        "SELECT scheduled_at - lag(scheduled_at) OVER (ORDER BY number) FROM activation WHERE access_id = %s", access
    )
    assert {row[0].total_seconds() for row in times[1:]} == {1.0}
