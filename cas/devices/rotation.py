"""Putting all stored keys under the newest master key, and checking that all can be read.

Rotation goes in pages, each of them one transaction: it may be stopped anywhere, and goes on where it was. Processes
that run meanwhile need both master keys, the new one first.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from cas.devices.errors import KeyUnreadable
from cas.devices.keys import KeyKind, Keyring, SealedKey
from cas.store.database import Pool, connected
from cas.store.queries import query

PAGE = 1000

_TALLY = query("keys_tally")
_AFTER = query("keys_after")
_UNDER_OTHERS = query("keys_under_others")
_REWRAP = query("keys_rewrap")


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


async def tally(pool: Pool) -> list[Tally]:
    """What is under which master key."""
    async with connected(pool) as connection:
        return [Tally(*row) for row in await (await connection.execute(_TALLY)).fetchall()]


async def rotate(pool: Pool, keyring: Keyring, progress: Callable[[int], None] = lambda _: None) -> Rotated:
    """Put every key under the first master key of the ring; `progress` is told how many have been dealt with."""
    done, unreadable, after = 0, list[str](), ("", "")
    while True:
        async with connected(pool) as connection, connection.transaction():
            place = {"device_id": after[0], "kind": after[1], "page": PAGE, "master_key_id": keyring.current_id}
            rows = await (await connection.execute(_UNDER_OTHERS, place)).fetchall()
            sealed: list[tuple[str, KeyKind, SealedKey]] = []
            for device_id, kind, master_key_id, wrapped in rows:
                try:
                    key = keyring.unseal(device_id, KeyKind(kind), SealedKey(master_key_id, wrapped))
                except KeyUnreadable as problem:
                    unreadable.append(str(problem))
                else:
                    sealed.append((device_id, KeyKind(kind), keyring.seal(device_id, KeyKind(kind), key)))
            columns: dict[str, Sequence[object]] = {
                "device_ids": [device_id for device_id, _, _ in sealed],
                "kinds": [kind.value for _, kind, _ in sealed],
                "master_key_ids": [key.master_key_id for _, _, key in sealed],
                "wrapped": [key.wrapped for _, _, key in sealed],
            }
            await connection.execute(_REWRAP, columns)
        done += len(sealed)
        progress(done + len(unreadable))
        if len(rows) < PAGE:
            return Rotated(done, tuple(unreadable))
        after = (rows[-1][0], rows[-1][1])


async def unreadable_keys(pool: Pool, keyring: Keyring, progress: Callable[[int], None]) -> AsyncGenerator[str]:
    """Why stored keys cannot be read, one line for each; `progress` is told how many have been read."""
    seen, after = 0, ("", "")
    while True:
        async with connected(pool) as connection:
            place = {"device_id": after[0], "kind": after[1], "page": PAGE}
            rows = await (await connection.execute(_AFTER, place)).fetchall()
        for device_id, kind, master_key_id, wrapped in rows:
            try:
                keyring.unseal(device_id, KeyKind(kind), SealedKey(master_key_id, wrapped))
            except KeyUnreadable as problem:
                yield str(problem)
        seen += len(rows)
        progress(seen)
        if len(rows) < PAGE:
            return
        after = (rows[-1][0], rows[-1][1])
