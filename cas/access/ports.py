"""What the use cases need of the database and of the devices; tests put memory in their place."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias
from uuid import UUID

from cas.access.freshness import Fresh
from cas.access.model import DeviceAccess, Failure, NamedNotification, Result, Selection, State, Tally
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.dlms.apdu import Request, Response
from cas.engine.model import Ended

Procedure: TypeAlias = dev.CosemTimeSync | dev.CosemUpgrade
Step: TypeAlias = Request | cos.AarqApdu | cos.RlrqApdu | Procedure
"""One CosemAccess on one device."""
Answer: TypeAlias = Response | cos.AareApdu | cos.RlreApdu
"""What comes of a step."""


class Store(Protocol):
    """DeviceAccess resources with their activations and results; changes are durable when a call returns."""

    async def create(
        self, access: DeviceAccess, digest: bytes, window: timedelta | None, *, queued: bool = False
    ) -> UUID:
        """Store a new resource and begin its activation 1; return its ID, or that of the one it is a repeat of.

        `queued`: its activations are the engine's; otherwise the only one begins now, and the caller does it.
        It is a repeat if a message of the same source, ID and `digest` came within the `window` or is still being
        done; without a `window` it is none.
        """
        ...

    async def change(self, access: DeviceAccess, changed: Collection[str], at: datetime) -> bool:
        """Give a resource the terms, devices and requests of `access`; False: it is not active any more.

        `changed`: which fields of DeviceAccess and of Terms are new. What runs goes on as it was.
        """
        ...

    async def add_results(self, results: Sequence[Result]) -> None:
        """Store results, each once; those of a resource that is gone are dropped."""
        ...

    async def finish(self, ended: Ended, results: Sequence[Result] = ()) -> bool:
        """End an activation, and with it a resource that has no further one. False: it has been ended, or deleted.

        `results` are its last ones, which are stored with it, or neither is.
        """
        ...

    async def is_executing(self, access_id: UUID, activation: int) -> bool:
        """Whether nobody has ended an activation."""
        ...

    async def abandon(self, access_id: UUID, activation: int, failure: Failure, at: datetime) -> None:
        """End an activation with `failure` for every result that it lacks."""
        ...

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        """The resources of these IDs; those that do not exist are left out."""
        ...

    async def set_state(self, ids: Sequence[UUID], state: State) -> None:
        """Set the state of resources that are still active."""
        ...

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove resources and all that belongs to them."""
        ...

    async def fresh(self, access_id: UUID, device_ids: Sequence[str]) -> Fresh:
        """Stored answers that are fresh enough for the first activation of a resource whose NotOlderThan is past."""
        ...

    async def tally(self, selection: Selection) -> Tally:
        """Count the results of a selection."""
        ...

    def results(self, access_id: UUID, selection: Selection) -> AsyncIterator[Result]:
        """The selected results of one resource by request, then activation, in constant memory."""
        ...

    def notifications(self, access_id: UUID, selection: Selection) -> AsyncIterator[NamedNotification]:
        """The selected notifications that a resource accepted, as they came, in constant memory."""
        ...

    async def recover(self, failure: Failure, at: datetime) -> int:
        """End the activations that a process left when it died: `failure` for every result that they lack.

        Return how many activations there were.
        """
        ...


class Activations(Protocol):
    """What the engine does in other processes, seen from this one."""

    async def finished(self, access_id: UUID) -> None:
        """Wait until nothing of a resource is under way."""
        ...


class Session(Protocol):
    """An association with a device."""

    async def request(self, request: Request) -> Response:
        """Ask the device; block transfer is done inside. Raises DlmsError, TransportError."""
        ...


class Dialogue(Protocol):
    """The steps of a device, one after another."""

    async def prepare(self, step: Step, leader: cos.AarqApdu | None) -> None:
        """Open the association that a step needs, that of its `leader` if it has one. Raises as `request`."""
        ...

    async def request(self, step: Step) -> Answer:
        """Do a step. Raises DeviceError, DlmsError, TransportError, AccessError; Left when it was told to stop."""
        ...


class Devices(Protocol):
    """The registered devices."""

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        """DeviceIDs by the names that a client gave; unknown names are left out."""
        ...

    async def require_groups(self, group_ids: Sequence[str]) -> None:
        """See to it that these groups exist. Raises Refused, naming each that does not."""
        ...

    def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AbstractAsyncContextManager[Dialogue]:
        """A device, which is this caller's alone; long steps ask `is_stopped` between APDUs. Raises DeviceError."""
        ...
