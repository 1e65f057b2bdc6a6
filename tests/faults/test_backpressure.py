"""More than the service can do: queued or refused, in constant memory, and small accesses still get through."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from cas.app import open_service
from cas.client import CasClient, CasFault
from cas.client.descriptors import attribute
from cas.config import Settings
from cas.simulator import Fault, FaultKind, Simulator
from cas.store.database import Pool
from tests.integration.soap.conftest import Service
from tests.processes import cas, started
from tests.soap_messages import by_id

PENDING = 20
ENERGY = attribute("1.0.1.8.0.255")
ROWS = 25_000
PATIENCE = 60.0
MEGABYTE = 1 << 20


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(
        dsn=SecretStr(dsn),
        port=0,
        push_port=0,
        master_key=SecretStr("5A" * 32),
        sync_wait=20,
        stop_grace=0.5,
        pending_accesses=PENDING,
        devices_at_once=10,
        connections_per_second=10_000,
        max_request_octets=100_000,
        client_rate=100_000,
        client_burst=100_000,
    )


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with open_service(settings) as url:
        yield Service(url, settings)


async def test_a_flood_is_done_or_refused_in_constant_memory_and_passes(settings: Settings, dsn: str) -> None:
    environment = {
        "CAS_DSN": dsn,
        "CAS_MASTER_KEY": "5A" * 32,
        "CAS_PORT": "0",
        "CAS_PUSH_PORT": "0",
        "CAS_LOG_LEVEL": "error",
        "CAS_PENDING_ACCESSES": str(PENDING),
        "CAS_DEVICES_AT_ONCE": "10",
        "CAS_CONNECTIONS_PER_SECOND": "10000",
        "CAS_CLIENT_RATE": "100000",
        "CAS_CLIENT_BURST": "100000",
    }
    with started(cas("serve"), environment) as (ready, process):
        url = ready.split()[1]
        async with Simulator(10, latency=0.05) as simulator, CasClient(url) as client:
            await Service(url, settings).register(*(simulator.device(index) for index in range(10)))
            names = [meter.device_id for meter in simulator.meters]
            await flood(client, names, 4)  # what every first one takes: caches, connections, arenas
            before = largest = _resident(process.pid)
            passing = asyncio.create_task(flood(client, names))
            while not passing.done():
                await asyncio.wait([passing], timeout=0.05)
                largest = max(largest, _resident(process.pid))
            codes = await passing
            assert set(codes) == {"done", "3.2"}
            assert codes["done"] >= PENDING
            assert await ask(client, names[0]) == "done"
    assert largest - before < 5 * MEGABYTE


async def flood(client: CasClient, names: Sequence[str], times: int = 10) -> Counter[str]:
    """Ask so many times what may be pending; how often it was done, or refused with which code."""
    return Counter(
        await asyncio.gather(*(ask(client, names[number % len(names)]) for number in range(times * PENDING)))
    )


async def ask(client: CasClient, name: str) -> str:
    try:
        access = await client.create([name], [ENERGY])
    except CasFault as fault:
        assert fault.status == 503
        (error,) = fault.errors
        return error.code
    assert [reading.ok for reading in access.readings] == [True]
    return "done"


async def test_bulk_work_on_silent_meters_does_not_hold_up_a_client_that_waits(service: Service) -> None:
    async with Simulator(60) as simulator, CasClient(service.url) as client:
        entries = [simulator.device(index) for index in range(60)]
        await service.register(*({**entry, "url": f"{entry['url']}&timeout=3"} for entry in entries))
        for meter in simulator.meters[10:]:
            meter.fault = Fault(FaultKind.DEAD)
        names = [meter.device_id for meter in simulator.meters]
        bulk = await client.create(names[10:], [ENERGY], repeating_interval="PT1H", duration="PT5M")
        async with asyncio.timeout(PATIENCE):
            while simulator.counts.requests < 5:  # noqa: ASYNC110 - a meter tells nobody
                await asyncio.sleep(0.01)
        slowest = 0.0
        for name in names[:10]:
            began = time.monotonic()
            access = await client.create([name], [ENERGY])
            slowest = max(slowest, time.monotonic() - began)
            assert [reading.ok for reading in access.readings] == [True]
        assert slowest < 2.5, "it waited for the silence of a meter"
        await client.cancel(bulk.id)


async def test_who_asks_a_silent_meter_again_and_again_does_not_hold_up_others(service: Service) -> None:
    async with Simulator(2) as simulator, CasClient(service.url) as client:
        await service.register(*(simulator.device(index) for index in range(2)))
        simulator.meters[0].fault = Fault(FaultKind.DEAD)
        silent, other = (meter.device_id for meter in simulator.meters)
        asking = [asyncio.create_task(ask(client, silent)) for _ in range(PENDING)]
        refused, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert {each.result() for each in refused} == {"3.2"}
        async with asyncio.timeout(2):
            assert await ask(client, other) == "done"
        for each in asking:
            each.cancel()
        await asyncio.wait(asking)


async def test_a_client_that_drips_its_request_is_alone_with_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.soap.http.READ_TIMEOUT", 1.0)
    parts = urlsplit(service.url)
    slow = []
    for _ in range(50):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(
            b"POST /cas HTTP/1.1\r\nHost: cas\r\nContent-Type: application/soap+xml\r\nContent-Length: 5000\r\n\r\n<"
        )
        slow.append((reader, writer))
    began = time.monotonic()
    answer = await service.post(by_id("get", "00000000-0000-0000-0000-000000000000"))
    assert answer.texts("//mes:code") == ["2.15"]
    assert time.monotonic() - began < 1.0
    for reader, writer in slow:
        status = await asyncio.wait_for(reader.readline(), 10)
        assert b"408" in status
        writer.close()


async def test_large_requests_beyond_what_fits_are_refused(service: Service) -> None:
    parts = urlsplit(service.url)
    held = []
    head = b"POST /cas HTTP/1.1\r\nHost: cas\r\nContent-Type: application/soap+xml\r\nContent-Length: 99000\r\n\r\n"
    for _ in range(17):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head + b" " * 98_000)
        await writer.drain()
        held.append((reader, writer))
    waiting = [asyncio.create_task(reader.readline()) for reader, _ in held]
    done, _ = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert all(b"503" in task.result() for task in done)
    assert len(done) == 1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for _, writer in held:
        writer.close()


async def test_a_huge_answer_to_a_client_that_does_not_read_takes_no_memory(pool: Pool, dsn: str) -> None:
    access_id = await _results(pool, ROWS)
    environment = {"CAS_DSN": dsn, "CAS_MASTER_KEY": "5A" * 32, "CAS_PORT": "0", "CAS_PUSH_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *cas("serve", "--no-worker"), env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        ready = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().split()
        service = Service(ready[1], Settings())
        assert (await service.post(by_id("get", "00000000-0000-0000-0000-000000000000"))).texts("//mes:code")
        before = _resident(process.pid)
        body = by_id("get", access_id)
        parts = urlsplit(service.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=65_536)
        head = (
            f"POST /cas HTTP/1.1\r\nHost: cas\r\nContent-Type: application/soap+xml\r\nContent-Length: {len(body)}\r\n"
        )
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        size = len(await reader.read(65_536))
        await asyncio.sleep(1.0)  # it reads nothing, while the service could have read everything
        stalled = _resident(process.pid)
        largest = stalled
        while octets := await reader.read(1 << 20):
            size += len(octets)
            largest = max(largest, _resident(process.pid))
        writer.close()
        assert size > ROWS * 200
        assert (stalled - before, largest - before) < (25 * MEGABYTE, 25 * MEGABYTE), f"{size} octets"
    finally:
        process.terminate()
        await process.communicate()


async def _results(pool: Pool, rows: int) -> str:
    """A resource with so many results."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                b"INSERT INTO device_access (id, created_at, state, async_reply, dev_form, priority,"
                b" accept_data_notification) VALUES (gen_random_uuid(), now(), 'finished', false, false, 255, false)"
                b" RETURNING id"
            )
        ).fetchone()
        assert row is not None
        for statement in (
            b"INSERT INTO access_request SELECT %s, 0, '\\xc001c100030100010800ff0200'",
            b"INSERT INTO activation (access_id, number, activated_at, outcome) VALUES (%s, 1, now(), 'ok')",
            (
                b"INSERT INTO result (access_id, activation, request, device_id, activated, apdu, kept_until)"
                b" SELECT access_id, 1, 0, 'METER' || place, now(), '\\xc401c1000600000001', kept_until"
                b" FROM activation, generate_series(1, " + str(rows).encode() + b") AS place WHERE access_id = %s"
            ),
        ):
            await connection.execute(statement, [row[0]])
    return str(row[0])


def _resident(pid: int) -> int:
    """The memory of a process in octets."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024
