"""The servers on one HDLC line: several stations and logical devices, each with its data links to several clients."""

from collections.abc import Iterable

from transports.base import Event
from transports.hdlc.address import Address
from transports.hdlc.connection import TIMING, Connection, Timing
from transports.hdlc.frame import Frame, FrameDecoder, Kind
from transports.hdlc.negotiation import DEFAULT, Parameters
from transports.hdlc.states import Role, State

MAX_CONNECTIONS = 1000
"""Data links remembered, beyond which those that are not established are forgotten."""


class HdlcLine:
    """Answers for `servers`; frames to nobody here are left unanswered, as on a shared line they must.

    Events come with the connection they happened on; answer by `connection.send(apdu, now)`, then write
    `data_to_send()`. LinkUp on a connection means a new data link: whatever association there was is gone. LinkDown
    leaves the line open. `address_size`: octets of the addresses that they hear; None for any.
    """

    def __init__(
        self,
        servers: Iterable[Address],
        *,
        offer: Parameters = DEFAULT,
        timing: Timing = TIMING,
        address_size: int | None = None,
    ) -> None:
        self._servers = tuple(servers)
        self._address_size = address_size
        self._offer = offer
        self._timing = timing
        self._decoder = FrameDecoder()
        self._connections: dict[tuple[Address, Address], Connection] = {}
        self._pause_until: float | None = None
        self.ignored = 0

    def receive(self, octets: bytes, now: float) -> list[tuple[Connection, Event]]:
        """Take octets from the line."""
        events = self._dispatch(self._decoder.feed(octets), now)
        self._pause_until = now + self._timing.pause if self._decoder.pending else None
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is wanted."""
        times = [connection.next_timeout() for connection in self._connections.values()]
        return min((time for time in (*times, self._pause_until) if time is not None), default=None)

    def handle_timeout(self, now: float) -> list[tuple[Connection, Event]]:
        """Do what is due."""
        events: list[tuple[Connection, Event]] = []
        if self._pause_until is not None and self._pause_until <= now:
            self._pause_until = None
            events += self._dispatch(self._decoder.give_up(), now)
        for connection in self._connections.values():
            events += [(connection, event) for event in connection.handle_timeout(now)]
        return events

    def data_to_send(self) -> bytes:
        """Take what is to be written."""
        return b"".join(
            [frame.encode() for connection in self._connections.values() for frame in connection.outgoing()]
        )

    def _dispatch(self, frames: list[Frame], now: float) -> list[tuple[Connection, Event]]:
        events: list[tuple[Connection, Event]] = []
        for frame in frames:
            connections = self._addressed(frame)
            if not connections:
                self.ignored += 1
            for connection in connections:
                events += [(connection, event) for event in connection.receive(frame, now)]
        return events

    def _addressed(self, frame: Frame) -> list[Connection]:
        """Return the connections a frame is for. A broadcast reaches every server, as UI only: nobody answers it."""
        to = frame.destination
        if self._address_size not in {to.size, None}:
            return []
        found: list[Connection] = []
        for server in self._servers:
            # A client may address the only physical device on the line by the logical address alone.
            named = to.logical == server.logical and to.physical in {server.physical, None}
            if named or (to.is_broadcast and frame.kind is Kind.UI and to.covers(server)):
                found.append(self._connection(server if to.is_broadcast else to, frame.source))
        return found

    def _connection(self, server: Address, client: Address) -> Connection:
        key = (server, client)
        if key not in self._connections:
            if len(self._connections) >= MAX_CONNECTIONS:  # addresses made up by somebody
                self._connections = {
                    which: one for which, one in self._connections.items() if one.state is not State.DISCONNECTED
                }
            self._connections[key] = Connection(Role.SERVER, server, client, offer=self._offer, timing=self._timing)
        return self._connections[key]
