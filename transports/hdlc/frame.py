"""HDLC frames of format type 3 (IEC 62056-46, 6.4.1) and the search for them in a stream.

The frames are delimited by length, not by stuffing, so a flag octet may stand in the data. The decoder therefore
takes a flag for the start of a frame only as long as everything after it agrees: format, addresses, header check,
closing flag, frame check. Whatever fails costs one octet, and the search goes on behind it: no garbage and no broken
frame can wedge it or swallow the frame that follows.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from transports.hdlc.address import Address, decode
from transports.hdlc.fcs import fcs

FLAG: Final = 0x7E
_FLAG = b"\x7e"
MAX_LENGTH: Final = 0x7FF
"""Octets between the flags."""
MAX_OVERHEAD: Final = 2 + 4 + 1 + 1 + 2 + 2


class Kind(Enum):
    """Commands and responses (IEC 62056-46, 6.4.3); the value is the control field without its variable bits."""

    I = 0x00  # noqa: E741 - the name of the frame
    RR = 0x01
    RNR = 0x05
    SNRM = 0x83
    DISC = 0x43
    UA = 0x63
    DM = 0x0F
    FRMR = 0x87
    UI = 0x03


_POLL = 0x10
_BY_CONTROL = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    `poll` is the poll/final bit; `send_number` counts in I frames only, `receive_number` in I, RR and RNR.

    `control` is the field as received when `kind` is None: a frame in order but for a control field that nobody
    defined.
    """

    destination: Address
    source: Address
    kind: Kind | None
    poll: bool = True
    send_number: int = 0
    receive_number: int = 0
    segmented: bool = False
    information: bytes = b""
    control: int = 0

    def control_field(self) -> int:
        """Return the control field."""
        if self.kind is None:
            return self.control
        value = self.kind.value | (_POLL if self.poll else 0)
        if self.kind in {Kind.I, Kind.RR, Kind.RNR}:
            value |= self.receive_number << 5
        if self.kind is Kind.I:
            value |= self.send_number << 1
        return value

    def encode(self) -> bytes:
        """Return the octets on the wire, flags included. Raises ValueError when the frame becomes too long."""
        addresses = self.destination.encode() + self.source.encode()
        length = 2 + len(addresses) + 1 + 2 + (len(self.information) + 2 if self.information else 0)
        if length > MAX_LENGTH:
            raise ValueError(f"an HDLC frame has at most {MAX_LENGTH} octets, this one has {length}")
        head = (0xA000 | (0x800 if self.segmented else 0) | length).to_bytes(2, "big") + addresses
        head += bytes((self.control_field(),))
        body = head + fcs(head)
        if self.information:
            body += self.information
            body += fcs(body)
        return _FLAG + body + _FLAG


def parse(body: bytes) -> Frame:
    """Read one frame from the octets between its flags. Raises ValueError saying what is wrong with it."""
    if len(body) < 2 or body[0] >> 4 != 0xA:
        raise ValueError("not frame format type 3")
    if (body[0] << 8 | body[1]) & MAX_LENGTH != len(body):
        raise ValueError("the length field does not match")
    header = _header_length(body)
    if header is None or header + 2 > len(body):
        raise ValueError("the frame ends within its header")
    _check(body[: header + 2], "header")
    if len(body) > header + 2:
        if len(body) < header + 5:
            raise ValueError("no room for an information field and its check")
        _check(body, "frame")
    destination = decode(body, 2)
    assert destination is not None  # noqa: S101 - `_header_length` found it
    source = decode(body, 2 + destination.size)
    assert source is not None  # noqa: S101
    control = body[header - 1]
    kind, send, receive = _control(control)
    return Frame(
        destination=destination,
        source=source,
        kind=kind,
        poll=bool(control & _POLL),
        send_number=send,
        receive_number=receive,
        segmented=bool(body[0] & 0x08),
        information=body[header + 2 : -2],
        control=control,
    )


def _check(octets: bytes, what: str) -> None:
    if fcs(octets[:-2]) != octets[-2:]:
        raise ValueError(f"bad {what} check sequence")


def _control(control: int) -> tuple[Kind | None, int, int]:
    if not control & 1:
        return Kind.I, control >> 1 & 7, control >> 5
    if control & 3 == 1:
        return _BY_CONTROL.get(control & 0x0F), 0, control >> 5
    return _BY_CONTROL.get(control & ~_POLL), 0, 0


def _header_length(body: bytes) -> int | None:
    """Return where the header check stands; None when the octets end before. Raises ValueError for bad addresses."""
    at = 2
    for _ in range(2):
        address = decode(body, at)
        if address is None:
            return None
        at += address.size
    return at + 1


class FrameDecoder:
    """Finds the frames in a stream, fed in any slicing. `skipped` counts octets that belonged to no good frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sound = False
        self.skipped = 0

    @property
    def pending(self) -> bytes:
        """Octets of an unfinished frame; a flag alone is none."""
        return b"" if len(self._buffer) == 1 else bytes(self._buffer)

    @property
    def receiving(self) -> bool:
        """Whether the header of a frame with information was received whole and sound, and its end is yet to come."""
        return self._sound

    def feed(self, octets: bytes) -> list[Frame]:
        """Take octets and return the frames now complete."""
        self._buffer += octets
        frames: list[Frame] = []
        while True:
            if self._needs_more(frames):
                return frames

    def give_up(self) -> list[Frame]:
        """Stop waiting for the end of the unfinished frame; return the frames found behind its start."""
        self._sound = False
        if self.pending:
            self._skip()
        return self.feed(b"")

    def _skip(self) -> None:
        """Go to the next flag behind the first octet."""
        at = self._buffer.find(_FLAG, 1)
        drop = len(self._buffer) if at < 0 else at
        self.skipped += drop
        del self._buffer[:drop]

    def _needs_more(self, frames: list[Frame]) -> bool:
        """Take one step; return whether the next one needs more octets."""
        buffer = self._buffer
        self._sound = False
        if not buffer:
            return True
        if buffer[0] != FLAG:
            self._skip()
            return False
        if len(buffer) > 1 and buffer[1] == FLAG:  # flags between frames
            del buffer[0]
            return False
        if len(buffer) < 3:
            if len(buffer) == 2 and buffer[1] >> 4 != 0xA:
                self._skip()
                return False
            return True
        length = (buffer[1] << 8 | buffer[2]) & MAX_LENGTH
        if buffer[1] >> 4 != 0xA or length < 7:
            self._skip()
            return False
        try:
            header = _header_length(bytes(buffer[1:14]))
            whole = len(buffer) >= length + 2
            # The header is checked as soon as it is there: a broken length must not make us wait for what never comes.
            if header is not None and len(buffer) >= header + 3:
                _check(bytes(buffer[1 : header + 3]), "header")
                self._sound = True
            if not whole:
                return True
            if buffer[length + 1] == FLAG:
                frames.append(parse(bytes(buffer[1 : length + 1])))
                del buffer[: length + 1]  # the closing flag may open the next frame
            else:
                self._skip()
        except ValueError:
            self._skip()
        self._sound = False
        return False
