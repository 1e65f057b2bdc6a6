"""Cutting recorded octets into frames (HDLC, wrapper) and the APDUs that they carry, with the place of each.

What begins with 7E is HDLC, with 00 01 the wrapper, with the LLC header of either side an APDU behind it, and
anything else an APDU: no APDU has the tag 7E or 00.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from transports.hdlc.frame import FLAG, MAX_LENGTH, Frame, Kind, parse
from transports.hdlc.negotiation import decode as decode_parameters
from transports.wrapper import HEADER, VERSION

LLC = (b"\xe6\xe6\x00", b"\xe6\xe7\x00")
"""The LLC header of the client and that of the server (IEC 62056-46, 5.3.3)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A frame, or an APDU that stands alone: octets `start` to before `end` of the input."""

    start: int
    end: int
    header: str
    apdu: bytes | None = None
    apdu_start: int | None = None
    """Where the APDU begins in the input; None if there is none, or it came in several segments."""
    broken: str | None = None
    broken_at: int | None = None


def cut(octets: bytes) -> Iterator[Unit]:
    """Take the input apart; after a unit that is broken there is no further one."""
    if octets[:1] == bytes((FLAG,)):
        yield from _hdlc(octets)
    elif octets[:2] == VERSION.to_bytes(2, "big"):
        yield from _wrapper(octets)
    else:
        start = 3 if octets[:3] in LLC else 0
        yield Unit(0, len(octets), "LLC" if start else "", octets[start:], start)


def _wrapper(octets: bytes) -> Iterator[Unit]:
    start = 0
    while start < len(octets):
        head = octets[start : start + HEADER]
        if len(head) < HEADER:
            reason = f"cut short: {HEADER - len(head)} octets of the wrapper's header are missing"
            yield Unit(start, len(octets), "wrapper", broken=reason, broken_at=len(octets))
            return
        version, source, destination, length = (int.from_bytes(head[i : i + 2], "big") for i in (0, 2, 4, 6))
        header = f"wrapper: wPort {source} to {destination}, {length} octets"
        if version != VERSION:
            yield Unit(start, len(octets), "wrapper", broken=f"version {version}, not {VERSION}", broken_at=start)
            return
        end = start + HEADER + length
        if end > len(octets):
            reason = f"cut short: {end - len(octets)} octets of {length} are missing"
            rest = octets[start + HEADER :] or None  # what is there of the APDU may tell something
            yield Unit(start, len(octets), header, rest, start + HEADER, broken=reason, broken_at=len(octets))
            return
        yield Unit(start, end, header, octets[start + HEADER : end] or None, start + HEADER)
        start = end


def _hdlc(octets: bytes) -> Iterator[Unit]:
    segments: dict[tuple[str, str], bytes] = {}
    start = 0
    while start < len(octets):
        if octets[start] != FLAG:
            reason = f"{octets[start]:02X} where a flag (7E) opens a frame"
            yield Unit(start, len(octets), "HDLC", broken=reason, broken_at=start)
            return
        if start and octets[start + 1 :][:1] in (b"", bytes((FLAG,))):  # behind the last frame, or between two
            start += 1
            continue
        unit = _frame(octets, start, segments)
        yield unit
        if unit.broken:
            return
        start = unit.end - 1  # the closing flag may open the next frame
        if octets[start + 1 : start + 2] not in (b"", bytes((FLAG,))) and octets[start + 1] >> 4 != 0xA:
            start += 1


def _frame(octets: bytes, start: int, segments: dict[tuple[str, str], bytes]) -> Unit:
    body = start + 1
    if len(octets) < body + 2:
        return _broken(start, octets, "cut short in the frame format", len(octets))
    if octets[body] >> 4 != 0xA:
        return _broken(start, octets, f"{octets[body]:02X} is no frame format of type 3", body)
    end = body + ((octets[body] << 8 | octets[body + 1]) & MAX_LENGTH)
    if end >= len(octets):
        return _broken(start, octets, f"cut short: {end + 1 - len(octets)} octets are missing", len(octets))
    if octets[end] != FLAG:
        return _broken(start, octets, f"{octets[end]:02X} where a flag (7E) closes the frame", end)
    try:
        frame = parse(octets[body:end])
    except ValueError as error:
        return _broken(start, octets, str(error), body)
    return _carried(frame, start, end + 1, segments)


def _carried(frame: Frame, start: int, end: int, segments: dict[tuple[str, str], bytes]) -> Unit:
    header = _described(frame)
    if frame.kind not in (Kind.I, Kind.UI) or not frame.information:
        return Unit(start, end, header)
    way = (str(frame.source), str(frame.destination))
    before = segments.pop(way, b"")
    whole = before + frame.information
    if frame.segmented:
        segments[way] = whole
        return Unit(start, end, f"{header}, a segment of {len(frame.information)} octets")
    llc = 3 if whole[:3] in LLC else 0
    information = end - 3 - len(frame.information)  # in front of the frame check and the flag
    return Unit(start, end, header, whole[llc:], None if before else information + llc)


def _described(frame: Frame) -> str:
    name = frame.kind.name if frame.kind else f"control field {frame.control:02X}"
    text = f"HDLC: {name} {frame.source} to {frame.destination}"
    if frame.kind is Kind.I:
        text += f", N(S) {frame.send_number}, N(R) {frame.receive_number}"
    elif frame.kind in (Kind.RR, Kind.RNR):
        text += f", N(R) {frame.receive_number}"
    if frame.poll:
        text += ", P/F"
    if frame.kind in (Kind.SNRM, Kind.UA) and frame.information:
        try:
            offer = decode_parameters(frame.information)
        except ValueError as error:
            return f"{text}, {error}"
        text += f", information transmit {offer.transmit_length} receive {offer.receive_length}"
        text += f", window transmit {offer.transmit_window} receive {offer.receive_window}"
    return text


def _broken(start: int, octets: bytes, reason: str, at: int) -> Unit:
    return Unit(start, len(octets), "HDLC", broken=reason, broken_at=at)
