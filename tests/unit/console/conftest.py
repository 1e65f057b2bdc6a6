"""The console on a database, with devices in memory."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from lxml import html
from pydantic import SecretStr

from cas.access.ports import Session
from cas.access.postgres import open_store
from cas.access.service import AccessService
from cas.bindings import cosempdu as cos
from cas.config import Settings
from cas.console.guard import Guard as ConsoleGuard
from cas.console.http import routes
from cas.console.live import Hub
from cas.console.principal import by_door
from cas.console.site import Site
from cas.cosem.data import Data
from cas.devices.master_key import load_keyring
from cas.dlms.apdu import Request, Response
from cas.engine.signals import Signals
from cas.security.clients import Directories
from cas.security.guard import Guard, Rules, anyone
from cas.security.known import KnownHere
from cas.security.model import Directory, Role, Service
from cas.store.database import Pool, connected
from tests.access_fakes import FakeDevices, get_response
from transports.errors import Refused

DEVICES = ("M1", "M2", "OFF")
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


async def meter(request: Request) -> Response:
    """What a meter with a register of 12.34 kWh answers."""
    assert isinstance(request, cos.GetRequest)
    assert request.get_request_normal
    attribute = request.get_request_normal.cosem_attribute_descriptor.attribute_id
    if attribute == 3:
        return get_response(Data.structure(Data.of("integer", 1), Data.of("enum", 30)))
    return get_response(Data.of("double-long-unsigned", 1234))


@dataclass
class Console:
    """A browser without scripts."""

    client: TestClient[web.Request, web.Application]
    site: Site
    devices: FakeDevices
    status: int = 0
    headers: Mapping[str, str] | None = None
    url: str = ""

    async def get(self, path: str, **headers: str) -> html.HtmlElement:
        async with self.client.get(path, headers=headers) as response:
            return self._taken(response.status, response.headers, str(response.url), await response.text())

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> html.HtmlElement:
        """Send a form as its page has it, token included."""
        page = await (await self.client.get("/new")).text()
        found = _TOKEN.search(page)
        data = {"token": found[1] if found else "", **(fields or {})}
        return await self.post_raw(path, data, **headers)

    async def post_raw(self, path: str, data: Mapping[str, str], **headers: str) -> html.HtmlElement:
        async with self.client.post(path, data=data, headers=headers) as response:
            return self._taken(response.status, response.headers, str(response.url), await response.text())

    def _taken(self, status: int, headers: Mapping[str, str], url: str, text: str) -> html.HtmlElement:
        self.status, self.headers, self.url = status, headers, url
        return html.fromstring(text or "<p></p>")


def text_of(page: html.HtmlElement) -> str:
    return " ".join(page.text_content().split())


@pytest.fixture
def role() -> Role:
    """What everybody may."""
    return anyone(list(Service))


@pytest.fixture
async def console(pool: Pool, dsn: str, role: Role) -> AsyncIterator[Console]:
    devices = FakeDevices({"M1": [meter], "M2": [meter]}, unreachable={"OFF": Refused("connection refused")})
    settings = Settings(dsn=SecretStr(dsn), master_key=SecretStr("5A" * 32))
    async with connected(pool) as connection:
        await connection.execute(
            b"INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu, labels) "
            b"SELECT name, name, 'tcp://user:pass@10.0.0.1:4059', 'none', 0, 'none', 0, %(labels)s::jsonb "
            b"FROM unnest(%(names)s::text[]) AS name",
            {"names": list(DEVICES), "labels": '{"street": "<b>Dock</b>"}'},
        )

    @asynccontextmanager
    async def open_device(device_id: str) -> AsyncIterator[Session]:
        if device_id in devices.unreachable:
            raise devices.unreachable[device_id]
        yield _Session()

    async def nobody() -> Directory:
        return Directory()

    async with open_store(pool) as store:
        access = AccessService(store, devices, sync_wait=5, activations=Signals(pool))
        door = Guard(pool, Rules(anyone=role), Directories(nobody, lambda: 0.0), KnownHere(pool, store))
        hub = Hub(pool, dsn, look_after=0.02)
        site = Site(
            pool=pool,
            access=access,
            open_device=open_device,
            hub=hub,
            guard=ConsoleGuard(by_door(door)),
            door=door,
            settings=settings,
            keyring=load_keyring(settings),
            zone=UTC,
        )
        application = web.Application()
        application.add_routes(routes(site))
        async with TestClient(TestServer(application)) as client:
            yield Console(client, site, devices)
            hub.stop()
        await access.stop(5)


class _Session:
    async def request(self, request: Request) -> Response:
        return await meter(request)
