"""The console on a database, with devices in memory."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from lxml import html

from cas.console.http import routes
from cas.console.site import Site
from cas.security.guard import anyone
from cas.security.model import Role, Service
from cas.store.database import Pool, connected
from tests.access_fakes import FakeDevices
from tests.console_site import meter, open_site
from transports.errors import Refused

DEVICES = ("M1", "M2", "OFF")
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


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
    async with connected(pool) as connection:
        await connection.execute(
            b"INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu, labels) "
            b"SELECT name, name, 'tcp://user:pass@10.0.0.1:4059', 'none', 0, 'none', 0, %(labels)s::jsonb "
            b"FROM unnest(%(names)s::text[]) AS name",
            {"names": list(DEVICES), "labels": '{"street": "<b>Dock</b>"}'},
        )

    async with open_site(pool, dsn, devices, role) as site:
        application = web.Application()
        application.add_routes(routes(site))
        async with TestClient(TestServer(application)) as client:
            yield Console(client, site, devices)
            site.hub.stop()
