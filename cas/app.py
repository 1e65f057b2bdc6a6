"""The composition root: from settings to a service that listens. Alone knows every room."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest, start_http_server
from psycopg import OperationalError

from cas.access.bulk import Bulk
from cas.access.chunks import Chunks
from cas.access.conversation import Workshop
from cas.access.events import EventContent, in_association, notification_sink
from cas.access.failures import LOST
from cas.access.inventory import Inventory
from cas.access.order import Rules
from cas.access.ports import Devices
from cas.access.postgres import PostgresStore, open_store
from cas.access.registered import RegisteredDevices
from cas.access.retry import RetryPolicy
from cas.access.schedule import Calendar
from cas.access.service import AccessService, now
from cas.access.transfers import PostgresTransfers
from cas.access.writer import ResultWriter
from cas.config import Settings
from cas.console.guard import Guard as ConsoleGuard
from cas.console.http import routes as console_routes
from cas.console.live import open_hub
from cas.console.principal import by_door
from cas.console.site import Site
from cas.devices.counters import Counters
from cas.devices.exclusion import open_exclusion
from cas.devices.keys import Keyring
from cas.devices.lines import Lines
from cas.devices.links import Recording, open_links
from cas.devices.master_key import load_keyring
from cas.devices.opening import Means
from cas.engine.clock import DatabaseClock, database_clock
from cas.engine.depth import measure_depth
from cas.engine.permits import Permits
from cas.engine.planner import Planner
from cas.engine.signals import Signals, open_signals
from cas.engine.worker import Worker, WorkerSettings
from cas.errors import ConfigurationError
from cas.push.accepted import StoredCounters
from cas.push.broker import BrokerAddress
from cas.push.dialling import recogniser
from cas.push.directory import RegistryDirectory
from cas.push.listener import PushListener
from cas.push.model import Wire
from cas.push.service import Receivers, open_delivery
from cas.push.targets import Targets
from cas.security.errors import NotAuthorised, RequestDenied
from cas.security.guard import Door
from cas.security.known import KnownHere
from cas.security.listening import SERVER, bounded, listening
from cas.security.opening import guard_of, is_guarded, tls_files, tls_of
from cas.security.showing import credentials_of
from cas.soap.event import EventWriter
from cas.soap.http import PATH, SoapHttp
from cas.soap.service import SoapService
from cas.store.database import Pool, conninfo_of, open_database
from cas.store.errors import StoreError
from cas.store.journal import keeping_journal
from cas.store.retention import keeping
from cas.system_events import Kind, tell
from transports.dial_in import DialIn
from transports.errors import TransportError
from transports.sharing import Limits

log = structlog.get_logger(__name__)

# Seconds in which the database must answer for the service to be ready.
READY_WITHIN = 2.0


@asynccontextmanager
async def open_service(settings: Settings, *, work: bool = True) -> AsyncIterator[str]:
    """Run the whole service; yield its URL. In the end nothing new is taken, and what runs gets `stop_grace` seconds.

    Without `work` it is a front only, which listens to clients and devices: what is scheduled or large is done, and
    events are delivered, by workers elsewhere.

    Raises CasError.
    """
    if not is_guarded(settings):
        await require_loopback(settings.host)
    async with (
        open_database(settings) as pool,
        keeping_journal(pool),
        _announced("front and worker" if work else "front"),
        _open_parts(settings, pool) as parts,
        _open_access(settings, parts, work=work) as access,
        _hearing(settings, parts),
        open_hub(pool, conninfo_of(pool), parts.permits) as hub,
    ):
        guard = await guard_of(settings, pool, KnownHere(pool, access.store))
        soap = SoapHttp(
            SoapService(
                access,
                Inventory(pool, parts.keyring, settings.client_title, now),
                guard,
                limit=settings.max_request_octets,
                strict=settings.strict_order,
            ),
            lambda: _is_ready(pool),
            limit=settings.max_request_octets,
        )
        site = Site(
            pool=pool,
            access=access,
            open_device=parts.lines.open,
            hub=hub,
            guard=ConsoleGuard(by_door(guard)),
            door=guard,
            settings=settings,
            keyring=parts.keyring,
            permits=parts.permits,
            zone=ZoneInfo(settings.zone),
        )
        async with _listening(settings, soap, site, partial(_metrics, pool, guard)) as url:
            yield url


@asynccontextmanager
async def _open_access(settings: Settings, parts: "_Parts", *, work: bool) -> AsyncIterator[AccessService]:
    """The use cases on a database; with `work`, this process also does what is scheduled or large.

    What a process that died left is told first.
    """
    async with database_clock(parts.pool) as clock:
        access = AccessService(
            parts.store,
            parts.devices,
            sync_wait=settings.sync_wait,
            limit=parts.permits,
            clock=clock,
            activations=parts.signals,
            most_pending=settings.pending_accesses,
            rules=Rules(settings.upgrade_dir, Targets.parse(settings.event_targets).check),
        )
        parts.signals.on_stop(access.stop_execution)
        if abandoned := await access.start():
            tell(Kind.ACTIVATION_LEFT, activations=abandoned)
        async with _working(settings, parts, clock) if work else nullcontext():
            try:
                yield access
            finally:
                await access.stop(settings.stop_grace)


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[None]:
    """A worker without a front. In the end it hands back what it has not finished. Raises CasError."""
    with _metrics_alone(settings):
        async with (
            open_database(settings) as pool,
            keeping_journal(pool),
            _announced("worker"),
            _open_parts(settings, pool) as parts,
            _working(settings, parts, await DatabaseClock.read(parts.pool)),
        ):
            yield


@asynccontextmanager
async def _announced(role: str) -> AsyncIterator[None]:
    """Tell that a process begins and that it ends."""
    tell(Kind.STARTED, role, version=version("cosem-access-service"))
    yield
    tell(Kind.STOPPED, role)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a front and a worker share when they are one process."""

    pool: Pool
    store: PostgresStore
    keyring: Keyring
    counters: Counters
    lines: Lines
    devices: Devices
    permits: Permits
    planner: Planner
    signals: Signals


