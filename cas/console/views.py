"""What the pages show, read from the database; every query stands in `store/sql/console.sql`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from psycopg.rows import class_row

from cas.access.statistics import Kind, Statistic, state_of
from cas.devices.model import Authentication, Device, Protection, is_system_title, without_password
from cas.store.database import Pool, connected
from cas.store.queries import query

T = TypeVar("T")

PAGE = 50
LATEST = datetime.max.replace(tzinfo=UTC)
"""Later than everything."""
_LATEST_ID = UUID(int=2**128 - 1)

_COUNTS = query("console_counts")
_OUTCOMES = query("console_outcomes")
_RUNNING = query("console_running")
_FINISHED = query("console_finished")
_SLOWEST = query("console_slowest")
_FAILURES = query("console_failures")
_ACCESSES = query("console_accesses")
_ACCESS = query("console_access")
_REQUESTS = query("console_requests")
_ACTIVATIONS = query("console_activations")
_DEVICES_DONE = query("console_devices_done")
_DEVICES_WAITING = query("console_devices_waiting")
_FAILED_DEVICES = query("console_failed_devices")
_RESULTS = query("console_results")
_SERIES = query("console_series")
_DEVICES = query("console_devices")
_DEVICES_NAMED = query("console_devices_named")
_DEVICES_TROUBLED = query("console_devices_troubled")
_DEVICE = query("console_device")
_DEVICE_ACCESSES = query("console_device_accesses")
_DEVICE_GROUPS = query("console_device_groups")


@dataclass(frozen=True, slots=True)
class Counts:
    """The service at a glance."""

    resources: int
    activations: int
    devices: int
    troubled: int
    waiting: int
    doing: int
    workers: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the activations of a period came to, by outcome."""

    outcome: str
    activations: int
    results: int
    failures: int


@dataclass(frozen=True, slots=True)
class Running:
    """An activation under way; `done` and `failed` count devices."""

    access_id: UUID
    number: int
    activated_at: datetime
    deadline: datetime | None
    source: str | None
    state: str
    asked: list[bytes]
    """The first requests."""
    requests: int
    devices: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Finished:
    """An activation that is over."""

    access_id: UUID
    number: int
    activated_at: datetime
    finished_at: datetime | None
    outcome: str
    source: str | None
    results: int | None
    failures: int | None
    asked: list[bytes]
    """The first requests."""
    requests: int


@dataclass(frozen=True, slots=True)
class Slow:
    """A device that took long."""

    device_id: str
    seconds: float
    accesses: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure of a device."""

    device_id: str
    access_id: UUID
    activation: int
    activated: datetime
    code: str
    reason: str
    details: str


@dataclass(frozen=True, slots=True)
class Access:
    """A resource with its last activation."""

    id: UUID
    created_at: datetime
    state: str
    source: str | None
    message_id: str | None
    correlation_id: str | None
    reply_address: str | None
    priority: int
    activates: datetime | None
    repeating_interval: str | None
    duration: str | None
    expires: datetime | None
    not_older_than: datetime | None
    accept_data_notification: bool
    next_at: datetime | None
    groups: list[str]
    devices: int
    """Devices named one by one; 10001: more than 10000."""
    device: str | None
    asked: list[bytes]
    """The first requests."""
    requests: int
    number: int | None
    outcome: str | None
    activated_at: datetime | None
    finished_at: datetime | None
    results: int | None
    failures: int | None


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation of a resource."""

    number: int
    scheduled_at: datetime | None
    activated_at: datetime
    finished_at: datetime | None
    deadline: datetime | None
    outcome: str
    results: int | None
    failures: int | None


