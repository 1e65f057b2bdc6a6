"""The composition root: from settings to a service that listens. Alone knows every room."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from psycopg import OperationalError

from cas.access.postgres import open_store
from cas.access.registered import RegisteredDevices
from cas.access.service import AccessService
from cas.config import Settings
from cas.devices.counters import Counters
from cas.devices.master_key import load_keyring
from cas.devices.sessions import Sessions
from cas.errors import ConfigurationError
from cas.soap.http import PATH, SoapHttp
from cas.soap.service import SoapService
from cas.store.database import Pool, open_database

log = structlog.get_logger(__name__)

# Seconds in which the database must answer for the service to be ready.
READY_WITHIN = 2.0


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[str]:
    """Run the whole service; yield its URL. In the end nothing new is taken, and what runs gets `stop_grace` seconds.

    Raises CasError.
    """
    await require_loopback(settings.host)
    async with open_database(settings) as pool, open_access(settings, pool) as access:
        soap = SoapHttp(
            SoapService(access, limit=settings.max_request_octets, strict=settings.strict_order),
            lambda: _is_ready(pool),
            limit=settings.max_request_octets,
        )
        async with _listening(settings, soap, access) as url:
            yield url


@asynccontextmanager
async def open_access(settings: Settings, pool: Pool) -> AsyncIterator[AccessService]:
    """The use cases on a database. What a process that died left is told first."""
    keyring = await asyncio.to_thread(load_keyring, settings, lambda message: log.warning(message))
    counters = Counters(pool, near_top=_warn_of_counter)
    sessions = Sessions(pool, keyring, counters, settings.client_title)
    async with open_store(pool) as store:
        access = AccessService(
            store, RegisteredDevices(pool, sessions), sync_wait=settings.sync_wait, limit=settings.devices_at_once
        )
        if abandoned := await access.start():
            log.warning("activations that a stopped process left were ended", activations=abandoned)
        try:
            yield access
        finally:
            await access.stop(settings.stop_grace)


async def require_loopback(host: str) -> None:
    """Refuse to listen where others than this machine reach. Raises ConfigurationError.

    Whoever reaches the service can disconnect a customer, and there is no authentication yet.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise ConfigurationError(f"host {host!r}: {problem.strerror or problem}") from None
    if not all(ipaddress.ip_address(address[4][0]).is_loopback for address in found):
        raise ConfigurationError(
            f"host {host!r} can be reached from other machines, and this release has no authentication: set host to "
            "127.0.0.1, and let a proxy that authenticates stand in front"
        )


@asynccontextmanager
async def _listening(settings: Settings, soap: SoapHttp, access: AccessService) -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes(soap.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=settings.stop_grace)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as problem:
            reason = problem.strerror or problem
            raise ConfigurationError(f"cannot listen on {settings.host} port {settings.port}: {reason}") from None
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
        await site.stop()
        await access.stop(settings.stop_grace)
    finally:
        await runner.cleanup()


async def _is_ready(pool: Pool) -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN), pool.connection() as connection:
            await connection.execute(b"SELECT 1")
    except (OperationalError, TimeoutError):
        return False
    return True


def _warn_of_counter(device: str, value: int) -> None:
    log.warning("invocation counter near its end: replace the encryption key", device=device, value=value)