@asynccontextmanager
async def _open_parts(settings: Settings, pool: Pool) -> AsyncIterator[_Parts]:
    keyring = await asyncio.to_thread(load_keyring, settings, lambda message: log.warning(message))
    counters = Counters(pool)
    calendar = Calendar(
        ZoneInfo(settings.zone), timedelta(seconds=settings.activation_window), make_up=settings.make_up_missed
    )
    planner = Planner(calendar, chunk_size=settings.chunk_devices)
    conninfo = conninfo_of(pool)
    async with (
        open_exclusion(conninfo) as exclusion,
        open_signals(pool, conninfo) as signals,
        open_store(pool, keyring, planner) as store,
        open_links(
            pool,
            Limits(settings.connections, settings.connections_per_second, settings.segments),
            keep_alive=settings.keep_alive,
            record=Recording(settings.record_path).write,
        ) as links,
    ):
        heard = in_association(notification_sink(pool), now)
        lines = Lines(pool, keyring, Means(counters, settings.client_title, links.transport, heard), exclusion)
        workshop = Workshop(now, asyncio.sleep, PostgresTransfers(pool), settings.upgrade_dir)
        devices = RegisteredDevices(pool, lines, workshop)
        yield _Parts(
            pool, store, keyring, counters, lines, devices, Permits(settings.devices_at_once), planner, signals
        )


@asynccontextmanager
async def _working(settings: Settings, parts: _Parts, clock: DatabaseClock) -> AsyncIterator[None]:
    bulk = Bulk(
        Chunks(parts.pool, parts.keyring),
        ResultWriter(parts.store),
        parts.devices,
        parts.permits,
        clock=clock,
        policy=RetryPolicy(first=timedelta(seconds=settings.retry_after)),
    )
    parts.signals.on_stop(bulk.cancel)
    worker = Worker(
        parts.pool,
        parts.planner,
        bulk,
        parts.signals,
        clock,
        WorkerSettings(
            heartbeat=settings.worker_stalled_after / 3,
            stalled_after=settings.worker_stalled_after,
            grace=settings.stop_grace,
        ),
        lambda now: parts.store.recover(LOST, now),
    )
    stop = asyncio.Event()
    async with _delivering(settings, parts), keeping(parts.pool, settings.keep_results):
        task = asyncio.create_task(worker.run(stop), name="worker")
        try:
            yield
        finally:
            stop.set()
            await task