@dataclass(frozen=True, slots=True)
class DeviceDone:
    """What one device came to in an activation; reason and details of its first failure."""

    device_id: str
    results: int
    failures: int
    attempts: int
    activated: datetime
    stored_at: datetime
    reason: str | None
    details: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that has not answered yet; attempts that failed, and why the last one did."""

    device_id: str
    attempts: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A request and what it came to on one device; nothing yet where `activated` is None."""

    position: int
    request: bytes
    activated: datetime | None
    answer: bytes | None
    code: str | None
    reason: str | None
    details: str | None
    attempts: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a request."""

    request: int
    device_id: str
    activated: datetime
    answer: bytes


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A registered device, and how communication with it went."""

    device_id: str
    alias: str | None
    url: str
    authentication: str
    suite: int
    protection: str
    labels: Mapping[str, str]
    changed_at: datetime
    keys: Sequence[str]
    successes: int | None
    failures: int | None
    last_success: datetime | None
    last_failure: datetime | None
    last_kind: str | None

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        return without_password(self.url)

    @property
    def rate(self) -> float | None:
        """The share of communications that went well; None before the first."""
        total = (self.successes or 0) + (self.failures or 0)
        return None if not total else (self.successes or 0) / total

    @property
    def last_contact(self) -> datetime | None:
        """When it answered last."""
        return self.last_success

    def state(self, now: datetime) -> str:
        """Its meter-state, without the prefix: ACTIVE, LOST, ..."""
        known = Statistic(
            self.successes or 0,
            self.failures or 0,
            self.last_success,
            self.last_failure,
            Kind(self.last_kind) if self.last_kind else None,
        )
        return state_of(known, now, lacks_keys=self._lacks_keys()).value.removeprefix("METER-")

    def _lacks_keys(self) -> bool:
        profile = Device(
            device_id=self.device_id,
            system_title=None,
            alias=self.alias,
            url=self.url,
            authentication=Authentication(self.authentication),
            protection=Protection(self.protection),
        )
        return not profile.needed_keys <= set(self.keys)


