"""One device: its steps in order. What on-demand and scheduled accesses have in common.

What the device answers is handed over at once; what goes wrong is left for the caller to judge: to tell the client, or
to try again later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cas.access.errors import Left, NotStored
from cas.access.failures import not_attempted
from cas.access.model import Failure, Octets
from cas.access.ports import Devices, Dialogue, Step
from cas.access.steps import leader_of
from cas.dlms.apdu import encode_apdu


@dataclass(slots=True)
class Visit:
    """What became of a device's requests, by their numbers; what stands nowhere here was answered."""

    errors: dict[int, Exception] = field(default_factory=dict)
    """Requests that failed and left the association open."""
    broken: Exception | None = None
    """What ended the association, or kept it from being opened."""
    broken_at: int | None = None
    """The request that was under way when it ended."""
    unsent: tuple[int, ...] = ()
    """Requests that were not sent: the association had ended, or the visit was stopped."""

    @property
    def complete(self) -> bool:
        """Whether everything was answered."""
        return self.broken is None and not self.errors and not self.unsent

    def failures(
        self, describe: Callable[[Exception], Failure], unsent: Callable[[int], Failure]
    ) -> dict[int, Failure]:
        """What a client is told of the requests without an answer: `unsent` where nothing went wrong before."""
        told = {number: describe(error) for number, error in self.errors.items()}
        if self.broken is None:
            return told | {number: unsent(number) for number in self.unsent}
        broken = describe(self.broken)
        lost = dict.fromkeys(self.lost, not_attempted(broken))
        return told | lost | dict.fromkeys(self.lost[:1], broken)

    @property
    def lost(self) -> tuple[int, ...]:
        """The requests that failed with the association, and those that were to follow."""
        return self.unsent if self.broken_at is None else (self.broken_at, *self.unsent)

    @property
    def causes(self) -> dict[int, Exception]:
        """The errors of the requests that were sent."""
        if self.broken is None or self.broken_at is None:
            return dict(self.errors)
        return {**self.errors, self.broken_at: self.broken}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a visit asks and tells on its way."""

    answered: Callable[[int, Octets], Awaitable[None]]
    """A request was answered. Raises NotStored."""
    is_stopped: Callable[[], bool]
    """Asked before each request: whether to leave the device."""
    may_begin: Callable[[], Awaitable[object]] | None = None
    """Awaited when the device is this caller's alone, before anything is sent to it."""
    may_send: Callable[[int], Awaitable[bool]] | None = None
    """Asked before each request, when everything else speaks for it."""


async def visit(
    devices: Devices, device_id: str, steps: Mapping[int, Step], wanted: Sequence[int], hooks: Hooks
) -> Visit:
    """Do the steps with the numbers `wanted` on a device, each in its association. Raises NotStored, nothing else."""
    made = Visit(unsent=tuple(wanted))
    if hooks.is_stopped() or not wanted:
        return made
    try:
        async with devices.converse(device_id, hooks.is_stopped) as dialogue:
            if hooks.may_begin is not None:
                await hooks.may_begin()
            await _do(dialogue, steps, wanted, hooks, made)
    except Left:
        pass  # what is not done stands among the unsent
    except NotStored:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one device causes stays with that device
        made.broken = error
    return made


async def _do(dialogue: Dialogue, steps: Mapping[int, Step], wanted: Sequence[int], hooks: Hooks, made: Visit) -> None:
    for number in wanted:
        if hooks.is_stopped():
            return
        try:
            # what fails here has kept the step from being sent
            before = [step for each, step in steps.items() if each < number]
            await dialogue.prepare(steps[number], leader_of(before, len(before)))
            if hooks.may_send is not None and not await hooks.may_send(number):
                return
            answer = await _request(dialogue, steps[number], number, made)
        except Exception as error:
            if not getattr(error, "association_usable", False):
                raise
            made.errors[number] = error
            made.unsent = made.unsent[1:]
        else:
            made.unsent = made.unsent[1:]
            await hooks.answered(number, answer)


async def _request(dialogue: Dialogue, step: Step, number: int, made: Visit) -> Octets:
    try:
        return Octets(encode_apdu(await dialogue.request(step)))
    except Left:
        raise
    except Exception as error:
        if not getattr(error, "association_usable", False):
            made.broken_at = number
            made.unsent = made.unsent[1:]
        raise
