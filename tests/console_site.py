"""The console's site on a database, with devices in memory, as several rooms test it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import SecretStr

from cas.access.ports import Session
from cas.access.postgres import open_store
from cas.access.service import AccessService
from cas.bindings import cosempdu as cos
from cas.config import Settings
from cas.console.guard import Guard as ConsoleGuard
from cas.console.live import Hub
from cas.console.principal import by_door
from cas.console.site import Site
from cas.cosem.data import Data
from cas.devices.master_key import load_keyring
from cas.dlms.apdu import Request, Response
from cas.engine.permits import Permits
from cas.engine.signals import Signals
from cas.security.clients import Directories
from cas.security.guard import Guard, Rules, anyone
from cas.security.known import KnownHere
from cas.security.model import Directory, Role, Service
from cas.store.database import Pool
from tests.access_fakes import FakeDevices, get_response


async def meter(request: Request) -> Response:
    """What a meter with a register of 12.34 kWh answers."""
    assert isinstance(request, cos.GetRequest)
    assert request.get_request_normal
    attribute = request.get_request_normal.cosem_attribute_descriptor.attribute_id
    if attribute == 3:
        return get_response(Data.structure(Data.of("integer", 1), Data.of("enum", 30)))
    return get_response(Data.of("double-long-unsigned", 1234))


@asynccontextmanager
async def open_site(
    pool: Pool,
    dsn: str,
    devices: FakeDevices | None = None,
    role: Role | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Site]:
    """A site for everybody, who may do what the role says; its streams end with the block."""
    devices = devices or FakeDevices({})
    settings = Settings(dsn=SecretStr(dsn), master_key=SecretStr("5A" * 32))

    @asynccontextmanager
    async def open_device(device_id: str) -> AsyncIterator[Session]:
        if device_id in devices.unreachable:
            raise devices.unreachable[device_id]
        yield _Session()

    async def nobody() -> Directory:
        return Directory()

    async with open_store(pool, load_keyring(settings)) as store:
        access = AccessService(store, devices, sync_wait=5, activations=Signals(pool))
        rules = Rules(anyone=role or anyone(list(Service)))
        door = Guard(pool, rules, Directories(nobody, lambda: 0.0), KnownHere(pool, store))
        permits = Permits(200)
        hub = Hub(pool, dsn, permits, clock=clock, look_after=0.02)
        yield Site(
            pool=pool,
            access=access,
            open_device=open_device,
            hub=hub,
            guard=ConsoleGuard(by_door(door)),
            door=door,
            settings=settings,
            keyring=load_keyring(settings),
            permits=permits,
            zone=UTC,
            clock=clock,
        )
        hub.stop()
        await access.stop(5)


class _Session:
    async def request(self, request: Request) -> Response:
        return await meter(request)
