"""A service whose time tests move: SOAP over HTTP in front, the engine step by step, meters on real sockets behind."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from cas.access.bulk import Bulk
from cas.access.conversation import Workshop
from cas.access.events import notification_sink
from cas.access.inventory import Inventory
from cas.access.order import Rules
from cas.access.registered import RegisteredDevices
from cas.access.retry import RetryPolicy
from cas.access.service import AccessService
from cas.access.transfers import PostgresTransfers
from cas.access.writer import ResultWriter
from cas.devices.counters import Counters
from cas.devices.lines import Lines
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.engine.permits import Permits
from cas.engine.signals import open_signals
from cas.push.accepted import StoredCounters
from cas.push.directory import RegistryDirectory
from cas.push.listener import PushListener
from cas.push.targets import Targets
from cas.simulator import Simulator
from cas.soap.http import PATH, SoapHttp
from cas.soap.service import SoapService
from cas.store.database import Pool, conninfo_of
from tests.access_fakes import KEYRING, FakeDevices
from tests.engine_bench import Bench
from tests.open_door import OpenDoor
from tests.soap_messages import Answer

CLIENT_TITLE = b"CAS\x00\x00\x00\x00\x01"
LIMIT = 10_000_000


class Moved(Bench):
    """The service. `create` of Bench makes resources without SOAP; `post` does it as clients do."""

    def __init__(self, pool: Pool, *, allowed: tuple[str, ...] = (), upgrade_dir: Path | None = None) -> None:
        counters = Counters(pool)
        lines = Lines(pool, KEYRING, Means(counters, CLIENT_TITLE))
        workshop = Workshop(self.time, _no_pause, PostgresTransfers(pool), upgrade_dir)
        super().__init__(pool, FakeDevices({}))
        self.registered = RegisteredDevices(pool, lines, workshop)
        self.bulk = Bulk(
            self.chunks,
            ResultWriter(self.store),
            self.registered,
            Permits(10, 0),
            clock=self.time,
            policy=RetryPolicy(jitter=0),
            entropy=lambda: 0.0,
        )
        self.url = ""
        self.push_port = 0
        self.rules = Rules(upgrade_dir, Targets.parse(allowed).check)
        self.directory = RegistryDirectory(pool, KEYRING, counters, CLIENT_TITLE)

    def time(self) -> datetime:
        """What the clock of the service shows."""
        return self.now

    async def register(self, *entries: Mapping[str, str | int]) -> None:
        await register_devices(self.pool, KEYRING, [Row(dict(entry)) for entry in entries])

    async def register_all(self, simulator: Simulator) -> list[str]:
        """Register simulated meters; return their DeviceIDs."""
        await self.register(*(simulator.device(index) for index in range(len(simulator.meters))))
        return [meter.device_id for meter in simulator.meters]

    async def post(self, octets: bytes) -> Answer:
        headers = {"Content-Type": "application/soap+xml"}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=octets, headers=headers) as response:
            return Answer(await response.read())

    async def done(self, access_id: str) -> list[tuple[int, str]]:
        """Numbers and outcomes of the activations."""
        return await self.outcomes(UUID(access_id))


@asynccontextmanager
async def moved(pool: Pool, *, allowed: tuple[str, ...] = (), upgrade_dir: Path | None = None) -> AsyncIterator[Moved]:
    """Open the whole. `allowed`: where events may go."""
    made = Moved(pool, allowed=allowed, upgrade_dir=upgrade_dir)
    async with AsyncExitStack() as stack:
        signals = await stack.enter_async_context(open_signals(pool, conninfo_of(pool)))
        access = AccessService(
            made.store, made.registered, sync_wait=20, clock=made.time, activations=signals, rules=made.rules
        )
        signals.on_stop(access.stop_execution)
        signals.on_stop(made.bulk.cancel)
        inventory = Inventory(pool, KEYRING, CLIENT_TITLE, made.time)
        application = web.Application()
        application.add_routes(
            SoapHttp(SoapService(access, inventory, OpenDoor(), limit=LIMIT), _ready, limit=LIMIT).routes()
        )
        server = await stack.enter_async_context(TestServer(application, host="127.0.0.1"))
        made.url = str(server.make_url(PATH))
        listener = PushListener(made.directory, notification_sink(pool), memory=StoredCounters(pool), clock=made.time)
        await stack.enter_async_context(listener)
        made.push_port = await listener.listen_tcp("127.0.0.1", 0)
        yield made
        await access.stop(1)


async def _no_pause(_seconds: float) -> None:
    pass


async def _ready() -> bool:
    return True
