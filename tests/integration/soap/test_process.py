"""`cas serve` as a process: it says when it is ready, stops in order, and forgets nothing when it is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
import pytest

from cas.app import require_loopback
from cas.config import Settings
from cas.errors import ConfigurationError
from cas.simulator import Simulator
from cas.simulator.faults import Fault
from tests.integration.soap.conftest import Service, serving
from tests.integration.soap.test_meters import entry
from tests.soap_messages import by_id, create


@dataclass
class Process:
    """A running `cas serve`."""

    process: asyncio.subprocess.Process
    service: Service

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def running(settings: Settings, **variables: str) -> AsyncIterator[Process]:
    assert settings.dsn is not None
    assert settings.master_key is not None
    environment = {
        **os.environ,
        "CAS_DSN": settings.dsn.get_secret_value(),
        "CAS_MASTER_KEY": settings.master_key.get_secret_value(),
        "CAS_SYNC_WAIT": "0.3",
        **variables,
    }
    program = (sys.executable, "-c", "from cas.cli import main; main()", "serve", "--port", "0")
    process = await asyncio.create_subprocess_exec(*program, env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        ready = (await process.stdout.readline()).decode().split()
        assert ready[:1] == ["READY"], ready
        yield Process(process, Service(ready[1], settings))
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_a_killed_service_tells_at_its_next_start_what_was_lost(settings: Settings) -> None:
    async with Simulator(2, faults={1: Fault.parse("slow=60")}) as simulator:
        good, slow = (meter.device_id for meter in simulator.meters)
        async with running(settings) as first:
            patient = {**entry(simulator, 1), "url": f"{simulator.url(1)}&timeout=60"}
            await first.service.register(entry(simulator, 0), patient)
            made = await first.service.post(create([good, slow]))
            assert (made.result, made.codes) == ("PARTIAL", ["0.1"])
            await first.end(signal.SIGKILL)
        async with running(settings) as second:
            found = await second.service.post(by_id("get", made.id))
    assert (found.result, found.codes) == ("PARTIAL", ["0.2"])
    assert len(found.all(f'//dev:CosemAccessResult[@DeviceID="{good}"]/dev:CosemXDLMSResult')) == 1
    assert found.texts(f'//dev:CosemAccessResult[@DeviceID="{slow}"]/dev:CosemErrorResult/dev:code') == ["5.7"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_service_stops_in_order(settings: Settings, number: signal.Signals) -> None:
    async with Simulator(1) as simulator, running(settings) as process:
        await process.service.register(entry(simulator, 0))
        answer = await process.service.post(create([simulator.meter(0).device_id]))
        assert answer.result == "OK"
        assert await process.end(number) == 0


async def test_a_stopping_service_waits_no_longer_than_its_grace(settings: Settings) -> None:
    slow = Simulator(1, faults={0: Fault.parse("slow=60")})
    async with slow, running(settings, CAS_STOP_GRACE="0.1") as process:
        await process.service.register({**entry(slow, 0), "url": f"{slow.url(0)}&timeout=60"})
        answer = await process.service.post(create([slow.meter(0).device_id]))
        assert answer.result == "PARTIAL"
        async with asyncio.timeout(10):
            assert await process.end(signal.SIGTERM) == 0


async def test_it_lives_and_is_ready(service: Service) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/health", "/ready"):
            async with session.get(service.url.removesuffix("/cas") + path) as response:
                assert response.status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_it_listens_where_only_this_machine_reaches(host: str) -> None:
    await require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no such host"])
async def test_it_refuses_to_listen_elsewhere_without_authentication(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host"):
        await require_loopback(host)


async def test_a_port_in_use_is_told(service: Service, settings: Settings) -> None:
    port = int(service.url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(ConfigurationError, match=f"port {port}"):
        async with serving(settings.model_copy(update={"port": port})):
            pass
