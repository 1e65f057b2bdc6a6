"""A pair of media in memory, for tests and demonstrations, with a hook that mangles what passes.

    near, far = memory.pair(mangle)
    client = Link(near, framing);  server = Link(far, framing)

What is written at one end arrives at the other by way of the event loop, never within the call.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, TypeAlias

from transports.base import Channel, Receiver
from transports.errors import Refused

Side: TypeAlias = Literal["near", "far"]


class Piece(NamedTuple):
    """What a mangle hook lets through: octets, and seconds by which they come late."""

    octets: bytes
    delay: float = 0.0


Mangle: TypeAlias = Callable[[Side, bytes], Iterable[Piece]]
"""Given the side that writes and what it writes, returns what arrives. Nothing returned: nothing arrives."""


def straight(side: Side, octets: bytes) -> Iterable[Piece]:
    """Let everything through as it is."""
    return (Piece(octets),)


class MemoryMedium:
    """One end of the pair. Opening it again after it was closed starts a new channel."""

    def __init__(self, side: Side, mangle: Mangle) -> None:
        self._side: Side = side
        self._mangle = mangle
        self._other: MemoryMedium | None = None
        self._receiver: Receiver | None = None
        self._early: list[bytes] = []
        self._channel: _MemoryChannel | None = None
        self.refusing = False

    @property
    def endpoint(self) -> str:
        """The name of the side."""
        return f"memory-{self._side}"

    async def open(self, receiver: Receiver) -> Channel:
        """Open this end; what the other end wrote before arrives now. Raises Refused while `refusing`."""
        if self.refusing:
            raise Refused(f"{self.endpoint}: refused")
        self._receiver = receiver
        self._channel = _MemoryChannel(self)
        early, self._early = self._early, []
        for octets in early:
            asyncio.get_running_loop().call_soon(self._arrive, octets)
        return self._channel

    def write(self, octets: bytes) -> None:
        """Pass octets to the other end, through the hook."""
        other = self._other
        if other is None:
            return
        loop = asyncio.get_running_loop()
        for piece in self._mangle(self._side, octets):
            if piece.delay:
                loop.call_later(piece.delay, other._arrive, piece.octets)  # noqa: SLF001 - the two ends are one thing
            else:
                loop.call_soon(other._arrive, piece.octets)  # noqa: SLF001

    def shut(self, exc: Exception | None = None, *, both: bool = True) -> None:
        """End this end's channel and, in order behind what was written, the other's."""
        receiver, self._receiver, self._channel = self._receiver, None, None
        loop = asyncio.get_running_loop()
        if receiver is not None:
            loop.call_soon(receiver.connection_lost, exc)
        if both and self._other is not None:
            loop.call_soon(self._other._left)  # noqa: SLF001

    def _left(self) -> None:
        self._early.clear()
        if self._receiver is not None:
            self.shut(both=False)

    def _arrive(self, octets: bytes) -> None:
        if self._receiver is not None:
            self._receiver.data_received(octets)
        else:
            self._early.append(octets)


class _MemoryChannel:
    def __init__(self, medium: MemoryMedium) -> None:
        self._medium: MemoryMedium | None = medium

    def write(self, data: bytes) -> None:
        if self._medium is not None:
            self._medium.write(data)

    def close(self) -> None:
        medium, self._medium = self._medium, None
        if medium is not None and medium._channel is self:  # noqa: SLF001
            medium.shut()

    def abort(self) -> None:
        self.close()


def pair(mangle: Mangle = straight) -> tuple[MemoryMedium, MemoryMedium]:
    """Return two media, joined."""
    near, far = MemoryMedium("near", mangle), MemoryMedium("far", mangle)
    near._other, far._other = far, near  # noqa: SLF001
    return near, far
