"""The use cases of a client: create, change, cancel, close, delete and get DeviceAccess (IEC TS 62056-9-1, 5.2, 7.2.3).

A repeat of a create is answered by the resource that the first one made. What counts as a repeat, (D): the same Source,
MessageID, CorrelationID, Timestamp and content, within a day. Clients are in use whose MessageID is a constant. So that
they do not get old values for new ones, a MessageID that is no UUID counts for `REPEAT_WINDOW` only, in which a client
that lost the answer asks again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from cas.access.codes import Code
from cas.access.errors import Problem, Refused, Stopping, TooManyPending
from cas.access.execution import Execution, Runner
from cas.access.failures import LOST
from cas.access.model import DeviceAccess, Origin, Result, Selection, State, Target
from cas.access.order import (
    Change,
    Order,
    Rules,
    check_terms,
    read_change,
    read_names,
    read_order,
    unknown_devices,
)
from cas.access.ports import Activations, Devices, Store
from cas.access.reply import check_reply
from cas.bindings import device_access as dev
from cas.dlms.redaction import redact
from cas.engine.permits import Permits

DAY = timedelta(days=1)
REPEAT_WINDOW = timedelta(minutes=2)
# On-demand accesses that a process has under way.
MOST_PENDING = 1000
# Those of one device, at the least: a client that asks a silent device again and again does not keep out all others.
LEAST_SHARE = 10
# Devices of an on-demand access up to which the process that was asked does it by itself.
QUEUED_ABOVE = 200


def now() -> datetime:
    """The time, with a zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that a message made, or found made."""

    access: DeviceAccess
    results: Sequence[Result] | None = None
    """All that it came to, when that is known without asking the store."""


class AccessService:
    """DeviceAccess for clients; `start` before use, `stop` at the end.

    `sync_wait`: seconds that a create waits for its devices; `limit`: devices accessed at the same time, or the permits
    that say so; `activations`: the engine, seen from here; without one there are only on-demand accesses;
    `queued_above`: from how many devices on the engine does an on-demand access; `rules`: what the operator allows;
    `most_pending`: on-demand accesses under way here or waited for, beyond which none is taken; a tenth of them may be
    of the same device.
    """

    def __init__(
        self,
        store: Store,
        devices: Devices,
        *,
        sync_wait: float,
        limit: int | Permits = 500,
        clock: Callable[[], datetime] = now,
        activations: Activations | None = None,
        queued_above: int = QUEUED_ABOVE,
        rules: Rules | None = None,
        most_pending: int = MOST_PENDING,
    ) -> None:
        self.store = store
        self._devices = devices
        self._sync_wait = sync_wait
        self._clock = clock
        self._activations = activations
        self._queued_above = queued_above
        self._rules = rules or Rules()
        permits = limit if isinstance(limit, Permits) else Permits(limit)
        self._runner = Runner(store, devices, permits=permits, clock=clock)
        self._most_pending = most_pending
        self._most_of_a_device = max(LEAST_SHARE, most_pending // 10)
        self._waited_for = 0
        self._stopping = False

    async def start(self) -> int:
        """Tell the clients of a process that died what became of their devices; return how many activations it left."""
        return await self.store.recover(LOST, self._clock())

    async def stop(self, grace: float) -> None:
        """Take nothing new, wait `grace` seconds for what is under way. A second call finds nothing to do."""
        self._stopping = True
        await self._runner.close(grace)

    async def create(self, noun: dev.DeviceAccess, origin: Origin, *, wait: bool = True) -> DeviceAccess:
        """As `perform`, without results."""
        return (await self.perform(noun, origin, wait=wait)).access

    async def perform(self, noun: dev.DeviceAccess, origin: Origin, *, wait: bool = True) -> Made:
        """Make a resource; if it is on-demand, unless told otherwise, wait `sync_wait` seconds at most for its devices.

        Raises Refused, Stopping, TooManyPending.
        """
        if self._stopping:
            raise Stopping("the service is stopping: ask again in a moment")
        if self._runner.under_way + self._waited_for >= self._most_pending:
            raise TooManyPending(f"{self._most_pending} accesses are under way here: ask again in a moment")
        order = read_order(noun, origin, self._clock(), self._rules)
        if order.groups:
            await self._devices.require_groups(order.groups)
        access = DeviceAccess(
            id=uuid4(),
            created_at=self._clock(),
            origin=origin,
            terms=order.terms,
            targets=await self._targets(order.names),
            requests=order.requests,
            groups=order.groups,
        )
        queued = bool(access.requests) and self._is_queued(access)
        for target in () if queued else access.targets:
            if self._runner.under_way_on(target.device_id) >= self._most_of_a_device:
                details = f"{self._most_of_a_device} accesses of the device {target.name!r} are under way here"
                raise TooManyPending(f"{details}: ask again in a moment")
        storing = asyncio.create_task(
            self.store.create(access, _digest(order, origin), _window(origin), queued=queued), name=f"store {access.id}"
        )
        execution = self._runner.start(access, storing) if access.requests and not queued else None
        made = await asyncio.shield(storing)
        if made != access.id:
            access, execution = (await self._existing([made]))[made], None
        if not wait or not access.is_on_demand or access.origin.async_reply:
            return Made(access)
        try:
            async with asyncio.timeout(self._sync_wait):
                return Made(access, await self._finished(access.id, execution))
        except TimeoutError:
            return Made(access)  # it goes on; a get shows the rest

    async def change(self, ids: Sequence[str], noun: dev.DeviceAccess) -> list[UUID]:
        """Change resources as far as `noun` says; what runs finishes under the old terms. Raises Refused."""
        found = await self.get(ids)
        change = read_change(noun, self._rules)
        if change.groups:
            await self._devices.require_groups(change.groups)
        targets = None if change.names is None else await self._targets(change.names)
        merged = [_merged(access, change, targets) for access in found]
        at = self._clock()
        problems = [problem for access in merged for problem in self._check_change(access, change, at)]
        if problems:
            raise Refused(problems)
        changed = {*change.terms, *_given(targets=targets, requests=change.requests)}
        for before, access in zip(found, merged, strict=True):
            # Without any request before, the first ones are due now.
            begins = {"activates"} if access.requests and not before.requests else set()
            if not await self.store.change(access, changed | begins, at):
                raise Refused([_over(access)])
        return [access.id for access in found]

    def _check_change(self, access: DeviceAccess, change: Change, at: datetime) -> Iterator[Problem]:
        if access.state is not State.ACTIVE:
            yield _over(access)
        if not {"activates", "expires"}.isdisjoint(change.terms):
            yield from check_terms(access.terms, at)
        yield from check_reply(access.origin, access.terms, at, self._rules.check_address)
        if access.requests:
            self._is_queued(access)

    async def get(self, ids: Sequence[str]) -> list[DeviceAccess]:
        """The resources of these IDs, in this order. Raises Refused."""
        wanted = _read_ids(ids)
        found = await self._existing(wanted)
        return [found[access_id] for access_id in wanted]

    async def narrow(self, selection: Selection, noun: dev.DeviceAccess) -> Selection:
        """The part of a selection that is about the devices of `noun`. Raises Refused."""
        named = read_names(noun)
        if named is None:
            return selection
        names, groups = named
        if groups:
            await self._devices.require_groups(groups)
        return Selection(
            ids=selection.ids,
            start=selection.start,
            end=selection.end,
            last_valid=selection.last_valid,
            device_ids=tuple(target.device_id for target in await self._targets(names)),
            groups=groups,
        )

    async def cancel(self, ids: Sequence[str]) -> list[UUID]:
        """No further activation; what runs stops at the next APDU boundary; results stay. Raises Refused."""
        found = [access.id for access in await self.get(ids)]
        await self.store.set_state(found, State.CANCELED)
        for access_id in found:
            self._runner.stop(access_id)
        return found

    async def close(self, ids: Sequence[str]) -> list[UUID]:
        """No further activation; what runs finishes; results stay. Raises Refused."""
        found = [access.id for access in await self.get(ids)]
        await self.store.set_state(found, State.CLOSED)
        return found

    async def delete(self, ids: Sequence[str]) -> list[UUID]:
        """Cancel, then remove the resources and their results. Raises Refused."""
        found = await self.cancel(ids)
        await self.store.delete(found)
        return found

    def stop_execution(self, access_id: UUID) -> None:
        """A resource was canceled, here or elsewhere: leave its devices at the next APDU boundary."""
        self._runner.stop(access_id)

    def _is_queued(self, access: DeviceAccess) -> bool:
        """Whether the engine does it, in whatever process: what is later, repeated, long or large. Raises Refused."""
        terms = access.terms
        later = {
            "Activates": terms.activates is not None and terms.activates > access.created_at,
            "RepeatingInterval": terms.repeating_interval is not None,
            "DevicesReferenceList/GroupReference[1]": bool(access.groups),
        }
        if self._activations is None:
            problems = [
                Problem(Code.NOT_ATTEMPTED, f"{element} needs the engine, which this service has not", element)
                for element, wanted in later.items()
                if wanted
            ]
            if problems:
                raise Refused(problems)
            return False
        return any(later.values()) or terms.duration is not None or len(access.targets) > self._queued_above

    async def _finished(self, access_id: UUID, execution: Execution | None) -> Sequence[Result] | None:
        """Wait for the end; all results, if they are at hand."""
        if execution := execution or self._runner.find(access_id):
            await execution.done.wait()
            return execution.results
        if self._activations is not None:
            self._waited_for += 1
            try:
                await self._activations.finished(access_id)
            finally:
                self._waited_for -= 1
        return None

    async def _targets(self, names: Sequence[str]) -> tuple[Target, ...]:
        known = await self._devices.resolve(names)
        problems = unknown_devices(names, known)
        if problems:
            raise Refused(problems)
        targets: dict[str, Target] = {}
        for name in names:
            # Twice in the list, or by system title and by alias: it is accessed once, under its first name.
            targets.setdefault(known[name], Target(name, known[name]))
        return tuple(targets.values())

    async def _existing(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        found = await self.store.find(ids)
        missing = [str(access_id) for access_id in ids if access_id not in found]
        if missing:
            raise Refused([_unknown(access_id) for access_id in missing])
        return found


def _read_ids(ids: Sequence[str]) -> list[UUID]:
    if not ids:
        raise Refused([Problem(Code.REQUEST, "name the resource: Request/ID is missing", "/Request/ID")])
    read: list[UUID] = []
    problems: list[Problem] = []
    for text in ids:
        try:
            read.append(UUID(text.strip()))
        except ValueError:
            problems.append(_unknown(text))
    if problems:
        raise Refused(problems)
    return list(dict.fromkeys(read))


def _merged(access: DeviceAccess, change: Change, targets: tuple[Target, ...] | None) -> DeviceAccess:
    return replace(
        access,
        terms=replace(access.terms, **change.terms),
        targets=access.targets if targets is None else targets,
        groups=access.groups if targets is None else change.groups,
        requests=access.requests if change.requests is None else change.requests,
    )


def _given(**values: object) -> set[str]:
    return {name for name, value in values.items() if value is not None}


def _over(access: DeviceAccess) -> Problem:
    details = f"the DeviceAccess {access.id} is {access.state.value}: make another one"
    return Problem(Code.RELATIONSHIP, details, "/Request/ID", reason="resource is over", id=str(access.id))


def _unknown(access_id: str) -> Problem:
    return Problem(
        Code.REQUEST_ID,
        f"no DeviceAccess has the ID {access_id!r}: never made, or deleted",
        "/Request/ID",
        id=access_id,
    )


def _window(origin: Origin) -> timedelta | None:
    if not origin.message_id:
        return None
    try:
        UUID(origin.message_id.strip())
    except ValueError:
        return REPEAT_WINDOW
    return DAY


def _digest(order: Order, origin: Origin) -> bytes:
    # Without the secrets, which could be guessed by what is stored of them.
    what = (order.names, order.groups, order.terms, tuple(redact("sent", octets) for octets in order.requests))
    parts = (origin.correlation_id, origin.timestamp, origin.reply_address, *what)
    return hashlib.sha256(repr(parts).encode()).digest()
