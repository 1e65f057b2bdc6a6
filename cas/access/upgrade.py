"""CosemUpgrade: the image transfer procedure, from initiation to activation (Blue Book 12, 4.4.6).

The device itself knows which blocks it has, and keeps them when an association breaks. What it does not tell, before it
has verified the image, is which image that is: so the service notes what it initiated. When it comes back to the same
image it goes on at the first missing block, and after an activation whose answer was lost it looks at what came of it.

The answer of an upgrade is the device's answer to image_activate; or that to the step that it refused; or, where the
device answered well but the image is not what it should be, a failure. A block is known by its number, so that sending
one twice does no harm.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

import structlog

from cas.access.codes import Code
from cas.access.exchange import Ended, Object, action_result, data_of, done, get, invoke, read, write
from cas.access.images import Image
from cas.access.model import Failure
from cas.access.ports import Session
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import BIT_STRING
from cas.dlms.apdu import Response
from cas.dlms.errors import DlmsError
from transports.errors import TransportError

BLOCK_SIZE, BLOCKS, FIRST_MISSING, ENABLED, STATUS, TO_ACTIVATE = range(2, 8)
"""Attributes of the class Image transfer."""
INITIATE, TRANSFER, VERIFY, ACTIVATE = range(1, 5)
"""Its methods."""

# Seconds between two looks at a device that is verifying or activating, and how many of them.
POLL, POLLS = 10.0, 180
# Seconds before a block is sent again to a device that is busy, and how many times.
BUSY, BUSY_TIMES = 2.0, 30
# How many times what is missing is sent.
ROUNDS = 5
# Seconds before each new association when one broke, without a block in between that got through.
RECONNECT = (5.0, 30.0, 60.0, 120.0)
MAX_BLOCKS = 1 << 24

log = structlog.get_logger(__name__)

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


class Status(IntEnum):
    """image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFYING = 2
    VERIFIED = 3
    VERIFICATION_FAILED = 4
    ACTIVATING = 5
    ACTIVATED = 6
    ACTIVATION_FAILED = 7


# Some devices stay where they were for a moment, before they say that they are at it.
_BEFORE = {Status.VERIFYING: Status.INITIATED, Status.ACTIVATING: Status.VERIFIED}


class Phase(StrEnum):
    """How far the service has come with an image on a device."""

    TRANSFER = "transfer"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Transfer:
    """The image that the service initiated last on a device, by its digest."""

    digest: bytes
    phase: Phase


