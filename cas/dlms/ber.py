"""BER, the coding of the ACSE APDUs (ISO/IEC 8825-1; Green Book 8.3, 9.4.2): only what AARQ, AARE, RLRQ and RLRE need.

Compiled from the same tables as A-XDR. A component is found by its context tag; explicit ones wrap the type's own tag.
The coding written is the definite, minimal one, which DLMS asks for; reading accepts any definite length.
"""

from typing import TypeVar

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import (
    Any,
    Bits,
    Boolean,
    Choice,
    Enumerated,
    Field,
    Integer,
    Null,
    ObjectIdentifier,
    Octets,
    Sequence,
    Shape,
    Text,
)
from cas.cosem.data import DataError, length, read_bits, read_length
from cas.dlms.axdr import chosen, pack_bits
from cas.dlms.errors import DecodeError, EncodeError

T = TypeVar("T")

_CONSTRUCTED, _CONTEXT = 0x20, 0x80
_SEQUENCE = 0x30
_MAX_OID = 64
"""Octets of the longest object identifier accepted; those of DLMS have 7."""


def encode(apdu: object) -> bytes:
    """Code an object of a class of the ACSE part of COSEMpdu. Raises EncodeError, which names the field."""
    shape = TYPES[TYPE_NAME[type(apdu)]]
    octets = _content(shape, apdu)
    return octets if isinstance(shape, Choice) else _tlv(_SEQUENCE, octets)


def decode(cls: type[T], octets: bytes) -> T:
    """Decode the whole of `octets`, a CHOICE of ACSE APDUs. Raises DecodeError with offset and field."""
    shape = TYPES[TYPE_NAME[cls]]
    if not isinstance(shape, Choice):
        tag, start, end = _header(octets, 0)
        if tag != _SEQUENCE:
            raise DecodeError(f"tag {tag:02X} where a SEQUENCE is expected", 0)
        found, pos = _value(shape, octets, start, end), end
    else:
        found, pos = _choice(shape, octets, 0)
    if pos != len(octets):
        raise DecodeError(f"{len(octets) - pos} octets after the end", pos)
    return found  # type: ignore[return-value]  # the shape of cls makes a cls


def _universal(shape: Shape) -> int:
    match shape:
        case Boolean():
            return 0x01
        case Integer() | Enumerated():  # ACSE's enumerations are INTEGER with named values
            return 0x02
        case Bits():
            return 0x03
        case Octets():
            return 0x04
        case Null():
            return 0x05
        case ObjectIdentifier():
            return 0x06
        case Text():
            return 0x19  # GraphicString
        case _:
            return _SEQUENCE


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + length(len(content)) + content


# ---------------------------------------------------------------- writing


def _content(shape: Shape, value: object) -> bytes:
    """The content octets of a value, without its own tag; a CHOICE has none, so its alternative's tag is written."""
    match shape:
        case Boolean():
            return b"\xff" if value else b"\x00"
        case Integer(size):
            return _integer_octets(value, size)
        case Enumerated(_, members):
            return _integer_octets(next((n for n, member in members.items() if member is value), None), 1)
        case Bits():
            bits = str(value)
            return bytes((-len(bits) % 8,)) + pack_bits(bits)
        case Octets(size):
            return _octets(value, size)
        case Any():
            if not _is_whole(octets := _octets(value)):
                raise EncodeError("the octets of one BER encoding are needed")
            return octets
        case Null():
            return b""
        case ObjectIdentifier():
            return _oid_octets(str(value))
        case Text(kind):
            return _text_octets(str(value), "utf-8" if kind == "utf8" else "latin-1")
        case Sequence(_, fields):
            return b"".join(_component(field, value) for field in fields)
        case Choice() as choice:
            attribute, index = chosen(value, choice)
            alternative = choice.alternatives[index]
            return _tagged(alternative.tag, alternative.explicit, TYPES[alternative.type], getattr(value, attribute))
        case _:
            raise EncodeError(f"{type(shape).__name__} has no place in an ACSE APDU")


