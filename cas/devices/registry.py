"""The registry: devices by name, by page, and their registration.

Every function takes the pool; none holds state. Names are DeviceIDs, system titles or aliases, as a request gives them.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from cas.devices.errors import UnknownDevice
from cas.devices.keys import KeyKind, Keyring, SealedKey, Secret
from cas.devices.model import (
    Authentication,
    Device,
    Protection,
    Quirks,
    is_system_title,
    normalise_name,
)
from cas.store.database import Connection, Pool, connected
from cas.store.queries import query

_BY_NAME = query("devices_by_name")
_IDS_BY_NAME = query("device_ids_by_name")
_AFTER = query("devices_after")
_REMOVE = query("devices_remove")

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Registered:
    """A device with its keys as they are stored."""

    device: Device
    sealed_keys: Mapping[KeyKind, SealedKey]

    @property
    def missing_keys(self) -> list[KeyKind]:
        """The keys without which its association cannot be opened."""
        return sorted(self.device.needed_keys.difference(self.sealed_keys))

    def unseal(self, keyring: Keyring) -> dict[KeyKind, Secret]:
        """The keys. Raises KeyUnreadable."""
        return {kind: keyring.unseal(self.device.device_id, kind, sealed) for kind, sealed in self.sealed_keys.items()}


async def find_devices(pool: Pool, names: Iterable[str]) -> dict[str, Registered]:
    """The devices of these names in one query, by the name as given; names that no device has are left out.

    Raises DatabaseUnavailable.
    """
    async with connected(pool) as connection:
        return await find_devices_on(connection, names)


async def find_devices_on(connection: Connection, names: Iterable[str]) -> dict[str, Registered]:
    """As `find_devices`, inside the caller's transaction."""
    wanted = {name: normalise_name(name) for name in names}
    rows = await (await ask_for_devices(connection, wanted)).fetchall()
    registered = [read_device(row) for row in rows]
    return _by_given(wanted, ((each.device.system_title, each.device.alias, each) for each in registered))


async def ask_for_devices(connection: Connection, names: Iterable[str]) -> AsyncCursor[TupleRow]:
    """As `find_devices_on`, for a pipeline: the rows are to be fetched when that is over, and read by `read_device`."""
    return await connection.execute(_BY_NAME, _parted(map(normalise_name, names)), binary=True)


async def find_device_ids(pool: Pool, names: Iterable[str]) -> dict[str, str]:
    """The DeviceIDs of these names, by the name as given; names that no device has are left out.

    Raises DatabaseUnavailable.
    """
    wanted = {name: normalise_name(name) for name in names}
    async with connected(pool) as connection:
        cursor = await connection.execute(_IDS_BY_NAME, _parted(wanted.values()), binary=True)
        rows = await cursor.fetchall()
    return _by_given(wanted, ((title, alias, device_id) for device_id, title, alias in rows))


def _parted(names: Iterable[str]) -> dict[str, object]:
    parted: dict[bool, list[str]] = {True: [], False: []}
    for name in names:
        parted[is_system_title(name)].append(name)
    return {"titles": [bytes.fromhex(name) for name in parted[True]], "aliases": parted[False]}


def _by_given(wanted: Mapping[str, str], found: Iterable[tuple[bytes | None, str | None, _Found]]) -> dict[str, _Found]:
    """What was found of devices, by the names that were given for their system titles and aliases."""
    named = _named(found)
    return {given: named[name] for given, name in wanted.items() if name in named}


def by_name(rows: Iterable[TupleRow]) -> dict[str, TupleRow]:
    """Rows of devices by each of their names, normalised."""
    return _named((row[1], row[2], row) for row in rows)


def _named(found: Iterable[tuple[bytes | None, str | None, _Found]]) -> dict[str, _Found]:
    named: dict[str, _Found] = {}
    for title, alias, what in found:
        if alias is not None:
            named[alias] = what
        if title is not None:
            named[title.hex().upper()] = what
    return named


async def get_device(pool: Pool, name: str) -> Registered:
    """The device of this name. Raises UnknownDevice."""
    found = await find_devices(pool, [name])
    if name not in found:
        raise UnknownDevice([name])
    return found[name]


async def iterate_devices(pool: Pool, prefix: str = "", *, page: int = 1000) -> AsyncGenerator[Registered]:
    """All devices whose DeviceID begins with `prefix`, in the order of their DeviceIDs, in constant memory."""
    after = ""
    while True:
        async with pool.connection() as connection:
            cursor = await connection.execute(_AFTER, {"prefix": prefix, "after": after, "page": page}, binary=True)
            rows = await cursor.fetchall()
        for row in rows:
            yield read_device(row)
        if len(rows) < page:
            return
        after = rows[-1][0]


async def remove_devices(pool: Pool, names: Iterable[str]) -> list[str]:
    """Remove these devices and their keys, all or none; return their DeviceIDs. Raises UnknownDevice.

    Their invocation counters stay: the same keys may be registered again.
    """
    wanted = list(names)
    async with pool.connection() as connection, connection.transaction():
        found = await find_devices_on(connection, wanted)
        unknown = [name for name in wanted if name not in found]
        if unknown:
            raise UnknownDevice(unknown)
        device_ids = sorted({registered.device.device_id for registered in found.values()})
        await connection.execute(_REMOVE, {"device_ids": device_ids})
    return device_ids


def read_device(row: TupleRow) -> Registered:
    """A device of the columns that every query of devices has. Raises TypeError, ValueError for newer ones."""
    quirks: Mapping[str, Any] | None = row[9]  # NULL for none, as for the labels: most have neither
    return Registered(
        Device(
            device_id=row[0],
            system_title=row[1],
            alias=row[2],
            url=row[3],
            authentication=Authentication(row[4]),
            suite=row[5],
            protection=Protection(row[6]),
            client_system_title=row[7],
            max_pdu=row[8],
            quirks=Quirks(**quirks) if quirks else _NO_QUIRKS,
            labels=row[10] or {},
        ),
        {
            KeyKind(kind): SealedKey(master_key_id, wrapped)
            for kind, master_key_id, wrapped in zip(row[11], row[12], row[13], strict=True)
        },
    )


_NO_QUIRKS = Quirks()


def quirks_as_stored(quirks: Quirks) -> dict[str, object]:
    """Only what departs from the default, so that a default may change."""
    return {name: value for name, value in asdict(quirks).items() if value != getattr(_NO_QUIRKS, name)}
