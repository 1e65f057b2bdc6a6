"""BER, the coding of the ACSE APDUs (ISO/IEC 8825-1; Green Book 8.3, 9.4.2): only what AARQ, AARE, RLRQ and RLRE need.

Compiled once per type, from the same tables as A-XDR. A component is found by its context tag; explicit ones wrap the
type's own tag. What is written is the definite, minimal coding, which DLMS asks for; read is any definite length.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, lru_cache, partial
from typing import TypeAlias, TypeVar

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import (
    Alternative,
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
from cas.cosem.data import read_bits
from cas.cosem.frozen import new, slot
from cas.cosem.kinds import DataError
from cas.cosem.scanning import length, read_length
from cas.dlms.axdr import choice_encoder, inside, pack_bits, sequence_encoder
from cas.dlms.errors import DecodeError, EncodeError

T = TypeVar("T")
Encoder: TypeAlias = Callable[[object], bytes]
"""Gives the content octets of a value, without its tag; of a CHOICE, which has none, the alternative's with its tag."""
Decoder: TypeAlias = Callable[[bytes, int, int], object]
"""Gives the value whose content octets stand between two places."""

_CONSTRUCTED, _CONTEXT = 0x20, 0x80
_SEQUENCE = 0x30
_MAX_OID = 64
"""Octets of the longest object identifier accepted; those of DLMS have 7."""
_OIDS = 64
"""Object identifiers that are remembered; DLMS has about twenty."""


def encode(apdu: object, tag: int = _SEQUENCE) -> bytes:
    """Code an object of a class of the ACSE part of COSEMpdu, a SEQUENCE under this tag.

    Raises EncodeError, which names the field.
    """
    name = TYPE_NAME[type(apdu)]
    octets = _encoder(name)(apdu)
    return octets if isinstance(TYPES[name], Choice) else _tlv(tag, octets)


def decode(cls: type[T], octets: bytes) -> T:
    """Decode the whole of `octets`, a CHOICE of ACSE APDUs. Raises DecodeError with offset and field."""
    name = TYPE_NAME[cls]
    tag, start, end = _header(octets, 0)
    if isinstance(TYPES[name], Choice):
        start = 0
    elif tag != _SEQUENCE:
        raise DecodeError(f"tag {tag:02X} where a SEQUENCE is expected", 0)
    found = _decoder(name)(octets, start, end)
    if end != len(octets):
        raise DecodeError(f"{len(octets) - end} octets after the end", end)
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


def _tags(component: Field | Alternative) -> tuple[int, int | None]:
    """The tag octet of a component, and that of its type where it stands inside the component's own."""
    shape, tag = TYPES[component.type], component.tag
    if tag is None:
        return _universal(shape), None
    if tag > 0x1F:  # an APPLICATION tag, whole: 60 AARQ .. 63 RLRE
        return tag, None
    if isinstance(shape, Choice | Any):  # a tagged CHOICE or ANY is always explicit (X.680, 31.2.7)
        return _CONTEXT | _CONSTRUCTED | tag, None
    if component.explicit:
        return _CONTEXT | _CONSTRUCTED | tag, _universal(shape)
    return _CONTEXT | (_CONSTRUCTED if isinstance(shape, Sequence) else 0) | tag, None


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + length(len(content)) + content


# ---------------------------------------------------------------- writing


@cache
def _encoder(name: str) -> Encoder:
    match TYPES[name]:
        case Boolean():
            return lambda value: b"\xff" if value else b"\x00"
        case Integer(most):
            return lambda value: _integer_octets(value, most)
        case Enumerated(_, members):
            return _enumerated_encoder(members)
        case Bits():
            return _bits_octets
        case Octets(size):
            return partial(_octets, size=size)
        case Any():
            return _any_octets
        case Null():
            return lambda _value: b""
        case ObjectIdentifier():
            return _oid_octets
        case Text(kind):
            charset = "utf-8" if kind == "utf8" else "latin-1"
            return lambda value: _text_octets(str(value), charset)
        case Sequence() as shape:
            # OPTIONAL and DEFAULT: absent, or the default, is not written (X.690, 11.5)
            return sequence_encoder(shape, _component_encoder, b"")
        case Choice() as shape:
            return choice_encoder(shape, _component_encoder)
        case shape:
            raise EncodeError(f"{type(shape).__name__} has no place in an ACSE APDU")