def _component(field: Field, owner: object) -> bytes:
    value = getattr(owner, field.attribute)
    if value is None and not field.optional and field.default is None:
        raise EncodeError("missing", field.attribute)
    if value is None or value == field.default:
        return b""
    try:
        shape = TYPES[field.type]
        if field.tag is None:
            content = _content(shape, value)
            return content if isinstance(shape, Choice | Any) else _tlv(_universal(shape), content)
        return _tagged(field.tag, field.explicit, shape, value)
    except EncodeError as error:
        raise EncodeError(error.what, f"{field.attribute}.{error.path}".rstrip(".")) from None


def _tagged(tag: int, explicit: bool, shape: Shape, value: object) -> bytes:
    content = _content(shape, value)
    if tag > 0x1F:  # an APPLICATION tag, whole: 60 AARQ .. 63 RLRE
        return _tlv(tag, content)
    if isinstance(shape, Choice | Any):  # a tagged CHOICE or ANY is always explicit (X.680, 31.2.7)
        return _tlv(_CONTEXT | _CONSTRUCTED | tag, content)
    if explicit:
        return _tlv(_CONTEXT | _CONSTRUCTED | tag, _tlv(_universal(shape), content))
    return _tlv(_CONTEXT | (_CONSTRUCTED if isinstance(shape, Sequence) else 0) | tag, content)


def _integer_octets(value: object, size: int) -> bytes:
    """The shortest two's complement of a number (X.690, 8.3.2)."""
    if not isinstance(value, int):
        raise EncodeError(f"a number is needed, not {type(value).__name__}")
    octets = value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True)
    if len(octets) > size:
        raise EncodeError(f"{value} does not fit {size} octets")
    return octets


def _octets(value: object, size: int | None = None) -> bytes:
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise EncodeError(f"{size if size is not None else 'any number of'} octets are needed")
    return value


def _text_octets(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset, "surrogateescape" if charset == "utf-8" else "strict")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{text[error.start]!r} is no character of this string type") from None


def _oid_octets(dotted: str) -> bytes:
    try:
        first, second, *rest = (int(arc) for arc in dotted.split("."))
        if not (0 <= first <= 2 and 0 <= second < (40 if first < 2 else 1 << 32) and all(arc >= 0 for arc in rest)):
            raise EncodeError(f"{dotted!r} is no object identifier")
    except ValueError:
        raise EncodeError(f"{dotted!r} is no object identifier") from None
    octets = b"".join(_base128(arc) for arc in (40 * first + second, *rest))
    if len(octets) > _MAX_OID:
        raise EncodeError(f"an object identifier of {len(octets)} octets")
    return octets


def _base128(arc: int) -> bytes:
    out = [arc & 0x7F]
    while arc := arc >> 7:
        out.append(0x80 | arc & 0x7F)
    return bytes(reversed(out))


# ---------------------------------------------------------------- reading


def _header(octets: bytes, pos: int) -> tuple[int, int, int]:
    """Tag, start and end of the content of the TLV at `pos`."""
    if pos >= len(octets):
        raise DecodeError("cut short", len(octets))
    try:
        size, start = read_length(octets, pos + 1)
    except DataError as error:
        raise DecodeError(error.reason, error.offset) from None
    if start + size > len(octets):
        raise DecodeError(f"cut short: {size} octets announced, {len(octets) - start} left", len(octets))
    return octets[pos], start, start + size


def _is_whole(octets: bytes) -> bool:
    try:
        return _header(octets, 0)[2] == len(octets)
    except DecodeError:
        return False


