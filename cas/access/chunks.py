"""The chunks of activations in PostgreSQL: taken, worked on, given back, ended."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import TupleRow

from cas.access.codes import Code
from cas.access.freshness import Fresh, fresh_answers
from cas.access.judgement import Attempted
from cas.access.model import Failure, Octets
from cas.access.sealing import open_request
from cas.devices.keys import Keyring
from cas.engine.ending import count_stored, finish
from cas.engine.jobs import TASK, job_priority, queue_of
from cas.engine.model import Chunk, ChunkId, Ended
from cas.store.batch import Batcher
from cas.store.database import Connection, Pool, connected
from cas.store.queries import query
from cas.system_events import Kind, tell

log = structlog.get_logger(__name__)

_TAKE = query("chunk_take")
_OVER = query("chunk_over")
_REQUESTS = query("chunk_requests")
_PENDING = query("chunk_pending")
_ATTEMPTS = query("chunk_attempts")
_WAIT = query("chunk_wait")
_DEFER = query("chunk_defer")
_DONE = query("chunk_done")
_CLAIM = query("sent_claim")
_RELEASE = query("sent_release")
_STOPPED = query("resources_stopped")
_HOLD = query("access_hold")

_Claim = tuple[ChunkId, str, int]
_BAD_OUTCOMES = {"failed": Kind.ACTIVATION_FAILED, "not-completed": Kind.ACTIVATION_INCOMPLETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A device that lacks results."""

    device_id: str
    missing: tuple[int, ...]
    """Numbers of the requests that it lacks the results of."""
    sent: tuple[int, ...]
    """Those of them that change the device and may have been sent by a process that is no more."""
    last: Attempted | None
    """None: it was not tried yet."""


