"""The framing of one HDLC data link: octets of the line in and out, for a `transports.link.Link`."""

from transports.base import Event
from transports.hdlc.connection import Connection, Timing
from transports.hdlc.frame import Frame, FrameDecoder


class HdlcFraming:
    """Joins a connection to the search for frames. Frames of other stations on the line are passed over and counted."""

    def __init__(self, connection: Connection, timing: Timing) -> None:
        self._connection = connection
        self._pause = timing.pause
        self._decoder = FrameDecoder()
        self._foreign = 0
        self._pause_until: float | None = None

    @property
    def pending(self) -> bytes:
        """Octets of an unfinished frame."""
        return self._decoder.pending

    @property
    def ignored(self) -> int:
        """How many frames were passed over: of other stations, duplicates, out of place."""
        return self._connection.ignored + self._foreign

    @property
    def skipped(self) -> int:
        """How many octets belonged to no good frame."""
        return self._decoder.skipped

    def connect(self, now: float) -> list[Event]:
        """Send SNRM (a client) or wait for it (a server)."""
        return self._connection.connect(now)

    def send(self, apdu: bytes, now: float) -> bytes:
        """Queue one APDU, segmented as negotiated; return what goes out in this turn. Raises NotConnected."""
        self._connection.send(apdu, now)
        return self.data_to_send()

    def expect(self, now: float) -> None:
        """Ask the server for an APDU when it has let its turn pass."""
        self._connection.expect(now)

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take octets from the line."""
        events = self._dispatch(self._decoder.feed(octets), now)
        self._pause_until = now + self._pause if self._decoder.pending else None
        if self._decoder.receiving:
            self._connection.hear(now)
        return events

    def disconnect(self, now: float) -> list[Event]:
        """Send DISC and wait for the answer."""
        return self._connection.disconnect(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is wanted."""
        due = self._connection.next_timeout()
        if self._pause_until is None:
            return due
        return self._pause_until if due is None else min(due, self._pause_until)

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due; a frame that stood still for too long is given up."""
        events: list[Event] = []
        if self._pause_until is not None and self._pause_until <= now:
            events = self._dispatch(self._decoder.give_up(), now)
            self._pause_until = now + self._pause if self._decoder.pending else None
        return events + self._connection.handle_timeout(now)

    def data_to_send(self) -> bytes:
        """Take what is to be written."""
        return b"".join([frame.encode() for frame in self._connection.outgoing()])

    def _dispatch(self, frames: list[Frame], now: float) -> list[Event]:
        events: list[Event] = []
        connection = self._connection
        for frame in frames:
            if frame.destination.covers(connection.local) and connection.remote.covers(frame.source):
                events += connection.receive(frame, now)
            else:
                self._foreign += 1
        return events
