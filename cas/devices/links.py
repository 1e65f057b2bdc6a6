"""Links to devices: shared fairly, under permits, kept for the next job, recorded where an operator asks.

    links = Links(Limits(connections=1000, per_second=100))
    transport = links.transport(device)          # connect takes the turn and the permit, close gives them back

What is recorded is decided while the service runs: `cas device record` names the devices in the database.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
from psycopg import OperationalError

from cas import metrics
from cas.devices.model import Device
from cas.dlms.redaction import redact
from cas.store.database import Pool
from cas.store.queries import query
from cas.tasks import end, endless
from transports.base import Transport
from transports.errors import NotConnected, TransportError
from transports.registry import open_transport
from transports.sharing import Lease, Limits, Reason, Sharing
from transports.tap import EventName, Tap

SEGMENT = "segment"
"""The label of a device that names its segment: a base station, a concentrator, a line."""
LOOK_AGAIN = 2.0
"""Seconds after which the devices to be recorded are looked up again."""

_USUAL_LIMITS = Limits()
_RECORDED = query("devices_recorded")
log = structlog.get_logger(__name__)


class Links:
    """Opens transports to devices. `keep_alive`: seconds that a link is kept; `record` is given each line recorded."""

    def __init__(
        self,
        limits: Limits = _USUAL_LIMITS,
        *,
        keep_alive: float = 0.0,
        record: Callable[[str], None] = lambda _line: None,
        opener: Callable[[str], Transport] = open_transport,
    ) -> None:
        self.sharing = Sharing(opener, limits, keep_alive=keep_alive, on_wait=_count_wait)
        self.tap = Tap(lambda line: record(_with_context(line)), redact)

    def transport(self, device: Device) -> Transport:
        """The transport of a device, not connected yet."""
        return SharedTransport(self.sharing, self.tap, device.url, device.device_id, device.labels.get(SEGMENT, ""))

    async def close(self) -> None:
        """Close the links that are kept."""
        await self.sharing.close()

    async def follow(self, pool: Pool) -> None:
        """Record the devices that the database names, until cancelled."""
        while True:
            try:
                async with pool.connection() as connection:
                    cursor = await connection.execute(_RECORDED)
                    wanted = {row[0] for row in await cursor.fetchall()}
            except OperationalError:
                wanted = set(self.tap.devices)  # the database is away: nothing changes
            for device in wanted - self.tap.devices:
                self.tap.switch_on(device)
                log.info("APDUs of a device are recorded", device=device)
            for device in self.tap.devices - wanted:
                self.tap.switch_off(device)
            self._measure()
            await asyncio.sleep(LOOK_AGAIN)

    def _measure(self) -> None:
        metrics.LINKS_OPEN.set(self.sharing.connections)
        metrics.LINKS_KEPT.set(self.sharing.kept)
        for reason, waiting in self.sharing.waiting().items():
            metrics.LINKS_WAITING.labels(reason).set(waiting)


@asynccontextmanager
async def open_links(
    pool: Pool, limits: Limits, *, keep_alive: float, record: Callable[[str], None]
) -> AsyncIterator[Links]:
    """Links that record what the database asks for; in the end those that are kept are closed."""
    links = Links(limits, keep_alive=keep_alive, record=record)
    follower = asyncio.create_task(endless(partial(links.follow, pool), "recording"), name="devices to be recorded")
    try:
        yield links
    finally:
        await end(follower)
        await links.close()


class SharedTransport:
    """A transport that is leased while it is connected, and recorded while its device is.

    One that failed, or owes an answer, is not kept.
    """

    def __init__(self, sharing: Sharing, tap: Tap, url: str, device: str, segment: str) -> None:
        self._sharing = sharing
        self._tap = tap
        self._url = url
        self._device = device
        self._segment = segment
        self._lease: Lease | None = None
        self._sent_at = 0.0

    @property
    def endpoint(self) -> str:
        """Where the link leads, as the URL says before it is open."""
        return self._url if self._lease is None else self._lease.transport.endpoint

    async def connect(self) -> None:
        """Wait for turn and permit, and connect. Raises TransportError."""
        try:
            self._lease = await self._sharing.borrow(self._url, device=self._device, segment=self._segment)
        except TransportError as error:
            self._failed(error)
            raise
        self._record("connected")

    async def send(self, apdu: bytes) -> None:
        """Send an APDU; from now on an answer is owed."""
        lease = self._connected()
        lease.keep = False
        self._record("sent", apdu)
        self._sent_at = time.monotonic()
        try:
            await lease.transport.send(apdu)
        except TransportError as error:
            self._failed(error)
            raise

    async def receive(self) -> bytes:
        """Receive an APDU. After it the link may be kept."""
        lease = self._connected()
        lease.keep = False
        try:
            apdu = await lease.transport.receive()
        except TransportError as error:
            self._failed(error)
            raise
        self._record("received", apdu)
        metrics.ROUND_TRIP.labels(self._segment).observe(time.monotonic() - self._sent_at)
        lease.keep = True
        return apdu

    async def close(self) -> None:
        """Give the link back, to be kept or closed."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._sharing.give_back(lease)
        self._record("closed")

    def _failed(self, error: TransportError) -> None:
        metrics.LINK_ERRORS.labels(self._segment, type(error).__name__).inc()
        self._record("failed", note=f"{type(error).__name__}: {error}")

    def _record(self, event: EventName, apdu: bytes = b"", note: str = "") -> None:
        if self._tap.records(self._device):
            self._tap.event(self._device, self.endpoint, event, apdu, note)

    def _connected(self) -> Lease:
        if self._lease is None:
            raise NotConnected(f"{self._url}: not connected")
        return self._lease


class Recording:
    """Files of what is recorded, one a day and process, in a directory of the operator's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, line: str) -> None:
        """Append a line to the recording of its day, which its time stamp names."""
        day = line[10:20] if line.startswith('{"time": "') else "other"
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / f"apdus-{day}.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def _with_context(line: str) -> str:
    """A line of a recording with what log lines of the same request say, so that the one is found by the other."""
    known = structlog.contextvars.get_contextvars()
    about = {name: str(known[name]) for name in ("access_id", "message_id") if known.get(name)}
    return f"{line[:-1]}, {json.dumps(about)[1:]}" if about and line.endswith("}") else line


def _count_wait(reason: Reason, name: str, seconds: float) -> None:
    metrics.LINK_WAIT.labels(reason).observe(seconds)
    if reason == "segment":
        metrics.SEGMENT_WAIT.labels(name).observe(seconds)
