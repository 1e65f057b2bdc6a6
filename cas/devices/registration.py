"""Registration: rows are validated, compared with the registry and written in one transaction, all or nothing.

A row replaces the profile of its device; a key that it does not give stays as it is. Rows come as a stream, so that a
file of a million devices needs little more memory than one of a thousand.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from cas.devices.entry import Entry, parse_entry
from cas.devices.errors import DeviceRefused
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.model import Device, normalise_name
from cas.devices.registry import Registered, find_devices_on, quirks_as_stored
from cas.store.database import Connection, Pool
from cas.store.queries import query

_LOCK = query("devices_lock")
_WRITE = query("devices_write")
_WRITE_KEYS = query("device_keys_write")

CHUNK = 2000
MAX_PROBLEMS = 50
"""A file of another kind has a problem on every line; so many are told."""


@dataclass(frozen=True, slots=True)
class Row:
    """Fields of one device as given; `place` (`meters.csv:17`) begins the messages about it, and may be empty."""

    fields: Mapping[str, Any]
    place: str = ""


@dataclass(slots=True)
class Summary:
    """What a registration did, as numbers of devices."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    without_keys: int = 0
    """Of all these, those that lack a key which their association needs."""


@dataclass(slots=True)
class _Work:
    """What one registration has seen: names by the place that took them, and the problems."""

    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, row: Row, device: object, message: str) -> None:
        named = f"device {device}: " if isinstance(device, str) and device else ""
        self.problems.append(f"{row.place}{': ' if row.place else ''}{named}{message}")

    @property
    def is_hopeless(self) -> bool:
        return len(self.problems) >= MAX_PROBLEMS


async def register_devices(
    pool: Pool, keyring: Keyring, rows: Iterable[Row], progress: Callable[[int], None] = lambda _: None
) -> Summary:
    """Add or change the devices of these rows; `progress` is told how many rows have been dealt with.

    Raises DeviceRefused, which lists the problems of all rows; then nothing has been stored.
    """
    work, summary, seen = _Work(), Summary(), 0
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        for chunk in _chunks(rows):
            entries = _validate(chunk, work)
            if not work.problems:
                await _store(connection, keyring, entries, work, summary)
            if work.is_hopeless:
                break
            seen += len(chunk)
            progress(seen)
        if work.problems:
            more = [f"... only the first {MAX_PROBLEMS} problems are shown"] if work.is_hopeless else []
            raise DeviceRefused([*work.problems[:MAX_PROBLEMS], *more])
    return summary


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _validate(rows: Iterable[Row], work: _Work) -> list[tuple[Row, Entry]]:
    entries = []
    for row in rows:
        entry = parse_entry(row.fields)
        if isinstance(entry, Entry):
            if _is_new(row, entry, work):
                entries.append((row, entry))
        else:
            for name, message in entry:
                work.complain(row, row.fields.get("device_id"), f"{name}: {message}" if name else message)
    return entries


def _is_new(row: Row, entry: Entry, work: _Work) -> bool:
    for name in _names(entry.device):
        if name in work.places:
            work.complain(row, entry.device_id, f"{name} is given twice, first in {work.places[name] or 'this input'}")
            return False
        work.places[name] = row.place
    return True


def _names(device: Device) -> list[str]:
    title = device.system_title.hex().upper() if device.system_title is not None else None
    return [name for name in (title, device.alias) if name is not None]


async def _store(
    connection: Connection, keyring: Keyring, entries: list[tuple[Row, Entry]], work: _Work, summary: Summary
) -> None:
    known = await find_devices_on(connection, [name for _, entry in entries for name in _names(entry.device)])
    devices: list[Device] = []
    keys: list[tuple[str, KeyKind, Secret]] = []
    for row, entry in entries:
        device = entry.device
        old = known.get(normalise_name(entry.device_id))
        taken = [name for name in _names(device) if name in known and known[name].device.device_id != device.device_id]
        if taken:
            owner = known[taken[0]].device.device_id
            work.complain(row, device.device_id, f"{taken[0]} is a name of device {owner}; remove or change that first")
            continue
        new_keys = _new_keys(keyring, old, entry.keys)
        is_changed = old is not None and (old.device != device or bool(new_keys))
        if old is None or old.device != device:
            devices.append(device)
        keys.extend((device.device_id, kind, key) for kind, key in new_keys.items())
        summary.added += old is None
        summary.changed += is_changed
        summary.unchanged += old is not None and not is_changed
        summary.without_keys += not device.needed_keys <= {*entry.keys, *(old.sealed_keys if old else ())}
    if work.problems:
        return
    try:
        await _write(connection, keyring, devices, keys)
    except UniqueViolation as problem:
        work.problems.append(f"a name would belong to two devices: {problem.diag.message_detail}")


def _new_keys(keyring: Keyring, old: Registered | None, given: Mapping[KeyKind, Secret]) -> dict[KeyKind, Secret]:
    # A key that cannot be decrypted any more is replaced by the one that is given.
    if old is None:
        return dict(given)
    return {
        kind: key
        for kind, key in given.items()
        if (sealed := old.sealed_keys.get(kind)) is None
        or keyring.unseal_or_none(old.device.device_id, kind, sealed) != key
    }


async def _write(
    connection: Connection, keyring: Keyring, devices: list[Device], keys: list[tuple[str, KeyKind, Secret]]
) -> None:
    if devices:
        columns = {
            "device_id": [device.device_id for device in devices],
            "system_title": [device.system_title for device in devices],
            "alias": [device.alias for device in devices],
            "url": [device.url for device in devices],
            "authentication": [device.authentication.value for device in devices],
            "suite": [device.suite for device in devices],
            "protection": [device.protection.value for device in devices],
            "client_system_title": [device.client_system_title for device in devices],
            "max_pdu": [device.max_pdu for device in devices],
            "quirks": [Jsonb(quirks_as_stored(device.quirks)) for device in devices],
            "labels": [Jsonb(dict(device.labels)) for device in devices],
        }
        await connection.execute(_WRITE, columns)
    if keys:
        sealed = [keyring.seal(device_id, kind, key) for device_id, kind, key in keys]
        columns_of_keys = {
            "device_id": [device_id for device_id, _, _ in keys],
            "kind": [kind.value for _, kind, _ in keys],
            "master_key_id": [key.master_key_id for key in sealed],
            "wrapped": [key.wrapped for key in sealed],
        }
        await connection.execute(_WRITE_KEYS, columns_of_keys)
