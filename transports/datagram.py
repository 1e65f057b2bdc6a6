"""The wrapper over UDP (IEC 62056-47, 5.3), sans-IO: repeats requests, puts answers together, bears with the rest.

Usually a datagram is a wrapper PDU. Some meters spread a long one over several datagrams: the first has the header,
the others continue. A request is sent again when somebody waits for an answer and none has come for `retry_after`
seconds, at most `retries` times; the answers to repetitions that were not needed are recognised and dropped.
"""

from transports.base import Event, LinkDown, LinkUp
from transports.errors import ApduTooLong
from transports.wrapper import HEADER, encode

MAX_DATAGRAM = 65507
RETRY_AFTER = 5.0
RETRIES = 2


class DatagramFraming:
    """The framing of one link over UDP; `local` and `remote` are wPorts."""

    def __init__(self, *, local: int, remote: int, retry_after: float = RETRY_AFTER, retries: int = RETRIES) -> None:
        self._local = local
        self._remote = remote
        self._retry_after = retry_after
        self._retries = retries
        self._expected = encode(remote, local, b"")[:6]
        self._partial = bytearray()
        self._out = b""
        self._request: bytes | None = None
        self._tries = 0
        self._due: float | None = None
        self._answer = b""
        self._spare = 0
        self.ignored = 0

    @property
    def pending(self) -> bytes:
        """Octets of an answer that is not complete."""
        return bytes(self._partial)

    def connect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkUp()]

    def send(self, apdu: bytes, now: float) -> bytes:
        """Return the datagram of one APDU. Raises ApduTooLong."""
        if len(apdu) > MAX_DATAGRAM - HEADER:
            raise ApduTooLong(f"a datagram carries at most {MAX_DATAGRAM - HEADER} octets, the APDU has {len(apdu)}")
        self._request = encode(self._local, self._remote, apdu)
        self._due = None
        self._tries = 0
        return self._request

    def expect(self, now: float) -> None:
        """Begin to watch for the answer."""
        if self._request is not None and self._due is None and self._tries < self._retries:
            self._due = now + self._retry_after

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take one datagram."""
        events: list[Event] = []
        while octets:
            end = HEADER + int.from_bytes(octets[6:HEADER], "big")
            begins = octets[:6] == self._expected and len(octets) > HEADER
            if begins and end <= len(octets):
                self._drop_partial()
                frame, octets = octets[:end], octets[end:]
            else:
                frame, octets = self._continue(octets, begins=begins), b""
            if frame:
                events += self._deliver(frame)
        return events

    def disconnect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkDown(None)]

    def next_timeout(self) -> float | None:
        """When the request is to be sent again."""
        return self._due

    def handle_timeout(self, now: float) -> list[Event]:
        """Send the request again."""
        if self._due is not None and self._due <= now and self._request is not None:
            self._tries += 1
            self._due = now + self._retry_after if self._tries < self._retries else None
            self._drop_partial()
            self._out = self._request
        return []

    def data_to_send(self) -> bytes:
        """Take the request that is to be sent again."""
        octets, self._out = self._out, b""
        return octets

    def _continue(self, octets: bytes, *, begins: bool) -> bytes:
        """Return the frame that this datagram completes, if it does."""
        if not self._partial and not begins:
            self.ignored += 1
            return b""
        self._partial += octets
        end = HEADER + int.from_bytes(self._partial[6:HEADER], "big")
        if len(self._partial) < end:
            return b""
        frame = bytes(self._partial)
        self._partial.clear()
        if len(frame) > end:  # some other datagram came between
            self.ignored += 1
            return b""
        return frame

    def _drop_partial(self) -> None:
        if self._partial:
            self._partial.clear()
            self.ignored += 1

    def _deliver(self, frame: bytes) -> list[Event]:
        if self._spare and frame == self._answer:
            self._spare -= 1
            self.ignored += 1
            return []
        self._answer = frame
        self._spare = self._tries
        self._request = self._due = None
        self._tries = 0
        return [frame[HEADER:]]
