"""The wrapper of TCP and UDP profiles (IEC 62056-47): version, source wPort, destination wPort, length, APDU. Sans-IO.

Frames of other wPorts than the link's own (another logical device on the same connection, an answer to somebody else)
and empty ones are passed over and counted. A wrong version means that the stream is out of step; nothing marks the
start of a frame, so it cannot be found again and the link must be closed (FramingError).
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from transports.base import Event, LinkDown, LinkUp
from transports.errors import ApduTooLong, FramingError

PORT = 4059
"""The port that IANA registered for DLMS/COSEM, TCP and UDP."""
VERSION = 1
HEADER = 8
MAX_APDU = 0xFFFF
_pack = struct.Struct(">HHHH").pack
_unpack_from = struct.Struct(">HHHH").unpack_from
_split = struct.Struct(">6sH").unpack_from
"""Version and wPorts, and the length."""


class WrapperFrame(NamedTuple):
    """One wrapper PDU."""

    source: int
    destination: int
    apdu: bytes


def encode(source: int, destination: int, apdu: bytes) -> bytes:
    """Return the octets of one wrapper PDU. Raises ApduTooLong above 65535 octets."""
    size = len(apdu)
    if size > MAX_APDU:
        raise ApduTooLong(f"the wrapper carries at most {MAX_APDU} octets, the APDU has {size}")
    return _pack(VERSION, source, destination, size) + apdu


class WrapperDecoder:
    """Cuts a stream into wrapper PDUs, whoever they are for; after a FramingError it is of no more use."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bytes:
        """Octets that do not make up a frame yet."""
        return bytes(self._buffer)

    def feed(self, octets: bytes) -> Iterator[WrapperFrame]:
        """Take octets and yield every frame now complete. Raises FramingError on a wrong version."""
        buffer = self._buffer
        buffer += octets
        while len(buffer) >= HEADER:
            version, source, destination, length = _unpack_from(buffer)
            if version != VERSION:
                raise FramingError(f"wrapper version {version} instead of {VERSION}: the stream is out of step")
            end = HEADER + length
            if len(buffer) < end:
                return
            frame = WrapperFrame(source, destination, bytes(buffer[HEADER:end]))
            del buffer[:end]
            yield frame
        if buffer and not b"\x00\x01".startswith(buffer[:2]):
            raise FramingError(f"a wrapper PDU cannot begin with {bytes(buffer[:2]).hex()}: the stream is out of step")


class WrapperFraming:
    """The framing of one link: `local` is our wPort, `remote` the peer's. Serves client and server alike.

    `on_stray` is given the frames of other wPorts, which are counted and otherwise passed over.
    """

    def __init__(self, *, local: int, remote: int, on_stray: Callable[[WrapperFrame], None] | None = None) -> None:
        self._on_stray = on_stray
        self._local = local
        self._remote = remote
        self._expected = _pack(VERSION, remote, local, 0)[:6]
        self._decoder = WrapperDecoder()
        self._half = False
        self.ignored = 0

    @property
    def pending(self) -> bytes:
        """Octets of an unfinished frame."""
        return self._decoder.pending

    def connect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkUp()]

    def send(self, apdu: bytes, now: float) -> bytes:
        """Return one wrapper PDU. Raises ApduTooLong."""
        return encode(self._local, self._remote, apdu)

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Return the APDUs now complete; LinkDown with a FramingError when the stream is lost."""
        # The usual case, one whole frame at a time, goes without the buffer.
        size = len(octets) - HEADER
        if size > 0 and not self._half and _split(octets) == (self._expected, size):
            return [octets[HEADER:]]
        events: list[Event] = []
        try:
            for frame in self._decoder.feed(octets):
                if frame.source == self._remote and frame.destination == self._local and frame.apdu:
                    events.append(frame.apdu)
                else:
                    self.ignored += 1
                    if self._on_stray is not None and frame.apdu:
                        self._on_stray(frame)
        except FramingError as error:
            events.append(LinkDown(error))
        self._half = bool(self._decoder.pending)
        return events

    def disconnect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkDown(None)]
