"""Doing what resources ask for: devices at the same time, the requests of one device in order, in one association.

One device never disturbs another. A result is stored as soon as it is there, the last one with the end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, repeat
from uuid import UUID

import psycopg
import structlog

from cas.access.errors import NotStored
from cas.access.failures import CANCELED, INTERNAL, LOST, UNSENT, describe
from cas.access.freshness import Fresh, Stored
from cas.access.model import DeviceAccess, Failure, Octets, Result, Target
from cas.access.ports import Devices, Step, Store
from cas.access.retry import is_change
from cas.access.steps import step_of
from cas.access.visit import Hooks, visit
from cas.access.writer import ResultWriter, count
from cas.engine.model import Ended
from cas.engine.permits import ON_DEMAND, Permits
from cas.store.errors import StoreError
from cas.tasks import end

# Octets of answers, and results, up to which an activation's are kept at hand until its client has them.
AT_HAND, MOST_AT_HAND = 65_536, 1000
# Seconds between attempts to end an activation while the database does not take it; the last one stays.
END_AGAIN_AFTER = (0.1, 0.5, 2.0, 5.0)

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Execution:
    """One activation under way."""

    access: DeviceAccess
    activation: int
    steps: Mapping[int, Step]
    fresh: Fresh = field(default_factory=dict)
    """Stored answers that are fresh enough."""
    stored: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the resource is durable: before that its devices may be locked, and nothing is sent to them."""
    stopped: bool = False
    """Set by cancel: no further request is sent."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    results: list[Result] | None = field(default_factory=list)
    """What is stored in the end, so that it need not be read again; None: it is too much, or not all is known here."""
    octets: int = 0
    known: int = 0
    """How many results there are, the failed ones included."""
    failed: int = 0
    last: Sequence[Result] = ()
    """What is to be stored with the end."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Every result is stored, but for the last ones."""

    @property
    def outstanding(self) -> int:
        """How many results are not stored yet."""
        return len(self.access.targets) * len(self.steps) - self.known

    def add(self, results: Sequence[Result]) -> None:
        """These results are stored, or are about to be with the end."""
        self.known += len(results)
        self.failed += sum(isinstance(each.answer, Failure) for each in results)
        self.octets += sum(0 if isinstance(each.answer, Failure) else len(each.answer) for each in results)
        if self.results is not None:
            self.results += results
            if self.octets > AT_HAND or len(self.results) > MOST_AT_HAND:
                self.results = None
        if not self.outstanding:
            self.complete.set()