def _component_encoder(component: Field | Alternative) -> Encoder:
    """The encoder of a component with its tag."""
    encode_content = _encoder(component.type)
    if component.tag is None and isinstance(TYPES[component.type], Choice | Any):
        return encode_content
    tag, own = _tags(component)
    return _tagged(tag, encode_content if own is None else _tagged(own, encode_content))


def _tagged(tag: int, encode_content: Encoder) -> Encoder:
    def encode_tagged(value: object) -> bytes:
        content = encode_content(value)
        size = len(content)
        return b"%c%c%b" % (tag, size, content) if size < 0x80 else _tlv(tag, content)  # most are as short

    return encode_tagged


def _enumerated_encoder(members: Mapping[int, Enum]) -> Encoder:
    octets = {member: _integer_octets(number, 1) for number, member in members.items()}

    def encode_enumerated(value: object) -> bytes:
        if not isinstance(value, Enum) or value not in octets:
            raise EncodeError(f"{value!r} is not one of its names")
        return octets[value]

    return encode_enumerated


def _bits_octets(value: object) -> bytes:
    bits = str(value)
    return bytes((-len(bits) % 8,)) + pack_bits(bits)


def _any_octets(value: object) -> bytes:
    if not _is_whole(octets := _octets(value)):
        raise EncodeError("the octets of one BER encoding are needed")
    return octets


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


@lru_cache(_OIDS)
def _oid_octets(dotted: object) -> bytes:
    try:
        first, second, *rest = (int(arc) for arc in str(dotted).split("."))
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
    last, start = len(octets), pos + 2
    if start <= last and octets[pos + 1] < 0x80:  # most are as short
        size = octets[pos + 1]
    elif pos >= last:
        raise DecodeError("cut short", last)
    else:
        try:
            size, start = read_length(octets, pos + 1)
        except DataError as error:
            raise DecodeError(error.reason, error.offset) from None
    end = start + size
    if end > last:
        raise DecodeError(f"cut short: {size} octets announced, {last - start} left", last)
    return octets[pos], start, end


def _is_whole(octets: bytes) -> bool:
    try:
        return _header(octets, 0)[2] == len(octets)
    except DecodeError:
        return False


@cache
def _decoder(name: str) -> Decoder:
    match TYPES[name]:
        case Sequence() as shape:
            return _sequence_decoder(shape)
        case Choice() as shape:
            return _choice_decoder(shape)
        case Enumerated() as shape:
            return _enumerated_decoder(shape)
        case Octets(None):
            return lambda octets, start, end: octets[start:end]
        case shape:
            return _simple_decoder(shape)


def _simple_decoder(shape: Shape) -> Decoder:
    read = _reader(shape)

    def decode_simple(octets: bytes, start: int, end: int) -> object:
        content = octets[start:end]
        if (value := read(content)) is None:
            raise _is_none(content, shape, start)
        return value

    return decode_simple


def _is_none(content: bytes, shape: Shape, start: int) -> DecodeError:
    return DecodeError(f"{content[:16].hex()} is no {type(shape).__name__}", start)


def _reader(shape: Shape) -> Callable[[bytes], object]:
    """What gives the value of content octets, None where they are none of this type."""
    match shape:
        case Boolean():
            return lambda content: content != b"\x00" if len(content) == 1 else None
        case Integer(most):
            return lambda content: _number(content) if 0 < len(content) <= most else None
        case Bits():
            return _bits
        case Octets(size):
            return lambda content: content if size in (None, len(content)) else None
        case Any():
            return lambda content: content if _is_whole(content) else None
        case Null():
            return lambda content: None if content else True
        case ObjectIdentifier():
            return _oid
        case Text(kind):
            charset, errors = ("utf-8", "surrogateescape") if kind == "utf8" else ("latin-1", "strict")
            return lambda content: content.decode(charset, errors)
        case _:
            return lambda _content: None


def _enumerated_decoder(shape: Enumerated) -> Decoder:
    def decode_enumerated(octets: bytes, start: int, end: int) -> object:
        content = octets[start:end]
        if not 0 < len(content) <= 4:
            raise _is_none(content, shape, start)
        if (member := shape.members.get(number := _number(content))) is None:
            raise DecodeError(f"{number} is no {shape.cls.__name__}", start)
        return member

    return decode_enumerated


