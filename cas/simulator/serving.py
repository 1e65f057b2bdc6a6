"""The wire side of simulated meters: what they answer on a connection, and TCP with the wrapper (IEC 62056-47).

`Desk` is what every framing shares: associations by client and server, faults. `cas.simulator.hdlc` is the other one.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import NamedTuple, cast

from cas.dlms.errors import AssociationRefused
from cas.dlms.server import ServerAssociation
from cas.dlms.server_blocks import BlockServer
from cas.dlms.states import State
from cas.simulator.faults import Fault, Kind
from cas.simulator.meter import Meter
from cas.simulator.oddities import OddServer
from cas.simulator.view import View, server_settings
from transports.errors import FramingError
from transports.wrapper import HEADER, WrapperDecoder, WrapperFrame, encode

_TICK = 0.001
"""Seconds."""
CHALLENGE = 32
"""Octets of the meters' challenges."""
_AARQ = b"\x60"
_CLEAR = frozenset((0xC4, 0xC5, 0xC7))
"""Tags of get-, set- and action-response, in which the invoke-id stands at the same place."""
_INVOKE_ID = 2
_NOT_ALLOWED = bytes((0xD8, 1, 1))
"""exception-response: service-not-allowed, operation-not-possible."""


@dataclass(slots=True)
class Counts:
    """What has happened so far."""

    connections: int = 0
    requests: int = 0
    ignored: int = 0
    """Frames for an address where no meter answers, octets that are no frame."""


@dataclass(slots=True)
class _Talk:
    """What is between one client and one meter on one connection."""

    view: View
    server: BlockServer
    late: list[bytes] = field(default_factory=list)
    """The answer that the fault `late` holds back, or `replay` has kept."""

    @property
    def association(self) -> ServerAssociation:
        """The association under the blocks."""
        return self.server.association


class Reply(NamedTuple):
    """What a meter answers, and how: after `delay` seconds, spoilt as `fault` says, or not at all."""

    answer: bytes
    delay: float
    spoil: Kind | None = None
    before: tuple[bytes, ...] = ()
    """What leaves first: answers that were held back, the blocks before the last one of a stream."""


class Desk:
    """Answers the requests of one connection; every pair of client and server SAP on it has an association of its own.

    `find` gives the meter at a server address, None where there is none. `latency`: seconds before an answer leaves.
    """

    def __init__(self, find: Callable[[int], Meter | None], counts: Counts, latency: float) -> None:
        self._find = find
        self._counts = counts
        self._latency = latency
        self._talks: dict[tuple[int, int], _Talk] = {}

    def answer(self, client: int, server: int, apdu: bytes) -> Reply | None:
        """The answer to an APDU, None for silence. Raises HungUp when the meter closes the connection."""
        meter = self._find(server)
        if meter is None:
            self._counts.ignored += 1
            return None
        self._counts.requests += 1
        fault = meter.fault
        if fault is not None and fault.kind is Kind.DEAD:
            return None
        if fault is not None and fault.kind is Kind.OFF:
            raise HungUp
        talk = self._talk(meter, client, server, anew=apdu[:1] == _AARQ)
        if talk is None:
            return Reply(_NOT_ALLOWED, self._latency)
        if apdu[:1] != _AARQ and talk.association.state is State.IDLE and talk.view.is_pre_established:
            with suppress(AssociationRefused):  # another one is open: the service is not allowed then
                talk.association.assume()
        was_open = talk.association.state is State.ASSOCIATED
        *before, answer = talk.server.receive(apdu) or (b"",)
        if not answer:
            return None
        if fault:
            return self._spoilt(talk, answer, fault, service=was_open)
        return Reply(answer, self._latency, before=tuple(before))

    def forget(self, client: int, server: int) -> None:
        """The link between these two is gone, and with it their association."""
        if talk := self._talks.pop((client, server), None):
            talk.association.abort()

    def close(self) -> None:
        """The connection is gone."""
        for key in list(self._talks):
            self.forget(*key)

    def _spoilt(self, talk: _Talk, answer: bytes, fault: Fault, *, service: bool) -> Reply | None:
        """Answer as a meter with a fault does; the ones that spoil answers leave the opening of associations alone."""
        if fault.kind is Kind.SLOW:
            return Reply(answer, fault.seconds)
        if not service:
            return Reply(answer, self._latency)
        if fault.kind is Kind.WRONG_TAG:  # an event-notification where an answer is due
            return Reply(b"\xc2" + answer[1:], self._latency)
        if fault.kind in (Kind.GARBLE, Kind.CUT, Kind.CLOSE):
            return Reply(answer, self._latency, spoil=fault.kind)
        if fault.kind is Kind.LIE:
            return Reply(_falsified(answer), self._latency)
        if fault.kind is Kind.REPLAY:
            talk.late = talk.late or [answer]
            return Reply(talk.late[0], self._latency)
        if fault.kind is Kind.LATE:
            held, talk.late = tuple(talk.late), [answer]
            return Reply(b"", self._latency, before=held)
        return None

    def _talk(self, meter: Meter, client: int, server: int, *, anew: bool) -> _Talk | None:
        """What is between this client and this meter; None for a client that the meter does not know."""
        key = (client, server)
        talk = self._talks.get(key)
        if talk is not None and anew:  # keys may have been replaced since
            talk.association.settings = server_settings(meter, talk.view.offer)
        if talk is None and (offer := meter.model.offers.get(client)) is not None:
            view = View(meter, offer, server)
            association = ServerAssociation(
                server_settings(meter, offer),
                view,
                challenge=lambda: secrets.token_bytes(CHALLENGE),
                take_counter=meter.take_counter,
                counters=meter.counters,
            )
            odd = OddServer(association, meter.oddities) if meter.oddities else BlockServer(association)
            talk = self._talks[key] = _Talk(view, odd)
        return talk


