"""A service on a database of its own, and meters for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from pydantic import SecretStr

from cas.app import open_service
from cas.config import Settings
from cas.devices.master_key import load_keyring
from cas.devices.registration import Row, register_devices
from cas.store.database import open_pool
from tests.soap_messages import Answer

TIMEOUT = 0.5
"""Seconds until a meter counts as silent, in the URLs of these tests."""


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(
        dsn=SecretStr(dsn),
        port=0,
        master_key=SecretStr("5A" * 32),
        sync_wait=20,
        stop_grace=1,
        anyone_services=("get", "set", "action", "time-sync", "upgrade", "associate"),
    )


@dataclass
class Service:
    """A service that listens."""

    url: str
    settings: Settings

    async def register(self, *entries: Mapping[str, object]) -> None:
        dsn = self.settings.dsn
        assert dsn is not None
        async with open_pool(dsn.get_secret_value(), max_size=1) as pool:
            await register_devices(pool, load_keyring(self.settings), [Row(dict(entry)) for entry in entries])

    async def post(self, octets: bytes) -> Answer:
        headers = {"Content-Type": "application/soap+xml"}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=octets, headers=headers) as response:
            return Answer(await response.read())


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as opened:
        yield opened


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    async with open_service(settings) as url:
        yield Service(url, settings)