class Transfers(Protocol):
    """What the service initiated on devices; durable when a call returns."""

    async def find(self, device_id: str) -> Transfer | None:
        """What was noted of this device."""
        ...

    async def note(self, device_id: str, transfer: Transfer) -> None:
        """Note how far a device is, in place of what was noted before."""
        ...

    async def forget(self, device_id: str) -> None:
        """The image is no longer under way."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upgrade is: blocks that the device has, of how many, and what is being done."""

    step: str
    blocks: int
    of: int


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One image for one device; `digest` tells it from every other."""

    device_id: str
    target: Object
    image: Image
    digest: bytes
    transfers: Transfers
    pause: Pause
    progress: Callable[[Progress], None] = lambda _: None


async def upgrade(job: Upgrade, open_session: Callable[[], AbstractAsyncContextManager[Session]]) -> Response | Failure:
    """Bring the image to the device and activate it, over as many associations as that takes.

    As long as blocks get through, a broken association is followed by the next one; without any, by a few. Raises
    what opening the last one or asking in it raised; a later call goes on where this one stopped.
    """
    run = _Run(job)
    pauses = iter(RECONNECT)
    while True:
        sent = run.sent
        try:
            async with open_session() as session:
                return await run.attempt(session)
        except (TransportError, DlmsError, TimeoutError) as error:
            if isinstance(error, DlmsError) and (error.association_usable or not error.retryable):
                raise
            if run.sent > sent:
                pauses = iter(RECONNECT)
            wait = next(pauses, None)
            if wait is None:
                raise
            log.info("upgrade interrupted", device_id=job.device_id, error=str(error), next_attempt_in=wait)
        await job.pause(wait)


class _Run:
    """One call of `upgrade`."""

    def __init__(self, job: Upgrade) -> None:
        self._job = job
        self._noted = False
        self.sent = 0
        """Blocks that got through, and other steps that the device took."""

    async def attempt(self, session: Session) -> Response | Failure:
        """Go on with the image over one association."""
        try:
            return await self._go_on(session)
        except Ended as end:
            return end.outcome

    async def _go_on(self, session: Session) -> Response | Failure:
        job = self._job
        noted = await job.transfers.find(job.device_id)
        ours = noted is not None and noted.digest == job.digest
        if self._noted and not ours:
            details = "another upgrade was started on this device meanwhile; its image has taken the place of this one"
            return Failure(Code.NOT_ATTEMPTED, "upgrade superseded", details)
        self._noted = ours
        status = await self._status(session)
        if ours and noted is not None and noted.phase is Phase.ACTIVATION:
            answer = await self._after_activation(session, status)
        else:
            answer = await self._before_activation(session, status, ours=ours)
        await job.transfers.forget(job.device_id)
        return answer

    async def _before_activation(self, session: Session, status: Status, *, ours: bool) -> Response:
        count, block_size = await self._prepare(session)
        missing = None
        if ours and status is Status.INITIATED:
            missing = await self._missing(session, count)
        if missing is None and not (ours and status in (Status.VERIFYING, Status.VERIFIED)):
            await self._initiate(session)
            missing = list(range(count))
        if missing is not None:
            await self._transfer(session, missing, count, block_size)
            status = await self._verify(session)
        if status is Status.VERIFYING:
            status = await self._poll(session, Status.VERIFYING)
        if status is not Status.VERIFIED:
            details = f"the device says {_name(status)}: check the image file"
            raise await self._end(_failure("image verification failed", details))
        await self._check_image(session)
        return await self._activate(session)

    async def _prepare(self, session: Session) -> tuple[int, int]:
        """See to it that the transfer is enabled; return how many blocks there are, and their size in octets."""
        self._tell("prepare", 0, 0)
        enabled = await read(session, self._job.target, ENABLED)
        if not enabled.simple:
            answer = await write(session, self._job.target, ENABLED, Data.of("boolean", True))
            if not _is_set(answer):
                raise Ended(answer)
        block_size = _number(await read(session, self._job.target, BLOCK_SIZE))
        if block_size < 1 or (count := -(-self._job.image.size // block_size)) > MAX_BLOCKS:
            raise Ended(_failure("image block size unusable", f"the device takes blocks of {block_size} octets"))
        return count, block_size

    async def _initiate(self, session: Session) -> None:
        job = self._job
        # between the two nothing is noted: what is there then may be any image, and is not gone on with
        await job.transfers.forget(job.device_id)
        self._noted = False
        parameters = Data.structure(
            Data.of("octet-string", job.image.identifier), Data.of("double-long-unsigned", job.image.size)
        )
        self._tell("initiate", 0, 0)
        await self._invoke(session, INITIATE, parameters)
        await job.transfers.note(job.device_id, Transfer(job.digest, Phase.TRANSFER))
        self._noted = True

    async def _transfer(self, session: Session, missing: list[int], count: int, block_size: int) -> None:
        for _ in range(ROUNDS):
            done_before = count - len(missing)
            for sent, number in enumerate(missing):
                self._tell("transfer", done_before + sent, count)
                block = Data.of("octet-string", self._job.image.block(number, block_size))
                await self._invoke(session, TRANSFER, Data.structure(Data.of("double-long-unsigned", number), block))
                self.sent += 1
            left = await self._missing(session, count)
            if left is None:
                raise Ended(_failure("image transfer ended", "the device no longer knows of the image: try again"))
            if not left:
                self._tell("transfer", count, count)
                return
            missing = left
        details = f"{len(missing)} of {count} blocks are still missing after {ROUNDS} rounds, block {missing[0]} first"
        raise Ended(_failure("image incomplete", details))

    async def _missing(self, session: Session, count: int) -> list[int] | None:
        """The blocks that the device lacks; None when what it tells is not about this image."""
        first = _number(await read(session, self._job.target, FIRST_MISSING))
        if first >= count:
            return []
        value = data_of(await get(session, self._job.target, BLOCKS))
        if value is None or value.tag != BIT_STRING:
            return list(range(first, count))
        bits = value.simple
        if not isinstance(bits, str) or len(bits) < count or "1" in bits[count:] or len(bits) >= count + 8:
            return None
        return list(_zeros(bits[:count]))

    async def _verify(self, session: Session) -> Status:
        self._tell("verify", 0, 0)
        answer = await invoke(session, self._job.target, VERIFY, Data.of("integer", 0))
        self.sent += 1
        result = action_result(answer)
        if result is cos.ActionResult.SUCCESS:
            return Status.VERIFIED
        if result is cos.ActionResult.TEMPORARY_FAILURE:  # in progress: its end shows in the status
            return await self._poll(session, Status.VERIFYING)
        raise await self._end(answer)

    async def _check_image(self, session: Session) -> None:
        """The image that the device is about to activate must be ours. A device that tells nothing has verified it."""
        self._tell("check", 0, 0)
        value = data_of(await get(session, self._job.target, TO_ACTIVATE))
        images = value.value if value is not None else None
        if not isinstance(images, list) or not images:
            return
        image = self._job.image
        if not any(_is_same(each, image) for each in images):
            shown = "; ".join(_describe(each) for each in images)
            details = f"the device would activate {shown}, not {_describe((image.size, image.identifier, b''))}"
            raise await self._end(_failure("image not the one transferred", details))

    async def _activate(self, session: Session) -> Response:
        job = self._job
        self._tell("activate", 0, 0)
        await job.transfers.note(job.device_id, Transfer(job.digest, Phase.ACTIVATION))
        answer = await invoke(session, job.target, ACTIVATE, Data.of("integer", 0))
        if action_result(answer) is not cos.ActionResult.TEMPORARY_FAILURE:
            return answer
        return await self._activated(await self._poll(session, Status.ACTIVATING))

    async def _after_activation(self, session: Session, status: Status) -> Response:
        """An activation was sent, and its answer lost."""
        if status is Status.VERIFIED:  # it did not arrive
            await self._check_image(session)
            return await self._activate(session)
        if status is Status.ACTIVATING:
            status = await self._poll(session, Status.ACTIVATING)
        return await self._activated(status)

    async def _activated(self, status: Status) -> Response:
        if status is Status.ACTIVATED:
            return done()
        if status is Status.ACTIVATION_FAILED:
            raise await self._end(_failure("image activation failed", "the device keeps the image that it had"))
        details = f"the activation was sent, and the device now says {_name(status)}: read its firmware version"
        raise await self._end(Failure(Code.UNAVAILABLE, "outcome unknown", details))

    async def _end(self, outcome: Response | Failure) -> Ended:
        """The end of this image on this device: a later call begins anew."""
        await self._job.transfers.forget(self._job.device_id)
        return Ended(outcome)

    async def _poll(self, session: Session, while_in: Status) -> Status:
        """The status that follows `while_in`."""
        for _ in range(POLLS):
            await self._job.pause(POLL)
            status = await self._status(session)
            if status not in (while_in, _BEFORE[while_in]):
                return status
        details = f"the device still says {_name(while_in)} after {POLL * POLLS:.0f} s: try again later"
        raise Ended(Failure(Code.TIMED_OUT, "device too slow", details))

    async def _status(self, session: Session) -> Status:
        number = _number(await read(session, self._job.target, STATUS))
        try:
            return Status(number)
        except ValueError:
            raise Ended(_failure("image transfer status unknown", f"no status has the number {number}")) from None

    async def _invoke(self, session: Session, method: int, parameters: Data) -> None:
        """Invoke a method, again while the device is busy. Raises Ended with any answer but success."""
        answer = await invoke(session, self._job.target, method, parameters)
        for _ in range(BUSY_TIMES):
            if action_result(answer) is not cos.ActionResult.TEMPORARY_FAILURE:
                break
            await self._job.pause(BUSY)
            answer = await invoke(session, self._job.target, method, parameters)
        if action_result(answer) is not cos.ActionResult.SUCCESS:
            raise Ended(answer)

    def _tell(self, step: str, blocks: int, of: int) -> None:
        self._job.progress(Progress(step, blocks, of))


def _number(value: Data) -> int:
    number = value.simple
    if isinstance(number, int):
        return number
    raise Ended(_failure("answer of the wrong type", f"a number was expected of the Image transfer, not {value.kind}"))


def _zeros(bits: str) -> Iterator[int]:
    place = bits.find("0")
    while place >= 0:
        yield place
        place = bits.find("0", place + 1)


def _is_set(answer: Response) -> bool:
    normal = answer.set_response_normal if isinstance(answer, cos.SetResponse) else None
    return normal is not None and normal.result is cos.DataAccessResult.SUCCESS


def _is_same(shown: object, image: Image) -> bool:
    if not isinstance(shown, tuple) or len(shown) != 3 or shown[:2] != (image.size, image.identifier):
        return False
    return image.signature is None or shown[2] == image.signature


def _describe(shown: object) -> str:
    if isinstance(shown, tuple) and len(shown) == 3 and isinstance(shown[1], bytes):
        return f"{shown[0]} octets of {shown[1].hex().upper()}"
    return repr(shown)


def _name(status: Status) -> str:
    return status.name.lower().replace("_", " ")


def _failure(reason: str, details: str) -> Failure:
    return Failure(Code.FAILED, reason, details)
