"""Doing the chunks of activations: all devices at the same time under the permits, tried again until their window ends.

What is durable when: an answer before the next request goes out; the right to send a request that changes the device
(set, action) before it is sent; the failures of a pass when it ends. So a chunk whose process died is taken over where
it stood, and no change is sent twice by itself: one that may have been sent is reported as `outcome unknown`, and what
was to follow it on that device is not attempted, as it may depend on it (D).
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import structlog

from cas.access.chunks import Chunks, Pending
from cas.access.codes import Code
from cas.access.failures import CANCELED, describe
from cas.access.judgement import Attempted, judge, judge_lost
from cas.access.model import Failure, Octets, Result
from cas.access.ports import Devices, Step
from cas.access.retry import RetryPolicy, is_change
from cas.access.steps import step_of
from cas.access.visit import Hooks, Visit, visit
from cas.access.writer import ResultWriter
from cas.engine.jobs import QUEUES, HandedBack, queue_of
from cas.engine.model import Chunk, ChunkId
from cas.engine.permits import ON_DEMAND, Permits
from cas.engine.room import Room
from cas.store.errors import StoreError

WINDOW_OVER = Failure(
    Code.NOT_ATTEMPTED, "window over", "Duration ended before this device had its turn: make it longer, or add workers"
)
# Canceled resources that are remembered.
REMEMBERED = 10_000

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Run:
    """A chunk under way."""

    chunk: Chunk
    room: Room
    may_retry: bool
    """Whether the window leaves time for another pass."""
    steps: Mapping[int, Step] = field(default_factory=dict)
    unreadable: Exception | None = None
    """Why the requests cannot be read: a later release may have stored them."""
    stopped: bool = False
    """Whether a device was left out, because of a cancel or the end of the window."""
    unfinished: bool = False
    """Whether a device is left for another pass."""
    attempted: dict[str, Attempted] = field(default_factory=dict)
    devices: int = 0
    waiting: int = 0
    """How many of them wait to be begun."""

    def begin(self) -> None:
        """One of them is begun."""
        self.waiting -= 1
        self.room.wait(-1)


class Bulk:
    """The chunks that this process does."""

    def __init__(
        self,
        chunks: Chunks,
        writer: ResultWriter,
        devices: Devices,
        permits: Permits,
        *,
        clock: Callable[[], datetime],
        policy: RetryPolicy | None = None,
        entropy: Callable[[], float] = random.random,
    ) -> None:
        self._chunks = chunks
        self._writer = writer
        self._devices = devices
        self._permits = permits
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._entropy = entropy
        self._runs: set[_Run] = set()
        # Also those that are not under way here: a chunk of theirs may be on its way.
        self._canceled: OrderedDict[UUID, None] = OrderedDict()
        self._handing_back = False
        self.rooms = {queue: Room(permits.limit) for queue in QUEUES}
        """Room for further chunks, by queue."""

    async def do(self, chunk_id: ChunkId) -> None:
        """Do one pass over a chunk. Raises HandedBack when the process stops meanwhile, NotStored, StoreError."""
        if self._handing_back:
            raise HandedBack
        with ExitStack() as opening:
            for room in self.rooms.values():
                opening.enter_context(room.unknown())
            chunk = await self._chunks.take(chunk_id)
            if chunk is None:
                return
            run, pending = await self._open(chunk)
        await self._do(run, pending)

    async def clear(self) -> int:
        """End the chunks that wait though they are canceled or their window is over; return how many."""
        for access_id in await self._chunks.stopped({run.chunk.id.access_id for run in self._runs}):
            self.cancel(access_id)  # a notification may have been missed
        cleared = 0
        while not self._handing_back and (chunk := await self._chunks.take_over(self._clock())) is not None:
            await self._do(*await self._open(chunk))
            cleared += 1
        return cleared

    def cancel(self, access_id: UUID) -> None:
        """Leave the devices of a resource at the next APDU boundary: it is canceled or gone."""
        self._canceled[access_id] = None
        while len(self._canceled) > REMEMBERED:
            self._canceled.popitem(last=False)

    def hand_back(self) -> None:
        """Leave all devices at the next APDU boundary, and give the chunks back."""
        self._handing_back = True
        for room in self.rooms.values():
            room.close()

    async def _open(self, chunk: Chunk) -> tuple[_Run, Sequence[Pending]]:
        """What is to be done of a chunk; its devices wait to be begun."""
        now = self._clock()
        room = self.rooms[queue_of(on_demand=chunk.on_demand)]
        run = _Run(chunk, room, may_retry=now + self._policy.pause(chunk.passes + 1, 0) < chunk.deadline)
        await self._read_requests(run)
        pending = await self._chunks.pending(chunk.id)
        if chunk.fresh:
            pending = await self._take_fresh(run, pending)
        run.devices = run.waiting = len(pending)
        room.wait(run.waiting)
        return run, pending

    async def _do(self, run: _Run, pending: Sequence[Pending]) -> None:
        self._runs.add(run)
        try:
            remaining = iter(pending)
            # for all of its tasks: what is logged or recorded of the devices, too
            bound = structlog.contextvars.bound_contextvars(access_id=str(run.chunk.id.access_id))
            async with asyncio.TaskGroup() as group:
                with bound:
                    for _ in range(min(self._permits.limit, len(pending))):
                        group.create_task(self._work(run, remaining))
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        finally:
            self._runs.discard(run)
            run.room.wait(-run.waiting)
        await self._end(run)

    async def _take_fresh(self, run: _Run, pending: Sequence[Pending]) -> list[Pending]:
        """Answer what is stored and fresh enough; return the devices that are still to be accessed."""
        fresh = await self._chunks.fresh(run.chunk.id, [each.device_id for each in pending])
        left: list[Pending] = []
        answered: list[Result] = []
        for each in pending:
            stored = fresh.get(each.device_id, {})
            answered += [
                Result(
                    access_id=run.chunk.id.access_id,
                    activation=run.chunk.id.number,
                    request=number,
                    device_id=each.device_id,
                    activated=stored[number].activated,
                    answer=stored[number].answer,
                )
                for number in each.missing
                if number in stored
            ]
            if missing := tuple(number for number in each.missing if number not in stored):
                left.append(replace(each, missing=missing))
        await self._writer.add(answered)
        return left

    async def _read_requests(self, run: _Run) -> None:
        try:
            stored = await self._chunks.requests(run.chunk.id)
            run.steps = {number: step_of(octets) for number, octets in stored.items()}
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a chunk that cannot be done must end all the same
            run.unreadable = error

    async def _end(self, run: _Run) -> None:
        if run.unfinished and self._handing_back:
            await self._chunks.hand_back(run.chunk, run.attempted)
            raise HandedBack
        now = self._clock()
        if run.unfinished:
            pause = self._policy.pause(run.chunk.passes + 1, self._entropy())
            # At the end of the window, if that comes first: then the last failures are told.
            kept = await self._chunks.again(run.chunk, run.attempted, min(now + pause, run.chunk.deadline), now=now)
        else:
            kept = await self._chunks.done(run.chunk, stopped=run.stopped, at=now)
        told = {
            "access_id": str(run.chunk.id.access_id),
            "activation": run.chunk.id.number,
            "chunk": run.chunk.id.chunk,
        }
        if kept:
            log.info("chunk done", **told, devices=run.devices, try_again=len(run.attempted))
        else:
            log.warning("chunk was taken over by another worker meanwhile, or its resource deleted", **told)

    async def _work(self, run: _Run, remaining: Iterator[Pending]) -> None:
        rank = ON_DEMAND if run.chunk.on_demand else run.chunk.priority
        for pending in remaining:
            if pending.sent or run.unreadable is not None or self._reason_to_leave(run) is not None:
                run.begin()
                await self._pass_by(run, pending)
            else:
                async with self._permits.permit(rank, pending.device_id):
                    run.begin()
                    await self._visit(run, pending)

    async def _pass_by(self, run: _Run, pending: Pending) -> None:
        """Judge a device that is not visited."""
        if pending.sent:
            told = judge_lost(pending.missing, pending.sent)
            await self._store(run, pending, told, activated=self._clock(), attempts=max(_attempts(pending), 1))
        else:
            await self._judge(run, pending, Visit(broken=run.unreadable, unsent=pending.missing))

    def _reason_to_leave(self, run: _Run) -> Failure | HandedBack | None:
        if run.chunk.canceled or run.chunk.id.access_id in self._canceled:
            return CANCELED
        if self._clock() >= run.chunk.deadline:
            return WINDOW_OVER
        return HandedBack() if self._handing_back else None

    async def _visit(self, run: _Run, pending: Pending) -> None:
        activated = self._clock()

        async def answered(number: int, answer: Octets) -> None:
            await self._store(run, pending, {number: answer}, activated=activated, attempts=_attempts(pending) + 1)

        async def may_send(number: int) -> bool:
            if not is_change(run.steps[number]):
                return True
            return await self._chunks.claim(run.chunk.id, pending.device_id, number)

        hooks = Hooks(answered, lambda: self._reason_to_leave(run) is not None, may_send=may_send)
        made = await visit(self._devices, pending.device_id, run.steps, pending.missing, hooks)
        if made.complete:
            return
        await self._judge(run, pending, made, activated=activated)

    async def _judge(self, run: _Run, pending: Pending, made: Visit, *, activated: datetime | None = None) -> None:
        """Tell the client of failures that are final, keep the others for the next pass."""
        for error in filter(None, (*made.errors.values(), made.broken)):
            self._log(run, pending, error)
        reason = self._reason_to_leave(run)
        verdict = judge(
            made,
            changes=lambda number: is_change(run.steps[number]),
            last=pending.last,
            leave=reason if isinstance(reason, Failure) else None,
            may_retry=run.may_retry,
        )
        for number in verdict.released:
            await self._chunks.release(run.chunk.id, pending.device_id, number)
        if verdict.kept:
            run.unfinished = True
            if verdict.last is not None:
                run.attempted[pending.device_id] = verdict.last
        run.stopped = run.stopped or verdict.left_out
        activated, attempts = activated or self._clock(), max(verdict.attempts, 1)
        await self._store(run, pending, verdict.final, activated=activated, attempts=attempts)

    def _log(self, run: _Run, pending: Pending, error: Exception) -> None:
        failure = describe(error)
        about = {"access_id": str(run.chunk.id.access_id), "device_id": pending.device_id}
        if failure is None:
            log.error("device access failed in this program", **about, exc_info=error)
        else:
            log.debug("device access failed", **about, reason=failure.reason)

    async def _store(
        self,
        run: _Run,
        pending: Pending,
        answers: Mapping[int, Octets | Failure],
        *,
        activated: datetime,
        attempts: int,
    ) -> None:
        await self._writer.add(
            [
                Result(
                    access_id=run.chunk.id.access_id,
                    activation=run.chunk.id.number,
                    request=number,
                    device_id=pending.device_id,
                    activated=activated,
                    answer=answer,
                    attempts=attempts,
                )
                for number, answer in sorted(answers.items())
            ]
        )


def _attempts(pending: Pending) -> int:
    return 0 if pending.last is None else pending.last.attempts
