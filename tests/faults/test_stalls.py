"""Workers that do not die but stand still: others take over what they have, and they do no harm when they go on."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cas.app import open_service
from cas.client import CasClient
from cas.client.descriptors import attribute, write_attribute
from cas.config import Settings
from cas.cosem.data import Data
from cas.simulator import Simulator
from cas.store.database import Pool
from cas.store.journal import newest_events
from cas.system_events import Kind
from cas.tasks import end
from tests.faults.crash_site import Victim
from tests.faults.network_namespace import NoNamespaces, namespace
from tests.integration.soap.conftest import Service, settings
from tests.processes import cas

METERS = 30
AT_ONCE = 10
"""Devices that a worker accesses at the same time."""
PATIENCE = 90.0
RELIEVED = {Kind.SESSIONS_ENDED.value.number, Kind.WORKER_LOST.value.number}
_DONE = b"SELECT count(*) FROM result WHERE request = 2"
_AT_WORK = b"SELECT count(DISTINCT worker_id) FROM procrastinate_jobs WHERE status = 'doing'"
_EXECUTING = b"SELECT count(*) FROM activation WHERE access_id = %s AND outcome = 'executing'"


@pytest.fixture
async def front(settings: Settings) -> AsyncIterator[Service]:
    """A front in this process; what is large is in chunks of which every worker has some."""
    small = settings.model_copy(update={"chunk_devices": 5})
    async with open_service(small, work=False) as url:
        yield Service(url, small)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two workers, of which one can be brought to a standstill, and the address of meters that both reach."""

    host: str
    stop: Callable[[], None]
    go_on: Callable[[], None]


@pytest.fixture(params=["stopped", "cut off"])
async def pair(request: pytest.FixtureRequest, dsn: str, tmp_path: Path) -> AsyncIterator[Pair]:
    """By a signal, or by a pulled cable: then it is as on a host of its own, with a network to the database."""
    environment = {
        "CAS_DSN": dsn,
        "CAS_MASTER_KEY": "5A" * 32,
        "CAS_WORKER_STALLED_AFTER": "2",
        "CAS_CHUNK_DEVICES": "5",
        "CAS_DEVICES_AT_ONCE": str(AT_ONCE),
        "CAS_RETRY_AFTER": "1",
        "CAS_LOG_FORMAT": "json",
    }
    async with AsyncExitStack() as stack:
        first = Victim("worker 0", cas("worker"), environment, tmp_path / "worker-0.log")
        made = Pair("127.0.0.1", lambda: first.send(signal.SIGSTOP), lambda: first.send(signal.SIGCONT))
        if request.param == "cut off":
            try:
                far = await stack.enter_async_context(namespace())
            except NoNamespaces as why:
                pytest.skip(str(why))
            port = await stack.enter_async_context(database_at(far.here, dsn))
            elsewhere = environment | {"CAS_DSN": make_conninfo(dsn, host=far.here, port=port)}
            command = ["ip", "netns", "exec", far.name, *cas("worker")]
            first = Victim("worker 0", command, elsewhere, tmp_path / "worker-0.log")
            made = Pair(far.here, far.pull, far.mend)
        for worker in (first, Victim("worker 1", cas("worker"), environment, tmp_path / "worker-1.log")):
            await worker.start()
            stack.push_async_callback(worker.stop)
        yield made


@asynccontextmanager
async def database_at(host: str, dsn: str) -> AsyncIterator[int]:
    """The database at a port of this address; it listens to nobody but by its socket in a directory."""
    socket = "{host}/.s.PGSQL.{port}".format_map(conninfo_to_dict(dsn))
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while octets := await reader.read(65_536):
                writer.write(octets)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(socket)
        for task in (asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer))):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await end(*tasks)


@pytest.mark.timeout(240)
async def test_a_worker_that_stands_still_is_relieved_of_its_devices(front: Service, pair: Pair, pool: Pool) -> None:
    async with (
        Simulator(METERS, host=pair.host, latency=0.3, authentication="hls-gmac") as simulator,
        CasClient(front.url) as client,
    ):
        await front.register(*(simulator.device(index) for index in range(METERS)))
        names = [meter.device_id for meter in simulator.meters]
        change = write_attribute("0.0.96.13.0.255", Data.of("octet-string", b"changed"), class_id=1)
        asked = [attribute("1.0.1.8.0.255"), change, attribute("1.0.1.7.0.255")]
        made = await client.create(names, asked, repeating_interval="P1D", duration="PT3M")
        async with asyncio.timeout(PATIENCE):
            # Both: on a busy machine the other one may begin alone, and one without a chunk is not missed.
            while simulator.counts.requests < METERS // 2 or await count(pool, _AT_WORK) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        pair.stop()
        try:
            async with asyncio.timeout(PATIENCE):
                while not RELIEVED.issubset(await told(pool)):  # noqa: ASYNC110 - no event reaches us
                    await asyncio.sleep(0.1)
                # But for devices that have a link open to it, and refuse a second association, all are done without it.
                while await devices_done(pool) < METERS - AT_ONCE:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        finally:
            pair.go_on()
        await ended(pool, made.id)
        readings = (await client.get(made.id))[0].readings
        assert len(readings) == len(asked) * METERS
        again = await client.create(names, [attribute("1.0.1.8.0.255")], repeating_interval="P1D", duration="PT3M")
        await ended(pool, again.id)
        assert all(reading.ok for reading in (await client.get(again.id))[0].readings)
        assert len((await client.get(made.id))[0].readings) == len(asked) * METERS
        # What it sends late has the older invocation counter, and the meter refuses it: that is no second use.
        late = Counter(meter.device_id for meter, _ in simulator.violations())
        assert len(late) <= AT_ONCE
        assert set(late.values()) <= {1}
    # Only the changes that were under way are in doubt, and a meter with an open link may have refused another.
    reasons = {(reading.error or "").partition(":")[0] for reading in readings if not reading.ok}
    assert reasons <= {"outcome unknown", "not attempted"}, reasons


async def told(pool: Pool) -> set[int]:
    """The numbers of the newest system events."""
    return {event.number for event in await newest_events(pool, 100)}


async def devices_done(pool: Pool) -> int:
    """How many devices have the answer to the last request."""
    return await count(pool, _DONE)


async def ended(pool: Pool, access_id: str) -> None:
    """Wait for the end of its activation."""
    async with asyncio.timeout(PATIENCE):
        while await count(pool, _EXECUTING, access_id):  # noqa: ASYNC110 - no event reaches us
            await asyncio.sleep(0.1)


async def count(pool: Pool, statement: bytes, *parameters: str) -> int:
    async with pool.connection() as connection:
        row = await (await connection.execute(statement, parameters)).fetchone()
    assert row is not None
    return int(row[0])


__all__ = ["settings"]  # the fixture