@dataclass(frozen=True, slots=True)
class DeviceAccessed:
    """A resource seen from one of its devices."""

    id: UUID
    created_at: datetime
    state: str
    number: int | None
    activated_at: datetime | None
    answered: bool
    reason: str | None
    asked: list[bytes]
    """The first requests."""
    requests: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which resources are listed."""

    state: str | None = None
    running: bool = False
    search: str | None = None


async def counts(pool: Pool) -> Counts:
    """The service at a glance."""
    (found,) = await _all(pool, Counts, _COUNTS, {})
    return found


async def outcomes(pool: Pool, since: datetime) -> list[Outcome]:
    """What the activations came to that began since then."""
    return await _all(pool, Outcome, _OUTCOMES, {"since": since})


async def running(pool: Pool, limit: int = 20) -> list[Running]:
    """Activations under way, newest first."""
    return await _all(pool, Running, _RUNNING, {"limit": limit})


async def finished(pool: Pool, before: datetime, limit: int = PAGE) -> list[Finished]:
    """Activations that are over, newest first."""
    return await _all(pool, Finished, _FINISHED, {"before": before, "limit": limit})


async def slowest(pool: Pool, since: datetime, limit: int = 5) -> list[Slow]:
    """The devices that took longest."""
    return await _all(pool, Slow, _SLOWEST, {"since": since, "limit": limit})


async def failures(pool: Pool, since: datetime, limit: int = 8) -> list[Failed]:
    """The newest failures, one for each device."""
    return await _all(pool, Failed, _FAILURES, {"since": since, "limit": limit})


async def accesses(
    pool: Pool, chosen: Filter, before: datetime, before_id: UUID | None = None, limit: int = PAGE
) -> list[Access]:
    """A page of resources, newest first, behind the one with this time and ID."""
    parameters = {
        "state": chosen.state,
        "running": chosen.running,
        "search": chosen.search,
        "before": before,
        "before_id": before_id or _LATEST_ID,
        "limit": limit,
    }
    return await _all(pool, Access, _ACCESSES, parameters)


async def access(pool: Pool, access_id: UUID) -> Access | None:
    """One resource."""
    return next(iter(await _all(pool, Access, _ACCESS, {"id": access_id})), None)


async def requests(pool: Pool, access_id: UUID) -> list[bytes]:
    """The requests of a resource, as they are stored."""
    async with connected(pool) as connection:
        rows = await (await connection.execute(_REQUESTS, {"id": access_id}, binary=True)).fetchall()
    return [row[0] for row in rows]


async def activations(pool: Pool, access_id: UUID, before: int = 2**31 - 1, limit: int = 20) -> list[Activation]:
    """The newest activations of a resource whose number is below `before`."""
    return await _all(pool, Activation, _ACTIVATIONS, {"id": access_id, "before": before, "limit": limit})


async def devices_done(
    pool: Pool, access_id: UUID, number: int, *, failed: bool = False, after: str = "", limit: int = PAGE
) -> list[DeviceDone]:
    """A page of the devices that have results in an activation, or of those that failed."""
    parameters = {"id": access_id, "number": number, "failed": failed, "after": after, "limit": limit}
    return await _all(pool, DeviceDone, _DEVICES_DONE, parameters)


async def devices_waiting(pool: Pool, access_id: UUID, number: int, limit: int = PAGE) -> list[Waiting]:
    """Some devices of an activation under way that have not answered."""
    return await _all(pool, Waiting, _DEVICES_WAITING, {"id": access_id, "number": number, "limit": limit})


async def failed_devices(pool: Pool, access_id: UUID, number: int, limit: int) -> list[str]:
    """The devices that failed in an activation."""
    async with connected(pool) as connection:
        cursor = await connection.execute(_FAILED_DEVICES, {"id": access_id, "number": number, "limit": limit})
        return [row[0] for row in await cursor.fetchall()]


async def results(pool: Pool, access_id: UUID, number: int, device_id: str) -> list[StoredResult]:
    """Every request of a resource, and what it came to on one device in an activation."""
    return await _all(pool, StoredResult, _RESULTS, {"id": access_id, "number": number, "device_id": device_id})


async def series(
    pool: Pool, access_id: UUID, wanted: Sequence[int], device_ids: Sequence[str], activations: int = 200
) -> list[Answered]:
    """The answers to some requests in the newest activations, oldest first for each device and request."""
    parameters = {
        "id": access_id,
        "requests": list(wanted),
        "device_ids": list(device_ids),
        "activations": activations,
    }
    return await _all(pool, Answered, _SERIES, parameters)


async def devices(
    pool: Pool, search: str | None = None, kind: str | None = None, after: str = "", limit: int = PAGE
) -> list[DeviceRow]:
    """A page of devices: of a name that begins as searched, with a last outcome (`troubled`: any but answered)."""
    statement = _DEVICES
    if kind not in (None, "answered", "never"):
        statement = _DEVICES_TROUBLED
    elif search and kind is None:
        statement = _DEVICES_NAMED
    parameters = {"search": search, "kind": kind, "after": after, "limit": limit}
    return await _all(pool, DeviceRow, statement, parameters)


async def device(pool: Pool, name: str) -> DeviceRow | None:
    """One device, by any of its names."""
    title = name if is_system_title(name) else ""
    return next(iter(await _all(pool, DeviceRow, _DEVICE, {"name": name, "title": title})), None)


async def device_accesses(pool: Pool, device_id: str, limit: int = 12) -> list[DeviceAccessed]:
    """The newest resources of a device."""
    return await _all(pool, DeviceAccessed, _DEVICE_ACCESSES, {"device_id": device_id, "limit": limit})


async def device_groups(pool: Pool, device_id: str) -> list[str]:
    """The groups of a device, but for the one that holds all."""
    async with connected(pool) as connection:
        cursor = await connection.execute(_DEVICE_GROUPS, {"device_id": device_id})
        return [row[0] for row in await cursor.fetchall()]


async def _all(pool: Pool, cls: type[T], statement: bytes, parameters: Mapping[str, object]) -> list[T]:
    async with connected(pool) as connection, connection.cursor(row_factory=class_row(cls)) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


def a_day_before(now: datetime) -> datetime:
    """The beginning of what the overview looks at."""
    return now - timedelta(days=1)