@asynccontextmanager
async def _delivering(settings: Settings, parts: _Parts) -> AsyncIterator[None]:
    """Bring events to their receivers."""
    key, broker = settings.event_signing_key, settings.event_mqtt
    receivers = Receivers(
        targets=Targets.parse(settings.event_targets),
        signing_key=None if key is None else key.get_secret_value().encode(),
        broker=None if broker is None else BrokerAddress.parse(broker.get_secret_value()),
    )
    writer = EventWriter(EventContent(parts.pool), source=settings.event_source)
    async with open_delivery(parts.pool, conninfo_of(parts.pool), receivers, soap=writer.soap, plain=writer.plain):
        yield


@asynccontextmanager
async def _hearing(settings: Settings, parts: _Parts) -> AsyncIterator[None]:
    """Listen to what devices push, and to those that dial in."""
    if not settings.push_port and not settings.dial_in_port:
        yield
        return
    directory = RegistryDirectory(parts.pool, parts.keyring, parts.counters, settings.client_title)
    memory = StoredCounters(parts.pool)
    async with (
        PushListener(directory, notification_sink(parts.pool), memory=memory) as listener,
        AsyncExitStack() as stack,
    ):
        try:
            if settings.push_port:
                await listener.listen_tcp(settings.push_host, settings.push_port)
                await listener.listen_udp(settings.push_host, settings.push_port)
            if settings.dial_in_port:
                recognise = recogniser(settings.dial_in_heartbeat, settings.dial_in_reply)
                dial_in = DialIn(recognise, on_arrival=partial(listener.hear, Wire.TCP))
                stack.push_async_callback(dial_in.close)
                await dial_in.listen(settings.dial_in_host, settings.dial_in_port)
        except (TransportError, ValueError) as problem:
            raise ConfigurationError(f"push_port, dial_in_port: {problem}; 0 listens to nobody") from None
        yield


async def require_loopback(host: str) -> None:
    """Refuse to listen where others than this machine reach. Raises ConfigurationError.

    Whoever reaches the service can disconnect a customer.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise ConfigurationError(f"host {host!r}: {problem.strerror or problem}") from None
    if not all(ipaddress.ip_address(address[4][0]).is_loopback for address in found):
        raise ConfigurationError(
            f"host {host!r} can be reached from other machines, and whoever reaches the service can disconnect "
            "customers: set authentication (certificate, basic, bearer), tls_certificate, and clients by `cas client "
            "add`; or set host to 127.0.0.1"
        )


@asynccontextmanager
async def _listening(
    settings: Settings,
    soap: SoapHttp,
    console: Site,
    measured: Callable[[web.Request], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    application = web.Application()
    application.on_response_prepare.append(_hide_versions)
    application.add_routes([*soap.routes(), web.get("/metrics", measured), *console_routes(console)])
    runner = web.AppRunner(application, shutdown_timeout=settings.stop_grace)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - it is set up
        accept, files = bounded(runner.server), tls_files(settings)
        async with listening(accept, settings.host, settings.port, partial(tls_of, settings), files) as (host, port):
            yield f"{'https' if files else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
        console.hub.stop()
        await console.access.stop(settings.stop_grace)
    finally:
        await runner.cleanup()


async def _metrics(pool: Pool, door: Door, request: web.Request) -> web.Response:
    """The metrics, for who may read the directory."""
    try:
        roles = (await door.authenticate(credentials_of(request))).roles
    except RequestDenied as problem:
        return web.Response(status=problem.status, text=f"{problem}\n", headers=problem.headers)
    if not any(role.directory for role in roles):
        return web.Response(status=403, text=f"{NotAuthorised()}\n")
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(READY_WITHIN):
            await measure_depth(pool)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@contextmanager
def _metrics_alone(settings: Settings) -> Iterator[None]:
    """Serve the metrics of a worker, which listens to nobody else."""
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.host)
    except OSError as problem:
        where = f"{settings.host} port {settings.metrics_port}"
        raise ConfigurationError(f"metrics_port: cannot listen on {where}: {problem.strerror or problem}") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _hide_versions(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER


async def _is_ready(pool: Pool) -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN), pool.connection() as connection:
            await connection.execute(b"SELECT 1")
    except (OperationalError, TimeoutError):
        return False
    return True
