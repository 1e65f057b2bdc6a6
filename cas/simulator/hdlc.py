"""Simulated meters over HDLC (IEC 62056-46), on a TCP connection as behind a serial-to-TCP converter."""

import asyncio
from collections.abc import Iterable
from functools import partial

from cas.simulator.serving import Counts, Departures, Desk, HungUp, MeterConnection, Reply
from transports.base import Event
from transports.hdlc.address import Address
from transports.hdlc.connection import Connection
from transports.hdlc.line import HdlcLine
from transports.hdlc.negotiation import Parameters

LOGICAL = 1
"""The logical device of every meter: management."""
FIRST_PHYSICAL = 16
"""The physical address of the first meter on a line; those below are reserved (IEC 62056-46, 6.4.2.3)."""
OFFER = Parameters(512, 512, 4, 4)
"""Longest information fields in octets, and windows, that the meters agree to."""


def addresses(meters: int) -> list[Address]:
    """The addresses of so many meters on a line."""
    return [Address(LOGICAL, FIRST_PHYSICAL + index) for index in range(meters)]


class HdlcConnection(MeterConnection):
    """A TCP connection that is a line; several meters may be on it, told apart by their physical addresses."""

    def __init__(
        self,
        desk: Desk,
        counts: Counts,
        opened: set[MeterConnection],
        departures: Departures,
        servers: Iterable[Address],
        address_size: int | None = None,
    ) -> None:
        super().__init__(desk, counts, opened, departures)
        self._line = HdlcLine(servers, offer=OFFER, address_size=address_size)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take octets from the line."""
        self._handle(self._line.receive(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the associations and the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _handle(self, events: list[tuple[Connection, Event]]) -> None:
        try:
            for link, event in events:
                client, server = link.remote.logical, (link.local.physical or FIRST_PHYSICAL) - FIRST_PHYSICAL + 1
                if not isinstance(event, bytes):  # a new link, or one that ended: no association outlives it
                    self.desk.forget(client, server)
                elif reply := self.desk.answer(client, server, event):
                    self.departures.after(reply.delay, partial(self._send, link, reply))
        except HungUp:
            self.close()
        self._flush(Reply(b"", 0.0))

    def _send(self, link: Connection, reply: Reply) -> None:
        for answer in (*reply.before, reply.answer):
            if answer:
                link.send(answer, self._loop.time())
        self._flush(reply)

    def _flush(self, reply: Reply) -> None:
        self.write(self._line.data_to_send(), reply)
        if self._timer is not None:
            self._timer.cancel()
        due = self._line.next_timeout()
        self._timer = None if due is None else self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._handle(self._line.handle_timeout(self._loop.time()))
