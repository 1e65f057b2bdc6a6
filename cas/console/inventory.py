"""Devices as the pages show them: the registry, and how communication went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cas.access.statistics import Kind, Statistic, state_of
from cas.console.rows import PAGE, fetch
from cas.devices.model import Authentication, Device, Protection, is_system_title, without_password
from cas.store.database import Pool, connected
from cas.store.queries import query

_DEVICES = query("console_devices")
_DEVICES_NAMED = query("console_devices_named")
_DEVICES_TROUBLED = query("console_devices_troubled")
_DEVICE = query("console_device")
_DEVICE_ACCESSES = query("console_device_accesses")
_DEVICE_GROUPS = query("console_device_groups")


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
    under_way: bool
    reason: str | None
    asked: list[bytes]
    """The first requests."""
    requests: int


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
    return await fetch(pool, DeviceRow, statement, parameters)


async def device(pool: Pool, name: str) -> DeviceRow | None:
    """One device, by any of its names."""
    title = name if is_system_title(name) else ""
    return next(iter(await fetch(pool, DeviceRow, _DEVICE, {"name": name, "title": title})), None)


async def device_accesses(pool: Pool, device_id: str, limit: int = 12) -> list[DeviceAccessed]:
    """The newest resources of a device."""
    return await fetch(pool, DeviceAccessed, _DEVICE_ACCESSES, {"device_id": device_id, "limit": limit})


async def device_groups(pool: Pool, device_id: str) -> list[str]:
    """The groups of a device, but for the one that holds all."""
    async with connected(pool) as connection:
        cursor = await connection.execute(_DEVICE_GROUPS, {"device_id": device_id})
        return [row[0] for row in await cursor.fetchall()]
