"""Putting all stored keys under the newest master key, and checking that all can be read.

Keys of devices and secrets in requests are sealed alike, and count alike. Rotation goes in pages, each of them one
transaction: it may be stopped anywhere, and goes on where it was. Processes that run meanwhile need both master keys,
the new one first.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from cas.devices.errors import KeyUnreadable
from cas.devices.keys import KeyKind, Keyring, SealedKey, Secret, key_context, request_context
from cas.store.database import Pool, connected
from cas.store.queries import query

PAGE = 1000

_TALLY = query("keys_tally")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many keys, of how many devices, are under a master key."""

    master_key_id: str
    keys: int
    devices: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: keys that are under the newest master key now, and those that cannot be read."""

    done: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A table of sealed keys: its rows begin with the two columns of the primary key, master key and sealed key."""

    after: bytes
    under_others: bytes
    rewrap: bytes
    before_all: tuple[Any, Any]
    context: Callable[[TupleRow], bytes]
    what: Callable[[TupleRow], str]

    def open(self, keyring: Keyring, row: TupleRow) -> Secret:
        """The key of a row. Raises KeyUnreadable."""
        return keyring.unseal_for(self.context(row), SealedKey(row[2], row[3]), self.what(row))


_SHELVES = (
    _Shelf(
        query("keys_after"),
        query("keys_under_others"),
        query("keys_rewrap"),
        ("", ""),
        lambda row: key_context(row[0], KeyKind(row[1])),
        lambda row: f"device {row[0]}: its {row[1]} key",
    ),
    _Shelf(
        query("requests_after"),
        query("requests_under_others"),
        query("requests_rewrap"),
        (UUID(int=0), -1),
        lambda row: request_context(row[0], row[4]),
        lambda row: f"resource {row[0]}: the secret in its request {row[1] + 1}",
    ),
)


async def tally(pool: Pool) -> list[Tally]:
    """What is under which master key."""
    async with connected(pool) as connection:
        return [Tally(*row) for row in await (await connection.execute(_TALLY)).fetchall()]


async def rotate(pool: Pool, keyring: Keyring, progress: Callable[[int], None] = lambda _: None) -> Rotated:
    """Put every key under the first master key of the ring; `progress` is told how many have been dealt with."""
    done, unreadable = 0, list[str]()
    for shelf in _SHELVES:
        after: tuple[Any, Any] | None = shelf.before_all
        while after is not None:
            sealed, after = await _rotate_page(pool, keyring, shelf, after, unreadable)
            done += sealed
            progress(done + len(unreadable))
    return Rotated(done, tuple(unreadable))


async def _rotate_page(
    pool: Pool, keyring: Keyring, shelf: _Shelf, after: tuple[Any, Any], unreadable: list[str]
) -> tuple[int, tuple[Any, Any] | None]:
    """Rotate the next keys; return how many, and behind which to go on, if there may be more."""
    async with connected(pool) as connection, connection.transaction():
        place = {"first": after[0], "second": after[1], "page": PAGE, "master_key_id": keyring.current_id}
        rows = await (await connection.execute(shelf.under_others, place)).fetchall()
        sealed: list[tuple[TupleRow, SealedKey]] = []
        for row in rows:
            try:
                sealed.append((row, keyring.seal_for(shelf.context(row), shelf.open(keyring, row))))
            except KeyUnreadable as problem:
                unreadable.append(str(problem))
        columns = {
            "firsts": [row[0] for row, _ in sealed],
            "seconds": [row[1] for row, _ in sealed],
            "master_key_ids": [key.master_key_id for _, key in sealed],
            "wrapped": [key.wrapped for _, key in sealed],
        }
        await connection.execute(shelf.rewrap, columns)
    return len(sealed), None if len(rows) < PAGE else (rows[-1][0], rows[-1][1])


async def unreadable_keys(pool: Pool, keyring: Keyring, progress: Callable[[int], None]) -> AsyncGenerator[str]:
    """Why stored keys cannot be read, one line for each; `progress` is told how many have been read."""
    seen = 0
    for shelf in _SHELVES:
        after: tuple[Any, Any] | None = shelf.before_all
        while after is not None:
            async with connected(pool) as connection:
                place = {"first": after[0], "second": after[1], "page": PAGE}
                rows = await (await connection.execute(shelf.after, place)).fetchall()
            for row in rows:
                try:
                    shelf.open(keyring, row)
                except KeyUnreadable as problem:
                    yield str(problem)
            seen += len(rows)
            progress(seen)
            after = None if len(rows) < PAGE else (rows[-1][0], rows[-1][1])
