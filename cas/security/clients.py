"""Where clients and roles are kept: a TOML file, or the database; and changing those of the database."""

import tomllib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from cas.errors import ConfigurationError
from cas.security.errors import ClientRefused
from cas.security.model import Client, Definitions, Directory, Role, directory_of, read_definitions
from cas.store.database import Connection, Pool, connected
from cas.store.queries import query
from cas.system_events import Kind, tell

# Seconds until a change is seen: a client that was removed may ask no longer than this.
FRESH = 2.0

_LOCK = query("clients_lock")
_ALL = query("clients_all")
_WRITE = query("clients_write")
_REMOVE = query("clients_remove")
_WRITE_ROLES = query("roles_write")
_REMOVE_ROLES = query("roles_remove")


class Directories:
    """The directory as it is now, read again when it is older than `FRESH` seconds."""

    def __init__(self, load: Callable[[], Awaitable[Directory]], clock: Callable[[], float]) -> None:
        self._load = load
        self._clock = clock
        self._directory: Directory | None = None
        self._read_at = 0.0

    async def get(self) -> Directory:
        """The directory. Raises StoreError, or ClientRefused where there never was a valid one."""
        now = self._clock()
        if self._directory is None or now - self._read_at >= FRESH:
            try:
                self._directory = await self._load()
            except (ClientRefused, ConfigurationError) as problem:
                if self._directory is None:
                    raise
                tell(Kind.DEFINITIONS_INVALID, "clients", problem=str(problem))
            self._read_at = now
        return self._directory


def from_file(path: Path) -> Callable[[], Awaitable[Directory]]:
    """A loader of the directory in a file."""

    async def load() -> Directory:
        return directory_of(read_file(path))

    return load


def from_database(pool: Pool) -> Callable[[], Awaitable[Directory]]:
    """A loader of the directory in the database."""

    async def load() -> Directory:
        async with connected(pool) as connection:
            return directory_of(await _read(connection))

    return load


def read_file(path: Path) -> Definitions:
    """The definitions of a TOML file. Raises ClientRefused, ConfigurationError."""
    try:
        return read_definitions(tomllib.loads(path.read_text("utf-8")))
    except OSError as problem:
        raise ConfigurationError(f"{path}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ConfigurationError(f"{path}: not TOML: {problem}") from None
    except ClientRefused as problem:
        raise ClientRefused([f"{path}: {line}" for line in problem.problems]) from None


async def read_directory(pool: Pool) -> Directory:
    """The directory in the database."""
    return await from_database(pool)()


async def put_definitions(pool: Pool, given: Definitions) -> None:
    """Add these roles and clients, or replace those of the same names; all or none. Raises ClientRefused."""
    async with connected(pool) as connection, connection.transaction():
        await connection.execute(_LOCK)
        standing = await _read(connection)
        directory_of(
            Definitions(role=_merged(standing.role, given.role), client=_merged(standing.client, given.client))
        )
        await _write(connection, _WRITE_ROLES, given.role)
        await _write(connection, _WRITE, given.client)


async def remove_clients(pool: Pool, names: Iterable[str], *, roles: Iterable[str] = ()) -> None:
    """Remove clients, and roles that no client has any more; all or none. Raises ClientRefused."""
    gone, gone_roles = set(names), set(roles)
    async with connected(pool) as connection, connection.transaction():
        await connection.execute(_LOCK)
        standing = await _read(connection)
        problems = [f"no client {name}" for name in sorted(gone - {client.name for client in standing.client})]
        problems += [f"no role {name}" for name in sorted(gone_roles - {role.name for role in standing.role})]
        if problems:
            raise ClientRefused(problems)
        directory_of(
            Definitions(
                role=tuple(role for role in standing.role if role.name not in gone_roles),
                client=tuple(client for client in standing.client if client.name not in gone),
            )
        )
        await connection.execute(_REMOVE, {"names": sorted(gone)})
        await connection.execute(_REMOVE_ROLES, {"names": sorted(gone_roles)})


async def _read(connection: Connection) -> Definitions:
    cursor = await connection.execute(_ALL)
    found: dict[str, list[Any]] = {"role": [], "client": []}
    for kind, definition in await cursor.fetchall():
        found[kind].append(definition)
    return read_definitions(found)


async def _write(connection: Connection, statement: bytes, entries: Iterable[Role | Client]) -> None:
    listed = list(entries)
    if listed:
        definitions = [Jsonb(entry.model_dump(mode="json", exclude_defaults=True)) for entry in listed]
        await connection.execute(statement, {"names": [entry.name for entry in listed], "definitions": definitions})


def _merged(standing: Iterable[Any], given: Iterable[Any]) -> tuple[Any, ...]:
    new = list(given)
    replaced = {entry.name for entry in new}
    return (*(entry for entry in standing if entry.name not in replaced), *new)
