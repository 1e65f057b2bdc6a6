"""Doing what resources ask for: devices at the same time, the requests of one device in order, in one association.

One device never disturbs another. A result is stored as soon as it is there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from cas.access.errors import NotStored
from cas.access.failures import CANCELED, INTERNAL, describe, not_attempted
from cas.access.model import DeviceAccess, Failure, Octets, Result, Target
from cas.access.ports import Devices, Session, Store
from cas.access.writer import ResultWriter
from cas.dlms.apdu import Request, decode_apdu, encode_apdu
from cas.dlms.errors import DlmsError

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Execution:
    """One activation under way."""

    access: DeviceAccess
    activation: int
    requests: Sequence[Request]
    stopped: bool = False
    """Set by cancel: no further request is sent."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Runner:
    """The activations under way in this process, at most `limit` devices at a time."""

    def __init__(self, store: Store, devices: Devices, *, limit: int, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._devices = devices
        self._limit = limit
        self._clock = clock
        # First come, first served: activations take turns, device by device; a large one does not hold up a small one.
        self._permits = asyncio.Semaphore(limit)
        self._writer = ResultWriter(store)
        self._executions: dict[UUID, Execution] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, access: DeviceAccess) -> Execution:
        """Do the first activation of a resource; it goes on by itself."""
        execution = Execution(access, 1, [_request(octets) for octets in access.requests])
        self._executions[access.id] = execution
        task = asyncio.create_task(self._run(execution), name=f"access {access.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return execution

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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.close()

    async def _run(self, execution: Execution) -> None:
        access = execution.access
        try:
            remaining = iter(access.targets)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._limit, len(access.targets))):
                    group.create_task(self._work(execution, remaining))
            await self._store.finish(access.id, execution.activation, stopped=execution.stopped, at=self._clock())
        except Exception:
            # The database: what is missing is found at the next start.
            log.exception("activation broken off", access_id=str(access.id))
        finally:
            del self._executions[access.id]
            execution.done.set()

    async def _work(self, execution: Execution, remaining: Iterator[Target]) -> None:
        for target in remaining:
            async with self._permits:
                await self._access(execution, target)

    async def _access(self, execution: Execution, target: Target) -> None:
        ledger = _Ledger(execution, target, self._writer, self._clock)
        try:
            if not execution.stopped:
                async with self._devices.session(target.device_id) as session:
                    await self._ask(execution, session, ledger)
        except NotStored:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one device causes stays with that device
            await ledger.fail(_failure(error, execution, target))
        if execution.stopped:
            await ledger.fill(CANCELED)

    async def _ask(self, execution: Execution, session: Session, ledger: "_Ledger") -> None:
        for request in execution.requests:
            if execution.stopped:
                return
            try:
                response = await session.request(request)
            except DlmsError as error:
                if not error.association_usable:
                    raise
                await ledger.add(_failure(error, execution, ledger.target))
            else:
                await ledger.add(Octets(encode_apdu(response)))


class _Ledger:
    """The results of one device in one activation, one for each request, in order."""

    def __init__(
        self, execution: Execution, target: Target, writer: ResultWriter, clock: Callable[[], datetime]
    ) -> None:
        self.target = target
        self._execution = execution
        self._writer = writer
        self._activated = clock()
        self._next = 0

    async def add(self, answer: Octets | Failure) -> None:
        """Store the result of the next request."""
        await self._store([answer])

    async def fail(self, failure: Failure) -> None:
        """The next request failed, and with it the association."""
        missing = len(self._execution.requests) - self._next
        if missing:
            await self._store([failure, *[not_attempted(failure)] * (missing - 1)])

    async def fill(self, failure: Failure) -> None:
        """None of the further requests was sent."""
        await self._store([failure] * (len(self._execution.requests) - self._next))

    async def _store(self, answers: Sequence[Octets | Failure]) -> None:
        execution, first = self._execution, self._next
        self._next += len(answers)
        await self._writer.add(
            [
                Result(
                    access_id=execution.access.id,
                    activation=execution.activation,
                    request=number,
                    device_id=self.target.device_id,
                    activated=self._activated,
                    answer=answer,
                )
                for number, answer in enumerate(answers, first)
            ]
        )


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


def _request(octets: Octets) -> Request:
    return decode_apdu(octets)  # type: ignore[return-value]  # only request APDUs are stored as requests
