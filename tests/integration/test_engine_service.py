"""The use cases on the engine: who asked waits for the answer, wherever the work is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from uuid import UUID

import pytest

from cas.access.bulk import Bulk
from cas.access.chunks import Chunks
from cas.access.failures import LOST
from cas.access.model import Origin, Selection, Tally
from cas.access.postgres import open_store
from cas.access.schedule import Calendar
from cas.access.service import AccessService
from cas.access.writer import ResultWriter
from cas.bindings import device_access as dev
from cas.dlms.apdu import Request, Response
from cas.engine.clock import DatabaseClock
from cas.engine.permits import Permits
from cas.engine.planner import Planner
from cas.engine.signals import open_signals
from cas.engine.worker import Worker, WorkerSettings
from cas.store.database import Pool
from tests.access_fakes import KEYRING, FakeDevices, get_request
from tests.engine_bench import VALUE

NAMES = [f"M{number:03}" for number in range(50)]


def order(*names: str) -> dev.DeviceAccess:
    descriptor = dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=get_request()))
    return dev.DeviceAccess(
        devices_reference_list=dev.DevicesReferenceList(
            device_reference=tuple(dev.DeviceReference(device_id=name) for name in names)
        ),
        cosem_access_list=dev.CosemAccessList(cosem_access=(dev.CosemAccess(cosem_access_descriptor=descriptor),)),
    )


async def tally(service: AccessService, access_id: UUID) -> Tally:
    return await service.store.tally(Selection(ids=(access_id,)))


@asynccontextmanager
async def front(pool: Pool, dsn: str, devices: FakeDevices, *, work: bool) -> AsyncIterator[AccessService]:
    """A process with the use cases; with `work` also with the engine."""
    planner = Planner(Calendar(UTC, timedelta(hours=1)), chunk_size=10)
    async with open_signals(pool, dsn) as signals, open_store(pool, KEYRING, planner) as store:
        permits = Permits(20)
        service = AccessService(store, devices, sync_wait=20, limit=permits, activations=signals, queued_above=5)
        signals.on_stop(service.stop_execution)
        if not work:
            yield service
            await service.stop(5)
            return
        clock = await DatabaseClock.read(pool)
        bulk = Bulk(Chunks(pool, KEYRING), ResultWriter(store), devices, permits, clock=clock)
        signals.on_stop(bulk.cancel)
        settings = WorkerSettings(grace=1)
        worker = Worker(pool, planner, bulk, signals, clock, settings, lambda now: store.recover(LOST, now))
        stop = asyncio.Event()
        working = asyncio.create_task(worker.run(stop))
        yield service
        await service.stop(5)
        stop.set()
        await working


@pytest.mark.clause("5.2.2")
async def test_a_large_access_is_done_by_the_engine_and_waited_for(pool: Pool, dsn: str) -> None:
    devices = FakeDevices({name: [VALUE] for name in NAMES})
    async with front(pool, dsn, devices, work=True) as service:
        large = await service.create(order(*NAMES), Origin())
        assert await tally(service, large.id) == Tally(50, 0, 0)
        small = await service.create(order("M000"), Origin())
        assert await tally(service, small.id) == Tally(1, 0, 0)
        found = await service.get([str(large.id), str(small.id)])
        assert [access.state.value for access in found] == ["finished", "finished"]


@pytest.mark.clause("5.2.3")
async def test_a_front_waits_for_what_another_process_does(pool: Pool, dsn: str) -> None:
    devices = FakeDevices({name: [VALUE] for name in NAMES})
    origin = Origin(source="MDM", message_id="0b1dd4b2-6f0d-4a5c-8e0c-6a1f6cfb0d3e")
    async with front(pool, dsn, devices, work=False) as service:
        first = asyncio.create_task(service.create(order(*NAMES), origin))
        repeat = asyncio.create_task(service.create(order(*NAMES), origin))
        async with front(pool, dsn, devices, work=True):
            made = await first
            assert (await repeat).id == made.id
        assert await tally(service, made.id) == Tally(50, 0, 0)
    assert len(devices.asked) == 50


@pytest.mark.clause("7.2.3")
async def test_a_cancel_at_one_front_stops_the_devices_of_another(pool: Pool, dsn: str) -> None:
    reached, release = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        reached.set()
        await release.wait()
        return VALUE

    devices = FakeDevices({name: [slow] for name in NAMES})
    async with front(pool, dsn, devices, work=True) as service, front(pool, dsn, devices, work=False) as other:
        creating = asyncio.create_task(service.create(order(*NAMES), Origin()))
        await reached.wait()
        ((access_id,),) = await _rows(pool, b"SELECT id::text FROM device_access")
        await other.cancel([access_id])
        # what waits is ended at once, and so is told by a notification
        while (await tally(service, UUID(access_id))).failed < 30:  # noqa: ASYNC110 - results tell nobody
            await asyncio.sleep(0.02)
        release.set()
        made = await creating
        counted = await tally(service, made.id)
        assert counted.answered == len(devices.asked) <= 20
        assert counted.answered + counted.failed == 50


async def _rows(pool: Pool, statement: bytes) -> list[tuple[str, ...]]:
    async with pool.connection() as connection:
        return await (await connection.execute(statement)).fetchall()