def _component_decoder(component: Field | Alternative) -> tuple[frozenset[int], bool, Decoder]:
    """The octets that can begin a component, whether its decoder is given them as well, and the decoder."""
    shape, decode_content = TYPES[component.type], _decoder(component.type)
    if component.tag is None and isinstance(shape, Any):
        return frozenset(range(0x100)), True, lambda octets, start, end: octets[start:end]
    if component.tag is None and isinstance(shape, Choice):
        heads = frozenset().union(*(_component_decoder(alternative)[0] for alternative in shape.alternatives))
        return heads, True, decode_content
    tag, own = _tags(component)
    return frozenset((tag,)), False, decode_content if own is None else _wrapped_decoder(own, decode_content)


def _wrapped_decoder(own: int, decode_content: Decoder) -> Decoder:
    def decode_wrapped(octets: bytes, start: int, end: int) -> object:
        inner, inner_start, inner_end = _header(octets, start)
        if inner != own or inner_end != end:
            raise DecodeError(f"tag {inner:02X} where {own:02X} fills the component", start)
        return decode_content(octets, inner_start, inner_end)

    return decode_wrapped


def _sequence_decoder(shape: Sequence) -> Decoder:
    cls = shape.cls
    fields = [
        (field.attribute, slot(cls, field.attribute), field.is_required, field.default, *_component_decoder(field))
        for field in shape.fields
    ]

    def decode_sequence(octets: bytes, pos: int, end: int) -> object:
        made: object = new(cls)
        for attribute, set_field, is_required, default, heads, with_tag, decode_field in fields:
            if pos < end and octets[pos] in heads:
                start = pos + 2
                if start > end or octets[pos + 1] >= 0x80 or (stop := start + octets[pos + 1]) > end:
                    _, start, stop = _header(octets, pos)  # most are as short, and need no look at their length
                    if stop > end:
                        raise DecodeError("longer than what it stands in", start, attribute)
                try:
                    set_field(made, decode_field(octets, pos if with_tag else start, stop))
                except DecodeError as error:
                    raise inside(error, attribute) from None
                pos = stop
            elif is_required:
                raise DecodeError("missing", pos, attribute)
            else:
                set_field(made, default)
        if pos != end:
            raise DecodeError(f"tag {octets[pos]:02X} is unknown or out of order in {cls.__name__}", pos)
        return made

    return decode_sequence


def _choice_decoder(shape: Choice) -> Decoder:
    cls = shape.cls
    slots = [slot(cls, alternative.attribute) for alternative in shape.alternatives]
    by_head = {
        head: (alternative.attribute, set_chosen, with_tag, decode_chosen)
        for alternative, set_chosen in zip(shape.alternatives, slots, strict=True)
        for heads, with_tag, decode_chosen in (_component_decoder(alternative),)
        for head in heads
    }

    def decode_choice(octets: bytes, pos: int, end: int) -> object:
        tag, start, stop = _header(octets, pos)
        if (known := by_head.get(tag)) is None:
            raise DecodeError(f"{tag:02X} is no tag of {cls.__name__}", pos)
        attribute, set_chosen, with_tag, decode_chosen = known
        try:
            value = decode_chosen(octets, pos if with_tag else start, stop)
        except DecodeError as error:
            raise inside(error, attribute) from None
        if stop != end:
            raise DecodeError(f"{end - stop} octets after the chosen alternative", stop)
        made: object = new(cls)
        for set_field in slots:
            set_field(made, None)
        set_chosen(made, value)
        return made

    return decode_choice


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big", signed=True)


def _bits(content: bytes) -> str | None:
    """The octets after the first, which says how many bits of the last one are not used (X.690, 8.6.2)."""
    if not content or content[0] >= 8 or 8 * (len(content) - 1) < content[0]:
        return None
    return read_bits(content, 1, 8 * (len(content) - 1) - content[0])


@lru_cache(_OIDS)
def _oid(content: bytes) -> str | None:
    if not 0 < len(content) <= _MAX_OID or content[-1] >= 0x80:
        return None
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
