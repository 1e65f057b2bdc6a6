"""Invocation counters that are never used twice (Green Book 8.3, 9.2.3.3).

The initialization vector of AES-GCM is the sender's system title and the counter, so what may not repeat is a counter
under one key and one client system title. A counter belongs to these two (its scope), not to a device: two devices
that were given the same key share it, a new key begins anew, and a device that is removed and registered again goes on.

Values are reserved in blocks: the block is committed in the database before its first value is used, and what a process
did not use when it died is skipped. A meter wants every value greater than the last, whoever sends it; so each
association takes a fresh block (a `Lease`), and none is kept for the next.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from cas import metrics
from cas.devices.errors import CounterUsedUp
from cas.devices.keys import Secret
from cas.store.batch import Batcher
from cas.store.database import Pool
from cas.store.queries import query
from cas.system_events import Kind, tell

HIGHEST = 0xFFFF_FFFF
"""The counter has 32 bits; a wrap would repeat initialization vectors."""
NEAR_TOP = 0xF000_0000
"""Above this, `near_top` is told, once for each block."""
BLOCK = 32
"""Values that are reserved at a time: enough for most associations. The range lasts for 134 million blocks."""

_RESERVE = query("counter_reserve")
_RAISE = query("counter_raise")
_READ = query("counters_read")


def counter_scope(key: Secret, client_system_title: bytes) -> bytes:
    """What a counter belongs to: a digest (16 octets) of the encryption key and the client's system title."""
    return hashlib.sha256(b"cas counter\0" + client_system_title + key.reveal()).digest()[:16]


def warn_of_counter(name: str, value: int) -> None:
    """Tell that the counters under the key of a device come to their end."""
    metrics.COUNTERS_NEAR_TOP.inc()
    tell(Kind.COUNTER_NEAR_TOP, name, value=value)


class Lease:
    """The counters of one association. `take` hands out the next one; `ensure` sees to it that there are some."""

    def __init__(self, counters: "Counters", scope: bytes, name: str) -> None:
        """`name` is the device, for messages."""
        self._counters = counters
        self._scope = scope
        self._name = name
        self._values = range(0)

    @property
    def remaining(self) -> int:
        """How many values `take` can hand out before the next `ensure`."""
        return len(self._values)

    @property
    def next(self) -> int | None:
        """The value that `take` hands out next; None before `ensure`."""
        return self._values[0] if self._values else None

    def take(self) -> int:
        """The next value, always greater than the last. Raises IndexError when `ensure` was not awaited for it."""
        value = self._values[0]
        self._values = self._values[1:]
        return value

    async def ensure(self, count: int = 1) -> None:
        """Reserve more if fewer than `count` values remain. Raises CounterUsedUp if there are not so many."""
        if len(self._values) < count:
            # What remained is skipped: a block of another process may lie between.
            self._values = await self._counters.reserve(self._scope, max(count, self._counters.block), self._name)
            if len(self._values) < count:
                raise CounterUsedUp(f"device {self._name}: fewer than {count} invocation counters are left: {_ADVICE}")

    async def raise_to(self, value: int) -> None:
        """See to it that the next value is at least `value`: what the meter says that it expects. Never lowers."""
        await self._counters.raise_to(self._scope, value)
        self._values = range(0)


_ADVICE = "replace the encryption key"


class Counters:
    """The invocation counters of this service. `near_top` is told device and value when a range comes to its end."""

    def __init__(
        self, pool: Pool, *, block: int = BLOCK, near_top: Callable[[str, int], None] = warn_of_counter
    ) -> None:
        self._pool = pool
        self._near_top = near_top
        self.block = block
        # what many devices want at the same time is asked and committed together
        self._reserving: Batcher[tuple[bytes, int], range] = Batcher(self._reserve)
        self._raising: Batcher[tuple[bytes, int], None] = Batcher(self._raise)
        self._reading: Batcher[bytes, int | None] = Batcher(self._read)

    async def lease(self, key: Secret, client_system_title: bytes, name: str) -> Lease:
        """Reserve a block for an association under this key. Raises CounterUsedUp, naming the device `name`."""
        lease = Lease(self, counter_scope(key, client_system_title), name)
        await lease.ensure()
        return lease

    async def reserve(self, scope: bytes, count: int, name: str) -> range:
        """Reserve `count` values, fewer at the end of the range. They are durable when this returns."""
        values = await self._reserving.add((scope, count))
        if not values:
            raise CounterUsedUp(f"device {name}: all invocation counters under its key are used: {_ADVICE}")
        if values.start + count > NEAR_TOP:
            self._near_top(name, values.start)
        return values

    async def raise_to(self, scope: bytes, value: int) -> None:
        """Skip the values below `value`. Raises ValueError unless 0 <= value <= 2**32 - 1."""
        if not 0 <= value <= HIGHEST:
            raise ValueError(f"an invocation counter lies between 0 and {HIGHEST}, not {value}")
        await self._raising.add((scope, max(value, 1)))

    async def next_of(self, scope: bytes) -> int | None:
        """The next value of a scope; None if it has none yet."""
        return await self._reading.add(scope)

    async def read(self, scopes: Iterable[bytes]) -> Mapping[bytes, int]:
        """The next value of each scope that has one."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_READ, {"scopes": list(scopes)})
            return dict(await cursor.fetchall())

    async def _reserve(self, wanted: Sequence[tuple[bytes, int]]) -> list[range]:
        counts: Counter[bytes] = Counter()
        for scope, count in wanted:
            counts[scope] += count
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_RESERVE, {"scopes": list(counts), "counts": list(counts.values())})
            starts = {scope: end - counts[scope] for scope, end, _ in await cursor.fetchall()}
        given: list[range] = []
        for scope, count in wanted:
            start = starts.get(scope, HIGHEST + 1)
            starts[scope] = start + count
            given.append(range(start, min(start + count, HIGHEST + 1)))
        return given

    async def _raise(self, reached: Sequence[tuple[bytes, int]]) -> list[None]:
        values: dict[bytes, int] = {}
        for scope, value in reached:
            values[scope] = max(value, values.get(scope, value))
        async with self._pool.connection() as connection:
            await connection.execute(_RAISE, {"scopes": list(values), "values": list(values.values())})
        return [None] * len(reached)

    async def _read(self, scopes: Sequence[bytes]) -> list[int | None]:
        known = await self.read(scopes)
        return [known.get(scope) for scope in scopes]
