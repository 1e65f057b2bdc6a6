"""Memory in place of the database and of the devices, for tests of what stands on the ports of cas.access."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.freshness import Fresh, Stored
from cas.access.model import DeviceAccess, Failure, NamedNotification, Result, Selection, State, Tally
from cas.access.ports import Answer as Answered
from cas.access.ports import Dialogue, Step
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.devices.keys import Keyring, Secret
from cas.dlms.apdu import Request, Response
from cas.engine.model import Ended
from cas.store.errors import DatabaseUnavailable

Answer = Response | Exception | Callable[[Request], Awaitable[Response]]


KEYRING = Keyring([Secret(b"m" * 32)])
"""For stores on a database."""


class MemoryStore:
    """`cas.access.ports.Store` in memory."""

    def __init__(self) -> None:
        self.resources: dict[UUID, DeviceAccess] = {}
        self.executing: dict[UUID, bool] = {}
        self.stored: dict[tuple[UUID, int, int, str], Result] = {}
        self.messages: dict[tuple[str, str, bytes], tuple[UUID, datetime]] = {}
        self.notified: dict[UUID, list[NamedNotification]] = {}
        self.fresh_answers: dict[str, Mapping[int, Stored]] = {}
        self.down = False

    async def create(
        self, access: DeviceAccess, digest: bytes, window: timedelta | None, *, queued: bool = False
    ) -> UUID:
        if window is not None:
            key = (access.origin.source or "", access.origin.message_id or "", digest)
            if key in self.messages:
                made, at = self.messages[key]
                if at >= access.created_at - window or self.executing.get(made):
                    return made
            self.messages[key] = (access.id, access.created_at)
        self.resources[access.id] = access
        self.executing[access.id] = not queued
        return access.id

    async def change(self, access: DeviceAccess, changed: Collection[str], at: datetime) -> bool:
        if self.resources[access.id].state is not State.ACTIVE:
            return False
        self.resources[access.id] = access
        return True

    async def add_results(self, results: Sequence[Result]) -> None:
        if self.down:
            raise DatabaseUnavailable("the database is down")
        for result in results:
            if result.access_id in self.resources:
                key = (result.access_id, result.request, result.activation, result.device_id)
                self.stored.setdefault(key, result)

    async def finish(self, ended: Ended, results: Sequence[Result] = ()) -> bool:
        await self.add_results(results)
        access_id = ended.access_id
        is_mine = access_id in self.resources and self.executing[access_id]
        if is_mine:
            self.executing[access_id] = False
            await self.set_state([access_id], State.FINISHED)
        return is_mine

    async def is_executing(self, access_id: UUID, activation: int) -> bool:
        return self.executing.get(access_id, False)

    async def abandon(self, access_id: UUID, activation: int, failure: Failure, at: datetime) -> None:
        if self.down:
            raise DatabaseUnavailable("the database is down")
        self._abandon(access_id, failure)
        await self.finish(ended(access_id, at))

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        return {access_id: self.resources[access_id] for access_id in ids if access_id in self.resources}

    async def set_state(self, ids: Sequence[UUID], state: State) -> None:
        for access_id in ids:
            if self.resources[access_id].state is State.ACTIVE:
                self.resources[access_id] = replace(self.resources[access_id], state=state)

    async def delete(self, ids: Sequence[UUID]) -> None:
        for access_id in ids:
            self.resources.pop(access_id, None)
            self.executing.pop(access_id, None)
        self.stored = {key: result for key, result in self.stored.items() if key[0] not in ids}

    async def tally(self, selection: Selection) -> Tally:
        chosen = [result for result in self.stored.values() if _fits(result, selection)]
        failed = sum(isinstance(result.answer, Failure) for result in chosen)
        outstanding = 0
        for access_id in selection.ids:
            if self.executing.get(access_id):
                outstanding += sum(1 for key in self._keys(access_id, selection) if key not in self.stored)
        if selection.last_valid:
            return Tally(len(chosen) - failed, 0, 0)
        return Tally(len(chosen) - failed, failed, outstanding)

    async def fresh(self, access_id: UUID, device_ids: Sequence[str]) -> Fresh:
        return {device_id: self.fresh_answers[device_id] for device_id in device_ids if device_id in self.fresh_answers}

    async def results(self, access_id: UUID, selection: Selection) -> AsyncIterator[Result]:
        chosen = {
            key: result
            for key, result in sorted(self.stored.items())
            if result.access_id == access_id and _fits(result, selection)
        }
        if selection.last_valid:
            good = [result for result in chosen.values() if not isinstance(result.answer, Failure)]
            newest = {(result.request, result.device_id): result for result in good}
            chosen = {(access_id, *key, ""): result for key, result in newest.items()}  # type: ignore[misc]  # any key does
        for result in chosen.values():
            yield result

    async def notifications(self, access_id: UUID, selection: Selection) -> AsyncIterator[NamedNotification]:
        for notification in self.notified.get(access_id, ()):
            yield notification

    def _abandon(self, access_id: UUID, failure: Failure) -> None:
        for key in self._keys(access_id, Selection(ids=(access_id,))):
            lost = Result(
                access_id=access_id,
                request=key[1],
                activation=key[2],
                device_id=key[3],
                activated=self.resources[access_id].created_at,
                answer=failure,
            )
            self.stored.setdefault(key, lost)

    async def recover(self, failure: Failure, at: datetime) -> int:
        abandoned = [access_id for access_id, executing in self.executing.items() if executing]
        for access_id in abandoned:
            self._abandon(access_id, failure)
            await self.finish(ended(access_id, at))
        return len(abandoned)

    def _keys(self, access_id: UUID, selection: Selection) -> list[tuple[UUID, int, int, str]]:
        access = self.resources[access_id]
        return [
            (access_id, number, 1, target.device_id)
            for number in range(len(access.requests))
            for target in access.targets
            if selection.device_ids is None or target.device_id in selection.device_ids
        ]


def ended(access_id: UUID, at: datetime, *, stopped: bool = False, results: int = 0, failed: int = 0) -> Ended:
    """The end of an activation 1."""
    return Ended(access_id=access_id, number=1, at=at, stopped=stopped, results=results, failed=failed)


def _fits(result: Result, selection: Selection) -> bool:
    return (
        result.access_id in selection.ids
        and (selection.start is None or result.activated >= selection.start)
        and (selection.end is None or result.activated < selection.end)
        and (selection.device_ids is None or result.device_id in selection.device_ids)
    )


class FakeDevices:
    """`cas.access.ports.Devices`: a device answers with the next of its answers, at their end with the last one again.

    An answer that is an exception is raised; one that is a function is awaited. `unreachable` fail to associate.
    """

    def __init__(
        self, devices: Mapping[str, Sequence[Answer]], unreachable: Mapping[str, Exception] | None = None
    ) -> None:
        self.devices = {name: list(answers) for name, answers in devices.items()}
        self.unreachable = dict(unreachable or {})
        self.aliases: dict[str, str] = {}
        self.groups = {"DG_ALL_METERS"}
        self.asked: list[tuple[str, Request]] = []
        self.associated: list[str] = []
        """The devices whose associations were opened, for each step."""
        self.open = 0
        self.most_open = 0

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        known = {**{name: name for name in (*self.devices, *self.unreachable)}, **self.aliases}
        return {name: known[name] for name in names if name in known}

    async def require_groups(self, group_ids: Sequence[str]) -> None:
        if unknown := set(group_ids) - self.groups:
            raise Refused([Problem(Code.DEVICE, f"no group {group_id}") for group_id in sorted(unknown)])

    @asynccontextmanager
    async def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AsyncIterator[Dialogue]:
        await asyncio.sleep(0)
        if device_id in self.unreachable:
            raise self.unreachable[device_id]
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            yield _FakeDialogue(self, device_id)
        finally:
            self.open -= 1


class _FakeDialogue:
    def __init__(self, devices: FakeDevices, device_id: str) -> None:
        self._devices = devices
        self._device_id = device_id

    async def prepare(self, step: Step, leader: cos.AarqApdu | None) -> None:
        self._devices.associated.append(self._device_id)

    async def request(self, step: Step) -> Answered:
        assert not isinstance(step, cos.AarqApdu | cos.RlrqApdu | dev.CosemTimeSync | dev.CosemUpgrade)
        request = step
        await asyncio.sleep(0)
        self._devices.asked.append((self._device_id, request))
        answers = self._devices.devices[self._device_id]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return await answer(request)
        return answer


def get_request(attribute: int = 2, instance: str = "0100010800FF") -> cos.GetRequest:
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=0xC1,
            cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
                class_id=3, instance_id=bytes.fromhex(instance), attribute_id=attribute
            ),
        )
    )


def get_response(value: Data) -> cos.GetResponse:
    return cos.GetResponse(
        get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=0xC1, result=cos.GetDataResult(data=value))
    )