def _falsified(answer: bytes) -> bytes:
    if answer[0] in _CLEAR:
        return answer[:_INVOKE_ID] + bytes((answer[_INVOKE_ID] ^ 1,)) + answer[_INVOKE_ID + 1 :]
    return answer[:-1] + bytes((answer[-1] ^ 1,))


class HungUp(Exception):
    """The meter closes the connection."""


class Departures:
    """What waits for its time to leave; what is due in the same millisecond shares a timer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[int, list[Callable[[], None]]] = {}

    def after(self, delay: float, leave: Callable[[], None]) -> None:
        """Call `leave` after so many seconds, less than a millisecond later at the most, and at once after none."""
        if not delay:
            self._loop.call_soon(leave)
            return
        tick = ceil((self._loop.time() + delay) / _TICK)
        if (waiting := self._due.get(tick)) is None:
            waiting = self._due[tick] = []
            self._loop.call_at(tick * _TICK, self._leave, tick)
        waiting.append(leave)

    def _leave(self, tick: int) -> None:
        for leave in self._due.pop(tick):
            self._loop.call_soon(leave)  # each on its own: one that fails keeps none of the others


class MeterConnection(asyncio.Protocol):
    """One TCP connection to simulated meters, whatever the framing."""

    def __init__(self, desk: Desk, counts: Counts, opened: "set[MeterConnection]", departures: Departures) -> None:
        self.desk = desk
        self.counts = counts
        self.departures = departures
        self._opened = opened
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        # what a stream server makes; uvloop's is no subclass of asyncio's
        self._transport = cast("asyncio.Transport", transport)
        self.counts.connections += 1
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the associations."""
        self._opened.discard(self)
        self._transport = None
        self.desk.close()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def write(self, octets: bytes, reply: Reply) -> None:
        """Send framed octets of a reply, now, spoilt as it says."""
        if self._transport is None or not octets:
            return
        if reply.spoil is Kind.GARBLE:
            octets = octets[:HEADER] + bytes(octet ^ 0x5A for octet in octets[HEADER:])
        elif reply.spoil is not None:
            octets = octets[: HEADER + (len(octets) - HEADER) // 2]
        self._transport.write(octets)
        if reply.spoil is Kind.CLOSE:
            self.close()


class Connection(MeterConnection):
    """A TCP connection with the wrapper; several meters may be behind it, told apart by the server's wPort."""

    def __init__(self, desk: Desk, counts: Counts, opened: "set[MeterConnection]", departures: Departures) -> None:
        super().__init__(desk, counts, opened, departures)
        self._decoder = WrapperDecoder()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole now; what is no frame ends the connection."""
        try:
            for frame in self._decoder.feed(data):
                if reply := self.desk.answer(frame.source, frame.destination, frame.apdu):
                    self._send(frame, reply)
        except FramingError:
            self.counts.ignored += 1
            self.close()
        except HungUp:
            self.close()

    def _send(self, frame: WrapperFrame, reply: Reply) -> None:
        answers = (*reply.before, reply.answer) if reply.answer else reply.before
        octets = b"".join([encode(frame.destination, frame.source, answer) for answer in answers])
        if reply.delay:
            self.departures.after(reply.delay, partial(self.write, octets, reply))
        else:
            self.write(octets, reply)
