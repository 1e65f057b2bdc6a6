"""DeviceAccess as the pages show it: resources, activations, results; the queries stand in `store/sql/console.sql`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import UUID

from cas.access.failures import ADVICE
from cas.console.rows import PAGE, fetch
from cas.store.database import Pool, connected
from cas.store.queries import query

LATEST = datetime.max.replace(tzinfo=UTC)
"""Later than everything."""
_LATEST_ID = UUID(int=2**128 - 1)

_RUNNING = query("console_running")
_FINISHED = query("console_finished")
_ACCESSES = query("console_accesses")
_ACCESS = query("console_access")
_REQUESTS = query("console_requests")
_ACTIVATIONS = query("console_activations")
_KEPT = query("console_kept")
_DEVICES_DONE = query("console_devices_done")
_DEVICES_WAITING = query("console_devices_waiting")
_DEVICES_TRYING = query("console_devices_trying")
_REASONS = query("console_reasons")
_FAILED_DEVICES = query("console_failed_devices")
_RESULTS = query("console_results")
_SERIES = query("console_series")


@dataclass(frozen=True, slots=True)
class Running:
    """An activation under way; `done` and `failed` count devices, those that failed are done."""

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
    trying: int
    """Devices that failed and will be tried again."""

    def left(self, now: datetime) -> float | None:
        """Seconds that it still takes if it goes on as it went; None while nobody can tell."""
        passed = (now - self.activated_at).total_seconds()
        if not self.done or self.done >= self.devices or passed < 10:
            return None
        return passed * (self.devices - self.done) / self.done


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
class Access:
    """A resource with its last activation."""

    id: UUID
    created_at: datetime
    state: str
    source: str | None
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
class Kept:
    """An activation, and until when its results are kept, which says where they stand."""

    id: UUID
    number: int
    kept_until: str | None


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
    details: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why devices failed in an activation, or are tried again."""

    reason: str
    failed: int
    trying: int

    @property
    def advice(self) -> str:
        """What an operator can do."""
        return ADVICE.get(self.reason, "")


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
class Filter:
    """Which resources are listed."""

    state: str | None = None
    running: bool = False
    failed: bool = False
    """The last activation failed on some device."""
    search: str | None = None


async def running(pool: Pool, limit: int = 20) -> list[Running]:
    """Activations under way, newest first."""
    return await fetch(pool, Running, _RUNNING, {"limit": limit})


async def finished(pool: Pool, before: datetime, limit: int = PAGE) -> list[Finished]:
    """Activations that are over, newest first."""
    return await fetch(pool, Finished, _FINISHED, {"before": before, "limit": limit})


async def accesses(
    pool: Pool, chosen: Filter, before: datetime, before_id: UUID | None = None, limit: int = PAGE
) -> list[Access]:
    """A page of resources, newest first, behind the one with this time and ID."""
    parameters = {
        "state": chosen.state,
        "running": chosen.running,
        "failed": chosen.failed,
        "search": chosen.search,
        "before": before,
        "before_id": before_id or _LATEST_ID,
        "limit": limit,
    }
    return await fetch(pool, Access, _ACCESSES, parameters)


async def access(pool: Pool, access_id: UUID) -> Access | None:
    """One resource."""
    return next(iter(await fetch(pool, Access, _ACCESS, {"id": access_id})), None)


async def requests(pool: Pool, access_id: UUID) -> list[bytes]:
    """The requests of a resource, as they are stored."""
    async with connected(pool) as connection:
        rows = await (await connection.execute(_REQUESTS, {"id": access_id}, binary=True)).fetchall()
    return [row[0] for row in rows]


async def activations(pool: Pool, access_id: UUID, before: int = 2**31 - 1, limit: int = 20) -> list[Activation]:
    """The newest activations of a resource whose number is below `before`."""
    return await fetch(pool, Activation, _ACTIVATIONS, {"id": access_id, "before": before, "limit": limit})


async def kept(pool: Pool, access_id: UUID, number: int) -> Kept:
    """Where the results of an activation stand."""
    found = await fetch(pool, Kept, _KEPT, {"id": access_id, "number": number})
    return found[0] if found else Kept(access_id, number, None)


async def devices_done(
    pool: Pool, activation: Kept, *, failed: bool = False, why: str | None = None, after: str = "", limit: int
) -> list[DeviceDone]:
    """A page of the devices that have results in an activation, or of those that failed, for a reason."""
    parameters = {**asdict(activation), "failed": failed, "why": why, "after": after, "limit": limit}
    return await fetch(pool, DeviceDone, _DEVICES_DONE, parameters)


async def devices_waiting(pool: Pool, activation: Kept, limit: int) -> list[Waiting]:
    """Some devices of an activation under way that have not answered, those that were tried first."""
    return await fetch(pool, Waiting, _DEVICES_WAITING, {**asdict(activation), "limit": limit})


async def devices_trying(pool: Pool, activation: Kept, why: str | None, after: str, limit: int) -> list[Waiting]:
    """A page of the devices of an activation under way that failed, for a reason, and are tried again."""
    parameters = {**asdict(activation), "why": why, "after": after, "limit": limit}
    return await fetch(pool, Waiting, _DEVICES_TRYING, parameters)


async def reasons(pool: Pool, activation: Kept) -> list[Reason]:
    """Why devices failed in an activation, or are tried again, the most frequent reason first."""
    return await fetch(pool, Reason, _REASONS, asdict(activation))


async def failed_devices(pool: Pool, activation: Kept, why: str | None, limit: int) -> list[str]:
    """The devices that failed in an activation, for a reason."""
    parameters = {**asdict(activation), "why": why, "limit": limit}
    async with connected(pool) as connection:
        return [row[0] for row in await (await connection.execute(_FAILED_DEVICES, parameters)).fetchall()]


async def results(pool: Pool, activation: Kept, device_id: str) -> list[StoredResult]:
    """Every request of a resource, and what it came to on one device in an activation."""
    return await fetch(pool, StoredResult, _RESULTS, {**asdict(activation), "device_id": device_id})


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
    return await fetch(pool, Answered, _SERIES, parameters)