def _value(shape: Shape, octets: bytes, start: int, end: int) -> object:
    """The value whose content octets stand between `start` and `end`."""
    content = octets[start:end]
    match shape:
        case Boolean() if len(content) == 1:
            return content != b"\x00"
        case Integer(size) if 0 < len(content) <= size:
            return int.from_bytes(content, "big", signed=True)
        case Enumerated(cls, members) if 0 < len(content) <= 4:
            number = int.from_bytes(content, "big", signed=True)
            if number not in members:
                raise DecodeError(f"{number} is no {cls.__name__}", start)
            return members[number]
        case Bits() if content and content[0] < 8 and 8 * (len(content) - 1) >= content[0]:
            return read_bits(content, 1, 8 * (len(content) - 1) - content[0])
        case Octets(size) if size in (None, len(content)):
            return content
        case Any() if _is_whole(content):
            return content
        case Null() if not content:
            return True
        case ObjectIdentifier() if 0 < len(content) <= _MAX_OID and content[-1] < 0x80:
            return _oid(content)
        case Text(kind):
            return content.decode("utf-8", "surrogateescape") if kind == "utf8" else content.decode("latin-1")
        case Sequence() as sequence:
            return _sequence(sequence, octets, start, end)
        case Choice() as choice:
            found, pos = _choice(choice, octets, start)
            if pos != end:
                raise DecodeError(f"{end - pos} octets after the chosen alternative", pos)
            return found
        case _:
            raise DecodeError(f"{content[:16].hex()} is no {type(shape).__name__}", start)


def _sequence(shape: Sequence, octets: bytes, pos: int, end: int) -> object:
    values: dict[str, object] = {}
    for field in shape.fields:
        inner = TYPES[field.type]
        if pos < end and (found := _matches(field.tag, field.explicit, inner, octets[pos])):
            _, start, stop = _header(octets, pos)
            if stop > end:
                raise DecodeError("longer than what it stands in", start, field.attribute)
            try:
                values[field.attribute] = _unwrap(found, inner, octets, pos, start, stop)
            except DecodeError as error:
                raise DecodeError(error.what, error.offset, f"{field.attribute}.{error.path}".rstrip(".")) from None
            pos = stop
        elif field.optional or field.default is not None:
            values[field.attribute] = field.default
        else:
            raise DecodeError("missing", pos, field.attribute)
    if pos != end:
        raise DecodeError(f"tag {octets[pos]:02X} is unknown or out of order in {shape.cls.__name__}", pos)
    return shape.cls(**values)


def _matches(tag: int | None, explicit: bool, shape: Shape, octet: int) -> str:
    """How the octet heads such a component: `explicit`, `implicit`, `choice`, `whole`; empty if it does not."""
    if tag is None:
        if isinstance(shape, Choice):
            return (
                "choice" if any(_matches(a.tag, a.explicit, TYPES[a.type], octet) for a in shape.alternatives) else ""
            )
        return "whole" if isinstance(shape, Any) else "implicit" if octet == _universal(shape) else ""
    if tag > 0x1F:
        return "implicit" if octet == tag else ""
    if isinstance(shape, Choice | Any) or explicit:
        return "explicit" if octet == _CONTEXT | _CONSTRUCTED | tag else ""
    return "implicit" if octet == _CONTEXT | tag | (_CONSTRUCTED if isinstance(shape, Sequence) else 0) else ""


def _unwrap(how: str, shape: Shape, octets: bytes, pos: int, start: int, end: int) -> object:
    if how == "choice":
        return _choice(shape, octets, pos)[0] if isinstance(shape, Choice) else None
    if how == "whole":
        return octets[pos:end]
    if how == "implicit" or isinstance(shape, Choice | Any):
        return _value(shape, octets, start, end)
    tag, inner_start, inner_end = _header(octets, start)
    if tag != _universal(shape) or inner_end != end:
        raise DecodeError(f"tag {tag:02X} where {_universal(shape):02X} fills the component", start)
    return _value(shape, octets, inner_start, inner_end)


def _choice(shape: Choice, octets: bytes, pos: int) -> tuple[object, int]:
    tag, start, end = _header(octets, pos)
    for alternative in shape.alternatives:
        inner = TYPES[alternative.type]
        if found := _matches(alternative.tag, alternative.explicit, inner, tag):
            try:
                value = _unwrap(found, inner, octets, pos, start, end)
            except DecodeError as error:
                path = f"{alternative.attribute}.{error.path}".rstrip(".")
                raise DecodeError(error.what, error.offset, path) from None
            return shape.cls(**{alternative.attribute: value}), end
    raise DecodeError(f"{tag:02X} is no tag of {shape.cls.__name__}", pos)


def _oid(content: bytes) -> str:
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
