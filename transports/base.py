"""What the parts of a transport promise one another: transport, framing, medium.

A *transport* is what the application uses: one link between a client SAP and a server SAP that carries whole APDUs.
Most are a `transports.link.Link`: a *framing* (sans-IO: octets in, APDUs out) on a *medium* (opens channels of octets).

Time is an argument of a framing (`now`, in seconds of any monotonic clock); it never reads a clock and never waits.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from transports.errors import TransportError


class Transport(Protocol):
    """One link to one (client SAP, server SAP), carrying whole APDUs.

    Deadlines: establishing the link and waiting for an APDU are bounded by the transport's own time-outs (parameters
    `connect-timeout` and `timeout` of a URL), which raise `ConnectTimeout` and `ResponseTimeout`. A caller may put
    `asyncio.timeout` around anything as well: cancellation at any await leaves the link fit for `close`, and loses no
    APDU.
    """

    @property
    def endpoint(self) -> str:
        """What is shared with other links (`host:port`, a line); for queues and messages."""
        ...

    async def connect(self) -> None:
        """Establish the link. May be called again after `close`. Raises ConnectError and its kin."""
        ...

    async def send(self, apdu: bytes) -> None:
        """Hand one APDU over for sending; waits only while the medium is congested. Raises LinkLost, NotConnected."""
        ...

    async def receive(self) -> bytes:
        """Return the next APDU from the peer, in order of arrival.

        Raises ResponseTimeout when none came in time (the link stands; a late answer would be returned by a later call,
        so match invoke-ids or close), LinkLost or FramingError when the link is gone. What came before that is
        returned first.
        """
        ...

    async def close(self) -> None:
        """Release the link, in order where that is quick. Idempotent, never hangs, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The framing's link is established: APDUs may be sent."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The framing's link has ended; `error` says why, None after our own `disconnect`."""

    error: TransportError | None


Event: TypeAlias = bytes | LinkUp | LinkDown
"""What a framing reports: an APDU as plain `bytes`, or a change of the link."""


class Framing(Protocol):
    """Turns octets into APDUs and back, without input or output. One object serves one link, once.

    This is all of a framing that writes nothing but what `send` is given; any other is a `TimedFraming`.
    """

    @property
    def pending(self) -> bytes:
        """Octets received that do not make up a frame yet."""
        ...

    @property
    def ignored(self) -> int:
        """How many frames were passed over: other addresses, duplicates, broken ones."""
        ...

    def connect(self, now: float) -> list[Event]:
        """Begin; LinkUp comes at once where the framing needs no handshake."""
        ...

    def send(self, apdu: bytes, now: float) -> bytes:
        """Take one APDU, and return the octets to be written now. Raises ApduTooLong."""
        ...

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take octets as they came, in any slicing; never raises, LinkDown tells when the stream is lost."""
        ...

    def disconnect(self, now: float) -> list[Event]:
        """End in order; LinkDown comes at once where that needs no handshake."""
        ...


class TimedFraming(Framing, Protocol):
    """A framing that says something of its own accord: it asks, acknowledges, or sends again after a time."""

    def expect(self, now: float) -> None:
        """Tell that somebody waits for an APDU, for a framing that must ask its peer for it."""
        ...

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; None for never."""
        ...

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due at `now`; harmless when nothing is."""
        ...

    def data_to_send(self) -> bytes:
        """Take the octets to be written; empty when there are none. Call after every other method."""
        ...


class Receiver(Protocol):
    """What a medium calls; an `asyncio.Protocol` is one."""

    def data_received(self, data: bytes) -> None:
        """Octets have come: any slice of a stream, or one datagram."""
        ...

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is gone; called exactly once per opened channel. None when it was closed in order."""
        ...

    def pause_writing(self) -> None:
        """The medium is congested."""
        ...

    def resume_writing(self) -> None:
        """The medium has room again."""
        ...


class Channel(Protocol):
    """An open medium; an `asyncio.WriteTransport` is one."""

    def write(self, data: bytes) -> None:
        """Send octets; never blocks."""
        ...

    def close(self) -> None:
        """Close after what was written has gone out; `connection_lost` follows."""
        ...

    def abort(self) -> None:
        """Close at once; `connection_lost` follows."""
        ...


class Medium(Protocol):
    """Opens channels of octets."""

    @property
    def endpoint(self) -> str:
        """What the channel leads to, and what links over it share."""
        ...

    async def open(self, receiver: Receiver) -> Channel:
        """Open a channel that reports to `receiver`. Raises ConnectError and its kin, leaving nothing behind."""
        ...
