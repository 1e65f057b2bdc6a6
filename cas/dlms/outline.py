"""What octets say, field by field, up to where they stop being an APDU: for people who look for the fault.

Walks the same tables that the codec is compiled from (`cas.bindings.coding`); slow, and never fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from enum import Enum

from cas.bindings.coding import TYPE_NAME, TYPES, XDLMS_APDU
from cas.cosem.asn1 import Choice, CosemData, Sequence, SequenceOf
from cas.cosem.data import Data
from cas.cosem.kinds import ARRAY, STRUCTURE, DataError
from cas.cosem.scanning import MAX_DEPTH, read_length, scan
from cas.dlms.axdr import decoder
from cas.dlms.errors import DecodeError

_SHOWN = 60
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A field that was understood: octets `start` to before `end`, its path and its value as text."""

    start: int
    end: int
    path: str
    text: str


_XML_NAMES: dict[str, str] = {
    attribute: field.metadata.get("name", attribute)
    for cls in TYPE_NAME
    if is_dataclass(cls)
    for attribute, field in cls.__dataclass_fields__.items()
}

Put = Callable[[Piece], None]


def outline(apdu: bytes) -> list[Piece]:
    """The fields of an xDLMS APDU from the first to the last that is whole; none of an ACSE one, which is in BER."""
    pieces: list[Piece] = []
    try:
        _walk(XDLMS_APDU, apdu, 0, "", pieces.append)
    except (DecodeError, DataError, RecursionError):
        pass  # what stands in front of it is what is asked for
    return pieces


def xml_name(attribute: str) -> str:
    """The XML name of an attribute of the bindings' classes; an index behind it stays."""
    plain, bracket, index = attribute.partition("[")
    return _XML_NAMES.get(plain, plain) + bracket + index


def _walk(name: str, octets: bytes, pos: int, path: str, put: Put) -> int:
    match TYPES[name]:
        case Sequence(_, fields):
            for field in fields:
                inner = _join(path, field.attribute)
                if field.optional or field.default is not None:
                    present, pos = _flag(octets, pos)
                    if not present:
                        continue
                pos = _walk(field.type, octets, pos, inner, put)
            return pos
        case Choice(_, alternatives):
            tag, start = _octet(octets, pos)
            for alternative in alternatives:
                if alternative.tag == tag:
                    inner = _join(path, alternative.attribute)
                    put(Piece(pos, start, inner, f"tag {tag}"))
                    return _walk(alternative.type, octets, start, inner, put)
            raise DecodeError("no such tag", pos)
        case SequenceOf(_, _, element):
            count, start = read_length(octets, pos)
            put(Piece(pos, start, path, f"{count} elements"))
            for index in range(count):
                start = _walk(element, octets, start, f"{path}[{index}]", put)
            return start
        case CosemData():
            return _walk_data(octets, pos, path, put, 0)
        case _:
            value, end = decoder(name)(octets, pos)
            put(Piece(pos, end, path, _shown(value)))
            return end


def _walk_data(octets: bytes, pos: int, path: str, put: Put, depth: int) -> int:
    tag, start = _octet(octets, pos)
    if tag not in (ARRAY, STRUCTURE) or depth == MAX_DEPTH:
        end = scan(octets, pos)
        data = Data(octets[pos:end])
        put(Piece(pos, end, path, f"{data.kind} {_shown(data.octets[1:])}".rstrip()))
        return end
    count, start = read_length(octets, start)
    put(Piece(pos, start, path, f"{'array' if tag == ARRAY else 'structure'} of {count}"))
    for index in range(count):
        start = _walk_data(octets, start, f"{path}[{index}]", put, depth + 1)
    return start


def _octet(octets: bytes, pos: int) -> tuple[int, int]:
    if pos >= len(octets):
        raise DecodeError("cut short", pos)
    return octets[pos], pos + 1


def _flag(octets: bytes, pos: int) -> tuple[bool, int]:
    flag, pos = _octet(octets, pos)
    if flag > 1:
        raise DecodeError("no presence flag", pos - 1)
    return bool(flag), pos


def _join(path: str, attribute: str) -> str:
    name = xml_name(attribute)
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    text = value.hex().upper() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
