"""The steps of one device, one after another: which association each of them runs in.

- Without a step of ACSE, the service opens the association that the registry configures, at the first step that needs
  one, and releases it at the end.
- An AARQ opens the association with its own parameters; one that is open is released before (D). The steps after it
  run inside. Its result is the AARE, also one that refuses: then, until the next AARQ, nothing is done (D), since the
  client asked for that association and no other.
- An RLRQ releases what is open, its result is the RLRE; a step after it opens the registry's association again (D).

An upgrade may take several associations; each is opened as the first one was.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

from cas.access import images, time_sync
from cas.access.errors import Left, Refused, StepFailed
from cas.access.model import Failure
from cas.access.ports import Answer, Session, Step
from cas.access.upgrade import Progress, Transfers, Upgrade, upgrade
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.devices.selection import SelectiveSession
from cas.dlms.acse import check_accepted
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import NotAssociated
from cas.dlms.selection import Ways


class Line(Protocol):
    """A device that is this caller's alone, with one association at the most."""

    @property
    def is_open(self) -> bool:
        """Whether an association is open."""
        ...

    @property
    def ways(self) -> Ways:
        """How the device takes selective access."""
        ...

    async def open(self, aarq: cos.AarqApdu | None = None) -> cos.AareApdu:
        """Associate, as the registry says or as `aarq` does, and return the AARE.

        An AARE that refuses is returned to who gave an `aarq`, and else raised as AssociationRefused.
        """
        ...

    async def request(self, request: Request) -> Response:
        """Ask one service. Raises as `Session.request`, and NotAssociated."""
        ...

    async def release(self, rlrq: cos.RlrqApdu) -> cos.RlreApdu:
        """Release the association; it is closed in any case. Raises NotAssociated, DlmsError, TransportError."""
        ...

    async def close(self) -> None:
        """Release what is open, and close the link. Never raises."""
        ...


class Lines(Protocol):
    """The registered devices, each for one caller at a time."""

    def hold(self, device_id: str) -> AbstractAsyncContextManager[Line]:
        """Have the device once nobody else does; what is open on it in the end is closed. Raises DeviceError."""
        ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """What procedures need besides the device."""

    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]
    transfers: Transfers
    upgrade_dir: Path | None = None
    """The operator's directory of firmware images; None: no upgrades."""
    progress: Callable[[str, Progress], None] = lambda _device, _progress: None


class Conversation:
    """The steps of one device. `converse` begins one."""

    def __init__(
        self, line: Line, device_id: str, workshop: Workshop, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._line = line
        self._selective = SelectiveSession(line, line.ways, workshop.now)
        self._device_id = device_id
        self._workshop = workshop
        self._is_stopped = is_stopped
        self._aarq: cos.AarqApdu | None = None
        """What the client opened its association with, as long as it counts."""
        self._refused = False

    async def prepare(self, step: Step, leader: cos.AarqApdu | None) -> None:
        """Open the association that a step needs; nothing of the step itself is sent. Raises as `request`.

        `leader` is the AARQ that the step belongs to, if any (`cas.access.steps.leader_of`): so a step that is tried
        again alone, in a later conversation, runs in the association that the client asked for. And an error that keeps
        the association from being opened is told from one that leaves a change in doubt.
        """
        if isinstance(step, cos.AarqApdu):
            return
        if leader != self._aarq:
            await self._line.close()
            self._aarq, self._refused = leader, False
        if not isinstance(step, cos.RlrqApdu):
            await self._ensure()

    async def request(self, step: Step) -> Answer:
        """Do one step. Raises DeviceError, DlmsError, TransportError, OutcomeUnknown; a procedure StepFailed, Left."""
        match step:
            case cos.AarqApdu():
                return await self._associate(step)
            case cos.RlrqApdu():
                return await self._release(step)
            case dev.CosemTimeSync():
                await self._ensure()
                return await time_sync.synchronise(self._line, time_sync.read_time_sync(step), self._workshop.now)
            case dev.CosemUpgrade():
                return await self._upgrade(step)
            case _:
                await self._ensure()
                return await self._selective.request(step)

    async def _associate(self, aarq: cos.AarqApdu) -> cos.AareApdu:
        await self._line.close()
        self._aarq, self._refused = aarq, True  # until it is known better
        aare = await self._line.open(aarq)
        self._refused = not self._line.is_open
        return aare

    async def _release(self, rlrq: cos.RlrqApdu) -> cos.RlreApdu:
        self._aarq, self._refused = None, False
        return await self._line.release(rlrq)

    async def _ensure(self) -> None:
        if self._refused:
            raise NotAssociated("a service", "refused")
        if self._line.is_open:
            return
        aare = await self._line.open(self._aarq)
        if self._aarq is not None:
            check_accepted(aare)

    async def _upgrade(self, step: dev.CosemUpgrade) -> Response:
        order = images.read_upgrade(step)
        try:
            image = images.load_image(self._workshop.upgrade_dir, order)
        except Refused as refused:
            problem = refused.problems[0]
            raise StepFailed(Failure(problem.code, problem.reason, problem.details)) from None
        job = Upgrade(
            device_id=self._device_id,
            target=order.target,
            image=image,
            digest=images.digest(order, image),
            transfers=self._workshop.transfers,
            pause=self._workshop.pause,
            progress=self._progress,
        )
        outcome = await upgrade(job, self._session)
        if isinstance(outcome, Failure):
            raise StepFailed(outcome)
        return outcome

    def _progress(self, progress: Progress) -> None:
        self._workshop.progress(self._device_id, progress)
        if self._is_stopped():
            raise Left(f"the upgrade of {self._device_id} was left at {progress.step}")

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        """The association that is open, or a new one like it; closed only after an error."""
        try:
            await self._ensure()
            yield self._line
        except BaseException:
            await self._line.close()
            raise


class converse(AbstractAsyncContextManager[Conversation]):  # noqa: N801 - used as a function
    """The steps of a device, which is this caller's alone; what is open in the end is released.

    A class, as each access of a device needs one, and a generator costs three times as much.
    """

    __slots__ = ("_device_id", "_held", "_is_stopped", "_workshop")

    def __init__(
        self, lines: Lines, device_id: str, workshop: Workshop, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_stopped`: asked between the APDUs of an upgrade, which takes long: whether to leave it."""
        self._held = lines.hold(device_id)
        self._device_id = device_id
        self._workshop = workshop
        self._is_stopped = is_stopped

    async def __aenter__(self) -> Conversation:
        return Conversation(await self._held.__aenter__(), self._device_id, self._workshop, self._is_stopped)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._held.__aexit__(kind, error, trace)
