"""What the service procedures share: asking and being answered without input or output, and blocks.

A procedure is a generator. It yields an APDU to be sent, several, or None when it waits for another one, and is sent
what came. So a whole block transfer reads from top to bottom and is tested with lists of octets. When nothing comes in
time, whoever drives it throws `Overdue` into it: a procedure that can ask again does, any other lets it pass.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from cas.bindings import cosempdu as cos
from cas.dlms import errors

R = TypeVar("R")

_EMPTY_BLOCKS = 8
# Blocks of one answer: a device that sends octet by octet would hold its line for hours before the length is too much.
_MOST_BLOCKS = 0xFFFF

Outgoing: TypeAlias = bytes | tuple[bytes, ...] | None
"""What a procedure wants to be sent: an APDU, several in a row, or None to wait for more."""

Exchange: TypeAlias = Generator[Outgoing, bytes, R]
"""Yields octets to send, is sent octets that came, returns R."""

Ask: TypeAlias = Callable[[object], Exchange[object]]
"""Sends one APDU body and returns the body of its answer."""


class Overdue(Exception):
    """Nothing came in time; thrown into a procedure, which may ask again."""


class Limits(NamedTuple):
    """What bounds a transfer, in octets: `request` is one plain request APDU, `answer` all blocks of an answer.

    `split`: whether the device agreed to take a longer request of this service in blocks. `general`: a longer one is
    to go in blocks of general block transfer, which the service does not see.
    """

    request: int
    answer: int = 1 << 24
    split: bool = True
    general: bool = False


def alternative(body: object) -> tuple[str, Any]:
    """The chosen alternative of a CHOICE class: its attribute and value."""
    for name in body.__dataclass_fields__:  # type: ignore[attr-defined]
        if (value := getattr(body, name)) is not None:
            return name, value
    raise errors.EncodeError("no alternative is set", type(body).__name__)


class Gathering:
    """The blocks of an answer, put together in order; a peer that sends without end is stopped."""

    def __init__(self, limit: int) -> None:
        self._octets = bytearray()
        self._limit = limit
        self._empty = 0
        self.received = 0
        """The number of the last block taken."""

    def take(self, number: int, raw: bytes) -> None:
        """Add the next block. Raises BlockError when its number is not the next one, or the answer grows too long."""
        if number != self.received + 1:
            raise errors.BlockError(f"block {number} came where block {self.received + 1} was due")
        self._empty += not raw
        if self._empty > _EMPTY_BLOCKS:
            raise errors.BlockError(f"{self._empty} blocks were empty")
        if number > _MOST_BLOCKS:
            raise errors.BlockError(f"the answer comes in more than {_MOST_BLOCKS} blocks")
        if len(self._octets) + len(raw) > self._limit:
            raise errors.BlockError(f"the answer exceeds {self._limit} octets")
        self._octets += raw
        self.received = number

    def whole(self) -> bytes:
        """All octets."""
        return bytes(self._octets)


def blocks(raw: bytes, first: int, others: int) -> Iterator[cos.DataBlockSa]:
    """Cut `raw` into numbered blocks, the first of up to `first` octets. Raises RequestTooLong if nothing fits."""
    if min(first, others) < 1:
        raise errors.RequestTooLong(len(raw), max(first, others, 0))
    number, pos, size = 1, 0, first
    while True:
        end = pos + size
        last = end >= len(raw)
        yield cos.DataBlockSa(last_block=last, block_number=number, raw_data=raw[pos:end])
        if last:
            return
        number, pos, size = number + 1, end, others


def raise_for_error(body: object) -> None:
    """Raise what an exception-response or confirmedServiceError says; anything else passes."""
    if isinstance(body, cos.ExceptionResponse):
        name, value = alternative(body.service_error)
        counter = value if name == "invocation_counter_error" else None
        raise errors.ExceptionResponse(body.state_error.value, name.replace("_", "-"), counter)
    if isinstance(body, cos.ConfirmedServiceError):
        service, error = alternative(body)
        kind, value = alternative(error)
        raise errors.ConfirmedServiceError(service.replace("_e", "E"), kind.replace("_", "-"), value.value)


def unexpected(body: object, expected: str) -> errors.UnexpectedApdu:
    """The error for an answer of the wrong kind."""
    kind = type(body).__name__
    return errors.UnexpectedApdu(kind, expected)