class Chunks:
    """Chunks on a pool; what a call changes is durable when it returns."""

    def __init__(self, pool: Pool, keyring: Keyring) -> None:
        self._pool = pool
        self._keyring = keyring
        self._claims: Batcher[_Claim, bool] = Batcher(self._claim)

    async def take(self, chunk_id: ChunkId) -> Chunk | None:
        """Begin a chunk, or take it over; None: it is done, or its resource is gone."""
        async with connected(self._pool) as connection:
            return await _take(connection, chunk_id)

    async def take_over(self, now: datetime) -> Chunk | None:
        """Take a waiting chunk that is not to be done any more, because it is canceled or its window is over."""
        async with connected(self._pool) as connection, connection.transaction():
            row = await (await connection.execute(_OVER, {"now": now}, binary=True)).fetchone()
            return None if row is None else await _take(connection, ChunkId(*row))

    async def requests(self, chunk_id: ChunkId) -> dict[int, Octets]:
        """The requests of an activation by their numbers, in order. Raises KeyUnreadable."""
        parameters = {"access_id": chunk_id.access_id, "number": chunk_id.number}
        async with connected(self._pool) as connection:
            cursor = await connection.execute(_REQUESTS, parameters, binary=True)
            rows = await cursor.fetchall()
        return {row[0]: open_request(self._keyring, chunk_id.access_id, *row[1:]) for row in rows}

    async def pending(self, chunk_id: ChunkId) -> list[Pending]:
        """The devices of a chunk that lack results."""
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(_PENDING, _key(chunk_id), binary=True)).fetchall()
        return [
            Pending(
                device_id=row[0],
                missing=tuple(row[1]),
                sent=tuple(sorted(row[2])),
                last=Attempted(row[3], Failure(Code(row[4]), row[5], row[6])) if row[4] is not None else None,
            )
            for row in rows
        ]

    async def fresh(self, chunk_id: ChunkId, device_ids: Sequence[str]) -> Fresh:
        """Stored answers of devices that are fresh enough."""
        return await fresh_answers(self._pool, chunk_id.access_id, device_ids)

    async def claim(self, chunk_id: ChunkId, device_id: str, request: int) -> bool:
        """Take the right to send a request that changes a device; False: somebody may have sent it already."""
        return await self._claims.add((chunk_id, device_id, request))

    async def release(self, chunk_id: ChunkId, device_id: str, request: int) -> None:
        """Give the right back: the device has certainly not carried the request out."""
        async with connected(self._pool) as connection:
            await connection.execute(_RELEASE, {**_key(chunk_id), "device_id": device_id, "request": request})

    async def again(self, chunk: Chunk, attempted: Mapping[str, Attempted], at: datetime, *, now: datetime) -> bool:
        """End a pass; the devices without a result are tried again at `at`. False: another process has the chunk."""
        async with self._held(chunk) as connection:
            if not await _wait(connection, chunk, attempted, passes=1):
                return False
            job = {
                "queue": queue_of(on_demand=chunk.on_demand),
                "task": TASK,
                "job_priority": job_priority(chunk.priority, retry=True),
                # Procrastinate compares with the server's clock, which tests do not move.
                "at": at if at > now else None,
            }
            await connection.execute(_DEFER, {**_key(chunk.id), **job})
        return True

    async def hand_back(self, chunk: Chunk, attempted: Mapping[str, Attempted]) -> None:
        """Break off a pass; whoever takes the chunk goes on with the devices that have no result."""
        async with self._held(chunk) as connection:
            await _wait(connection, chunk, attempted, passes=0)

    async def done(self, chunk: Chunk, *, stopped: bool, at: datetime) -> bool:
        """End a chunk, and with the last one its activation. False: another process has the chunk."""
        async with self._held(chunk) as connection:
            row = await (
                await connection.execute(_DONE, {**_key(chunk.id), "run": chunk.run, "stopped": stopped})
            ).fetchone()
            if row is not None and row[0] == 0:
                access_id, number = chunk.id.access_id, chunk.id.number
                results, failed = await count_stored(connection, access_id, number)
                ended = Ended(access_id=access_id, number=number, at=at, stopped=row[1], results=results, failed=failed)
                outcome = (await finish(connection, [ended])).get((access_id, number))
                log.info("activation ended", access_id=str(access_id), activation=number, outcome=outcome)
                if outcome is not None and (kind := _BAD_OUTCOMES.get(outcome)) is not None:
                    tell(kind, str(access_id), activation=number)
        return row is not None

    async def stopped(self, ids: Collection[UUID]) -> list[UUID]:
        """Those of these resources that are canceled or gone."""
        if not ids:
            return []
        async with connected(self._pool) as connection:
            return [row[0] for row in await (await connection.execute(_STOPPED, {"ids": list(ids)})).fetchall()]

    @asynccontextmanager
    async def _held(self, chunk: Chunk) -> AsyncIterator[Connection]:
        """A transaction in which nobody changes or deletes the resource of a chunk."""
        async with connected(self._pool) as connection, connection.transaction():
            await connection.execute(_HOLD, {"access_id": chunk.id.access_id})
            yield connection

    async def _claim(self, claims: Sequence[_Claim]) -> list[bool]:
        parameters = {
            "access_ids": [chunk_id.access_id for chunk_id, _, _ in claims],
            "numbers": [chunk_id.number for chunk_id, _, _ in claims],
            "device_ids": [device_id for _, device_id, _ in claims],
            "requests": [request for _, _, request in claims],
        }
        try:
            async with connected(self._pool) as connection:
                rows = await (await connection.execute(_CLAIM, parameters)).fetchall()
        except ForeignKeyViolation:  # a resource was deleted meanwhile; of many, each claim is tried by itself
            if len(claims) > 1:
                raise
            return [False]
        granted = {tuple(row[:4]) for row in rows}
        return [(chunk.access_id, chunk.number, device, request) in granted for chunk, device, request in claims]


async def _take(connection: Connection, chunk_id: ChunkId) -> Chunk | None:
    row = await (await connection.execute(_TAKE, _key(chunk_id), binary=True)).fetchone()
    return None if row is None else _chunk(row)


async def _wait(connection: Connection, chunk: Chunk, attempted: Mapping[str, Attempted], *, passes: int) -> bool:
    changed = {**_key(chunk.id), "run": chunk.run, "passes": passes}
    if await (await connection.execute(_WAIT, changed)).fetchone() is None:
        return False
    if attempted:
        failures = [attempt.failure for attempt in attempted.values()]
        await connection.execute(
            _ATTEMPTS,
            {
                **_key(chunk.id),
                "device_ids": list(attempted),
                "attempts": [attempt.attempts for attempt in attempted.values()],
                "codes": [failure.code.value for failure in failures],
                "reasons": [failure.reason for failure in failures],
                "details": [failure.details for failure in failures],
            },
        )
    return True


def _key(chunk_id: ChunkId) -> dict[str, object]:
    return {"access_id": chunk_id.access_id, "number": chunk_id.number, "chunk": chunk_id.chunk}


def _chunk(row: TupleRow) -> Chunk:
    return Chunk(
        id=ChunkId(row[0], row[1], row[2]),
        run=row[3],
        passes=row[4],
        deadline=row[5],
        priority=row[6],
        canceled=row[7],
        on_demand=row[8],
        fresh=row[9],
    )
