"""The wire side of simulated meters: one protocol object for each TCP connection, wrapper framing (IEC 62056-47)."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from cas.dlms.server import ServerAssociation
from cas.dlms.states import State
from cas.simulator.faults import Fault, Kind
from cas.simulator.meter import Meter
from cas.simulator.view import View, server_settings
from transports.errors import FramingError
from transports.wrapper import HEADER, WrapperDecoder, WrapperFrame, encode

CHALLENGE = 32
"""Octets of the meters' challenges."""
_AARQ = b"\x60"
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
    association: ServerAssociation
    late: list[bytes] = field(default_factory=list)
    """Answers that the fault `late` holds back."""


class Connection(asyncio.Protocol):
    """One TCP connection; every pair of client and server SAP on it has an association of its own.

    `find` gives the meter at a server SAP, None where there is none. `latency`: seconds before an answer leaves.
    """

    def __init__(
        self,
        find: Callable[[int], Meter | None],
        counts: Counts,
        opened: set["Connection"],
        *,
        latency: float = 0.0,
    ) -> None:
        self._find = find
        self._counts = counts
        self._opened = opened
        self._latency = latency
        self._decoder = WrapperDecoder()
        self._talks: dict[tuple[int, int], _Talk] = {}
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        # what a stream server makes; uvloop's is no subclass of asyncio's
        self._transport = cast("asyncio.Transport", transport)
        self._counts.connections += 1
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the associations."""
        self._opened.discard(self)
        self._transport = None
        for talk in self._talks.values():
            talk.association.abort()
        self._talks.clear()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole now; what is no frame ends the connection."""
        try:
            for frame in self._decoder.feed(data):
                self._serve(frame)
        except FramingError:
            self._counts.ignored += 1
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _serve(self, frame: WrapperFrame) -> None:
        meter = self._find(frame.destination)
        if meter is None:
            self._counts.ignored += 1
            return
        self._counts.requests += 1
        fault = meter.fault
        if fault is not None and fault.kind is Kind.DEAD:
            return
        if fault is not None and fault.kind is Kind.OFF:
            self.close()
            return
        talk = self._talk(meter, frame)
        if talk is None:
            self._send(encode(frame.destination, frame.source, _NOT_ALLOWED), self._latency)
            return
        if frame.apdu[:1] == _AARQ:  # keys may have been replaced since
            talk.association.settings = server_settings(meter, talk.view.offer)
        was_open = talk.association.state is State.ASSOCIATED
        answer = talk.association.receive(frame.apdu)
        if answer is None:
            return
        if fault is None:
            self._send(encode(frame.destination, frame.source, answer), self._latency)
        else:
            self._send_faulty(talk, frame, answer, fault, service=was_open)

    def _send_faulty(self, talk: _Talk, frame: WrapperFrame, answer: bytes, fault: Fault, *, service: bool) -> None:
        """Answer as a meter with a fault does; the ones that spoil answers leave the opening of associations alone."""
        octets = encode(frame.destination, frame.source, answer)
        if fault.kind is Kind.SLOW:
            self._send(octets, fault.seconds)
        elif not service:
            self._send(octets, self._latency)
        elif fault.kind is Kind.GARBLE:
            self._send(octets[:HEADER] + bytes(octet ^ 0x5A for octet in answer), self._latency)
        elif fault.kind is Kind.WRONG_TAG:
            # an event-notification where an answer is due
            self._send(octets[:HEADER] + b"\xc2" + answer[1:], self._latency)
        elif fault.kind in (Kind.CUT, Kind.CLOSE):
            self._send(octets[: HEADER + len(answer) // 2], self._latency)
            if fault.kind is Kind.CLOSE:
                self._loop.call_later(self._latency, self.close)
        elif fault.kind is Kind.LATE:
            for held in talk.late:
                self._send(held, self._latency)
            talk.late = [octets]

    def _send(self, octets: bytes, delay: float) -> None:
        if delay:
            self._loop.call_later(delay, self._send, octets, 0.0)
        elif self._transport is not None:
            self._transport.write(octets)

    def _talk(self, meter: Meter, frame: WrapperFrame) -> _Talk | None:
        """What is between this client and this meter; None for a client that the meter does not know."""
        key = (frame.source, frame.destination)
        talk = self._talks.get(key)
        if talk is None and (offer := meter.model.offers.get(frame.source)) is not None:
            view = View(meter, offer, frame.destination)
            association = ServerAssociation(
                server_settings(meter, offer),
                view,
                challenge=lambda: secrets.token_bytes(CHALLENGE),
                take_counter=meter.take_counter,
                counters=meter.counters,
            )
            talk = self._talks[key] = _Talk(view, association)
        return talk
