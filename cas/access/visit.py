"""One device, one association: its requests in order. What on-demand and scheduled accesses have in common.

What the device answers is handed over at once; what goes wrong is left for the caller to judge: to tell the client, or
to try again later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cas.access.errors import NotStored
from cas.access.failures import not_attempted
from cas.access.model import Failure, Octets
from cas.access.ports import Devices, Session
from cas.dlms.apdu import Request, decode_apdu, encode_apdu


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
    may_send: Callable[[int], Awaitable[bool]] | None = None
    """Asked before each request, when everything else speaks for it."""


async def visit(
    devices: Devices, device_id: str, requests: Sequence[Request], wanted: Sequence[int], hooks: Hooks
) -> Visit:
    """Ask a device the requests with the numbers `wanted`. Raises NotStored, nothing else."""
    made = Visit(unsent=tuple(wanted))
    if hooks.is_stopped():
        return made
    try:
        async with devices.session(device_id) as session:
            await _ask(session, {number: requests[number] for number in wanted}, hooks, made)
    except NotStored:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one device causes stays with that device
        made.broken = error
    return made


async def _ask(session: Session, wanted: Mapping[int, Request], hooks: Hooks, made: Visit) -> None:
    for number, request in wanted.items():
        if hooks.is_stopped() or (hooks.may_send is not None and not await hooks.may_send(number)):
            return
        made.unsent = made.unsent[1:]
        try:
            response = await session.request(request)
        except Exception as error:
            if not getattr(error, "association_usable", False):
                made.broken_at = number
                raise
            made.errors[number] = error
        else:
            await hooks.answered(number, Octets(encode_apdu(response)))


def request_of(octets: Octets) -> Request:
    """A request as it is stored."""
    return decode_apdu(octets)  # type: ignore[return-value]  # only request APDUs are stored as requests
