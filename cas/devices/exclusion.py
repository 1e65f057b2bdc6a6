"""One operation at a time on a device, across all processes: advisory locks on one connection of each process.

A lock is asked for without waiting, many at a time in one statement, and again after a moment if another process has
it. Who has waited for long reserves the device, by the lock on the complement of its key, and goes before whoever asks
then: a process with many users of one device would have it for ever. What the registry says of the devices is read
right behind the locks, in the same round trip; right before them go those that are given back, or a moment later by
themselves.

Locks die with their process, and when it stands still for a while (`cas.store.standing`). They also die with the
connection, when the database restarts: they are then taken anew before any other is; one that another process was
faster to get is only told of, as the meter itself refuses a second association.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

from psycopg import Error, OperationalError
from psycopg.rows import TupleRow

from cas.devices.model import normalise_name
from cas.devices.registry import Registered, ask_for_devices, by_name, read_device
from cas.store.batch import Batcher
from cas.store.database import Connection
from cas.store.errors import DatabaseUnavailable
from cas.store.queries import query
from cas.store.standing import BEAT, beat, open_standing
from cas.system_events import Kind, tell
from cas.tasks import end, endless

# Seconds between attempts to get a lock that another process has; doubled up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
# Seconds that a process waits for a device before it reserves it.
RESERVED_AFTER = 2.0
# Seconds in which somebody may ask for a lock, so that those to be given back go along: over when another process that
# waits for one asks again.
TOGETHER_WITHIN = FIRST_PAUSE / 2

_Granted: TypeAlias = Mapping[str, TupleRow] | None
"""What the registry says of the devices asked for together; None: another process has this one."""

_Wanted: TypeAlias = tuple[int, str]
"""A device by its lock and its name."""

_LOCK = query("device_lock")
_LOCK_ANYHOW = query("device_lock_anyhow")
_UNLOCK = query("device_unlock")


class Exclusion:
    """The devices that this process has for itself. `open_exclusion` makes one."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._held: set[int] = set()
        # devices that somebody here has waited for long, and those of them that are reserved for us
        self._overdue: set[int] = set()
        self._reserved: set[int] = set()
        self._one_at_a_time = asyncio.Lock()
        self._returned: list[int] = []
        self._returning: asyncio.Task[None] | None = None
        self._locking: Batcher[_Wanted, _Granted] = Batcher(self._lock)

    async def take(self, device_id: str) -> Registered | None:
        """Have a device, once no other process has it, until `give_back`.

        What the registry says of it now; None: it has no such device, which is held all the same. Raises
        DatabaseUnavailable; TypeError, ValueError for a device that a later release knows more of, which is not held.
        """
        wanted = _key(device_id), device_id
        rows = await self._shielded(wanted)
        if rows is None:
            rows = await self._wait(wanted)
        try:
            row = rows.get(normalise_name(device_id))
            return None if row is None else read_device(row)
        except BaseException:
            self.give_back(device_id)
            raise

    def give_back(self, device_id: str) -> None:
        """Let others have a device, a moment later at the most."""
        self._return(_key(device_id))

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
        await self._locking.close()
        async with self._one_at_a_time:
            self._held.clear()
            await self._drop()
        if self._returning is not None:
            await end(self._returning)

    async def _wait(self, wanted: _Wanted) -> Mapping[str, TupleRow]:
        """Ask for a device that another process has until it is ours."""
        key, _ = wanted
        pause, reserve_at = FIRST_PAUSE, time.monotonic() + RESERVED_AFTER
        try:
            while True:
                await asyncio.sleep(pause)
                if key not in self._overdue and time.monotonic() >= reserve_at:
                    self._overdue.add(key)
                    pause = FIRST_PAUSE  # nobody else has it next: it should not lie idle
                if (rows := await self._shielded(wanted)) is not None:
                    return rows
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self._overdue.discard(key)
            self._release(key)

    async def _shielded(self, wanted: _Wanted) -> _Granted:
        asked = self._locking.add(wanted)
        try:
            # A lock that is granted when nobody waits for it any more would stay for ever.
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: self._unwanted(wanted[0], done))
            raise

    def _unwanted(self, key: int, done: "asyncio.Future[_Granted]") -> None:
        if not done.cancelled() and done.exception() is None and done.result() is not None:
            self._return(key)

    def _return(self, key: int) -> None:
        self._held.discard(key)
        self._return_key(key)

    def _return_key(self, key: int) -> None:
        self._returned.append(key)
        if self._returning is None:
            self._returning = asyncio.create_task(self._return_soon(), name="locks given back")

    async def _lock(self, wanted: Sequence[_Wanted]) -> list[_Granted]:
        async with self._one_at_a_time:
            returned = self._take_returned()
            # PostgreSQL grants a connection the same lock again and again.
            free = {key: device_id for key, device_id in wanted if key not in self._held}
            if not free.keys().isdisjoint(returned):
                # In a round trip of its own: other processes may want a device that is asked for here again and again.
                await self._unlock(returned)
                returned = []
            answers, rows = await self._ask(returned, free)
            granted = {key for key, is_granted in zip(free, answers, strict=True) if is_granted}
            self._held |= granted
            mine: list[_Granted] = []
            for key, _ in wanted:
                mine.append(rows if key in granted else None)
                granted.discard(key)
            return mine

    async def _ask(
        self, returned: Sequence[int], wanted: Mapping[int, str]
    ) -> tuple[list[bool], Mapping[str, TupleRow]]:
        """Give locks back; whether each of those wanted was granted, and what the registry says of their devices."""
        if not wanted:
            await self._unlock(returned)
            return [], {}
        for is_last in (False, True):
            try:
                connection = self._connection or await self._connect()
                await self._reserve(connection, wanted)
                async with connection.pipeline():
                    if returned:
                        await connection.execute(_UNLOCK, {"keys": returned})
                    locked = await connection.execute(_LOCK, {"keys": list(wanted)})
                    found = await ask_for_devices(connection, wanted.values())
                granted = [row[0] for row in await locked.fetchall()]
                return granted, by_name(await found.fetchall())
            except Exception as problem:
                # With what was granted or given back, whatever it is; the locks that are held are taken anew.
                await self._drop()
                returned = ()
                if is_last and not isinstance(problem, OperationalError):
                    raise
                if is_last:
                    raise DatabaseUnavailable(f"the database cannot be reached: {problem}") from problem
        raise AssertionError

    async def _reserve(self, connection: Connection, wanted: Mapping[int, str]) -> None:
        """Reserve those that somebody here has waited for long, as far as nobody else did."""
        if overdue := list(self._overdue.intersection(wanted) - self._reserved):
            answers = await _execute(connection, _LOCK_ANYHOW, [~key for key in overdue])
            self._reserved.update(key for key, (is_mine,) in zip(overdue, answers, strict=True) if is_mine)
            for key in self._reserved - self._overdue:
                self._release(key)  # nobody waits for it any more

    def _release(self, key: int) -> None:
        if key in self._reserved:
            self._reserved.discard(key)
            self._return_key(~key)

    async def _return_soon(self) -> None:
        try:
            while returned := self._returned:
                await asyncio.sleep(TOGETHER_WITHIN)
                async with self._one_at_a_time:
                    if returned is self._returned:  # they did not go along with others
                        await self._unlock(self._take_returned())
        finally:
            self._returning = None

    def _take_returned(self) -> list[int]:
        returned, self._returned = self._returned, []
        return returned

    async def _unlock(self, keys: Sequence[int]) -> None:
        if keys and self._connection is not None:
            try:
                await _execute(self._connection, _UNLOCK, keys)
            except Error:
                await self._drop()  # and with it go the locks

    async def _connect(self) -> Connection:
        self._connection = connection = await open_standing(self._conninfo)
        if self._held:
            keys = list(self._held)
            mine = [row[0] for row in await _execute(connection, _LOCK_ANYHOW, keys)]
            tell(Kind.LOCKS_LOST, devices=len(keys), lost=mine.count(False))
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._returned = []  # they go with it
        self._reserved.clear()
        if connection is not None:
            with suppress(OperationalError):
                await connection.close()


@asynccontextmanager
async def open_exclusion(conninfo: str) -> AsyncIterator[Exclusion]:
    """Locks on a connection of their own, which is made when the first is needed."""
    exclusion = Exclusion(conninfo)
    beating = asyncio.create_task(endless(exclusion.beat, "locks on devices"), name="locks on devices")
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