class Runner:
    """The on-demand activations under way in this process, which each begin with a permit for every device."""

    def __init__(self, store: Store, devices: Devices, *, permits: Permits, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._devices = devices
        self._clock = clock
        # First come, first served: activations take turns, device by device; a large one does not hold up a small one.
        self._permits = permits
        self._writer = ResultWriter(store)
        self._executions: dict[UUID, Execution] = {}
        self._pending: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, access: DeviceAccess, storing: asyncio.Future[UUID]) -> Execution:
        """Do the first activation of a resource while it is being stored; it goes on by itself.

        If it is not stored, or turns out to be another one, its devices are left before anything is sent to them.
        """
        execution = Execution(access, 1, {number: step_of(octets) for number, octets in enumerate(access.requests)})
        self._executions[access.id] = execution
        self._pending.update(target.device_id for target in access.targets)
        task = asyncio.create_task(self._run(execution), name=f"access {access.id}")
        self._keep(task)

        def decide(done: asyncio.Future[UUID]) -> None:
            if not done.cancelled() and done.exception() is None and done.result() == access.id:
                execution.stored.set()
                return
            task.cancel()
            if not done.cancelled() and done.exception() is not None:
                # The connection may have broken behind the commit: then nobody else ends it while this process lives.
                self._keep(asyncio.create_task(self._end(execution, whole=False), name=f"end {access.id}"))

        storing.add_done_callback(decide)
        return execution

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """How many activations."""
        return len(self._executions)

    def under_way_on(self, device_id: str) -> int:
        """How many activations have this device."""
        return self._pending[device_id]

    def find(self, access_id: UUID) -> Execution | None:
        """The activation of this resource that is under way."""
        return self._executions.get(access_id)

    def stop(self, access_id: UUID) -> None:
        """Let the activation of this resource end at the next APDU boundary of each device."""
        if execution := self._executions.get(access_id):
            execution.stopped = True

    async def close(self, grace: float) -> None:
        """Wait `grace` seconds for what is under way, then break it off; the next start finds what is missing."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        await end(*self._tasks)
        await self._writer.close()

    async def _run(self, execution: Execution) -> None:
        access = execution.access
        # this task's own: what is logged or recorded of its devices, too
        structlog.contextvars.bind_contextvars(access_id=str(access.id))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._end_when_complete(execution))
                await self._work_on_all(execution)
                execution.complete.set()
        except Exception as problem:
            if isinstance(problem, ExceptionGroup) and problem.split((NotStored, StoreError))[1] is None:
                log.warning("activation broken off", access_id=str(access.id))
            else:
                log.exception("activation broken off", access_id=str(access.id))
            await self._end(execution, whole=False)  # the database took no results
        finally:
            if not execution.done.is_set():
                execution.results = None  # broken off: what is stored counts
                self._is_over(execution)

    async def _end_when_complete(self, execution: Execution) -> None:
        # The client does not wait until the last device is released.
        await execution.complete.wait()
        await self._end(execution, whole=True)
        self._is_over(execution)

    def _is_over(self, execution: Execution) -> None:
        del self._executions[execution.access.id]
        for target in execution.access.targets:
            self._pending[target.device_id] -= 1
            if not self._pending[target.device_id]:
                del self._pending[target.device_id]
        execution.done.set()

    async def _end(self, execution: Execution, *, whole: bool) -> None:
        """End an activation, as soon as the database takes it; no other process does while this one lives.

        With its last results; not `whole`: without those, and those that it lacks are lost.
        """
        for pause in chain(END_AGAIN_AFTER, repeat(END_AGAIN_AFTER[-1])):
            try:
                await (self._finish(execution) if whole else self._abandon(execution))
            except Exception as problem:  # noqa: BLE001 - whatever it is, nobody else ends it
                told = str(problem) or type(problem).__name__
                access_id = str(execution.access.id)
                log.warning("activation not ended yet", access_id=access_id, next_attempt_in=pause, problem=told)
                whole = whole and _may_pass(problem)
                await asyncio.sleep(pause)
            else:
                return

    async def _finish(self, execution: Execution) -> None:
        ended = Ended(
            access_id=execution.access.id,
            number=execution.activation,
            at=self._clock(),
            stopped=execution.stopped,
            results=execution.known,
            failed=execution.failed,
        )
        if await self._store.finish(ended, execution.last):
            count(execution.last)
        else:
            execution.results = None  # another process took this one for dead: what it stored counts

    async def _abandon(self, execution: Execution) -> None:
        execution.results = None
        failure = LOST if execution.stored.is_set() else UNSENT
        await self._store.abandon(execution.access.id, execution.activation, failure, self._clock())

    async def _work_on_all(self, execution: Execution) -> None:
        access = execution.access
        if access.terms.not_older_than is not None and access.terms.not_older_than <= access.created_at:
            await execution.stored.wait()
            execution.fresh = await self._store.fresh(access.id, [each.device_id for each in access.targets])
        remaining = iter(access.targets)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._permits.limit, len(access.targets))):
                group.create_task(self._work(execution, remaining))

    async def _work(self, execution: Execution, remaining: Iterator[Target]) -> None:
        for target in remaining:
            async with self._permits.permit(ON_DEMAND, target.device_id):
                await self._access(execution, target)

    async def _access(self, execution: Execution, target: Target) -> None:
        ledger = _Ledger(execution, target, self._writer, self._clock())

        async def may_send(number: int) -> bool:
            # One that stood still was taken for dead: its client was told that the outcome is unknown, and acts on it.
            if not is_change(execution.steps[number]):
                return True
            if not await self._store.is_executing(execution.access.id, execution.activation):
                execution.stopped = True
            return not execution.stopped

        hooks = Hooks(ledger.add, lambda: execution.stopped, execution.stored.wait, may_send)
        fresh = execution.fresh.get(target.device_id, {})
        await ledger.take(fresh)
        wanted = tuple(number for number in execution.steps if number not in fresh)
        made = await visit(self._devices, target.device_id, execution.steps, wanted, hooks)
        await execution.stored.wait()
        await ledger.store(made.failures(lambda error: _failure(error, execution, target), lambda _number: CANCELED))


class _Ledger:
    """The results of one device in one activation."""

    def __init__(self, execution: Execution, target: Target, writer: ResultWriter, activated: datetime) -> None:
        self._execution = execution
        self._target = target
        self._writer = writer
        self._activated = activated

    async def add(self, number: int, answer: Octets) -> None:
        """Store the answer to a request."""
        await self.store({number: answer})

    async def take(self, fresh: Mapping[int, Stored]) -> None:
        """Store answers that were there already."""
        await self._add([self._result(number, each.answer, each.activated) for number, each in fresh.items()])

    async def store(self, answers: Mapping[int, Octets | Failure]) -> None:
        """Store what requests came to."""
        await self._add([self._result(number, answer, self._activated) for number, answer in sorted(answers.items())])

    async def _add(self, results: Sequence[Result]) -> None:
        if results and len(results) == self._execution.outstanding:
            self._execution.last = results
        else:
            await self._writer.add(results)
        self._execution.add(results)

    def _result(self, number: int, answer: Octets | Failure, activated: datetime) -> Result:
        return Result(
            access_id=self._execution.access.id,
            activation=self._execution.activation,
            request=number,
            device_id=self._target.device_id,
            activated=activated,
            answer=answer,
        )


def _may_pass(problem: Exception) -> bool:
    """Whether the database may yet take what it did not take: not if something is wrong with that."""
    is_wrong = isinstance(problem, psycopg.DataError | psycopg.IntegrityError)
    return isinstance(problem, StoreError | psycopg.Error) and not is_wrong


def _failure(error: Exception, execution: Execution, target: Target) -> Failure:
    failure = describe(error)
    if failure is None:
        log.error(
            "device access failed in this program",
            access_id=str(execution.access.id),
            device_id=target.device_id,
            exc_info=error,
        )
        return INTERNAL
    log.info(
        "device access failed", access_id=str(execution.access.id), device_id=target.device_id, reason=failure.reason
    )
    return failure
