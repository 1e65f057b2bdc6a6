"""One operation at a time on a device, across all processes: advisory locks on one connection of each process.

A lock is asked for without waiting, many at a time in one statement, and again after a moment if another process has
it. What the registry says of the devices is read right behind the locks, in the same round trip.

Locks die with their process, and when it stands still for a while (`cas.store.standing`). They also die with the
connection, when the database restarts: they are then taken anew before any other is; one that another process was
faster to get is only told of, as the meter itself refuses a second association.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

from psycopg import OperationalError
from psycopg.rows import TupleRow

from cas.devices.model import normalise_name
from cas.devices.registry import Registered, ask_for_devices, by_name, read_device
from cas.store.batch import Batcher
from cas.store.database import Connection
from cas.store.errors import DatabaseUnavailable
from cas.store.queries import query
from cas.store.standing import BEAT, beat, open_standing
from cas.system_events import Kind, tell
from cas.tasks import end

# Seconds between attempts to get a lock that another process has; doubled up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5

_Granted: TypeAlias = Mapping[str, TupleRow] | None
"""What the registry says of the devices asked for together; None: another process has this one."""

_LOCK = query("device_lock")
_UNLOCK = query("device_unlock")


class Exclusion:
    """The devices that this process has for itself. `open_exclusion` makes one."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._held: set[int] = set()
        self._one_at_a_time = asyncio.Lock()
        self._returning: set[asyncio.Future[None]] = set()
        self._locking: Batcher[str, _Granted] = Batcher(self._lock)
        self._unlocking: Batcher[int, None] = Batcher(self._unlock)

    @asynccontextmanager
    async def hold(self, device_id: str) -> AsyncIterator[Registered | None]:
        """Have a device, once no other process has it: what the registry says of it now; None: it has no such device.

        Raises DatabaseUnavailable; TypeError, ValueError for a device that a later release knows more of.
        """
        pause = FIRST_PAUSE
        # Shielded: a lock that is granted when nobody waits for it any more would stay for ever.
        while (rows := await self._shielded(device_id)) is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        try:
            row = rows.get(normalise_name(device_id))
            yield None if row is None else read_device(row)
        finally:
            await asyncio.shield(self._unlocking.add(_key(device_id)))

    async def beat(self) -> None:
        """Show every `BEAT` that the process goes on, and take the locks anew when they were lost; until canceled."""
        while True:
            await asyncio.sleep(BEAT)
            async with self._one_at_a_time:
                try:
                    if self._connection is not None:
                        await beat(self._connection)
                    elif self._held:
                        await self._connect()
                except OperationalError:
                    await self._drop()

    async def close(self) -> None:
        """Give up all devices."""
        async with self._one_at_a_time:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

    async def _shielded(self, device_id: str) -> _Granted:
        asked = self._locking.add(device_id)
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: self._give_back(_key(device_id), done))
            raise

    def _give_back(self, key: int, done: "asyncio.Future[_Granted]") -> None:
        if not done.cancelled() and done.exception() is None and done.result() is not None:
            returning = self._unlocking.add(key)
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)

    async def _lock(self, device_ids: Sequence[str]) -> list[_Granted]:
        async with self._one_at_a_time:
            # PostgreSQL grants a connection the same lock again and again.
            free = {key: device_id for device_id in device_ids if (key := _key(device_id)) not in self._held}
            answers, rows = await self._ask(free)
            granted = {device_id for device_id, is_granted in zip(free.values(), answers, strict=True) if is_granted}
            self._held.update(map(_key, granted))
            mine: list[_Granted] = []
            for device_id in device_ids:
                mine.append(rows if device_id in granted else None)
                granted.discard(device_id)
            return mine

    async def _ask(self, wanted: Mapping[int, str]) -> tuple[list[bool], Mapping[str, TupleRow]]:
        """Whether each of these locks was granted, and what the registry says of their devices."""
        if not wanted:
            return [], {}
        for is_last in (False, True):
            try:
                connection = self._connection or await self._connect()
                async with connection.pipeline():
                    locked = await connection.execute(_LOCK, {"keys": list(wanted)})
                    found = await ask_for_devices(connection, wanted.values())
                granted = [row[0] for row in await locked.fetchall()]
                return granted, by_name(await found.fetchall())
            except Exception as problem:
                # With what was granted, whatever it is; the locks that are held are taken anew.
                await self._drop()
                if is_last and not isinstance(problem, OperationalError):
                    raise
                if is_last:
                    raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from problem
        raise AssertionError

    async def _unlock(self, keys: Sequence[int]) -> list[None]:
        async with self._one_at_a_time:
            self._held.difference_update(keys)
            if self._connection is not None:
                try:
                    await _execute(self._connection, _UNLOCK, keys)
                except OperationalError:
                    await self._drop()  # and with it go the locks
        return [None] * len(keys)

    async def _connect(self) -> Connection:
        self._connection = connection = await open_standing(self._conninfo)
        if self._held:
            keys = list(self._held)
            mine = [row[0] for row in await _execute(connection, _LOCK, keys)]
            tell(Kind.LOCKS_LOST, devices=len(keys), lost=mine.count(False))
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OperationalError):
                await connection.close()


@asynccontextmanager
async def open_exclusion(conninfo: str) -> AsyncIterator[Exclusion]:
    """Locks on a connection of their own, which is made when the first is needed."""
    exclusion = Exclusion(conninfo)
    beating = asyncio.create_task(exclusion.beat(), name="locks on devices")
    try:
        yield exclusion
    finally:
        await end(beating)
        await exclusion.close()


async def _execute(connection: Connection, statement: bytes, keys: Sequence[int]) -> list[TupleRow]:
    return await (await connection.execute(statement, {"keys": list(keys)})).fetchall()


def _key(device_id: str) -> int:
    """64 bits; two devices that share them by chance only wait for each other."""
    return int.from_bytes(hashlib.sha256(b"cas device\0" + device_id.encode()).digest()[:8], "big", signed=True)
