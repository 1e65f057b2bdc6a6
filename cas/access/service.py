"""The use cases of a client: create, get, cancel, close and delete a DeviceAccess (IEC TS 62056-9-1, 5.2, 7.2.3).

A repeat of a create is answered by the resource that the first one made. What counts as a repeat, (D): the same Source,
MessageID, CorrelationID, Timestamp and content, within a day. Clients are in use whose MessageID is a constant. So that
they do not get old values for new ones, a MessageID that is no UUID counts for `REPEAT_WINDOW` only, in which a client
that lost the answer asks again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from cas.access.codes import Code
from cas.access.errors import Problem, Refused, Stopping
from cas.access.execution import Runner
from cas.access.failures import LOST
from cas.access.model import DeviceAccess, Origin, Selection, State, Target
from cas.access.order import Order, read_names, read_order, unknown_devices
from cas.access.ports import Devices, Store
from cas.bindings import device_access as dev

DAY = timedelta(days=1)
REPEAT_WINDOW = timedelta(minutes=2)


def now() -> datetime:
    """The time, with a zone."""
    return datetime.now(UTC)


class AccessService:
    """DeviceAccess for clients; `start` before use, `stop` at the end.

    `sync_wait`: seconds that a create waits for its devices; `limit`: devices accessed at the same time.
    """

    def __init__(
        self,
        store: Store,
        devices: Devices,
        *,
        sync_wait: float,
        limit: int = 500,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.store = store
        self._devices = devices
        self._sync_wait = sync_wait
        self._clock = clock
        self._runner = Runner(store, devices, limit=limit, clock=clock)
        self._stopping = False

    async def start(self) -> int:
        """Tell the clients of a process that died what became of their devices; return how many activations it left."""
        return await self.store.recover(LOST, self._clock())

    async def stop(self, grace: float) -> None:
        """Take nothing new, wait `grace` seconds for what is under way. A second call finds nothing to do."""
        self._stopping = True
        await self._runner.close(grace)

    async def create(self, noun: dev.DeviceAccess, origin: Origin) -> DeviceAccess:
        """Make a resource, and wait until all devices answered, `sync_wait` seconds at most.

        Raises Refused, Stopping.
        """
        if self._stopping:
            raise Stopping("the service is stopping: ask again in a moment")
        order = read_order(noun, origin, self._clock())
        access = DeviceAccess(
            id=uuid4(),
            created_at=self._clock(),
            origin=origin,
            terms=order.terms,
            targets=await self._targets(order.names),
            requests=order.requests,
        )
        made = await self.store.create(access, _digest(order, origin), _window(origin))
        if made == access.id:
            self._runner.start(access)
        else:
            access = (await self._existing([made]))[made]
        if execution := self._runner.find(access.id):
            try:
                await asyncio.wait_for(execution.done.wait(), self._sync_wait)
            except TimeoutError:
                pass  # it goes on; a get shows the rest
        return access

    async def get(self, ids: Sequence[str]) -> list[DeviceAccess]:
        """The resources of these IDs, in this order. Raises Refused."""
        wanted = _read_ids(ids)
        found = await self._existing(wanted)
        return [found[access_id] for access_id in wanted]

    async def narrow(self, selection: Selection, noun: dev.DeviceAccess) -> Selection:
        """The part of a selection that is about the devices of `noun`. Raises Refused."""
        names = read_names(noun)
        if names is None:
            return selection
        return Selection(
            ids=selection.ids,
            start=selection.start,
            end=selection.end,
            last_valid=selection.last_valid,
            device_ids=tuple(target.device_id for target in await self._targets(names)),
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
    parts = (origin.correlation_id, origin.timestamp, origin.reply_address, order.names, order.terms, order.requests)
    return hashlib.sha256(repr(parts).encode()).digest()
